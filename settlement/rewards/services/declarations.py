"""Facts that the platform does not know: declared by the firm with evidence, verified by the department."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from documents.models import Document
from documents.states import DocumentState
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce as tell
from organizations.models import Organization
from organizations.permissions import Actor
from organizations.states import OrganizationKind
from settlement.rewards import engine, measures, selectors
from settlement.rewards.events import DeclarationDecided, DeclarationMade
from settlement.rewards.models import Claim, Declaration, Office
from settlement.rewards.permissions import (
    CLAIM_REWARDS,
    NAME_OFFICES,
    NAME_OFFICES_OF_OPERATOR,
    VERIFY_FACTS,
)
from settlement.rewards.services.claims import refresh_draft
from settlement.rewards.services.guards import require_stranger
from settlement.rewards.services.recoveries import review_granted
from settlement.rewards.states import DECLARATION, DeclarationState


class DeclarationOpen(Refusal):
    """One declaration of a fact is looked at at a time."""

    code = "declaration_open"
    message = _("该事实已有一份申报在核实中；如需更改，请先撤回。")


class OfficeMissing(Refusal):
    """Nobody verifies before the operator has said who stands for the department on the card."""

    code = "office_missing"
    message = _("尚未指定由哪个单位代表“%(source)s”核实。请交易场所运营方先在“核实部门”中指定。")


class OperatorClaims(Refusal):
    """The operator has no say in who judges its own claims."""

    code = "operator_claims"
    message = _("“%(source)s”核实或主管交易机构自身申报的措施，须由政府部门指定，请转交。")
    status = 403


class OtherOffice(Refusal):
    """Each fact is verified by the department the rule card names."""

    code = "other_office"
    message = _("该事实由“%(office)s”核实，请转交。")
    status = 403


@transaction.atomic
def declare(
    *,
    by: Actor,
    at: datetime,
    measure: str,
    year: int,
    fact: str,
    value: Any,
    document_ids: Sequence[UUID],
    note: str = "",
) -> Declaration:
    """Declare one fact of the firm's own case, with at least one document. Raises InvalidInput, DeclarationOpen."""
    by.require(CLAIM_REWARDS)
    firm = by.organization
    if firm is None:
        raise NotFound
    Organization.objects.select_for_update(of=("self",)).get(pk=firm.pk)
    spec = next((s for s in selectors.declarable(measure) if s.name == fact), None)
    if spec is None:
        raise InvalidInput(field="fact", reason=_("这项事实不由企业申报，请选择列表中的事项。"))
    if not 2000 <= year <= clock.business_year(at):
        raise InvalidInput(field="year", reason=_("只能申报今年及以前的年度。"))
    try:
        spec.check(value)
    except engine.FactsInvalid as error:
        raise InvalidInput(field="value", reason=_("申报值与要求的类型不符，请核对后重填。")) from error
    if value is None:
        raise InvalidInput(field="value", reason=_("请填写申报值。"))
    documents = list(
        Document.objects.filter(pk__in=set(document_ids), organization=firm, state=DocumentState.STORED)
    )
    if not documents or len(documents) != len(set(document_ids)):
        raise InvalidInput(field="documents", reason=_("请上传至少一份本单位的证明材料。"))
    known = Declaration.objects.filter(firm=firm, measure=measure, year=year, fact=fact)
    if known.filter(state=DeclarationState.DECLARED).exists():
        raise DeclarationOpen
    found = Declaration.objects.create(
        firm=firm, measure=measure, year=year, fact=fact, value=value, note=note.strip(),
        declared_by=by.user, declarer_label=by.label[:200], declared_at=at,
    )  # fmt: skip
    found.documents.set(documents)
    detail = {"measure": measure, "year": year, "fact": fact, "value": value,
              "documents": sorted(document.sha256 for document in documents)}  # fmt: skip
    record(by=by, at=at, action="rewards.declare", subject=found, detail=detail)
    tell(DeclarationMade(at=at, declaration_id=found.pk, by=by))
    return found


def _locked(declaration_id: UUID) -> Declaration:
    rows = Declaration.objects.select_for_update(of=("self",)).select_related("firm")
    found = rows.filter(pk=declaration_id).first()
    if found is None:
        raise NotFound
    return found


@transaction.atomic
def withdraw_declaration(*, by: Actor, at: datetime, declaration_id: UUID) -> Declaration:
    """The firm takes a declaration back before it was decided."""
    found = _locked(declaration_id)
    if not by.belongs_to(found.firm_id):
        raise NotFound
    by.require(CLAIM_REWARDS)
    DECLARATION.move(found, "withdraw", by=by, at=at)
    record(by=by, at=at, action="rewards.withdraw_declaration", subject=found)
    return found


