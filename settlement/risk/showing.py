"""A finding as a page tells it: its reason, its chips of evidence, the ring drawn; here and on reviews of claims."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from kernel.money import Money
from organizations.models import Organization
from settlement.risk import wording
from settlement.risk.models import Finding
from settlement.risk.states import SignalKind, TraitKind
from web import charts
from web.parts import Evidence

SHOWN_EVIDENCE = 12


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding as a page tells it."""

    finding: Finding
    reason: str
    evidence: Sequence[Evidence]
    more_count: int
    drawing: charts.Drawing | None = None


def shown(finding: Finding, parties: Mapping[str, Organization], *, is_drawn: bool = False) -> Shown:
    chips = list(evidence(finding, parties))
    drawing = None
    if is_drawn:
        wide, narrow = (wording.ring(finding, parties, *size) for size in ((560, 280), (340, 260)))
        if wide is not None and narrow is not None:
            drawing = charts.for_both(
                lambda width, _height: wide if width > 400 else narrow, wide=(560, 280), narrow=(340, 260)
            )
    return Shown(
        finding, wording.reason(finding), chips[:SHOWN_EVIDENCE], max(0, len(chips) - SHOWN_EVIDENCE), drawing
    )


def evidence(finding: Finding, parties: Mapping[str, Organization]) -> Iterable[Evidence]:
    """Chips: declarations and accesses first, then each order with its posting."""
    for proof in finding.evidence.get("proofs", []):
        if proof["kind"] == "holding":
            detail = f"{proof['owner']} · {wording.percent(proof['share_bp'])}"
            yield Evidence(
                _("股权申报"),
                detail,
                url=reverse("risk:ownership_of", args=[proof["firm"]]),
                source="upload",
                icon="network",
            )
        elif proof["kind"] == "shared":
            yield Evidence(_("共用信息"), TraitKind(proof["trait"]).label, source="platform", icon="contact")
    has_no_use = finding.signal == SignalKind.BUYER_WITHOUT_USE
    for order in finding.evidence.get("orders", []):
        payer = parties.get(order["payer"])
        detail = f"{Money(order['amount_fen'])} · {order['day']}"
        yield Evidence(
            order["number"],
            payer.display_name if payer else "--",
            detail,
            reverse("trading:order", args=[order["id"]]),
            icon="receipt-text",
        )
        yield Evidence(
            _("放款凭证"),
            order["number"],
            url=reverse("ledger:entry", args=[order["entry"]]),
            icon="landmark",
        )
        if has_no_use:
            yield Evidence(
                _("访问记录"),
                _("0 次"),
                url=reverse("delivery:delivery", args=[order["id"]]),
                icon="download",
            )
