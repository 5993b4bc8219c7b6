"""What every step of the procedure checks first: locks in one order, who may, two people, facts as they were."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from kernel.errors import NotAllowed, NotFound, Refusal, SelfReview
from kernel.wording import listed
from organizations.models import Membership, Organization
from organizations.permissions import Actor
from settlement.rewards import measures as cards
from settlement.rewards import selectors
from settlement.rewards.blocks import blocks_of
from settlement.rewards.models import BudgetLine, Claim, Decision
from settlement.rewards.permissions import CLAIM_REWARDS, FIRST_REVIEW, SECOND_REVIEW


class FactsChanged(Refusal):
    """The facts are no longer those of the decision: the statement must be drafted again."""

    code = "facts_changed"
    message = _("测算之后事实已有变化（如退款、认定或新的奖励登记），请退回并重新测算。")


class SamePerson(Refusal):
    """Money moves by two people: who proposes does not approve."""

    code = "same_person"
    message = _("此事须由两人办理：提出人不能批准自己提出的事项，请转交另一人。")
    status = 403


class ReviewBlocked(Refusal):
    """Something must be settled before a claim goes on: to its notice, into a batch, into a payment file."""

    code = "review_blocked"
    message = _("%(number)s 须先办结：%(reasons)s")


class OtherDepartment(Refusal):
    """A department's money, and the claims it pays, are decided by that department alone."""

    code = "other_department"
    message = _("此事由出资部门“%(department)s”办理，其他部门不能代办，请转交。")
    status = 403


class LeadMissing(Refusal):
    """Nobody stands for the department that leads a measure."""

    code = "lead_missing"
    message = _("还没有单位被指定为主管部门“%(source)s”，请先在核实部门页面指定。")


class OtherLead(Refusal):
    """A measure's budget and notice are opened by the department that leads it."""

    code = "other_lead"
    message = _("“%(measure)s”由主管部门“%(department)s”设立预算、发布通知，请转交。")
    status = 403


def locked_claim(claim_id: UUID) -> Claim:
    """The claim, locked until the transaction ends; NotFound when there is none."""
    claim = (
        Claim.objects.select_for_update(of=("self",))
        .select_related("firm", "decision")
        .filter(pk=claim_id)
        .first()
    )
    if claim is None:
        raise NotFound
    return claim


def locked_claims_of_firms(firm_ids: Iterable[UUID]) -> dict[UUID, Claim]:
    """All claims of these firms, locked in order of id: what the limits over years and measures look at."""
    claims = Claim.objects.select_for_update(of=("self",)).select_related("firm", "decision")
    return {claim.pk: claim for claim in claims.filter(firm__in=set(firm_ids)).order_by("pk")}


def locked_line(line_id: UUID) -> BudgetLine:
    """The budget, locked until the transaction ends: what is granted from it waits here."""
    lines = BudgetLine.objects.select_for_update(of=("self",)).select_related("organization")
    line = lines.filter(pk=line_id).first()
    if line is None:
        raise NotFound
    return line


def require_firm(by: Actor, claim: Claim) -> None:
    """Only the firm itself, with the right to claim; other firms do not see the claim at all."""
    if by.belongs_to(claim.firm_id):
        by.require(CLAIM_REWARDS)
        return
    if by.can(FIRST_REVIEW) or by.can(SECOND_REVIEW):
        raise NotAllowed(permission=CLAIM_REWARDS.label, organization=str(by.organization or "—"))
    raise NotFound


def require_stranger(by: Actor, *firm_ids: UUID) -> None:
    """Nobody who decides has a place in a firm that is decided about."""
    if by.is_system:
        return
    places = Membership.objects.filter(user=by.user_id, organization__in=firm_ids, ended_at=None)
    if by.organization_id in firm_ids or places.exists():
        raise SelfReview


def require_other_person(by: Actor, first_user_id: UUID | None) -> None:
    """The second of two people; the system may stand for neither when a person was the first."""
    if by.user_id is not None and by.user_id == first_user_id:
        raise SamePerson


def require_department(by: Actor, department: Organization) -> None:
    """Only who acts for the department whose money it is."""
    if not by.belongs_to(department.pk):
        raise OtherDepartment(department=department.name)


def require_lead(by: Actor, wanted: Sequence[str]) -> None:
    """Only who acts for a department that leads every one of these measures, as the rule cards name it.

    Raises LeadMissing, OtherLead.
    """
    if by.is_system:
        return
    for name in wanted:
        card = cards.CARDS[name]
        leads = selectors.lead_offices_of(card)
        if not leads:
            raise LeadMissing(source=listed(selectors.leads_of(card)))
        if not any(by.belongs_to(each.organization_id) for each in leads):
            raise OtherLead(
                measure=card.title.zh, department=listed(each.organization.name for each in leads)
            )


def require_in_charge(by: Actor, claim: Claim) -> None:
    """Only the department whose budget pays the claim, from the notice on under which the firm has handed it in."""
    department = selectors.department_of(claim)
    if department is not None:
        require_department(by, department)


def require_current(claim: Claim) -> None:
    """The platform still knows what the claim's decision was made on."""
    if not selectors.facts_are_current(claim):
        raise FactsChanged


def require_unblocked(*claims: Claim) -> None:
    """Nothing registered (an open risk case) stops any of the claims."""
    for claim in claims:
        reasons = blocks_of(claim)
        if reasons:
            raise ReviewBlocked(number=claim.number, reasons=listed(reasons))


def decision_of(claim: Claim) -> Decision:
    assert claim.decision is not None, "a drafted claim has a decision"
    return claim.decision


def told(claim: Claim) -> dict[str, object]:
    """What the audit log says of a claim."""
    decision = decision_of(claim)
    return {
        "number": claim.number,
        "measure": claim.measure,
        "year": claim.year,
        "outcome": decision.outcome,
        "amount_fen": decision.amount_fen,
        "decision_sha256": decision.decision_sha256,
    }
