"""Why a signal speaks, in a plain sentence with its figures; and the ring as it is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from kernel.money import Money
from kernel.wording import listed
from organizations.models import Organization
from settlement.risk.models import Finding
from settlement.risk.states import SignalKind, TraitKind
from web import charts

K = SignalKind


def percent(bp: int) -> str:
    """Basis points as per cent: 9700 → 97%, 2550 → 25.5%."""
    return f"{bp // 100}.{bp % 100:02d}".rstrip("0").rstrip(".") + "%"


def reason(finding: Finding) -> str:
    """One sentence that a person without knowledge of the rule understands."""
    told: dict[str, Any] = {}
    for name, value in finding.figures.items():
        if name.endswith("_fen"):
            told[name.removesuffix("_fen")] = Money(value)
        elif name.endswith("_bp"):
            told["part" if name == "share_bp" else name.removesuffix("_bp") + "_share"] = percent(value)
        else:
            told[name] = value
    return _words(finding, told) % told


def _words(finding: Finding, told: dict[str, Any]) -> str:
    kind = finding.signal
    if kind == K.PRICE_FAR:
        told["deviation"] = f"{abs(finding.figures['deviation_centi']) / 100:.1f}"
        if finding.figures["deviation_centi"] > 0:
            return _(
                "售价 %(price)s，同类 %(size)s 个方案的中位价为 %(median)s，高出 %(deviation)s 个稳健偏差。"
            )
        return _("售价 %(price)s，同类 %(size)s 个方案的中位价为 %(median)s，低出 %(deviation)s 个稳健偏差。")
    if kind == K.RELATED_PARTY:
        told["grounds"] = listed(grounds(finding)) or "--"
        return ngettext(
            "与买方有 %(size)s 项联系（%(grounds)s），双方交易 %(trade)s。",
            "与买方共有 %(size)s 项联系（%(grounds)s），双方交易 %(trade)s。",
            finding.figures["size"],
        )
    return str(
        {
            K.ROUND_TRIP: _(
                "%(size)s 家企业首尾相连付款，最短 %(days)s 天回到起点；付出 %(out)s，回来 %(back)s（%(back_share)s）。"
            ),
            K.CIRCULATION: _("%(size)s 家企业之间互付 %(gross)s，净额只有 %(net)s（%(net_share)s）。"),
            K.RECIPROCITY: _("两家企业互相采购：一方付 %(sold)s，另一方付 %(bought)s（%(part)s）。"),
            K.NEAR_THRESHOLD: _(
                "年度实际收入 %(year)s，只比奖励条件 %(goal)s 高 %(above)s（%(above_share)s）。"
            ),
            K.DECEMBER: _("全年到账 %(year)s，其中十二月 %(december)s（%(part)s）。"),
            K.YEAR_END_BURST: _("年末 %(days)s 天到账 %(final)s，日均为此前的 %(times)s 倍。"),
            K.BUYER_WITHOUT_USE: _(
                "买方付款 %(unused)s（%(size)s 笔），交付满 %(days)s 天仍没有任何下载或访问。"
            ),
            K.SAME_DAY_REFUND: _("%(size)s 笔款项放款当日退回，共 %(refund)s。"),
            K.NEW_BUYERS_ONLY: _(
                "全年到账 %(year)s，其中 %(new)s（%(part)s）来自 %(size)s 家只向本企业采购的新买方。"
            ),
            K.CONCENTRATION: _("全年到账 %(year)s，其中同一买方 %(top)s（%(part)s），共 %(size)s 家买方。"),
        }[kind]
    )


def grounds(finding: Finding) -> list[str]:
    """What the two sides of related trades have in common, each in a few words."""
    found: dict[str, None] = {}
    for proof in finding.evidence.get("proofs", []):
        ground, share = proof.get("ground"), percent(proof.get("effective_bp", 0))
        if ground == "holding":
            found[_("一方直接或间接持有另一方 %(share)s") % {"share": share}] = None
        elif ground == "common_owner":
            found[
                _("同一持股方“%(owner)s”各持有 %(share)s 以上") % {"owner": proof["label"], "share": share}
            ] = None
        elif ground in TraitKind.values:
            found[_("相同的%(trait)s") % {"trait": TraitKind(ground).label}] = None
    return list(found)


def ring(
    finding: Finding, parties: Mapping[str, Organization], width: int, height: int
) -> charts.Drawing | None:
    """Who paid whom, the firm itself at the top; None where fewer than two parties traded."""
    sums: dict[tuple[str, str], int] = {}
    for order in finding.evidence.get("orders", []):
        hop = order["payer"], order["payee"]
        sums[hop] = sums.get(hop, 0) + order["amount_fen"]
    present = {side for hop in sums for side in hop}
    told = [each for each in finding.evidence.get("parties", []) if each in present]
    names = [*told, *sorted(present - set(told))][:MOST_DRAWN]
    if len(names) < 2:
        return None
    own = str(finding.firm_id)
    if own in names:
        at = names.index(own)
        names = names[at:] + names[:at]
    nodes = {
        name: _node(name, number, names, parties, own, width, height) for number, name in enumerate(names)
    }
    edges = [
        charts.Edge(payer, payee, _brief(amount), "warn", 22)
        for (payer, payee), amount in sorted(sums.items())
        if payer in nodes and payee in nodes
    ]
    title = _("资金在各企业之间的流向")
    return charts.trade_ring(nodes, edges, title=title, width=width, height=height)


def _brief(fen: int) -> str:
    """An amount for a narrow place, by the language's own step: 20.4 万元, ¥204.0k."""
    if (get_language() or "").startswith("zh"):
        return f"{charts.wan(fen)} 万元"
    return f"¥{fen // 100_000:,}.{fen // 10_000 % 10}k"


MOST_DRAWN, NARROW = 12, 400


def _node(
    name: str,
    number: int,
    names: list[str],
    parties: Mapping[str, Organization],
    own: str,
    width: int,
    height: int,
) -> charts.Node:
    turn = 2 * math.pi * number / len(names) - math.pi / 2
    beside = (
        110 if width > NARROW else 58
    )  # half a name at least, so that two beside one another do not touch
    x, y = width / 2 + math.cos(turn) * (width / 2 - beside), height / 2 + math.sin(turn) * (height / 2 - 46)
    label = parties[name].display_name if name in parties else "--"
    side = "n" if math.sin(turn) < -0.1 else "s"
    is_own = name == own
    return charts.Node(
        round(x), round(y), _short(label), "self" if is_own else "warn", 12 if is_own else 9, side
    )


def _short(label: str) -> str:
    """A name that fits beside its node."""
    for part in ("有限公司", "（示例）", " Co.", " (demo)", ", Ltd."):
        label = label.replace(part, "")
    return label if len(label) <= 14 else label[:13] + "…"
