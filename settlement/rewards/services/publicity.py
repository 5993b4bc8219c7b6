"""What the public says against an announced claim, and how the department answers."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce as tell
from organizations.permissions import Actor
from settlement.rewards.events import ClaimReturned
from settlement.rewards.models import PublicObjection
from settlement.rewards.permissions import SECOND_REVIEW
from settlement.rewards.services.guards import locked_claim, require_in_charge, require_stranger
from settlement.rewards.states import CLAIM, PUBLIC_OBJECTION, ClaimState

MOST_OPEN = 200


class NoticeOver(Refusal):
    """Objections are taken until the final day of the notice."""

    code = "public_notice_over"
    message = _("该申报不在公示期内，不能提出公示异议。")


class TooMany(Refusal):
    """A flood of objections is not taken."""

    code = "too_many_objections"
    message = _("提交过于频繁，请稍后再试，或以书面方式向主管部门提出。")
    status = 429


@transaction.atomic
def object_publicly(
    *, by: Actor, at: datetime, claim_id: UUID, name: str, contact: str, statement: str
) -> PublicObjection:
    """Anybody objects to an announced claim until the end of its notice; name and contact stay with the department."""
    claim = locked_claim(claim_id)
    if claim.state != ClaimState.IN_NOTICE or claim.notice_until is None:
        raise NoticeOver
    if clock.business_date(at) > claim.notice_until:
        raise NoticeOver
    given = {"name": name.strip(), "contact": contact.strip(), "statement": statement.strip()}
    for field, limit in (("name", 80), ("contact", 120), ("statement", 2000)):
        if not given[field] or len(given[field]) > limit:
            raise InvalidInput(field=field, reason=_("请填写，不超过 %(limit)s 字。") % {"limit": limit})
    same = PublicObjection.objects.filter(claim=claim, contact=given["contact"], statement=given["statement"])
    known = same.first()
    if known is not None:
        return known
    if claim.public_objections.count() >= MOST_OPEN:
        raise TooMany
    found = PublicObjection.objects.create(claim=claim, filed_at=at, **given)
    record(by=by, at=at, action="rewards.object_publicly", subject=found, detail={"claim": claim.number})
    return found


@transaction.atomic
def answer_public_objection(
    *, by: Actor, at: datetime, objection_id: UUID, is_upheld: bool, reasons: str
) -> PublicObjection:
    """The department answers, with reasons. An upheld objection sends the claim back to the firm;

    one that has an award already is reopened by the department instead.
    """
    claim_id = PublicObjection.objects.filter(pk=objection_id).values_list("claim_id", flat=True).first()
    if claim_id is None:
        raise NotFound
    claim = locked_claim(claim_id)
    found = PublicObjection.objects.select_for_update(of=("self",)).get(pk=objection_id)
    by.require(SECOND_REVIEW)
    require_in_charge(by, claim)
    move = "uphold" if is_upheld else "dismiss"
    PUBLIC_OBJECTION.check(found, move)
    require_stranger(by, claim.firm_id)
    if not reasons.strip():
        raise InvalidInput(field="reasons", reason=_("请写明处理理由。"))
    found.reasons, found.answered_by, found.answered_at = reasons.strip(), by.user, at
    PUBLIC_OBJECTION.move(
        found, move, by=by, at=at, reason=found.reasons,
        update_fields=["reasons", "answered_by", "answered_at"],
    )  # fmt: skip
    detail = {"claim": claim.number, "is_upheld": is_upheld, "reasons": found.reasons}
    record(by=by, at=at, action="rewards.answer_public_objection", subject=found, detail=detail)
    if is_upheld and claim.state == ClaimState.IN_NOTICE:
        has_award = claim.awards.exists()
        CLAIM.move(claim, "reopen" if has_award else "return", by=by, at=at, reason=found.reasons)
        if not has_award:
            tell(ClaimReturned(at=at, claim_id=claim.pk, firm_id=claim.firm_id, by=by))
    return found
