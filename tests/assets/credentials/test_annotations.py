"""One label can be proved up to the signed log by anybody, offline; a changed byte anywhere is found."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from assets.credentials import proofs, services
from assets.credentials.checking import Evidence, Verdict, check_annotation
from assets.credentials.folders import Unreadable
from assets.datasets import trees
from assets.datasets.models import DatasetVersion
from assets.transparency import rules as tree
from audit.models import AuditEvent
from config import verifying
from config.verifying import Materials
from documents import objects
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound
from tests import cast
from tests.assets.conftest import client_of, sealed_version
from tests.assets.credentials.conftest import Download
from tests.assets.credentials.test_verification import change, fails, offline, said
from tests.assets.profiles.conftest import version_of

NOW = datetime(2026, 3, 24, tzinfo=UTC)
HOLDS, FAILS, UNTOLD = Verdict.HOLDS, Verdict.FAILS, Verdict.UNTOLD


@pytest.fixture(autouse=True)
def at_that_time() -> Any:
    cache.clear()
    with clock.moved_to(NOW):
        yield


def leaves_of(version: DatasetVersion) -> list[dict[str, Any]]:
    file = version.files.get(path="annotations.leaves")
    return [json.loads(line) for line in objects.get(file.object_key).splitlines()]


def proven(version: DatasetVersion, row: str = "r000002") -> dict[str, Any]:
    return services.prove_annotation(by=cast.lin(), at=NOW, version_id=version.pk, row=row).as_json()


# --- the tree -----------------------------------------------------------------------------------


@given(st.integers(1, 40), st.data())
def test_every_leaf_of_any_tree_is_led_to_its_root(count: int, draw: st.DataObject) -> None:
    hashes = trees.hashes_of([b'{"row":"r%06d"}' % n for n in range(count)])
    told = trees.tree_of(hashes)
    index = draw.draw(st.integers(0, count - 1))
    path = trees.path_of(hashes, index)
    assert tree.is_included(hashes[index], index, count, path, bytes.fromhex(told.root))
    assert not tree.is_included(tree.leaf_hash(b"other"), index, count, path, bytes.fromhex(told.root))
    assert dict(tree.grow(0, {}, hashes)).items() >= {((0, index), hashes[index])}


@pytest.mark.django_db
def test_the_leaves_are_the_accepted_answers_and_name_nobody() -> None:
    version = sealed_version()
    leaves = leaves_of(version)
    lineage = version.lineage.select_related("submission", "task__item__batch").order_by(
        "task__item__ordinal"
    )
    assert [(leaf["submission"], leaf["submission_sha256"], leaf["item_sha256"]) for leaf in leaves] == [
        (str(row.submission_id), row.submission.result_sha256, row.task.item.sha256) for row in lineage
    ]
    assert {(leaf["batch"], leaf["guideline_version"], leaf["verdict"]) for leaf in leaves} == {
        (1, 1, "accepted")
    }
    assert not {"annotator", "person", "name"} & set(leaves[0])
    assert (version.annotation_count, len(version.annotation_root)) == (4, 64)


# --- the proof ----------------------------------------------------------------------------------


def test_a_proof_holds_offline_with_the_published_keys_alone(download: Download) -> None:
    version = download.certificate.version
    place = download.path("proof.json")
    place.write_text(json.dumps(proven(version), ensure_ascii=False))
    report = verifying.examine(str(place), Materials(keys=download.path("jwks.json")))
    assert report.verdict == HOLDS
    told = said(report.statements)
    walk = {
        "label",
        "annotation",
        "manifest",
        "root_hash",
        "annotations",
        "item",
        "certified",
        "signature",
        "log_head",
    }
    assert {told[code] for code in walk | {"inclusion", "logged_state", "revocation", "period"}} == {HOLDS}
    lines = "\n".join(verifying.as_lines(report))
    assert "stands in the version's tree of annotations: leaf 1 of 4" in lines
    credential = download.certificate.credential.claims["credentialSubject"]
    assert (credential["annotationRoot"], credential["annotationCount"]) == (version.annotation_root, 4)


def altered(body: dict[str, Any], way: str) -> dict[str, Any]:
    """The proof with one thing changed."""
    body = json.loads(json.dumps(body))
    told, version = body["annotation"], body["version"]
    if way == "leaf":
        told["leaf"] = told["leaf"].replace('"verdict":"accepted"', '"verdict":"accepteD"')
    elif way == "path":
        told["path"][-1] = ("0" if told["path"][-1][0] != "0" else "1") + told["path"][-1][1:]
    elif way == "root":
        told["root"] = ("0" if told["root"][0] != "0" else "1") + told["root"][1:]
    elif way == "place":
        told["index"] += 1
    elif way == "label":
        body["result"][0]["value"]["choices"] = ["正面"]
    elif way == "manifest":
        version["manifest"] = version["manifest"].replace('"size":', '"size":1', 1)
    elif way == "version":
        version["root_hash"] = "0" * 64
    elif way == "credential":
        head, payload, signature = body["credential"].split(".")
        body["credential"] = (
            f"{head}.{payload[:40]}{'A' if payload[40] != 'A' else 'B'}{payload[41:]}.{signature}"
        )
    elif way == "log":
        body["proofs"][0]["audit_path"] = ["AAAA"]
    return body


@pytest.mark.parametrize(
    ("way", "found"),
    [
        ("leaf", {"annotation"}),
        ("path", {"annotation"}),
        ("root", {"annotation", "annotations", "certified"}),
        ("place", {"annotation"}),
        ("label", {"label"}),
        ("manifest", {"root_hash"}),
        ("version", {"root_hash", "certified"}),
    ],
)
def test_a_changed_byte_is_found_and_told_where(download: Download, way: str, found: set[str]) -> None:
    body = altered(proven(download.certificate.version), way)
    report = check_annotation(body, Evidence(on=NOW))
    assert fails(report.statements) == found
    assert report.verdict == FAILS


@pytest.mark.parametrize("way", ["credential", "log"])
def test_a_changed_credential_or_log_is_found(download: Download, way: str) -> None:
    place = download.path("proof.json")
    place.write_text(json.dumps(altered(proven(download.certificate.version), way)))
    try:
        report = verifying.examine(str(place), Materials(keys=download.path("jwks.json")))
    except verifying.NotUnderstood:
        assert way == "credential"
        return
    assert report.verdict == FAILS


def test_every_flipped_byte_of_leaf_path_and_label_is_found(download: Download) -> None:
    body = proven(download.certificate.version)
    text = body["annotation"]["leaf"]
    for at in range(len(text)):
        other = "x" if text[at] != "x" else "y"
        changed = {**body, "annotation": {**body["annotation"], "leaf": text[:at] + other + text[at + 1 :]}}
        with suppress(Unreadable):
            assert check_annotation(changed, Evidence(on=NOW)).verdict == FAILS


def test_the_proof_of_a_version_without_certificate_ends_at_its_root_hash(db: None) -> None:
    report = check_annotation(proven(sealed_version()), Evidence(on=NOW))
    told = said(report.statements)
    assert (report.verdict, told["certified"], told["root_hash"], told["label"]) == (
        UNTOLD,
        UNTOLD,
        HOLDS,
        HOLDS,
    )


def test_a_folder_whose_leaves_were_changed_is_found(download: Download) -> None:
    folder = download.data(with_certificate=True)
    assert said(verifying.examine(str(folder), offline(download)).statements)["annotations"] == HOLDS
    change(folder / "annotations.leaves")
    assert fails(verifying.examine(str(folder), offline(download)).statements) == {
        "file",
        "annotations",
        "root_hash",
    }


# --- who may ------------------------------------------------------------------------------------


def test_the_label_itself_is_handed_out_on_record_and_to_nobody_else(db: None) -> None:
    version = sealed_version()
    assert proofs.proof_for(cast.lin(), version.pk, "r000001").as_json()["result"] is None
    assert proven(version)["result"][0]["value"] == {"choices": ["负面"]}
    looks = AuditEvent.objects.filter(action="datasets.see_original", subject_id=version.pk)
    assert [look.detail["place"] for look in looks] == ["annotation r000002 1"]
    with pytest.raises(NotFound):
        services.prove_annotation(by=cast.zhou(), at=NOW, version_id=version.pk, row="r000001")
    with pytest.raises((NotAllowed, NotFound)):
        services.prove_annotation(by=cast.mei(), at=NOW, version_id=version.pk, row="r000001")


@pytest.mark.parametrize(("row", "copy"), [("r000005", 0), ("r000001", 1), ("", 0), ("../x", 0), ("r1", 0)])
def test_a_label_that_is_not_there_is_told_with_the_field(db: None, row: str, copy: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        proofs.proof_for(cast.lin(), sealed_version().pk, row, copy)
    assert refused.value.field == "row"


def test_the_page_shows_the_walk_and_hands_out_the_file(download: Download) -> None:
    version = download.certificate.version
    address = reverse("credentials:annotation", args=[version.pk])
    client = client_of(cast.lin())
    page = client.get(address, {"row": "r000001"}).content.decode()
    assert "由这条标注逐级算出的树根，与数据集版本记载的相同。" in page
    assert download.certificate.number in page
    assert "负面" not in page
    wrong = client.get(address, {"row": "r999999"})
    assert (wrong.status_code, "请核对行号" in wrong.content.decode()) == (422, True)
    file = client.post(address, {"row": "r000002", "answer": "1"})
    assert file["Content-Disposition"].endswith('-v1-r000002-proof.json"')
    assert json.loads(file.content)["result"][0]["value"] == {"choices": ["负面"]}
    assert client_of(cast.zhou()).get(address, {"row": "r000001"}).status_code == 404


def test_the_interface_proves_by_hash_and_with_the_label_on_record(download: Download) -> None:
    version = download.certificate.version
    client, address = client_of(cast.lin()), f"/api/credentials/annotations/{version.pk}"
    told = client.get(address, {"row": "r000001"}).json()
    assert (told["format"], told["result"], told["certificate"]) == (
        "qingshu-annotation-proof/1", None, download.certificate.number,
    )  # fmt: skip
    headers = {"HTTP_IDEMPOTENCY_KEY": str(uuid4())}
    made = client.post(address, {"row": "r000001"}, content_type="application/json", **headers)
    assert made.json()["result"][0]["value"] == {"choices": ["正面"]}
    assert client_of(cast.zhou()).get(address, {"row": "r000001"}).status_code == 404


def test_a_firms_own_files_have_no_tree_and_the_refusal_says_what_to_do(db: None) -> None:
    version = version_of({"rows.jsonl": b'{"text": "x", "result": []}\n'})
    with pytest.raises(proofs.NoAnnotationTree) as refused:
        proofs.proof_for(cast.lin(), version.pk, "r000001")
    assert "请从标注项目封版新版本" in str(refused.value)
    page = client_of(cast.lin()).get(reverse("credentials:annotation", args=[version.pk]), {"row": "r000001"})
    assert (page.status_code, "没有标注树" in page.content.decode()) == (422, True)
