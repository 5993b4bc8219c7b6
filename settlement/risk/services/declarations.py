"""Declaring who owns a firm, and details that are compared between the sides of trades."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from stdnum.cn import uscc
from stdnum.exceptions import ValidationError

from audit.services import record
from kernel.errors import InvalidInput, NotFound, Refusal
from organizations.models import Organization
from organizations.permissions import Actor
from settlement.risk.models import Holding, Trait
from settlement.risk.permissions import DECLARE, REVIEW_CASES
from settlement.risk.rules import BP
from settlement.risk.states import Source, TraitKind

MOST_NAME = 120


class Declared(Refusal):
    """The same thing is declared already."""

    code = "already_declared"
    message = _("这一项已经申报过。如有变化，请先终止原来的申报再重新填写。")


class Ended(Refusal):
    """A declaration ends once."""

    code = "declaration_ended"
    message = _("这项申报已经终止。请刷新页面查看最新内容。")


def compared(kind: str, value: str) -> str:
    """The value as it is compared: one width, no spaces or punctuation; numbers keep their digits only."""
    text = unicodedata.normalize("NFKC", value).casefold()
    if kind in (TraitKind.PHONE, TraitKind.BANK_ACCOUNT):
        digits = re.sub(r"\D", "", text)
        return digits.removeprefix("86") if kind == TraitKind.PHONE and len(digits) > 11 else digits
    return re.sub(r"[\s\W_]+", "", text)


def locked_firm(firm_id: UUID) -> Organization:
    """The firm under lock: the lock of its declarations."""
    found = Organization.objects.select_for_update(of=("self",), no_key=True).filter(pk=firm_id).first()
    if found is None:
        raise NotFound
    return found


def _source(by: Actor, firm_id: UUID) -> Source:
    """Who writes: the firm itself, or a reviewer of the operator; NotFound for anybody else."""
    if not by.is_system and by.belongs_to(firm_id):
        by.require(DECLARE)
        return Source.FIRM
    if not by.can(REVIEW_CASES):
        raise NotFound
    return Source.OPERATOR


@transaction.atomic
def declare_holding(
    *,
    by: Actor,
    at: datetime,
    firm_id: UUID,
    holder_name: str,
    holder_code: str = "",
    share_bp: int,
    is_state: bool = False,
) -> Holding:
    """Declare a share of the firm; a holder that is on the platform is recognised by its code.

    Raises InvalidInput, Declared, NotFound for others than the firm and the operator's reviewers.
    """
    firm = locked_firm(firm_id)
    source = _source(by, firm_id)
    name, code = holder_name.strip(), holder_code.strip().upper()
    if not name or len(name) > MOST_NAME:
        raise InvalidInput(field="holder_name", reason=_("请填写持股方名称，最多 120 个字。"))
    if not 0 < share_bp <= BP:
        raise InvalidInput(field="share", reason=_("持股比例应大于 0 且不超过 100%。"))
    holder = _holder(firm, code)
    same = Holding.objects.filter(firm=firm, ended_at=None)
    if same.filter(holder_code=code, **({} if code else {"holder_name": name})).exists():
        raise Declared(field="holder_name")
    declared_bp = sum(same.values_list("share_bp", flat=True))
    if declared_bp + share_bp > BP:
        raise InvalidInput(field="share", reason=_("已申报的比例合计不能超过 100%，请先核对其他持股方。"))
    made = Holding.objects.create(
        firm=firm, holder=holder, holder_name=name, holder_code=code, share_bp=share_bp, is_state=is_state,
        source=source, declared_by=by.user, declarer_label=by.label[:200], declared_at=at,
    )  # fmt: skip
    record(
        by=by, at=at, action="risk.declare_holding", subject=made,
        detail={"firm": str(firm.pk), "holder": name, "code": code, "share_bp": share_bp, "is_state": is_state},
    )  # fmt: skip
    return made


def _holder(firm: Organization, code: str) -> Organization | None:
    if not code:
        return None
    try:
        uscc.validate(code)
    except ValidationError as error:
        reason = _("统一社会信用代码不正确，请按营业执照核对 18 位代码。")
        raise InvalidInput(field="holder_code", reason=reason) from error
    if code == firm.uscc:
        raise InvalidInput(field="holder_code", reason=_("持股方不能是企业自己。"))
    return Organization.objects.filter(uscc=code).first()


@transaction.atomic
def end_holding(*, by: Actor, at: datetime, holding_id: UUID) -> Holding:
    """The share is held no longer. Raises Ended, NotFound."""
    firm_id = Holding.objects.filter(pk=holding_id).values_list("firm_id", flat=True).first()
    if firm_id is None:
        raise NotFound
    locked_firm(firm_id)
    _source(by, firm_id)
    found = Holding.objects.get(pk=holding_id)
    if found.ended_at is not None:
        raise Ended
    found.ended_at = at
    found.save(update_fields=["ended_at"])
    record(by=by, at=at, action="risk.end_holding", subject=found)
    return found


@transaction.atomic
def declare_trait(*, by: Actor, at: datetime, firm_id: UUID, kind: str, value: str) -> Trait:
    """Declare an address, phone, bank account or legal representative. Raises InvalidInput, Declared, NotFound."""
    firm = locked_firm(firm_id)
    source = _source(by, firm_id)
    if kind not in TraitKind.values:
        raise InvalidInput(field="kind", reason=_("请选择信息种类。"))
    text, key = value.strip(), compared(kind, value)
    if not key or len(text) > 200 or len(key) > 200:
        raise InvalidInput(field="value", reason=_("请填写内容，最多 200 个字。"))
    if Trait.objects.filter(firm=firm, kind=kind, compared=key, ended_at=None).exists():
        raise Declared(field="value")
    made = Trait.objects.create(
        firm=firm, kind=kind, value=text, compared=key, source=source, declared_by=by.user,
        declarer_label=by.label[:200], declared_at=at,
    )  # fmt: skip
    record(
        by=by, at=at, action="risk.declare_trait", subject=made, detail={"firm": str(firm.pk), "kind": kind}
    )
    return made


@transaction.atomic
def end_trait(*, by: Actor, at: datetime, trait_id: UUID) -> Trait:
    """The detail holds no longer. Raises Ended, NotFound."""
    firm_id = Trait.objects.filter(pk=trait_id).values_list("firm_id", flat=True).first()
    if firm_id is None:
        raise NotFound
    locked_firm(firm_id)
    _source(by, firm_id)
    found = Trait.objects.get(pk=trait_id)
    if found.ended_at is not None:
        raise Ended
    found.ended_at = at
    found.save(update_fields=["ended_at"])
    record(by=by, at=at, action="risk.end_trait", subject=found)
    return found
