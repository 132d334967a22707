from tests.api.http.v1.running import Service

LEAD = {
    "form": "contact",
    "customer": {"email": "ann@example.org", "name": "Ann"},
    "fields": {"budget": "10k"},
}


def test_a_posted_lead_is_read_back_once_the_read_models_have_passed_its_position(service: Service) -> None:
    answer = service.post("/v1/leads", LEAD)
    assert answer.status_code == 201
    assert set(answer.json()) == {"id", "position", "version"}
    found = service.get("/v1/leads", after=answer.json()["position"]).json()
    assert [row["lead_id"] for row in found["data"]] == [answer.json()["id"]]
    assert found["data"][0]["fields"] == {"budget": "10k"}
    one = service.get(f"/v1/leads/{answer.json()['id']}")
    assert one.headers["etag"] == f'"{answer.json()["version"]}"'
