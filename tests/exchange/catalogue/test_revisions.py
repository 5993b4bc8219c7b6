"""What is listed changes only by a revision that the operator looked at."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from assets.datasets.models import DatasetVersion
from exchange.catalogue import services as catalogue
from exchange.catalogue.events import RevisionApplied, RevisionRejected, RevisionSubmitted
from exchange.catalogue.models import ListingRevision, Plan, Product
from exchange.catalogue.rules import changes
from exchange.catalogue.selectors import snapshot_of, versions_of
from exchange.trading import services as trading
from kernel.errors import InvalidInput, NotAllowed, NotFound, SelfReview
from kernel.events import Event
from kernel.money import Money
from kernel.states import MoveNotAllowed
from tests import cast
from tests.cast import NOON
from tests.exchange import market
from tests.exchange.trading.test_orders import at_once

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(days=1)


def proposed(product: Product, **content: Any) -> ListingRevision:
    return catalogue.propose(by=cast.lin(), at=NOON, product_id=product.pk, **content)


def submitted(product: Product, **content: Any) -> ListingRevision:
    revision = proposed(product, **content)
    return catalogue.submit_revision(by=cast.lin(), at=NOON, revision_id=revision.pk, note="更正简介")


def next_version(product: Product) -> DatasetVersion:
    version = DatasetVersion.objects.create(
        dataset=product.version.dataset, version=2, root_hash="b" * 64, file_count=4, byte_count=1, row_count=1_500,
        label_counts={"讽刺": 5}, sample=market.sample_rows(), dictionary=product.version.dictionary, state="building",
    )  # fmt: skip
    DatasetVersion.objects.filter(pk=version.pk).update(state="sealed", sealed_at=NOON)
    version.refresh_from_db()
    return version


def test_nothing_holds_before_the_operator_says_yes_and_then_all_of_it(nobody_listens: list[Event]) -> None:
    product = market.listed()
    order = market.placed(product)
    proposed(product, title="新名称", licence="commercial")
    catalogue.propose_plan(
        by=cast.lin(), at=NOON, product_id=product.pk, name="调用版", price=Money.from_yuan("100.00"),
        kind="metered_calls", term_days=365, included_quantity=10_000,
    )  # fmt: skip
    revision = catalogue.propose_withdrawal(
        by=cast.lin(), at=NOON, product_id=product.pk, plan_id=order.plan_id
    )
    assert ListingRevision.objects.count() == 1
    revision = catalogue.submit_revision(by=cast.lin(), at=NOON, revision_id=revision.pk)
    told = changes(revision.before, revision.proposed)
    assert [(each.field, bool(each.before), bool(each.after)) for each in told] == [
        ("title", True, True), ("licence", True, True), ("plans", True, False), ("plans", False, True),
    ]  # fmt: skip
    assert (told[0].before, told[0].after) == ("商品评论情感标注数据集", "新名称")
    assert "价格已含 10,000 次调用。\n用完即停，不会产生额外费用。" in told[3].after
    product.refresh_from_db()
    assert (product.title, product.price_from_fen) == ("商品评论情感标注数据集", 6_800_000)
    catalogue.apply_revision(by=cast.gu(), at=LATER, revision_id=revision.pk)
    product.refresh_from_db()
    assert (product.title, product.licence, product.price_from_fen) == ("新名称", "commercial", 10_000)
    assert list(product.plans.filter(withdrawn_at=None).values_list("name", flat=True)) == ["调用版"]
    order.refresh_from_db()
    assert order.amount_fen == 6_800_000
    contracted = trading.sign_contract(by=cast.zhou(), at=LATER, order_id=order.pk)
    assert "商品评论情感标注数据集" in contracted.contract.text
    with pytest.raises(trading.NotOnSale):
        trading.place_order(by=cast.zhou(), at=LATER, plan_id=order.plan_id, use_statement="再买一次")
    news = [type(event) for event in nobody_listens]
    assert news.count(RevisionSubmitted) == news.count(RevisionApplied) == 1


def test_what_is_refused_changes_nothing_and_another_change_may_follow(nobody_listens: list[Event]) -> None:
    product = market.listed()
    before = snapshot_of(product)
    revision = submitted(product, summary="另一句")
    with pytest.raises(catalogue.ReasonMissing):
        catalogue.reject_revision(by=cast.gu(), at=LATER, revision_id=revision.pk, reason=" ")
    catalogue.reject_revision(by=cast.gu(), at=LATER, revision_id=revision.pk, reason="与证书不符")
    product.refresh_from_db()
    assert snapshot_of(product) == before
    assert isinstance(nobody_listens[-1], RevisionRejected)
    again = submitted(product, summary="第三句")
    assert again.pk != revision.pk
    with pytest.raises(MoveNotAllowed):
        catalogue.apply_revision(by=cast.gu(), at=LATER, revision_id=revision.pk)


def test_only_the_supplier_proposes_and_only_another_house_decides() -> None:
    product = market.listed()
    with pytest.raises(NotFound):
        catalogue.propose(by=cast.he(), at=NOON, product_id=product.pk, title="别家")
    with pytest.raises(NotAllowed):
        catalogue.propose(by=cast.mei(), at=NOON, product_id=product.pk, title="标注员")
    revision = submitted(product, title="新名称")
    with pytest.raises(NotFound):
        catalogue.apply_revision(by=cast.zhou(), at=NOON, revision_id=revision.pk)
    with pytest.raises(NotAllowed):
        catalogue.apply_revision(by=cast.lin(), at=NOON, revision_id=revision.pk)
    ListingRevision.objects.filter(pk=revision.pk).update(created_by=cast.gu().user)
    with pytest.raises(SelfReview):
        catalogue.apply_revision(by=cast.gu(), at=NOON, revision_id=revision.pk)


def test_a_draft_is_not_revised_and_a_listing_is_not_edited() -> None:
    with pytest.raises(catalogue.NotEditable):
        proposed(market.drafted(), title="新名称")
    product = market.listed(name="另一数据集")
    with pytest.raises(catalogue.NotEditable):
        catalogue.edit_product(by=cast.lin(), at=NOON, product_id=product.pk, title="新名称")
    with pytest.raises(catalogue.NotEditable):
        catalogue.add_plan(by=cast.lin(), at=NOON, product_id=product.pk, name="加", price=Money(1))
    with pytest.raises(catalogue.NotEditable):
        catalogue.withdraw_plan(by=cast.lin(), at=NOON, plan_id=market.plan_of(product).pk)


def test_a_product_has_one_open_revision_even_by_raw_sql() -> None:
    product = market.listed()
    revision = submitted(product, title="新名称")
    with pytest.raises(catalogue.RevisionUnderReview):
        proposed(product, title="又一个")
    with pytest.raises(IntegrityError), transaction.atomic():
        ListingRevision.objects.create(
            product=product, before=revision.before, proposed=revision.proposed, created_at=NOON
        )
    catalogue.withdraw_revision(by=cast.lin(), at=NOON, revision_id=revision.pk)
    assert proposed(product, title="又一个").pk != revision.pk


def test_nothing_to_review_is_not_submitted() -> None:
    product = market.listed()
    revision = proposed(product, title="新名称")
    proposed(product, title=product.title)
    with pytest.raises(catalogue.NothingChanged):
        catalogue.submit_revision(by=cast.lin(), at=NOON, revision_id=revision.pk)


def test_delisting_ends_the_open_revision() -> None:
    product = market.listed()
    revision = submitted(product, title="新名称")
    catalogue.delist(by=cast.lin(), at=LATER, product_id=product.pk)
    revision.refresh_from_db()
    assert (revision.state, revision.decided_at) == ("withdrawn", LATER)


def test_what_changed_meanwhile_is_not_overwritten() -> None:
    product = market.listed()
    revision = submitted(product, title="新名称")
    Product.objects.filter(pk=product.pk).update(title="他处改过")
    with pytest.raises(catalogue.RevisionOutdated) as refused:
        catalogue.apply_revision(by=cast.gu(), at=LATER, revision_id=revision.pk)
    assert "产品名称" in str(refused.value)


def test_a_listing_moves_to_a_newer_certified_version_and_orders_keep_theirs() -> None:
    product = market.listed()
    order = market.placed(product)
    version = next_version(product)
    certificate = market.certificate_for(product.supplier, version=version)
    revision = catalogue.propose_version(
        by=cast.lin(), at=NOON, product_id=product.pk, certificate_id=certificate.pk
    )
    market.revised(product)
    order.refresh_from_db()
    assert (product.version_id, product.certificate_id) == (version.pk, certificate.pk)
    assert product.keywords.startswith("讽刺")
    assert order.version_id != version.pk
    assert [each.version for each in versions_of(product)] == [2, 1]
    [told] = changes(revision.before, revision.proposed)
    assert told.after == f"{certificate.number} · v2"


def test_a_certificate_of_another_dataset_holder_or_day_moves_nothing() -> None:
    product = market.listed()
    other = market.certificate_for(product.supplier, name="另一数据集")
    with pytest.raises(InvalidInput) as refused:
        catalogue.propose_version(by=cast.lin(), at=NOON, product_id=product.pk, certificate_id=other.pk)
    assert refused.value.field == "certificate"
    strange = market.certificate_for(cast.organization(cast.BEIJIANG), name="别家数据集")
    with pytest.raises(NotFound):
        catalogue.propose_version(by=cast.lin(), at=NOON, product_id=product.pk, certificate_id=strange.pk)
    certificate = market.certificate_for(product.supplier, version=next_version(product))
    revision = catalogue.propose_version(
        by=cast.lin(), at=NOON, product_id=product.pk, certificate_id=certificate.pk
    )
    catalogue.submit_revision(by=cast.lin(), at=NOON, revision_id=revision.pk)
    type(certificate).objects.filter(pk=certificate.pk).update(state="suspended")
    with pytest.raises(catalogue.CertificateNotInForce):
        catalogue.apply_revision(by=cast.gu(), at=NOON, revision_id=revision.pk)
    product.refresh_from_db()
    assert product.version.version == 1


def test_a_resubmitted_listing_is_shown_against_what_was_sent_back() -> None:
    product = market.drafted()
    catalogue.submit_listing(by=cast.lin(), at=NOON, product_id=product.pk)
    catalogue.reject_listing(by=cast.gu(), at=NOON, product_id=product.pk, reason="说明太短")
    catalogue.edit_product(by=cast.lin(), at=NOON, product_id=product.pk, description="更长的说明")
    product.refresh_from_db()
    [told] = changes(product.decided, snapshot_of(product))
    assert (told.field, told.after) == ("description", "更长的说明")


@pytest.mark.parametrize(
    ("field", "content"),
    [
        ("title", {"title": "长" * 121}),
        ("summary", {"summary": "长" * 201}),
        ("description", {"description": "长" * 8_001}),
        ("description", {"description": "坏\x00字"}),
        ("restrictions", {"restrictions": "长" * 501}),
        ("visibility", {"visibility": "secret"}),
        ("personal_information", {"personal_information": ""}),
        ("needs", {"needs": [{"title": "需求", "industry": "commerce"}] * 7}),
        ("needs", {"needs": [{"title": "需求", "industry": "magic"}]}),
        ("needs", {"needs": [{"title": "长" * 121, "industry": "commerce"}]}),
        ("examples", {"examples": [{"title": "例", "code": "", "explanation": "说明"}]}),
        ("examples", {"examples": [{"title": "例", "code": "x" * 2_001, "explanation": "说明"}]}),
    ],
)
def test_hostile_content_names_its_field_and_opens_nothing(field: str, content: dict[str, Any]) -> None:
    product = market.listed()
    with pytest.raises(InvalidInput) as refused:
        proposed(product, **content)
    assert refused.value.field == field
    assert not ListingRevision.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_people_opening_a_change_at_once_share_one_draft() -> None:
    product, lin = market.listed(), cast.lin()
    at_once(
        [
            partial(catalogue.propose, by=lin, at=NOON, product_id=product.pk, summary=word)
            for word in ("甲", "乙", "丙", "丁")
        ]
    )
    [revision] = ListingRevision.objects.all()
    assert revision.proposed["summary"] in "甲乙丙丁"


@pytest.mark.django_db(transaction=True)
def test_two_reviewers_applying_at_once_apply_once() -> None:
    product, gu = market.listed(), cast.gu()
    catalogue.propose_plan(
        by=cast.lin(), at=NOON, product_id=product.pk, name="新价", price=Money.from_yuan("9.90")
    )
    revision = catalogue.submit_revision(by=cast.lin(), at=NOON, revision_id=ListingRevision.objects.get().pk)
    outcomes = at_once([partial(catalogue.apply_revision, by=gu, at=LATER, revision_id=revision.pk)] * 4)
    assert sum(isinstance(each, ListingRevision) for each in outcomes) == 1
    assert Plan.objects.filter(name="新价").count() == 1
