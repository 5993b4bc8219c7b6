"""A buyer takes the bought version in the format of their tools; only buyers do, and every link is on record."""

from __future__ import annotations

import io
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from assets.exports import services as exports
from assets.exports.models import Export
from audit.models import AuditEvent
from exchange.delivery import services as delivery
from exchange.delivery.models import Download
from exchange.trading import services as trading
from exchange.trading.models import Order
from kernel.errors import NotFound
from tests import cast
from tests.cast import NOON
from tests.world import build

pytestmark = pytest.mark.django_db
FOLDER = "folder"


@pytest.fixture
def order() -> Order:
    return build().order


@pytest.fixture
def made(order: Order, django_capture_on_commit_callbacks: Any) -> Export:
    with django_capture_on_commit_callbacks(execute=True):
        delivery.make_format(by=cast.zhou(), at=NOON, order_id=order.pk, format=FOLDER)
    found = delivery.make_format(by=cast.zhou(), at=NOON, order_id=order.pk, format=FOLDER)
    assert isinstance(found, Export)
    return found


@pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib", "ignore::DeprecationWarning:mlcroissant")
def test_the_official_croissant_library_loads_a_bought_version(
    order: Order, made: Export, tmp_path: Path
) -> None:
    import mlcroissant

    download, url = delivery.hand_out_format(by=cast.zhou(), at=NOON, order_id=order.pk, format=FOLDER)
    with urllib.request.urlopen(url) as answer:
        zipfile.ZipFile(io.BytesIO(answer.read())).extractall(tmp_path)
    assert (download.export, download.path) == (made, "完整目录")
    records = list(mlcroissant.Dataset(jsonld=tmp_path / "croissant.json").records("rows"))
    assert len(records) == order.version.row_count
    texts = {(tmp_path / record["rows/item"].decode()).read_text("utf-8") for record in records}
    assert {record["rows/text"].decode() for record in records} == texts


def test_only_the_buyer_has_formats_made_and_handed_out(order: Order, made: Export) -> None:
    before = AuditEvent.objects.count()
    for who, refusal in (
        (cast.he(), NotFound),
        (cast.lin(), trading.WrongSide),
        (cast.gu(), trading.WrongSide),
    ):
        for verb in (delivery.make_format, delivery.hand_out_format):
            with pytest.raises(refusal):
                verb(by=who, at=NOON, order_id=order.pk, format=FOLDER)
    assert AuditEvent.objects.count() == before
    assert not Download.objects.filter(export__isnull=False).exists()


def test_a_format_that_nobody_asked_for_is_not_handed_out(order: Order) -> None:
    with pytest.raises(exports.NotMade):
        delivery.hand_out_format(by=cast.zhou(), at=NOON, order_id=order.pk, format=FOLDER)
    with pytest.raises(exports.UnknownFormat):
        delivery.make_format(by=cast.zhou(), at=NOON, order_id=order.pk, format="tar")


def test_the_page_offers_what_fits_and_keeps_the_record(order: Order, made: Export, client: Client) -> None:
    client.force_login(cast.zhou().user)  # type: ignore[arg-type]
    address = reverse("delivery:delivery", args=[order.pk])
    page = client.get(address).content.decode()
    assert reverse("delivery:download_format", args=[order.pk, FOLDER]) in page
    assert reverse("delivery:make_format", args=[order.pk, "csv"]) in page
    assert "coco" not in page  # texts have no boxes
    answer = client.post(reverse("delivery:download_format", args=[order.pk, FOLDER]))
    assert answer.status_code == 303
    assert "完整目录" in client.get(address).content.decode()
    client.force_login(cast.lin().user)  # type: ignore[arg-type]
    assert (
        reverse("delivery:download_format", args=[order.pk, FOLDER])
        not in client.get(address).content.decode()
    )


def test_formats_over_the_api(order: Order, made: Export, client: Client) -> None:
    client.force_login(cast.zhou().user)  # type: ignore[arg-type]
    base = f"/api/deliveries/{order.pk}/formats"
    states = {each["format"]: each["state"] for each in client.get(base).json()}
    assert (states["folder"], states["csv"], states["coco"]) == ("made", "open", "unfit")
    link = client.post(f"{base}/folder/links", content_type="application/json").json()
    assert (link["sha256"], link["size"]) == (made.sha256, made.size)
    document = client.get(reverse("delivery:metadata", args=[order.pk, "croissant.json"]))
    told = document.json()
    assert told["@type"].endswith("Dataset")
    certificate = order.certificate.number
    assert certificate in document.content.decode()  # what the registry says of it stands in the metadata
