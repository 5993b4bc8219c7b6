"""What search keeps of a product is what can be worked out from it; every facet's count is what one gets."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.profiles.models import Profile
from exchange.catalogue import rules, searching, services
from exchange.catalogue.models import Invitation, Product, ProductFacet
from exchange.catalogue.searching import (
    FACETS,
    MOST_COUNTED,
    facets,
    found_page,
    read_wanted,
    search_products,
)
from exchange.catalogue.selectors import products_visible_to
from exchange.catalogue.states import TaskType
from kernel import clock
from kernel.money import Money
from organizations.models import Organization
from organizations.permissions import Actor
from tests import cast
from tests.cast import NOON
from tests.exchange import market

pytestmark = pytest.mark.django_db
TODAY = clock.business_date(NOON)
ANYBODY = Actor.anonymous()
BOXES = '<View><Image name="image" value="$image"/><RectangleLabels name="l" toName="image"><Label value="车"/></RectangleLabels></View>'
CHOICES = '<View><Text name="text" value="$text"/><Choices name="c" toName="text"><Choice value="好"/></Choices></View>'


def measured(product: Product, *ratios: tuple[int, int]) -> Profile:
    """A profile of the product's version with these numerators and denominators."""
    quality = [
        {"code": f"d{i}", "how": "x", "numerator": n, "denominator": d} for i, (n, d) in enumerate(ratios)
    ]
    return Profile.objects.create(
        version=product.version, format=1, root_hash="x", facts={"quality": quality}, engines={}, made_at=NOON
    )


def shop() -> dict[str, Product]:
    """Five products of two firms on sale, one suspended, one draft."""
    he = cast.he()
    Organization.objects.filter(pk=he.organization_id).update(registered_place="440100")
    sold = cast.person("he", cast.BEIJIANG)
    made = {
        "road": market.listed(title="华南道路目标检测", title_en="Road objects", industry="transport", licence="commercial",
                              price=Money.from_yuan("68000.00"), modality="image", name="道路", label_counts={"行人": 1}),
        "review": market.listed(title="商品评论情感", title_en="Reviews", industry="commerce", summary="含道路评论",
                                price=Money.from_yuan("999.99"), name="评论"),
        "chat": market.listed(by=sold, title="客服对话意图", title_en="Dialogues", industry="commerce", licence="internal",
                              price=Money.from_yuan("1000.00"), name="对话", label_counts={"道路": 2}),
        "plot": market.listed(by=sold, title="农田地块影像", title_en="Plots", industry="agriculture",
                              price=Money.from_yuan("1000000.00"), modality="image", name="农田"),
        "way": market.listed(title="道路", title_en="Road", industry="transport", name="路",
                             at=NOON - timedelta(days=3 * 365 - 30)),
        "stopped": market.listed(title="道路暂停", name="暂停"),
        "draft": market.drafted(title="道路草稿", name="草稿"),
    }  # fmt: skip
    services.suspend_listing(by=cast.gu(), at=NOON, product_id=made["stopped"].pk, reason="核查")
    measured(made["road"], (1, 1), (19, 20), (0, 0))
    searching.keep_facets_of_version(made["road"].version_id)
    searching.keep_facets_of_supplier(he.organization_id)
    return made


def closed() -> Product:
    """A listed product that is open by invitation only."""
    product = market.listed(title="道路受邀", industry="science", name="受邀")
    Product.objects.filter(pk=product.pk).update(visibility="invited")
    return product


def recomputed(product: Product) -> dict[str, Any]:
    """A product's search row, worked out in Python."""
    version = product.version
    config = version.project.labeling_config.lower() if version.project else ""
    task = next(
        (
            task
            for tag, task in (("<polygonlabels", "segmentation"), ("<rectanglelabels", "detection"),
                              ("<labels", "spans"), ("<choices", "classification"), ("<textarea", "writing"))
            if tag in config
        ),
        "other",
    )  # fmt: skip
    newest = version.profiles.order_by("-format").first()
    ratios = [
        part["numerator"] * 10_000 // part["denominator"]
        for part in (newest.facts["quality"] if newest else ())
        if part["denominator"]
    ]
    quality = sum(ratios) // len(ratios) if ratios else -1
    fen = product.price_from_fen or 0
    is_listed = product.state == "listed"
    return {
        "is_listed": is_listed, "is_public": is_listed and product.visibility == "public",
        "industry": product.industry, "kind": product.kind, "modality": product.modality, "task": task,
        "licence": product.licence, "price": rules.price_band(fen), "quality": rules.quality_band(quality),
        "place": rules.place_of(product.supplier.registered_place), "price_fen": fen, "quality_bp": quality,
        "certificate_until": product.certificate.valid_until, "listed_at": product.listed_at or product.created_at,
    }  # fmt: skip


