"""The applicant's side: draft, edit, attach, agree, submit, withdraw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from annotation.projects.models import Project
from assets.datasets.models import DatasetVersion
from assets.datasets.states import VersionState
from assets.registry import rules
from assets.registry.events import AgreementAsked, ApplicationSubmitted
from assets.registry.models import Application, Attachment, Certificate
from assets.registry.permissions import AGREE, APPLY
from assets.registry.selectors import (
    ACCEPTED_PROJECTS,
    ACTIVE,
    agreement_hash,
    completeness,
    dispute_of,
    parameters_on,
)
from assets.registry.states import (
    APPLICATION,
    OPEN_STATES,
    ApplicationState,
    CertificateState,
    Classification,
    ProductKind,
    RegistrationKind,
    Right,
)
from audit.services import record
from documents.models import Document
from documents.states import DocumentState
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce
from kernel.numbers import new_number
from organizations.models import Organization
from organizations.permissions import Actor

EDITABLE = (ApplicationState.DRAFT, ApplicationState.RETURNED)
MAXIMUM_FILES = 20
_Thing = TypeVar("_Thing", bound=Model)


class VersionNotSealed(Refusal):
    """Only a sealed version can be registered."""

    code = "version_not_sealed"
    message = _("只有已封版、未撤回的数据集版本才能申请登记。请先封版。")


class ProjectNotAccepted(Refusal):
    """Only an accepted annotation project can be registered."""

    code = "project_not_accepted"
    message = _("只有已验收的标注项目才能申请登记。请先完成交付和验收。")


class AlreadyApplied(Refusal):
    """The version or project has an application on its way, or a certificate."""

    code = "already_applied"
    message = _("这个登记对象已有登记申请或证书（%(number)s），不能重复申请。")


class NotEditable(Refusal):
    """Only a draft or a returned application is edited."""

    code = "application_not_editable"
    message = _("申请当前为“%(state)s”，不能修改。需要修改时请等待登记机构退回，或撤回后重新申请。")


class ApplicationIncomplete(Refusal):
    """The application lacks something; `missing` names each."""

    code = "application_incomplete"
    message = _("申请还不完整：%(missing)s。")
    status = 422


class SubjectNotInForce(Refusal):
    """The certificate an application is about is not in force."""

    code = "certificate_not_valid"
    message = _("证书 %(number)s 当前为“%(state)s”，不能办理这类登记。")


class DisputeOpen(Refusal):
    """While an objection or revocation is open, the certificate's register entry does not move."""

    code = "dispute_open"
    message = _("证书 %(number)s 有未决的异议或撤销程序（%(dispute)s），办结前不能办理这类登记。")


class NotRenewable(Refusal):
    """Renewal is only possible around the certificate's final day."""

    code = "outside_renewal_window"
    message = _(
        "有效期至 %(until)s。届满前 %(before)s 日至届满后 %(after)s 日之间可以办理续展，请在此期间申请。"
    )


def _locked(rows: Any, key: UUID) -> Any:
    found = rows.filter(pk=key).order_by("pk").first()
    if found is None:
        raise NotFound
    return found


def locked_application(application_id: UUID) -> Application:
    """The application, locked until the transaction ends; NotFound if there is none."""
    rows = Application.objects.select_for_update(of=("self",)).select_related(
        "registrant", "version__dataset", "project__firm", "project__client", "other"
    )
    found: Application = _locked(rows, application_id)
    return found


def locked_certificate(certificate_id: UUID) -> Certificate:
    """The certificate, locked until the transaction ends; NotFound if there is none."""
    rows = Certificate.objects.select_for_update(of=("self",), no_key=True).select_related(
        "holder", "version__dataset"
    )
    found: Certificate = _locked(rows, certificate_id)
    return found


def _own(by: Actor, application_id: UUID) -> Application:
    application = locked_application(application_id)
    if not by.belongs_to(application.registrant_id):
        raise NotFound
    by.require(APPLY)
    return application


