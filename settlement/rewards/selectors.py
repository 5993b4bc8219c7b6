"""Reading claims, the facts they rest on, and the register of awards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Case, DateField, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils.translation import gettext as _

from assets.registry.models import Certificate
from assets.registry.states import CertificateState
from kernel import clock
from kernel.errors import NotFound
from kernel.models import Transition
from kernel.money import Money
from organizations.models import Organization
from organizations.permissions import Actor, Permission
from organizations.states import OrganizationKind
from settlement.revenue.models import RevenueLine
from settlement.rewards import engine, measures, readings, recognitions
from settlement.rewards.engine.operations import validity
from settlement.rewards.models import (
    Adjustment,
    ApplicationNotice,
    ApprovalBatch,
    Award,
    Claim,
    Decision,
    Declaration,
    Disbursement,
    NoticeMeasure,
    Objection,
    Office,
    PayeeAccount,
    PublicObjection,
    RecoveryCase,
    ReleaseApproval,
    ReleaseNews,
    RuleRelease,
)
from settlement.rewards.permissions import (
    APPROVE_AWARDS,
    CLAIM_REWARDS,
    CLAIMED_BY_OPERATOR,
    DISBURSE,
    FIRM_KINDS,
    FIRST_REVIEW,
    NAME_OFFICES,
    NAME_OFFICES_OF_OPERATOR,
    RECOVER,
    SECOND_REVIEW,
    SEE_ALL_CLAIMS,
    SEE_FUNDS,
    SEE_OWN_CLAIMS,
    VERIFY_FACTS,
)
from settlement.rewards.releases import content_sha256, files_of
from settlement.rewards.rules import Replay, decide, entitled, replayed
from settlement.rewards.states import (
    AwardKind,
    BatchState,
    ClaimState,
    DeclarationState,
    DisbursementState,
    NoticeState,
    Outcome,
    PublicObjectionState,
    RecoveryState,
)
from web.desk import Figure, Todo
from web.finding import Hit

MEASURE = measures.DATA_PRODUCT_TRADING.id
SHOWN_CERTIFICATES = 20
LEADS_BETWEEN = "、"
NEVER = date(9999, 12, 30)
"""Stands for no deadline, after every other day."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What another reading of one open question would give, all else being as decided."""

    question: str
    option: str
    is_chosen: bool
    is_available: bool
    outcome: str | None
    amount_fen: int | None
    change_fen: int | None


def sees_all_claims(viewer: Actor) -> bool:
    """Whether the viewer reads every claim: reviewers, auditors, and who approves the department's money for them."""
    return viewer.can(SEE_ALL_CLAIMS) or viewer.can(SEE_FUNDS)


def require_all_claims(viewer: Actor) -> None:
    """Raise NotAllowed unless the viewer reads every claim."""
    if not sees_all_claims(viewer):
        viewer.require(SEE_ALL_CLAIMS)


def department_of(claim: Claim) -> Organization | None:
    """Whose money pays the claim: the budget's of its award, before one the budget's of its notice; None before that."""
    lines = Award.objects.filter(claim=claim, line__isnull=False).select_related("line__organization")
    award = lines.order_by("granted_at", "pk").first()
    if award is not None and award.line is not None:
        return award.line.organization
    if claim.application_notice_id is None:
        return None
    notices = ApplicationNotice.objects.select_related("budget__organization")
    return notices.get(pk=claim.application_notice_id).budget.organization


def is_in_charge(viewer: Actor, claim: Claim) -> bool:
    """Whether the viewer acts for the department whose money pays the claim."""
    department = department_of(claim)
    return department is None or viewer.belongs_to(department.pk)


def claims_visible_to(viewer: Actor) -> QuerySet[Claim]:
    """A firm sees its own claims; reviewers, auditors and the departments' finance see all."""
    claims = Claim.objects.select_related("firm", "decision")
    if sees_all_claims(viewer):
        return claims
    if viewer.organization_id and viewer.can(SEE_OWN_CLAIMS):
        return claims.filter(firm=viewer.organization_id)
    return claims.none()


def claim_for(viewer: Actor, number: str) -> Claim:
    """One claim the viewer may see, by its number; NotFound otherwise."""
    found = claims_visible_to(viewer).filter(number=number).first()
    if found is None:
        raise NotFound
    return found


def waiting_for(viewer: Actor) -> Q:
    """Which claims wait for this viewer to act."""
    waiting = Q(pk=None)
    with_first_review = Q(state__in=[ClaimState.CONFIRMED, ClaimState.OBJECTED])
    of_reviewers = Q(firm__kinds__contains=[OrganizationKind.EXCHANGE_OPERATOR.value])
    if viewer.can(FIRST_REVIEW):
        waiting |= with_first_review & ~of_reviewers
    if viewer.can(SECOND_REVIEW):
        waiting |= with_first_review & of_reviewers
        states = (ClaimState.FIRST_REVIEWED, ClaimState.SECOND_REVIEWED, ClaimState.IN_NOTICE)
        waiting |= Q(state__in=[*states, ClaimState.REOPENED])
    return waiting


