"""From a sealed version to a certificate: who may do what, when, and what is missing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from assets.registry import rules, selectors, services
from assets.registry.models import Application, Certificate
from assets.registry.states import APPLICATION, CERTIFICATE, ApplicationState, CertificateState
from audit.models import AuditEvent
from kernel import numbers, workdays
from kernel.errors import InvalidInput, NotAllowed, NotFound, SelfReview
from kernel.models import Transition
from kernel.states import MoveNotAllowed
from organizations.models import Membership
from organizations.permissions import Actor
from signing import services as signing
from tests import cast
from tests.assets.conftest import Registration, moved, sealed_version
from tests.cast import NOON

pytestmark = pytest.mark.django_db


# --- completeness -------------------------------------------------------------------------------


def test_an_empty_draft_names_everything_that_is_missing() -> None:
    version = sealed_version()
    draft = services.draft_application(by=cast.lin(), at=NOON, version_id=version.pk, title="酒店评论")
    assert [point.code for point in selectors.completeness(draft)] == [
        "use_case",
        "source",
        "rights",
        "classification",
        "legal",
    ]
    with pytest.raises(services.ApplicationIncomplete) as refused:
        services.submit(by=cast.lin(), at=NOON, application_id=draft.pk)
    assert "没有应用场景不予登记" in str(refused.value)
    assert "选择数据分级" in str(refused.value)


def test_without_use_case_no_registration_not_even_by_raw_sql() -> None:
    draft = Registration(changes={"use_case": ""}).draft()
    with pytest.raises(services.ApplicationIncomplete):
        services.submit(by=cast.lin(), at=NOON, application_id=draft.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        Application.objects.filter(pk=draft.pk).update(state="submitted")


def test_core_data_are_refused_and_cannot_pass_by_raw_sql_either() -> None:
    draft = Registration(changes={"classification": "core"}).draft()
    with pytest.raises(services.ApplicationIncomplete) as refused:
        services.submit(by=cast.lin(), at=NOON, application_id=draft.pk)
    assert "核心数据不得登记" in str(refused.value)
    with pytest.raises(IntegrityError), transaction.atomic():
        Application.objects.filter(pk=draft.pk).update(state="public_notice", notice_until=date(2026, 4, 1))


def test_an_unverified_firm_cannot_submit() -> None:
    draft = Registration().draft()
    draft.registrant.verification = "unverified"
    draft.registrant.save()
    assert [point.code for point in selectors.completeness(draft)] == ["verification"]


def test_only_one_application_at_a_time_for_a_version() -> None:
    draft = Registration().draft()
    with pytest.raises(services.AlreadyApplied) as refused:
        services.draft_application(by=cast.lin(), at=NOON, version_id=draft.version_id, title="再来一份")
    assert draft.number in str(refused.value)
    services.withdraw_application(by=cast.lin(), at=NOON, application_id=draft.pk)
    services.draft_application(by=cast.lin(), at=NOON, version_id=draft.version_id, title="重新申请")


def test_a_withdrawn_version_is_not_registered() -> None:
    from assets.datasets.services import withdraw

    version = sealed_version()
    withdraw(by=cast.lin(), at=NOON, version_id=version.pk, reason="来源方收回授权")
    with pytest.raises(services.VersionNotSealed):
        services.draft_application(by=cast.lin(), at=NOON, version_id=version.pk, title="酒店评论")


def test_another_firm_and_an_annotator_cannot_apply() -> None:
    version = sealed_version()
    with pytest.raises(NotFound):
        services.draft_application(by=cast.he(), at=NOON, version_id=version.pk, title="酒店评论")
    with pytest.raises(NotAllowed):
        services.draft_application(by=cast.mei(), at=NOON, version_id=version.pk, title="酒店评论")


def test_a_submitted_application_is_not_edited() -> None:
    application = Registration().submitted()
    with pytest.raises(services.NotEditable):
        services.edit_application(by=cast.lin(), at=NOON, application_id=application.pk, title="换个名字")


def test_an_unknown_right_is_refused() -> None:
    draft = Registration().draft()
    with pytest.raises(InvalidInput):
        services.edit_application(by=cast.lin(), at=NOON, application_id=draft.pk, rights=["everything"])


# --- review -------------------------------------------------------------------------------------


def test_the_clock_of_every_step_runs_in_working_days() -> None:
    application = Registration().submitted()  # Monday 2 March 2026
    assert application.due_on == date(2026, 3, 5)
    application = services.accept_for_review(by=cast.gu(), at=NOON, application_id=application.pk)
    assert application.due_on == date(2026, 3, 16)
    application = services.return_(
        by=cast.gu(), at=NOON, application_id=application.pk, reason="请补充授权书"
    )
    assert application.due_on == date(2026, 3, 30)


def test_the_author_never_reviews_even_from_the_operator() -> None:
    application = Registration().submitted()
    lin = cast.lin()
    assert lin.user is not None
    second_hat = Membership.objects.create(
        user=lin.user, organization=cast.organization(cast.BASE), roles=["registration_reviewer"]
    )
    with pytest.raises(SelfReview):
        services.accept_for_review(by=Actor.of(second_hat), at=NOON, application_id=application.pk)


def test_a_colleague_of_the_author_never_reviews_either() -> None:
    application = Registration().submitted()
    tao = cast.tao()
    assert tao.user is not None
    second_hat = Membership.objects.create(
        user=tao.user, organization=cast.organization(cast.BASE), roles=["registration_reviewer"]
    )
    with pytest.raises(SelfReview):
        services.accept_for_review(by=Actor.of(second_hat), at=NOON, application_id=application.pk)


@pytest.mark.parametrize("who", [cast.lin, cast.he, cast.zhou, cast.shen, cast.yan])
def test_only_the_operator_reviews(who: object) -> None:
    application = Registration().submitted()
    with pytest.raises(NotAllowed):
        services.accept_for_review(by=who(), at=NOON, application_id=application.pk)  # type: ignore[operator]
    assert moved(application).state == "submitted"


def test_every_point_must_be_judged_before_the_review_passes() -> None:
    application = Registration().in_review()
    with pytest.raises(services.ChecksOpen) as refused:
        services.pass_review(by=cast.gu(), at=NOON, application_id=application.pk)
    for check in rules.REVIEWED_CHECKS:
        assert str(check.title) in str(refused.value)


def test_a_failed_point_needs_a_remark_and_blocks_the_pass_until_judged_anew() -> None:
    application = Registration().judged()
    with pytest.raises(InvalidInput):
        services.record_finding(
            by=cast.gu(), at=NOON, application_id=application.pk, check_code="source", verdict="fail"
        )
    services.record_finding(
        by=cast.gu(),
        at=NOON,
        application_id=application.pk,
        check_code="source",
        verdict="fail",
        remark="缺授权书",
    )
    with pytest.raises(services.ChecksOpen):
        services.pass_review(by=cast.gu(), at=NOON, application_id=application.pk)
    services.record_finding(
        by=cast.gu(),
        at=NOON,
        application_id=application.pk,
        check_code="source",
        verdict="pass",
        remark="已补",
    )
    assert services.pass_review(by=cast.gu(), at=NOON, application_id=application.pk).state == "public_notice"


def test_an_automatic_point_is_not_judged_by_a_person() -> None:
    application = Registration().in_review()
    with pytest.raises(services.UnknownCheck):
        services.record_finding(
            by=cast.gu(), at=NOON, application_id=application.pk, check_code="integrity", verdict="pass"
        )


def test_a_return_needs_reasons_and_its_verdicts_do_not_count_after_resubmission() -> None:
    application = Registration().judged()
    with pytest.raises(services.ReasonMissing):
        services.return_(by=cast.gu(), at=NOON, application_id=application.pk, reason="")
    with pytest.raises(services.LetterIncomplete):
        services.return_(by=cast.gu(), at=NOON, application_id=application.pk, reason="来源说明不足")
    services.record_finding(
        by=cast.gu(),
        at=NOON,
        application_id=application.pk,
        check_code="source",
        verdict="fail",
        remark="缺授权书",
    )
    services.return_(by=cast.gu(), at=NOON, application_id=application.pk, reason="来源说明不足")
    assert moved(application).decision_reason == "来源说明不足"
    later = NOON + timedelta(days=1)
    services.edit_application(
        by=cast.lin(),
        at=later,
        application_id=application.pk,
        source_statement="公开评论语料，附授权书三份，逐批对应。",
    )
    services.submit(by=cast.lin(), at=later, application_id=application.pk)
    services.accept_for_review(by=cast.gu(), at=later, application_id=application.pk)
    services.begin_review(by=cast.gu(), at=later, application_id=application.pk)
    assert sum(stand.is_open for stand in selectors.standing(moved(application))) == len(
        rules.REVIEWED_CHECKS
    )


def test_a_refusal_ends_it() -> None:
    application = Registration().judged()
    services.reject(by=cast.gu(), at=NOON, application_id=application.pk, reason="来源不合法")
    assert moved(application).state == "rejected"
    with pytest.raises(MoveNotAllowed):
        services.submit(by=cast.lin(), at=NOON, application_id=application.pk)


def test_the_reviewer_may_rehash_the_version_and_it_is_recorded() -> None:
    application = Registration().in_review()
    assert services.check_integrity(by=cast.gu(), at=NOON, application_id=application.pk).is_intact
    event = AuditEvent.objects.get(action="registry.check_integrity")
    assert event.detail["is_intact"] is True


# --- notice and certificate ---------------------------------------------------------------------


def test_the_notice_is_ten_working_days_and_the_certificate_waits_for_the_day_after() -> None:
    application = Registration().in_notice()
    assert application.notice_until == date(2026, 3, 16)
    with pytest.raises(services.NoticeNotOver):
        services.certify(by=cast.gu(), at=NOON + timedelta(days=14), application_id=application.pk)
    certificate = services.certify(by=cast.gu(), at=NOON + timedelta(days=15), application_id=application.pk)
    assert (certificate.valid_from, certificate.valid_until) == (date(2026, 3, 17), date(2029, 3, 16))
    assert moved(application).state == "certified"


def test_a_notice_over_a_holiday_with_make_up_days_counts_as_the_calendar_says() -> None:
    # National Day 2026: off 1-7 October; 20 September and 10 October are worked.
    assert rules.due_after(date(2026, 9, 28), 10) == date(2026, 10, 16)
    assert rules.due_after(date(2026, 9, 18), 1) == date(2026, 9, 20)


def test_a_notice_over_new_year_grows_when_the_holidays_are_announced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    late = datetime(2026, 12, 25, 4, 0, tzinfo=UTC)
    application = Registration().in_notice()
    begun, told = late.date(), rules.due_after(late.date(), 10)
    assert told == date(2027, 1, 11)
    Application.objects.filter(pk=application.pk).update(notice_from=begun, notice_until=told, due_on=told)
    notice = workdays.Announced("示例", begun, frozenset({date(2027, 1, 1), date(2027, 1, 4)}), frozenset())
    monkeypatch.setattr(workdays, "_calendar", lambda: workdays.Calendar({2027: notice}))
    for _twice in range(2):
        services.watch(late + timedelta(days=1))
        application.refresh_from_db()
        assert application.notice_until == application.due_on == date(2027, 1, 12)
    assert AuditEvent.objects.filter(action="registry.lengthen_notice").count() == 1


def test_the_length_of_the_notice_is_a_setting(settings: object) -> None:
    settings.REGISTRATION_NOTICE_WORKING_DAYS = 3  # type: ignore[attr-defined]
    assert Registration().in_notice().notice_until == date(2026, 3, 5)


@pytest.mark.parametrize(
    ("on", "until"),
    [
        (date(2026, 5, 18), date(2029, 5, 17)),
        (date(2028, 2, 29), date(2031, 2, 28)),
        (date(2026, 1, 1), date(2028, 12, 31)),
    ],
)
def test_three_years_end_on_the_day_before(on: date, until: date) -> None:
    assert rules.validity(on, 3) == (on, until)


def test_the_certificate_says_what_was_registered_and_is_signed() -> None:
    certificate = Registration().certified()
    told = certificate.claims["certificate"]
    assert numbers.is_valid(certificate.number)
    assert told["holder"]["name"] == "清蓝数据标注（示例）有限公司"
    assert told["authority"]["name"] == "清远服务基地（示例）"
    assert told["asset"]["root_hash"] == certificate.version.root_hash
    assert told["rights"] == ["holding", "operation"]
    assert told["is_demo"] is True
    assert told["verification_url"].endswith(f"/verify/{certificate.number}/")
    signed = signing.verify(certificate.token)
    assert {name: value for name, value in signed.items() if name != "iss"} == certificate.claims


def test_a_certificate_is_issued_once() -> None:
    certificate = Registration().certified()
    with pytest.raises(MoveNotAllowed):
        services.certify(
            by=cast.gu(), at=NOON + timedelta(days=30), application_id=certificate.application_id
        )
    with pytest.raises(services.AlreadyApplied):
        services.draft_application(
            by=cast.lin(), at=NOON, version_id=certificate.version_id, title="再登记一次"
        )


def _second_certificate(certificate: Certificate) -> None:
    other = Application.objects.create(
        number="DJ-X", registrant=certificate.holder, version=certificate.version, title="x", created_at=NOON
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO registry_certificate (id, recorded_at, number, application_id, version_id,"
            " holder_id, title, issued_at, valid_from, valid_until, claims, token, key_id, document_key,"
            " document_sha256, state) SELECT gen_random_uuid(), recorded_at, 'ZS-X', %s, version_id,"
            " holder_id, title, issued_at, valid_from, valid_until, claims, token, key_id, '', '', state"
            " FROM registry_certificate",
            [other.pk],
        )


def test_raw_sql_cannot_make_a_second_active_certificate() -> None:
    certificate = Registration().certified()
    with pytest.raises(IntegrityError, match="certificate_one_active_per_version"), transaction.atomic():
        _second_certificate(certificate)


@pytest.mark.parametrize(
    "statement",
    [
        """UPDATE registry_certificate SET claims = '{"jti": "x"}'""",
        "UPDATE registry_certificate SET token = 'a.b.c'",
        "UPDATE registry_certificate SET valid_until = '2099-01-01'",
        "UPDATE registry_certificate SET title = '别的资产'",
        "UPDATE registry_certificate SET holder_id ="
        " (SELECT id FROM organizations_organization WHERE id <> holder_id LIMIT 1)",
        "DELETE FROM registry_certificate",
    ],
)
def test_raw_sql_cannot_change_the_signed_text(statement: str) -> None:
    Registration().certified()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_finding_is_never_changed() -> None:
    Registration().judged()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE registry_finding SET verdict = 'fail'")


# --- the life of a certificate ------------------------------------------------------------------


def test_suspension_and_resumption_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    monkeypatch.setattr("assets.registry.services.certificates.announce", told.append)
    certificate = Registration().certified()
    at = NOON + timedelta(days=30)
    services.suspend(by=cast.gu(), at=at, certificate_id=certificate.pk, reason="核查来源")
    services.resume(by=cast.gu(), at=at, certificate_id=certificate.pk, reason="来源属实")
    assert [type(event).__name__ for event in told] == [
        "CertificateIssued",
        "CertificateLapsed",
        "CertificateResumed",
    ]


def test_certificates_expire_the_day_after_their_last_day() -> None:
    certificate = Registration().certified()  # valid until 22 March 2029
    assert certificate.valid_until == date(2029, 3, 22)
    assert services.expire_due(NOON.replace(year=2029, month=3, day=22)) == 0
    assert services.expire_due(NOON.replace(year=2029, month=3, day=23)) == 1
    assert services.expire_due(NOON.replace(year=2029, month=3, day=23)) == 0
    certificate.refresh_from_db()
    assert certificate.state == "expired"


def test_a_suspended_certificate_past_its_end_does_not_come_back() -> None:
    certificate = Registration().certified()
    services.suspend(by=cast.gu(), at=NOON + timedelta(days=30), certificate_id=certificate.pk, reason="核查")
    with pytest.raises(services.CertificatePastEnd):
        services.resume(
            by=cast.gu(), at=NOON.replace(year=2029, month=4), certificate_id=certificate.pk, reason="查清"
        )


def test_a_registered_version_cannot_be_withdrawn() -> None:
    from assets.datasets.events import VersionWithdrawn

    certificate = Registration().certified()
    news = VersionWithdrawn(at=NOON, version_id=certificate.version_id, by=cast.lin())
    with pytest.raises(services.VersionRegistered):
        services.refuse_withdrawal_of_registered(news)


def test_every_step_is_a_transition_with_a_name() -> None:
    certificate = Registration().certified()
    rows = Transition.objects.filter(subject_id=certificate.application_id).order_by("at", "id")
    assert [row.move for row in rows] == ["submit", "accept", "review", "pass", "certify"]
    assert rows[0].actor_label == "Lin · 清蓝数据标注（示例）有限公司"


# --- the state tables ---------------------------------------------------------------------------


@pytest.mark.parametrize("state", ApplicationState.values)
@pytest.mark.parametrize("move", APPLICATION.moves)
def test_an_application_takes_exactly_the_moves_of_its_table(state: str, move: str) -> None:
    application = Application(state=state)
    if state in APPLICATION.moves[move].from_:
        assert APPLICATION.check(application, move).name == move
    else:
        with pytest.raises(MoveNotAllowed):
            APPLICATION.check(application, move)


@pytest.mark.parametrize("state", CertificateState.values)
@pytest.mark.parametrize("move", CERTIFICATE.moves)
def test_a_certificate_takes_exactly_the_moves_of_its_table(state: str, move: str) -> None:
    certificate = Certificate(state=state)
    if state in CERTIFICATE.moves[move].from_:
        assert CERTIFICATE.check(certificate, move).name == move
    else:
        with pytest.raises(MoveNotAllowed):
            CERTIFICATE.check(certificate, move)


SERVICES = {
    "submit": (services.submit, cast.lin, {}),
    "accept": (services.accept_for_review, cast.gu, {}),
    "review": (services.begin_review, cast.gu, {}),
    "return": (services.return_, cast.gu, {"reason": "请补正"}),
    "pass": (services.pass_review, cast.gu, {}),
    "reject": (services.reject, cast.gu, {"reason": "不符合"}),
    "certify": (services.certify, cast.gu, {}),
    "conclude": (services.conclude, cast.gu, {}),
    "withdraw": (services.withdraw_application, cast.lin, {}),
}


@pytest.mark.parametrize("move", SERVICES)
def test_a_service_refuses_every_state_its_move_does_not_leave(move: str) -> None:
    draft = Registration().draft()
    service, who, more = SERVICES[move]
    for state in set(ApplicationState.values) - set(APPLICATION.moves[move].from_):
        Application.objects.filter(pk=draft.pk).update(
            state=state,
            submitted_at=NOON,
            notice_until=date(2026, 1, 5),
            due_on=date(2026, 1, 5),
            notice_days_left=3,
        )
        with pytest.raises(MoveNotAllowed):
            service(by=who(), at=NOON, application_id=draft.pk, **more)  # type: ignore[operator]
        assert moved(draft).state == state