def _editable(by: Actor, application_id: UUID) -> Application:
    application = _own(by, application_id)
    if application.state not in EDITABLE:
        raise NotEditable(state=application.get_state_display())
    return application


def _checked(name: str, value: Any) -> Any:
    """One field's value, stripped and known; InvalidInput otherwise."""
    known: dict[str, Sequence[str]] = {
        "classification": ["", *Classification.values],
        "product_kind": ProductKind.values,
    }
    if name == "rights":
        chosen = [str(right) for right in dict.fromkeys(value)]
        if not set(chosen) <= set(Right.values):
            raise InvalidInput(field=name, reason=_("请从列表中选择登记权利。"))
        return [right for right in Right.values if right in chosen]
    if name == "licence_until":
        assert value is None or isinstance(value, date), "a day or none"
        return value
    if name in known and value not in known[name]:
        raise InvalidInput(field=name, reason=_("请从列表中选择。"))
    return str(value).strip()


# --- drafts -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Object:
    """What a first application names; both empty for a product that files describe."""

    version: DatasetVersion | None = None
    project: Project | None = None


def _version(by: Actor, version_id: UUID) -> DatasetVersion:
    rows = DatasetVersion.objects.select_for_update(of=("self",), no_key=True).select_related("dataset")
    version: DatasetVersion = _locked(rows, version_id)
    if not by.belongs_to(version.dataset.firm_id):
        raise NotFound
    by.require(APPLY)
    if version.state != VersionState.SEALED:
        raise VersionNotSealed
    return version


def _project(by: Actor, project_id: UUID) -> Project:
    project: Project = _locked(Project.objects.select_for_update(of=("self",), no_key=True), project_id)
    if not by.belongs_to(project.firm_id):
        raise NotFound
    by.require(APPLY)
    if project.state not in ACCEPTED_PROJECTS:
        raise ProjectNotAccepted
    return project


def _refuse_second(**thing: Model) -> None:
    """AlreadyApplied if a version or project is registered, or on its way."""
    known = (
        Application.objects.filter(state__in=OPEN_STATES, **thing).values_list("number", flat=True).first()
        or Certificate.objects.filter(state__in=ACTIVE, **thing).values_list("number", flat=True).first()
    )
    if known:
        raise AlreadyApplied(number=known)


def _object(by: Actor, version_id: UUID | None, project_id: UUID | None, product_kind: str) -> _Object:
    if version_id is not None and project_id is not None:
        raise InvalidInput(field="project_id", reason=_("一份申请只登记一个对象：数据集版本或标注项目。"))
    if project_id is not None:
        project = _project(by, project_id)
        _refuse_second(project=project)
        found = _Object(project=project)
    elif version_id is not None:
        version = _version(by, version_id)
        _refuse_second(version=version)
        found = _Object(version=version)
    else:
        by.require(APPLY)
        found = _Object()
    fitting = rules.product_kinds_of(
        has_project=found.project is not None, has_version=found.version is not None
    )
    if product_kind not in fitting:
        reason = _("资产类型与登记对象不符：数据集须选择版本，标注任务与标注服务须选择已验收的标注项目。")
        raise InvalidInput(field="product_kind", reason=reason)
    return found


