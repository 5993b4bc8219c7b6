"""A firm's own tables and annotations go out in every format that can carry them; of the others the reason is exact."""

from __future__ import annotations

import io
import json
import logging
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.core.cache import cache
from PIL import Image

from assets.datasets.models import DatasetVersion
from assets.exports import selectors, services
from assets.exports.formats.kinds import FORMATS
from assets.exports.models import Export
from documents import objects
from tests.assets.exports import scenes
from tests.assets.exports.test_metadata import loaded, plain, unpacked
from tests.assets.uploads.making import sealed
from tests.cast import NOON

pytestmark = pytest.mark.django_db

TRADES = "编号,工号,金额,日期,备注\n1,007,2.50,2026-03-01,好\n2,012,3,2026-03-02,\n"
ROWS_FORMATS = ["jsonl", "parquet", "csv"]
ANNOTATED = ["jsonl", "parquet", "label_studio", "csv"]


@pytest.fixture(autouse=True)
def fresh_cache() -> None:
    cache.clear()


def produced(version: DatasetVersion, code: str) -> Export:
    return services.produce(version_id=version.pk, format=code, at=NOON, advance=lambda _count: None)


def bytes_of(version: DatasetVersion, code: str) -> bytes:
    return objects.get(produced(version, code).object_key)


def lines_of(version: DatasetVersion) -> list[dict[str, Any]]:
    return [json.loads(line) for line in bytes_of(version, "jsonl").splitlines()]


def parquet_of(version: DatasetVersion, folder: Path) -> tuple[dict[str, str], list[tuple[Any, ...]]]:
    """Columns with their kinds, and the rows."""
    path = folder / "export.parquet"
    path.write_bytes(bytes_of(version, "parquet"))
    read = f"read_parquet('{path}')"
    told = duckdb.sql(f"DESCRIBE SELECT * FROM {read}").fetchall()
    return {row[0]: row[1] for row in told}, duckdb.sql(f"SELECT * FROM {read}").fetchall()


def archive_of(version: DatasetVersion, code: str) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(bytes_of(version, code))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def fits(version: DatasetVersion) -> list[str]:
    found = selectors.fitting(version)
    return [code for code in FORMATS if found[code] is None]


def reason(version: DatasetVersion, code: str) -> str:
    unfit = selectors.fitting(version)[code]
    assert unfit is not None
    with pytest.raises(services.FormatUnfit) as refused:
        produced(version, code)
    assert str(refused.value).endswith(unfit.words)
    return unfit.words


def parquet_file(folder: Path, query: str) -> bytes:
    path = folder / "made.parquet"
    duckdb.sql(query).write_parquet(str(path))
    return path.read_bytes()


# --- tables -------------------------------------------------------------------------------------


def test_a_csv_goes_out_as_parquet_jsonl_and_csv_and_no_value_changes(tmp_path: Path) -> None:
    version = sealed({"交易.csv": TRADES.encode()})
    assert fits(version) == ["folder", *ROWS_FORMATS]
    kinds, rows = parquet_of(version, tmp_path)
    assert kinds == {
        "编号": "BIGINT", "工号": "VARCHAR", "金额": "DOUBLE", "日期": "DATE", "备注": "VARCHAR",
    }  # fmt: skip
    assert [row[:3] for row in rows] == [(1, "007", 2.5), (2, "012", 3.0)]
    assert [row[4] for row in rows] == ["好", None]
    assert lines_of(version) == [
        {"编号": 1, "工号": "007", "金额": 2.5, "日期": "2026-03-01", "备注": "好"},
        {"编号": 2, "工号": "012", "金额": 3.0, "日期": "2026-03-02", "备注": None},
    ]
    told = bytes_of(version, "csv").decode()
    assert told.splitlines() == [
        "\ufeff编号,工号,金额,日期,备注",
        "1,007,2.5,2026-03-01,好",
        "2,012,3.0,2026-03-02,",
    ]


