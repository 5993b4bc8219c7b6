"""Who finds what: invitations, private offers, contacts, questions; plans of every kind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from exchange.catalogue import services as catalogue
from exchange.catalogue.events import BuyerInvited, QuestionAnswered, QuestionAsked
from exchange.catalogue.models import Plan, Product
from exchange.catalogue.rules import licence_policy, plan_words, terms_in
from exchange.catalogue.searching import facets, read_wanted, search_products
from exchange.catalogue.selectors import (
    find_products,
    plans_on_sale_to,
    products_visible_to,
    questions_visible_to,
    told_plan,
)
from exchange.trading import services as trading
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.events import Event
from kernel.money import Money
from organizations.permissions import Actor
from tests import cast
from tests.cast import NOON
from tests.exchange import market

pytestmark = pytest.mark.django_db

YUNSHAN, BEIJIANG = cast.YUNSHAN[1], cast.BEIJIANG[1]


def hidden(visibility: str = "invited", uscc: str = YUNSHAN) -> Product:
    """A listed product that only 云山 finds."""
    product = market.drafted()
    cast.zhou(), cast.he()
    catalogue.invite(by=cast.lin(), at=NOON, product_id=product.pk, uscc=uscc)
    catalogue.edit_product(by=cast.lin(), at=NOON, product_id=product.pk, visibility=visibility)
    catalogue.submit_listing(by=cast.lin(), at=NOON, product_id=product.pk)
    catalogue.publish_listing(by=cast.gu(), at=NOON, product_id=product.pk)
    product.refresh_from_db()
    return product


def client_of(actor: Actor | None) -> Client:
    client = Client()
    if actor is not None:
        assert actor.user is not None
        client.force_login(actor.user)
    return client


@pytest.mark.parametrize("who", [None, cast.he, cast.mei])
def test_who_is_not_invited_finds_nothing_anywhere(who: Any) -> None:
    product = hidden()
    viewer = who() if who and who is not cast.mei else None
    client, actor = client_of(viewer), viewer or Actor.anonymous()
    wanted = read_wanted("评论", {})
    assert not search_products(wanted, actor).exists()
    assert facets(wanted, actor)[1].count == 0
    assert find_products(actor, product.number) == []
    assert not products_visible_to(actor).exists()
    assert product.number not in client.get("/catalogue/?q=评论").content.decode()
    for address in ("", "policy.jsonld", "metadata/dcat.jsonld", "versions/1/"):
        assert client.get(f"/catalogue/{product.number}/{address}").status_code == 404, address
    assert client.get("/api/catalogue/products?q=评论").json()["items"] == []
    for address in ("", "/questions", "/policy"):
        assert client.get(f"/api/catalogue/products/{product.number}{address}").status_code == 404, address
    assert product.supplier.name not in client.get("/").content.decode()


def test_the_invited_finds_it_everywhere_and_loses_it_with_the_invitation() -> None:
    product = hidden()
    client = client_of(cast.zhou())
    assert search_products(read_wanted("评论", {}), cast.zhou()).get() == product
    assert product.number in client.get("/catalogue/?q=评论").content.decode()
    assert client.get(f"/catalogue/{product.number}/").status_code == 200
    assert client.get(f"/api/catalogue/products/{product.number}").json()["visibility"] == "invited"
    [invitation] = product.invitations.all()
    with pytest.raises(catalogue.OnlyInvitation):
        catalogue.withdraw_invitation(
            by=cast.lin(), at=NOON, product_id=product.pk, invitation_id=invitation.pk
        )
    catalogue.invite(by=cast.lin(), at=NOON, product_id=product.pk, uscc=BEIJIANG)
    catalogue.withdraw_invitation(by=cast.lin(), at=NOON, product_id=product.pk, invitation_id=invitation.pk)
    assert client.get(f"/catalogue/{product.number}/").status_code == 404
    assert client_of(cast.he()).get(f"/catalogue/{product.number}/").status_code == 200
    assert client_of(cast.gu()).get(f"/catalogue/{product.number}/").status_code == 200


def test_a_guessed_plan_of_a_hidden_product_is_not_sold() -> None:
    product = hidden()
    plan = market.plan_of(product)
    with pytest.raises(NotFound):
        trading.place_order(by=cast.he(), at=NOON, plan_id=plan.pk, use_statement="训练模型")
    assert client_of(cast.he()).get(f"/orders/new/{plan.pk}/").status_code == 404
    order = trading.place_order(by=cast.zhou(), at=NOON, plan_id=plan.pk, use_statement="训练模型")
    assert order.product == product


def test_a_product_for_one_buyer_has_exactly_one() -> None:
    product = market.drafted()
    cast.zhou(), cast.he()
    catalogue.edit_product(by=cast.lin(), at=NOON, product_id=product.pk, visibility="one_buyer")
    with pytest.raises(catalogue.ListingIncomplete):
        catalogue.submit_listing(by=cast.lin(), at=NOON, product_id=product.pk)
    first = catalogue.invite(by=cast.lin(), at=NOON, product_id=product.pk, uscc=YUNSHAN)
    assert catalogue.invite(by=cast.lin(), at=NOON, product_id=product.pk, uscc=YUNSHAN) == first
    catalogue.invite(by=cast.lin(), at=NOON, product_id=product.pk, uscc=BEIJIANG)
    [live] = product.invitations.filter(withdrawn_at=None)
    assert live.organization.uscc == BEIJIANG


def test_a_listed_product_becomes_hidden_only_with_somebody_invited(nobody_listens: list[Event]) -> None:
    product = market.listed()
    cast.zhou()
    revision = catalogue.propose(by=cast.lin(), at=NOON, product_id=product.pk, visibility="one_buyer")
    with pytest.raises(catalogue.InvitationMissing):
        catalogue.submit_revision(by=cast.lin(), at=NOON, revision_id=revision.pk)
    catalogue.invite(by=cast.lin(), at=NOON, product_id=product.pk, uscc=YUNSHAN)
    assert isinstance(nobody_listens[-1], BuyerInvited)
    assert products_visible_to(Actor.anonymous()).exists()
    market.revised(product)
    assert not products_visible_to(Actor.anonymous()).exists()


def test_a_private_offer_is_seen_by_its_buyer_alone() -> None:
    product = market.listed()
    cast.zhou()
    plan = market.with_plan(
        product, name="给云山", price=Money.from_yuan("50000.00"), kind="private_offer", buyer=YUNSHAN,
        valid_until=NOON + timedelta(days=10),
    )  # fmt: skip
    product.refresh_from_db()
    assert product.price_from_fen == 6_800_000
    for viewer, names in (
        (Actor.anonymous(), ["标准版"]),
        (cast.he(), ["标准版"]),
        (cast.zhou(), ["标准版", "给云山"]),
    ):
        assert [each.name for each in plans_on_sale_to(viewer, product, NOON)] == names
    assert "给云山" not in client_of(cast.he()).get(f"/catalogue/{product.number}/").content.decode()
    anonymous = client_of(None).get(f"/api/catalogue/products/{product.number}").json()
    assert [each["name"] for each in anonymous["plans"]] == ["标准版"]
    with pytest.raises(NotFound):
        trading.place_order(by=cast.he(), at=NOON, plan_id=plan.pk, use_statement="训练模型")
    end = NOON + timedelta(days=10)
    assert [each.name for each in plans_on_sale_to(cast.zhou(), product, end)] == ["标准版"]
    with pytest.raises(trading.NotOnSale):
        trading.place_order(by=cast.zhou(), at=end, plan_id=plan.pk, use_statement="训练模型")
    order = trading.place_order(
        by=cast.zhou(), at=end - timedelta(seconds=1), plan_id=plan.pk, use_statement="训练模型"
    )
    assert order.amount_fen == 5_000_000


def test_what_is_free_is_shown_and_not_ordered() -> None:
    product = market.listed()
    plan = market.with_plan(product, name="样例包", price=Money(0), kind="free_sample")
    product.refresh_from_db()
    assert product.price_from_fen == 6_800_000
    with pytest.raises(trading.NothingToPay):
        trading.place_order(by=cast.zhou(), at=NOON, plan_id=plan.pk, use_statement="训练模型")
    assert "样例包" in client_of(None).get(f"/catalogue/{product.number}/").content.decode()


def test_after_an_exclusive_sale_nothing_is_sold_to_anybody() -> None:
    product = market.listed()
    plan = market.with_plan(product, name="独家", price=Money.from_yuan("900000.00"), is_exclusive=True)
    ordinary = market.plan_of(product)
    assert catalogue.end_sale(by=market.SYSTEM, at=NOON, plan_id=ordinary.pk) == []
    assert {each.name for each in catalogue.end_sale(by=market.SYSTEM, at=NOON, plan_id=plan.pk)} == {
        "标准版",
        "独家",
    }
    assert catalogue.end_sale(by=market.SYSTEM, at=NOON, plan_id=plan.pk) == []
    with pytest.raises(trading.NotOnSale):
        trading.place_order(by=cast.zhou(), at=NOON, plan_id=ordinary.pk, use_statement="训练模型")
    assert "目前没有可以购买的方案" in client_of(None).get(f"/catalogue/{product.number}/").content.decode()


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("price", {"kind": "trial", "term_days": 7, "price": Money(1)}),
    ("price", {"price": Money(10**14 + 1)}),
    ("term_days", {"term_days": 30}),
    ("term_days", {"kind": "trial", "price": Money(0)}),
    ("term_days", {"kind": "subscription", "term_days": 3_651}),
    ("included_quantity", {"included_quantity": 5}),
    ("included_quantity", {"kind": "metered_calls", "term_days": 30}),
    ("included_quantity", {"kind": "metered_calls", "term_days": 30, "included_quantity": 0}),
    ("buyer", {"kind": "private_offer"}),
    ("buyer", {"kind": "private_offer", "buyer": "91440101MA5999999X"}),
    ("buyer", {"buyer": YUNSHAN}),
    ("is_exclusive", {"kind": "metered_calls", "term_days": 9, "included_quantity": 9, "is_exclusive": True}),
    ("valid_until", {"valid_until": NOON}),
    ("name", {"name": "长" * 81}),
    ("note", {"note": "长" * 201}),
]


@pytest.mark.parametrize(("field", "given"), WRONG)
def test_a_plan_that_makes_no_sense_names_the_field(field: str, given: dict[str, Any]) -> None:
    product = market.drafted()
    cast.zhou()
    with pytest.raises(InvalidInput) as refused:
        catalogue.add_plan(
            by=cast.lin(), at=NOON, product_id=product.pk, **{"name": "方案", "price": Money(100), **given}
        )
    assert refused.value.field == field
    assert product.plans.count() == 1


@pytest.mark.parametrize(
    "values",
    [
        {"price_fen": 0},
        {"kind": "trial", "term_days": 7},
        {"kind": "one_off", "term_days": 7},
        {"kind": "metered_calls", "term_days": 7},
        {"kind": "subscription"},
        {"kind": "private_offer"},
        {"kind": "metered_volume", "term_days": 7, "included_quantity": 0},
        {"kind": "rental"},
        {"kind": "free_sample", "price_fen": 0, "is_exclusive": True},
    ],
)
def test_the_database_itself_refuses_such_plans(values: dict[str, Any]) -> None:
    plan = market.plan_of(market.drafted())
    with pytest.raises(IntegrityError), transaction.atomic():
        Plan.objects.filter(pk=plan.pk).update(**values)


def test_prices_are_told_in_words() -> None:
    product = market.drafted()
    plan = catalogue.add_plan(
        by=cast.lin(), at=NOON, product_id=product.pk, name="流量", price=Money.from_yuan("100.00"),
        kind="metered_volume", term_days=30, included_quantity=1_500_000_000,
    )  # fmt: skip
    assert plan_words(terms_in(told_plan(plan))) == [
        "有效 30 天，自开通之日起算。", "价格已含 1.5 GB。", "用完即停，不会产生额外费用。",
    ]  # fmt: skip
    assert catalogue.add_plan(
        by=cast.lin(), at=NOON, product_id=product.pk, name="年", price=Money(100), kind="subscription"
    ).term_days == 365  # fmt: skip


def test_the_ordering_switch_holds_at_once_and_needs_no_review() -> None:
    product = market.listed()
    catalogue.set_ordering(by=cast.lin(), at=NOON, product_id=product.pk, ordering="approval")
    product.refresh_from_db()
    assert (product.ordering, product.revisions.count()) == ("approval", 0)
    with pytest.raises(InvalidInput):
        catalogue.set_ordering(by=cast.lin(), at=NOON, product_id=product.pk, ordering="never")
    with pytest.raises(NotFound):
        catalogue.set_ordering(by=cast.he(), at=NOON, product_id=product.pk, ordering="instant")


def test_contacts_are_for_those_who_ordered() -> None:
    product = market.listed()
    order = market.placed(product)
    page = client_of(cast.zhou()).get(f"/catalogue/{product.number}/").content.decode()
    assert "13800000001" not in page
    assert "13800000001" in client_of(cast.zhou()).get(f"/orders/{order.pk}/").content.decode()
    with pytest.raises(InvalidInput) as refused:
        catalogue.set_contact(by=cast.lin(), at=NOON, product_id=product.pk, kind="technical", name="林晓")
    assert refused.value.field == "phone"
    with pytest.raises(InvalidInput):
        catalogue.set_contact(by=cast.lin(), at=NOON, product_id=product.pk, kind="business", name="")


def test_a_question_is_public_once_answered_and_gone_once_hidden(nobody_listens: list[Event]) -> None:
    product = market.listed()
    question = catalogue.ask(by=cast.zhou(), at=NOON, product_id=product.pk, text="是否含方言评论？")
    assert isinstance(nobody_listens[-1], QuestionAsked)
    seen = lambda viewer: questions_visible_to(viewer, product).exists()  # noqa: E731
    assert (seen(Actor.anonymous()), seen(cast.he()), seen(cast.zhou()), seen(cast.lin())) == (
        False,
        False,
        True,
        True,
    )
    with pytest.raises(NotFound):
        catalogue.answer_question(by=cast.he(), at=NOON, question_id=question.pk, text="不含方言。")
    with pytest.raises(NotAllowed):
        catalogue.answer_question(by=cast.zhou(), at=NOON, question_id=question.pk, text="不含方言。")
    catalogue.answer_question(by=cast.lin(), at=NOON, question_id=question.pk, text="不含方言。")
    assert isinstance(nobody_listens[-1], QuestionAnswered)
    assert seen(Actor.anonymous())
    with pytest.raises(NotAllowed):
        catalogue.hide_question(by=cast.lin(), at=NOON, question_id=question.pk, reason="广告")
    with pytest.raises(catalogue.ReasonMissing):
        catalogue.hide_question(by=cast.gu(), at=NOON, question_id=question.pk, reason=" ")
    catalogue.hide_question(by=cast.gu(), at=NOON, question_id=question.pk, reason="与产品无关")
    assert (seen(Actor.anonymous()), seen(cast.zhou()), seen(cast.lin())) == (False, True, True)
    with pytest.raises(catalogue.QuestionHidden):
        catalogue.answer_question(by=cast.lin(), at=NOON, question_id=question.pk, text="再答一次。")


def test_only_verified_strangers_ask_and_not_without_end() -> None:
    product = market.listed()
    with pytest.raises(InvalidInput):
        catalogue.ask(by=cast.lin(), at=NOON, product_id=product.pk, text="自问自答？")
    for number in range(5):
        catalogue.ask(by=cast.zhou(), at=NOON, product_id=product.pk, text=f"第 {number} 个问题？")
    again = catalogue.ask(by=cast.zhou(), at=NOON, product_id=product.pk, text="第 0 个问题？")
    assert (again.text, product.questions.count()) == ("第 0 个问题？", 5)
    with pytest.raises(catalogue.TooManyQuestions):
        catalogue.ask(by=cast.zhou(), at=NOON, product_id=product.pk, text="第六个问题？")
    with pytest.raises(InvalidInput):
        catalogue.ask(by=cast.he(), at=NOON, product_id=product.pk, text="长" * 501)
    actor = cast.he()
    assert actor.organization is not None
    type(actor.organization).objects.filter(pk=actor.organization.pk).update(verification="unverified")
    with pytest.raises(catalogue.NotVerified):
        catalogue.ask(by=cast.he(), at=NOON, product_id=product.pk, text="有样例吗？")


@pytest.mark.parametrize("licence", ["internal", "training", "commercial"])
def test_every_licence_has_an_odrl_offer(licence: str) -> None:
    told = licence_policy(licence=licence, page="https://example.cn/p/", supplier=YUNSHAN)
    assert (told["@context"], told["@type"]) == ("http://www.w3.org/ns/odrl.jsonld", "Offer")
    assert told["target"]["uid"] == "https://example.cn/p/"
    permitted = {each["action"] for each in told["permission"]}
    refused = {each["action"] for each in told["prohibition"]}
    assert {"sell", "distribute", "grantUse", "move"} <= refused
    assert ("commercialize" in permitted) == (licence == "commercial")
    assert ("commercialize" in refused) == (licence == "training")