@transaction.atomic
def draft_application(
    *,
    by: Actor,
    at: datetime,
    title: str,
    version_id: UUID | None = None,
    project_id: UUID | None = None,
    use_case: str = "",
    source_statement: str = "",
    rights: Sequence[str] = (),
    classification: str = "",
    legal_statement: str = "",
    arrangement: str = "",
    product_kind: str = "dataset",
) -> Application:
    """A draft for a sealed version, an accepted project, or another product; one at a time for each thing."""
    thing = _object(by, version_id, project_id, product_kind)
    if not title.strip():
        raise InvalidInput(field="title", reason=_("请填写资产名称。"))
    registrant_id = by.organization_id
    if thing.version is not None:
        registrant_id = thing.version.dataset.firm_id
    elif thing.project is not None:
        registrant_id = thing.project.firm_id
    assert registrant_id is not None, "a registrant is an organization"
    application = Application.objects.create(
        number=new_number("DJ", at),
        registrant_id=registrant_id,
        kind=RegistrationKind.INITIAL,
        product_kind=product_kind,
        version=thing.version,
        project=thing.project,
        title=_checked("title", title),
        use_case=_checked("use_case", use_case),
        source_statement=_checked("source_statement", source_statement),
        rights=_checked("rights", rights),
        classification=_checked("classification", classification),
        legal_statement=_checked("legal_statement", legal_statement),
        arrangement=_checked("arrangement", arrangement),
        created_by=by.user,
        created_at=at,
    )
    named = thing.version.root_hash if thing.version else thing.project.number if thing.project else ""
    record(by=by, at=at, action="registry.draft", subject=application, detail={"version": named})
    return application


def ensure_movable(certificate: Certificate, kind: str, on: date) -> None:
    """Refuse unless the certificate's register entry may take a registration of that kind on a day."""
    dispute = dispute_of(certificate)
    if dispute:
        raise DisputeOpen(number=certificate.number, dispute=dispute)
    allowed = [CertificateState.VALID]
    if kind == RegistrationKind.RENEWAL:
        allowed.append(CertificateState.EXPIRED)
    if certificate.state not in allowed or (
        kind != RegistrationKind.RENEWAL and certificate.valid_until < on
    ):
        raise SubjectNotInForce(number=certificate.number, state=certificate.get_state_display())


def _ensure_window(certificate: Certificate, on: date) -> None:
    parameters = parameters_on(on)
    if not rules.is_renewable(certificate.valid_until, on, parameters):
        raise NotRenewable(
            until=certificate.valid_until,
            before=parameters.renewal_before_days,
            after=parameters.renewal_after_days,
        )


_COPIED = (
    "title",
    "use_case",
    "source_statement",
    "rights",
    "classification",
    "legal_statement",
    "arrangement",
)


@transaction.atomic
def draft_follow_up(
    *,
    by: Actor,
    at: datetime,
    certificate_id: UUID,
    kind: str,
    reason: str = "",
    version_id: UUID | None = None,
) -> Application:
    """The holder's draft of a change, correction, transfer, licence, renewal or cancellation.

    It starts with what the certificate says. `version_id`: the version a change registers (the same if none).
    """
    certificate = locked_certificate(certificate_id)
    if not by.belongs_to(certificate.holder_id):
        raise NotFound
    by.require(APPLY)
    if kind not in rules.KINDS or kind == RegistrationKind.INITIAL:
        raise InvalidInput(field="kind", reason=_("请从列表中选择登记类型。"))
    on = clock.business_date(at)
    ensure_movable(certificate, kind, on)
    if kind == RegistrationKind.RENEWAL:
        _ensure_window(certificate, on)
    busy = certificate.follow_ups.filter(state__in=OPEN_STATES).exclude(kind=RegistrationKind.LICENCE).first()
    if busy is not None and kind != RegistrationKind.LICENCE:
        raise AlreadyApplied(number=busy.number)
    former = Application.objects.get(pk=certificate.application_id)
    application = Application.objects.create(
        number=new_number("DJ", at),
        registrant_id=certificate.holder_id,
        kind=kind,
        product_kind=former.product_kind,
        version=_changed_version(certificate, kind, version_id),
        project_id=certificate.project_id,
        subject=certificate,
        reason=_checked("reason", reason),
        created_by=by.user,
        created_at=at,
        **{name: getattr(former, name) for name in _COPIED},
    )
    _copy_files(former, application, by, at)
    detail = {"kind": kind, "certificate": certificate.number}
    record(by=by, at=at, action="registry.draft", subject=application, detail=detail)
    return application