def test_files_of_the_same_columns_are_one_table_whatever_their_form(tmp_path: Path) -> None:
    version = sealed(
        {
            "a.csv": b"text,n\nfirst,1\n",
            "b/c.jsonl": b'{"n": 2, "text": "second"}\n{"n": 3, "text": "third"}',
            "d.parquet": parquet_file(tmp_path, "SELECT 4 AS n, 'fourth' AS text"),
            "e.tsv": b"n\ttext\n5\tfifth\n",
        }
    )
    _kinds, rows = parquet_of(version, tmp_path)
    assert rows == [("first", 1), ("second", 2), ("third", 3), ("fourth", 4), ("fifth", 5)]
    assert [row["n"] for row in lines_of(version)] == [1, 2, 3, 4, 5]


def test_json_lines_go_out_byte_for_byte_one_file_or_several() -> None:
    first, second = b'{"n": 1.0, "at": "2026-03-01T08:00:00+08:00"}\n', b'{"at":"x","n":12345678901234567890}'
    assert bytes_of(sealed({"a.jsonl": first}), "jsonl") == first
    assert bytes_of(sealed({"a.jsonl": first, "b.jsonl": second}), "jsonl") == first + second + b"\n"


def test_the_csv_of_own_data_runs_nothing_in_a_spreadsheet() -> None:
    body = '{"text": "=1+1", "list": ["=2"], "n": -5}\n{"text": "＋3", "list": [], "n": 2}\n'
    told = bytes_of(sealed({"a.jsonl": body.encode()}), "csv").decode()
    assert told.splitlines() == ["\ufefftext,list,n", '\'=1+1,"[""=2""]",-5', "'＋3,[],2"]


def test_the_same_version_gives_the_same_bytes_each_time() -> None:
    version = sealed({"a.csv": b"n\n" + b"".join(b"%d\n" % n for n in range(5_000))})
    first = {code: bytes_of(version, code) for code in ROWS_FORMATS}
    again = sealed({"a.csv": b"n\n" + b"".join(b"%d\n" % n for n in range(5_000))})
    assert {code: bytes_of(again, code) for code in ROWS_FORMATS} == first


def test_why_a_format_is_impossible_is_said_exactly(tmp_path: Path) -> None:
    table = sealed({"a.csv": b"n\n1\n"})
    unannotated = "这个版本的文件里没有标注结果（rows.jsonl 或 Label Studio 导出的 JSON）。"
    assert reason(table, "coco") == reason(table, "conll") == unannotated
    images = sealed({"1.png": scenes.picture(1), "2.png": scenes.picture(2)})
    assert fits(images) == ["folder"]
    assert reason(images, "coco") == "这个版本有 2 张图像，但没有框、多边形等标注结果。"
    assert reason(images, "parquet") == "这个版本只有 2 张图像，没有表格，按原文件交付。"
    differing = sealed({"a.csv": b"n\n1\n", "b.csv": b"m\n1\n"})
    assert "（a.csv, b.csv）" in reason(differing, "csv")
    assert reason(sealed({"a.csv": b"n,m\n"}), "jsonl") == "表格里没有数据行。"
    assert reason(sealed({"说明.txt": b"x"}), "csv").startswith("这个版本没有表格")
    ragged = sealed({"好.csv": b"n,m\n" + b"1,2\n" * 30_000 + b"1,2,3,4\n" * 3})
    assert reason(ragged, "parquet").startswith("“好.csv”不能按表格读出。")