def first_review_of(firm: Organization) -> Permission:
    """Who reviews a firm's claims first: the exchange operator, or a department where that would be its own claim."""
    return SECOND_REVIEW if has_reviewing_claimant(firm) else FIRST_REVIEW


def has_reviewing_claimant(firm: Organization) -> bool:
    """Whether the firm is of the kind that reviews first, so that somebody else has to."""
    return OrganizationKind.EXCHANGE_OPERATOR in firm.kinds


def queue(viewer: Actor) -> QuerySet[Claim]:
    """The claims that wait for this reviewer, each with `due_on`: the last day of its stage, the
    day after its public notice, NEVER for none."""
    stages = [ClaimState.CONFIRMED, ClaimState.FIRST_REVIEWED, ClaimState.SECOND_REVIEWED]
    due_on = Case(
        When(state__in=stages, review_due_on__isnull=False, then=F("review_due_on")),
        When(state=ClaimState.IN_NOTICE, then=Cast(F("notice_until") + timedelta(days=1), DateField())),
        default=Value(NEVER),
        output_field=DateField(),
    )
    return claims_visible_to(viewer).filter(waiting_for(viewer)).annotate(due_on=due_on)


def due_day_of(claim: Claim) -> date | None:
    """By when a claim of the queue is to be decided; None for no deadline."""
    day: date = claim.due_on  # type: ignore[attr-defined]
    return None if day == NEVER else day


def transitions_of(claim: Claim) -> list[Transition]:
    """Every move of the claim, the earliest first."""
    return list(Transition.objects.filter(machine="reward_claim", subject_id=claim.pk).order_by("at", "pk"))


def decisions_of(claim: Claim) -> list[Decision]:
    """Every decision made on the claim, the latest first."""
    return list(claim.decisions.order_by("-decided_at", "-pk"))


def announced_at(claim: Claim) -> datetime | None:
    """When the claim's latest public notice began; None before the first."""
    moves = Transition.objects.filter(machine="reward_claim", subject_id=claim.pk, move="announce")
    return moves.order_by("-at", "-pk").values_list("at", flat=True).first()


def objections_of(claim: Claim) -> list[Objection]:
    """What the firm has objected to with the answers, the earliest first."""
    return list(claim.objections.select_related("decision", "answer").order_by("raised_at", "pk"))


def open_objections(claim: Claim) -> QuerySet[Objection]:
    """Objections to the present decision that have no answer yet."""
    return Objection.objects.filter(claim=claim, decision=claim.decision, answer=None)


def open_public_objections(claim: Claim) -> QuerySet[PublicObjection]:
    """What the public said and nobody has answered yet."""
    return PublicObjection.objects.filter(claim=claim, state=PublicObjectionState.FILED)


def public_objections_of(viewer: Actor, claim: Claim) -> list[PublicObjection]:
    """Everything the public said, for the department and auditors: it names people."""
    if not (viewer.can(SECOND_REVIEW) or OrganizationKind.AUDITOR in viewer.kinds):
        return []
    return list(claim.public_objections.order_by("filed_at", "pk"))


# --- notices ------------------------------------------------------------------------------------


def notices(at: datetime | None = None) -> QuerySet[ApplicationNotice]:
    """Published application notices for everyone, the newest first; only those open at a moment, when given."""
    found = ApplicationNotice.objects.select_related("budget", "organization")
    if at is not None:
        found = found.filter(state=NoticeState.PUBLISHED, opens_at__lte=at, closes_at__gt=at)
    return found.order_by("-published_at", "-pk")


def notice_for(number: str) -> ApplicationNotice:
    """One application notice; they are public. NotFound for an unknown number."""
    found = notices().filter(number=number).first()
    if found is None:
        raise NotFound
    return found


def open_notice(measure: str, year: int, at: datetime) -> ApplicationNotice | None:
    """The notice in whose window a measure and year stand at a moment (half-open)."""
    item = (
        NoticeMeasure.objects.filter(
            measure=measure, year=year, is_current=True, notice__opens_at__lte=at, notice__closes_at__gt=at
        )
        .select_related("notice")
        .first()
    )
    return item.notice if item else None


def announced_claims(at: datetime) -> QuerySet[Claim]:
    """Claims in their public notice on the day, for everyone."""
    today = clock.business_date(at)
    rows = Claim.objects.select_related("firm", "decision")
    return rows.filter(state=ClaimState.IN_NOTICE, notice_until__gte=today).order_by("notice_until", "number")


def announced_claim(number: str, at: datetime) -> Claim:
    """One of them; NotFound when the claim is not announced now."""
    found = announced_claims(at).filter(number=number).first()
    if found is None:
        raise NotFound
    return found


def firms_of_notice() -> QuerySet[Organization]:
    """Every firm that could claim a reward."""
    kinds = [kind.value for kind in FIRM_KINDS]
    return Organization.objects.filter(kinds__overlap=kinds)