def _changed_version(certificate: Certificate, kind: str, version_id: UUID | None) -> DatasetVersion | None:
    if version_id is None or version_id == certificate.version_id:
        return certificate.version
    if kind != RegistrationKind.CHANGE or certificate.version is None:
        raise InvalidInput(field="version_id", reason=_("只有数据集的变更登记可以换成新版本。"))
    rows = DatasetVersion.objects.select_for_update(of=("self",), no_key=True).select_related("dataset")
    version: DatasetVersion = _locked(rows, version_id)
    if version.dataset_id != certificate.version.dataset_id:
        raise InvalidInput(field="version_id", reason=_("请选择同一数据集的版本；其他数据集请办理首次登记。"))
    if version.state != VersionState.SEALED:
        raise VersionNotSealed
    _refuse_second(version=version)
    return version


def _copy_files(former: Application, application: Application, by: Actor, at: datetime) -> None:
    Attachment.objects.bulk_create(
        Attachment(
            application=application,
            document_id=row.document_id,
            label=row.label,
            attached_by=by.user,
            attached_at=at,
        )
        for row in former.attachments.order_by("pk")
    )


# --- writing ------------------------------------------------------------------------------------


@transaction.atomic
def edit_application(*, by: Actor, at: datetime, application_id: UUID, **changes: Any) -> Application:
    """Change some fields of a draft or returned application: those its kind of registration lets it change.

    An agreement of the other party is void after a change of what was agreed.
    """
    application = _editable(by, application_id)
    allowed = rules.editable_fields(application.kind, application.product_kind)
    for name, value in changes.items():
        assert name in Application.EDITABLE_FIELDS, "unknown field"
        if name not in allowed:
            raise InvalidInput(field=name, reason=_("这类登记不能修改此项。需要修改请办理变更登记。"))
        setattr(application, name, _checked(name, value))
    if not application.title:
        raise InvalidInput(field="title", reason=_("请填写资产名称。"))
    fitting = rules.product_kinds_of(
        has_project=application.project_id is not None, has_version=application.version_id is not None
    )
    if application.product_kind not in fitting:
        raise InvalidInput(field="product_kind", reason=_("资产类型与登记对象不符，请重新选择。"))
    if application.state == ApplicationState.RETURNED and not application.use_case:
        raise InvalidInput(field="use_case", reason=_("没有应用场景不予登记，请写明应用场景。"))
    application.save(update_fields=[*changes, *_void_agreement(application)])
    record(by=by, at=at, action="registry.edit", subject=application, detail={"fields": sorted(changes)})
    return application


def _void_agreement(application: Application) -> list[str]:
    """Forget an agreement whose text is no longer what was agreed; the fields to save."""
    if application.agreed_at is None or application.agreed_sha256 == agreement_hash(application):
        return []
    application.agreed_at, application.agreed_by, application.agreed_sha256 = None, None, ""
    return ["agreed_at", "agreed_by", "agreed_sha256"]


@transaction.atomic
def name_other(*, by: Actor, at: datetime, application_id: UUID, uscc: str) -> Application:
    """Name the transferee or licensee by its USCC; it is told and may agree."""
    application = _editable(by, application_id)
    if not rules.KINDS[application.kind].needs_other:
        raise InvalidInput(field="uscc", reason=_("这类登记没有另一方。"))
    other = Organization.objects.filter(uscc=uscc.strip().upper()).order_by("pk").first()
    if other is None or not other.is_verified:
        raise InvalidInput(
            field="uscc", reason=_("没有找到已认证的单位，请核对统一社会信用代码，或请对方先完成单位认证。")
        )
    if other.pk == application.registrant_id:
        raise InvalidInput(field="uscc", reason=_("另一方不能是本单位。"))
    application.other = other
    application.save(update_fields=["other", *_void_agreement(application)])
    record(by=by, at=at, action="registry.name_other", subject=application, detail={"other": other.uscc})
    announce(AgreementAsked(at=at, application_id=application.pk))
    return application


