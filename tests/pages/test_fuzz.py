"""Whatever an address or a form of a page says, the answer is never the service's fault."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from api.pages.lists.catalogue import LISTS
from api.pages.templates import FOLDER
from tests.api.http.v1.conftest import projecting, service, start  # noqa: F401 - fixtures
from tests.api.http.v1.running import Service
from tests.api.http.v1.test_fuzz import ODD
from tests.architecture.test_pages import PAGES, STREAMS, Person, ids_of

FIELDS = sorted(
    {
        name
        for path in FOLDER.rglob("*.html")
        for name in re.findall(r'(?:name=|field\()"([a-z_]+)"', path.read_text(encoding="utf-8"))
    }
    | {choice.name for page in LISTS.values() for choice in page.choices}
    | {"days-0", "remove-0", "stage-0", "stage-1", "task-0"}
    | {"after", "before", "changed", "code", "cursor", "day", "n", "of", "restores", "show", "state", "stood"}
)
"""What pages are asked by, and what their forms send."""
MORE = [
    '["sales","New"]',
    "//[",
    "http://[",
    "/board",
    "0001-01-01",
    "9999-12-31",
    "-amount",
    "over",
    "9" * 30,
    "a=1&" * 30,
]
VALUES = st.sampled_from([str(value) for value in ODD] + MORE) | st.text(max_size=20)
SAID = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4)
ASKED = [(method, route) for route in PAGES for method in sorted(route.methods) if route.path not in STREAMS]


def test_no_address_and_no_form_of_a_page_is_too_odd(service: Service) -> None:  # noqa: F811 - the fixture
    ids = ids_of(service) | {"token": "none"}
    person = Person(service, "admin")
    state = service.client.app.state  # type: ignore[attr-defined]

    @settings(max_examples=400, database=None)
    @given(asked=st.sampled_from(ASKED), query=SAID, form=SAID, of_us=st.booleans())
    def answers(asked: tuple[str, object], query: dict[str, str], form: dict[str, str], of_us: bool) -> None:  # noqa: FBT001 - drawn
        method, route = asked
        path = re.sub(r"\{\w+\}", lambda name: ids[name[0][1:-1]] if of_us else "odd", route.path_format)
        person.secret = state.sessions.begin("main", person.id)
        answer = person.ask(method, path, form, query=query)
        assert answer.status_code < 500, (method, path, query, form)

    answers()
