"""No row of the audit log changes unseen: refused by the database, and located when the guard is off."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import translation

from assets.registry.models import Finding
from audit import services
from audit.models import AuditEvent, ChainLink
from kernel.records import new_id
from organizations.permissions import Actor
from tests.cast import NOON, lin

pytestmark = pytest.mark.django_db(transaction=True)


@transaction.atomic
def written(count: int = 5) -> list[AuditEvent]:
    by = lin()
    return [
        services.record(
            by=by,
            at=NOON + timedelta(seconds=n),
            action="tests.step",
            subject=by.organization,
            detail={"n": n},
        )
        for n in range(count)
    ]


def sealed(count: int = 5) -> list[AuditEvent]:
    events = written(count)
    assert services.seal(at=NOON) == count
    return events


def tamper(sql: str, *params: Any) -> None:
    """What somebody with the database's own keys could do: triggers and foreign keys off."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql, params)


def test_a_subject_is_named_in_the_log_s_own_language_whoever_writes() -> None:
    finding = Finding(check_code="source", verdict="fail")
    with translation.override("en"), transaction.atomic():
        event = services.record(by=lin(), at=NOON, action="tests.step", subject=finding)
    assert event.subject_label == "source: 不符合"


def verified() -> tuple[int, dict[str, Any]]:
    out = StringIO()
    try:
        call_command("audit_verify", "--json", stdout=out)
    except CommandError as error:
        return error.returncode, json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_auditevent SET action = 'x'",
        "DELETE FROM audit_auditevent",
        "UPDATE audit_chainlink SET hash = repeat('0', 64)",
        "DELETE FROM audit_chainlink",
    ],
)
def test_the_database_refuses_to_change_or_delete(sql: str) -> None:
    sealed()
    with pytest.raises(DatabaseError, match="Cannot update or delete"), connection.cursor() as cursor:
        cursor.execute(sql)
    assert verified()[0] == 0


def test_what_waits_is_sealed_and_an_untouched_log_passes() -> None:
    written(3)
    code, answer = verified()
    assert (code, answer["is_sound"], answer["event_count"], answer["sealed_count"]) == (0, True, 3, 3)
    assert answer["head"] == ChainLink.objects.get(position=3).hash
    assert verified()[1]["sealed_count"] == 0


def test_the_chain_is_the_one_that_anybody_can_recompute() -> None:
    events = sealed(3)
    previous = "0" * 64
    for position, event in enumerate(events, start=1):
        link = ChainLink.objects.get(position=position)
        assert (link.event_id, link.previous_hash) == (event.pk, previous)
        assert link.hash == services.link_hash(previous, event.digest)
        previous = link.hash


def test_a_flipped_byte_is_located() -> None:
    events = sealed()
    tamper("UPDATE audit_auditevent SET detail = '{\"n\": 9}' WHERE id = %s", events[2].pk)
    code, answer = verified()
    assert (code, answer["fault"], answer["position"], answer["event_id"]) == (
        1,
        "event_changed",
        3,
        str(events[2].pk),
    )


@pytest.mark.parametrize(
    "change",
    [
        "at = at + interval '1 microsecond'",
        "actor_label = actor_label || ' '",
        "organization_id = NULL",
        "subject_label = 'x'",
        "action = 'tests.other'",
        "digest = repeat('a', 64)",
    ],
)
def test_every_told_member_counts(change: str) -> None:
    events = sealed()
    tamper(f"UPDATE audit_auditevent SET {change} WHERE id = %s", events[4].pk)
    code, answer = verified()
    assert (code, answer["position"]) == (1, 5)


def test_an_event_changed_together_with_its_digest_breaks_its_link() -> None:
    event = sealed()[1]
    event.detail = {"n": 9}
    tamper(
        "UPDATE audit_auditevent SET detail = '{\"n\": 9}', digest = %s WHERE id = %s",
        services.digest_of(event),
        event.pk,
    )
    assert verified()[1]["fault"] == "link_changed"
    assert verified()[1]["position"] == 2


def test_a_deleted_event_is_located() -> None:
    events = sealed()
    tamper("DELETE FROM audit_auditevent WHERE id = %s", events[3].pk)
    code, answer = verified()
    assert (code, answer["fault"], answer["position"], answer["event_id"]) == (
        1,
        "event_missing",
        4,
        str(events[3].pk),
    )


def test_an_event_deleted_with_its_link_leaves_a_gap() -> None:
    events = sealed()
    tamper("DELETE FROM audit_chainlink WHERE event_id = %s", events[0].pk)
    tamper("DELETE FROM audit_auditevent WHERE id = %s", events[0].pk)
    code, answer = verified()
    assert (code, answer["fault"], answer["position"]) == (1, "link_missing", 1)


def test_the_sentence_names_the_place() -> None:
    events = sealed()
    tamper("UPDATE audit_auditevent SET action = 'x' WHERE id = %s", events[1].pk)
    with pytest.raises(CommandError, match=f"event {events[1].pk} at position 2 was changed"):
        call_command("audit_verify", stdout=StringIO())


def test_events_of_a_running_transaction_are_not_overtaken() -> None:
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT pg_current_xact_id()")
            written(2)
            assert services.seal(at=NOON) == 0  # an older transaction may still write
            cursor.execute("COMMIT")
        assert services.seal(at=NOON) == 2
    finally:
        other.close()


def test_a_second_sealer_waits_for_its_turn() -> None:
    written(1)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [services._SEALER_LOCK])
            assert services.seal(at=NOON) == 0
            cursor.execute("ROLLBACK")
        assert services.seal(at=NOON) == 1
    finally:
        other.close()


def test_an_event_needs_the_deeds_transaction_and_goes_with_it() -> None:
    with pytest.raises(AssertionError):
        services.record(by=Actor.system("x"), at=NOON, action="tests.alone")
    with transaction.atomic():
        services.record(by=Actor.system("x"), at=NOON, action="tests.undone", detail={"id": new_id()})
        transaction.set_rollback(True)
    assert not AuditEvent.objects.exists()