def test_a_large_version_is_judged_by_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    version = sealed({"a.csv": b"n\n1\n", "b.csv": b"m\n1\n"})
    monkeypatch.setattr(selectors, "MEASURED_AT_ONCE", 0)
    assert fits(version) == ["folder", *ROWS_FORMATS]  # as far as the names tell
    with pytest.raises(services.FormatUnfit):
        produced(version, "csv")
    assert fits(version) == ["folder"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib.*", "ignore::DeprecationWarning:mlcroissant.*")
def test_mlcroissant_loads_the_tables_of_own_data(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "out").mkdir()
    version = sealed(
        {
            "交易.csv": TRADES.encode(),
            "rows.jsonl": '{"text": "早餐丰富", "label": "正面", "stars": 5}\n'.encode(),
            "表/a.parquet": parquet_file(tmp_path, "SELECT 7 AS n, 'x' AS s, true AS b"),
        }
    )
    folder = unpacked(version, tmp_path / "out")
    with caplog.at_level(logging.WARNING):
        dataset = loaded(folder)
    assert not dataset.metadata.ctx.issues.errors
    assert caplog.text == ""
    sets = {each.id: {field.name for field in each.fields} for each in dataset.metadata.record_sets}
    assert sets.pop("表-a-parquet") == {"n", "s", "b"}  # its rows need a Parquet engine beside the library
    found = {name: [plain(row) for row in dataset.records(name)] for name in sets}
    assert found["rows"] == [{"text": "早餐丰富", "label": "正面", "stars": 5}]
    assert [(row["编号"], row["金额"], row["备注"]) for row in found["交易-csv"]] == [
        (1, 2.5, "好"), (2, 3.0, None),
    ]  # fmt: skip
    told = json.loads((folder / "croissant.json").read_text())
    (parquet,) = (each for each in told["distribution"] if each["@id"].endswith(".parquet"))
    assert parquet["encodingFormat"] == "application/x-parquet"
    fields = {f["@id"]: f for each in told["recordSet"] for f in each["field"]}
    assert fields["交易-csv/工号"]["dataType"] == "sc:Text"
    assert fields["交易-csv/编号"]["description"] == {
        "zh-Hans": "交易.csv 中的字段",
        "en": "Field of 交易.csv",
    }


def test_a_table_too_large_to_read_for_the_metadata_is_told_by_the_dictionary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version = sealed({"交易.csv": TRADES.encode()})
    monkeypatch.setattr(selectors, "TABLE_LIMIT", 1)
    (table,) = selectors.told_of(version).tables
    assert [(column.name, column.kind) for column in table.columns][:3] == [
        ("编号", "integer"), ("工号", "integer"), ("金额", "number"),
    ]  # fmt: skip


# --- annotations --------------------------------------------------------------------------------


def turned_picture() -> bytes:
    """100 wide and 200 high on the disk, 200 × 100 as it is shown."""
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (100, 200), (9, 9, 9)).save(out, "JPEG", exif=exif)
    return out.getvalue()


def test_own_rows_with_boxes_become_coco_yolo_and_voc() -> None:
    rows = [
        {"id": "x1", "item": "images/1.png", "result": [scenes.box("车", 10, 20, 30, 40)]},
        {"id": "x2", "item": "images/2.jpg", "result": []},
    ]
    version = sealed(
        {
            "rows.jsonl": "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode(),
            "images/1.png": scenes.picture(1),
            "images/2.jpg": turned_picture(),
        }
    )
    assert fits(version) == ["folder", *ANNOTATED, "coco", "yolo", "yolo_obb", "voc"]
    assert reason(version, "conll") == "无文本片段标注。"
    coco = archive_of(version, "coco")
    told = json.loads(coco["annotations/instances.json"])
    assert [(i["file_name"], i["width"], i["height"]) for i in told["images"]] == [
        ("images/1.png", 200, 100),
        ("images/2.jpg", 200, 100),
    ]
    assert [(a["image_id"], a["bbox"]) for a in told["annotations"]] == [(1, [20.0, 20.0, 60.0, 40.0])]
    assert [c["name"] for c in told["categories"]] == ["车"]
    assert coco["images/images/1.png"] == scenes.picture(1)
    assert archive_of(version, "yolo")["labels/images/1.txt"] == b"0 0.25 0.4 0.3 0.4\n"
    assert "Annotations/images/2.xml" in archive_of(version, "voc")


def label_studio(*tasks: dict[str, Any]) -> bytes:
    return json.dumps(list(tasks), ensure_ascii=False).encode()


def annotated(result: list[dict[str, Any]], who: Any = 7, **more: Any) -> dict[str, Any]:
    return {"id": 3, "completed_by": who, "result": result, **more}


