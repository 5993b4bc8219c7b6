"""Registering an organization and keeping its particulars."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from audit.services import record
from kernel.errors import InvalidInput, NotFound, Refusal
from organizations import rules
from organizations.models import Membership, Organization, Park
from organizations.permissions import EDIT_ORGANIZATION, Actor
from organizations.states import VERIFICATION, OrganizationKind, Role, VerificationState


class SignInFirst(Refusal):
    """Only a person can register an organization."""

    code = "sign_in_first"
    message = _("请先登录个人账户，再登记单位。")
    status = 403


class OrganizationExists(Refusal):
    """The code is registered already."""

    code = "organization_exists"
    message = _("统一社会信用代码 %(uscc)s 已登记。请联系该单位管理员邀请您加入。")


class KindNotSelfDeclared(Refusal):
    """Kinds with powers of office are set up by the platform."""

    code = "kind_not_self_declared"
    message = _("“%(kind)s”由平台开通，不能自行登记，请联系运营方。")
    status = 422


class VerificationPending(Refusal):
    """What is being reviewed does not change."""

    code = "verification_pending"
    message = _("单位资料正在审核，审核结束后才能修改。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Particulars:
    """What an organization tells about itself; codes as in the reference data."""

    name: str
    name_en: str = ""
    kinds: Collection[str] = ()
    registered_place: str
    tax_place: str
    industry_digital: str = ""
    industry_gb: str = ""
    park_id: UUID | None = None
    legal_representative: str = ""
    contact_name: str = ""
    contact_phone: str = ""

    def columns(self) -> dict[str, Any]:
        """Column values with outer spaces gone."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        cleaned = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
        cleaned["kinds"] = [kind.value for kind in OrganizationKind if kind in self.kinds]
        return cleaned


def locked_organization(organization_id: UUID | None) -> Organization:
    """The organization under lock; NotFound when there is none."""
    found = (
        Organization.objects.select_for_update(of=("self",), no_key=True)
        .filter(Q(pk=organization_id))
        .first()
    )
    if found is None:
        raise NotFound
    return found


def _check(values: Mapping[str, Any]) -> None:
    if not 2 <= len(values["name"]) <= 120:
        raise InvalidInput(field="name", reason=_("单位名称应为 2 至 120 个字。"))
    if not values["kinds"]:
        raise InvalidInput(field="kinds", reason=_("请至少选择一种单位类型。"))
    for name in ("registered_place", "tax_place"):
        if not rules.is_place(values[name]):
            raise InvalidInput(field=name, reason=_("请选择六位行政区划代码。"))
    if values["industry_digital"] and not rules.is_digital_industry(values["industry_digital"]):
        raise InvalidInput(field="industry_digital", reason=_("请选择数字经济分类 02 至 05 类中的一个。"))
    if values["industry_gb"] and not rules.is_gb_industry(values["industry_gb"]):
        raise InvalidInput(field="industry_gb", reason=_("请填写国民经济行业代码，例如 6550。"))
    if values["contact_phone"] and not rules.is_reachable_phone(values["contact_phone"]):
        raise InvalidInput(field="contact_phone", reason=_("请填写有效的联系电话，例如 0763-3366123。"))
    if values["park_id"] and not Park.objects.filter(pk=values["park_id"]).exists():
        raise InvalidInput(field="park", reason=_("没有这个园区，请重新选择。"))


def _check_kinds(by: Actor, kinds: Collection[str], *, kept: Collection[str] = ()) -> None:
    for kind in kinds:
        if kind not in rules.SELF_DECLARED_KINDS and kind not in kept and not by.is_system:
            raise KindNotSelfDeclared(field="kinds", kind=OrganizationKind(kind).label)


@transaction.atomic
def register_organization(
    *, by: Actor, at: datetime, uscc: str, particulars: Particulars, is_demo: bool = False
) -> Organization:
    """Register a legal person; the registering person becomes its administrator (the system joins nobody).

    Refuses a code with a wrong check character, one that is registered, and kinds with powers of office.
    """
    if by.user is None and not by.is_system:
        raise SignInFirst
    try:
        code = rules.clean_uscc(uscc)
    except ValueError as wrong:
        reason = _("统一社会信用代码有误：应为 18 位，且校验位正确。请对照营业执照填写。")
        raise InvalidInput(field="uscc", reason=reason) from wrong
    values = particulars.columns()
    _check(values)
    _check_kinds(by, values["kinds"])
    organization = Organization(uscc=code, is_demo=is_demo, **values)
    if not Organization.objects.bulk_create([organization], ignore_conflicts=True) or not _is_ours(
        organization
    ):
        raise OrganizationExists(field="uscc", uscc=code)
    if by.user is not None:
        Membership.objects.create(user=by.user, organization=organization, roles=[Role.ADMINISTRATOR.value])
    record(
        by=by,
        at=at,
        action="organizations.register",
        subject=organization,
        detail={"uscc": code, **_told(values)},
    )
    return organization


def _is_ours(organization: Organization) -> bool:
    """Whether this very row was written (another one may hold the code already)."""
    return Organization.objects.filter(pk=organization.pk).exists()


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, UUID) else value for name, value in values.items()}


@transaction.atomic
def edit_organization(
    *, by: Actor, at: datetime, organization_id: UUID, particulars: Particulars
) -> Organization:
    """Change particulars; a verified organization is verified anew when what was checked changes."""
    organization = locked_organization(organization_id)
    if not by.belongs_to(organization.pk):
        raise NotFound
    by.require(EDIT_ORGANIZATION)
    if organization.verification == VerificationState.SUBMITTED:
        raise VerificationPending
    values = particulars.columns()
    held = [kind for kind in organization.kinds if kind not in rules.SELF_DECLARED_KINDS]
    values["kinds"] = [kind.value for kind in OrganizationKind if kind in values["kinds"] or kind in held]
    _check(values)
    _check_kinds(by, values["kinds"], kept=held)
    changed = {name: value for name, value in values.items() if getattr(organization, name) != value}
    if not changed:
        return organization
    before = {name: getattr(organization, name) for name in changed}
    for name, value in changed.items():
        setattr(organization, name, value)
    organization.save(update_fields=list(changed))
    if organization.is_verified and changed.keys() & rules.REVERIFIED_FIELDS:
        organization.verified_at = None
        VERIFICATION.move(organization, "reopen", by=by, at=at, update_fields=["verified_at"])
    detail = {"before": _told(before), "after": _told(changed)}
    record(by=by, at=at, action="organizations.edit", subject=organization, detail=detail)
    return organization