def kept_is_right() -> None:
    for product in Product.objects.all():
        kept = ProductFacet.objects.get(product=product)
        told = recomputed(product)
        assert {name: getattr(kept, name) for name in told} == told, product.title


def test_the_kept_row_is_what_can_be_recomputed_after_every_kind_of_change() -> None:
    made = shop()
    closed()
    assert ProductFacet.objects.count() == Product.objects.count() == 8
    kept_is_right()
    services.delist(by=cast.lin(), at=NOON, product_id=made["review"].pk)
    Product.objects.filter(pk=made["road"].pk).update(
        price_from_fen=99_999_99, title="raw SQL is followed too"
    )
    kept_is_right()
    ProductFacet.objects.filter(product=made["road"]).update(place="cn", quality_bp=1, is_public=False)
    with pytest.raises(AssertionError):
        kept_is_right()
    call_command("rebuild_facets", verbosity=0)
    kept_is_right()


@pytest.mark.parametrize(
    ("config", "task"), [(BOXES, "detection"), (CHOICES, "classification"), ("", "other")]
)
def test_the_task_type_is_read_from_the_labeling_config(config: str, task: str) -> None:
    from annotation.projects.models import Project

    project = Project.objects.create(
        number="BZ-1", firm=cast.lin().organization, title="项目", modality="image", labeling_config=config,
        task_price_fen=1, created_at=NOON,
    ) if config else None  # fmt: skip
    version = market.version_of(cast.lin().organization, project=project)
    product = market.drafted(certificate=market.certificate_for(cast.lin().organization, version=version))
    assert product.facet.task == task
    assert task in TaskType.values


@pytest.mark.parametrize("code", ["441802", "441899", "440100", "110000"])
def test_places_fall_into_their_areas(code: str) -> None:
    Organization.objects.filter(pk=cast.lin().organization_id).update(registered_place=code)
    assert market.drafted().facet.place == {
        "441802": "441802", "441899": "4418", "440100": "44", "110000": "cn"
    }[code]  # fmt: skip


def titles(text: str = "", viewer: Actor = ANYBODY, sort: str = "", **chosen: str) -> list[str]:
    wanted = read_wanted(text, {name: value.split() for name, value in chosen.items()}, sort, on=TODAY)
    return [product.title for product in found_page(wanted, viewer, {}, total=facets(wanted, viewer)[1])]


def test_what_matches_best_comes_first() -> None:
    shop()
    # the whole title, in the title, a label, in the summary only
    assert titles("道路") == ["道路", "华南道路目标检测", "客服对话意图", "商品评论情感"]
    assert titles("ROAD") == ["道路", "华南道路目标检测"]
    assert titles("路") == ["华南道路目标检测", "道路", "客服对话意图", "商品评论情感"]
    assert titles("文本内容") == titles("text") != []  # a field's description, in both languages
    number = Product.objects.get(title="农田地块影像").number
    assert titles(number) == titles(number.lower()) == ["农田地块影像"]


def test_relevance_pages_go_on_where_the_page_before_ended() -> None:
    shop()
    wanted = read_wanted("道路", {}, on=TODAY)
    seen, after, pages = [], "", 0
    while True:
        page = found_page(wanted, ANYBODY, {"after": after}, total=facets(wanted)[1], size=1)
        seen += [product.title for product in page]
        pages, after = pages + 1, page.after
        if not after:
            break
    assert seen == titles("道路")
    back = found_page(wanted, ANYBODY, {"before": page.before}, total=facets(wanted)[1], size=1)
    assert [product.title for product in back] == [seen[-2]]


@pytest.mark.parametrize("is_long", [False, True])
@pytest.mark.parametrize("sort", list(searching.SORTS))
def test_walking_an_index_and_sorting_the_matches_give_the_same_page(sort: str, is_long: bool) -> None:
    shop()
    wanted = read_wanted("道路", {}, sort, on=TODAY)
    page = found_page(wanted, ANYBODY, {}, total=searching.Total(2_000, is_long), size=3)
    assert [product.title for product in page] == titles("道路", sort=sort)[:3]


