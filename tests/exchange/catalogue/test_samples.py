"""The product page shows the sample that the firm froze; before that, the rows kept at sealing."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from assets.datasets.models import DatasetFile
from assets.datasets.rules import item_path, row_of, sample_of
from assets.datasets.services.sealing import Content, write_version
from assets.profiles.models import FrozenSample, Profile
from assets.profiles.rules.facts import Dimension, Facts, ImageFacts, TextFacts, to_json
from documents import objects
from exchange.catalogue import rules
from exchange.catalogue.selectors import sample_rows
from tests import cast
from tests.cast import NOON
from tests.exchange import market

pytestmark = pytest.mark.django_db


def freeze(version: Any, *rows: dict[str, Any]) -> None:
    facts = Facts(
        row_count=1_200, file_count=4, read_count=4, byte_count=4_096, tables=(), texts=TextFacts(), images=ImageFacts(),
        labels=(), label_field="labels", faults=(), quality=(Dimension("completeness", "values_filled", 1_190, 1_200),),
        fingerprint_count=0,
    )  # fmt: skip
    profile = Profile.objects.create(
        version=version, format=1, made_at=NOON, facts=to_json(facts), engines={}
    )
    FrozenSample.objects.create(
        version=version,
        profile=profile,
        method="chosen",
        rows=[
            {"path": "rows.jsonl", "row": place, "label": "", "shown": row}
            for place, row in enumerate(rows, 1)
        ],
        chosen_at=NOON,
    )


def test_a_frozen_sample_takes_the_place_of_the_one_kept_at_sealing(client: Client) -> None:
    product = market.listed()
    address = f"/catalogue/{product.number}/"
    assert "物流很快，包装完好。" in client.get(address).content.decode()
    freeze(product.version, {"id": "r9", "item": "items/9.txt", "text": "换成这一条。", "labels": ["正面"]})
    page = client.get(address).content.decode()
    assert "换成这一条。" in page
    assert "99.1%" in page
    assert "全部行与字段交叉共 1,200 个格，其中 1,190 个非空。" in page
    assert "物流很快，包装完好。" not in page
    assert client.get(f"/api/catalogue/products/{product.number}").json()["sample"] == sample_rows(
        product.version
    )


def test_a_table_shows_its_columns(client: Client) -> None:
    product = market.listed()
    freeze(product.version, {"路段": "G107", "车流": "1200"})
    assert rules.read_sample(sample_rows(product.version)[0]).cells == (("路段", "G107"), ("车流", "1200"))
    page = client.get(f"/catalogue/{product.number}/").content.decode()
    assert "<dt>路段</dt>" in page


def test_a_row_that_tells_of_a_person_is_never_shown(client: Client) -> None:
    product = market.listed()
    freeze(
        product.version,
        {"id": "r1", "text": "请拨打 13800138000。"},
        {"id": "r2", "text": "可以公开的一条。"},
    )
    page = client.get(f"/catalogue/{product.number}/").content.decode()
    assert "可以公开的一条。" in page
    assert "13800138000" not in page
    assert "13800138000" not in client.get(f"/api/catalogue/products/{product.number}").content.decode()


def sealed_sample(text: str | None, media_type: str, *regions: dict[str, Any]) -> list[dict[str, Any]]:
    """What sealing keeps of one labelled item."""
    row = row_of(
        ordinal=1, path=item_path(1, media_type), name="街景 1", sha256="0" * 64, text=text, result=regions,
        guideline_version=1, annotator="A001",
    )  # fmt: skip
    return sample_of([row])


def test_the_page_draws_the_boxes_of_an_image_as_they_were_sealed(client: Client) -> None:
    firm, stored = cast.organization(cast.QINGLAN), objects.put("test", b"\x89PNG", "image/png")
    box = {"x": 12.5, "y": 20, "width": 30, "height": 40.25, "rectanglelabels": ["车"]}
    file = DatasetFile(
        path="items/000001.png", size=stored.size, sha256=stored.sha256, object_key=stored.key, media_type="image/png"
    )  # fmt: skip
    content = Content(
        files=[file], manifest=b"{}", manifest_key=stored.key, row_count=1, label_counts={"车": 1},
        sample=sealed_sample(None, "image/png", {"type": "rectanglelabels", "value": box}),
        dictionary=[{"name": "item", "type": "string", "description": "图片"}],
    )  # fmt: skip
    dataset = market.version_of(firm, modality="image").dataset
    version = write_version(by=cast.lin(), at=NOON, dataset_id=dataset.pk, content=content)
    product = market.listed(certificate=market.certificate_for(firm, version=version))
    page = client.get(f"/catalogue/{product.number}/").content.decode()
    assert stored.key in page
    assert (
        '<rect class="box box-0" x="12.50" y="20.00" width="30.00" height="40.25"><title>车</title>' in page
    )


def test_the_page_marks_the_spans_of_a_text_as_they_were_sealed(client: Client) -> None:
    firm = cast.organization(cast.QINGLAN)
    span = {"start": 0, "end": 3, "labels": ["特产"]}
    rows = sealed_sample("清远鸡很好吃", "text/plain", {"type": "labels", "value": span})
    certificate = market.certificate_for(firm, version=market.version_of(firm, sample=rows))
    product = market.listed(certificate=certificate)
    page = client.get(f"/catalogue/{product.number}/").content.decode()
    assert "<mark>清远鸡<small>特产</small></mark>很好吃" in page
