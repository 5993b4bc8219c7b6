"""Files are announced, sent straight to the store, and never twice."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, connections, transaction

from assets.uploads import rules, services
from assets.uploads.models import SourceBatch, StoredContent, Upload, UploadFile
from audit.models import AuditEvent
from documents import objects
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.models import Transition
from kernel.states import MoveNotAllowed
from tests import cast
from tests.assets.conftest import new_dataset
from tests.assets.uploads.making import authorisation, opened, put, seal, send, states, told
from tests.cast import NOON

pytestmark = pytest.mark.django_db
BIG = bytes(range(256)) * (40 * 4096)  # 40 MiB: three parts
FILES = {"train.csv": "text,label\n早餐丰富,正面\n隔音很差,负面\n".encode(), "README.md": "# 说明\n".encode()}


def announce(upload: Upload, files: dict[str, bytes]) -> list[services.Answer]:
    return services.announce(
        by=cast.lin(), at=NOON, upload_id=upload.pk, files=[told(p, b) for p, b in files.items()]
    )


def confirm(upload: Upload, *paths: str) -> list[services.Confirmed]:
    return services.confirm(by=cast.lin(), at=NOON, upload_id=upload.pk, paths=paths)


def test_small_files_travel_whole_and_are_then_stored() -> None:
    upload = opened()
    answers = announce(upload, FILES)
    assert [(a.path, a.state, bool(a.url), a.parts) for a in answers] == [
        ("train.csv", "announced", True, {}),
        ("README.md", "announced", True, {}),
    ]
    assert [put(a.url, FILES[a.path]) for a in answers] == [200, 200]
    assert [(c.path, c.state) for c in confirm(upload, *FILES)] == [
        ("train.csv", "stored"),
        ("README.md", "stored"),
    ]
    assert [c.state for c in confirm(upload, *FILES)] == [
        "stored",
        "stored",
    ]  # saying it again changes nothing


def test_what_did_not_arrive_is_not_stored() -> None:
    upload = opened()
    first, second = announce(upload, FILES)
    put(first.url, FILES["train.csv"])
    put(second.url, b"cut off")
    assert [c.state for c in confirm(upload, *FILES)] == ["stored", "announced"]
    with pytest.raises(services.FilesWaiting):
        services.seal(by=cast.lin(), at=NOON, upload_id=upload.pk)


def test_after_a_break_only_the_missing_files_travel_again() -> None:
    upload = opened()
    first, _second = announce(upload, FILES)
    put(first.url, FILES["train.csv"])  # the connection breaks before anything is confirmed
    again = announce(upload, FILES)
    assert [(a.state, bool(a.url)) for a in again] == [("stored", False), ("announced", True)]
    assert states(upload) == {"train.csv": "stored", "README.md": "announced"}


def test_a_large_file_travels_in_parts_and_only_the_missing_ones_travel_again() -> None:
    upload = opened()
    (answer,) = announce(upload, {"big.bin": BIG})
    assert (answer.part_size, sorted(answer.parts), answer.url) == (16 << 20, [1, 2, 3], "")
    step = answer.part_size
    assert put(answer.parts[2], BIG[step : 2 * step]) == 200  # then the connection breaks
    (confirmed,) = confirm(upload, "big.bin")
    assert (confirmed.state, list(confirmed.missing_parts)) == ("announced", [1, 3])
    (again,) = announce(upload, {"big.bin": BIG})
    assert (sorted(again.parts), again.received) == ([1, 3], [2])
    assert put(again.parts[1], BIG[:step]) == 200
    assert put(again.parts[3], BIG[2 * step :]) == 200
    assert confirm(upload, "big.bin")[0].state == "stored"
    assert seal(upload).state == "sealed"
    content = StoredContent.objects.get()
    assert objects.measure(content.object_key).sha256 == hashlib.sha256(BIG).hexdigest()  # type: ignore[union-attr]


def test_the_parts_of_the_largest_file_are_few_and_whole() -> None:
    sizes = rules.part_sizes(5 * 1024**3)
    assert (len(sizes), sum(sizes.values())) == (320, 5 * 1024**3)
    assert rules.part_sizes((16 << 20) + 1) == {1: 16 << 20, 2: 1}


def test_equal_content_travels_once_and_is_stored_once() -> None:
    upload = opened()
    first, second = announce(upload, {"a.txt": "同样".encode(), "b/a.txt": "同样".encode()})
    assert (bool(first.url), bool(second.url)) == (True, False)
    put(first.url, "同样".encode())
    assert [c.state for c in confirm(upload, "a.txt", "b/a.txt")] == ["stored", "stored"]
    assert seal(upload).state == "sealed"
    assert StoredContent.objects.count() == 1
    later = opened()
    (known,) = announce(later, {"other.txt": "同样".encode()})
    assert (known.state, known.url) == ("stored", "")


def test_nobody_learns_what_another_organization_holds() -> None:
    upload = opened()
    send(upload, {"a.txt": "机密内容".encode()})
    assert seal(upload).state == "sealed"
    other = opened(by=cast.he())
    (answer,) = services.announce(
        by=cast.he(), at=NOON, upload_id=other.pk, files=[told("a.txt", "机密内容".encode())]
    )
    assert (answer.state, bool(answer.url)) == ("announced", True)
    send(other, {"a.txt": "机密内容".encode()}, by=cast.he())
    assert seal(other, by=cast.he()).state == "sealed"
    assert StoredContent.objects.values("organization", "object_key").distinct().count() == 2


def test_another_hash_under_the_same_path_replaces_the_file() -> None:
    upload = opened()
    send(upload, {"a.txt": b"one"})
    send(upload, {"a.txt": b"two"})
    row = UploadFile.objects.get(upload=upload)
    assert (row.sha256, row.state) == (hashlib.sha256(b"two").hexdigest(), "stored")
    version = seal(upload).version
    assert version is not None
    assert objects.get(version.files.get().object_key) == b"two"


def test_a_file_can_be_taken_out() -> None:
    upload = opened()
    send(upload, FILES)
    assert (
        services.remove_files(by=cast.lin(), at=NOON, upload_id=upload.pk, paths=["README.md", "gone.txt"])
        == 1
    )
    assert list(states(upload)) == ["train.csv"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"source": " "}, "source"),
        ({"licence": ""}, "licence"),
        ({}, "authorisation"),
        ({"is_self_produced": True, "collected_from": NOON.date(), "collected_to": NOON.date() - timedelta(1)},
         "collected_to"),
    ],
)  # fmt: skip
def test_a_batch_tells_source_licence_and_authorisation(changes: dict[str, object], field: str) -> None:
    upload = services.open_upload(by=cast.lin(), at=NOON, dataset_id=new_dataset().pk)
    words = {"source": "客服记录", "licence": "书面授权", **changes}
    with pytest.raises(InvalidInput) as refused:
        services.add_batch(by=cast.lin(), at=NOON, upload_id=upload.pk, **words)  # type: ignore[arg-type]
    assert refused.value.field == field
    assert not SourceBatch.objects.exists()


def test_own_data_need_no_authorisation_but_files_need_a_batch() -> None:
    upload = services.open_upload(by=cast.lin(), at=NOON, dataset_id=new_dataset().pk)
    with pytest.raises(services.BatchMissing):
        announce(upload, FILES)
    services.add_batch(
        by=cast.lin(), at=NOON, upload_id=upload.pk, source="自产", licence="自有", is_self_produced=True
    )
    assert [answer.state for answer in announce(upload, FILES)] == ["announced", "announced"]


def test_the_authorisation_of_another_organization_counts_for_nothing() -> None:
    upload = services.open_upload(by=cast.lin(), at=NOON, dataset_id=new_dataset().pk)
    with pytest.raises(NotFound):
        services.add_batch(
            by=cast.lin(), at=NOON, upload_id=upload.pk, source="x", licence="y",
            authorisation_id=authorisation(cast.he()).pk,
        )  # fmt: skip


def test_strangers_see_nothing_and_annotators_may_not() -> None:
    upload = opened()
    with pytest.raises(NotFound):
        services.announce(by=cast.he(), at=NOON, upload_id=upload.pk, files=[told("a.txt", b"x")])
    with pytest.raises(NotFound):
        services.confirm(by=cast.mei(), at=NOON, upload_id=upload.pk, paths=["a.txt"])
    with pytest.raises(NotAllowed):
        services.seal(by=cast.tao(), at=NOON, upload_id=upload.pk)
    with pytest.raises(NotAllowed):
        services.abandon(by=cast.yan(), at=NOON, upload_id=upload.pk)
    assert UploadFile.objects.count() == 0


def test_limits_are_refused_clearly(settings: object) -> None:
    upload = opened()
    settings.UPLOAD_MOST_FILES = 1  # type: ignore[attr-defined]
    with pytest.raises(services.TooManyFiles):
        announce(upload, FILES)
    assert not UploadFile.objects.exists()
    settings.UPLOAD_MOST_FILES, settings.UPLOAD_LARGEST_TOTAL = 9, 10  # type: ignore[attr-defined]
    with pytest.raises(services.TooManyBytes):
        announce(upload, FILES)
    settings.UPLOAD_LARGEST_TOTAL, settings.UPLOAD_LARGEST_FILE = 10**6, 8  # type: ignore[attr-defined]
    assert [answer.code for answer in announce(upload, {"a.txt": b"123456789"})] == ["too_large"]
    with pytest.raises(InvalidInput):
        services.announce(by=cast.lin(), at=NOON, upload_id=upload.pk, files=[told("a", b"x")] * 1001)


def test_an_abandoned_upload_takes_nothing_more_and_leaves_nothing_in_the_store(
    django_capture_on_commit_callbacks: object,
) -> None:
    upload = opened()
    send(upload, FILES)
    announce(upload, {"big.bin": BIG})
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        services.abandon(by=cast.lin(), at=NOON, upload_id=upload.pk, reason="选错了数据集")
    assert objects.sizes_under(upload.prefix) == {}
    parts_id = UploadFile.objects.get(path="big.bin").parts_id
    assert objects.received_parts(UploadFile.objects.get(path="big.bin").waiting_key, parts_id) is None
    with pytest.raises(services.UploadClosed):
        announce(upload, FILES)
    with pytest.raises(MoveNotAllowed):
        services.abandon(by=cast.lin(), at=NOON, upload_id=upload.pk)


def test_sessions_nobody_touches_end_after_thirty_days() -> None:
    idle, busy = opened(), opened()
    Upload.objects.filter(pk=busy.pk).update(touched_at=NOON + timedelta(days=20))
    assert services.abandon_idle(at=NOON + timedelta(days=31)) == 1
    assert dict(Upload.objects.values_list("pk", "state")) == {idle.pk: "abandoned", busy.pk: "open"}


@pytest.mark.django_db(transaction=True)
def test_confirming_from_two_sides_at_once_gives_the_same() -> None:
    upload = opened()
    answers = announce(upload, {"big.bin": BIG, **FILES})
    for answer in answers:
        body = {"big.bin": BIG, **FILES}[answer.path]
        assert not answer.url or put(answer.url, body) == 200
        for number, url in answer.parts.items():
            assert put(url, body[(number - 1) * answer.part_size : number * answer.part_size]) == 200
    lin = cast.lin()

    def confirm_once(_n: int) -> list[str]:
        try:
            found = services.confirm(by=lin, at=NOON, upload_id=upload.pk, paths=["big.bin", *FILES])
            return [each.state for each in found]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(confirm_once, range(4))) == [["stored"] * 3] * 4


def test_every_step_is_in_the_log() -> None:
    upload = opened()
    send(upload, FILES)
    seal(upload)
    actions = AuditEvent.objects.filter(subject_id=upload.pk).values_list("action", flat=True)
    assert set(actions) == {"uploads.open", "uploads.add_batch", "uploads.begin_sealing", "uploads.seal"}
    assert [row.move for row in Transition.objects.filter(subject_id=upload.pk).order_by("pk")] == [
        "begin_sealing",
        "seal",
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE uploads_uploadfile SET sha256 = repeat('0', 64)",
        "DELETE FROM uploads_uploadfile",
        "UPDATE uploads_sourcebatch SET licence = '无'",
        "DELETE FROM uploads_sourcebatch",
        "UPDATE uploads_upload SET state = 'open'",
        "DELETE FROM uploads_upload",
        "UPDATE uploads_storedcontent SET object_key = 'x'",
        "DELETE FROM uploads_storedcontent",
    ],
)
def test_raw_sql_cannot_change_where_a_version_came_from(statement: str) -> None:
    upload = opened()
    send(upload, FILES)
    assert seal(upload).state == "sealed"
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
