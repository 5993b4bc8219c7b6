"""The review page: the risk of a claim's trades with both outcomes, and audit in words."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from settlement.revenue import selectors as revenue
from settlement.rewards import services
from settlement.rewards.models import Claim
from settlement.risk import services as risk
from settlement.risk.models import Case
from tests import cast
from tests.settlement import trades
from tests.settlement.rewards.test_procedure import drafted
from tests.settlement.risk import town

pytestmark = pytest.mark.django_db


def flagged() -> Claim:
    """甲's year of 5,200,000 with one sale of 1,200,000 in a ring; its claim is drafted."""
    for day in (0, 40):
        trades.sale("2000000.00", seller=town.jia, at=trades.MARCH_2025 + timedelta(days=day))
    town.ring_of("1200000.00", at=trades.MARCH_2025 + timedelta(days=90))
    risk.run(by=town.SYSTEM, at=town.FEBRUARY)
    firm_id = town.jia().organization_id
    assert firm_id is not None
    return services.draft_claim(by=town.SYSTEM, at=town.FEBRUARY, firm_id=firm_id, year=2025)


def read(claim: Claim, who, language: str = "zh-hans", name: str = "rewards:claim") -> str:  # type: ignore[no-untyped-def]
    client = Client(headers={"accept-language": language})
    client.force_login(who().user)
    return client.get(reverse(name, args=[claim.number])).content.decode()


def test_the_reviewer_sees_the_ring_and_the_reward_with_and_without_and_is_led_to_the_case() -> None:
    claim = flagged()
    text = read(claim, cast.gu)
    assert 'class="chart' in text
    for words in (
        "资金回流",
        "风险信号",
        "带上和去掉每笔存疑交易",
        "需要人工判断",
        "计入",
        "剔除",
        "去立案判断",
    ):
        assert words in text
    assert "¥5,200,000.00" in text  # with the trade
    assert "¥52,000.00" in text
    case = town.case_of(kinds=("round_trip", "circulation"))
    text = read(claim, cast.gu)
    assert f"在案件 {case.number} 中判断" in text
    assert reverse("risk:case", args=[case.pk]) in text
    assert "交易真实。核定收入 ¥5,200,000.00，奖励 ¥52,000.00。" in text
    assert "循环或关联交易。核定收入 ¥4,000,000.00，奖励 ¥0.00。" in text
    # looking decides nothing: neither the case nor the year changed
    assert Case.objects.get(pk=case.pk).state == "open"
    assert revenue.annual(claim.firm_id, 2025).counted_fen == 520_000_000


def test_the_firm_does_not_read_the_signals_about_itself() -> None:
    text = read(flagged(), town.jia)
    assert "风险信号" not in text
    assert "资金回流" not in text


def test_the_audit_page_speaks_in_words_and_yuan_in_both_languages() -> None:
    claim = drafted()
    for language, words in (
        ("zh-hans", ("核定收入 × 奖励比例", "满足", "已核定", "¥6,800,000.00 × 1%", "向下取整到分")),
        ("en", ("¥6,800,000.00 × 1%", "rounded down to the fen")),
    ):
        text = read(claim, cast.yan, language, "rewards:audit")
        for word in words:
            assert word in text, word
        for raw in ("excluded_certificate_fen", "680000000", "floor_to_fen", "not_met", "[&quot;02&quot;"):
            assert raw not in text, raw


def test_an_amount_that_nobody_owes_has_no_green_tick() -> None:
    claim = drafted("4999999.99")
    text = read(claim, cast.gu)
    assert "不予奖励" in text
    assert "= ¥49,999.99" not in text
    step = text.split('id="step-amount"')[0].rsplit("<li", 1)[1]
    assert "step no" in step


def test_claims_are_listed_with_their_measure() -> None:
    drafted()
    client = Client()
    client.force_login(cast.gu().user)  # type: ignore[arg-type]
    text = client.get(reverse("rewards:index")).content.decode()
    assert 'data-h="措施"' in text