@transaction.atomic
def agree(*, by: Actor, at: datetime, application_id: UUID) -> Application:
    """The other party of a transfer or licence agrees to exactly what the application says now.

    Signed by a person of it: name, moment and the SHA-256 of the text are kept and go into the audit log.
    """
    application = locked_application(application_id)
    if application.other_id is None or not by.belongs_to(application.other_id):
        raise NotFound
    by.require(AGREE)
    if application.state not in EDITABLE:
        raise NotEditable(state=application.get_state_display())
    application.agreed_by, application.agreed_at = by.user, at
    application.agreed_sha256 = agreement_hash(application)
    application.save(update_fields=["agreed_by", "agreed_at", "agreed_sha256"])
    detail = {"sha256": application.agreed_sha256, "signed": by.label}
    record(by=by, at=at, action="registry.agree", subject=application, detail=detail)
    return application


@transaction.atomic
def attach(
    *, by: Actor, at: datetime, application_id: UUID, document_id: UUID, label: str = ""
) -> Attachment:
    """Add one of the own stored documents to a draft or returned application."""
    application = _editable(by, application_id)
    document = Document.objects.filter(
        pk=document_id, organization=application.registrant_id, state=DocumentState.STORED
    ).first()
    if document is None:
        raise NotFound
    if application.attachments.count() >= MAXIMUM_FILES:
        reason = _("一份申请最多附 %(count)s 份材料，请合并或移除不需要的。") % {"count": MAXIMUM_FILES}
        raise InvalidInput(field="file", reason=reason)
    found, _is_new = Attachment.objects.get_or_create(
        application=application,
        document=document,
        defaults={"label": label.strip(), "attached_by": by.user, "attached_at": at},
    )
    record(by=by, at=at, action="registry.attach", subject=application, detail={"sha256": document.sha256})
    return found


@transaction.atomic
def detach(*, by: Actor, at: datetime, application_id: UUID, attachment_id: UUID) -> None:
    """Take a file off a draft or returned application; the document itself stays."""
    application = _editable(by, application_id)
    found = application.attachments.filter(pk=attachment_id).select_related("document").first()
    if found is None:
        raise NotFound
    found.delete()
    record(
        by=by, at=at, action="registry.detach", subject=application, detail={"sha256": found.document.sha256}
    )


@transaction.atomic
def submit(*, by: Actor, at: datetime, application_id: UUID) -> Application:
    """Hand the application to the registry authority; ApplicationIncomplete names what is missing."""
    application = _own(by, application_id)
    APPLICATION.check(application, "submit")
    on = clock.business_date(at)
    if application.subject_id is not None:
        subject = locked_certificate(application.subject_id)
        ensure_movable(subject, application.kind, on)
    missing = completeness(application)
    if missing:
        raise ApplicationIncomplete(missing="；".join(str(point.words) for point in missing))
    application.submitted_at, application.submitted_by = at, by.user
    application.due_on = rules.due_after(on, parameters_on(on).acceptance_working_days)
    application.reviewer, application.decision_reason, application.escalated_at = None, "", None
    fields = ["submitted_at", "submitted_by", "due_on", "reviewer", "decision_reason", "escalated_at"]
    APPLICATION.move(application, "submit", by=by, at=at, update_fields=fields)
    detail = {"due_on": str(application.due_on)}
    record(by=by, at=at, action="registry.submit", subject=application, detail=detail)
    announce(ApplicationSubmitted(at=at, application_id=application.pk))
    return application


@transaction.atomic
def withdraw_application(*, by: Actor, at: datetime, application_id: UUID, reason: str = "") -> Application:
    """Take the application back before the compliance review begins."""
    application = _own(by, application_id)
    application.due_on = None
    APPLICATION.move(application, "withdraw", by=by, at=at, reason=reason.strip(), update_fields=["due_on"])
    record(by=by, at=at, action="registry.withdraw", subject=application, detail={"reason": reason.strip()})
    return application
