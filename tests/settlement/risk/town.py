"""A small town of firms that sell and buy, and rings of real trades between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from exchange.trading.models import Order
from organizations.permissions import Actor
from organizations.states import OrganizationKind as Kind
from settlement.risk import services
from settlement.risk.models import Case, Finding
from settlement.risk.selectors import effect_of
from tests import cast
from tests.settlement import trades

BOTH = (Kind.ANNOTATION_FIRM, Kind.BUYER)
JIA = ("甲数据（示例）有限公司", "91441802MA6000001W", BOTH)
YI = ("乙数据（示例）有限公司", "91441802MA60000020", BOTH)
BING = ("丙数据（示例）有限公司", "91441802MA60000033", BOTH)
FEBRUARY = datetime(2026, 2, 2, 4, 0, tzinfo=UTC)
AFTER_HEARING = FEBRUARY + timedelta(days=11)
SYSTEM = Actor.system("测试")
ARTICLES = ["policy_3_1"]


def jia() -> Actor:
    """Administrator of 甲."""
    return cast.person("jia", JIA)


def yi() -> Actor:
    """Administrator of 乙."""
    return cast.person("yi", YI)


def bing() -> Actor:
    """Administrator of 丙."""
    return cast.person("bing", BING)


def ding() -> Actor:
    """Administrator of the operator: opens cases that 顾 decides."""
    return cast.person("ding", cast.BASE)


def ring_of(
    net: str, *, firms: Sequence[Callable[[], Actor]] = (jia, yi, bing), at: datetime = trades.MARCH_2025
) -> list[Order]:
    """Each firm sells to the next for the same price, days apart."""
    following = [*firms[1:], firms[0]]
    return [
        trades.sale(net, seller=seller, buyer=buyer, at=at + timedelta(days=2 * hop))
        for hop, (seller, buyer) in enumerate(zip(firms, following, strict=True))
    ]


def scanned(at: datetime = FEBRUARY) -> list[Finding]:
    """The findings after a scan."""
    services.run(by=SYSTEM, at=at)
    return list(Finding.objects.order_by("kind", "firm__uscc", "year"))


def case_of(
    who: Callable[[], Actor] = jia, *, kinds: Sequence[str] = ("round_trip",), at: datetime = FEBRUARY
) -> Case:
    """A case that 丁 opened from a firm's findings."""
    rows = Finding.objects.filter(firm=who().organization_id, kind__in=kinds, state="open")
    return services.open_case(
        by=ding(),
        at=at,
        finding_ids=list(rows.values_list("pk", flat=True)),
        reason="资金在三家之间回流，需要核实。",
    )


def decided(
    case: Case,
    outcome: str = "excluded",
    *,
    at: datetime = AFTER_HEARING,
    by: Actor | None = None,
    **more: object,
):
    """The case after review and decision by 顾 on everything that is flagged."""
    case.refresh_from_db()
    if case.state != "in_review":
        services.begin(by=cast.gu(), at=at, case_id=case.pk)
    effect = effect_of(case)
    wanted = {
        "outcome": outcome, "text": "三笔交易的资金在六日内回到付款方，没有真实用途。", "citations": ARTICLES,
        "shown": effect.digest, "order_ids": [each.order.pk for each in effect.lines] if outcome == "excluded" else [],
        **more,
    }  # fmt: skip
    return services.decide(by=by or cast.gu(), at=at, case_id=case.pk, **wanted)


def case_of_subject(subject: str, who: Callable[[], Actor] = jia) -> Case:
    """A case that 丁 opened from the firm's finding with this subject."""
    rows = Finding.objects.filter(firm=who().organization_id, subject=subject, state="open")
    return services.open_case(
        by=ding(), at=FEBRUARY, finding_ids=list(rows.values_list("pk", flat=True)), reason="另一条线索。"
    )
