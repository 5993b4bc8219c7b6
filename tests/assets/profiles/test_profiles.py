"""What a profile tells of a version, figure by figure."""

from __future__ import annotations

import json

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from annotation.work.models import Review
from assets.datasets.models import LineageRow
from assets.profiles import selectors, services
from assets.profiles.models import Fingerprint, Profile, ProfilePart, SensitiveFinding
from assets.profiles.rules import facts as rules
from assets.profiles.rules.facts import FORMAT, ValueCount
from assets.profiles.services import files as measuring
from audit.models import AuditEvent
from documents import objects
from jobs.models import Job
from kernel.errors import NotAllowed, NotFound
from organizations.permissions import Actor
from tests import cast
from tests.assets.conftest import TEXTS, sealed_version
from tests.assets.profiles.conftest import picture, profiled, version_of
from tests.cast import NOON

pytestmark = pytest.mark.django_db

CSV = """id,姓名,电话,价格,下单日,城市,label
1,王小明,13800138000,10.5,2026-01-05,清远,好
2,李四,13900139000,20,2026-02-01,清远,差
3,张伟,,7.25,2026-03-02,广州,好
4,赵敏,13800138000,100,2027-01-01,清远,好
4,赵敏,13800138000,100,2027-01-01,清远,好
5,多,6,7
""".encode()


def quality(profile: Profile) -> dict[str, tuple[str, int, int]]:
    return {each.code: (each.how, each.numerator, each.denominator) for each in profile.told.quality}


def faults(profile: Profile) -> list[tuple[str, str, int]]:
    return [(fault.path, fault.code, fault.count) for fault in profile.told.faults]


# --- a small table ------------------------------------------------------------------------------


def test_every_column_of_a_small_table_is_counted_exactly() -> None:
    profile = profiled(version_of({"orders.csv": CSV}))
    (table,) = profile.told.tables
    assert (table.path, table.kind, table.row_count) == ("orders.csv", "csv", 5)
    assert (table.rejected_count, table.duplicate_count) == (1, 1)
    counted = [
        (f.name, f.kind, f.filled_count, f.null_count, f.distinct_count, f.conforming_count)
        for f in table.fields
    ]
    assert counted == [
        ("id", "integer", 5, 0, 4, 5),
        ("姓名", "text", 5, 0, 4, 5),
        ("电话", "integer", 4, 1, 2, 4),
        ("价格", "decimal", 5, 0, 4, 5),
        ("下单日", "date", 5, 0, 4, 5),
        ("城市", "text", 5, 0, 2, 5),
        ("label", "text", 5, 0, 2, 5),
    ]
    fields = {f.name: f for f in table.fields}
    assert (fields["id"].minimum, fields["id"].quartiles, fields["id"].maximum) == ("1", ("2", "3", "4"), "4")
    price = fields["价格"]
    assert (price.minimum, price.quartiles, price.maximum) == ("7.25", ("10.5", "20", "100"), "100")
    assert (fields["下单日"].minimum, fields["下单日"].maximum) == ("2026-01-05", "2027-01-01")
    assert fields["城市"].top == (ValueCount("清远", 4),)
    assert profile.told.labels == (ValueCount("好", 4), ValueCount("差", 1))
    assert profile.told.label_field == "label"


def test_the_six_dimensions_come_with_their_counts() -> None:
    profile = profiled(version_of({"orders.csv": CSV}))
    assert quality(profile) == {
        "conformity": ("values_of_kind", 34, 34),
        "completeness": ("values_filled", 34, 35),
        "accuracy": ("rows_not_repeated", 4, 5),
        "consistency": ("nothing_repeated", 0, 0),
        "timeliness": ("dates_not_ahead", 3, 5),
        "accessibility": ("files_read", 1, 1),
    }
    evidence = selectors.evidence_of(profile.version_id)
    assert evidence is not None
    assert [each.ratio_bp for each in evidence.dimensions] == [10_000, 9_714, 8_000, None, 6_000, 10_000]
    assert evidence.dimensions[1].percent == "97.14%"
    assert evidence.dimensions[1].how == "全部行与字段交叉共 35 个格，其中 34 个非空。"
    assert evidence.dimensions[3].how.startswith("未测量：")


def test_values_out_of_form_and_control_characters_lower_conformity() -> None:
    lines = ["n,text"] + [f"{n},正常" for n in range(1, 20)] + ["十,坏\x07字"]
    profile = profiled(version_of({"a.csv": "\n".join(lines).encode()}))
    fields = {f.name: f for f in profile.told.tables[0].fields}
    assert (fields["n"].kind, fields["n"].conforming_count) == ("integer", 19)
    assert fields["text"].conforming_count == 19
    assert quality(profile)["conformity"] == ("values_of_kind", 38, 40)


