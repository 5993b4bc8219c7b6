"""A leaked copy is known by rows that are nobody's: shuffled, with columns gone, cut in half; nothing else is."""

from __future__ import annotations

import csv
import io
import json
import random
from pathlib import Path

import duckdb
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from assets.exports.models import Export
from documents import objects
from exchange.catalogue import services as catalogue
from exchange.delivery import selectors, services
from exchange.delivery.models import Entitlement, MarkedCopy
from exchange.delivery.rules import marks
from kernel.errors import NotAllowed, NotFound
from tests import cast
from tests.cast import NOON
from tests.exchange.delivery import goods

pytestmark = pytest.mark.django_db


def copy_of(entitlement: Entitlement, code: str) -> MarkedCopy:
    version = selectors.version_in(entitlement)
    return services.mark(
        entitlement_id=entitlement.pk, version_id=version.pk, format=code, at=NOON, advance=lambda count: None
    )


def traced(path: Path, body: bytes, by: object = None) -> services.Traced:
    path.write_bytes(body)
    return services.trace(by=by or cast.gu(), at=NOON, path=path, name=path.name)  # type: ignore[arg-type]


def two_buyers() -> tuple[Entitlement, Entitlement]:
    product = goods.product_of(goods.reviews())
    return goods.entitled(product), goods.entitled(product)


@pytest.mark.parametrize("code", ["csv", "jsonl", "parquet"])
def test_every_real_row_stays_and_the_copy_is_traced_to_its_order(code: str, tmp_path: Path) -> None:
    mine, theirs = two_buyers()
    copy, other = copy_of(mine, code), copy_of(theirs, code)
    export = copy.export
    assert len({copy.sha256, other.sha256, export.sha256}) == 3
    body, plain = objects.get(copy.object_key), objects.get(export.object_key)
    assert goods.sha256(body) == copy.sha256
    rows, real = table(body, code, tmp_path), table(plain, code, tmp_path)
    assert len(copy.canaries) == 12
    assert len(rows) == len(real) + 12
    assert all(row in rows for row in real)
    assert not any(word in body.decode("utf-8", "ignore").lower() for word in ("canary", mine.number.lower()))
    assert copy_of(mine, code) == copy
    found = traced(tmp_path / "leak", body)
    assert [(each.entitlement, each.how) for each in found.proven] == [(mine, "file")]


