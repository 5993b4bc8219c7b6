"""The registrant's side: draft, edit, submit, withdraw."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from assets.datasets.models import DatasetVersion
from assets.datasets.states import VersionState
from assets.registry import rules
from assets.registry.models import Application, Certificate
from assets.registry.permissions import APPLY
from assets.registry.selectors import completeness
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
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.numbers import new_number
from organizations.permissions import Actor

EDITABLE = (ApplicationState.DRAFT, ApplicationState.RETURNED)
ACTIVE = (CertificateState.VALID, CertificateState.SUSPENDED)


class VersionNotSealed(Refusal):
    """Only a sealed version can be registered."""

    code = "version_not_sealed"
    message = _("只有已封版、未撤回的数据集版本才能申请登记。请先封版。")


class AlreadyApplied(Refusal):
    """The version has an application on its way, or a certificate."""

    code = "already_applied"
    message = _("这个版本已有登记申请或证书（%(number)s），不能重复申请。")


class NotEditable(Refusal):
    """Only a draft or a returned application is edited."""

    code = "application_not_editable"
    message = _("申请当前为“%(state)s”，不能修改。需要修改时请等待登记机构退回，或撤回后重新申请。")


class ApplicationIncomplete(Refusal):
    """The application lacks something; `missing` names each."""

    code = "application_incomplete"
    message = _("申请还不完整：%(missing)s。")
    status = 422


def locked_application(application_id: UUID) -> Application:
    """The application, locked until the transaction ends; NotFound if there is none."""
    rows = Application.objects.select_for_update(of=("self",)).select_related(
        "registrant", "version__dataset"
    )
    found = rows.filter(pk=application_id).order_by("pk").first()
    if found is None:
        raise NotFound
    return found


def _own(by: Actor, application_id: UUID) -> Application:
    application = locked_application(application_id)
    if not by.belongs_to(application.registrant_id):
        raise NotFound
    by.require(APPLY)
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
    if name in known and value not in known[name]:
        raise InvalidInput(field=name, reason=_("请从列表中选择。"))
    return str(value).strip()


@transaction.atomic
def draft_application(
    *,
    by: Actor,
    at: datetime,
    version_id: UUID,
    title: str,
    use_case: str = "",
    source_statement: str = "",
    rights: Sequence[str] = (),
    classification: str = "",
    legal_statement: str = "",
    product_kind: str = "dataset",
) -> Application:
    """A draft application for a sealed version of the own firm; one at a time for each version."""
    rows = DatasetVersion.objects.select_for_update(of=("self",)).select_related("dataset")
    version = rows.filter(pk=version_id).order_by("pk").first()
    if version is None or not by.belongs_to(version.dataset.firm_id):
        raise NotFound
    by.require(APPLY)
    if version.state != VersionState.SEALED:
        raise VersionNotSealed
    known = (
        Application.objects.filter(version=version, state__in=OPEN_STATES)
        .values_list("number", flat=True)
        .first()
        or Certificate.objects.filter(version=version, state__in=ACTIVE)
        .values_list("number", flat=True)
        .first()
    )
    if known:
        raise AlreadyApplied(number=known)
    if not title.strip():
        raise InvalidInput(field="title", reason=_("请填写资产名称。"))
    application = Application.objects.create(
        number=new_number("DJ", at),
        registrant_id=version.dataset.firm_id,
        kind=RegistrationKind.INITIAL,
        product_kind=_checked("product_kind", product_kind),
        version=version,
        title=_checked("title", title),
        use_case=_checked("use_case", use_case),
        source_statement=_checked("source_statement", source_statement),
        rights=_checked("rights", rights),
        classification=_checked("classification", classification),
        legal_statement=_checked("legal_statement", legal_statement),
        created_by=by.user,
        created_at=at,
    )
    record(by=by, at=at, action="registry.draft", subject=application, detail={"version": version.root_hash})
    return application


EDITABLE_FIELDS = (
    "title",
    "use_case",
    "source_statement",
    "rights",
    "classification",
    "legal_statement",
    "product_kind",
)


@transaction.atomic
def edit_application(*, by: Actor, at: datetime, application_id: UUID, **changes: Any) -> Application:
    """Change some of EDITABLE_FIELDS of a draft or returned application."""
    assert set(changes) <= set(EDITABLE_FIELDS), "unknown field"
    application = _own(by, application_id)
    if application.state not in EDITABLE:
        raise NotEditable(state=application.get_state_display())
    for name, value in changes.items():
        setattr(application, name, _checked(name, value))
    if not application.title:
        raise InvalidInput(field="title", reason=_("请填写资产名称。"))
    if application.state == ApplicationState.RETURNED and not application.use_case:
        raise InvalidInput(field="use_case", reason=_("没有应用场景不予登记，请写明应用场景。"))
    application.save(update_fields=list(changes))
    record(by=by, at=at, action="registry.edit", subject=application, detail={"fields": sorted(changes)})
    return application


@transaction.atomic
def submit(*, by: Actor, at: datetime, application_id: UUID) -> Application:
    """Hand the application to the registry authority; ApplicationIncomplete names what is missing."""
    application = _own(by, application_id)
    APPLICATION.check(application, "submit")
    missing = completeness(application)
    if missing:
        raise ApplicationIncomplete(missing="；".join(str(point.words) for point in missing))
    application.submitted_at, application.submitted_by = at, by.user
    application.due_on = rules.acceptance_due(clock.business_date(at))
    application.reviewer, application.decision_reason = None, ""
    APPLICATION.move(
        application,
        "submit",
        by=by,
        at=at,
        update_fields=["submitted_at", "submitted_by", "due_on", "reviewer", "decision_reason"],
    )
    record(
        by=by,
        at=at,
        action="registry.submit",
        subject=application,
        detail={"due_on": str(application.due_on)},
    )
    return application


@transaction.atomic
def withdraw_application(*, by: Actor, at: datetime, application_id: UUID, reason: str = "") -> Application:
    """Take the application back before the compliance review begins."""
    application = _own(by, application_id)
    application.due_on = None
    APPLICATION.move(application, "withdraw", by=by, at=at, reason=reason.strip(), update_fields=["due_on"])
    record(by=by, at=at, action="registry.withdraw", subject=application, detail={"reason": reason.strip()})
    return application
