"""Short ways to a certificate, a listing and an order, for tests that start there."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from assets.datasets.models import Dataset, DatasetFile, DatasetVersion
from assets.registry.models import Application, Certificate
from documents.objects import StoredObject
from exchange.catalogue import services as catalogue
from exchange.catalogue.models import Plan, Product
from exchange.delivery import services as delivery
from exchange.trading import services as trading
from exchange.trading.models import Order
from kernel import clock
from kernel.money import Money
from kernel.numbers import new_number
from organizations.models import Organization
from organizations.permissions import Actor
from tests import cast
from tests.cast import NOON

PRICE = Money.from_yuan("68000.00")
SYSTEM = Actor.system("测试")
_serial = count(1)

TEXTS = ("物流很快，包装完好。", "屏幕有划痕，已经退货。", "一般般，和描述差不多。")
LABELS = ("正面", "负面", "中性")


def sample_rows() -> list[dict[str, Any]]:
    """A text version's sample rows, as sealing keeps them."""
    return [
        {"id": f"r{i + 1:06d}", "item": f"items/{i + 1:06d}.txt", "item_name": f"{i + 1:04d}.txt",
         "text": text, "labels": [LABELS[i]], "guideline_version": 1}
        for i, text in enumerate(TEXTS)
    ]  # fmt: skip


def version_of(
    firm: Organization,
    *,
    name: str = "商品评论情感标注",
    files: tuple[StoredObject, ...] = (),
    at: datetime = NOON,
    **kept: Any,
) -> DatasetVersion:
    """A sealed version with sample, dictionary and label counts; `files` are already in the object store."""
    number = next(_serial)
    dataset = Dataset.objects.create(
        number=new_number("SJ", at),
        firm=firm,
        name=name,
        modality=kept.pop("modality", "text"),
        created_at=at,
    )
    values: dict[str, Any] = {
        "version": 1,
        "root_hash": hashlib.sha256(f"{name}{number}".encode()).hexdigest(),
        "file_count": len(files) or 4,
        "byte_count": sum(file.size for file in files) or 4_096,
        "row_count": 1_200,
        "label_counts": {"正面": 700, "负面": 400, "中性": 100},
        "sample": sample_rows(),
        "dictionary": [
            {"name": "text", "type": "string", "description": "文本内容", "description_en": "Text",
             "filled": 1200, "rows": 1200, "completeness_bp": 10_000},
            {"name": "labels", "type": "array<string>", "description": "标签", "description_en": "Labels",
             "filled": 1190, "rows": 1200, "completeness_bp": 9_916},
        ],
        **kept,
    }  # fmt: skip
    version = DatasetVersion.objects.create(dataset=dataset, state="building", **values)
    DatasetFile.objects.bulk_create(
        [
            DatasetFile(version=version, path=f"items/{i:06d}.txt", size=file.size, sha256=file.sha256,
                        object_key=file.key, media_type="text/plain")
            for i, file in enumerate(files, 1)
        ]
    )  # fmt: skip
    DatasetVersion.objects.filter(pk=version.pk).update(state="sealed", sealed_at=at)
    version.refresh_from_db()
    return version


def certificate_for(
    firm: Organization,
    *,
    version: DatasetVersion | None = None,
    at: datetime = NOON,
    years: int = 3,
    **kept: Any,
) -> Certificate:
    """A certificate in force from the day of `at` over a version of the firm."""
    version = version or version_of(firm, at=at, **kept)
    day = clock.business_date(at)
    application = Application.objects.create(
        number=new_number("DJ", at), registrant=firm, version=version, title=version.dataset.name,
        use_case="训练客服质检模型，识别商品评论的情感倾向", source_statement="自有平台公开评论，已脱敏",
        rights=["holding", "use", "operation"], classification="general",
        legal_statement="本单位自述：来源合法",
        created_at=at, submitted_at=at, notice_until=day, state="certified",
    )  # fmt: skip
    return Certificate.objects.create(
        number=new_number("ZS", at), application=application, version=version, holder=firm,
        title=version.dataset.name, issued_at=at, valid_from=day,
        valid_until=day.replace(year=day.year + years), claims={}, token="", key_id="", state="valid",
    )  # fmt: skip


