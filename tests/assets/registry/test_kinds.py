"""Every kind of registration: what it asks for, what it does to the certificate, what it refuses."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction

from assets.datasets.services import seal_from_project
from assets.registry import rules, selectors, services, verification
from assets.registry.models import Application, Certificate, Licence
from assets.registry.states import RegistrationKind
from documents.models import Document
from exchange.catalogue import services as catalogue
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.records import new_id
from organizations.models import Organization
from organizations.permissions import Actor
from signing import services as signing
from tests import cast
from tests.assets.conftest import (
    LABELS,
    TEXTS,
    Registration,
    accepted_project,
    after_notice,
    concluded,
    follow_up,
    moved,
    noticed,
    sealed_version,
)
from tests.cast import NOON

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=60)
DAY = date(2026, 5, 1)  # LATER in Shanghai


def stored_document(actor: Actor, *, name: str = "产品说明.pdf") -> Document:
    """A stored document of the actor's organization."""
    key = new_id()
    return Document.objects.create(
        id=key, organization=actor.organization, purpose="evidence", name=name, media_type="application/pdf",
        size=9, sha256=hashlib.sha256(name.encode()).hexdigest(), object_key=f"documents/{key}",
        uploaded_by=actor.user, created_at=NOON, state="stored",
    )  # fmt: skip


def codes(application: Application) -> list[str]:
    return [point.code for point in selectors.completeness(application)]


def stored(certificate: Certificate) -> Certificate:
    return Certificate.objects.get(pk=certificate.pk)


# --- what is registered -------------------------------------------------------------------------


def project_draft(**told: object) -> Application:
    project = accepted_project()
    project.client = cast.organization(cast.YUNSHAN)
    project.save(update_fields=["client"])
    values: dict[str, object] = {
        "title": "酒店评论情感标注任务",
        "use_case": "委托方训练情感识别模型，用于差评的自动分派。",
        "source_statement": "委托方提供的公开评论语料，按 CC BY 4.0 使用。",
        "rights": ["use"],
        "classification": "general",
        "legal_statement": "本单位承诺来源合法、内容真实，并留存处理记录。",
        "arrangement": "原始数据归委托方；标注规范与标注成果的加工使用权归双方。",
        "product_kind": "annotation_task",
        **told,
    }
    return services.draft_application(by=cast.lin(), at=NOON, project_id=project.pk, **values)  # type: ignore[arg-type]


def test_an_annotation_task_is_registered_with_scope_guideline_acceptance_and_parties() -> None:
    draft = project_draft()
    assert codes(draft) == []
    application = noticed(draft, at=NOON)
    certificate = services.certify(by=cast.gu(), at=after_notice(application), application_id=application.pk)
    told = certificate.claims["certificate"]
    assert "asset" not in told
    assert told["project"] == {
        "number": application.project.number,  # type: ignore[union-attr]
        "title": "酒店评论情感",
        "modality": "text",
        "scope": {"item_count": 4, "task_count": 4},
        "guidelines": [{"version": 1, "sha256": hashlib.sha256("判断整条评论的情感。".encode()).hexdigest()}],
        "acceptance": {
            "accepted_count": 4,
            "review_count": 4,
            "returned_count": 0,
            "accepted_on": "2026-03-02",
        },
        "firm": {"name": cast.QINGLAN[0], "name_en": "", "uscc": cast.QINGLAN[1]},
        "client": {"name": cast.YUNSHAN[0], "name_en": "", "uscc": cast.YUNSHAN[1]},
        "arrangement": "原始数据归委托方；标注规范与标注成果的加工使用权归双方。",
    }
    verdict = verification.verify_number(certificate.number, on=date(2026, 4, 1))
    assert verdict.is_valid
    services.issue_document(by=cast.gu(), at=LATER, certificate_id=certificate.pk)
    assert len(stored(certificate).document_sha256) == 64


def test_the_review_of_an_annotation_task_asks_for_the_rights_between_client_and_firm() -> None:
    draft = project_draft(arrangement="")
    assert codes(draft) == ["arrangement"]
    assert [check.code for check in rules.checklist_of("initial", "annotation_task")][5] == "parties"


def test_an_annotation_task_is_registered_once() -> None:
    draft = project_draft()
    with pytest.raises(services.AlreadyApplied) as refused:
        services.draft_application(
            by=cast.lin(),
            at=NOON,
            title="再来一次",
            project_id=draft.project_id,
            product_kind="annotation_task",
        )
    assert draft.number in str(refused.value)


