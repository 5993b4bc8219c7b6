"""Three firms pay one another round; a case takes the money out, and the year falls below the reward's condition."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from audit.models import AuditEvent
from notifications.models import Notification
from settlement.revenue import selectors as revenue
from settlement.revenue import services as revenue_services
from settlement.rewards.blocks import blocks_of
from settlement.rewards.models import Claim
from settlement.risk import selectors as risk
from settlement.risk import services
from settlement.risk.models import Finding
from tests import cast
from tests.settlement import trades
from tests.settlement.risk import town

pytestmark = pytest.mark.django_db
GOAL = 500_000_000


def test_from_ring_to_case_to_a_year_below_the_condition(client: Client) -> None:
    jia = town.jia().organization_id
    for day in (0, 40):
        trades.sale("2000000.00", seller=town.jia, at=trades.MARCH_2025 + timedelta(days=day))
    ring = town.ring_of("1200000.00", at=trades.MARCH_2025 + timedelta(days=90))
    assert revenue.annual(jia, 2025).counted_fen == 520_000_000  # above the condition by 4 %

    services.run(by=town.SYSTEM, at=town.FEBRUARY)
    found = {each.kind for each in risk.open_findings(jia, 2025)}
    assert {"round_trip", "near_threshold"} <= found
    mine = Finding.objects.get(kind="round_trip", firm=jia)
    assert {each["number"] for each in mine.evidence["orders"]} == {each.number for each in ring}

    waiting = blocks_of(Claim(firm_id=jia, measure="data_product_trading", year=2025))
    assert waiting == ["2 个评分 70 以上的风险信号尚未处理"]

    # 丁 opens, the firm is told what to explain and nothing of thresholds, and answers.
    case = town.case_of(kinds=("round_trip", "circulation", "near_threshold"))
    told = Notification.objects.get(user=town.jia().user, title__contains=case.number)
    client.force_login(town.jia().user)
    page = client.get(told.url).content.decode()
    assert "请说明各笔交易的真实用途" in page
    assert not any(word in page for word in ("5%", "30 天", "分值", "信号"))
    assert client.get(f"/risk/cases/{case.pk}/").status_code == 404
    answered = client.post(
        f"/risk/hearings/{case.pk}/answer/", {"text": "三家各取所需，用途不同。", "idempotency_key": "k1"}
    )
    assert answered.status_code == 302

    # 顾 sees the year with and without the flagged trade, and decides.
    claim = Claim(firm_id=jia, measure="data_product_trading", year=2025)
    assert blocks_of(claim) == [f"风险案件 {case.number} 尚未办结"]
    assert blocks_of(Claim(firm_id=jia, measure="internship", year=2025)) == []
    services.begin(by=cast.gu(), at=town.FEBRUARY, case_id=case.pk)
    effect = risk.effect_of(case)
    line = next(each for each in effect.lines if each.order.pk == ring[0].pk)
    assert (effect.counted_fen, line.net_fen, line.year_without_fen) == (
        520_000_000,
        120_000_000,
        400_000_000,
    )
    assert (effect.goal_fen, effect.reward_fen, line.reward_without_fen) == (GOAL, 5_200_000, 0)
    client.force_login(cast.gu().user)
    page = client.get(f"/risk/cases/{case.pk}/").content.decode()
    assert "¥4,000,000.00" in page
    assert "¥52,000.00" in page
    decided = client.post(
        f"/risk/cases/{case.pk}/decision/",
        {
            "outcome": "excluded", "citations": ["policy_3_1", "civil_146"], "text": "资金四日内回到起点，没有真实用途。",
            "shown": effect.digest, "orders": [str(ring[0].pk)], "code": "", "idempotency_key": "k2",
        },
    )  # fmt: skip
    assert decided.status_code == 302

    kept = revenue.annual(jia, 2025)
    assert (kept.counted_fen, kept.excluded_fen) == (400_000_000, 120_000_000)
    assert kept.counted_fen < GOAL
    assert revenue_services.recompute(jia, 2025).differences == []
    decision = case.decisions.get()
    assert (decision.reward_before_fen, decision.reward_after_fen) == (5_200_000, 0)
    assert risk.open_cases(jia, 2025) == []
    assert blocks_of(claim) == []
    assert AuditEvent.objects.filter(action="revenue.rule").count() == 1
    client.force_login(town.jia().user)
    page = client.get(f"/risk/hearings/{case.pk}/").content.decode()
    assert "资金四日内回到起点" in page
    assert decision.decider_label not in page
    assert Notification.objects.filter(user=town.jia().user, title__contains="已有决定").count() == 1