def test_results_of_label_studio_find_their_images_and_name_nobody() -> None:
    who = {"id": 7, "email": "someone@example.com"}
    version = sealed(
        {
            "result.json": label_studio(
                {"id": 1, "data": {"image": "/data/upload/1/0a1b2c3d-1.png"},
                 "annotations": [annotated([scenes.box("人", 0, 0, 50, 50)], who)]},
                {"id": 2, "data": {"image": "/data/local-files/?d=root/images/2.png"},
                 "annotations": [annotated([scenes.outline("路面", (0, 0), (50, 0), (50, 50))], 9),
                                 annotated([], 9, was_cancelled=True)]},
                {"id": 3, "data": {"image": "s3://bucket/3.png"}, "annotations": []},
            ),
            "images/1.png": scenes.picture(1),
            "images/2.png": scenes.picture(2),
        }
    )  # fmt: skip
    assert fits(version) == ["folder", *ANNOTATED, "coco", "yolo_seg"]
    told = json.loads(archive_of(version, "coco")["annotations/instances.json"])
    assert [image["file_name"] for image in told["images"]] == ["images/1.png", "images/2.png"]
    assert [each["attributes"]["annotator"] for each in told["annotations"]] == ["A001", "A002"]
    rows = lines_of(version)
    assert [(row["id"], row["item"], row["labels"]) for row in rows] == [
        ("1-3", "images/1.png", ["人"]),
        ("2-3", "images/2.png", ["路面"]),
    ]
    assert "someone@example.com" not in json.dumps(rows)
    assert bytes_of(version, "csv").decode().splitlines()[1].startswith("1-3,images/1.png,")
    assert archive_of(version, "yolo_seg")["images/images/2.png"] == scenes.picture(2)


def test_spans_of_label_studio_become_conll() -> None:
    text = "清远市新区"
    task = {
        "id": 1,
        "data": {"title": "标题", "正文": text},
        "annotations": [annotated([scenes.span("地名", 0, 3, text)])],
    }
    version = sealed({"tasks.jsonl": json.dumps(task, ensure_ascii=False).encode()})
    assert "conll" in fits(version)
    assert "coco" not in fits(version)
    lines = archive_of(version, "conll")["bio.conll"].decode().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == [
        "清\tB-地名", "远\tI-地名", "市\tI-地名", "新\tO", "区\tO",
    ]  # fmt: skip


def test_items_that_lead_out_are_no_paths_of_an_archive() -> None:
    rows = [
        {"item": path, "result": [scenes.box("车", 1, 1, 1, 1)]}
        for path in ("../../etc/passwd", "C:\\x.png", "", "nowhere.png")
    ]
    version = sealed({"rows.jsonl": "\n".join(json.dumps(row) for row in rows).encode()})
    told = json.loads(archive_of(version, "coco")["annotations/instances.json"])
    assert [i["file_name"] for i in told["images"]] == [
        "nowhere.png", "rows/r000001", "rows/r000002", "rows/r000003",
    ]  # fmt: skip


def test_a_broken_annotation_is_named_by_its_line() -> None:
    good = {"item": "1.png", "result": [scenes.box("车", 1, 1, 1, 1)]}
    bad = {"item": "1.png", "result": [{"type": "rectanglelabels", "value": {"rectanglelabels": ["车"]}}]}
    version = sealed({"rows.jsonl": f"{json.dumps(good)}\n{json.dumps(bad)}\n".encode()})
    assert reason(version, "coco") == "标注结果“rows.jsonl:2”不完整，读不出标注。请修正后封版新版本。"
    assert "jsonl" in fits(version)  # the table is there all the same


def test_a_product_page_promises_of_unmeasured_own_data_only_what_is_sure() -> None:
    one, several = sealed({"a.csv": b"n\n1\n"}), sealed({"a.csv": b"n\n1\n", "b.csv": b"m\n1\n"})
    assert [kind.code for kind in selectors.formats_offered(one)] == ["folder", *ROWS_FORMATS]
    assert [kind.code for kind in selectors.formats_offered(several)] == ["folder"]
