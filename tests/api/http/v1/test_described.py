"""What describes the stream is served to everyone, as it is kept."""

from streams.schemas.published import FOLDER
from tests.api.http.v1.running import Service


def test_the_document_and_every_schema_are_served_as_they_are_kept(shared: Service) -> None:
    for path in FOLDER.rglob("*.json"):
        kept = path.relative_to(FOLDER)
        answer = shared.client.get("/asyncapi.json" if kept.name == "asyncapi.json" else f"/schemas/{kept}")
        assert (answer.status_code, answer.content) == (200, path.read_bytes()), kept


def test_what_was_never_published_is_not_found(shared: Service) -> None:
    for path in ("/schemas/events/nothing.v1.json", "/schemas/other/order-placed.v1.json"):
        assert shared.client.get(path).status_code in {400, 404}
