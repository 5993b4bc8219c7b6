"""The pages of uploads, of the comparison of versions, and of one file."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from assets.datasets import selectors
from assets.datasets.models import DatasetFile
from assets.uploads.models import SourceBatch, Upload, UploadFile
from tests import cast
from tests.assets.conftest import Registration, client_of, new_dataset, sealed_version
from tests.assets.uploads.making import authorisation, opened, sealed, send, states
from tests.cast import NOON

pytestmark = pytest.mark.django_db
CSV = "text,label\n早餐丰富,正面\n隔音很差,负面\n位置方便,正面\n".encode()


def started(client: Client, **changes: object) -> object:
    dataset = new_dataset()
    page = client.get(reverse("uploads:new"), {"dataset": str(dataset.pk)}).content.decode()
    key = re.search(r'name="idempotency_key" value="([^"]+)"', page)
    assert key
    told = {
        "dataset": str(dataset.pk), "source": "客服记录（示例）", "licence": "书面授权", "idempotency_key": key.group(1),
        **changes,
    }  # fmt: skip
    return client.post(reverse("uploads:new"), told)


def test_an_upload_begins_with_its_source_and_takes_a_few_files_without_a_program() -> None:
    client = client_of(cast.lin())
    answer = started(client, authorisation=str(authorisation().pk))
    upload = Upload.objects.get()
    assert answer["Location"] == reverse("uploads:detail", args=[upload.pk])  # type: ignore[index]
    files = [SimpleUploadedFile("a.csv", CSV), SimpleUploadedFile("说明.md", b"x")]
    assert client.post(reverse("uploads:add_files", args=[upload.pk]), {"chosen": files}).status_code == 302
    assert states(upload) == {"a.csv": "stored", "说明.md": "stored"}
    page = client.get(reverse("uploads:detail", args=[upload.pk])).content.decode()
    assert "校验并封版" in page
    assert client.post(reverse("uploads:seal", args=[upload.pk])).status_code == 302
    upload.refresh_from_db()
    assert upload.state == "sealing"


def test_without_authorisation_the_form_says_what_to_do() -> None:
    answer = started(client_of(cast.lin()))
    assert answer.status_code == 422  # type: ignore[attr-defined]
    assert "请附上授权文件" in answer.content.decode()  # type: ignore[attr-defined]
    assert not Upload.objects.exists()


def test_refused_files_of_the_plain_form_are_named() -> None:
    client, upload = client_of(cast.lin()), opened()
    files = [
        SimpleUploadedFile("a.csv", CSV),
        SimpleUploadedFile("b.txt", b""),
        SimpleUploadedFile("c.exe", b"MZ"),
    ]
    answer = client.post(reverse("uploads:add_files", args=[upload.pk]), {"chosen": files})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "“b.txt”是空文件" in page
    assert "“c.exe”是可执行程序" in page
    assert states(upload) == {"a.csv": "stored"}
    many = [SimpleUploadedFile(f"{n}.txt", b"x") for n in range(21)]
    answer = client.post(reverse("uploads:add_files", args=[upload.pk]), {"chosen": many})
    assert "请一次选择 1 到 20 个文件" in answer.content.decode()


def test_another_batch_a_removal_and_giving_up() -> None:
    client, upload = client_of(cast.lin()), opened()
    send(upload, {"a.csv": CSV, "b.csv": CSV})
    told = {"source": "自产", "licence": "自有", "is_self_produced": "on"}
    assert client.post(reverse("uploads:add_batch", args=[upload.pk]), told).status_code == 302
    assert SourceBatch.objects.filter(upload=upload).count() == 2
    client.post(reverse("uploads:remove_file", args=[upload.pk]), {"path": "a.csv"})
    assert list(states(upload)) == ["b.csv"]
    client.post(reverse("uploads:abandon", args=[upload.pk]))
    upload.refresh_from_db()
    assert upload.state == "abandoned"
    assert "上传文件夹" not in client.get(reverse("uploads:detail", args=[upload.pk])).content.decode()


def test_others_find_nothing_and_those_without_the_right_change_nothing() -> None:
    upload = opened()
    stranger, reviewer, auditor = client_of(cast.he()), client_of(cast.tao()), client_of(cast.yan())
    address = reverse("uploads:detail", args=[upload.pk])
    assert [c.get(address).status_code for c in (stranger, reviewer, auditor)] == [404, 200, 200]
    for name in ("seal", "abandon", "remove_file", "add_batch", "add_files"):
        target = reverse(f"uploads:{name}", args=[upload.pk])
        assert [c.post(target).status_code for c in (stranger, reviewer, auditor)] == [404, 403, 403], name
    assert Client().get(address).status_code == 302
    upload.refresh_from_db()
    assert (upload.state, UploadFile.objects.count()) == ("open", 0)


def test_the_json_api_walks_the_same_way() -> None:
    client, dataset = client_of(cast.lin()), new_dataset()
    made = client.post(
        "/api/uploads", {"dataset": dataset.number}, "application/json", headers={"Idempotency-Key": "u1"}
    ).json()
    address = f"/api/uploads/{made['id']}"
    told = {"source": "自产", "licence": "自有", "is_self_produced": True}
    batch = client.post(f"{address}/batches", told, "application/json", headers={"Idempotency-Key": "b1"})
    assert (batch.status_code, batch.json()["ordinal"]) == (201, 1)
    files = {"files": [{"path": "../x", "size": 1, "sha256": "0" * 64}]}
    answer = client.post(f"{address}/files", files, "application/json").json()["files"][0]
    assert (answer["state"], answer["code"]) == ("refused", "path_unsafe")
    assert client.get(address).json()["counts"] == {}
    assert client.get(f"{address}/files").json() == {"items": [], "next": None}
    assert client.get(f"/api/uploads?dataset={dataset.number}").json()["items"][0]["number"] == made["number"]
    empty = client.post(f"{address}/sealing", {}, "application/json", headers={"Idempotency-Key": "s1"})
    assert (empty.status_code, empty.json()["title"]) == (409, "nothing_uploaded")
    other = client_of(cast.he())
    assert other.get(address).status_code == 404
    assert other.post(f"{address}/files", files, "application/json").status_code == 404


def test_a_longer_list_of_uploads_asks_no_more_often() -> None:
    client, counts = client_of(cast.lin()), []
    for _round in range(2):
        send(opened(), {"a.csv": CSV})
        with CaptureQueriesContext(connection) as asked:
            assert client.get("/api/uploads").json()["items"][0]["counts"] == {"stored": 1}
        counts.append(len(asked))
    assert counts[0] == counts[1]


# --- two versions -------------------------------------------------------------------------------


def test_two_versions_are_compared_by_files_rows_and_labels() -> None:
    dataset = new_dataset()
    one = {"a.csv": CSV, "same.txt": b"same", "old.txt": b"old", "gone.txt": b"gone"}
    changed = "text,label\n位置方便,正面\n早餐丰富,正面\n服务热情,正面\n".encode()
    two = {"a.csv": changed, "same.txt": b"same", "new/old.txt": b"old", "fresh.txt": b"fresh"}
    before, after = sealed(one, dataset=dataset), sealed(two, dataset=dataset)
    diff = selectors.diff_of(before, after)
    assert [(c.kind, c.path, c.other) for c in diff.files.changes] == [
        ("changed", "a.csv", ""), ("added", "fresh.txt", ""), ("removed", "gone.txt", ""),
        ("moved", "new/old.txt", "old.txt"),
    ]  # fmt: skip
    assert diff.files.same == 1
    assert diff.rows is not None
    assert (diff.rows.added, diff.rows.removed, diff.rows.same) == (1, 1, 2)
    assert [(each.label, each.before, each.after) for each in diff.labels] == [("正面", 2, 3), ("负面", 1, 0)]
    page = client_of(cast.lin()).get(f"/datasets/{dataset.pk}/versions/2/diff/1/").content.decode()
    assert "第 1 版 → 第 2 版" in page
    assert "新增 1 行，移除 1 行。" in page
    told = client_of(cast.lin()).get(f"/api/datasets/{dataset.pk}/versions/2/diff/1").json()
    assert told["rows"] == {"added": 1, "removed": 1, "same": 2}
    assert told["same_files"] == 1


def test_rows_of_annotated_versions_are_compared_whatever_their_numbers() -> None:
    from assets.datasets.services import seal_from_project
    from tests.assets.conftest import LABELS, TEXTS, accepted_project

    dataset = new_dataset()
    versions = [
        seal_from_project(
            by=cast.lin(), at=NOON, dataset_id=dataset.pk,
            project_id=accepted_project(texts=TEXTS[start:], labels=LABELS[start:]).pk,
        )
        for start in (0, 1)
    ]  # fmt: skip
    diff = selectors.diff_of(*versions)
    assert diff.rows is not None
    assert (diff.rows.added, diff.rows.removed, diff.rows.same) == (0, 1, 3)


def test_the_choice_of_versions_leads_to_their_comparison() -> None:
    dataset = new_dataset()
    sealed({"a.csv": CSV}, dataset=dataset), sealed({"b.csv": CSV}, dataset=dataset)
    client = client_of(cast.lin())
    answer = client.get(f"/datasets/{dataset.pk}/diff/", {"a": "1", "b": "2"})
    assert answer["Location"] == f"/datasets/{dataset.pk}/versions/2/diff/1/"
    assert client.get(f"/datasets/{dataset.pk}/diff/", {"a": "x"}).status_code == 404
    assert client.get(f"/datasets/{dataset.pk}/versions/9/diff/1/").status_code == 404
    assert client_of(cast.he()).get(f"/datasets/{dataset.pk}/versions/2/diff/1/").status_code == 404
    assert 'action="/datasets/' in client.get(f"/datasets/{dataset.pk}/").content.decode()


# --- one file -----------------------------------------------------------------------------------


def test_a_file_leads_back_to_its_authorisation_and_on_to_its_certificate() -> None:
    version = sealed({"a.csv": CSV})
    certificate = Registration(version=version).certified()
    file = version.files.get()
    walk = selectors.file_history(cast.lin(), file.pk)
    assert [(step.kind, step.title) for step in walk.steps] == [
        ("source", "本公司客服记录（示例）"), ("authorisation", "授权书（示例）.pdf"), ("file", "a.csv"),
        ("version", "酒店评论情感数据集 v1"), ("certificate", certificate.number),
    ]  # fmt: skip
    page = client_of(cast.lin()).get(reverse("datasets:file", args=[file.pk])).content.decode()
    assert file.sha256 in page
    assert certificate.number in page
    told = client_of(cast.lin()).get(f"/api/datasets/files/{file.pk}").json()
    assert [step["kind"] for step in told["steps"]] == [
        "source",
        "authorisation",
        "file",
        "version",
        "certificate",
    ]


def test_a_file_of_an_annotated_version_leads_back_to_its_project() -> None:
    file = sealed_version().files.get(path="rows.jsonl")
    walk = selectors.file_history(cast.lin(), file.pk)
    assert [step.kind for step in walk.steps] == ["source", "annotation", "file", "version"]


def test_a_file_tells_the_versions_with_the_same_content_of_its_own_firm_only() -> None:
    version, other = sealed({"a.csv": CSV}), sealed({"b.csv": CSV})
    file = version.files.get()
    assert {each.version_id for each in selectors.file_history(cast.lin(), file.pk).holders} == {
        version.pk, other.pk,
    }  # fmt: skip
    assert client_of(cast.he()).get(reverse("datasets:file", args=[file.pk])).status_code == 404
    assert DatasetFile.objects.filter(sha256=file.sha256).count() == 2


def test_the_page_of_an_uploaded_version_shows_its_sources() -> None:
    version = sealed({"a.csv": CSV})
    page = client_of(cast.lin()).get(reverse("datasets:detail", args=[version.dataset_id])).content.decode()
    assert "本公司客服记录（示例）" in page
    assert "质检验收" not in page
