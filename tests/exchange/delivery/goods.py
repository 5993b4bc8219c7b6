"""Sealed versions with real content, and short ways to an entitlement of each kind."""

from __future__ import annotations

import hashlib
import random
from datetime import datetime
from typing import Any

from assets.datasets import rules
from assets.datasets.models import Dataset, DatasetFile, DatasetVersion
from assets.datasets.services.sealing import Content, write_version
from documents import objects
from exchange.catalogue.models import Plan, Product
from exchange.delivery import services as delivery
from exchange.delivery.models import Entitlement
from exchange.trading import services as trading
from kernel.numbers import new_number
from tests import cast
from tests.assets.exports import scenes
from tests.cast import NOON
from tests.exchange import market

_WORDS = (
    "物流很快",
    "包装完好",
    "屏幕有划痕",
    "客服耐心",
    "已经退货",
    "价格实惠",
    "做工一般",
    "电池耐用",
    "颜色偏深",
    "值得再买",
)


def sentence(number: int) -> str:
    """A review, each number another one."""
    draw = random.Random(number)
    return "，".join(draw.sample(_WORDS, 4)) + f"，第{draw.randrange(10**6)}次购买。"


def jsonl(rows: int, *, first: int = 1) -> bytes:
    """A table of reviews as JSON lines."""
    return b"".join(
        rules.canonical({"id": number, "text": sentence(number), "score": number % 5, "label": "正面" if number % 2 else "负面"})
        + b"\n"
        for number in range(first, first + rows)
    )  # fmt: skip


def version_with(
    files: dict[str, bytes], *, dataset: Dataset | None = None, at: datetime = NOON, rows: int = 100
) -> DatasetVersion:
    """A sealed version of 清蓝 with just these files, its manifest in the store."""
    lin = cast.lin()
    dataset = dataset or Dataset.objects.create(
        number=new_number("SJ", at),
        firm=lin.organization,
        name="评论（示例）",
        modality="text",
        created_at=at,
    )
    kept, lying = [], {}
    for path, body in files.items():
        stored = lying[body] = lying.get(body) or objects.put("test", body, "application/octet-stream")
        kind = "application/x-ndjson" if path.endswith(".jsonl") else "text/plain"
        kept.append(
            DatasetFile(
                path=path, size=stored.size, sha256=stored.sha256, object_key=stored.key, media_type=kind
            )
        )
    manifest = rules.manifest(rules.Entry(file.path, file.size, file.sha256) for file in kept)
    content = Content(
        files=kept, manifest=manifest, manifest_key=objects.put("test", manifest, "application/json").key,
        row_count=rows, label_counts={"正面": rows}, sample=market.sample_rows(),
        dictionary=[{"name": "text", "type": "string", "description": "文本"}],
    )  # fmt: skip
    return write_version(by=lin, at=at, dataset_id=dataset.pk, content=content)


FILES = {
    "rows.jsonl": jsonl(100),
    "items/第 1 张.txt": "一".encode() * 1_000,
    "README.md": b"# demo\n",
    "items/b/2.txt": b"two",
}


def reviews(count: int = 60) -> DatasetVersion:
    """An annotated version of so many reviews, each with a span: it can be had in every table format."""
    texts = [sentence(number) for number in range(count)]
    items = [(text.encode(), "text/plain") for text in texts]
    results = [[[scenes.span("机构", 0, 4, text)]] for text in texts]
    return scenes.sealed(scenes.SPANS, items, results, modality="text")


def product_of(version: DatasetVersion, *, at: datetime = NOON) -> Product:
    """A product on sale over the version."""
    firm = cast.lin().organization
    assert firm is not None
    return market.listed(at=at, certificate=market.certificate_for(firm, version=version, at=at))


def plan(product: Product, kind: str, **kept: Any) -> Plan:
    """Another plan of the product; free kinds cost nothing."""
    price = 0 if kind in ("free_sample", "trial") else 100_000
    return Plan.objects.create(product=product, kind=kind, name=kind, price_fen=price, ordinal=9, **kept)


def entitled(product: Product, kind: str = "", *, at: datetime = NOON, **kept: Any) -> Entitlement:
    """云山's entitlement from a delivered order of that kind of plan (the product's first plan when empty)."""
    chosen = plan(product, kind, **kept) if kind else market.plan_of(product)
    zhou, lin = cast.zhou(), cast.lin()
    order = trading.place_order(by=zhou, at=at, plan_id=chosen.pk, use_statement="训练本公司的客服质检模型")
    trading.sign_contract(by=zhou, at=at, order_id=order.pk)
    trading.sign_contract(by=lin, at=at, order_id=order.pk)
    trading.mark_paid(by=market.SYSTEM, at=at, order_id=order.pk)
    delivery.deliver(by=lin, at=at, order_id=order.pk)
    return Entitlement.objects.select_related("product", "meter", "order", "plan").get(order=order)


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