def test_numbers_that_are_codes_stay_texts() -> None:
    profile = profiled(version_of({"a.csv": b"zip,card\n007,6222020200112233445\n012,6222020200112233446\n"}))
    assert [f.kind for f in profile.told.tables[0].fields] == ["text", "text"]


def test_a_field_with_personal_information_shows_no_value() -> None:
    profile = profiled(version_of({"orders.csv": CSV}))
    fields = {f.name: f for f in profile.told.tables[0].fields}
    for name in ("姓名", "电话"):
        assert fields[name].is_withheld
        assert (fields[name].top, fields[name].minimum, fields[name].quartiles) == ((), "", ())
    found = {(f.kind, f.field): (f.count, f.distinct_count) for f in profile.findings.all()}
    assert found == {("name", "姓名"): (5, 4), ("phone", "电话"): (4, 2)}


def test_no_raw_value_is_stored_or_logged_anywhere(caplog: pytest.LogCaptureFixture) -> None:
    body = f"{CSV.decode()}6,欧阳娜娜,18676326547,1,2026-01-01,清远,好\n".encode()
    version = version_of({"orders.csv": body, "broken.jsonl": b'{"phone": "18676326547"\n\xff'})
    profiled(version)
    with connection.cursor() as cursor:
        for table in ("profile", "profilepart", "sensitivefinding", "fingerprint"):
            cursor.execute(f"SELECT count(*) FROM profiles_{table} AS t WHERE t::text ~ '13800138000|18676326547|王小明|欧阳娜娜'")  # fmt: skip
            assert cursor.fetchone() == (0,), table
        cursor.execute("SELECT count(*) FROM audit_auditevent WHERE detail::text ~ '13800138000|18676326547'")
        assert cursor.fetchone() == (0,)
    assert "18676326547" not in caplog.text
    assert "13800138000" not in caplog.text


# --- annotated versions -------------------------------------------------------------------------


def test_the_reviews_of_a_journey_make_up_its_accuracy() -> None:
    from tests.world import build

    version = build().version
    profile = profiled(version)
    told = profile.told
    assert told.row_count == 8
    assert sum(label.count for label in told.labels) == 8
    assert told.label_field == "labels"
    assert told.texts.languages == {"zh": 8}
    assert quality(profile)["accuracy"] == ("reviews_accepted", 8, 9)
    assert quality(profile)["timeliness"] == ("newest_guideline", 8, 8)
    assert quality(profile)["accessibility"] == ("files_read", version.file_count, version.file_count)
    tasks = LineageRow.objects.filter(version=version).values("task_id")
    assert Review.objects.filter(submission__task_id__in=tasks).count() == 9


def test_labels_languages_and_lengths_of_annotated_texts() -> None:
    profile = profiled(sealed_version())
    assert profile.told.labels == (ValueCount("正面", 2), ValueCount("负面", 2))
    assert [len(text) for text in TEXTS] == [10, 10, 12, 11]
    assert profile.told.texts.lengths == {"10": 2, "11": 1, "12": 1}
    assert faults(profile) == []
    assert profile.told.fingerprint_count == 4


def test_the_same_content_with_other_labels_lowers_consistency() -> None:
    rows = [
        {"text": "同一句话，出现了三次。", "label": "好"},
        {"text": "同一句话，出现了三次。", "label": "差"},
        {"text": "另一句话，出现了两次。", "label": "好"},
        {"text": "另一句话，出现了两次。", "label": "好"},
        {"text": "只出现一次的一句话。", "label": "好"},
    ]
    body = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
    assert quality(profiled(version_of({"a.jsonl": body})))["consistency"] == ("same_labels", 2, 4)


# --- images and texts ---------------------------------------------------------------------------


def test_images_are_counted_by_format_size_and_turn_and_their_place_is_found() -> None:
    version = version_of(
        {
            "a.png": picture(1),
            "b.png": picture(2),
            "c.jpg": picture(3, fmt="JPEG", size=(64, 48), turn=6),
            "d.jpg": picture(4, fmt="JPEG", place=True),
        }
    )
    profile = profiled(version)
    images = profile.told.images
    assert images.formats == {"JPEG": 2, "PNG": 2}
    assert images.modes == {"RGB": 4}
    assert images.sizes == {"120×90": 3, "64×48": 1}
    assert (images.turned_count, images.placed_count) == (1, 1)
    assert [(f.kind, f.path, f.count) for f in profile.findings.all()] == [("image_place", "d.jpg", 1)]
    assert [each["path"] for each in profile.candidates] == ["a.png", "b.png", "c.jpg"]
    assert profile.told.row_count == 4


