"""Exports are made once, by a job, for those whose version it is; every download leaves a record."""

from __future__ import annotations

import hashlib
import io
import json
import urllib.request
import zipfile
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from annotation.labelstudio import importing
from annotation.labelstudio.rules import parse_config
from assets.datasets import services as datasets
from assets.datasets.models import DatasetVersion
from assets.datasets.states import DATASET_VERSION
from assets.exports import selectors, services
from assets.exports.facts import register_facts
from assets.exports.formats.kinds import FORMATS
from assets.exports.metadata.told import Facts, Step
from assets.exports.models import Export
from audit.models import AuditEvent
from config import walks
from documents import objects
from jobs.models import Job
from kernel.errors import NotAllowed, NotFound
from kernel.numbers import new_number
from tests import cast
from tests.assets.conftest import TEXTS, client_of, new_dataset, sealed_version
from tests.assets.exports import scenes
from tests.cast import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_cache() -> None:
    cache.clear()


def produced(version: DatasetVersion, code: str) -> Export:
    return services.produce(version_id=version.pk, format=code, at=NOON, advance=lambda _count: None)


def files_of(export: Export) -> dict[str, bytes]:
    """The files of a made archive."""
    with zipfile.ZipFile(io.BytesIO(objects.get(export.object_key))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def post(client: Client, name: str, *args: object) -> Any:
    return client.post(reverse(name, args=args), {"idempotency_key": str(uuid4())})


# --- making -------------------------------------------------------------------------------------


def test_a_version_is_written_in_a_format_once(django_capture_on_commit_callbacks: Any) -> None:
    version = sealed_version()
    with django_capture_on_commit_callbacks(execute=True):
        job = services.make(by=cast.lin(), at=NOON, version_id=version.pk, format="csv")
    assert isinstance(job, Job)
    job.refresh_from_db()
    assert (job.state, job.result_url) == ("succeeded", reverse("exports:version", args=[version.pk]))
    made = services.make(by=cast.lin(), at=NOON, version_id=version.pk, format="csv")
    assert isinstance(made, Export)
    body = objects.get(made.object_key)
    assert (made.sha256, made.size) == (hashlib.sha256(body).hexdigest(), len(body))
    assert made.object_key == f"exports/{made.sha256[:2]}/{made.sha256}"
    assert Export.objects.count() == 1
    assert AuditEvent.objects.filter(action="exports.made", subject_id=version.pk).count() == 1


def test_asking_twice_while_it_is_written_gives_the_same_job() -> None:
    version = sealed_version()
    first = services.make(by=cast.lin(), at=NOON, version_id=version.pk, format="parquet")
    again = services.make(by=cast.lin(), at=NOON, version_id=version.pk, format="parquet")
    assert first.pk == again.pk
    assert Job.objects.filter(kind=selectors.JOB_KIND).count() == 1


def test_a_second_delivery_of_the_job_writes_nothing_new() -> None:
    version = sealed_version()
    assert produced(version, "csv").pk == produced(version, "csv").pk


@pytest.mark.parametrize("code", ["folder", "parquet", "coco", "yolo_obb", "voc"])
def test_the_same_version_gives_the_same_bytes(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    version = scenes.street()
    first = produced(version, code)
    monkeypatch.setitem(FORMATS, code, replace(FORMATS[code], format_version=99))
    again = produced(version, code)
    assert (again.pk != first.pk, again.sha256) == (True, first.sha256)


def test_jsonl_is_the_sealed_file_itself() -> None:
    version = sealed_version()
    assert produced(version, "jsonl").object_key == version.files.get(path="rows.jsonl").object_key


def test_the_whole_folder_holds_every_file_the_manifest_and_the_metadata() -> None:
    version = scenes.street()
    found = files_of(produced(version, "folder"))
    for file in version.files.all():
        assert hashlib.sha256(found.pop(file.path)).hexdigest() == file.sha256
    assert hashlib.sha256(found.pop("manifest.json")).hexdigest() == version.root_hash
    assert sorted(found) == ["croissant.json", "datapackage.json", "dcat.jsonld", "prov.jsonld", "prov.ttl"]


def test_coco_and_yolo_take_classes_from_the_config_and_images_along() -> None:
    version = scenes.street()
    found = files_of(produced(version, "coco"))
    told = json.loads(found["annotations/instances.json"])
    assert [each["name"] for each in told["categories"]] == ["车", "人"]
    assert [(each["file_name"], each["width"], each["height"]) for each in told["images"]] == [
        ("items/000001.png", 200, 100),
        ("items/000002.png", 200, 100),
    ]
    assert [each["attributes"]["annotator"] for each in told["annotations"]] == ["A001+A002", "A001+A002"]
    assert found["images/items/000001.png"] == scenes.picture(1)
    labels = files_of(produced(version, "yolo_obb"))
    assert labels["labels/items/000001.txt"].splitlines() == [
        b"1 0.1 0.2 0.1 0.8 -0.1 0.8 -0.1 0.2",
        b"0 0 0 0.5 0 0.5 0.5 0 0.5",
    ]
    assert "labels-2/items/000001.txt" not in labels  # merged: nobody's answer stands beside it
    assert labels["labels/items/000002.txt"] == b""


def test_conll_keeps_the_place_inside_the_institution() -> None:
    lines = files_of(produced(scenes.news(), "conll"))["bioes.conll"].decode().splitlines()
    assert lines[4:8] == [
        "清\tB-机构\tB-地名",
        "远\tI-机构\tI-地名",
        "市\tI-机构\tE-地名",
        "清\tI-机构\tB-地名",
    ]
    assert lines[12:] == ["公\tO\tO", "布\tO\tO", "名\tO\tO", "单\tO\tO", ""]


def test_a_file_that_was_changed_in_the_store_stops_the_export() -> None:
    version = sealed_version(texts=("只在导出测试里出现的评论。",))
    file = version.files.get(path="items/000001.txt")
    objects.put_stream(file.object_key, io.BytesIO(b"changed"), 7, "text/plain")
    with pytest.raises(services.ContentAltered):
        produced(version, "folder")
    assert not Export.objects.exists()


def test_rows_too_many_to_measure_at_once_are_judged_by_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    version = scenes.street()
    monkeypatch.setattr(selectors, "MEASURED_AT_ONCE", 0)
    assert selectors.fitting(version)["yolo"] is None  # may fit, as far as the config tells
    assert selectors.fitting(version)["conll"] is not None
    with pytest.raises(services.FormatUnfit) as refused:
        produced(version, "yolo")
    assert str(refused.value) == "这个版本不能导出为 YOLO：有 1 个旋转框，请用 YOLO-OBB。"
    assert selectors.fitting(version)["yolo"] is not None  # measured now


def own_version(**files: bytes) -> DatasetVersion:
    """A sealed version of 清蓝's own files, from no project."""
    dataset = new_dataset()
    version = DatasetVersion.objects.create(
        dataset=dataset, version=1, root_hash="0" * 64, row_count=2, file_count=len(files), byte_count=1
    )
    for name, body in files.items():
        path = name.replace("__", ".")
        stored = objects.put("datasets/files", body, "text/csv")
        version.files.create(
            path=path, size=stored.size, sha256=stored.sha256, object_key=stored.key, media_type="text/csv"
        )
    version.sealed_at = NOON
    DATASET_VERSION.move(version, "seal", by=cast.lin(), at=NOON, update_fields=["sealed_at"])
    return version


def test_own_data_goes_as_it_is_with_its_tables_described() -> None:
    version = own_version(
        trades__csv="编号,金额,城市\n1,2.5,清远\n".encode(), rows__jsonl=b'{"a": 1, "b": ["x"]}\n'
    )
    found = selectors.fitting(version)
    assert [code for code in FORMATS if found[code] is None] == ["folder"]
    told = selectors.told_of(version)
    assert {table.path: [(c.name, c.kind) for c in table.columns] for table in told.tables} == {
        "rows.jsonl": [("a", "integer"), ("b", "list")],
        "trades.csv": [("编号", "integer"), ("金额", "number"), ("城市", "string")],
    }
    assert client_of(cast.lin()).get(reverse("exports:version", args=[version.pk])).status_code == 200


def test_a_product_page_tells_the_formats_without_reading_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    turned, told = (
        scenes.street(),
        ["folder", "jsonl", "parquet", "label_studio", "csv", "coco", "yolo_obb", "voc"],
    )
    with monkeypatch.context() as patched:
        patched.delattr(objects, "stream")
        may_fit = [kind.code for kind in selectors.formats_offered(turned)]
    assert may_fit == [*told[:6], "yolo", *told[6:]]  # nobody has counted turned boxes yet
    selectors.known_shape(turned)
    assert [kind.code for kind in selectors.formats_offered(turned)] == told


# --- refusals -----------------------------------------------------------------------------------


def test_nobody_else_makes_or_gets_an_export() -> None:
    version = sealed_version()
    produced(version, "csv")
    for work in (services.make, services.hand_out):
        for stranger in (cast.he(), cast.zhou(), cast.gu()):
            with pytest.raises(NotFound):
                work(by=stranger, at=NOON, version_id=version.pk, format="csv")
        for onlooker in (cast.tao(), cast.yan()):
            with pytest.raises(NotAllowed):
                work(by=onlooker, at=NOON, version_id=version.pk, format="csv")
    with pytest.raises(NotFound):
        selectors.export_for(cast.he(), version.pk, "csv")
    assert selectors.export_for(cast.yan(), version.pk, "csv") is not None
    assert not Job.objects.filter(kind=selectors.JOB_KIND).exists()
    assert not AuditEvent.objects.filter(action="exports.download").exists()


def test_what_does_not_fit_is_refused_with_the_reason() -> None:
    version = sealed_version()
    with pytest.raises(services.FormatUnfit) as refused:
        services.make(by=cast.lin(), at=NOON, version_id=version.pk, format="voc")
    assert str(refused.value) == "这个版本不能导出为 Pascal VOC：无框标注。"
    with pytest.raises(services.UnknownFormat):
        services.make(by=cast.lin(), at=NOON, version_id=version.pk, format="docx")
    with pytest.raises(services.NotMade):
        services.hand_out(by=cast.lin(), at=NOON, version_id=version.pk, format="csv")
    assert not Job.objects.filter(kind=selectors.JOB_KIND).exists()


def test_a_withdrawn_version_gives_no_new_export() -> None:
    version = sealed_version()
    datasets.withdraw(by=cast.lin(), at=NOON, version_id=version.pk, reason="来源方收回授权")
    with pytest.raises(services.VersionNotOpen):
        services.make(by=cast.lin(), at=NOON, version_id=version.pk, format="csv")
    told = client_of(cast.lin()).get(reverse("exports:version", args=[version.pk])).content.decode()
    assert "这个版本已撤回，不再生成新的导出文件。" in told
    assert "/make/" not in told


def test_a_made_export_is_never_changed() -> None:
    produced(sealed_version(), "csv")
    for statement in ("UPDATE exports_export SET size = 1", "DELETE FROM exports_export"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


# --- handing out --------------------------------------------------------------------------------


def test_a_download_is_a_link_and_leaves_a_record() -> None:
    version = sealed_version()
    made = produced(version, "csv")
    link = services.hand_out(by=cast.lin(), at=NOON, version_id=version.pk, format="csv")
    with urllib.request.urlopen(link) as answer:
        assert hashlib.sha256(answer.read()).hexdigest() == made.sha256
        assert f"{version.dataset.number}-v1-csv.csv" in answer.headers["Content-Disposition"]
    event = AuditEvent.objects.get(action="exports.download")
    assert (event.user_id, event.detail) == (cast.lin().user_id, {"format": "csv", "sha256": made.sha256})


def test_a_domain_above_may_have_it_made_and_handed_to_its_buyer(
    django_capture_on_commit_callbacks: Any,
) -> None:
    version = sealed_version()
    with django_capture_on_commit_callbacks(execute=True):
        job = services.queue_export(
            by=cast.zhou(), at=NOON, version=version, format="folder", back="/orders/"
        )
    assert job.organization == cast.zhou().organization  # type: ignore[union-attr]
    made = selectors.export_of(version.pk, "folder")
    assert made is not None
    with urllib.request.urlopen(services.link_to(by=cast.zhou(), at=NOON, export=made)) as answer:
        assert hashlib.sha256(answer.read()).hexdigest() == made.sha256


# --- pages --------------------------------------------------------------------------------------


def test_the_page_says_which_formats_there_are_and_why_others_are_not() -> None:
    version = sealed_version()
    produced(version, "csv")
    told = client_of(cast.lin()).get(reverse("exports:version", args=[version.pk])).content.decode()
    for code in FORMATS:
        assert (reverse("exports:download", args=[version.pk, code]) in told) is (code == "csv")
        assert (reverse("exports:make", args=[version.pk, code]) in told) is (
            code in ("folder", "jsonl", "parquet", "label_studio")
        )
    assert told.count("不适用") == 6
    assert "无框标注。" in told
    assert "mlc.Dataset(&quot;croissant.json&quot;)" in told
    onlooker = client_of(cast.yan()).get(reverse("exports:version", args=[version.pk])).content.decode()
    assert "/make/" not in onlooker
    assert "/download/" not in onlooker


def test_a_press_makes_it_and_the_next_downloads_it(django_capture_on_commit_callbacks: Any) -> None:
    version, client = sealed_version(), client_of(cast.lin())
    address = reverse("exports:version", args=[version.pk])
    with django_capture_on_commit_callbacks(execute=True):
        assert post(client, "exports:make", version.pk, "csv")["Location"] == address
    assert "已生成" in client.get(address).content.decode()
    answer = post(client, "exports:download", version.pk, "csv")
    assert answer.status_code == 302
    assert "X-Amz-Signature" in answer["Location"]
    assert post(client, "exports:make", version.pk, "docx").status_code == 404
    assert post(client, "exports:download", version.pk, "parquet")["Location"] == address  # not made yet
    refused = post(client, "exports:make", version.pk, "voc")
    assert refused["Location"] == address
    assert "无框标注" in client.get(address).content.decode()


def test_a_failed_job_is_shown_with_its_reason_and_can_be_asked_again(
    django_capture_on_commit_callbacks: Any,
) -> None:
    version, client = sealed_version(texts=("另一条只在导出测试里出现的评论。",)), client_of(cast.lin())
    file = version.files.get(path="items/000001.txt")
    objects.put_stream(file.object_key, io.BytesIO(b"changed"), 7, "text/plain")
    with django_capture_on_commit_callbacks(execute=True):
        post(client, "exports:make", version.pk, "folder")
    told = client.get(reverse("exports:version", args=[version.pk])).content.decode()
    assert "存储中的“items/000001.txt”与封版时的哈希不一致" in told
    assert "再次生成" in told


def test_what_is_known_above_stands_in_the_chain_and_the_documents() -> None:
    version = sealed_version()
    register_facts(
        lambda _version: Facts(steps=(Step("sale-1", "成交", "Sale", NOON, new_number("DD", NOON)),))
    )
    try:
        page = client_of(cast.lin()).get(reverse("exports:version", args=[version.pk])).content.decode()
        assert ">成交<" in page
        told = client_of(cast.lin()).get(reverse("exports:metadata", args=[version.pk, "prov.ttl"]))
        assert "#sale-1>" in told.content.decode()
    finally:
        register_facts(walks.known_above)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("croissant.json", "application/ld+json"),
        ("dcat.jsonld", "application/ld+json"),
        ("datapackage.json", "application/json"),
        ("prov.jsonld", "application/ld+json"),
        ("prov.ttl", "text/turtle"),
    ],
)
def test_each_document_comes_in_its_media_type(name: str, media_type: str) -> None:
    version = sealed_version()
    for address in (
        reverse("exports:metadata", args=[version.pk, name]),
        f"/api/exports/versions/{version.pk}/metadata/{name}",
    ):
        answer = client_of(cast.lin()).get(address)
        assert answer["Content-Type"] == f"{media_type}; charset=utf-8"
        assert str(version.pk) in answer.content.decode()
        assert client_of(cast.he()).get(address).status_code == 404
    assert (
        client_of(cast.lin()).get(reverse("exports:metadata", args=[version.pk, "x.json"])).status_code == 404
    )


def test_the_dataset_leads_to_its_exports() -> None:
    version = sealed_version()
    told = client_of(cast.lin()).get(reverse("datasets:detail", args=[version.dataset_id])).content.decode()
    assert reverse("exports:version", args=[version.pk]) in told


def test_the_page_asks_the_database_a_constant_number_of_times(django_assert_max_num_queries: Any) -> None:
    few, many = sealed_version(texts=TEXTS[:1]), sealed_version()
    for code in ("csv", "folder"):
        produced(many, code)
    client = client_of(cast.lin())
    counts = []
    for version in (few, many):
        client.get(reverse("exports:version", args=[version.pk]))
        with django_assert_max_num_queries(40) as asked:
            client.get(reverse("exports:version", args=[version.pk]))
        counts.append(len(asked))
    assert counts[0] == counts[1]


# --- API ----------------------------------------------------------------------------------------


def test_the_api_lists_makes_and_links(django_capture_on_commit_callbacks: Any) -> None:
    version, client = sealed_version(), client_of(cast.lin())
    base = f"/api/exports/versions/{version.pk}"
    told = {each["format"]: each for each in client.get(base).json()}
    assert told["csv"]["state"] == "open"
    assert (told["voc"]["state"], told["voc"]["reason"]) == ("unfit", "无框标注。")

    def ask(path: str) -> Any:
        return client.post(f"{base}/formats/{path}", headers={"Idempotency-Key": str(uuid4())})

    with django_capture_on_commit_callbacks(execute=True):
        asked = ask("csv")
    assert (asked.status_code, asked.json()["state"]) == (202, "making")
    assert client.get(f"/api/jobs/{asked.json()['job']}").json()["state"] == "succeeded"
    made = ask("csv")
    assert (made.status_code, made.json()["state"]) == (200, "made")
    with urllib.request.urlopen(ask("csv/link").json()["url"]) as answer:
        assert hashlib.sha256(answer.read()).hexdigest() == made.json()["sha256"]
    assert (ask("voc").status_code, ask("voc").json()["title"]) == (422, "export_format_unfit")
    assert ask("docx").json()["title"] == "export_format_unknown"
    assert ask("jsonl/link").json()["title"] == "export_not_made"
    stranger = client_of(cast.he())
    assert stranger.get(base).status_code == 404
    assert stranger.post(f"{base}/formats/csv", headers={"Idempotency-Key": str(uuid4())}).status_code == 404


# --- what a format keeps ------------------------------------------------------------------------


def test_the_losses_stand_with_the_export_in_its_archive_and_before_it_is_chosen() -> None:
    version = scenes.street()
    before = selectors.losses_of(version)
    assert {code: (r.is_whole, r.row_count) for code, r in before.items()}["voc"] == (True, 2)
    made = produced(version, "coco")
    found = files_of(made)
    assert made.losses == json.loads(found["loss.json"])
    assert found["LOSS.md"].decode().startswith("# 格式损失报告\n")
    assert selectors.losses_of(version)["coco"].as_json() == made.losses
    assert made.losses["kinds"]["rotated"]["exact"] + made.losses["kinds"]["rotated"]["rounded"] == 1


def test_the_page_and_the_interface_tell_the_losses_to_the_firm_alone() -> None:
    version = scenes.news()
    page = client_of(cast.lin()).get(reverse("exports:losses", args=[version.pk]))
    told = page.content.decode()
    assert "嵌套或交叉的片段" in told
    assert "实测 1 条，共 1 条" in told
    assert "文本片段 1 个、嵌套或交叉的片段 2 个" in told  # CSV keeps their labels alone
    answer = client_of(cast.lin()).get(f"/api/exports/versions/{version.pk}/losses").json()
    kept = {each["format"]: each["is_whole"] for each in answer}
    assert kept == {
        "folder": True,
        "jsonl": True,
        "parquet": True,
        "label_studio": True,
        "csv": False,
        "conll": True,
    }
    assert client_of(cast.zhou()).get(f"/api/exports/versions/{version.pk}/losses").status_code == 404
    assert client_of(cast.zhou()).get(reverse("exports:losses", args=[version.pk])).status_code == 404


def test_label_studio_takes_its_tasks_back_as_they_were_labelled() -> None:
    version = scenes.news()
    body = objects.get(produced(version, "label_studio").object_key)
    (task,) = json.loads(body)
    assert task["data"] == {"text": scenes.NEWS}
    rows = [
        json.loads(line) for line in objects.get(version.files.get(path="rows.jsonl").object_key).splitlines()
    ]
    assert task["annotations"][0]["result"] == rows[0]["result"]
    assert task["annotations"][0]["completed_by"] == "A001"
    config = parse_config(scenes.SPANS)
    report = importing.Report()
    files = importing.Held({"tasks.json": body})
    (found,) = importing.SOURCES["label_studio"].reader(files, config, report)
    assert (found.result, report.fault_count) == (rows[0]["result"], 0)
