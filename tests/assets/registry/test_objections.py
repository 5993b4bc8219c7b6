"""Objections: who may raise one, what it stops, how the notice runs on, who decides."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from assets.registry import selectors, services
from assets.registry.models import Application, Certificate, Objection, Revocation
from assets.registry.states import OBJECTION, ObjectionState
from kernel.errors import InvalidInput, NotAllowed, NotFound, SelfReview
from kernel.states import MoveNotAllowed
from organizations.models import Membership
from organizations.permissions import Actor
from tests import cast
from tests.assets.conftest import Registration, after_notice, an, bo, follow_up, moved, noticed
from tests.assets.registry.test_kinds import stored_document, transfer
from tests.cast import NOON

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=60)
MIDNIGHT = datetime(2026, 3, 16, 16, 0, tzinfo=UTC)  # 17 March 00:00 in Shanghai: the notice has just ended


def against(
    thing: Application | Certificate, *, at: datetime, by: Actor | None = None, **told: object
) -> Objection:
    objector = by or cast.he()
    key = "application_id" if isinstance(thing, Application) else "certificate_id"
    values: dict[str, object] = {
        "interest": "本公司是其中部分评论的权利人。",
        "statement": "其中两百条评论取自本公司网站，未经许可。",
        "signed_name": objector.user.name if objector.user else "",
        key: thing.pk,
        **told,
    }
    return services.file_objection(by=objector, at=at, **values)  # type: ignore[arg-type]


def taken_up(thing: Application | Certificate, *, at: datetime) -> Objection:
    return services.accept_objection(by=an(), at=at, objection_id=against(thing, at=at).pk)


def answered(objection: Objection, *, at: datetime) -> Objection:
    return services.answer_objection(
        by=cast.lin(), at=at, objection_id=objection.pk, reply="所涉评论均有书面授权，见附件。"
    )


def decided(objection: Objection, *, at: datetime, is_upheld: bool) -> Objection:
    return services.decide_objection(
        by=an(), at=at, objection_id=objection.pk, is_upheld=is_upheld, reason="经核对授权文件"
    )


def stored(certificate: Certificate) -> Certificate:
    return Certificate.objects.get(pk=certificate.pk)


# --- against an application ---------------------------------------------------------------------


def test_an_objection_stops_the_notice_and_the_days_that_were_left_run_on() -> None:
    application = Registration().in_notice()  # Monday 2 March, ten working days: until 16 March
    filed = against(application, at=NOON + timedelta(days=4))  # Friday 6 March: six days are left
    assert (moved(application).state, application.notice_days_left) == ("under_objection", 6)
    assert application.due_on is None
    turn = selectors.turn_of(application)
    assert (str(turn.words), turn.until) == ("登记机构决定是否受理异议", date(2026, 3, 11))
    services.accept_objection(by=an(), at=NOON + timedelta(days=7), objection_id=filed.pk)
    assert str(selectors.turn_of(application).words) == "登记主体答复异议"
    answered(filed, at=NOON + timedelta(days=8))
    decided(filed, at=NOON + timedelta(days=23), is_upheld=False)  # Wednesday 25 March
    assert (moved(application).state, application.notice_until) == ("public_notice", date(2026, 4, 2))
    assert application.notice_days_left is None
    with pytest.raises(services.NoticeNotOver):
        services.certify(by=cast.gu(), at=NOON.replace(month=4, day=2), application_id=application.pk)
    services.certify(by=cast.gu(), at=NOON.replace(month=4, day=3), application_id=application.pk)


def test_an_objection_in_the_last_second_of_the_notice_counts_and_one_second_later_does_not() -> None:
    application = Registration().in_notice()
    assert application.notice_until == date(2026, 3, 16)
    with pytest.raises(services.NotInNotice):
        against(application, at=MIDNIGHT)
    filed = against(application, at=MIDNIGHT - timedelta(seconds=1))
    assert moved(application).notice_days_left == 0
    with pytest.raises(MoveNotAllowed):
        services.certify(by=cast.gu(), at=MIDNIGHT + timedelta(hours=2), application_id=application.pk)
    services.decline_objection(
        by=an(), at=MIDNIGHT + timedelta(hours=3), objection_id=filed.pk, reason="与登记无利害关系"
    )
    assert (moved(application).state, application.notice_until) == ("public_notice", date(2026, 3, 17))
    services.certify(by=cast.gu(), at=MIDNIGHT + timedelta(days=1), application_id=application.pk)


def test_an_upheld_objection_refuses_the_registration() -> None:
    application = Registration().in_notice()
    objection = answered(taken_up(application, at=NOON), at=NOON)
    decided(objection, at=NOON, is_upheld=True)
    assert moved(application).state == "rejected"
    assert objection.number in application.decision_reason


def test_the_notice_runs_on_only_when_every_objection_is_decided() -> None:
    application = Registration().in_notice()
    first, second = against(application, at=NOON), against(application, at=NOON, by=cast.zhou())
    services.decline_objection(by=an(), at=NOON, objection_id=first.pk, reason="无关")
    assert moved(application).state == "under_objection"
    services.withdraw_objection(by=cast.zhou(), at=NOON, objection_id=second.pk)
    assert moved(application).state == "public_notice"


@pytest.mark.parametrize("state", ["draft", "submitted", "in_review"])
def test_there_is_nothing_to_object_to_before_the_notice(state: str) -> None:
    application = getattr(Registration(), state)()
    with pytest.raises(services.NotInNotice):
        against(application, at=NOON)
    assert not Objection.objects.exists()


# --- against a certificate ----------------------------------------------------------------------


def test_a_certificate_is_suspended_once_the_objection_is_taken_up_and_resumed_when_it_fails() -> None:
    certificate = Registration().certified()
    objection = against(certificate, at=LATER)
    assert stored(certificate).state == "valid"
    services.accept_objection(by=an(), at=LATER, objection_id=objection.pk)
    assert stored(certificate).state == "suspended"
    with pytest.raises(services.DisputeOpen):
        services.resume(by=an(), at=LATER, certificate_id=certificate.pk, reason="提前恢复")
    decided(answered(objection, at=LATER), at=LATER, is_upheld=False)
    assert stored(certificate).state == "valid"


def test_an_upheld_objection_begins_a_revocation_and_the_certificate_stays_suspended() -> None:
    certificate = Registration().certified()
    objection = answered(taken_up(certificate, at=LATER), at=LATER)
    decided(objection, at=LATER, is_upheld=True)
    revocation = Revocation.objects.get()
    assert (revocation.objection, revocation.certificate, revocation.state) == (
        objection,
        certificate,
        "noticed",
    )
    assert stored(certificate).state == "suspended"
    services.drop_revocation(by=an(), at=LATER, revocation_id=revocation.pk, reason="登记主体已补齐授权")
    assert stored(certificate).state == "valid"


def test_two_objections_hold_a_certificate_until_both_are_decided() -> None:
    certificate = Registration().certified()
    first, second = taken_up(certificate, at=LATER), against(certificate, at=LATER, by=cast.zhou())
    services.accept_objection(by=an(), at=LATER, objection_id=second.pk)
    decided(answered(first, at=LATER), at=LATER, is_upheld=False)
    assert stored(certificate).state == "suspended"
    decided(answered(second, at=LATER), at=LATER, is_upheld=False)
    assert stored(certificate).state == "valid"


def test_the_authoritys_own_suspension_is_not_lifted_by_an_objection_that_fails() -> None:
    certificate = Registration().certified()
    services.suspend(by=an(), at=LATER, certificate_id=certificate.pk, reason="核查")
    decided(answered(taken_up(certificate, at=LATER), at=LATER), at=LATER, is_upheld=False)
    assert stored(certificate).state == "suspended"


def test_no_transfer_while_an_objection_is_open() -> None:
    certificate = Registration().certified()
    draft = transfer(certificate)
    objection = against(certificate, at=LATER)
    with pytest.raises(services.DisputeOpen) as refused:
        services.submit(by=cast.lin(), at=LATER, application_id=draft.pk)
    assert objection.number in str(refused.value)
    services.decline_objection(by=an(), at=LATER, objection_id=objection.pk, reason="无关")
    application = noticed(moved(draft), at=LATER)
    second = against(certificate, at=LATER)
    with pytest.raises(services.DisputeOpen):
        services.certify(by=cast.gu(), at=after_notice(application), application_id=application.pk)
    assert stored(certificate).state == "valid"
    services.withdraw_objection(by=cast.he(), at=LATER, objection_id=second.pk)
    services.certify(by=cast.gu(), at=after_notice(application), application_id=application.pk)
    assert stored(certificate).state == "transferred"


@pytest.mark.parametrize("kind", ["change", "correction", "licence", "cancellation"])
def test_nothing_is_applied_for_while_an_objection_is_open(kind: str) -> None:
    certificate = Registration().certified()
    against(certificate, at=LATER)
    with pytest.raises(services.DisputeOpen):
        follow_up(certificate, kind, at=LATER)


# --- who, and how -------------------------------------------------------------------------------


def test_an_objection_is_signed_with_name_moment_and_hash_and_never_changed() -> None:
    application = Registration().in_notice()
    document = stored_document(cast.he(), name="权属证明.pdf")
    objection = against(application, at=NOON, document_ids=[document.pk])
    text = services.signed_text(objection)
    assert objection.signed_sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert document.sha256 in text
    assert (objection.signed_name, objection.filed_at) == ("He", NOON)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE registry_objection SET statement = '别的'")


@pytest.mark.parametrize("field", ["interest", "statement", "signed_name"])
def test_an_objection_says_who_why_and_is_signed_by_that_person(field: str) -> None:
    application = Registration().in_notice()
    with pytest.raises(InvalidInput) as refused:
        against(application, at=NOON, **{field: "王"})
    assert refused.value.field == field
    assert moved(application).state == "public_notice"


def test_a_person_without_organization_may_object_and_a_program_may_not() -> None:
    application = Registration().in_notice()
    person = Actor(user=cast.he().user)
    assert against(application, at=NOON, by=person).organization is None
    with pytest.raises(NotAllowed):
        against(application, at=NOON, by=Actor(name="密钥", scopes=frozenset()))


def test_nobody_objects_to_its_own_registration_in_whatever_hat() -> None:
    application = Registration().in_notice()
    hat = Membership.objects.create(
        user=cast.tao().user, organization=cast.organization(cast.YUNSHAN), roles=["purchaser"]
    )
    for who in (cast.lin(), Actor.of(hat)):
        with pytest.raises(services.OwnRegistration):
            against(application, at=NOON, by=who)


def test_the_reviewer_of_the_registration_does_not_judge_the_objection_nor_any_party() -> None:
    application = Registration().in_notice()
    objection = against(application, at=NOON)
    objector = Membership.objects.create(
        user=cast.he().user, organization=cast.organization(cast.BASE), roles=["registration_reviewer"]
    )
    insider = Membership.objects.create(
        user=cast.tao().user, organization=cast.organization(cast.BASE), roles=["registration_reviewer"]
    )
    for who in (cast.gu(), Actor.of(objector), Actor.of(insider)):
        with pytest.raises(SelfReview):
            services.accept_objection(by=who, at=NOON, objection_id=objection.pk)
    for stranger in (cast.zhou(), cast.shen()):
        with pytest.raises(NotAllowed):
            services.accept_objection(by=stranger, at=NOON, objection_id=objection.pk)
    assert Objection.objects.get().state == "filed"


def test_only_the_registrant_answers() -> None:
    objection = taken_up(Registration().in_notice(), at=NOON)
    for who in (cast.he(), cast.zhou(), cast.gu()):
        with pytest.raises(NotFound):
            services.answer_objection(
                by=who, at=NOON, objection_id=objection.pk, reply="不属实，见附件说明。"
            )
    with pytest.raises(NotAllowed):
        services.answer_objection(
            by=cast.tao(), at=NOON, objection_id=objection.pk, reply="不属实，见附件说明。"
        )


def test_without_a_reply_the_decision_waits_for_the_deadline() -> None:
    objection = taken_up(Registration().in_notice(), at=NOON)
    assert objection.due_on == date(2026, 3, 16)
    with pytest.raises(services.ReplyPending):
        decided(objection, at=MIDNIGHT - timedelta(seconds=1), is_upheld=True)
    assert decided(objection, at=MIDNIGHT, is_upheld=True).state == "upheld"


def test_a_decision_has_a_reason() -> None:
    objection = answered(taken_up(Registration().in_notice(), at=NOON), at=NOON)
    with pytest.raises(services.ReasonMissing):
        services.decide_objection(by=an(), at=NOON, objection_id=objection.pk, is_upheld=True, reason=" ")
    with pytest.raises(IntegrityError), transaction.atomic():
        Objection.objects.update(state="upheld")


def test_who_sees_an_objection() -> None:
    objection = against(Registration().in_notice(), at=NOON)
    for who in (cast.he, cast.lin, cast.gu, bo, cast.yan):
        assert selectors.objection_for(who(), objection.pk) == objection
    for stranger in (cast.zhou, cast.shen, cast.mei):
        with pytest.raises(NotFound):
            selectors.objection_for(stranger(), objection.pk)


ACTS = {
    "accept": lambda key: services.accept_objection(by=an(), at=NOON, objection_id=key),
    "decline": lambda key: services.decline_objection(by=an(), at=NOON, objection_id=key, reason="无关"),
    "answer": lambda key: services.answer_objection(
        by=cast.lin(), at=NOON, objection_id=key, reply="所涉评论均有书面授权。"
    ),
    "uphold": lambda key: services.decide_objection(
        by=an(), at=NOON, objection_id=key, is_upheld=True, reason="属实"
    ),
    "dismiss": lambda key: services.decide_objection(
        by=an(), at=NOON, objection_id=key, is_upheld=False, reason="不属实"
    ),
    "withdraw": lambda key: services.withdraw_objection(by=cast.he(), at=NOON, objection_id=key),
}


@pytest.mark.parametrize("move", OBJECTION.moves)
def test_an_objection_takes_exactly_the_moves_of_its_table(move: str) -> None:
    objection = against(Registration().in_notice(), at=NOON)
    ended = {"decided_at": NOON, "decision_reason": "经核对"}
    for state in ObjectionState.values:
        Objection.objects.filter(pk=objection.pk).update(state=state, due_on=date(2026, 1, 5), **ended)
        if state in OBJECTION.moves[move].from_:
            with transaction.atomic():
                assert ACTS[move](objection.pk).state == OBJECTION.moves[move].to
                transaction.set_rollback(True)
        else:
            with pytest.raises(MoveNotAllowed):
                ACTS[move](objection.pk)
            assert Objection.objects.get().state == state
