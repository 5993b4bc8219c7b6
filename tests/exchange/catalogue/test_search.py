"""Search in two languages, facets whose counts add up, and lists that cost the same whatever their length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange.catalogue import rules
from exchange.catalogue.models import Product
from exchange.catalogue.searching import facets, found_page, read_wanted, search_products
from exchange.catalogue.selectors import find_products
from kernel import clock
from kernel.money import Money
from organizations.permissions import Actor
from tests import cast
from tests.exchange import market

pytestmark = pytest.mark.django_db
ANYBODY, TODAY = Actor.anonymous(), clock.business_date(cast.NOON)


def shop() -> dict[str, Product]:
    """Four products on sale and one draft."""
    made = {
        "road": market.listed(title="华南道路目标检测", title_en="Road objects COCO", industry="transport",
                              licence="commercial", price=Money.from_yuan("68000.00"), modality="image",
                              name="道路", label_counts={"小汽车": 90, "行人": 10}),
        "review": market.listed(title="商品评论情感", title_en="Product reviews", industry="commerce",
                                price=Money.from_yuan("999.99"), name="评论"),
        "chat": market.listed(title="客服对话意图", title_en="Support dialogues", industry="commerce",
                              price=Money.from_yuan("1000.00"), name="对话", label_counts={"退货": 5}),
        "plot": market.listed(title="农田地块影像", title_en="Field plots", industry="agriculture",
                              price=Money.from_yuan("1000000.00"), modality="image", name="农田",
                              label_counts={"水稻": 3}),
    }  # fmt: skip
    market.drafted(title="道路草稿", name="草稿")
    return made


def found(text: str = "", sort: str = "", viewer: Actor = ANYBODY, **chosen: str) -> list[str]:
    wanted = read_wanted(text, {name: [value] for name, value in chosen.items()}, sort, on=TODAY)
    page = found_page(wanted, viewer, {}, total=facets(wanted, viewer)[1])
    titles = [product.title for product in page]
    assert sorted(titles) == sorted(search_products(wanted, viewer).values_list("title", flat=True))
    return titles


def test_words_of_two_characters_labels_prefixes_and_numbers_are_found() -> None:
    made = shop()
    assert found("道路") == ["华南道路目标检测"]
    assert found("评论情感") == ["商品评论情感"]
    assert found("road") == ["华南道路目标检测"]
    assert found("supp") == ["客服对话意图"]
    assert found("coco 检测") == ["华南道路目标检测"]
    assert found("行人") == ["华南道路目标检测"]
    assert found("路道") == []
    assert found(made["plot"].number) == ["农田地块影像"]
    assert found("  ，。") == []
    assert len(found()) == 4


@pytest.mark.parametrize("text", ["' & !", "道路' | 'x", "a:*", "\\", "\x00", "((", "🚗", "%"])
def test_what_is_typed_is_never_run(text: str) -> None:
    shop()
    assert set(found(text)) <= {"华南道路目标检测", "商品评论情感", "客服对话意图", "农田地块影像"}
    assert Client().get("/catalogue/", {"q": text}).status_code == 200


def test_facets_narrow_and_prices_stand_in_their_bands() -> None:
    shop()
    assert found(industry="commerce", sort="cheapest") == ["商品评论情感", "客服对话意图"]
    assert found(price="to_1k") == ["商品评论情感"]
    assert found(price="to_1w") == ["客服对话意图"]
    assert found(price="to_10w") == ["华南道路目标检测"]
    assert found(price="above") == ["农田地块影像"]
    assert found(sort="dearest")[0] == "农田地块影像"
    assert found(industry="nonsense", sort="sideways") == found()


def test_each_facet_counts_under_the_choices_of_the_others() -> None:
    shop()
    groups, total = facets(read_wanted("", {"modality": ["image"]}))
    assert (total.count, total.is_more) == (2, False)
    counts = {group.code: {choice.code: choice.count for choice in group.choices} for group in groups}
    assert counts["modality"] == {"text": 2, "image": 2}
    assert counts["industry"] == {"transport": 1, "agriculture": 1}
    assert counts["price"] == {"to_10w": 1, "above": 1}
    both, total = facets(read_wanted("", {"modality": ["image"], "industry": ["transport", "commerce"]}))
    assert total.count == 1
    counts = {group.code: {choice.code: choice.count for choice in group.choices} for group in both}
    assert counts["modality"] == {"text": 2, "image": 1}
    assert counts["industry"] == {"transport": 1, "agriculture": 1, "commerce": 0}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sets(st.sampled_from(["commerce", "transport", "agriculture"])),
    st.sets(st.sampled_from(["text", "image"])),
    st.sets(st.sampled_from([band.code for band in rules.PRICE_BANDS])),
)
def test_a_facets_count_is_what_choosing_it_alone_would_find(
    shopped: None, industries: set[str], modalities: set[str], bands: set[str]
) -> None:
    chosen = {"industry": list(industries), "modality": list(modalities), "price": list(bands)}
    groups, total = facets(read_wanted("", chosen))
    assert total.count == search_products(read_wanted("", chosen)).count()
    for group in groups:
        for choice in group.choices:
            alone = read_wanted("", {**chosen, group.code: [choice.code]})
            assert choice.count == search_products(alone).count()


@pytest.fixture
def shopped() -> None:
    shop()


def test_the_list_costs_the_same_whatever_its_length(django_assert_num_queries: Callable[[int], Any]) -> None:
    client = Client()
    market.listed()
    client.get("/catalogue/")
    with django_assert_num_queries(3):
        client.get("/catalogue/")
    for i in range(6):
        market.listed(title=f"产品{i}", name=f"数据{i}")
    with django_assert_num_queries(3):
        page = client.get("/catalogue/").content.decode()
    assert page.count("result-price") == 7


def test_drafts_are_their_suppliers_alone_and_the_finder_keeps_to_that() -> None:
    draft = market.drafted(title="秘密产品")
    for viewer, sees in ((cast.lin(), 1), (cast.zhou(), 0), (Actor.anonymous(), 0), (cast.gu(), 1)):
        assert len(find_products(viewer, "秘密")) == sees
    assert find_products(cast.lin(), draft.number)[0].is_exact
    assert Client().get(f"/catalogue/{draft.number}/").status_code == 404


def test_a_sample_shows_spans_boxes_and_labels() -> None:
    text = {
        "item_name": "1.txt", "text": "清远鸡很好吃",
        "result": [
            {"type": "labels", "value": {"start": 0, "end": 3, "labels": ["特产"]}},
            {"type": "labels", "value": {"start": 2, "end": 4, "labels": ["重叠"]}},
            {"type": "choices", "value": {"choices": ["正面"]}},
        ],
    }  # fmt: skip
    read = rules.read_sample(text)
    assert read.marks == (rules.Mark("清远鸡", "特产"), rules.Mark("很好吃", ""))
    assert read.labels == ("正面",)
    box = {
        "type": "rectanglelabels",
        "value": {"x": 1, "y": 2.5, "width": 10, "height": 20, "rectanglelabels": ["车"]},
    }
    assert rules.read_sample({"item": "items/1.jpg", "result": [box]}).boxes == (
        rules.Box("1.00", "2.50", "10.00", "20.00", "车", 0),
    )
    assert rules.read_sample({}).marks == ()