def test_texts_are_told_by_length_and_language() -> None:
    version = version_of(
        {
            "a.txt": "清远的春天来得早。".encode(),
            "b.txt": b"Spring comes early to Qingyuan.",
            "c.txt": "用 Python 写程序".encode(),
            "d.txt": b"12345",
        }
    )
    texts = profiled(version).told.texts
    assert texts.languages == {"zh": 1, "en": 1, "mixed": 1, "other": 1}
    assert texts.lengths == {"9": 1, "31": 1, "12": 1, "5": 1}


# --- hostile files ------------------------------------------------------------------------------


def test_what_cannot_be_measured_is_listed_and_stops_nothing() -> None:
    wide = ",".join(f"c{n}" for n in range(501)) + "\n" + ",".join("1" for _n in range(501)) + "\n"
    version = version_of(
        {
            "good.csv": b"a,b\n1,2\n",
            "latin.csv": "名称,数量\n茶叶,3\n".encode("gb18030"),
            "wide.csv": wide.encode(),
            "ragged.csv": b"a,b\n1,2\n3\n4,5,6\n7,8\n",
            "lines.jsonl": b'{"a": 1}\n[1]\n{"a": \n\n{"a": 2}\n',
            "empty.txt": b"",
            "fake.png": b"\x89PNG not really",
            "thing.bin": b"\x00\x01",
        }
    )
    profile = profiled(version)
    assert sorted(faults(profile)) == [
        ("empty.txt", "empty", 1),
        ("fake.png", "not_an_image", 1),
        ("latin.csv", "not_utf8", 1),
        ("lines.jsonl", "broken_rows", 2),
        ("ragged.csv", "ragged_rows", 2),
        ("thing.bin", "not_measured", 1),
        ("wide.csv", "too_wide", 1),
    ]
    assert {t.path: t.row_count for t in profile.told.tables} == {
        "good.csv": 1,
        "lines.jsonl": 2,
        "ragged.csv": 2,
    }
    assert quality(profile)["accessibility"] == ("files_read", 8, 8)
    evidence = selectors.evidence_of(version.pk)
    assert evidence is not None
    assert {fault.words for fault in evidence.faults if fault.path == "latin.csv"} == {
        "文本不是 UTF-8 编码。请转存为 UTF-8 后封版新版本。"
    }


def test_a_file_that_is_gone_from_the_store_is_listed() -> None:
    version = version_of({"a.csv": b"a\nonly here 1\n", "b.csv": b"b\nonly here 2\n"})
    objects.remove(version.files.get(path="b.csv").object_key)
    profile = profiled(version)
    assert faults(profile) == [("b.csv", "missing", 1)]
    assert quality(profile)["accessibility"] == ("files_read", 1, 2)


@pytest.mark.parametrize(
    "body",
    [
        b"\n\n\n",
        b'"',
        b'a,"b\nc,d',
        b"a,a,a\n1,2,3\n",
        b"\xef\xbb\xbfa,b\n1,2\n",
        b"a;b\r1;2\r",
        b"a,b\n" + b"x" * 300_000 + b",1\n",
        b"=cmd|' /C calc'!A0,+1\n@SUM(1),-1\n",
        b"a\x00b,c\n1\x00,2\n",
        ("号,值\n" + "\n".join(f"{n},{'值' * 200}" for n in range(50))).encode(),
    ],
)
def test_any_table_gets_a_profile(body: bytes) -> None:
    profile = profiled(version_of({"x.csv": body}))
    assert profile.told.file_count == 1
    assert profile.told.tables or faults(profile)


# --- once, and again ----------------------------------------------------------------------------


def counts() -> tuple[int, ...]:
    models = (Profile, ProfilePart, SensitiveFinding, Fingerprint)
    return tuple(model.objects.count() for model in models)


def test_a_second_run_gives_the_same_profile_and_writes_nothing() -> None:
    version = version_of(
        {"orders.csv": CSV, "a.png": picture(1), "b.txt": "一段足够长的文字，用来做指纹。".encode()}
    )
    first, before = profiled(version), counts()
    assert before == (1, 2, 2, 2)
    assert profiled(version).pk == first.pk
    assert counts() == before
    assert AuditEvent.objects.filter(action="profiles.make").count() == 1


def test_the_same_files_give_the_same_facts_in_another_version() -> None:
    one, other = (profiled(version_of({"orders.csv": CSV, "a.png": picture(1)})) for _n in range(2))
    assert one.facts == other.facts
    assert one.candidates == other.candidates