def deserves_draft(firm: Organization, year: int, measure: str) -> bool:
    """Whether the system drafts a statement without being asked: something is granted, or a fact is missing.

    Where all facts come from declarations, only a firm that has a verified one is looked at.
    """
    if measure not in _GATHERERS and not _verified(firm.pk, year, measure).exists():
        return False
    outcome = decide(measure, gather_facts(firm, year, measure=measure)).outcome
    return outcome.value in (Outcome.GRANTED, Outcome.UNDETERMINED)


# --- declarations -------------------------------------------------------------------------------


def declarable(measure: str) -> list[engine.FactSpec]:
    """The facts of a measure that a firm declares and a department verifies."""
    card = measures.CARDS.get(measure)
    return [spec for spec in card.facts if spec.is_declared] if card else []


def sources_of(card: engine.Measure) -> list[str]:
    """The departments that verify a card's declared facts, by their names on the card."""
    names = [spec.verifier_name.zh for spec in declarable(card.id) if spec.verifier_name]
    return list(dict.fromkeys(names))


def leads_of(card: engine.Measure) -> list[str]:
    """The departments that lead a measure, by their names on its card."""
    return card.department.zh.split(LEADS_BETWEEN)


def lead_offices_of(card: engine.Measure) -> list[Office]:
    """The organizations that stand for the departments that lead a measure, as far as any is named."""
    return list(
        Office.objects.filter(source__in=leads_of(card)).select_related("organization").order_by("pk")
    )


def sources_of_operator() -> set[str]:
    """The departments that verify or lead what the exchange operator claims itself: article 3(2), and what it has claimed."""
    claims = Claim.objects.filter(firm__kinds__contains=[OrganizationKind.EXCHANGE_OPERATOR.value])
    own = CLAIMED_BY_OPERATOR | set(claims.values_list("measure", flat=True))
    cards = [card for card in measures.CARDS.values() if card.id in own]
    return {name for card in cards for name in (*sources_of(card), *leads_of(card))}


def namer_of(source: str) -> Permission:
    """Who names the office for a department of the cards: the operator, a department where the operator would claim."""
    return NAME_OFFICES_OF_OPERATOR if source in sources_of_operator() else NAME_OFFICES


def is_only_department(organization: Organization) -> bool:
    """Whether there is no other department on the platform: then nobody else can be named, and nobody else can name."""
    departments = Organization.objects.filter(kinds__contains=[OrganizationKind.DEPARTMENT.value])
    return list(departments.values_list("pk", flat=True)[:2]) == [organization.pk]


def nameable_by(viewer: Actor) -> list[str]:
    """The departments of the cards whose office the viewer may name."""
    own = sources_of_operator()
    return [
        name.zh
        for name, _measures, _office in offices()
        if viewer.can(NAME_OFFICES_OF_OPERATOR if name.zh in own else NAME_OFFICES)
    ]


def offices() -> list[tuple[engine.Text, list[str], Office | None]]:
    """Every department that the cards name: its name, the measures it leads or verifies facts of, who stands for it."""
    named = {row.source: row for row in Office.objects.select_related("organization")}
    found: dict[str, tuple[engine.Text, list[str]]] = {}
    for card in measures.CARDS.values():
        english = dict(zip(leads_of(card), card.department.en.split(", "), strict=True))
        for source, name in english.items():
            found.setdefault(source, (engine.Text(source, name), []))[1].append(card.id)
        for spec in declarable(card.id):
            if spec.verifier_name is not None:
                _name, of_measures = found.setdefault(spec.verifier_name.zh, (spec.verifier_name, []))
                if card.id not in of_measures:
                    of_measures.append(card.id)
    return [(name, of_measures, named.get(source)) for source, (name, of_measures) in found.items()]


def source_of(measure: str, fact: str) -> str:
    """The department that the card names for a fact; empty when no department verifies it."""
    named = measures.CARDS[measure].spec(fact).verifier_name
    return named.zh if named is not None else ""


def office_of(measure: str, fact: str) -> Office | None:
    """Who verifies a fact: the organization that stands for the department its card names, where one is named."""
    return Office.objects.filter(source=source_of(measure, fact)).select_related("organization").first()


def declarations_visible_to(viewer: Actor) -> QuerySet[Declaration]:
    """A firm sees its own declarations; reviewers, departments and auditors see all."""
    rows = Declaration.objects.select_related("firm", "verifier")
    if sees_all_claims(viewer) or viewer.can(VERIFY_FACTS):
        return rows
    if viewer.organization_id and viewer.can(SEE_OWN_CLAIMS):
        return rows.filter(firm=viewer.organization_id)
    return rows.none()


def declaration_for(viewer: Actor, declaration_id: UUID) -> Declaration:
    """One declaration the viewer may see; NotFound otherwise."""
    found = declarations_visible_to(viewer).filter(pk=declaration_id).first()
    if found is None:
        raise NotFound
    return found


def _verified(firm_id: UUID, year: int, measure: str) -> QuerySet[Declaration]:
    return Declaration.objects.filter(
        firm=firm_id, year=year, measure=measure, state=DeclarationState.VERIFIED
    )


