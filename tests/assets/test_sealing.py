"""An accepted project becomes a sealed version whose every byte is accounted for."""

from __future__ import annotations

import hashlib
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from annotation.projects.models import Project
from assets.datasets import rules, selectors, services
from assets.datasets.models import DatasetFile, DatasetVersion, LineageRow
from audit.models import AuditEvent
from documents import objects
from kernel.errors import NotAllowed, NotFound
from kernel.models import Transition
from kernel.states import MoveNotAllowed
from tests import cast
from tests.assets.conftest import LABELS, TEXTS, accepted_project, new_dataset, sealed_version
from tests.cast import NOON

pytestmark = pytest.mark.django_db


def test_a_sealed_version_holds_the_raw_files_the_rows_and_a_card() -> None:
    version = sealed_version()
    files = {file.path: file for file in version.files.all()}
    items = {f"items/{n:06d}.txt" for n in range(1, 5)}
    assert set(files) == {"README.md", "annotations.leaves", "rows.jsonl"} | items
    assert (version.version, version.state, version.row_count, version.file_count) == (1, "sealed", 4, 7)
    assert version.byte_count == sum(file.size for file in files.values())
    assert objects.get(files["items/000001.txt"].object_key).decode() == TEXTS[0]
    rows = [json.loads(line) for line in objects.get(files["rows.jsonl"].object_key).splitlines()]
    assert [row["labels"] for row in rows] == [[label] for label in LABELS]
    assert rows[0]["item_sha256"] == hashlib.sha256(TEXTS[0].encode()).hexdigest()
    assert rows[0]["annotator"] == "A001"
    assert rows[0]["guideline_version"] == 1


def test_no_name_of_a_person_is_in_the_data() -> None:
    version = sealed_version()
    for file in version.files.all():
        body = objects.get(file.object_key).decode()
        assert "Mei" not in body
        assert "mei@" not in body


def test_the_root_hash_is_the_sha256_of_the_canonical_manifest() -> None:
    version = sealed_version()
    body = objects.get(version.manifest_key)
    told = json.loads(body)
    assert hashlib.sha256(body).hexdigest() == version.root_hash
    assert body == json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert told["format"] == "qingshu-manifest/2"
    assert told["annotations"] == {"count": 4, "path": "annotations.leaves", "root": version.annotation_root}
    assert [entry["path"] for entry in told["entries"]] == sorted(entry["path"] for entry in told["entries"])
    for entry in told["entries"]:
        file = version.files.get(path=entry["path"])
        assert (entry["size"], entry["sha256"]) == (file.size, file.sha256)


def test_labels_sample_and_dictionary_are_counted() -> None:
    version = sealed_version()
    assert version.label_counts == {"正面": 2, "负面": 2}
    assert [row["text"] for row in version.sample] == list(TEXTS)
    assert "result" not in version.sample[0]
    fields = {field["name"]: field for field in version.dictionary}
    assert fields["text"]["completeness_bp"] == 10_000
    assert fields["labels"]["type"] == "array<string>"


def test_a_sample_keeps_what_can_be_drawn_and_nothing_that_people_wrote() -> None:
    span = {"type": "labels", "value": {"start": 0, "end": 3, "text": "清远鸡", "labels": ["特产"]}}
    box = {"x": 10.5, "y": 20, "width": 30, "height": 40, "rotation": 0, "rectanglelabels": ["车"]}
    result = [
        span, {"type": "rectanglelabels", "value": box}, {"type": "choices", "value": {"choices": ["正面"]}},
        {"type": "textarea", "value": {"text": ["王芳的电话"]}}, {"type": "labels", "value": {"labels": ["无位置"]}},
        {"type": "rectanglelabels", "value": None},
    ]  # fmt: skip
    row = rules.row_of(
        ordinal=1, path="items/000001.jpg", name="1.jpg", sha256="0" * 64, text=None, result=result,
        guideline_version=1, annotator="A001",
    )  # fmt: skip
    (kept,) = rules.sample_of([row])
    assert kept["result"] == [
        {"type": "labels", "value": {"labels": ["特产"], "start": 0, "end": 3}},
        {"type": "rectanglelabels",
         "value": {"rectanglelabels": ["车"], "x": 10.5, "y": 20, "width": 30, "height": 40}},
        {"type": "choices", "value": {"choices": ["正面"]}},
    ]  # fmt: skip
    assert "王芳" not in json.dumps(kept, ensure_ascii=False)
    many = rules.sample_of([{**row, "result": [span] * 500}])
    assert len(many[0]["result"]) == rules.SAMPLE_REGIONS


