"""What is wrong with a file is told on the upload's page before sealing; sealing reads everything again."""

from __future__ import annotations

import io
import urllib.request
import zipfile
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from assets.datasets import services as datasets
from assets.uploads import services
from assets.uploads.models import Upload, UploadFile
from assets.uploads.services import arrivals
from tests import cast
from tests.assets.conftest import client_of
from tests.assets.uploads.making import PNG, faults, opened, seal, sealed, send, states
from tests.cast import NOON

pytestmark = pytest.mark.django_db
HTML = b"<!doctype html><script>alert(1)</script>"


@pytest.fixture(autouse=True)
def fresh_cache() -> None:
    cache.clear()


def bomb() -> bytes:
    """A hundred kilobytes that open to a hundred megabytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.bin", bytes(100 * 1024 * 1024))
    return out.getvalue()


def looked(upload: Upload) -> int:
    return services.check_arrived(upload_id=upload.pk)


def page(upload: Upload, client: Client | None = None) -> str:
    return (client or client_of(cast.lin())).get(reverse("uploads:detail", args=[upload.pk])).content.decode()


def test_faults_are_told_before_sealing_with_the_way_out() -> None:
    upload = opened()
    send(
        upload,
        {"bad.zip": bomb(), "a.csv": HTML, "b.csv": b"n\n=1\n", "good.csv": b"n\n1\n", "evil.html": HTML},
    )
    assert "正在检查 5 个已传到的文件" in page(upload)
    assert looked(upload) == 3
    assert faults(upload) == {"bad.zip": "archive_bomb", "a.csv": "wrong_type", "b.csv": "csv_formula"}
    assert states(upload)["good.csv"] == states(upload)["evil.html"] == "stored"
    shown = page(upload)
    assert "“bad.zip”解压后过大" in shown
    assert "3 个文件未通过检查" in shown
    assert shown.count("不传这个文件") == 4  # three buttons and the sentence that names them
    assert "正在检查" not in shown
    assert reverse("uploads:seal", args=[upload.pk]) not in shown
    with pytest.raises(services.FilesRefused):
        services.seal(by=cast.lin(), at=NOON, upload_id=upload.pk)
    client = client_of(cast.lin())
    for path in ("bad.zip", "a.csv"):
        client.post(reverse("uploads:remove_file", args=[upload.pk]), {"path": path})
    send(upload, {"b.csv": b"n\n'=1\n"})  # the same path again replaces it
    assert looked(upload) == 0
    assert reverse("uploads:seal", args=[upload.pk]) in page(upload)
    version = seal(upload).version
    assert version is not None
    assert sorted(file.path for file in version.files.all()) == ["b.csv", "evil.html", "good.csv"]


def test_the_look_is_asked_for_when_something_arrives(django_capture_on_commit_callbacks: Any) -> None:
    upload = opened()
    with django_capture_on_commit_callbacks(execute=True):
        send(upload, {"a.csv": b"n\n=1\n", "b.csv": b"n\n1\n"})
    assert faults(upload) == {"a.csv": "csv_formula"}
    assert set(UploadFile.objects.filter(upload=upload).values_list("path", "is_read")) == {
        ("a.csv", True), ("b.csv", True),
    }  # fmt: skip


def test_bytes_other_than_announced_are_told_early_and_sealing_reads_everything_again() -> None:
    upload = opened()
    send(upload, {"a.csv": b"n\n1\n", "b.csv": b"n\n2\n"})
    looked(upload)
    row = UploadFile.objects.get(upload=upload, path="b.csv")
    arrivals.objects.put_stream(row.waiting_key, io.BytesIO(b"n\n=\n"), 4, "text/csv")
    assert seal(upload).state == "failed"  # what was looked at is not trusted
    assert faults(upload) == {"b.csv": "altered"}
    other = opened()
    send(other, {"c.csv": b"n\n3\n"})
    row = UploadFile.objects.get(upload=other)
    arrivals.objects.put_stream(row.waiting_key, io.BytesIO(b"n\n4\n"), 4, "text/csv")
    assert looked(other) == 1
    assert faults(other) == {"c.csv": "altered"}


def test_a_file_replaced_while_it_was_read_keeps_nothing_of_the_old_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload = opened()
    send(upload, {"a.csv": b"n\n=1\n"})
    real, is_first = arrivals._fault_of, [True]

    def slow(row: UploadFile) -> Any:
        found = real(row)
        if is_first.pop() if is_first else False:
            send(upload, {"a.csv": b"n\n1\n"})
        return found

    class Here:
        """Runs in this thread, whose transaction the test sees."""

        def __init__(self, **_options: Any) -> None: ...
        def __enter__(self) -> Here:
            return self

        def __exit__(self, *_error: object) -> None: ...
        def map(self, work: Any, rows: Any) -> Any:
            return map(work, rows)

    monkeypatch.setattr(arrivals, "_fault_of", slow)
    monkeypatch.setattr(arrivals, "ThreadPoolExecutor", Here)
    assert looked(upload) <= 1
    assert (faults(upload), states(upload)) == ({}, {"a.csv": "stored"})


def test_one_worker_looks_at_a_time_and_a_sealing_upload_is_left_alone() -> None:
    upload = opened()
    send(upload, {"a.csv": b"n\n=1\n"})
    cache.add(f"uploads.checking.{upload.pk}", True)
    assert looked(upload) == 0
    cache.clear()
    services.seal(by=cast.lin(), at=NOON, upload_id=upload.pk)
    assert looked(upload) == 0
    assert faults(upload) == {}


def test_large_files_are_looked_at_by_their_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "WHOLE_LIMIT", 10)
    upload = opened()
    send(upload, {"a.png": b"no picture at all", "b.png": PNG, "c.csv": b"number\n=1+1\n"})
    assert looked(upload) == 1
    assert faults(upload) == {"a.png": "wrong_type"}


def test_html_is_only_ever_handed_out_as_an_attachment() -> None:
    version = sealed(
        {"evil.html": HTML, "evil.svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>"}
    )
    for file in version.files.all():
        link = datasets.hand_out_file(by=cast.lin(), at=NOON, version_id=version.pk, file_id=file.pk)
        with urllib.request.urlopen(link) as answer:
            assert answer.headers["Content-Disposition"].startswith("attachment;")
            assert answer.headers.get_content_type() == "text/plain"
        shown = client_of(cast.lin()).get(reverse("profiles:row", args=[version.pk]) + f"?path={file.path}")
        assert b"<script>alert" not in shown.content
        assert b"&lt;svg xmlns=&#x27;" in shown.content or file.path == "evil.html"
        assert shown["X-Content-Type-Options"] == "nosniff"