@transaction.atomic
def verify_declaration(
    *, by: Actor, at: datetime, declaration_id: UUID, is_verified: bool, reason: str = ""
) -> Declaration:
    """The named department verifies a declared fact, or refuses it with the reason.

    A verified fact takes the place of an earlier one: a statement that still lies with the firm is worked out anew,
    and an award that rests on it is reopened when it is worth another amount. Raises OfficeMissing, OtherOffice,
    SelfReview.
    """
    firm_id = Declaration.objects.filter(pk=declaration_id).values_list("firm_id", flat=True).first()
    if firm_id is None:
        raise NotFound
    Organization.objects.select_for_update(of=("self",)).get(pk=firm_id)
    found = _locked(declaration_id)
    by.require(VERIFY_FACTS)
    move = "verify" if is_verified else "refuse"
    DECLARATION.check(found, move)
    require_stranger(by, found.firm_id)
    office = selectors.office_of(found.measure, found.fact)
    if office is None:
        raise OfficeMissing(source=selectors.source_of(found.measure, found.fact))
    if not by.belongs_to(office.organization_id):
        raise OtherOffice(office=office.organization.name)
    if not is_verified and not reason.strip():
        raise InvalidInput(field="reason", reason=_("请写明不通过的理由，企业会看到。"))
    found.verifier, found.decided_at, found.reason = by.organization, at, reason.strip()
    if is_verified:
        _supersede(found, by=by, at=at)
    changed = ["verifier", "decided_at", "reason"]
    DECLARATION.move(found, move, by=by, at=at, reason=found.reason, update_fields=changed)
    detail = {"fact": found.fact, "value": found.value, "reason": found.reason}
    record(by=by, at=at, action=f"rewards.{move}_declaration", subject=found, detail=detail)
    tell(DeclarationDecided(at=at, declaration_id=found.pk, firm_id=found.firm_id, by=by))
    if is_verified:
        _follow(found, at=at)
    return found


def _supersede(found: Declaration, *, by: Actor, at: datetime) -> None:
    earlier = Declaration.objects.select_for_update(of=("self",)).filter(
        firm=found.firm, measure=found.measure, year=found.year, fact=found.fact,
        state=DeclarationState.VERIFIED,
    )  # fmt: skip
    for each in earlier:
        DECLARATION.move(each, "supersede", by=by, at=at)


def _follow(found: Declaration, *, at: datetime) -> None:
    """The statement, or the award, that reads the fact follows it."""
    system = Actor.system("奖励测算")
    claims = Claim.objects.select_for_update(of=("self",)).select_related("firm", "decision")
    claim = claims.filter(firm=found.firm, measure=found.measure, year=found.year).first()
    if claim is not None and claim.decision is not None:
        refresh_draft(claim, by=system, at=at)
    review_granted(
        by=system, at=at, firm_id=found.firm_id, year=found.year, measures=[found.measure],
        cause=f"核实的事实有更正：{measures.CARDS[found.measure].spec(found.fact).label.zh}",
    )  # fmt: skip


@transaction.atomic
def name_office(*, by: Actor, at: datetime, source: str, organization_id: UUID) -> Office:
    """Say which organization stands for a department named on the rule cards: it verifies facts, and leads measures.

    The operator says so, which verifies no facts itself and knows the organizations; of departments that have a say in
    what the operator claims itself another department says so. No department makes itself, and nobody makes a
    department they belong to, the office, unless it is the only one on the platform (ADR 28). Raises OperatorClaims,
    SelfReview, InvalidInput.
    """
    wanted = selectors.namer_of(source)
    if not by.can(wanted) and by.can(NAME_OFFICES):
        raise OperatorClaims(source=source)
    by.require(wanted)
    if source not in {name.zh for name, _measures, _office in selectors.offices()}:
        raise InvalidInput(field="source", reason=_("规则卡中没有这个部门。"))
    organization = Organization.objects.filter(pk=organization_id).first()
    if organization is None or not organization.is_kind(OrganizationKind.DEPARTMENT):
        raise InvalidInput(field="organization", reason=_("请选择一个政府部门。"))
    is_only = wanted == NAME_OFFICES_OF_OPERATOR and selectors.is_only_department(organization)
    if not is_only:
        require_stranger(by, organization.pk)
    office, _made = Office.objects.update_or_create(source=source, defaults={"organization": organization})
    detail = {"source": source, "organization": organization.name, "is_only_department": is_only}
    record(by=by, at=at, action="rewards.name_office", subject=office, detail=detail)
    return office