def test_every_row_leads_back_to_its_submission() -> None:
    version = sealed_version()
    assert LineageRow.objects.filter(version=version).count() == 4
    chain = selectors.provenance_of(version)
    assert (chain.batch_count, chain.item_count, chain.task_count, chain.annotator_count) == (1, 4, 4, 1)
    assert chain.sources == ["公开评论语料（示例）"]
    assert chain.guideline_versions == [1]


def test_sealing_leaves_one_transition_and_one_audit_event() -> None:
    version = sealed_version()
    assert [row.move for row in Transition.objects.filter(subject_id=version.pk)] == ["seal"]
    assert AuditEvent.objects.filter(action="datasets.seal", subject_id=version.pk).count() == 1


def test_sealing_the_same_content_again_gives_the_same_version() -> None:
    project, dataset = accepted_project(), new_dataset()
    first = services.seal_from_project(by=cast.lin(), at=NOON, dataset_id=dataset.pk, project_id=project.pk)
    again = services.seal_from_project(by=cast.lin(), at=NOON, dataset_id=dataset.pk, project_id=project.pk)
    assert again.pk == first.pk
    assert DatasetVersion.objects.count() == 1


def test_another_project_makes_the_next_version() -> None:
    dataset = new_dataset()
    for n in (2, 3):
        project = accepted_project(texts=TEXTS[:n], labels=LABELS[:n])
        services.seal_from_project(by=cast.lin(), at=NOON, dataset_id=dataset.pk, project_id=project.pk)
    assert list(dataset.versions.order_by("version").values_list("version", "row_count")) == [(1, 2), (2, 3)]


def test_a_kill_between_objects_and_rows_leaves_nothing_and_a_second_run_mends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project, dataset = accepted_project(), new_dataset()

    class Killed(BaseException):
        pass

    def die(*_args: object, **_kwargs: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(LineageRow.objects, "bulk_create", die)
        with pytest.raises(Killed), transaction.atomic():
            services.seal_from_project(by=cast.lin(), at=NOON, dataset_id=dataset.pk, project_id=project.pk)
    assert (DatasetVersion.objects.count(), DatasetFile.objects.count()) == (0, 0)
    version = services.seal_from_project(by=cast.lin(), at=NOON, dataset_id=dataset.pk, project_id=project.pk)
    assert services.verify_version(version.pk).is_intact


def test_only_accepted_work_is_sealed() -> None:
    project, dataset = accepted_project(), new_dataset()
    Project.objects.filter(pk=project.pk).update(state="delivered")
    with pytest.raises(services.ProjectNotAccepted):
        services.seal_from_project(by=cast.lin(), at=NOON, dataset_id=dataset.pk, project_id=project.pk)


def test_nobody_else_seals_or_sees_it() -> None:
    project, dataset = accepted_project(), new_dataset()
    with pytest.raises(NotAllowed):
        services.seal_from_project(by=cast.mei(), at=NOON, dataset_id=dataset.pk, project_id=project.pk)
    with pytest.raises(NotFound):
        services.seal_from_project(by=cast.he(), at=NOON, dataset_id=dataset.pk, project_id=project.pk)
    with pytest.raises(NotFound):
        selectors.dataset_for(cast.he(), dataset.pk)
    assert selectors.dataset_for(cast.yan(), dataset.pk) == dataset


def test_withdrawal_needs_a_reason_and_keeps_the_record() -> None:
    version = sealed_version()
    with pytest.raises(services.ReasonMissing):
        services.withdraw(by=cast.lin(), at=NOON, version_id=version.pk, reason=" ")
    services.withdraw(by=cast.lin(), at=NOON, version_id=version.pk, reason="来源方收回授权")
    version.refresh_from_db()
    assert version.state == "withdrawn"
    assert version.files.count() == 7
    with pytest.raises(MoveNotAllowed):
        services.withdraw(by=cast.lin(), at=NOON, version_id=version.pk, reason="再撤一次")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE datasets_datasetversion SET root_hash = repeat('0', 64)",
        "UPDATE datasets_datasetversion SET row_count = 5",
        "DELETE FROM datasets_datasetversion",
        "UPDATE datasets_datasetfile SET sha256 = repeat('0', 64)",
        "DELETE FROM datasets_datasetfile",
        "DELETE FROM datasets_lineagerow",
        "INSERT INTO datasets_datasetfile (version_id, path, size, sha256, object_key, media_type)"
        " SELECT id, 'more.txt', 1, repeat('0', 64), 'k', 'text/plain' FROM datasets_datasetversion",
    ],
)
def test_raw_sql_cannot_change_a_sealed_version(statement: str) -> None:
    sealed_version()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


