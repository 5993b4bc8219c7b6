"""The way to the outside exchange: nothing lost, nothing filed twice, in order, and compared by day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.filings import outside, rules
from exchange.filings import services as filings
from exchange.filings.models import Filing, OutsideFiling, Reconciliation
from exchange.filings.rules import Standing
from exchange.filings.services import sending
from jobs.models import Job
from kernel import clock
from kernel.errors import NotAllowed, NotFound
from kernel.models import Transition
from kernel.states import MoveNotAllowed
from tests import cast
from tests.exchange.filings.scenes import FILED, SECRET, StandIn, client_of, filed, refunded, stand_in

pytestmark = pytest.mark.django_db

DAY = clock.business_date(FILED)


@pytest.fixture
def there(settings: Any) -> Iterator[StandIn]:
    """The other side, connected."""
    with stand_in() as found:
        settings.OUTSIDE_EXCHANGE_URL, settings.OUTSIDE_EXCHANGE_SECRET = found.url, SECRET
        settings.OUTSIDE_EXCHANGE_TIMEOUT_SECONDS = 0.3
        yield found
        assert found.forged == 0


def row_of(filing: Filing, sequence: int = 1) -> OutsideFiling:
    return OutsideFiling.objects.get(filing=filing, sequence=sequence)


def send(row: OutsideFiling, *, minutes: float = 0) -> OutsideFiling | None:
    return filings.send(at=FILED + timedelta(minutes=minutes), row_id=row.pk)


# --- the outbox ---------------------------------------------------------------------------------


def test_every_issue_is_written_into_the_outbox_and_waits_while_nothing_is_connected() -> None:
    filing = refunded(filed(), "8000.00")
    rows = list(OutsideFiling.objects.order_by("sequence"))
    assert [(row.key, row.state, row.attempt_count) for row in rows] == [
        (f"{filing.pk}:1", "pending", 0),
        (f"{filing.pk}:2", "pending", 0),
    ]
    assert json.loads(rows[1].body)["amount_fen"] == 6_000_000
    assert filings.send_due(at=FILED + timedelta(days=9)) == 0
    with pytest.raises(outside.NotConfigured):
        send(rows[0])
    assert [row.state for row in OutsideFiling.objects.all()] == ["pending", "pending"]
    page = client_of(cast.gu()).get("/filings/outside/").content.decode()
    assert "尚未配置对外接口" in page
    assert "未配置" in page


def test_an_address_without_a_secret_is_not_a_connection(settings: Any) -> None:
    settings.OUTSIDE_EXCHANGE_URL = "http://127.0.0.1:9/v1"
    assert not outside.is_configured()


def test_an_issue_is_filed_with_key_signature_and_receipt(there: StandIn) -> None:
    filing = filed()
    row = send(row_of(filing))
    assert row is not None
    assert (row.state, row.answer_status, row.receipt_number) == ("acknowledged", 201, "R-1")
    told = there.kept[f"{filing.pk}:1"]
    assert (told["number"], told["state"], told["amount_fen"]) == (filing.voucher_number, "filed", 6_800_000)
    assert told["voucher"] == filing.token
    assert send(row_of(filing)) is None
    assert len(there.requests) == 1
    moves = Transition.objects.filter(machine="outside_filing").order_by("at", "pk")
    assert [move.move for move in moves] == ["send", "acknowledge"]


def test_an_amendment_never_overtakes_its_original(there: StandIn) -> None:
    filing = refunded(filed(), "8000.00")
    late = FILED + timedelta(days=6)
    assert filings.send(at=late, row_id=row_of(filing, 2).pk) is None
    there.mood = [400]
    assert filings.send_due(at=late) == 0
    assert [row_of(filing, n).state for n in (1, 2)] == ["rejected", "pending"]
    assert filings.send_due(at=late + timedelta(days=1)) == 0
    assert len(there.requests) == 1
    filings.retry(by=cast.gu(), at=late, row_id=row_of(filing).pk)
    assert filings.send_due(at=late) == 1
    assert filings.send_due(at=late) == 1
    assert [key for _method, key in there.requests[1:]] == [f"{filing.pk}:1", f"{filing.pk}:2"]
    assert [row_of(filing, n).state for n in (1, 2)] == ["acknowledged", "acknowledged"]


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408, 425, 302])
def test_a_passing_trouble_is_tried_again_later_and_not_before(there: StandIn, status: int) -> None:
    filing = filed()
    there.mood = [status]
    row = send(row_of(filing))
    assert row is not None
    assert (row.state, row.answer_status, row.attempt_count) == ("pending", status, 1)
    assert timedelta(seconds=30) <= row.next_at - FILED <= timedelta(seconds=37.5)
    assert send(row, minutes=0.4) is None
    again = send(row, minutes=1)
    assert again is not None
    assert (again.state, again.attempt_count) == ("acknowledged", 2)
    assert len(set(there.bodies)) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_a_refusal_waits_for_a_person(there: StandIn, status: int) -> None:
    filing = filed()
    there.mood = [status]
    row = send(row_of(filing))
    assert row is not None
    assert (row.state, row.answer_status, row.answer_text) == ("rejected", status, '{"error": "no"}')
    assert filings.send_due(at=FILED + timedelta(days=30)) == 0


def test_a_409_about_this_key_is_an_acceptance_and_about_anything_else_a_refusal(there: StandIn) -> None:
    first, second = filed(), filed()
    there.mood = [409]
    accepted = send(row_of(first))
    assert accepted is not None
    assert (accepted.state, accepted.receipt_number) == ("acknowledged", "R-0")
    answer = outside._accepted(409, '{"key": "another"}', f"{second.pk}:1")
    assert answer.result is outside.Result.REJECTED


@pytest.mark.parametrize("mood", ["drop", "wait"])
def test_an_answer_lost_on_the_way_is_asked_for_again_by_its_key(there: StandIn, mood: str) -> None:
    filing = filed()
    there.mood = [mood]
    row = send(row_of(filing))
    assert row is not None
    assert (row.state, row.answer_status) == ("pending", None)
    assert list(there.kept) == [f"{filing.pk}:1"]
    again = send(row, minutes=1)
    assert again is not None
    assert (again.state, again.answer_status) == ("acknowledged", 409)
    assert list(there.kept) == [f"{filing.pk}:1"]


class Killed(BaseException):
    """The process ends here, as with kill -9."""


def test_whoever_dies_after_sending_leaves_a_row_that_is_sent_again(
    there: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    filing = filed()

    def die(*_arguments: Any) -> Any:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(sending, "_note_answer", die)
        with pytest.raises(Killed):
            send(row_of(filing))
    row = row_of(filing)
    assert (row.state, row.attempt_count, len(there.kept)) == ("sent", 1, 1)
    assert filings.send_due(at=FILED + timedelta(minutes=4)) == 0
    assert filings.send_due(at=FILED + timedelta(minutes=5)) == 1
    assert row_of(filing).state == "acknowledged"
    assert [key for _method, key in there.requests] == [f"{filing.pk}:1"] * 2
    assert len(there.kept) == 1


def test_a_late_refusal_of_an_earlier_attempt_counts_for_nothing(there: StandIn) -> None:
    filing = filed()
    row = sending._claim(row_of(filing).pk, FILED)
    assert row is not None
    later = FILED + timedelta(minutes=6)
    assert sending._claim(row.pk, later) is not None
    refusal = outside.Answer(outside.Result.REJECTED, 400, "no")
    assert sending._note_answer(row.pk, 1, refusal, later).state == "sent"
    accepted = outside.Answer(outside.Result.ACCEPTED, 201, "", "R-9")
    assert sending._note_answer(row.pk, 1, accepted, later).state == "acknowledged"
    assert sending._note_answer(row.pk, 2, refusal, later).state == "acknowledged"


def test_a_silent_other_side_is_not_asked_for_every_row(there: StandIn, settings: Any) -> None:
    for _each in range(3):
        filed()
    settings.OUTSIDE_EXCHANGE_URL = "http://127.0.0.1:9/v1"
    assert filings.send_due(at=FILED) == 0
    assert sorted(OutsideFiling.objects.values_list("attempt_count", flat=True)) == [0, 0, 1]


def test_only_the_operator_retries_and_only_what_waits_or_was_refused(there: StandIn) -> None:
    row = row_of(filed())
    for who in (cast.lin, cast.yan, cast.shen):
        with pytest.raises(NotAllowed):
            filings.retry(by=who(), at=FILED, row_id=row.pk)
    with pytest.raises(NotFound):
        filings.retry(by=cast.gu(), at=FILED, row_id=UUID(int=7))
    send(row)
    with pytest.raises(MoveNotAllowed):
        filings.retry(by=cast.gu(), at=FILED, row_id=row.pk)


# --- waiting ------------------------------------------------------------------------------------


@given(st.uuids(), st.integers(min_value=1, max_value=10_000))
def test_waiting_doubles_up_to_a_cap_and_is_the_same_whenever_asked(key: UUID, attempts: int) -> None:
    wait = rules.next_wait(key, attempts)
    base = min(rules.FIRST_WAIT * 2 ** min(attempts - 1, 16), rules.LONGEST_WAIT)
    assert base <= wait <= base * 1.25
    assert rules.next_wait(key, attempts) == wait


def test_rows_that_failed_together_do_not_come_back_together() -> None:
    waits = {rules.next_wait(UUID(int=number), 4) for number in range(100)}
    assert len(waits) == 100


# --- reconciliation -----------------------------------------------------------------------------


def test_every_kind_of_difference_is_named() -> None:
    ours = [Standing("A", 1, "filed"), Standing("B", 2, "filed"), Standing("C", 3, "filed"),
            Standing("D", 4, "amended"), Standing("E", 5, "filed")]  # fmt: skip
    theirs = [Standing("A", 1, "filed"), Standing("B", 3, "filed"), Standing("D", 4, "filed"),
              Standing("E", 6, "voided"), Standing("F", 7, "filed"), Standing("A", 1, "filed")]  # fmt: skip
    matched, found = rules.differences(ours, theirs)
    assert matched == 1
    assert [(each["number"], each["kind"]) for each in found] == [
        ("A", "twice_there"), ("B", "amount_differs"), ("C", "missing_there"), ("D", "state_differs"),
        ("E", "amount_differs"), ("E", "state_differs"), ("F", "missing_here"),
    ]  # fmt: skip


@given(st.lists(st.builds(Standing, st.sampled_from("ABCDE"), st.integers(0, 3), st.sampled_from("xy"))))
def test_a_register_never_differs_from_itself(rows: list[Standing]) -> None:
    unique = list({row.number: row for row in rows}.values())
    assert rules.differences(unique, unique) == (len(unique), [])


def test_a_day_is_laid_beside_the_other_sides_list(there: StandIn) -> None:
    kept, missing, changed = filed(), filed(), filed()
    there.listed = [
        {"number": kept.voucher_number, "amount_fen": 6_800_000, "state": "filed"},
        {"number": changed.voucher_number, "amount_fen": 6_800_001, "state": "filed"},
        {"number": "JY-2020-0000001-X", "amount_fen": 5, "state": "filed"},
    ]
    row = filings.reconcile(by=cast.gu(), at=FILED, day=DAY)
    assert (row.our_count, row.their_count, row.matched_count) == (3, 3, 1)
    assert {each["number"]: each["kind"] for each in row.differences} == {
        missing.voucher_number: "missing_there",
        changed.voucher_number: "amount_differs",
        "JY-2020-0000001-X": "missing_here",
    }
    assert len(there.requests) == 2  # two pages
    page = client_of(cast.yan()).get(f"/filings/outside/reconciliations/{row.pk}/").content.decode()
    assert all(reason in page for reason in ("对方没有这笔备案", "本方没有这笔备案", "金额不一致"))
    assert filings.reconcile(by=cast.gu(), at=FILED, day=date(2025, 1, 1)).our_count == 0


def test_what_was_sent_and_kept_reconciles(there: StandIn) -> None:
    filing = refunded(filed(), "8000.00")
    filings.send_due(at=FILED + timedelta(days=6))
    filings.send_due(at=FILED + timedelta(days=6))
    row = filings.reconcile(by=cast.gu(), at=FILED, day=DAY)
    assert (row.matched_count, row.differences) == (1, [])
    assert filing.state == "amended"


@pytest.mark.parametrize("mood", [500, 404])
def test_a_list_that_cannot_be_had_whole_is_no_reconciliation(there: StandIn, mood: int) -> None:
    there.mood = [mood]
    with pytest.raises(outside.OutsideUnreachable):
        filings.reconcile(by=cast.gu(), at=FILED, day=DAY)
    assert not Reconciliation.objects.exists()


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b'{"items": [{"number": "A", "amount_fen": 1.5, "state": "x"}]}']
)
def test_an_answer_that_is_no_list_is_refused(raw: bytes) -> None:
    with pytest.raises(outside.OutsideUnreachable):
        outside._listed(raw)


# --- pages and API ------------------------------------------------------------------------------


def test_the_operator_sees_the_queue_retries_and_reconciles(
    there: StandIn, django_capture_on_commit_callbacks: Any
) -> None:
    filing = filed()
    there.mood = [422]
    send(row_of(filing))
    client = client_of(cast.gu())
    with clock.moved_to(FILED):
        page = client.get("/filings/outside/?state=rejected").content.decode()
        assert str(filing.voucher_number) in page
        with django_capture_on_commit_callbacks(execute=True):
            client.post(f"/filings/outside/{row_of(filing).pk}/retry/", {"idempotency_key": "a"})
        assert row_of(filing).state == "acknowledged"
        with django_capture_on_commit_callbacks(execute=True):
            client.post("/filings/outside/reconcile/", {"day": DAY.isoformat(), "idempotency_key": "b"})
        again = client.post("/filings/outside/reconcile/", {"day": DAY.isoformat(), "idempotency_key": "b"})
    assert again.status_code == 302
    row = Reconciliation.objects.get()
    assert Job.objects.get().result_url == f"/filings/outside/reconciliations/{row.pk}/"
    assert row.matched_count == 1
    future = client.post("/filings/outside/reconcile/", {"day": "2099-01-01", "idempotency_key": "c"})
    assert future.status_code == 422


@pytest.mark.parametrize(
    ("who", "status"), [(cast.gu, 200), (cast.yan, 200), (cast.lin, 403), (cast.shen, 403)]
)
def test_the_queue_is_for_operator_and_auditor(who: Any, status: int) -> None:
    filed()
    assert client_of(who()).get("/filings/outside/").status_code == status


def test_the_amendment_follows_its_original_without_waiting_for_the_beat(
    there: StandIn, django_capture_on_commit_callbacks: Any
) -> None:
    with clock.moved_to(FILED + timedelta(days=6)), django_capture_on_commit_callbacks(execute=True):
        filing = refunded(filed(), "8000.00")
    assert [row_of(filing, n).state for n in (1, 2)] == ["acknowledged", "acknowledged"]