def test_a_project_that_is_not_accepted_is_not_registered() -> None:
    project = accepted_project()
    project.state = "delivered"
    project.save(update_fields=["state"])
    with pytest.raises(services.ProjectNotAccepted):
        services.draft_application(
            by=cast.lin(), at=NOON, title="任务", project_id=project.pk, product_kind="annotation_task"
        )


def test_nobody_registers_the_project_of_another_firm() -> None:
    project = accepted_project()
    with pytest.raises(NotFound):
        services.draft_application(
            by=cast.he(), at=NOON, title="任务", project_id=project.pk, product_kind="annotation_task"
        )


@pytest.mark.parametrize("kind", ["data_service", "indicator", "report", "model", "application"])
def test_another_product_is_registered_by_the_files_that_describe_it(kind: str) -> None:
    draft = services.draft_application(
        by=cast.lin(), at=NOON, title="评论情感指数（示例）", product_kind=kind, rights=["operation"],
        use_case="供景区按月比较口碑变化。", source_statement="由本单位已登记的数据集计算得出。",
        classification="general", legal_statement="本单位承诺来源合法、内容真实。",
    )  # fmt: skip
    assert codes(draft) == ["files"]
    document = stored_document(cast.lin())
    services.attach(
        by=cast.lin(), at=NOON, application_id=draft.pk, document_id=document.pk, label="产品说明"
    )
    application = noticed(draft, at=NOON)
    certificate = services.certify(by=cast.gu(), at=after_notice(application), application_id=application.pk)
    assert certificate.claims["certificate"]["files"] == [{"name": "产品说明", "sha256": document.sha256}]
    assert verification.verify_number(certificate.number, on=date(2026, 4, 1)).is_valid


@pytest.mark.parametrize(
    ("thing", "kind"),
    [("version", "annotation_task"), ("project", "dataset"), ("project", "report"), ("none", "dataset")],
)
def test_a_product_kind_names_exactly_the_thing_it_needs(thing: str, kind: str) -> None:
    told = {
        "version": lambda: {"version_id": sealed_version().pk},
        "project": lambda: {"project_id": accepted_project().pk},
        "none": dict,
    }[thing]()
    with pytest.raises(InvalidInput) as refused:
        services.draft_application(by=cast.lin(), at=NOON, title="资产", product_kind=kind, **told)
    assert refused.value.field == "product_kind"
    assert not Application.objects.exists()


def test_raw_sql_cannot_name_the_wrong_thing_either() -> None:
    draft = Registration().draft()
    with pytest.raises(IntegrityError, match="application_names_its_thing"), transaction.atomic():
        Application.objects.filter(pk=draft.pk).update(product_kind="annotation_task")


def test_a_document_of_another_organization_is_not_attached() -> None:
    draft = Registration().draft()
    document = stored_document(cast.zhou())
    with pytest.raises(NotFound):
        services.attach(by=cast.lin(), at=NOON, application_id=draft.pk, document_id=document.pk)
    assert draft.attachments.count() == 0


# --- change -------------------------------------------------------------------------------------


def next_version(certificate: Certificate) -> object:
    assert certificate.version is not None
    project = accepted_project(texts=(*TEXTS, "前台热情。"), labels=(*LABELS, "正面"), title="第二批")
    return seal_from_project(
        by=cast.lin(), at=LATER, dataset_id=certificate.version.dataset_id, project_id=project.pk
    ).pk


def test_a_change_registers_a_new_version_shows_what_differs_and_keeps_the_end() -> None:
    former = Registration().certified()
    draft = follow_up(
        former, "change", at=LATER, version_id=next_version(former), use_case="供景区训练客服模型。"
    )
    found = {str(one.label): (one.before, one.after) for one in selectors.differences(draft)}
    assert found["数据集版本"] == ("v1", "v2")
    assert found["样本数"] == ("4", "5")
    assert found["标签“正面”"] == ("2", "3")
    assert found["应用场景"][1] == "供景区训练客服模型。"
    application = noticed(draft, at=LATER)
    certificate = services.certify(by=cast.gu(), at=after_notice(application), application_id=application.pk)
    assert stored(former).state == "changed"
    assert (certificate.replaces_id, certificate.valid_until) == (former.pk, former.valid_until)
    assert certificate.claims["certificate"]["replaces"] == former.number
    assert certificate.claims["certificate"]["asset"]["version"] == 2
    assert verification.verify_number(former.number, on=date(2026, 9, 1)).outcome == "changed"
    assert verification.verify_number(certificate.number, on=date(2026, 9, 1)).is_valid


