"""Reading claims, the facts they rest on, and the register of awards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet, Sum
from django.urls import reverse
from django.utils.translation import gettext as _

from assets.registry.models import Certificate
from assets.registry.states import CertificateState
from kernel import clock
from kernel.errors import NotFound
from kernel.models import Transition
from kernel.money import Money
from organizations.models import Organization, Park
from organizations.permissions import Actor
from organizations.states import OrganizationKind
from settlement.revenue.models import RevenueLine
from settlement.rewards import engine, measures, readings
from settlement.rewards.engine.operations import validity
from settlement.rewards.models import Award, Claim, Decision, Objection
from settlement.rewards.permissions import (
    CLAIM_REWARDS,
    FIRST_REVIEW,
    SECOND_REVIEW,
    SEE_ALL_CLAIMS,
    SEE_OWN_CLAIMS,
)
from settlement.rewards.rules import Replay, replayed
from settlement.rewards.states import ClaimState
from web.desk import Figure, Todo
from web.finding import Hit

MEASURE = measures.DATA_PRODUCT_TRADING.id
SHOWN_CERTIFICATES = 20


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


def claims_visible_to(viewer: Actor) -> QuerySet[Claim]:
    """A firm sees its own claims; reviewers and auditors see all."""
    claims = Claim.objects.select_related("firm", "decision")
    if viewer.can(SEE_ALL_CLAIMS):
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
    if viewer.can(FIRST_REVIEW):
        waiting |= Q(state=ClaimState.CONFIRMED)
    if viewer.can(SECOND_REVIEW):
        waiting |= Q(state__in=[ClaimState.FIRST_REVIEWED, ClaimState.SECOND_REVIEWED, ClaimState.IN_NOTICE])
    return waiting


def queue(viewer: Actor) -> QuerySet[Claim]:
    """The claims that wait for this reviewer."""
    return claims_visible_to(viewer).filter(waiting_for(viewer))


def transitions_of(claim: Claim) -> list[Transition]:
    """Every move of the claim, the earliest first."""
    return list(Transition.objects.filter(machine="reward_claim", subject_id=claim.pk).order_by("at", "pk"))


def decisions_of(claim: Claim) -> list[Decision]:
    """Every decision made on the claim, the latest first."""
    return list(claim.decisions.order_by("-decided_at", "-pk"))


def objections_of(claim: Claim) -> list[Objection]:
    """What the firm has objected to, the earliest first."""
    return list(claim.objections.select_related("decision").order_by("raised_at", "pk"))


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


def gather_facts(firm: Organization, year: int, *, version: str = measures.CURRENT_VERSION) -> engine.Facts:
    """What the platform knows of a firm's year, each fact with its evidence; a constant number of queries."""
    first, after = validity_of(MEASURE, version)
    cells = readings.cells_of_firm(firm.pk, year, first, after)
    given = _identity_facts(firm, year)
    given["certificate_count"] = _certificate_fact(firm.pk, year)
    given |= _revenue_facts(firm.pk, year, readings.summed(cells, year, readings.default_reading()))
    given["readings"] = {"value": readings.resummed(cells, year), "source": "platform"}
    awards = (
        Award.objects.filter(firm=firm.pk, year__lte=year).select_related("claim").order_by("year", "measure")
    )
    given["prior_awards"] = {
        "value": [
            {
                "measure": award.measure,
                "group": measures.CARDS[award.measure].group,
                "year": award.year,
                "amount_fen": award.amount_fen,
                "number": award.claim.number,
            }
            for award in awards
        ],
        "source": "platform",
        "evidence": [
            {"kind": "award", "number": a.claim.number, "id": str(a.pk), "label": str(a.year)} for a in awards
        ],
    }
    return engine.Facts.of(MEASURE, year, given, {"name": firm.name, "uscc": firm.uscc})


def _identity_facts(firm: Organization, year: int) -> dict[str, dict[str, Any]]:
    """From the firm's verified profile; an unverified profile proves nothing, so its facts are missing."""
    evidence = [{"kind": "organization", "number": firm.uscc, "id": str(firm.pk), "label": firm.name}]

    def fact(value: Any) -> dict[str, Any]:
        return {"value": value if firm.is_verified else None, "source": "authority", "evidence": evidence}

    return {
        "is_annotation_firm": fact(OrganizationKind.ANNOTATION_FIRM.value in firm.kinds),
        "industry_class": fact(firm.industry_digital or None),
        "in_recognised_park": fact(is_recognised(firm.park, year)),
        "registered_place": fact(firm.registered_place or None),
        "tax_place": fact(firm.tax_place or None),
    }


def is_recognised(park: Park | None, year: int) -> bool:
    """Whether the park was recognised by the end of the year; no park is no."""
    return park is not None and park.recognised_on is not None and park.recognised_on <= date(year, 12, 31)


def certificates_in_force(year: int) -> QuerySet[Certificate]:
    """Certificates in force on some day of the year; one ended in the year still counts for its days."""
    ended = (CertificateState.CANCELLED, CertificateState.REVOKED)
    lapsed = Transition.objects.filter(
        machine="registration_certificate", to_state__in=ended, at__lt=clock.start_of(date(year, 1, 1))
    )
    held = Certificate.objects.filter(valid_from__lte=date(year, 12, 31), valid_until__gte=date(year, 1, 1))
    return held.exclude(pk__in=lapsed.values("subject_id"))


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
    facts = gather_facts(claim.firm, claim.year, version=claim.decision.policy_version)
    return facts.sha256 == claim.decision.facts_sha256


# --- desk, navigation, search -------------------------------------------------------------------


def waiting(viewer: Actor) -> list[QuerySet[Any]]:
    """The claims that wait for this reviewer, for the side navigation."""
    return [queue(viewer)]


def todos(viewer: Actor) -> list[Todo]:
    """For the work desk: statements to confirm, claims to review."""
    found: list[Todo] = []
    if viewer.organization_id and viewer.can(CLAIM_REWARDS):
        mine = Claim.objects.filter(
            firm=viewer.organization_id,
            state__in=[ClaimState.DRAFTED, ClaimState.RETURNED],
            decision__outcome="granted",
        ).select_related("decision")
        found += [
            Todo(
                _("确认 %(year)s 年度奖励测算") % {"year": claim.year},
                reverse("rewards:claim", args=[claim.number]),
                f"{claim.number} · {Money(claim.decision.amount_fen if claim.decision else 0)}",
                icon="award",
                tone="amber" if claim.state == ClaimState.RETURNED else "blue",
            )
            for claim in mine.order_by("year")[:10]
        ]
    if viewer.can(FIRST_REVIEW) or viewer.can(SECOND_REVIEW):
        found += [
            Todo(
                _("%(state)s：%(firm)s")
                % {"state": claim.get_state_display(), "firm": claim.firm.display_name},
                reverse("rewards:claim", args=[claim.number]),
                claim.number,
                due_at=claim.notice_until + timedelta(days=1) if claim.notice_until else None,
                icon="award",
            )
            for claim in queue(viewer).order_by("drafted_at")[:20]
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
