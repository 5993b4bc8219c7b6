"""A listing's way: no certificate, no listing; the operator reviews; a lapse takes it off sale."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from assets.registry.models import Certificate
from audit.models import AuditEvent
from exchange.catalogue import services as catalogue
from exchange.catalogue.events import ListingPublished, ListingSubmitted, ListingSuspended
from exchange.catalogue.models import Product
from exchange.trading import services as trading
from kernel.errors import InvalidInput, NotAllowed, NotFound, SelfReview
from kernel.events import Event
from kernel.models import Transition
from kernel.money import Money
from kernel.numbers import is_valid
from kernel.states import MoveNotAllowed
from tests import cast
from tests.cast import NOON
from tests.exchange import market

pytestmark = pytest.mark.django_db

WORDING = {
    "title": "评论",
    "summary": "三类",
    "description": "说明",
    "industry": "commerce",
    "licence": "training",
}


def test_a_certified_version_is_drafted_reviewed_and_listed(nobody_listens: list[Event]) -> None:
    product = market.drafted()
    assert is_valid(product.number)
    assert product.number.startswith("CP-2026-")
    assert product.price_from_fen == 6_800_000
    assert product.keywords == "正面 负面 中性 text labels"
    catalogue.submit_listing(by=cast.lin(), at=NOON, product_id=product.pk)
    catalogue.publish_listing(by=cast.gu(), at=NOON + timedelta(hours=2), product_id=product.pk)
    product.refresh_from_db()
    assert product.state == "listed"
    assert product.listed_at == NOON + timedelta(hours=2)
    moves = (
        Transition.objects.filter(subject_id=product.pk).order_by("at", "pk").values_list("move", flat=True)
    )
    assert list(moves) == ["submit", "publish"]
    assert [type(event) for event in nobody_listens] == [ListingSubmitted, ListingPublished]
    actions = AuditEvent.objects.filter(subject_id=product.pk).order_by("pk").values_list("action", flat=True)
    assert list(actions) == [
        "products.draft",
        "plans.add",
        "products.edit",
        "products.set_contact",
        "listings.submit",
        "listings.publish",
    ]


@pytest.mark.parametrize("state", ["suspended", "expired", "cancelled", "revoked"])
def test_without_a_valid_certificate_nothing_is_drafted(state: str) -> None:
    certificate = market.certificate_for(cast.organization(cast.QINGLAN))
    Certificate.objects.filter(pk=certificate.pk).update(state=state)
    with pytest.raises(catalogue.CertificateNotInForce):
        catalogue.draft_product(by=cast.lin(), at=NOON, certificate_id=certificate.pk, **WORDING)
    assert not Product.objects.exists()


def test_a_certificate_past_its_final_day_does_not_carry_a_listing() -> None:
    certificate = market.certificate_for(cast.organization(cast.QINGLAN), at=NOON, years=1)
    final_day = NOON + timedelta(days=365)
    product = market.drafted(certificate=certificate)
    catalogue.submit_listing(by=cast.lin(), at=final_day, product_id=product.pk)
    with pytest.raises(catalogue.CertificateNotInForce):
        catalogue.publish_listing(by=cast.gu(), at=final_day + timedelta(days=1), product_id=product.pk)
    product.refresh_from_db()
    assert product.state == "submitted"


def test_a_certificate_of_another_version_does_not_cover_the_product() -> None:
    product = market.drafted()
    other = market.certificate_for(cast.organization(cast.QINGLAN), name="另一数据集")
    Product.objects.filter(pk=product.pk).update(certificate=other)
    with pytest.raises(catalogue.CertificateNotInForce):
        catalogue.submit_listing(by=cast.lin(), at=NOON, product_id=product.pk)


def test_anothers_certificate_is_not_found() -> None:
    certificate = market.certificate_for(cast.organization(cast.QINGLAN))
    with pytest.raises(NotFound):
        catalogue.draft_product(by=cast.he(), at=NOON, certificate_id=certificate.pk, **WORDING)


def test_a_version_is_offered_once() -> None:
    product = market.drafted()
    with pytest.raises(catalogue.AlreadyOffered):
        market.drafted(certificate=product.certificate)


def test_an_annotator_may_not_offer_data() -> None:
    product = market.drafted()
    with pytest.raises(NotAllowed):
        catalogue.submit_listing(by=cast.mei(), at=NOON, product_id=product.pk)


def test_an_unfinished_task_list_is_not_submitted() -> None:
    product = market.drafted(description="")
    catalogue.withdraw_plan(by=cast.lin(), at=NOON, plan_id=market.plan_of(product).pk)
    with pytest.raises(catalogue.ListingIncomplete) as refused:
        catalogue.submit_listing(by=cast.lin(), at=NOON, product_id=product.pk)
    assert str(refused.value) == "还有未完成的步骤：名称与说明、价格方案。请补齐后再提交。"


def test_the_supplier_never_reviews_its_own_listing() -> None:
    both = cast.person("rui", (cast.BASE[0], cast.BASE[1], cast.BASE[2]), cast.Role.LISTING_REVIEWER)
    product = market.drafted()
    catalogue.submit_listing(by=cast.lin(), at=NOON, product_id=product.pk)
    with pytest.raises(NotFound):  # a submitted listing is nobody else's to see
        catalogue.publish_listing(by=cast.zhou(), at=NOON, product_id=product.pk)
    with pytest.raises(NotAllowed):
        catalogue.publish_listing(by=cast.lin(), at=NOON, product_id=product.pk)
    Product.objects.filter(pk=product.pk).update(submitted_by=both.user)
    with pytest.raises(SelfReview):
        catalogue.publish_listing(by=both, at=NOON, product_id=product.pk)


def test_a_rejected_listing_goes_back_with_the_reason_and_comes_again() -> None:
    product = market.drafted()
    catalogue.submit_listing(by=cast.lin(), at=NOON, product_id=product.pk)
    with pytest.raises(catalogue.ReasonMissing):
        catalogue.reject_listing(by=cast.gu(), at=NOON, product_id=product.pk, reason="  ")
    catalogue.reject_listing(by=cast.gu(), at=NOON, product_id=product.pk, reason="请写清采集时间")
    catalogue.edit_product(by=cast.lin(), at=NOON, product_id=product.pk, description="2025 年 1–6 月采集。")
    catalogue.submit_listing(by=cast.lin(), at=NOON, product_id=product.pk)
    product.refresh_from_db()
    assert product.state == "submitted"


def test_what_is_under_review_is_locked() -> None:
    product = market.drafted()
    catalogue.submit_listing(by=cast.lin(), at=NOON, product_id=product.pk)
    with pytest.raises(catalogue.NotEditable):
        catalogue.edit_product(by=cast.lin(), at=NOON, product_id=product.pk, title="别的")
    with pytest.raises(catalogue.NotEditable):
        catalogue.add_plan(by=cast.lin(), at=NOON, product_id=product.pk, name="加价", price=Money(1))


def test_a_lapsed_certificate_takes_its_listing_off_sale(nobody_listens: list[Event]) -> None:
    product, other = market.listed(), market.listed(by=cast.he(), title="北江影像")
    Certificate.objects.filter(pk=product.certificate_id).update(state="revoked")
    suspended = catalogue.suspend_lapsed(by=cast.gu(), at=NOON, certificate_id=product.certificate_id)
    assert [each.pk for each in suspended] == [product.pk]
    product.refresh_from_db()
    other.refresh_from_db()
    assert (product.state, other.state) == ("suspended", "listed")
    assert isinstance(nobody_listens[-1], ListingSuspended)
    move = Transition.objects.get(subject_id=product.pk, move="suspend")
    assert move.reason == f"登记证书 {product.certificate.number} 已不在有效状态（已撤销），自动暂停交易。"
    with pytest.raises(trading.NotOnSale):
        market.placed(product)
    assert catalogue.suspend_lapsed(by=cast.gu(), at=NOON, certificate_id=product.certificate_id) == []


def test_a_suspended_listing_returns_only_under_a_certificate_in_force() -> None:
    product = market.listed()
    Certificate.objects.filter(pk=product.certificate_id).update(state="suspended")
    catalogue.suspend_lapsed(by=cast.gu(), at=NOON, certificate_id=product.certificate_id)
    with pytest.raises(catalogue.CertificateNotInForce):
        catalogue.relist(by=cast.gu(), at=NOON, product_id=product.pk)
    Certificate.objects.filter(pk=product.certificate_id).update(state="valid")
    with pytest.raises(NotFound):
        catalogue.relist(by=cast.zhou(), at=NOON, product_id=product.pk)
    catalogue.relist(by=cast.gu(), at=NOON, product_id=product.pk, reason=" 核查完毕，权属清楚。 ")
    product.refresh_from_db()
    assert product.state == "listed"
    assert Transition.objects.get(subject_id=product.pk, move="relist").reason == "核查完毕，权属清楚。"


def test_a_renewed_certificate_of_the_same_version_carries_the_listing_on() -> None:
    product = market.listed()
    Certificate.objects.filter(pk=product.certificate_id).update(state="expired")
    catalogue.suspend_lapsed(by=cast.gu(), at=NOON, certificate_id=product.certificate_id)
    stranger = market.certificate_for(cast.organization(cast.QINGLAN), name="另一数据集")
    with pytest.raises(catalogue.CertificateNotInForce):
        catalogue.relist(by=cast.gu(), at=NOON, product_id=product.pk, certificate_id=stranger.pk)
    renewed = market.certificate_for(cast.organization(cast.QINGLAN), version=product.version)
    catalogue.relist(by=cast.gu(), at=NOON, product_id=product.pk, certificate_id=renewed.pk)
    product.refresh_from_db()
    assert (product.state, product.certificate_id) == ("listed", renewed.pk)


def test_the_operator_owes_a_reason_for_delisting_and_the_supplier_does_not() -> None:
    first, second = market.listed(), market.listed(title="另一个", name="另一数据集")
    with pytest.raises(catalogue.ReasonMissing):
        catalogue.delist(by=cast.gu(), at=NOON, product_id=first.pk)
    catalogue.delist(by=cast.gu(), at=NOON, product_id=first.pk, reason="许可与来源不符")
    catalogue.delist(by=cast.lin(), at=NOON, product_id=second.pk)
    with pytest.raises(NotFound):
        catalogue.delist(by=cast.he(), at=NOON, product_id=second.pk)
    with pytest.raises(MoveNotAllowed):
        catalogue.relist(by=cast.gu(), at=NOON, product_id=second.pk)


def test_what_is_on_sale_keeps_a_plan_and_the_lowest_price_follows() -> None:
    product = market.listed()
    small = market.with_plan(product, name="样例包", price=Money.from_yuan("980.00"))
    assert product.price_from_fen == 98_000
    catalogue.propose_withdrawal(by=cast.lin(), at=NOON, product_id=product.pk, plan_id=small.pk)
    assert market.revised(product).price_from_fen == 6_800_000
    last = market.plan_of(product).pk
    with pytest.raises(catalogue.OnlyPlan):
        catalogue.propose_withdrawal(by=cast.lin(), at=NOON, product_id=product.pk, plan_id=last)


@pytest.mark.parametrize(
    ("field", "plan"),
    [
        ("price", {"name": "免费", "price": Money(0)}),
        ("tax_rate_bp", {"name": "高税", "price": Money(100), "tax_rate_bp": 1_301}),
        ("name", {"name": " ", "price": Money(100)}),
        ("kind", {"name": "租", "price": Money(100), "kind": "rental"}),
    ],
)
def test_a_plan_that_makes_no_sense_names_the_field(field: str, plan: dict[str, object]) -> None:
    product = market.drafted()
    with pytest.raises(InvalidInput) as refused:
        catalogue.add_plan(by=cast.lin(), at=NOON, product_id=product.pk, **plan)  # type: ignore[arg-type]
    assert refused.value.field == field


def test_the_database_itself_refuses_a_listing_without_time_or_price() -> None:
    product = market.drafted()
    with pytest.raises(IntegrityError), transaction.atomic():
        Product.objects.filter(pk=product.pk).update(state="listed")
    with pytest.raises(IntegrityError), transaction.atomic():
        Product.objects.filter(pk=product.pk).update(state="submitted", price_from_fen=None)