def revenue_goal(year: int) -> int | None:
    """The revenue in fen that article 3(1) asks for in a year; what revenue's charts are measured against."""
    version = measures.version_of(MEASURE)
    value = version.at("revenue_threshold", max(date(year, 12, 31), version.first_day)).value
    return value if isinstance(value, int) else None


# --- facts --------------------------------------------------------------------------------------


def validity_of(measure: str = MEASURE, version: str = measures.CURRENT_VERSION) -> tuple[date, date]:
    """First day inside and first day after the validity of a policy version."""
    found = measures.version_of(measure, version)
    start, years = found.at("validity_from", found.first_day), found.at("validity_years", found.first_day)
    assert isinstance(start.value, date)
    assert isinstance(years.value, int)
    return validity(start.value, years.value)


Gatherer = Callable[[Organization, int, str], dict[str, dict[str, Any]]]
_GATHERERS: dict[str, Gatherer] = {}


def register_gatherer(measure: str, gatherer: Gatherer) -> None:
    """Let `gatherer(firm, year, version)` give facts of a measure from what the platform knows."""
    _GATHERERS[measure] = gatherer


def gather_facts(
    firm: Organization,
    year: int,
    *,
    measure: str = MEASURE,
    version: str = measures.CURRENT_VERSION,
) -> engine.Facts:
    """What is known of a firm's year for a measure, each fact with its evidence; a constant number of queries.

    From the profile, the register of awards, the measure's own gatherer, and verified declarations.
    """
    card = measures.CARDS[measure]
    given = identity_facts(firm, recognitions.proofs_of(firm.pk, year))
    if measure in _GATHERERS:
        given |= _GATHERERS[measure](firm, year, version)
    wanted = {spec.name for spec in declarable(measure)}
    if wanted:
        given |= {
            name: fact for name, fact in _declared_facts(firm.pk, year, measure).items() if name in wanted
        }
    named = {spec.name for spec in card.facts}
    given = {name: fact for name, fact in given.items() if name in named}
    subject = {"name": firm.name, "uscc": firm.uscc}

    def with_awards(awards: Sequence[_Held]) -> engine.Facts:
        return engine.Facts.of(measure, year, given | {"prior_awards": _award_fact(awards)}, subject)

    register = _register(firm.pk, related_to(measure))
    own = next((held for held in register if (held.measure, held.year) == (measure, year)), None)
    others = [held for held in register if held is not own and held.amount_fen > 0]
    if own is None or not own.amount_fen:
        return with_awards(others)
    earlier = [stood for held in others if (stood := held.before(own.since)) is not None]
    if [held.amount_fen for held in earlier] == [held.amount_fen for held in others]:
        return with_awards(earlier)
    return _grown(own, earlier, others, with_awards, version)