def test_a_change_has_its_own_review_of_the_difference() -> None:
    former = Registration().certified()
    draft = follow_up(former, "change", at=LATER, title="酒店评论情感数据集（修订）")
    services.submit(by=cast.lin(), at=LATER, application_id=draft.pk)
    stands = selectors.standing(moved(draft))
    assert stands[0].check.code == "difference"
    assert all(stand.is_open for stand in stands if not stand.check.is_automatic)


def test_a_change_of_nothing_is_not_complete() -> None:
    former = Registration().certified()
    assert codes(follow_up(former, "change", at=LATER)) == ["unchanged"]


def test_a_change_takes_only_a_version_of_the_same_dataset() -> None:
    former = Registration().certified()
    with pytest.raises(InvalidInput) as refused:
        follow_up(former, "change", at=LATER, version_id=sealed_version(texts=TEXTS[:2]).pk)
    assert refused.value.field == "version_id"


def test_one_follow_up_at_a_time_even_by_raw_sql() -> None:
    former = Registration().certified()
    draft = follow_up(former, "change", at=LATER, title="新名称")
    with pytest.raises(services.AlreadyApplied) as refused:
        follow_up(former, "correction", at=LATER)
    assert draft.number in str(refused.value)
    follow_up(former, "licence", at=LATER)
    with pytest.raises(IntegrityError, match="application_one_open_per_certificate"), transaction.atomic():
        Application.objects.filter(kind="licence").update(kind="renewal")


# --- correction ---------------------------------------------------------------------------------


def test_a_correction_mends_a_slip_without_notice_and_keeps_the_period() -> None:
    former = Registration().certified()
    draft = follow_up(
        former, "correction", at=LATER, title="酒店评论情感数据集（示例）", reason="名称漏写“示例”二字。"
    )
    application = concluded(draft, at=LATER)
    certificate = application.certificate
    assert application.state == "certified"
    assert certificate.title == "酒店评论情感数据集（示例）"
    assert (certificate.valid_from, certificate.valid_until) == (former.valid_from, former.valid_until)
    assert stored(former).state == "changed"
    assert moved(application).notice_until is None


@pytest.mark.parametrize("name", ["rights", "classification"])
def test_a_correction_does_not_touch_rights_or_classification(name: str) -> None:
    former = Registration().certified()
    draft = follow_up(former, "correction", at=LATER)
    value: object = ["use"] if name == "rights" else "important"
    with pytest.raises(InvalidInput) as refused:
        services.edit_application(by=cast.lin(), at=LATER, application_id=draft.pk, **{name: value})
    assert refused.value.field == name


# --- transfer -----------------------------------------------------------------------------------


def transfer(certificate: Certificate) -> Application:
    """A transfer of 清蓝's certificate to 北江, agreed by both."""
    draft = follow_up(certificate, "transfer", at=LATER)
    services.name_other(by=cast.lin(), at=LATER, application_id=draft.pk, uscc=cast.BEIJIANG[1])
    return services.agree(by=cast.he(), at=LATER, application_id=draft.pk)


def test_a_transfer_needs_the_other_side_and_gives_it_the_certificate() -> None:
    former = Registration().certified()
    draft = follow_up(former, "transfer", at=LATER)
    assert codes(draft) == ["other"]
    services.name_other(by=cast.lin(), at=LATER, application_id=draft.pk, uscc=cast.BEIJIANG[1])
    assert codes(moved(draft)) == ["agreement"]
    with pytest.raises(services.ApplicationIncomplete):
        services.submit(by=cast.lin(), at=LATER, application_id=draft.pk)
    services.agree(by=cast.he(), at=LATER, application_id=draft.pk)
    application = noticed(moved(draft), at=LATER)
    certificate = services.certify(by=cast.gu(), at=after_notice(application), application_id=application.pk)
    assert stored(former).state == "transferred"
    assert certificate.holder == cast.organization(cast.BEIJIANG)
    assert certificate.claims["sub"] == cast.BEIJIANG[1]
    assert certificate.version_id == former.version_id
    product = catalogue.draft_product(
        by=cast.he(), at=after_notice(application), certificate_id=certificate.pk, title="酒店评论",
        summary="情感", description="示例", industry="education", licence="training",
    )  # fmt: skip
    assert product.supplier == cast.organization(cast.BEIJIANG)
    with pytest.raises(NotFound):
        follow_up(certificate, "change", at=LATER)