# --- re-hashing ---------------------------------------------------------------------------------


def _overwrite(key: str, body: bytes) -> None:
    import io

    from django.conf import settings

    objects.client().put_object(settings.S3_BUCKET, key, io.BytesIO(body), len(body))


def test_an_untouched_version_verifies() -> None:
    version = sealed_version()
    check = services.verify_version(version.pk)
    assert check.is_intact
    assert (check.checked_count, check.byte_count) == (7, version.byte_count)


def test_a_changed_and_a_missing_file_are_named() -> None:
    version = sealed_version(texts=("甲：只在本测试出现的评论。", "乙：也只在本测试出现。"))
    changed, gone = version.files.get(path="items/000001.txt"), version.files.get(path="items/000002.txt")
    _overwrite(changed.object_key, b"changed")
    objects.remove(gone.object_key)
    check = services.verify_version(version.pk)
    assert [(m.path, m.code) for m in check.mismatches] == [
        ("items/000001.txt", "altered"),
        ("items/000002.txt", "missing"),
    ]
    with pytest.raises(CommandError) as refused:
        call_command("dataset_verify", str(version.pk))
    assert refused.value.returncode == 8


def test_a_changed_manifest_is_named() -> None:
    version = sealed_version(texts=("丙：清单被换掉的评论。",))
    _overwrite(version.manifest_key, rules.manifest([rules.Entry("README.md", 1, "0" * 64)]))
    codes = {mismatch.code for mismatch in services.verify_version(version.pk).mismatches}
    assert codes == {"manifest_altered", "not_listed", "record_differs"}


# --- pure rules ---------------------------------------------------------------------------------

_PATHS = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=20).filter(
    rules.is_safe_path
)
_ENTRIES = st.lists(
    st.builds(rules.Entry, _PATHS, st.integers(0, 10**12), st.just("a" * 64)),
    unique_by=lambda entry: entry.path,
)


@given(_ENTRIES)
def test_a_manifest_does_not_depend_on_order_and_reads_back(entries: list[rules.Entry]) -> None:
    body = rules.manifest(entries)
    assert body == rules.manifest(reversed(entries))
    assert sorted(rules.read_manifest(body), key=lambda e: e.path.encode()) == sorted(
        entries, key=lambda e: e.path.encode()
    )


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../b", "C:/x", "a\\b", "", "a\nb"])
def test_a_path_that_leads_out_is_unsafe(path: str) -> None:
    assert not rules.is_safe_path(path)


@pytest.mark.parametrize(
    ("region", "labels"),
    [
        ({"type": "choices", "value": {"choices": ["正面", "住宿"]}}, ["正面", "住宿"]),
        ({"type": "rectanglelabels", "value": {"x": 1, "rectanglelabels": ["车"]}}, ["车"]),
        ({"type": "labels", "value": {"start": 0, "end": 2, "labels": ["地名"]}}, ["地名"]),
        ({"type": "taxonomy", "value": {"taxonomy": [["动物", "猫"]]}}, ["动物/猫"]),
        ({"type": "rating", "value": {"rating": 4}}, ["4"]),
        ({"type": "textarea", "value": {"text": ["随便写"], "textarea": ["随便写"]}}, []),
        ({"type": "relation"}, []),
    ],
)
def test_labels_are_read_from_any_kind_of_region(region: dict[str, object], labels: list[str]) -> None:
    assert rules.labels_in([region]) == labels