def test_a_kill_in_the_middle_keeps_the_finished_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    version = version_of({"a.csv": b"a\n1\n", "b.csv": b"b\n2\n", "c.csv": b"c\n3\n"})

    class Killed(BaseException):
        pass

    taken: list[str] = []
    really = measuring.measure

    def die_at_the_second(files, folder, **told):  # type: ignore[no-untyped-def]
        taken.append(files[0].path)
        if len(taken) == 2:
            raise Killed
        return really(files, folder, **told)

    monkeypatch.setattr(measuring, "measure", die_at_the_second)
    with pytest.raises(Killed):
        profiled(version)
    assert (Profile.objects.count(), ProfilePart.objects.count()) == (0, 1)
    profile = profiled(version)
    assert taken == ["a.csv", "b.csv", "b.csv", "c.csv"]
    assert [table.path for table in profile.told.tables] == ["a.csv", "b.csv", "c.csv"]


def test_a_run_that_was_overtaken_writes_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    version = version_of({"orders.csv": CSV})
    really = measuring.measure
    nested: list[Profile] = []

    def overtaken(files, folder, **told):  # type: ignore[no-untyped-def]
        found = really(files, folder, **told)
        if not nested:
            monkeypatch.setattr(measuring, "measure", really)
            nested.append(profiled(version))
        return found

    monkeypatch.setattr(measuring, "measure", overtaken)
    assert profiled(version).pk == nested[0].pk
    assert counts() == (1, 1, 2, 0)


@pytest.mark.parametrize(
    "table", ["profile", "profilepart", "sensitivefinding", "fingerprint", "frozensample"]
)
@pytest.mark.parametrize(
    "statement", ["DELETE FROM profiles_{}", "UPDATE profiles_{} SET version_id = version_id"]
)
def test_raw_sql_changes_nothing_that_was_profiled(table: str, statement: str) -> None:
    version = version_of({"orders.csv": CSV, "b.csv": b"a,label\n1,x\n", "c.png": picture(5)})
    profiled(version)
    services.freeze_sample(by=cast.lin(), at=NOON, version_id=version.pk)
    told = statement.format(table)
    if table == "sensitivefinding":
        told = told.replace("version_id", "profile_id")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(told)


# --- as a job -----------------------------------------------------------------------------------


def test_sealing_queues_the_profile_and_the_worker_makes_it(
    django_capture_on_commit_callbacks: object,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        version = sealed_version()
    job = Job.objects.get(kind="profiles.make")
    assert (job.state, job.arguments, job.organization_id) == (
        "succeeded",
        {"version": str(version.pk)},
        version.dataset.firm_id,
    )
    assert job.result_url == f"/profiles/versions/{version.pk}/"
    assert (job.done_count, job.total_count) == (3, 3)
    assert Profile.objects.get().root_hash == version.root_hash


def test_work_under_way_is_the_answer_to_a_second_request() -> None:
    version = version_of({"a.csv": b"a\n1\n"})
    first = services.queue_profile(by=cast.lin(), at=NOON, version_id=version.pk)
    assert services.queue_profile(by=cast.lin(), at=NOON, version_id=version.pk).pk == first.pk
    profiled(version)
    with pytest.raises(services.ProfileIsCurrent):
        services.queue_profile(by=cast.lin(), at=NOON, version_id=version.pk)
    assert Job.objects.count() == 1


def test_only_who_manages_datasets_of_the_firm_may_ask_for_it() -> None:
    version = version_of({"a.csv": b"a\n1\n"})
    for who, refusal in (
        (cast.he, NotFound),
        (cast.zhou, NotAllowed),
        (cast.mei, NotAllowed),
        (cast.tao, NotAllowed),
    ):
        with pytest.raises(refusal):
            services.queue_profile(by=who(), at=NOON, version_id=version.pk)
    assert Job.objects.count() == 0


def test_what_is_still_being_built_is_not_measured() -> None:
    from assets.datasets.models import DatasetVersion
    from tests.assets.conftest import new_dataset

    version = DatasetVersion.objects.create(dataset=new_dataset(), version=1)
    for call in (services.queue_profile, services.make_profile):
        with pytest.raises(services.NotSealed):
            call(by=Actor.system("测试"), at=NOON, version_id=version.pk)


# --- pure ---------------------------------------------------------------------------------------


@given(st.dictionaries(st.integers(0, 50), st.integers(1, 20), min_size=1), st.integers(1, 100))
def test_a_quantile_is_the_nearest_rank(counted: dict[int, int], percent: int) -> None:
    values = sorted(value for value, count in counted.items() for _n in range(count))
    rank = -(-len(values) * percent // 100)
    assert rules.quantile(counted, percent) == values[max(rank, 1) - 1]


def test_a_profile_survives_its_json() -> None:
    told = profiled(version_of({"orders.csv": CSV, "a.png": picture(1)})).told
    assert rules.from_json(rules.Facts, json.loads(json.dumps(rules.to_json(told)))) == told
    assert FORMAT == 1