def test_an_agreement_is_void_when_what_was_agreed_changes() -> None:
    draft = transfer(Registration().certified())
    services.edit_application(
        by=cast.lin(), at=LATER, application_id=draft.pk, reason="另有约定，转让价款另付。"
    )
    assert moved(draft).agreed_at is None
    assert codes(draft) == ["agreement"]


def test_only_the_named_party_agrees() -> None:
    former = Registration().certified()
    draft = follow_up(former, "transfer", at=LATER)
    services.name_other(by=cast.lin(), at=LATER, application_id=draft.pk, uscc=cast.BEIJIANG[1])
    for who in (cast.lin, cast.zhou, cast.gu):
        with pytest.raises(NotFound):
            services.agree(by=who(), at=LATER, application_id=draft.pk)
    annotator = cast.person("wu", cast.BEIJIANG, cast.Role.ANNOTATOR)
    with pytest.raises(NotAllowed):
        services.agree(by=annotator, at=LATER, application_id=draft.pk)


def test_the_other_party_must_be_verified_and_somebody_else() -> None:
    former = Registration().certified()
    draft = follow_up(former, "transfer", at=LATER)
    cast.organization(cast.BEIJIANG)
    Organization.objects.filter(uscc=cast.BEIJIANG[1]).update(verification="unverified")
    for uscc in (cast.BEIJIANG[1], cast.QINGLAN[1], "91440000000000000X"):
        with pytest.raises(InvalidInput) as refused:
            services.name_other(by=cast.lin(), at=LATER, application_id=draft.pk, uscc=uscc)
        assert refused.value.field == "uscc"


def test_the_transferee_never_reviews_its_own_transfer() -> None:
    from kernel.errors import SelfReview
    from organizations.models import Membership

    draft = transfer(Registration().certified())
    services.submit(by=cast.lin(), at=LATER, application_id=draft.pk)
    hat = Membership.objects.create(
        user=cast.he().user, organization=cast.organization(cast.BASE), roles=["registration_reviewer"]
    )
    with pytest.raises(SelfReview):
        services.accept_for_review(by=Actor.of(hat), at=LATER, application_id=draft.pk)


# --- licence ------------------------------------------------------------------------------------


def licence_draft(certificate: Certificate, until: date = date(2027, 5, 1)) -> Application:
    draft = follow_up(
        certificate, "licence", at=LATER, scope="仅供本公司内部训练模型，不得转授。", licence_until=until
    )
    services.name_other(by=cast.lin(), at=LATER, application_id=draft.pk, uscc=cast.YUNSHAN[1])
    return services.agree(by=cast.zhou(), at=LATER, application_id=draft.pk)


def test_a_licence_is_registered_beside_the_certificate_with_a_number_of_its_own() -> None:
    certificate = Registration().certified()
    application = concluded(licence_draft(certificate), at=LATER)
    licence = Licence.objects.get()
    assert stored(certificate).state == "valid"
    assert licence.number.startswith("XK-2026-")
    assert licence.licensee == cast.organization(cast.YUNSHAN)
    assert (licence.valid_from, licence.valid_until) == (DAY, date(2027, 5, 1))
    signed = signing.verify(licence.token)
    assert signed["licence"]["scope"] == "仅供本公司内部训练模型，不得转授。"
    assert selectors.licences_of(certificate) == [licence]
    assert moved(application).state == "certified"


def test_a_licence_cannot_outlast_the_certificate() -> None:
    certificate = Registration().certified()
    draft = licence_draft(certificate, until=certificate.valid_until + timedelta(days=1))
    assert codes(draft) == ["licence_past_certificate"]


# --- renewal ------------------------------------------------------------------------------------


