"""The audit pages: auditors see all, administrators their own, exports that no spreadsheet executes."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from audit import services
from audit.models import AuditEvent
from organizations.permissions import Actor
from tests.cast import NOON, lin, mei, yan, zhou

pytestmark = pytest.mark.django_db


@transaction.atomic
def event(by: Actor, action: str = "tests.act", **detail: Any) -> AuditEvent:
    return services.record(by=by, at=NOON, action=action, subject=by.organization, detail=detail)


def test_auditors_see_all_and_administrators_their_own(client: Any) -> None:
    own, other = event(lin(), number="DD-2026-0000001-X"), event(zhou())
    client.force_login(yan().user)
    assert client.get(f"/audit/{own.pk}/").status_code == client.get(f"/audit/{other.pk}/").status_code == 200
    client.force_login(lin().user)
    assert client.get(f"/audit/{own.pk}/").status_code == 200
    assert client.get(f"/audit/{other.pk}/").status_code == 404
    items = client.get("/api/audit/events").json()["items"]
    assert [item["id"] for item in items] == [str(own.pk)]
    assert client.get("/api/audit/chain").status_code == 403
    client.force_login(mei().user)
    assert client.get("/audit/").status_code == 403
    assert client.get("/api/audit/events").status_code == 403
    client.logout()
    assert client.get("/audit/").status_code == 302
    assert client.get("/api/audit/events").status_code == 401


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"text": "DD-2026-0000001-X"}, 1),
        ({"text": "清蓝"}, 1),
        ({"who": "Zhou"}, 1),
        ({"action": "tests.buy"}, 1),
        ({"since": "2026-03-02", "until": "2026-03-02"}, 2),
        ({"since": "2026-03-03"}, 0),
        ({"until": "nonsense"}, 2),
        ({"text": "%"}, 0),
    ],
)
def test_filters_narrow(client: Any, asked: dict[str, str], count: int) -> None:
    event(lin(), number="DD-2026-0000001-X")
    event(zhou(), action="tests.buy")
    client.force_login(yan().user)
    answer = client.get("/audit/", asked, headers={"hx-request": "true"})
    assert answer.content.decode().count("title-cell") == count


def test_an_id_leads_to_everything_done_to_that_thing(client: Any) -> None:
    firm = lin().organization
    assert firm is not None
    event(lin()), event(lin(), action="tests.again"), event(zhou())
    client.force_login(yan().user)
    answer = client.get("/audit/", {"text": str(firm.pk)}, headers={"hx-request": "true"})
    assert answer.content.decode().count("title-cell") == 2


def test_the_event_page_shows_hash_and_neighbours(client: Any, transactional_db: None) -> None:
    events = [event(lin(), n=n) for n in range(3)]
    services.seal(at=NOON)
    client.force_login(yan().user)
    page = client.get(f"/audit/{events[1].pk}/").content.decode()
    assert "摘要相符" in page
    assert all(f"/audit/{events[n].pk}/" in page for n in (0, 2))
    assert events[1].digest in page


def test_the_export_is_recorded_and_harmless_in_a_spreadsheet(client: Any) -> None:
    event(lin(), action="=HYPERLINK(1)")
    client.force_login(yan().user)
    assert client.get("/audit/export/").status_code == 405
    answer = client.post("/audit/export/", {"who": "Lin"})
    text = b"".join(answer.streaming_content).decode()
    assert text.startswith("\ufeffat,action")
    assert ",'=HYPERLINK(1)," in text
    assert text.count("\r\n") == 2
    assert AuditEvent.objects.get(action="audit.export").detail == {"who": "Lin"}


def test_the_list_takes_the_same_number_of_queries_however_long(
    client: Any, django_assert_max_num_queries: Any
) -> None:
    for n in range(30):
        event(lin() if n % 2 else zhou(), n=n)
    client.force_login(yan().user)
    with django_assert_max_num_queries(11):
        client.get("/audit/")
