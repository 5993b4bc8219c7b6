"""The pages of inspections and disputes in a real browser: wide and narrow, Chinese and English, axe clean."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from exchange.acceptance import services
from exchange.acceptance.services import Reported
from kernel import clock
from kernel.money import Money
from tests import cast
from tests.exchange import market
from tests.exchange.acceptance import quarrels

if TYPE_CHECKING:
    from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def three_days_into_inspection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: quarrels.DELIVERED + timedelta(days=4, hours=1))


def quarrelling() -> dict[str, tuple[Any, str]]:
    """Orders in every stage of a quarrel; who looks at which address."""
    product = market.listed()
    fresh = quarrels.delivered(product=product)
    filed, offered = quarrels.complaint(quarrels.delivered(product=product)), quarrels.complaint()
    services.add_defect(
        by=cast.zhou(), at=quarrels.DELIVERED + timedelta(days=3), complaint_id=filed.pk,
        defect=Reported(kind="label_errors", text="抽查一百条，错误十二条。", row_ids=["r000001"], error_rate_bp=1_250),
    )  # fmt: skip
    quarrels.answered(offered, kind="partial_refund", amount=Money(1_000_000))
    hearing = quarrels.disputed(quarrels.delivered(product=product))
    done = quarrels.disputed(quarrels.delivered(product=product))
    quarrels.ruled(done, "partial_refund", amount=Money(2_000_000))
    return {
        f"/acceptance/orders/{fresh.pk}/": (cast.zhou, "验收清单"),
        f"/acceptance/orders/{fresh.pk}/complain/": (cast.zhou, "提出异议"),
        "/acceptance/complaints/": (cast.lin, "异议与争议"),
        f"/acceptance/complaints/{filed.pk}/": (cast.lin, "答复这件异议"),
        f"/acceptance/complaints/{offered.pk}/": (cast.zhou, "接受供方的答复"),
        f"/acceptance/complaints/{hearing.pk}/": (cast.lin, "补充陈述"),
        f"/acceptance/complaints/{done.pk}/": (cast.yan, "裁决"),
        "/acceptance/disputes/": (cast.gu, "争议裁决"),
        f"/acceptance/complaints/{hearing.pk}/ruling/": (cast.gu, "拟定裁决"),
        f"/acceptance/orders/{done.order_id}/": (cast.yan, "价款扣减"),
        f"/orders/{fresh.pk}/": (cast.zhou, "核对并验收"),
        f"/deliveries/{done.order_id}/": (cast.yan, "交付内容"),
    }


@pytest.mark.parametrize(("width", "language"), [(1440, "zh-hans"), (390, "en")])
def test_every_page_is_accessible_and_fits(live_chromium: Visit, width: int, language: str) -> None:
    faults, pages = [], {}
    for address, (who, words) in quarrelling().items():
        if who not in pages:
            pages[who] = live_chromium.page(width=width, language=language)
            live_chromium.sign_in(pages[who], who().user)
        faults += live_chromium.faults(pages[who], address, widths=(width,))
        if language == "zh-hans":
            assert pages[who].locator(f"text={words}").count(), (address, words)
    assert faults == []


def test_a_quarrel_from_complaint_to_ruling_works_without_script(live_chromium: Visit) -> None:
    order = quarrels.delivered()
    live_chromium.allowed_errors.append("422 (Unprocessable")
    pages = {}
    for who in (cast.zhou, cast.lin, cast.gu):
        pages[who] = live_chromium.page(width=390, scripts=False)
        live_chromium.sign_in(pages[who], who().user)
    buyer, supplier, operator = (pages[who] for who in (cast.zhou, cast.lin, cast.gu))
    buyer.goto(f"/orders/{order.pk}/")
    buyer.click("text=核对并验收")
    buyer.click("a:has-text('提出异议')")
    buyer.select_option("select[name=kind]", "label_errors")
    buyer.fill("textarea[name=text]", "抽查一百条，错误十二条。")
    buyer.click("button:has-text('提交异议')")
    buyer.wait_for_selector("text=标签错误请列出样本编号")
    buyer.fill("textarea[name=row_ids]", "r000001\nr000002")
    buyer.fill("input[name=error_rate]", "12")
    buyer.click("button:has-text('提交异议')")
    buyer.wait_for_selector("text=自动验收的计时已停止")
    address = buyer.url
    supplier.goto(address)
    supplier.check("input[name=kind][value=rejection]")
    supplier.fill("form[action$='answer/'] textarea[name=text]", "标签按标注规范复核无误。")
    supplier.click("button:has-text('提交答复')")
    supplier.fill("textarea[name=statement-text]", "标签按标注规范复核无误，请裁决。")
    supplier.click("button:has-text('提请裁决')")
    buyer.goto(address)
    buyer.fill("textarea[name=statement-text]", "规范第三条与样例不一致。")
    buyer.click("button:has-text('提交陈述')")
    operator.goto("/acceptance/disputes/")
    operator.click("table a")
    operator.click(".btn-primary:has-text('裁决')")
    operator.check("input[name=outcome][value=partial_refund]")
    operator.fill("input[name=amount]", "20000")
    operator.check("input[name=citations][value=contract_5]")
    operator.fill("textarea[name=text]", "部分标签与规范不符，酌情减少价款。")
    operator.click("text=下一步：核对款项去向")
    operator.wait_for_selector("text=¥47,040.00")
    order.refresh_from_db()
    assert order.state == "disputed"
    with operator.expect_navigation():
        operator.click("button:has-text('作出裁决')")
    order.refresh_from_db()
    assert order.state == "completed"
    assert quarrels.books() == {"bank": "-48000.00", "fees": "960.00", "wallet": "47040.00"}
