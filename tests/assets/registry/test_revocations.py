"""Revocation: grounds, notice, hearing, two persons; deadlines and reminders."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from assets.registry import rules, selectors, services
from assets.registry.models import Application, Certificate, Objection, Reminder, Revocation
from assets.registry.states import REVOCATION, RevocationState
from kernel.errors import InvalidInput, NotAllowed, NotFound, SelfReview
from kernel.states import MoveNotAllowed
from notifications.models import Notification
from organizations.models import Membership
from organizations.permissions import Actor
from tests import cast
from tests.assets.conftest import Registration, an, bo, director, follow_up, moved
from tests.assets.registry.test_kinds import stored_document
from tests.assets.registry.test_objections import against
from tests.cast import NOON

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=63)  # Monday 4 May 2026, a holiday; 5 May too; 9 May is worked
HEARING = date(2026, 5, 11)
HEARD = NOON + timedelta(days=70)  # 11 May


def opened(certificate: Certificate | None = None) -> Revocation:
    found = certificate or Registration().certified()
    return services.open_revocation(
        by=cast.gu(), at=LATER, certificate_id=found.pk, grounds="来源证明系伪造。"
    )


def held(revocation: Revocation) -> Revocation:
    return services.record_hearing(
        by=cast.gu(), at=HEARD, revocation_id=revocation.pk, hearing="held", minutes="双方到场，陈述如下。"
    )


def proposed(revocation: Revocation) -> Revocation:
    return services.propose_revocation(by=cast.gu(), at=HEARD, revocation_id=revocation.pk, reason="应予撤销")


def stored(revocation: Revocation) -> Certificate:
    return Certificate.objects.get(pk=revocation.certificate_id)


def test_a_revocation_tells_the_holder_hears_it_and_is_decided_by_two() -> None:
    revocation = opened()
    assert revocation.hearing_on == HEARING  # five working days after 4 May: 6, 7, 8, 9 and 11 May
    assert stored(revocation).state == "suspended"
    with pytest.raises(services.HearingNotYet):
        services.record_hearing(
            by=cast.gu(),
            at=HEARD - timedelta(days=1),
            revocation_id=revocation.pk,
            hearing="held",
            minutes="x",
        )
    minutes = stored_document(cast.gu(), name="听证笔录.pdf")
    services.record_hearing(
        by=cast.gu(), at=HEARD, revocation_id=revocation.pk, hearing="held", minutes="双方到场。",
        document_id=minutes.pk,
    )  # fmt: skip
    proposed(revocation)
    with pytest.raises(services.SamePerson):
        services.confirm_revocation(by=cast.gu(), at=HEARD, revocation_id=revocation.pk, reason="同意")
    services.confirm_revocation(by=an(), at=HEARD, revocation_id=revocation.pk, reason="同意撤销")
    assert stored(revocation).state == "revoked"
    revocation.refresh_from_db()
    assert (revocation.minutes, revocation.hearing) == (minutes, "held")


def test_raw_sql_cannot_revoke_by_one_person_or_without_hearing() -> None:
    revocation = proposed(held(opened()))
    with pytest.raises(IntegrityError, match="revocation_decided_by_two"), transaction.atomic():
        Revocation.objects.update(state="revoked", decided_by=revocation.proposed_by)
    with pytest.raises(IntegrityError, match="revocation_follows_a_hearing"), transaction.atomic():
        Revocation.objects.update(hearing="")


def test_a_hearing_is_noticed_in_time() -> None:
    certificate = Registration().certified()
    with pytest.raises(services.HearingTooEarly) as refused:
        services.open_revocation(
            by=cast.gu(), at=LATER, certificate_id=certificate.pk, grounds="伪造", hearing_on=date(2026, 5, 9)
        )
    assert "2026-05-11" in str(refused.value)
    assert not Revocation.objects.exists()


def test_the_holder_may_waive_the_hearing_and_nobody_else() -> None:
    revocation = opened()
    for who in (cast.gu(), cast.he()):
        with pytest.raises(NotFound):
            services.waive_hearing(by=who, at=LATER, revocation_id=revocation.pk)
    with pytest.raises(NotAllowed):
        services.waive_hearing(by=cast.mei(), at=LATER, revocation_id=revocation.pk)
    services.waive_hearing(by=cast.lin(), at=LATER, revocation_id=revocation.pk, statement="不再申辩")
    proposed(revocation)


def test_a_dropped_proceeding_brings_the_certificate_back() -> None:
    revocation = held(opened())
    services.drop_revocation(by=an(), at=HEARD, revocation_id=revocation.pk, reason="证据不足")
    assert stored(revocation).state == "valid"


def test_the_second_person_may_send_the_proposal_back() -> None:
    revocation = proposed(held(opened()))
    with pytest.raises(services.SamePerson):
        services.reconsider_revocation(by=cast.gu(), at=HEARD, revocation_id=revocation.pk, reason="再议")
    services.reconsider_revocation(by=an(), at=HEARD, revocation_id=revocation.pk, reason="补充证据")
    assert Revocation.objects.get().state == "heard"


def test_one_proceeding_at_a_time_and_grounds_are_given() -> None:
    revocation = opened()
    with pytest.raises(services.RevocationOpen):
        opened(revocation.certificate)
    with pytest.raises(services.ReasonMissing):
        services.open_revocation(by=an(), at=LATER, certificate_id=revocation.certificate_id, grounds=" ")


def test_a_member_of_the_holder_takes_no_part() -> None:
    revocation = opened()
    hat = Membership.objects.create(
        user=cast.tao().user, organization=cast.organization(cast.BASE), roles=["registration_reviewer"]
    )
    with pytest.raises(SelfReview):
        services.drop_revocation(by=Actor.of(hat), at=LATER, revocation_id=revocation.pk, reason="误会")
    with pytest.raises(NotAllowed):
        services.drop_revocation(by=cast.lin(), at=LATER, revocation_id=revocation.pk, reason="误会")


def test_no_cancellation_under_a_proceeding() -> None:
    revocation = opened()
    with pytest.raises(services.DisputeOpen):
        follow_up(revocation.certificate, "cancellation", at=LATER)


def test_minutes_are_written_and_the_outcome_is_known() -> None:
    revocation = opened()
    for told, field in (
        ({"hearing": "waived", "minutes": "x"}, "hearing"),
        ({"hearing": "held", "minutes": ""}, "minutes"),
    ):
        with pytest.raises(InvalidInput) as refused:
            services.record_hearing(by=cast.gu(), at=HEARD, revocation_id=revocation.pk, **told)
        assert refused.value.field == field


ACTS = {
    "hear": lambda key: services.waive_hearing(by=cast.lin(), at=HEARD, revocation_id=key),
    "propose": lambda key: services.propose_revocation(by=bo(), at=HEARD, revocation_id=key, reason="撤销"),
    "confirm": lambda key: services.confirm_revocation(by=an(), at=HEARD, revocation_id=key, reason="同意"),
    "reconsider": lambda key: services.reconsider_revocation(
        by=an(), at=HEARD, revocation_id=key, reason="再议"
    ),
    "drop": lambda key: services.drop_revocation(by=an(), at=HEARD, revocation_id=key, reason="不足"),
}


@pytest.mark.parametrize("move", REVOCATION.moves)
def test_a_revocation_takes_exactly_the_moves_of_its_table(move: str) -> None:
    revocation = opened()
    there = {"hearing": "held", "proposed_by": bo().user, "decided_by": an().user}
    for state in RevocationState.values:
        Revocation.objects.filter(pk=revocation.pk).update(state=state, **there)
        if state in REVOCATION.moves[move].from_:
            with transaction.atomic():
                assert ACTS[move](revocation.pk).state == REVOCATION.moves[move].to
                transaction.set_rollback(True)
        else:
            with pytest.raises(MoveNotAllowed):
                ACTS[move](revocation.pk)
            assert Revocation.objects.get().state == state


# --- time ---------------------------------------------------------------------------------------


def test_an_overdue_review_is_escalated_once() -> None:
    application = Registration().submitted()  # due Thursday 5 March
    assert services.watch(NOON + timedelta(days=3)) == 0
    assert services.watch(NOON + timedelta(days=4)) == 1
    assert services.watch(NOON + timedelta(days=4)) == 0
    assert moved(application).escalated_at == NOON + timedelta(days=4)
    services.accept_for_review(by=cast.gu(), at=NOON + timedelta(days=4), application_id=application.pk)
    assert moved(application).escalated_at is None


def test_an_ended_notice_waits_on_the_desk_for_a_person() -> None:
    application = Registration().in_notice()  # until 16 March
    assert services.watch(NOON + timedelta(days=14)) == 0
    assert services.watch(NOON + timedelta(days=15)) == 1
    assert services.watch(NOON + timedelta(days=16)) == 0
    assert moved(application).state == "public_notice"
    assert not Certificate.objects.exists()


def test_what_is_not_corrected_in_time_counts_as_withdrawn() -> None:
    application = Registration().submitted()
    services.return_(by=cast.gu(), at=NOON, application_id=application.pk, reason="缺件")  # until 30 March
    assert services.watch(NOON.replace(day=30)) == 0
    assert services.watch(NOON.replace(day=31)) == 1
    assert moved(application).state == "withdrawn"


def test_holders_are_reminded_ninety_thirty_and_seven_days_before_the_end_each_once() -> None:
    certificate = Registration().certified()  # until 22 March 2029
    for day, expected in (
        (date(2028, 12, 21), 0),
        (date(2028, 12, 22), 1),
        (date(2028, 12, 23), 0),
        (date(2029, 2, 20), 1),
        (date(2029, 3, 15), 1),
        (date(2029, 3, 22), 0),
    ):
        assert services.watch(NOON.replace(year=day.year, month=day.month, day=day.day)) == expected, day
    assert sorted(Reminder.objects.values_list("days_before", flat=True)) == [7, 30, 90]
    assert certificate.reminders.count() == 3


def test_a_late_first_reminder_does_not_make_up_for_the_earlier_ones() -> None:
    Registration().certified()
    assert services.watch(NOON.replace(year=2029, month=3, day=16)) == 1
    assert Reminder.objects.get().days_before == 7


def test_an_overdue_objection_is_escalated_once() -> None:
    against(Registration().in_notice(), at=NOON)
    assert services.watch(NOON + timedelta(days=4)) == 1
    assert services.watch(NOON + timedelta(days=5)) == 0
    assert Objection.objects.get().escalated_at == NOON + timedelta(days=4)


def test_the_authoritys_managers_are_told_once_of_an_overdue_objection() -> None:
    manager, reviewer = director(), cast.gu()
    objection = against(Registration().in_notice(), at=NOON)
    services.watch(NOON + timedelta(days=4))
    services.watch(NOON + timedelta(days=5))
    told = Notification.objects.filter(title__contains="逾期")
    assert [(row.user, row.title) for row in told] == [
        (manager.user, f"登记异议 {objection.number} 已逾期未办结，请督办")
    ]
    assert told.get().url == reverse("registry:objection", args=[objection.pk])
    assert not told.filter(user=reviewer.user).exists()


def test_parameters_are_dated_rows(settings: object) -> None:
    settings.REGISTRATION_PARAMETERS = [{"since": "2026-03-02", "notice_working_days": 15}]  # type: ignore[attr-defined]
    assert selectors.parameters_on(date(2026, 3, 1)).notice_working_days == 10
    assert selectors.parameters_on(date(2026, 3, 2)).notice_working_days == 15
    assert selectors.parameters_on(date(2026, 3, 2)).validity_years == 3
    assert Registration().in_notice().notice_until == date(2026, 3, 23)


def test_the_parameters_are_these() -> None:
    base = rules.PARAMETERS[0]
    assert (base.notice_working_days, base.validity_years, base.correction_working_days) == (10, 3, 20)
    assert (base.objection_reply_working_days, base.hearing_notice_working_days) == (10, 5)
    assert (base.renewal_before_days, base.renewal_after_days, base.reminder_days) == (90, 90, (90, 30, 7))


def test_turns_name_who_and_until_when() -> None:
    draft = follow_up(Registration().certified(), "transfer", at=LATER)
    services.name_other(by=cast.lin(), at=LATER, application_id=draft.pk, uscc=cast.BEIJIANG[1])
    assert str(selectors.turn_of(Application.objects.get(pk=draft.pk)).words) == "等待另一方确认"
    waiting = Registration(version=None).submitted()
    turn = selectors.turn_of(waiting)
    assert (str(turn.words), turn.until) == ("登记机构受理", date(2026, 3, 5))