def drafted(*, by: Actor | None = None, at: datetime = NOON, price: Money = PRICE, **wording: Any) -> Product:
    """A draft of 清蓝 (or `by`) with one plan, ready to be submitted."""
    by = by or cast.lin()
    assert by.organization is not None
    certificate = wording.pop("certificate", None)
    kept = {
        name: wording.pop(name) for name in ("name", "files", "modality", "label_counts") if name in wording
    }
    certificate = certificate or certificate_for(by.organization, at=at, **kept)
    values = {
        "title": "商品评论情感标注数据集", "title_en": "Product review sentiment",
        "summary": "三类情感，双人复核", "description": "来自自有平台的公开评论，每条一个情感标签。",
        "industry": "commerce", "licence": "training", **wording,
    }  # fmt: skip
    product = catalogue.draft_product(by=by, at=at, certificate_id=certificate.pk, **values)
    catalogue.add_plan(by=by, at=at, product_id=product.pk, name="标准版", price=price, note="全部样本与标签")
    complete(product, by=by, at=at)
    product.refresh_from_db()
    return product


def complete(product: Product, *, by: Actor | None = None, at: datetime = NOON) -> None:
    """The declarations and the contact that every listing needs."""
    by = by or cast.lin()
    catalogue.edit_product(
        by=by, at=at, product_id=product.pk, personal_information="anonymised", has_no_important_data=True,
        is_source_lawful=True, restrictions="仅限境内使用",
    )  # fmt: skip
    catalogue.set_contact(
        by=by, at=at, product_id=product.pk, kind="business", name="林晓", phone="13800000001"
    )


def revised(product: Product, *, at: datetime = NOON, by: Actor | None = None) -> Product:
    """The product after its open draft revision was submitted and applied."""
    revision = product.revisions.get(state="draft")
    catalogue.submit_revision(by=by or cast.lin(), at=at, revision_id=revision.pk)
    catalogue.apply_revision(by=cast.gu(), at=at, revision_id=revision.pk)
    product.refresh_from_db()
    return product


def with_plan(product: Product, *, name: str, price: Money, at: datetime = NOON, **terms: Any) -> Plan:
    """A plan added to a listed product by a revision that the operator applied."""
    catalogue.propose_plan(by=cast.lin(), at=at, product_id=product.pk, name=name, price=price, **terms)
    revised(product, at=at)
    return product.plans.get(name=name)


def listed(*, by: Actor | None = None, at: datetime = NOON, **kept: Any) -> Product:
    """A product on sale."""
    product = drafted(by=by, at=at, **kept)
    catalogue.submit_listing(by=by or cast.lin(), at=at, product_id=product.pk)
    catalogue.publish_listing(by=cast.gu(), at=at, product_id=product.pk)
    product.refresh_from_db()
    return product


def plan_of(product: Product) -> Plan:
    """The product's first plan."""
    plan = product.plans.order_by("ordinal").first()
    assert plan is not None
    return plan


def placed(product: Product | None = None, *, by: Actor | None = None, at: datetime = NOON) -> Order:
    """An order of 云山 for the product's first plan."""
    product = product or listed(at=at)
    return trading.place_order(
        by=by or cast.zhou(), at=at, plan_id=plan_of(product).pk, use_statement="训练本公司的客服质检模型"
    )


def contracted(product: Product | None = None, *, at: datetime = NOON, **kept: Any) -> Order:
    """An order that both sides have signed."""
    order = placed(product, at=at, **kept)
    trading.sign_contract(by=cast.zhou(), at=at, order_id=order.pk)
    return trading.sign_contract(by=cast.lin(), at=at, order_id=order.pk)


def paid(product: Product | None = None, *, at: datetime = NOON, **kept: Any) -> Order:
    """An order whose price lies in escrow, as far as trading knows."""
    order = contracted(product, at=at, **kept)
    return trading.mark_paid(by=SYSTEM, at=at, order_id=order.pk)


def delivered(product: Product | None = None, *, at: datetime = NOON, **kept: Any) -> Order:
    """An order in its inspection period."""
    order = paid(product, at=at, **kept)
    delivery.deliver(by=cast.lin(), at=at, order_id=order.pk)
    order.refresh_from_db()
    return order


def completed(product: Product | None = None, *, at: datetime = NOON, **kept: Any) -> Order:
    """An accepted order that trading was told is settled."""
    order = delivered(product, at=at, **kept)
    trading.accept_order(by=cast.zhou(), at=at + timedelta(days=1), order_id=order.pk)
    trading.complete_order(by=SYSTEM, at=at + timedelta(days=1), order_id=order.pk)
    order.refresh_from_db()
    return order