def test_quality_and_price_order_the_results() -> None:
    shop()
    assert titles(sort="quality")[0] == "华南道路目标检测"
    assert titles(sort="cheapest")[0] == "商品评论情感"
    assert titles(sort="dearest")[0] == "农田地块影像"


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"industry": "transport"}, {"华南道路目标检测", "道路"}),
        ({"kind": "dataset"}, {"华南道路目标检测", "商品评论情感", "客服对话意图", "农田地块影像", "道路"}),
        ({"modality": "image"}, {"华南道路目标检测", "农田地块影像"}),
        ({"task": "other"}, {"华南道路目标检测", "商品评论情感", "客服对话意图", "农田地块影像", "道路"}),
        ({"licence": "internal commercial"}, {"华南道路目标检测", "客服对话意图"}),
        ({"price": "to_1k above"}, {"商品评论情感", "农田地块影像"}),
        ({"certificate": "ending"}, {"道路"}),
        ({"certificate": "valid"}, {"华南道路目标检测", "商品评论情感", "客服对话意图", "农田地块影像"}),
        ({"quality": "excellent"}, {"华南道路目标检测"}),
        ({"quality": "unmeasured", "modality": "image"}, {"农田地块影像"}),
        ({"place": "44"}, {"客服对话意图", "农田地块影像"}),
    ],
)
def test_each_facet_narrows_and_its_count_is_what_one_gets(
    chosen: dict[str, str], expected: set[str]
) -> None:
    shop()
    assert set(titles(**chosen)) == expected
    wanted = read_wanted("", {name: value.split() for name, value in chosen.items()}, on=TODAY)
    groups, total = facets(wanted)
    assert total.count == len(expected)
    for group in groups:
        if group.code in chosen:
            continue
        for choice in group.choices:
            assert choice.count == len(titles(**chosen, **{group.code: choice.code}))


def test_what_a_viewer_may_not_see_is_neither_found_nor_counted() -> None:
    shop()
    hidden = closed()
    for viewer in (ANYBODY, cast.mei(), cast.zhou(), cast.lin(), cast.gu(), cast.he()):
        visible = products_visible_to(viewer).filter(state="listed")
        _groups, total = facets(read_wanted("", {}, on=TODAY), viewer)
        assert total.count == visible.count(), viewer
        assert ("道路受邀" in titles("受邀", viewer)) == visible.filter(pk=hidden.pk).exists()
    Invitation.objects.create(product=hidden, organization=cast.zhou().organization, invited_at=NOON)
    seen = products_visible_to(cast.zhou()).filter(pk=hidden.pk).exists()
    assert (titles("受邀", cast.zhou()) == ["道路受邀"]) == seen
    assert "道路暂停" not in titles("道路", cast.lin())


@pytest.fixture
def shopped() -> None:
    shop()
    closed()


def brute(text: str, chosen: dict[str, set[str]], viewer: Actor) -> list[dict[str, Any]]:
    """The rows a search must count, found by looking at every product."""
    found = []
    for product in products_visible_to(viewer).filter(state="listed"):
        row = recomputed(product)
        ends = (row["certificate_until"] - TODAY).days
        row["certificate"] = "ending" if ends <= rules.ENDING_DAYS else "valid"
        words = " ".join([product.title, product.summary, product.description, product.keywords])
        if text in words and all(not values or row[code] in values for code, values in chosen.items()):
            found.append(row)
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["", "道路", "评论", "路", "没有的词"]),
    st.fixed_dictionaries(
        {code: st.sets(st.sampled_from(sorted(FACETS[code][1])), max_size=3) for code in
         ("industry", "modality", "price", "certificate", "quality", "place", "licence")}
    ),
    st.sampled_from(["anybody", "lin", "gu"]),
    st.sampled_from([MOST_COUNTED, 1, 2, 3]),
)  # fmt: skip
def test_counts_are_what_looking_at_every_product_gives(
    shopped: None, text: str, chosen: dict[str, set[str]], who: str, most: int
) -> None:
    viewer = {"anybody": lambda: ANYBODY, "lin": cast.lin, "gu": cast.gu}[who]()
    wanted = read_wanted(text, {code: sorted(values) for code, values in chosen.items()}, on=TODAY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(searching, "MOST_COUNTED", most)
        groups, total = facets(wanted, viewer)
    everything = brute(text, chosen, viewer)
    assert (total.count, total.is_more) == (min(len(everything), most), len(everything) > most)
    assert search_products(wanted, viewer).count() == len(everything)
    for group in groups:
        others = {code: values for code, values in chosen.items() if code != group.code}
        truth = Counter(row[group.code] for row in brute(text, others, viewer))
        is_more = sum(truth.values()) > most
        for choice in group.choices:
            assert choice.is_more == is_more
            if is_more:
                assert choice.count <= truth[choice.code]
            else:
                assert choice.count == truth[choice.code]
        assert not set(truth) - {choice.code for choice in group.choices}


@pytest.mark.parametrize(
    ("count", "is_more", "shown"), [(0, True, ""), (0, False, "0"), (2_000, True, "2,000+")]
)
def test_lower_bounds_are_shown_as_such(count: int, is_more: bool, shown: str) -> None:
    assert searching.Choice("x", "x", count, False, is_more).shown == shown
