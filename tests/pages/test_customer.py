"""What the page of a customer says, asked over HTTP."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser

import httpx
import pytest

from api.pages.customers.holdings import holdings
from api.pages.customers.standing import Standing, standing
from api.pages.customers.timeline import KINDS, Asked, chips, kind_of_type, newest, timeline
from commands.command import (
    ChooseTimeZone,
    DefineOwnership,
    ForgetCustomer,
    IssueInvoice,
    LinkOrderToCustomer,
    MergeCustomers,
    RecordCustomer,
)
from domain.customer import Profile
from domain.event import registered
from domain.invoice import InvoiceLine
from projections.sentences import SENTENCES
from tests.pages import business
from tests.pages.browsing import Site
from tests.pages.business import ann, double, tell


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def text_of(html: str) -> str:
    """Return what people read of a page."""
    parser = _Text()
    parser.feed(html)
    return re.sub(r"\s+", " ", " ".join(parser.words))


def ask(site: Site, sql: str, *values: object) -> list[tuple[object, ...]]:
    with site.app.state.service.reads.of(site.tenant) as connection:
        return list(connection.execute(sql.encode(), values).fetchall())


def token(client: httpx.Client, path: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', client.get(path).text)
    assert found, name
    return found[1]


def test_the_card_says_who_owns_and_who_told_each_field(site: Site) -> None:
    ident = ann(site)
    with site.client("rep") as client:
        words = text_of(client.get(f"/customers/{ident}").text)
    assert "E-mail ann@example.org owned by shop" in words
    assert "Name Ann Example owned by crm" in words
    assert "Company Lamps & Co told by shop" in words
    assert "agreed newsletter" in words


def test_who_told_a_value_that_stands_though_another_owns_the_field_is_named(site: Site) -> None:
    site.do(DefineOwnership(owners={"name": "crm", "email": "shop"}))
    told = RecordCustomer(profile=Profile(email="bo@example.org", name="Bo"), occurred_at=business.T0)
    [ident] = tell(site, "shop", told)
    business.shown(site)
    with site.client("rep") as client:
        words = text_of(client.get(f"/customers/{ident}").text)
        site.do(RecordCustomer(customer_id=ident, profile=Profile(name="Bo B.")), source="crm")
        owners = text_of(client.get(f"/customers/{ident}").text)
    assert "Name Bo owned by crm, told by shop" in words
    assert "E-mail bo@example.org owned by shop Change" in words
    assert "Name Bo B. owned by crm Change" in owners


def test_money_is_by_currency_what_the_read_model_says_and_never_added_up(site: Site) -> None:
    ident = ann(site)
    with site.client("rep") as client:
        page = client.get(f"/customers/{ident}").text
    table = re.search(r'<table class="money-table">.*?</table>', page, re.DOTALL)
    assert table
    shown = re.findall(
        r'<th scope="row">(\w+)<.*?num">([\d.,-]+)<.*?num">([\d.,-]+)<.*?strong">([\d.,-]+)<', table[0]
    )
    held = ask(
        site,
        "SELECT currency, gross, refunded, net FROM read.customer_money WHERE customer_id = %s ORDER BY 1",
        ident,
    )
    assert [(c, *map(Decimal, rest)) for c, *rest in shown] == [
        (c, *map(Decimal, map(str, rest))) for c, *rest in held
    ]
    assert len(held) == 2


def test_orders_say_what_is_paid_given_back_and_due_and_a_refund_may_have_no_order(site: Site) -> None:
    ident = ann(site)
    with site.client("rep") as client:
        words = text_of(client.get(f"/customers/{ident}").text)
    assert "EUR 20.50 back EUR 20.00 due" in words
    assert "order not known EUR 5.00" in words
    assert "2026-7 EUR 119.00 Open issued 8 Mar 2026 EUR 119.00 due" in words
    assert "Lamps for the office EUR 900.00 Qualified" in words


@pytest.mark.parametrize(
    "path",
    ["", "/timeline", "/merge", "/fields/name", "/fields/name/change", "/events?before=9&day=2026-03-01"],
)
def test_an_unknown_customer_and_one_of_another_tenant_are_the_same_404(site: Site, path: str) -> None:
    ident = ann(site)
    stranger = site.of(f"{site.tenant}-other")
    headers = {"HX-Request": "true"} if path.startswith(("/timeline", "/events")) else {}
    with stranger.client("admin") as client:
        answers = [client.get(f"/customers/{who}{path}", headers=headers) for who in (ident, "nobody", "%00")]
    assert [answer.status_code for answer in answers[:2]] == [404, 404]
    assert answers[2].status_code in {400, 404}
    assert answers[0].text.replace(ident, "nobody") == answers[1].text


def test_an_event_of_another_tenant_or_of_the_configuration_does_not_exist(site: Site) -> None:
    ann(site)
    positions = ask(site, "SELECT max(position) FROM read.timeline")
    with site.of(f"{site.tenant}-other").client("admin") as client:
        assert client.get(f"/events/{positions[0][0]}").status_code == 404
    with site.client("rep") as client:
        assert client.get(f"/events/{positions[0][0]}").status_code == 200
        owners = [r.position for r in site.log.stream(site.tenant, "tenant-settings")]
        assert [client.get(f"/events/{position}").status_code for position in owners] == [404]
        assert client.get("/events/999999999").status_code == 404


def test_every_type_of_event_has_one_kind_in_the_timeline() -> None:
    told = [name for _, types in KINDS.values() for name in types]
    assert len(told) == len(set(told))
    assert set(told) <= set(registered())
    of_records = {
        name for name, cls in registered().items() if cls.__module__.split(".")[1] not in _ELSEWHERE
    }
    assert sorted(of_records - set(told)) == [
        "profile-confirmed.v1",
        "refund-linked-to-order.v1",
    ]  # both are silent
    assert len(SENTENCES) == len(registered())


_ELSEWHERE = {"tenant", "pipeline", "saved_filter", "person"}


def test_the_chips_count_what_the_timeline_shows_and_pages_follow_one_another(site: Site) -> None:
    ident = ann(site)
    every = ask(site, "SELECT position, type FROM read.timeline WHERE customer_id = %s", ident)
    with site.app.state.service.reads.of(site.tenant) as connection:
        counted = {chip.kind: chip.count for chip in chips(connection, Standing(ident), Asked()).kinds}
        pages, before = [], None
        while True:
            page = timeline(connection, Standing(ident), Asked(before=before), limit=4)
            pages += [entry.position for entry in page.entries]
            if not page.more:
                break
            before = page.entries[-1].position
        refunds = timeline(connection, Standing(ident), Asked(kinds=frozenset({"refunds"}))).entries
        found = timeline(connection, Standing(ident), Asked(q="20.5")).entries
        milestones = timeline(connection, Standing(ident), Asked(milestones=True)).entries
    assert sorted(pages) == sorted(position for position, _ in every)
    assert len(pages) == len(set(pages))
    assert counted == {kind: sum(kind_of_type(str(name)) == kind for _, name in every) for kind in KINDS}
    assert [entry.summary for entry in refunds] == ["Refunded EUR 5.00: broken", "Refunded EUR 20.50: broken"]
    assert [entry.summary for entry in found] == ["Refunded EUR 20.50: broken"]
    assert {entry.type for entry in milestones} >= {"order-placed.v1", "deal-opened.v1", "refund-issued.v1"}
    assert not {entry.type for entry in milestones} & {"identity-linked.v1", "payment-received.v1"}


def test_a_conflict_is_settled_once_on_the_version_that_was_seen(site: Site) -> None:
    ident = ann(site)
    path = f"/customers/{ident}"
    with site.client("rep") as client:
        assert "shop says Anne Example" in text_of(client.get(path).text)
        form = {"field": "name", "accept": "offered", "seen": token(client, path, "seen"), "once": "1"}
        tell(
            site,
            "shop",
            RecordCustomer(profile=Profile(email="ann@example.org", country="GB"), occurred_at=business.T0),
        )
        assert client.post(f"{path}/conflicts", data=form).status_code == 409
        form |= {"seen": str(len(site.log.stream(site.tenant, f"customer-{ident}"))), "once": "2"}
        for _ in range(2):
            answer = client.post(f"{path}/conflicts", data=form)
            assert (answer.status_code, answer.headers["location"]) == (303, path)
        words = text_of(client.get(path).text)
    assert "Name Anne Example" in words
    assert "shop says" not in words


def change(client: httpx.Client, ident: str, name: str, **form: str) -> httpx.Response:
    return client.post(f"/customers/{ident}/fields/{name}", data={"once": "1", **form})


def test_a_changed_field_holds_against_a_source_whose_clock_is_ahead(site: Site) -> None:
    ident = ann(site)
    ahead = datetime.now(UTC) + timedelta(days=3)
    old = Profile(email="ann@example.org", company="Old Ltd")
    tell(site, "shop", RecordCustomer(profile=old, occurred_at=ahead))
    with site.client("rep") as client:
        for number in "12":
            told = f"New {number} Ltd"
            assert change(client, ident, "company", value=told, once=number).status_code == 303
            assert f"Company {told} told by backstory" in text_of(client.get(f"/customers/{ident}").text)


def test_what_happens_to_other_fields_does_not_stand_in_the_way_of_a_change(site: Site) -> None:
    ident = ann(site)
    with site.client("rep") as client:
        seen = token(client, f"/customers/{ident}/fields/company/change", "seen")
        site.do(RecordCustomer(customer_id=ident, profile=Profile(country="GB")), source="shop")
        assert change(client, ident, "company", value="Lamps Ltd", seen=seen).status_code == 303
        answer = change(client, ident, "company", value="Lights", seen=seen, once="2")
        assert answer.status_code == 409
        assert "Current Lamps Ltd Yours Lights You saw Lamps & Co" in text_of(answer.text)


@pytest.mark.parametrize("value", ["", "   ", "x" * 201, "nobody at example"])
def test_a_value_that_a_field_cannot_have_is_said_beside_it_and_nothing_is_recorded(
    site: Site, value: str
) -> None:
    ident = ann(site)
    head = site.log.head()
    with site.client("rep") as client:
        answer = change(client, ident, "email", value=value)
    assert answer.status_code == 422
    assert re.search(r'aria-invalid="true".*It must be [1a]', answer.text, re.DOTALL)
    assert site.log.stream(site.tenant, f"customer-{ident}")[-1].position <= head


def test_an_address_that_another_customer_has_is_said_to_be_perhaps_the_same_person(site: Site) -> None:
    ident = ann(site)
    double(site)
    site.do(DefineOwnership(owners={}))
    with site.client("rep") as client:
        answer = change(client, ident, "email", value="A.Example@example.net")
        words = text_of(client.get(answer.headers["location"]).text)
    assert "E-mail changed. Another customer has the same: perhaps the same person. Undo" in words
    assert "Perhaps the same person A. Example" in words


def test_nobody_changes_who_a_forgotten_person_is(site: Site) -> None:
    ident = ann(site)
    site.do(ForgetCustomer(customer_id=ident, reason="asked"))
    with site.client("admin") as client:
        page = client.get(f"/customers/{ident}").text
        assert "/fields/name/change" not in page
        assert "/fields/company/change" in page
        assert change(client, ident, "name", value="Ann").status_code == 422
    assert "Ann" not in str(site.log.stream(site.tenant, f"customer-{ident}")[-1].event)


def test_a_change_of_a_customer_that_was_merged_meanwhile_changes_nothing(site: Site) -> None:
    stays, goes = ann(site), double(site)
    site.do(MergeCustomers(loser=goes, survivor=stays, reason="one"))
    version = len(site.log.stream(site.tenant, f"customer-{goes}"))
    with site.client("rep") as client:
        answer = change(client, goes, "company", value="Other")
        assert answer.headers["location"] == f"/customers/{goes}"
    assert len(site.log.stream(site.tenant, f"customer-{goes}")) == version


def test_a_field_is_emptied_and_what_stood_is_brought_back(site: Site) -> None:
    ident = ann(site)
    with site.client("rep") as client:
        answer = change(client, ident, "company", value="Lamps & Co", empties="yes")
        home = client.get(answer.headers["location"]).text
        assert "Company emptied. Undo" in text_of(home)
        assert "Company \u2013 emptied by backstory" in text_of(home)
        assert "Company emptied by backstory" in text_of(home)
        history = text_of(client.get(f"/customers/{ident}/fields/company").text)
        assert re.search(r"emptied stands .* Lamps & Co Restore", history)
        again = change(client, ident, "company", empties="yes", once="2")
        assert "It is so already." in client.get(again.headers["location"]).text
        stood = re.search(r'name="restores" value="(\d+)"', home)
        assert stood
        change(client, ident, "company", restores=stood[1], once="3")
        assert "Company Lamps & Co told by backstory" in text_of(client.get(f"/customers/{ident}").text)


def test_what_first_filled_a_field_is_undone_to_nothing(site: Site) -> None:
    ident = ann(site)
    with site.client("rep") as client:
        answer = change(client, ident, "country", value="GB")
        stood = re.search(r"stood=(\d+)", answer.headers["location"])
        assert stood
        change(client, ident, "country", restores=stood[1], once="2")
        assert "Country \u2013 emptied by backstory" in text_of(client.get(f"/customers/{ident}").text)


def test_of_a_field_that_another_owns_it_is_offered_that_it_is_empty(site: Site) -> None:
    ident = ann(site)
    with site.client("rep") as client:
        assert "Offer to empty it" in client.get(f"/customers/{ident}/fields/email/change").text
        answer = change(client, ident, "email", empties="yes")
        words = text_of(client.get(answer.headers["location"]).text)
        assert "E-mail: shop owns it, so its value stands. That it is empty is offered beside it" in words
        assert "backstory says there is none" in words
        assert "E-mail address is to be emptied, says backstory" in words
        assert "E-mail ann@example.org owned by shop" in words
        settle = {"field": "email", "accept": "offered", "once": "2"}
        client.post(f"/customers/{ident}/conflicts", data=settle)
        words = text_of(client.get(f"/customers/{ident}").text)
    assert "E-mail \u2013 owned by shop" in words
    assert "e-mail ann@example.org" not in words


def test_who_empties_a_field_that_was_changed_meanwhile_is_shown_both_and_nothing_is_written(
    site: Site,
) -> None:
    ident = ann(site)
    with site.client("rep") as client:
        seen = token(client, f"/customers/{ident}/fields/company/change", "seen")
        change(client, ident, "company", value="Lamps Ltd", seen=seen)
        answer = change(client, ident, "company", empties="yes", seen=seen, once="2")
        assert answer.status_code == 409
        words = text_of(answer.text)
        assert "Current Lamps Ltd Yours nothing You saw Lamps & Co" in words
        assert "Empty it even so" in words
        assert "Company Lamps Ltd" in text_of(client.get(f"/customers/{ident}").text)


def test_who_may_not_write_sees_no_forms_and_is_refused(site: Site) -> None:
    ident = ann(site)
    with site.client("analyst") as client:
        page = client.get(f"/customers/{ident}").text
        assert "/conflicts" not in page
        assert "/merge" not in page
        assert "/change" not in page
        assert "Restore" not in client.get(f"/customers/{ident}/fields/name").text
        assert change(client, ident, "company", value="Other").status_code == 403
        assert (
            client.post(
                f"/customers/{ident}/conflicts", data={"field": "name", "accept": "owner"}
            ).status_code
            == 403
        )
        assert client.get(f"/customers/{ident}/merge").status_code == 403
        assert client.post("/customers/nobody/unmerge", data={}).status_code == 404


def test_the_history_of_a_field_is_every_value_with_who_told_it(site: Site) -> None:
    ident = ann(site)
    with site.client("rep") as client:
        words = text_of(client.get(f"/customers/{ident}/fields/name").text)
        assert client.get(f"/customers/{ident}/fields/password").status_code == 404
    assert re.search(r"Anne Example offered, not the owner .* by mara through shop", words)
    assert re.search(r"Ann Example stands .* by mara through crm", words)


def test_an_event_says_what_it_changed_what_it_told_and_where_it_is(site: Site) -> None:
    ident = ann(site)
    [(position, stream)] = ask(
        site,
        "SELECT position, stream FROM read.timeline WHERE customer_id = %s AND type = 'refund-issued.v1' "
        "AND summary LIKE '%%20.50%%'",
        ident,
    )
    with site.client("rep") as client:
        words = text_of(client.get(f"/events/{position}").text)
    assert "Refunded EUR 20.50: broken" in words
    assert "Refunded EUR 0.00 EUR 20.50" in words
    assert "Refunds nothing EUR 20.50" in words
    assert "micros" not in words
    assert "Payment status partly-paid partly-refunded" in words
    assert "By mara , through shop" in words
    assert "To the customer Order 1001" in words
    assert str(stream).startswith("order-")


def test_what_an_event_changed_is_told_in_words_of_people_and_nothing_that_stayed(site: Site) -> None:
    ident = ann(site)
    due = IssueInvoice(
        customer_id=ident,
        currency="EUR",
        subtotal=Decimal(1),
        tax=Decimal(0),
        due_on=date(2026, 3, 31),
        lines=(InvoiceLine(title="Lamps", quantity=Decimal(1), unit_price=Decimal(1)),),
        occurred_at=business.T0,
    )
    site.do(due)
    over = site.do(business.refund("r-9", "500.00", of="1001"), source="shop")
    site.do(ChooseTimeZone(time_zone="Europe/Berlin"))
    of = "SELECT max(position) FROM read.timeline WHERE type = %s"
    with site.client("rep") as client:

        def words(name: str) -> str:
            [(position,)] = ask(site, of, name)
            return text_of(client.get(f"/events/{position}").text)

        assert "Due at nothing 31 Mar 2026" in words("invoice-issued.v1")
        refunded = text_of(client.get(f"/events/{over.position}").text)
        assert re.search(r"Refunds EUR 20.50 EUR (20.50, EUR 500.00|500.00, EUR 20.50) Anomalies", refunded)
        assert "Anomalies nothing over refunded" in refunded
        assert "Lines" not in refunded
        assert '{ "title": "Lamps", "quantity": "1", "unit_price": "1" }' in words("invoice-issued.v1")
        assert "nothing nothing" not in words("customer-registered.v1")
        assert "Found by" not in words("deal-opened.v1")


def test_a_merge_shows_both_under_one_and_an_unmerge_takes_it_back(site: Site) -> None:
    stays, goes = ann(site), double(site)
    with site.client("admin") as client:
        before = client.get(f"/customers/{stays}").text
        preview = text_of(client.get(f"/customers/{stays}/merge?with={goes}").text)
        assert "Orders 2 1" in preview
        assert "Refunds 2 1" in preview
        form = {"other": goes, "stays": "this", "reason": "same phone", "once": "1"}
        assert (
            client.post(f"/customers/{stays}/merge", data=form).headers["location"] == f"/customers/{stays}"
        )
        merged = text_of(client.get(f"/customers/{stays}").text)
        assert "2 customers are one here" in merged
        assert "EUR 2 orders 160.00 26.50 133.50" in merged
        led = client.get(f"/customers/{goes}")
        assert (led.status_code, led.headers["location"]) == (303, f"/customers/{stays}")
        assert (
            client.post(
                f"/customers/{stays}/unmerge", data={"merged": goes, "reason": "", "once": "2"}
            ).status_code
            == 422
        )
        client.post(
            f"/customers/{stays}/unmerge", data={"merged": goes, "reason": "mother and daughter", "once": "3"}
        )
        after = client.get(f"/customers/{stays}").text
        assert client.get(f"/customers/{goes}").status_code == 200
    money = re.compile(r'<table class="money-table">.*?</table>', re.DOTALL)
    assert money.findall(before) == money.findall(after)


def test_a_forgotten_person_is_a_tombstone_with_their_totals(site: Site) -> None:
    ident = ann(site)
    site.do(ForgetCustomer(customer_id=ident, reason="asked"))
    with site.client("admin") as client:
        answers = [
            client.get(f"/customers/{ident}{path}").text for path in ("", "/fields/email", "/fields/name")
        ]
    words = text_of(answers[0])
    assert "This person was forgotten" in words
    assert "EUR 1 order 120.00 25.50 94.50" in words
    for answer in answers:
        assert not re.search(r"ann@example|Anne? Example", answer)


def test_the_answer_to_a_search_for_the_other_customer_leads_to_the_comparison(site: Site) -> None:
    stays, goes = ann(site), double(site)
    with site.client("manager") as client:
        page = client.get(f"/customers/{stays}/merge", params={"q": "A. EXAMPLE"}).text
        assert f"?with={goes}" in page
        assert "Nobody found" in client.get(f"/customers/{stays}/merge", params={"q": "zebra"}).text
        assert (
            client.post(f"/customers/{stays}/merge", data={"other": "nobody", "reason": "x"}).status_code
            == 404
        )
        same = client.post(f"/customers/{stays}/merge", data={"other": stays, "stays": "this", "reason": "x"})
        assert (same.status_code, "data-code" in same.text) == (422, False)


def test_nobody_is_offered_or_taken_for_a_merge_who_was_forgotten_or_stands_no_more_for_themselves(
    site: Site,
) -> None:
    stays, merged = ann(site), double(site)
    [gone, away] = tell(
        site,
        "crm",
        *(
            RecordCustomer(profile=Profile(email=f"{name}@example.com", name=name, company="Zebra Ltd"))
            for name in ("gone", "away")
        ),
    )
    with site.client("manager") as client:
        search = f"/customers/{stays}/merge?q=zebra"
        assert {gone, away} <= set(re.findall(r"with=([^\"&]+)", client.get(search).text))
        site.do(ForgetCustomer(customer_id=gone, reason="asked"))
        site.do(MergeCustomers(loser=away, survivor=merged, reason="one"))
        assert set(re.findall(r"with=([^\"&]+)", client.get(search).text)) == {merged}
        assert "Nobody found" in client.get(f"/customers/{stays}/merge?q={gone}").text
        for who, other in ((stays, gone), (gone, stays)):
            answers = [
                client.get(f"/customers/{who}/merge?with={other}"),
                client.post(f"/customers/{who}/merge", data={"other": other, "reason": "x", "once": who}),
            ]
            assert [answer.status_code for answer in answers] == [422, 422]
            assert all("who it was is not known any more" in text_of(answer.text) for answer in answers)


def test_of_merged_customers_the_page_shows_what_the_views_say(site: Site) -> None:
    stays, goes = ann(site), double(site)
    [late] = tell(site, "shop", business.order("2002", "7.00", email=None))
    tell(site, "shop", LinkOrderToCustomer(order_id=late, customer_id=goes))
    site.do(MergeCustomers(loser=goes, survivor=stays, reason="one"))
    with site.app.state.service.reads.of(site.tenant) as connection:
        who = standing(connection, stays)
        assert who is not None
        assert who.ids == [stays, goes]
        held = holdings(connection, who)
        told = [entry.position for entry in timeline(connection, who, Asked(), limit=1000).entries]
        latest = newest(connection, who)
        counted = sum(chip.count for chip in chips(connection, who, Asked()).kinds)
    of = "WHERE customer_id = %s"
    positions = ask(
        site, f"SELECT position FROM read.timeline {of} ORDER BY occurred_at DESC, position DESC", stays
    )
    assert [(position,) for position in told] == positions
    assert (counted, latest) == (len(positions), max(told))
    for kind in ("deals", "orders", "refunds", "leads", "invoices"):
        assert [(held.counts[kind],)] == ask(site, f"SELECT count(*) FROM read.{kind} {of}", stays), kind
    assert [(one.order_id,) for one in held.orders] == ask(
        site, f"SELECT order_id FROM read.orders {of} ORDER BY placed_at DESC, order_id DESC", stays
    )
    assert [(one.currency, one.orders, str(one.gross), str(one.net)) for one in held.money] == ask(
        site, f"SELECT currency, orders, gross, net FROM read.customer_money {of} ORDER BY 1", stays
    )


def test_a_merge_of_merges_is_followed_to_the_one_that_stands(site: Site) -> None:
    stays, goes = ann(site), double(site)
    [third] = tell(
        site, "crm", RecordCustomer(profile=Profile(email="third@example.org"), occurred_at=business.T0)
    )
    site.do(MergeCustomers(loser=goes, survivor=third, reason="one"))
    site.do(MergeCustomers(loser=third, survivor=stays, reason="one"))
    with site.client("rep") as client:
        assert client.get(f"/customers/{goes}").headers["location"] == f"/customers/{stays}"
        assert "3 customers are one here" in text_of(client.get(f"/customers/{stays}").text)


def test_what_colleagues_did_is_told_by_their_names(site: Site) -> None:
    ident = ann(site)
    field = f"/customers/{ident}/fields/company"
    with site.client("rep") as robin, site.client("manager") as other:
        seen = token(robin, f"{field}/change", "seen")
        robin.post(field, data={"seen": seen, "value": "Lights", "once": "1"})
        for address in (f"/customers/{ident}", field, f"/events/{site.log.head()}"):
            words = text_of(other.get(address).text)
            assert "Robin Rep" in words, address
            assert "person:" not in words, address


def test_a_time_that_an_event_changed_is_told_in_the_tenants_time_zone(site: Site) -> None:
    business.ann(site)
    site.do(ChooseTimeZone(time_zone="Europe/Berlin"))
    [(position,)] = ask(
        site, "SELECT position FROM read.timeline WHERE type = 'order-placed.v1' ORDER BY 1 LIMIT 1"
    )
    with site.client("rep") as client:
        words = text_of(client.get(f"/events/{position}").text)
    assert "Placed at nothing 2 Mar 2026, 10:30 CET" in words