def test_a_renewal_only_around_the_end_adds_whole_years_to_it() -> None:
    former = Registration().certified()  # valid until 22 March 2029
    first = NOON.replace(year=2028, month=12, day=22)
    with pytest.raises(services.NotRenewable) as refused:
        follow_up(former, "renewal", at=first - timedelta(days=1))
    assert "2029-03-22" in str(refused.value)
    application = concluded(follow_up(former, "renewal", at=first), at=first)
    assert stored(former).state == "renewed"
    assert application.certificate.valid_from == date(2028, 12, 22)
    assert application.certificate.valid_until == date(2032, 3, 22)


def test_an_expired_certificate_is_renewed_from_the_day_of_the_decision() -> None:
    former = Registration().certified()
    at = NOON.replace(year=2029, month=5, day=7)
    services.expire_due(at)
    application = concluded(follow_up(former, "renewal", at=at), at=at)
    assert application.certificate.valid_until == date(2032, 5, 6)
    assert stored(former).state == "renewed"


def test_ninety_days_after_the_end_it_is_too_late() -> None:
    former = Registration().certified()
    at = NOON.replace(year=2029, month=6, day=21)
    services.expire_due(at)
    with pytest.raises(services.NotRenewable):
        follow_up(former, "renewal", at=at)


# --- cancellation -------------------------------------------------------------------------------


def test_a_cancellation_by_the_holder_ends_the_certificate_and_makes_none() -> None:
    certificate = Registration().certified()
    application = concluded(
        follow_up(certificate, "cancellation", at=LATER, reason="原始授权已到期，不再经营。"), at=LATER
    )
    assert stored(certificate).state == "cancelled"
    assert moved(application).state == "certified"
    assert Certificate.objects.count() == 1


@pytest.mark.parametrize("who", [cast.gu, cast.he, cast.zhou])
@pytest.mark.parametrize("kind", sorted(set(rules.KINDS) - {RegistrationKind.INITIAL}))
def test_nobody_but_the_holder_applies_for_anything(who: object, kind: str) -> None:
    certificate = Registration().certified()
    with pytest.raises(NotFound):
        services.draft_follow_up(by=who(), at=LATER, certificate_id=certificate.pk, kind=kind)  # type: ignore[operator]
    assert Application.objects.count() == 1


@pytest.mark.parametrize("kind", ["revocation", "objection", "initial", "x"])
def test_what_is_not_applied_for_under_a_certificate_is_refused(kind: str) -> None:
    certificate = Registration().certified()
    with pytest.raises(InvalidInput):
        services.draft_follow_up(by=cast.lin(), at=LATER, certificate_id=certificate.pk, kind=kind)


@pytest.mark.parametrize("kind", sorted(set(rules.KINDS) - {"initial", "renewal"}))
def test_nothing_moves_while_a_certificate_is_suspended_or_over(kind: str) -> None:
    certificate = Registration().certified()
    services.suspend(by=cast.gu(), at=LATER, certificate_id=certificate.pk, reason="核查")
    with pytest.raises(services.SubjectNotInForce):
        services.draft_follow_up(by=cast.lin(), at=LATER, certificate_id=certificate.pk, kind=kind)
    services.resume(by=cast.gu(), at=LATER, certificate_id=certificate.pk, reason="属实")
    over = NOON.replace(year=2029, month=3, day=23)  # before the hourly task has run
    with pytest.raises(services.SubjectNotInForce):
        services.draft_follow_up(by=cast.lin(), at=over, certificate_id=certificate.pk, kind=kind)


def test_a_kind_without_notice_is_not_shown_and_one_with_notice_is_not_skipped() -> None:
    correction = follow_up(Registration().certified(), "correction", at=LATER, title="改")
    services.submit(by=cast.lin(), at=LATER, application_id=correction.pk)
    from tests.assets.conftest import reviewed

    reviewed(correction, at=LATER)
    with pytest.raises(services.WrongKind):
        services.pass_review(by=cast.gu(), at=LATER, application_id=correction.pk)
    initial = Registration(version=sealed_version(texts=TEXTS[:2])).judged()
    with pytest.raises(services.WrongKind):
        services.conclude(by=cast.gu(), at=LATER, application_id=initial.pk)
    assert moved(initial).state == "compliance_review"


def test_older_certificates_say_exactly_what_they_said() -> None:
    told = Registration().certified().claims["certificate"]
    assert set(told) == {
        "number", "application", "kind", "product_kind", "title", "holder", "authority", "asset", "rights",
        "classification", "use_case", "source", "issued_on", "valid_from", "valid_until", "is_demo",
        "verification_url",
    }  # fmt: skip
