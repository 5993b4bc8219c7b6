"""The exchange's pages in a real browser: wide and narrow, Chinese and English, axe clean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from documents import objects
from exchange.catalogue.models import Product
from exchange.filings import services as filings
from exchange.reviews import services as reviews
from exchange.trading.models import Order
from kernel.money import Money
from organizations.permissions import Actor
from tests import cast
from tests.exchange import market

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def enliven(product: Product, done: Order) -> dict[str, str]:
    """A review, a question, an open change, a hidden product; their pages."""
    from exchange.catalogue import services as catalogue

    review = reviews.write_review(
        by=cast.zhou(), at=cast.NOON, order_id=done.pk, stars=4, text="标签准确，交付很快，个别样本偏短。"
    )
    reviews.answer_review(by=cast.lin(), at=cast.NOON, review_id=review.pk, text="已在第二版补齐。")
    question = catalogue.ask(by=cast.zhou(), at=cast.NOON, product_id=product.pk, text="是否含方言评论？")
    catalogue.answer_question(
        by=cast.lin(), at=cast.NOON, question_id=question.pk, text="不含，方言评论另有产品。"
    )
    waiting = catalogue.ask(by=cast.he(), at=cast.NOON, product_id=product.pk, text="可以按月更新吗？")
    catalogue.propose(
        by=cast.lin(), at=cast.NOON, product_id=product.pk, summary="三类情感，双人复核，含 1,200 条",
        needs=[{"title": "客服质检：识别用户情绪", "industry": "commerce"}],
        examples=[{"title": "读入", "code": "import pandas as pd\nrows = pd.read_json('rows.jsonl', lines=True)",
                   "explanation": "一行一条评论。"}],
    )  # fmt: skip
    revision = catalogue.propose_plan(
        by=cast.lin(), at=cast.NOON, product_id=product.pk, name="调用版", price=Money(10_000), kind="metered_calls",
        term_days=365, included_quantity=10_000,
    )  # fmt: skip
    other = market.listed(title="待改的产品", name="待改")
    changed = catalogue.propose(
        by=cast.lin(), at=cast.NOON, product_id=other.pk, title="改过的产品", licence="internal"
    )
    catalogue.submit_revision(
        by=cast.lin(), at=cast.NOON, revision_id=revision.pk, note="补充简介并增加按量计费"
    )
    own = f"/selling/{other.number}"
    assert changed.state == "draft"
    return {
        "changes": f"/catalogue/review/changes/{revision.pk}/", "own_change": f"{own}/change/",
        "own_plans": f"{own}/plans/", "own_needs": f"{own}/needs/", "own_examples": f"{own}/examples/",
        "own_compliance": f"{own}/compliance/", "own_contacts": f"{own}/contacts/", "own_access": f"{own}/access/",
        "answer": f"/selling/{product.number}/questions/{waiting.pk}/", "own_product": f"/selling/{product.number}/",
        "write": f"/reviews/orders/{done.pk}/", "said": f"/reviews/{review.pk}/",
    }  # fmt: skip


def town() -> dict[str, str]:
    """Products, an order in inspection and a filing; the addresses of the pages to walk."""
    stored = (objects.put("test", "第一条评论".encode(), "text/plain"),)
    product = market.listed(files=stored)
    for i, (title, english, industry) in enumerate(
        [
            ("华南城市道路目标检测", "South China road objects", "transport"),
            ("客服对话意图识别", "Support dialogue intents", "commerce"),
            ("农田地块影像", "Field plots", "agriculture"),
        ]
    ):
        market.listed(
            title=title, title_en=english, industry=industry, name=f"数据{i}",
            price=Money(99_900 * 10**i), licence="commercial",
        )  # fmt: skip
    waiting = market.drafted(title="待审的影像", name="待审")
    from exchange.catalogue import services as catalogue

    catalogue.submit_listing(by=cast.lin(), at=cast.NOON, product_id=waiting.pk)
    draft = market.drafted(title="草稿产品", name="草稿")
    done, open_order = market.completed(product), market.delivered(product)
    filing = filings.file_trade(by=market.SYSTEM, at=cast.NOON, order_id=done.pk)
    placed = market.placed(product)
    said = enliven(product, done)
    return {
        **said,
        "catalogue": "/catalogue/", "product": f"/catalogue/{product.number}/", "queue": "/catalogue/review/",
        "review": f"/catalogue/review/{waiting.number}/", "selling": "/selling/",
        "task_list": f"/selling/{draft.number}/", "plans": f"/selling/{draft.number}/plans/",
        "check": f"/selling/{draft.number}/check/", "orders": "/orders/", "placed": f"/orders/{placed.pk}/",
        "order": f"/orders/{open_order.pk}/", "contract": f"/orders/{placed.pk}/contract/",
        "place": f"/orders/new/{market.plan_of(product).pk}/", "delivery": f"/deliveries/{open_order.pk}/",
        "register": "/filings/", "voucher": f"/filings/{filing.pk}/",
    }  # fmt: skip


VIEWERS = {"queue": cast.gu, "review": cast.gu, "register": cast.gu, "order": cast.zhou, "placed": cast.zhou,
           "place": cast.zhou, "changes": cast.gu, "write": cast.zhou, "delivery": cast.zhou, "catalogue": None, "product": cast.zhou}  # fmt: skip


@pytest.mark.parametrize(("width", "language"), [(1440, "zh-hans"), (390, "en")])
def test_every_page_is_accessible_and_fits(live_chromium: Visit, width: int, language: str) -> None:
    faults = []
    addresses = town()
    pages: dict[str, Page] = {}
    for name, address in addresses.items():
        who = VIEWERS.get(name, cast.lin)
        key = who.__name__ if who else ""
        if key not in pages:
            pages[key] = live_chromium.page(width=width, language=language)
            actor: Actor | None = who() if who else None
            if actor is not None:
                live_chromium.sign_in(pages[key], actor.user)
        page = pages[key]
        faults += live_chromium.faults(page, address, widths=(width,))
    assert faults == []


def test_facets_narrow_at_once_and_keep_the_focus(live_chromium: Visit) -> None:
    addresses = town()
    page = live_chromium.page()
    page.goto(addresses["catalogue"])
    page.check("#f-industry-transport")
    page.wait_for_url("**/catalogue/?*industry=transport*")
    page.wait_for_selector("text=共 1 个产品")
    assert page.evaluate("document.activeElement.id") == "f-industry-transport"
    page.fill("#catalogue-q", "卫星遥感")
    page.press("#catalogue-q", "Enter")
    page.wait_for_selector("text=没有找到符合条件的产品")


def test_buying_works_without_script(live_chromium: Visit) -> None:
    addresses = town()
    page = live_chromium.page(width=390, scripts=False)
    live_chromium.sign_in(page, cast.zhou().user)
    page.goto(addresses["product"])
    page.click("#buy button")
    page.fill("textarea[name=use_statement]", "训练本公司的客服质检模型")
    page.click("text=提交订单")
    assert "/orders/" in page.url
    page.click("text=阅读并签署合同")
    page.click("a:has-text('确认身份')")
    page.fill("input[type=password]", cast.PASSWORD)
    page.click("button:has-text('确认')")
    assert page.url.endswith("/contract/")
    page.click("#sign button")
    page.wait_for_selector("text=等待供方签署合同")
