"""An upload becomes a version whose every file leads back to its source and authorisation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as configured

from assets.datasets.models import DatasetFile, DatasetVersion
from assets.datasets.services import verify_version, withdraw
from assets.uploads import services
from assets.uploads.models import StoredContent, Upload, UploadFile
from assets.uploads.services import sealing
from documents import objects
from jobs.models import Job
from jobs.services import run
from kernel import clock
from tests import cast
from tests.assets.conftest import new_dataset
from tests.assets.uploads.making import PNG, opened, seal, sealed, send, states
from tests.cast import NOON

pytestmark = pytest.mark.django_db
CSV = "text,label,stars\n早餐丰富,正面,5\n隔音很差,负面,\n位置方便,正面,4.5\n".encode()


class Killed(BaseException):
    """The worker dies."""


def test_the_version_holds_the_files_their_hashes_and_the_canonical_manifest() -> None:
    files = {"data/train.csv": CSV, "README.md": "# 说明\n".encode(), "img/a.png": PNG}
    version = sealed(files)
    assert (version.version, version.state, version.file_count, version.project) == (1, "sealed", 3, None)
    assert version.byte_count == sum(map(len, files.values()))
    assert {f.path: f.sha256 for f in version.files.all()} == {
        path: hashlib.sha256(body).hexdigest() for path, body in files.items()
    }
    manifest = objects.get(version.manifest_key)
    assert hashlib.sha256(manifest).hexdigest() == version.root_hash
    assert [e["path"] for e in json.loads(manifest)["entries"]] == [
        "README.md",
        "data/train.csv",
        "img/a.png",
    ]
    assert verify_version(version.pk).is_intact


def test_rows_labels_samples_and_fields_of_tables_are_counted() -> None:
    more = b'{"text": "r1", "label": ["\xe6\xad\xa3\xe9\x9d\xa2", "x"], "n": 1}\n\n{"text": "", "n": 2.5}\n'
    version = sealed({"a.csv": CSV, "b.jsonl": more, "README.md": b"x"})
    assert version.row_count == 5
    assert version.label_counts == {"正面": 3, "x": 1, "负面": 1}
    fields = {field["name"]: field for field in version.dictionary}
    assert {name: (f["type"], f["filled"], f["rows"]) for name, f in fields.items()} == {
        "text": ("string", 4, 5),
        "label": ("string", 4, 5),
        "stars": ("number", 2, 3),
        "n": ("number", 2, 2),
    }
    assert fields["text"]["description"] == "a.csv 等 2 个文件中的字段"
    assert version.sample[0] == {"id": "a.csv:1", "item": "a.csv", "text": "早餐丰富", "labels": ["正面"]}
    assert len(version.sample) == 5


def test_a_parquet_table_is_read(tmp_path: Any) -> None:
    import duckdb

    place = tmp_path / "rows.parquet"
    duckdb.sql(
        "SELECT range AS id, CASE WHEN range % 2 = 0 THEN 'a' ELSE 'b' END AS label, "
        "CASE WHEN range < 3 THEN 'x' END AS text FROM range(10)"
    ).write_parquet(str(place))
    version = sealed({"rows.parquet": place.read_bytes()})
    assert (version.row_count, version.label_counts) == (10, {"a": 5, "b": 5})
    assert {f["name"]: (f["type"], f["filled"]) for f in version.dictionary} == {
        "id": ("bigint", 10), "label": ("varchar", 10), "text": ("varchar", 3),
    }  # fmt: skip


def test_pictures_in_folders_have_the_folders_as_labels() -> None:
    version = sealed({"cat/1.png": PNG, "cat/2.png": PNG, "dog/1.png": PNG, "LICENSE": b"MIT"})
    assert (version.row_count, version.label_counts) == (3, {"cat": 2, "dog": 1})
    assert [field["name"] for field in version.dictionary] == ["path", "width", "height"]
    assert version.sample[0] == {"id": "1.png", "item": "cat/1.png", "labels": []}


def test_hostile_values_do_not_break_the_version() -> None:
    body = (
        b'{"label": "a\\u0000b", "text": "\\ud800", "n": 1e999, "k\\u0000": 123456789012345678901234567890}\n'
    )
    version = sealed({"a.jsonl": body})
    assert version.label_counts == {"a�b": 1}
    assert version.sample[0]["text"] == "?"


def test_a_version_leads_back_to_its_batches_and_their_authorisation() -> None:
    upload = opened()
    send(upload, {"a.csv": CSV})
    services.add_batch(
        by=cast.lin(), at=NOON, upload_id=upload.pk, source="自产图像", licence="自有", is_self_produced=True
    )
    send(upload, {"b.png": PNG})
    version = seal(upload).version
    assert version is not None
    rows = UploadFile.objects.filter(upload__version=version).select_related("batch__authorisation")
    assert {
        row.path: (row.batch.ordinal, row.batch.source, bool(row.batch.authorisation)) for row in rows
    } == {"a.csv": (1, "本公司客服记录（示例）", True), "b.png": (2, "自产图像", False)}


def test_the_next_upload_makes_the_next_version_and_the_same_content_the_same() -> None:
    dataset = new_dataset()
    first, second = (
        sealed({"a.csv": CSV}, dataset=dataset),
        sealed({"a.csv": CSV, "b.csv": CSV}, dataset=dataset),
    )
    again = sealed({"a.csv": CSV}, dataset=dataset)
    assert (first.version, second.version, again.pk) == (1, 2, first.pk)
    assert StoredContent.objects.count() == 1


def test_withdrawal_keeps_the_record() -> None:
    version = sealed({"a.csv": CSV})
    withdraw(by=cast.lin(), at=NOON, version_id=version.pk, reason="来源方收回授权")
    version.refresh_from_db()
    assert (version.state, version.files.count(), version.uploads.count()) == ("withdrawn", 1, 1)


def _files(count: int) -> dict[str, bytes]:
    return {f"f/{n:03d}.txt": f"第 {n} 个".encode() for n in range(count)}


def test_a_kill_while_checking_loses_no_step_and_the_next_run_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sealing, "STEP", 4)
    upload = opened()
    send(upload, _files(10))
    services.seal(by=cast.lin(), at=NOON, upload_id=upload.pk)
    read: list[str] = []
    inspect: Callable[..., Any] = sealing._inspect

    def dying(organization_id: object, group: Any) -> Any:
        read.append(group[0].path)
        if len(read) == 7:
            raise Killed
        return inspect(organization_id, group)

    monkeypatch.setattr(sealing, "_inspect", dying)
    with pytest.raises(Killed):
        services.check_and_seal(by=cast.lin(), at=NOON, upload_id=upload.pk)
    assert list(states(upload).values()).count("verified") == 4
    read.clear()
    read.extend([""] * 7)
    version = services.check_and_seal(by=cast.lin(), at=NOON, upload_id=upload.pk)
    assert len(read) - 7 == 6  # what was checked is not read again
    assert (version.file_count, Upload.objects.get().state) == (10, "sealed")
    assert objects.sizes_under(upload.prefix) == {}


def test_a_kill_while_writing_the_version_leaves_none_and_the_next_run_makes_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload = opened()
    send(upload, _files(3))
    services.seal(by=cast.lin(), at=NOON, upload_id=upload.pk)

    def die(*_args: object, **_kwargs: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(DatasetFile.objects, "bulk_create", die)
        with pytest.raises(Killed):
            services.check_and_seal(by=cast.lin(), at=NOON, upload_id=upload.pk)
    assert (DatasetVersion.objects.count(), Upload.objects.get().state) == (0, "sealing")
    first = services.check_and_seal(by=cast.lin(), at=NOON, upload_id=upload.pk)
    again = services.check_and_seal(by=cast.lin(), at=NOON, upload_id=upload.pk)  # delivered twice
    assert (first.pk, DatasetVersion.objects.count()) == (again.pk, 1)


def test_the_job_tells_its_progress_and_its_result(django_capture_on_commit_callbacks: Any) -> None:
    upload = opened()
    send(upload, _files(3))
    with django_capture_on_commit_callbacks(execute=True):
        services.seal(by=cast.lin(), at=clock.now(), upload_id=upload.pk)
    job = Job.objects.get(kind="uploads.seal")
    assert job.error == ""
    assert (job.state, job.done_count, job.total_count) == ("succeeded", 3, 3)
    version = DatasetVersion.objects.get()
    assert job.result == {
        "version": 1, "root_hash": version.root_hash, "url": f"/datasets/{version.dataset_id}/v1/",
    }  # fmt: skip
    assert run(job_id=job.pk, at=clock.now()) is None


def test_the_job_of_faulty_files_ends_with_the_first_fault(django_capture_on_commit_callbacks: Any) -> None:
    upload = opened()
    send(upload, {"a.csv": b"x\n=1\n"})
    with django_capture_on_commit_callbacks(execute=True):
        services.seal(by=cast.lin(), at=clock.now(), upload_id=upload.pk)
    job = Job.objects.get(kind="uploads.seal")
    assert job.state == "failed"
    assert job.error.startswith("1 个文件未通过检查，版本未封：“a.csv”")
    assert Upload.objects.get().state == "failed"


def test_nothing_is_sealed_without_files() -> None:
    with pytest.raises(services.NothingUploaded):
        services.seal(by=cast.lin(), at=NOON, upload_id=opened().pk)


def test_sealed_objects_are_locked_where_the_bucket_can(settings: Any) -> None:
    from minio.error import S3Error

    settings.S3_BUCKET, settings.S3_OBJECT_LOCK_DAYS = f"{configured.S3_BUCKET}-locked", 30
    objects.ensure_bucket()
    assert objects.has_object_lock()
    upload, at = opened(), clock.now()
    send(upload, {"a.csv": CSV})
    services.seal(by=cast.lin(), at=at, upload_id=upload.pk)
    version = services.check_and_seal(by=cast.lin(), at=at, upload_id=upload.pk)
    key = version.files.get().object_key
    found = objects.client().get_object_retention(settings.S3_BUCKET, key)
    assert (found.mode, found.retain_until_date) == (
        "GOVERNANCE",
        (at + timedelta(days=30)).replace(microsecond=0),
    )
    assert objects.client().get_object_retention(settings.S3_BUCKET, version.manifest_key) is not None
    held = objects.client().stat_object(settings.S3_BUCKET, key).version_id
    with pytest.raises(S3Error):
        objects.client().remove_object(settings.S3_BUCKET, key, version_id=held)


def test_without_object_lock_nothing_is_asked_of_the_store(settings: Any) -> None:
    settings.S3_OBJECT_LOCK_DAYS = 30
    assert not objects.has_object_lock()
    version = sealed({"a.csv": CSV})
    assert verify_version(version.pk).is_intact