@dataclass(slots=True)
class _Held:
    """What the register holds of one claim; `since` is the place of the row from which on it holds something."""

    claim_id: UUID
    number: str
    measure: str
    year: int
    matter: str | None
    amount_fen: int = 0
    since: int = 0
    first_due_fen: int = 0
    first_granted_fen: int = 0
    rows: list[tuple[int, int]] = field(default_factory=list)

    def before(self, place: int) -> _Held | None:
        """The award as it stood before a place in the register, as far as it still stands; None for nothing."""
        stood = sum(fen for row, fen in self.rows if row < place)
        return replace(self, amount_fen=min(stood, self.amount_fen)) if stood > 0 else None

    def entitled_fen(self, due_fen: int) -> int:
        """What an amount by the rules comes to after the cut of the budget at the first award."""
        return entitled(
            due_fen, first_due_fen=self.first_due_fen, first_granted_fen=self.first_granted_fen or None
        )

    @property
    def due_fen(self) -> int:
        """The least amount by the rules that comes to what the register holds."""
        if not self.first_due_fen or self.first_granted_fen in (0, self.first_due_fen):
            return self.amount_fen
        return -(-self.amount_fen * self.first_due_fen // self.first_granted_fen)


def _register(firm_id: UUID, related: Sequence[str]) -> list[_Held]:
    """What the register holds of a firm for measures, by claim; one query."""
    rows = Award.objects.filter(firm=firm_id, measure__in=related).order_by("recorded_at", "pk")
    found: dict[UUID, _Held] = {}
    told = ("claim_id", "claim__number", "measure", "year", "claim__decision__trace__exclusivity__matter")
    of_row = ("kind", "due_fen", "amount_fen")
    for place, (*claim, kind, due_fen, amount_fen) in enumerate(rows.values_list(*told, *of_row)):
        held = found.setdefault(claim[0], _Held(*claim))
        if kind == AwardKind.INITIAL:
            # An award entered without what was due was paid whole.
            held.first_due_fen = int(amount_fen if due_fen is None else due_fen)
            held.first_granted_fen = int(amount_fen)
        if not held.amount_fen:
            held.since = place
        held.amount_fen += int(amount_fen)
        held.rows.append((place, int(amount_fen)))
    return sorted(found.values(), key=lambda held: (held.year, held.measure))


def related_to(measure: str) -> list[str]:
    """The measures whose awards a measure reads: itself, its exclusivity group, and groups that pay beside it."""
    rule = measures.CARDS[measure].exclusivity
    groups = {rule.group, *rule.beside}
    return [card.id for card in measures.CARDS.values() if card.id == measure or card.group in groups]


def _grown(
    own: _Held,
    earlier: Sequence[_Held],
    others: Sequence[_Held],
    with_awards: Callable[[Sequence[_Held]], engine.Facts],
    version: str,
) -> engine.Facts:
    """The facts of a claim that has its award, beside awards that came later.

    What came later was worked out beside it and takes nothing off what it holds. But it grows only into what the
    whole register leaves: what a later award was topped up with in the meantime is not paid here a second time. So
    a later award counts as far as it leaves what is held.
    """
    kept = Claim.objects.filter(pk=own.claim_id).values_list("decision__interpretation", flat=True).first()

    def decided(awards: Sequence[_Held]) -> tuple[engine.Facts, engine.Decision]:
        facts = with_awards(awards)
        return facts, decide(own.measure, facts, version=version, interpretation=kept or {})

    facts, at_most = decided(earlier)
    told = at_most.document["exclusivity"]
    if own.entitled_fen(at_most.amount_fen) <= own.amount_fen or not told["tops_up"]:
        return facts
    whole, at_least = decided(others)
    if own.entitled_fen(at_least.amount_fen) >= own.amount_fen:
        return whole
    spare = told["whole_fen"] - told["already_fen"] - own.due_fen
    counted = {held.claim_id: held for held in earlier}
    for held in others:
        stood = counted.get(held.claim_id)
        _facts, beside = decided([*(each for each in earlier if each is not stood), held])
        taken = min(beside.document["exclusivity"]["already_fen"] - told["already_fen"], spare)
        if taken:
            fen = taken + (stood.amount_fen if stood else 0)
            counted[held.claim_id], spare = replace(held, amount_fen=fen), spare - taken
    return with_awards([counted[held.claim_id] for held in others if held.claim_id in counted])


def _award_fact(awards: Sequence[_Held]) -> dict[str, Any]:
    """Awards of the register for the measure and its exclusivity group, whatever the year: one row per claim with
    what it came to, without the claim at hand and what was wholly taken back.

    A claim without an award, or with one wholly taken back, reads everything; see `_grown` for one that has its own.
    """
    return {
        "value": [
            {
                "measure": held.measure,
                "group": measures.CARDS[held.measure].group,
                "year": held.year,
                "amount_fen": held.amount_fen,
                "number": held.number,
                **_matter(held.matter),
            }
            for held in awards
        ],
        "source": "platform",
        "evidence": [
            {"kind": "award", "number": held.number, "id": str(held.claim_id), "label": str(held.year)}
            for held in awards
        ],
    }


def _matter(told: str | None) -> dict[str, str]:
    """What the award was for, where its measure tells matters apart."""
    return {"matter": told} if told else {}


def _declared_facts(firm_id: UUID, year: int, measure: str) -> dict[str, dict[str, Any]]:
    """Verified declarations, each with who verified it and the hashes of its documents."""
    rows = _verified(firm_id, year, measure).select_related("verifier").prefetch_related("documents")
    return {
        row.fact: {
            "value": row.value,
            "source": "upload",
            "state": "verified",
            "evidence": [
                {
                    "kind": "declaration",
                    "number": row.verifier.name if row.verifier else "",
                    "id": str(row.pk),
                    "label": clock.business_date(row.decided_at).isoformat() if row.decided_at else "",
                    "sha256": engine.sha256(sorted(document.sha256 for document in row.documents.all())),
                }
            ],
        }
        for row in rows.order_by("fact")
    }


def _trading_facts(firm: Organization, year: int, version: str) -> dict[str, dict[str, Any]]:
    """Article 3(1): certificates, and the year's revenue under the default and every other reading."""
    first, after = validity_of(MEASURE, version)
    cells = readings.cells_of_firm(firm.pk, year, first, after)
    return {
        "certificate_count": _certificate_fact(firm.pk, year),
        **_revenue_facts(firm.pk, year, readings.summed(cells, year, readings.default_reading())),
        "readings": {"value": readings.resummed(cells, year), "source": "platform"},
    }


register_gatherer(MEASURE, _trading_facts)


def identity_facts(
    firm: Organization, parks: Sequence[dict[str, Any]], *, is_in_park: bool | None = None
) -> dict[str, dict[str, Any]]:
    """From the firm's verified profile; an unverified profile proves nothing, so its facts are missing.

    `parks`: the proofs of its recognition in a park; who needs no proofs says whether there is any (`is_in_park`).
    """
    evidence = [{"kind": "organization", "number": firm.uscc, "id": str(firm.pk), "label": firm.name}]

    def fact(value: Any) -> dict[str, Any]:
        return {"value": value if firm.is_verified else None, "source": "authority", "evidence": evidence}

    in_park = fact(bool(parks) if is_in_park is None else is_in_park)
    return {
        "is_annotation_firm": fact(OrganizationKind.ANNOTATION_FIRM.value in firm.kinds),
        "industry_class": fact(firm.industry_digital or None),
        "in_recognised_park": {**in_park, "evidence": [*evidence, *parks]},
        "registered_place": fact(firm.registered_place or None),
        "tax_place": fact(firm.tax_place or None),
    }


def certificates_in_force(year: int) -> QuerySet[Certificate]:
    """Certificates in force on some day of the year; one given up in the year still counts for its days, a
    revoked one never did."""
    lapsed = Transition.objects.filter(
        machine="registration_certificate",
        to_state=CertificateState.CANCELLED,
        at__lt=clock.start_of(date(year, 1, 1)),
    )
    held = Certificate.objects.filter(valid_from__lte=date(year, 12, 31), valid_until__gte=date(year, 1, 1))
    return held.exclude(state=CertificateState.REVOKED).exclude(pk__in=lapsed.values("subject_id"))


def _certificate_fact(firm_id: UUID, year: int) -> dict[str, Any]:
    """The certificates that a firm holds on some day of the year."""
    rows = list(certificates_in_force(year).filter(holder=firm_id).order_by("valid_from", "number"))
    return {
        "value": len(rows),
        "source": "platform",
        "evidence": [
            {"kind": "certificate", "number": row.number, "id": str(row.pk), "label": row.title}
            for row in rows[:SHOWN_CERTIFICATES]
        ],
    }


def _revenue_facts(firm_id: UUID, year: int, sums: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """The year's sums under the default readings; those of receipts cite the year's lines."""
    evidence = [ledger_evidence(firm_id, year)]
    cited = ("transaction_count", "receipts_fen")
    return {
        name: {"value": value, "source": "platform", "evidence": evidence if name in cited else []}
        for name, value in sums.items()
    }


def ledger_evidence(firm_id: UUID, year: int) -> dict[str, Any]:
    """The fingerprint of the year's lines: SHA-256 over id, amount and exclusions of each, by id."""
    rows = RevenueLine.objects.filter(firm=firm_id, year=year).order_by("pk")
    lines = [[str(pk), net, codes] for pk, net, codes in rows.values_list("pk", "net_fen", "exclusions")]
    return {
        "kind": "revenue_lines",
        "number": str(year),
        "label": str(len(lines)),
        "sha256": engine.sha256(lines),
    }


# --- decisions ----------------------------------------------------------------------------------


def replay(decision_id: UUID) -> Replay:
    """Compute a stored decision again from its own facts; NotFound for an unknown id."""
    decision = Decision.objects.select_related("claim").filter(pk=decision_id).first()
    if decision is None:
        raise NotFound
    return replayed(
        measure=decision.claim.measure,
        facts=decision.facts,
        facts_sha256=decision.facts_sha256,
        version=decision.policy_version,
        interpretation=decision.interpretation,
        code_version=decision.code_version,
        decision=decision.trace,
        decision_sha256=decision.decision_sha256,
    )


def differences_of(decision: Decision) -> list[Difference]:
    """What every other reading of the open questions would have given on the same facts."""
    card = measures.CARDS[decision.trace["measure"]]
    version = measures.version_of(card.id, decision.policy_version)
    facts = engine.Facts(decision.facts)
    found = []
    for question in card.questions:
        for option in question.options:
            is_chosen = decision.interpretation.get(question.name, question.default) == option.name
            outcome, amount = (decision.outcome, decision.amount_fen) if is_chosen else (None, None)
            if option.is_available and not is_chosen:
                other = engine.decide(
                    card,
                    facts,
                    version=version,
                    code_version=decision.code_version,
                    interpretation={**decision.interpretation, question.name: option.name},
                )
                outcome, amount = other.outcome.value, other.amount_fen
            change = None if amount is None else amount - decision.amount_fen
            found.append(
                Difference(
                    question.name, option.name, is_chosen, option.is_available, outcome, amount, change
                )
            )
    return found


def facts_are_current(claim: Claim) -> bool:
    """Whether the platform still knows what the claim's decision was made on."""
    assert claim.decision is not None
    facts = gather_facts(claim.firm, claim.year, measure=claim.measure, version=claim.decision.policy_version)
    return facts.sha256 == claim.decision.facts_sha256


# --- releases of the rules ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReleaseStanding:
    """The release in force, if any, and whether the files that run are what was released."""

    release: RuleRelease | None
    content_sha256: str
    changed_files: Sequence[str]

    @property
    def is_same(self) -> bool:
        return self.release is not None and self.release.content_sha256 == self.content_sha256


def releases() -> list[RuleRelease]:
    """Every release and proposal for everyone, the newest first."""
    return list(RuleRelease.objects.select_related("approval").order_by("-proposed_at", "-pk")[:50])


def last_release() -> RuleRelease | None:
    """The release in force: the one approved last."""
    found = RuleRelease.objects.filter(approval__isnull=False).select_related("approval")
    return found.order_by("-approval__approved_at", "-approval__pk").first()


def release_standing() -> ReleaseStanding:
    """What was released, against what runs; the files that differ are named."""
    release = last_release()
    version = release.version if release else measures.CURRENT_VERSION
    files, released = files_of(version), dict(release.files) if release else {}
    differing = {name for name in {*files, *released} if files.get(name) != released.get(name)}
    return ReleaseStanding(release, content_sha256(version), sorted(differing) if release else ())


def running_release() -> RuleRelease | None:
    """The release by which decisions are made now; None while the files are not what was released."""
    release = last_release()
    is_same = release is not None and content_sha256(release.version) == release.content_sha256
    return release if is_same else None


def release_of(version: str) -> RuleRelease | None:
    """The release that stands for a version's files as they run; None where they are not what was released."""
    found = RuleRelease.objects.filter(
        version=version, approval__isnull=False, content_sha256=content_sha256(version)
    )
    return found.order_by("-approval__approved_at", "-approval__pk").first()


@dataclass(frozen=True, slots=True)
class RulesChange:
    """What the release in force makes of a statement that was worked out under another text."""

    release: RuleRelease
    former: str
    former_fen: int
    now_fen: int
    former_outcome: str
    now_outcome: str

    @property
    def difference_fen(self) -> int:
        return self.now_fen - self.former_fen


def rules_change_of(claim: Claim) -> RulesChange | None:
    """How the release in force changes a statement that lies with the firm; None when it was worked out under it.

    A statement from before the first release goes on as long as it says the same (ADR 18).
    """
    decision, release = claim.decision, running_release()
    if decision is None or release is None or decision.release_id == release.pk:
        return None
    facts = gather_facts(claim.firm, claim.year, measure=claim.measure, version=release.version)
    found = decide(claim.measure, facts, version=release.version, interpretation=readings_agreed(claim))
    is_same = (decision.outcome, decision.amount_fen) == (found.outcome.value, found.amount_fen)
    if decision.release_id is None and is_same:
        return None
    former = decision.release.number if decision.release is not None else decision.policy_version
    return RulesChange(
        release, former, int(decision.amount_fen), found.amount_fen,
        str(decision.get_outcome_display()), str(Outcome(found.outcome.value).label),
    )  # fmt: skip


def readings_agreed(claim: Claim) -> dict[str, str]:
    """The readings of open questions that reviewers agreed to for this claim; the latest of each."""
    rows = Adjustment.objects.filter(claim=claim).order_by("made_at", "pk")
    return dict(rows.values_list("question", "reading"))


def statements_under_other_rules(release: RuleRelease) -> QuerySet[Claim]:
    """Statements that lie with their firms, worked out under another release, whose firms were not told of this one."""
    told = ReleaseNews.objects.filter(release=release).values("claim")
    rows = Claim.objects.filter(state__in=WITH_FIRM, decision__release__isnull=False)
    return rows.exclude(decision__release=release).exclude(pk__in=told).order_by("pk")


WITH_FIRM = (ClaimState.DRAFTED, ClaimState.RETURNED)
"""States in which the firm has the word, and a statement may be worked out anew."""


def unreleased_rules(claim: Claim) -> list[str]:
    """What stops a second review: once rules are released, a claim decided by other files."""
    if claim.decision is None or claim.decision.release_id is not None:
        return []
    earlier = ReleaseApproval.objects.filter(approved_at__lte=claim.decision.decided_at)
    if not earlier.exists():
        return []
    return [_("本测算所用的规则文件未经发布。请先在规则库发布现行文件，再退回重新测算。")]


# --- desk, navigation, search -------------------------------------------------------------------


def waiting(viewer: Actor) -> list[QuerySet[Any]]:
    """The claims that wait for this reviewer, for the side navigation."""
    return [queue(viewer)]


def todos(viewer: Actor) -> list[Todo]:
    """For the work desk: statements to confirm, accounts to give, claims to review, money to approve."""
    found: list[Todo] = []
    if viewer.organization_id and viewer.can(CLAIM_REWARDS):
        found += _firm_todos(viewer.organization_id)
    if viewer.can(FIRST_REVIEW) or viewer.can(SECOND_REVIEW):
        found += [
            Todo(
                _("%(state)s：%(firm)s")
                % {"state": claim.get_state_display(), "firm": claim.firm.display_name},
                reverse("rewards:claim", args=[claim.number]),
                claim.number,
                due_at=due_day_of(claim),
                icon="award",
            )
            for claim in queue(viewer).order_by("due_on", "drafted_at")[:20]
        ]
    return found + _fund_todos(viewer)


def _firm_todos(firm_id: UUID) -> list[Todo]:
    mine = Claim.objects.filter(firm=firm_id).select_related("decision")
    to_confirm = mine.filter(state__in=[ClaimState.DRAFTED, ClaimState.RETURNED], decision__outcome="granted")
    found = [
        Todo(
            _("确认 %(year)s 年度奖励测算") % {"year": claim.year},
            reverse("rewards:claim", args=[claim.number]),
            f"{claim.number} · {Money(claim.decision.amount_fen if claim.decision else 0)}",
            icon="award",
            tone="amber" if claim.state == ClaimState.RETURNED else "blue",
        )
        for claim in to_confirm.order_by("year")[:10]
    ]
    to_pay = mine.filter(state=ClaimState.APPROVED).exclude(firm__in=PayeeAccount.objects.values("firm"))
    found += [
        Todo(_("登记收款账户，领取已批准的奖励"), reverse("rewards:payee"), claim.number, icon="landmark")
        for claim in to_pay.order_by("year")[:1]
    ]
    owed = RecoveryCase.objects.filter(claim__firm=firm_id, state=RecoveryState.CONFIRMED)
    found += [
        Todo(
            _("缴回奖励 %(amount)s") % {"amount": Money(int(case.amount_fen - case.lifted_fen))},
            reverse("rewards:recovery", args=[case.number]),
            case.number,
            due_at=case.due_on,
            icon="undo-2",
            tone="amber",
        )
        for case in owed.order_by("due_on")[:10]
    ]
    return found


def _fund_todos(viewer: Actor) -> list[Todo]:
    """What waits for a second person, and what firms declared."""
    if viewer.is_system:
        return []
    found: list[Todo] = []
    if viewer.can(APPROVE_AWARDS):
        batches = ApprovalBatch.objects.filter(state=BatchState.PROPOSED).exclude(proposed_by=viewer.user_id)
        found += [
            Todo(_("批准奖励批次"), reverse("rewards:batch", args=[b.number]), b.number, icon="stamp")
            for b in batches.order_by("pk")[:10]
        ]
    if viewer.can(DISBURSE):
        files = Disbursement.objects.filter(state=DisbursementState.PREPARED).defer("file")
        found += [
            Todo(
                _("审批拨付文件"), reverse("rewards:disbursement", args=[d.number]), d.number, icon="landmark"
            )
            for d in files.exclude(prepared_by=viewer.user_id).order_by("pk")[:10]
        ]
    if viewer.can(RECOVER):
        cases = RecoveryCase.objects.filter(state=RecoveryState.OPENED).exclude(opened_by=viewer.user_id)
        found += [
            Todo(_("核定追回"), reverse("rewards:recovery", args=[c.number]), c.number, icon="undo-2")
            for c in cases.order_by("pk")[:10]
        ]
        lifts = RecoveryCase.objects.filter(state=RecoveryState.LIFTING)
        found += [
            Todo(_("核定撤销追回"), reverse("rewards:recovery", args=[c.number]), c.number, icon="undo-2")
            for c in lifts.exclude(lift_proposed_by=viewer.user_id).order_by("pk")[:10]
        ]
    found += [
        Todo(
            _("认定园区入驻企业：%(firm)s") % {"firm": each.firm.display_name if each.firm else ""},
            reverse("rewards:park", args=[each.pk]),
            str(each.park),
            icon="building-2",
        )
        for each in recognitions.waiting(viewer)[:10]
    ]
    if viewer.can(VERIFY_FACTS):
        declared = Declaration.objects.filter(state=DeclarationState.DECLARED).select_related("firm")
        found += [
            Todo(
                _("核实企业申报：%(firm)s") % {"firm": each.firm.display_name},
                reverse("rewards:declaration", args=[each.pk]),
                each.fact_label,
                icon="file-check",
            )
            for each in declared.order_by("declared_at")[:10]
        ]
    return found


def figures(viewer: Actor) -> list[Figure]:
    """For the work desk: claims awaiting the reviewer, and what has been granted this year."""
    if not (viewer.can(FIRST_REVIEW) or viewer.can(SECOND_REVIEW)) or viewer.is_system:
        return []
    year = clock.business_year(clock.now())
    granted = Award.objects.filter(granted_at__gte=clock.start_of(date(year, 1, 1))).aggregate(
        total=Sum("amount_fen", default=0)
    )
    return [
        Figure(_("待办奖励申报"), queue(viewer).count(), url=reverse("rewards:review")),
        Figure(
            _("%(year)s 年已批准奖励") % {"year": year},
            Money(int(granted["total"])),
            url=reverse("rewards:index"),
        ),
    ]


def find_claims(viewer: Actor, text: str) -> list[Hit]:
    """Claims by number or firm name, among those the viewer may see."""
    wanted = text.strip().upper()
    rows = claims_visible_to(viewer).filter(
        Q(number__startswith=wanted) | Q(firm__name__icontains=text.strip())
    )
    return [
        Hit(
            title=_("%(firm)s %(year)s 年度奖励") % {"firm": claim.firm.display_name, "year": claim.year},
            url=reverse("rewards:claim", args=[claim.number]),
            detail=claim.get_state_display(),
            number=claim.number,
            is_exact=claim.number == wanted,
        )
        for claim in rows.order_by("-pk")[:10]
    ]