def table(body: bytes, code: str, folder: Path) -> list[dict[str, object]]:
    if code == "csv":
        return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))
    if code == "jsonl":
        return [json.loads(line) for line in body.splitlines()]
    place = folder / "read.parquet"
    place.write_bytes(body)
    with duckdb.connect() as connection:
        found = connection.execute("SELECT * FROM read_parquet(?)", [str(place)])
        names = [each[0] for each in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_shuffled_cut_in_half_without_columns_and_renamed_it_is_still_known(tmp_path: Path) -> None:
    mine, theirs = two_buyers()
    rows = table(objects.get(copy_of(mine, "csv").object_key), "csv", tmp_path)
    copy_of(theirs, "csv")
    draw = random.Random(7)
    draw.shuffle(rows)
    half = rows[: len(rows) // 2]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";")
    writer.writerow(["内容", "类别"])
    writer.writerows([row["text"], row["labels"]] for row in half)
    found = traced(tmp_path / "leak.csv", out.getvalue().encode("gb18030"))
    (evidence,) = found.proven
    assert (evidence.entitlement, evidence.how, evidence.total) == (mine, "rows", 12)
    assert 2 <= evidence.found <= 12
    assert found.row_count == len(half) + 1


def test_unmarked_data_and_originals_give_nothing(tmp_path: Path) -> None:
    mine, theirs = two_buyers()
    for code in ("csv", "jsonl", "parquet"):
        copy_of(mine, code), copy_of(theirs, code)
    for export in Export.objects.all():
        found = traced(tmp_path / "plain", objects.get(export.object_key))
        assert found.evidence == []
    version = selectors.version_in(mine)
    original = version.files.get(path="rows.jsonl")
    assert traced(tmp_path / "rows.jsonl", objects.get(original.object_key)).original == "rows.jsonl"
    others = "".join(goods.sentence(number) + "\n" for number in range(5_000, 9_000))
    assert traced(tmp_path / "others.txt", others.encode()).evidence == []
    assert traced(tmp_path / "noise.bin", random.Random(1).randbytes(50_000)).evidence == []
    assert traced(tmp_path / "broken.parquet", b"PAR1" + b"x" * 100).evidence == []
    assert traced(tmp_path / "empty", b"").evidence == []


def test_one_mark_alone_is_no_proof(tmp_path: Path) -> None:
    mine, _theirs = two_buyers()
    copy = copy_of(mine, "jsonl")
    found = traced(tmp_path / "leak", next(iter(copy.canaries[0].values())).encode())
    assert [(each.found, each.is_proven) for each in found.evidence] == [(1, False)]
    assert found.proven == []


def test_the_buyer_gets_its_own_copy_with_its_own_hash_and_the_originals_stay() -> None:
    mine, _theirs = two_buyers()
    order = mine.order
    assert order is not None
    services.make_format(by=cast.zhou(), at=NOON, order_id=order.pk, format="csv")
    copy_of(mine, "csv")
    made = services.make_format(by=cast.zhou(), at=NOON, order_id=order.pk, format="csv")
    assert isinstance(made, MarkedCopy)
    import urllib3

    _download, url = services.hand_out_format(by=cast.zhou(), at=NOON, order_id=order.pk, format="csv")
    assert goods.sha256(urllib3.request("GET", url).data) == made.sha256
    offer = next(
        each
        for each in selectors.offers_of(cast.zhou(), mine, selectors.version_in(mine))
        if each.kind.code == "csv"
    )
    assert offer.export is not None
    assert offer.export.sha256 == made.sha256
    file = selectors.version_in(mine).files.get(path="rows.jsonl")
    _download, url = services.hand_out_link(by=cast.zhou(), at=NOON, order_id=order.pk, file_id=file.pk)
    assert goods.sha256(urllib3.request("GET", url).data) == file.sha256


def test_the_supplier_switches_marks_off_for_its_own_product_only() -> None:
    mine, _theirs = two_buyers()
    order, version = mine.order, selectors.version_in(mine)
    assert order is not None
    assert selectors.gets_marks(mine, version, "csv")
    assert not selectors.gets_marks(mine, version, "conll")
    for who, refusal in ((cast.he(), NotFound), (cast.zhou(), NotFound), (cast.mei(), NotAllowed)):
        with pytest.raises(refusal):
            catalogue.set_marking(by=who, at=NOON, product_id=mine.product_id, is_marked=False)
    catalogue.set_marking(by=cast.lin(), at=NOON, product_id=mine.product_id, is_marked=False)
    assert selectors.gets_marks(mine, version, "csv")  # as its contract says
    assert mine.order is not None
    assert "识别标记" in mine.order.contract.text
    mine = goods.entitled(mine.product)
    order = mine.order
    assert order is not None
    assert "识别标记" not in order.contract.text + mine.licence_text
    assert not selectors.gets_marks(mine, version, "csv")
    services.make_format(by=cast.zhou(), at=NOON, order_id=order.pk, format="csv")
    assert MarkedCopy.objects.count() == 0


def test_a_metadata_document_bears_the_buyers_tag_and_a_supplier_traces_its_own_alone(tmp_path: Path) -> None:
    mine, _theirs = two_buyers()
    assert mine.order is not None
    client = Client()
    client.force_login(cast.zhou().user)
    for name in ("croissant.json", "dcat.jsonld", "datapackage.json", "prov.ttl"):
        answer = client.get(f"/deliveries/{mine.order.pk}/metadata/{name}")
        if answer.status_code == 404:
            continue
        for by in (cast.gu(), cast.lin()):
            (evidence,) = traced(tmp_path / name, answer.content, by).proven
            assert (evidence.entitlement, evidence.how) == (mine, "tag")
        assert traced(tmp_path / name, answer.content, cast.he()).evidence == []
    with pytest.raises(NotAllowed):
        traced(tmp_path / "x", b"x", cast.zhou())


def test_the_page_tells_the_evidence(tmp_path: Path) -> None:
    mine, _theirs = two_buyers()
    body = objects.get(copy_of(mine, "csv").object_key)
    client = Client()
    client.force_login(cast.lin().user)
    answer = client.post("/deliveries/trace/", {"file": SimpleUploadedFile("leak.csv", body)})
    assert answer.status_code == 200
    assert mine.number in answer.content.decode()
    client.force_login(cast.zhou().user)
    assert client.get("/deliveries/trace/").status_code == 403


@given(seed=st.integers(0, 2**64), count=st.integers(50, 120))
def test_strong_cells_are_in_no_real_row_whatever_the_texts(seed: int, count: int) -> None:
    draw = random.Random(seed)
    rows = ["".join(draw.choices("东西南北，。 ab", k=draw.randint(8, 40))) for _row in range(count)]
    table = [{"id": number, "text": text} for number, text in enumerate(rows)]

    def exists(wanted: set[str]) -> set[str]:
        return {marks.plain(cell) for row in table for cell in row.values()} & wanted

    made = marks.make_canaries(table, total=len(table), draws=marks.Draws(b"k", "DD-1"), exists=exists)
    again = marks.make_canaries(table, total=len(table), draws=marks.Draws(b"k", "DD-1"), exists=exists)
    assert made == again
    search = marks.Search({"one": [each.strong for each in made]})
    for row in table:
        search.look(row.values())
    assert search.found == {}


def test_numbers_are_marked_where_they_are_fine_enough_and_small_tables_are_not() -> None:
    draw = random.Random(3)
    table = [
        {"id": f"r{n:05d}", "x": round(draw.uniform(20, 30), 6), "class": "ab"[n % 2]} for n in range(300)
    ]
    none = {"exists": lambda wanted: set(), "draws": marks.Draws(b"k", "a")}
    made = marks.make_canaries(table, total=300, **none)
    assert len(made) == 12
    low, high = min(row["x"] for row in table), max(row["x"] for row in table)
    assert all(low <= each.row["x"] <= high + 0.001 for each in made)
    assert all(each.row["id"].startswith("r00") and each.row["class"] in "ab" for each in made)
    assert marks.make_canaries(table[:30], total=30, **none) == []
    coarse = [{"class": "ab"[n % 2], "count": n % 7} for n in range(300)]
    assert marks.make_canaries(coarse, total=300, **none) == []
