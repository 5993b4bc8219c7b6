"""The dry run: reads every file once, writes what it found as rows, and tells. Nothing reaches the project.

Rows are committed in chunks together with the number of samples passed; a run that comes after a break reads the
files again and goes on writing after that number. Memory holds one chunk, whatever the size of the import.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _
from PIL import Image

from annotation.intake import likeness
from annotation.intake.folders import IMAGE_ENDINGS, Folder
from annotation.intake.models import Intake, IntakeRow
from annotation.intake.outside import Bucket
from annotation.intake.reading import READABLE, plain
from annotation.intake.rules import EXAMPLES, PLAIN, counted, fields_in, personal_in, storable
from annotation.intake.selectors import bucket_of
from annotation.intake.services.locking import locked_intake
from annotation.intake.states import INTAKE, FindingKind, IntakeState
from annotation.labelstudio.importing import Found, Report, read
from annotation.labelstudio.importing.found import ending
from annotation.labelstudio.rules import LabelingConfig
from annotation.projects.models import Item
from annotation.projects.rules import CheckedItem, RawItem, UploadRefused, check, config_for
from annotation.projects.states import RECORD_TYPE, Modality
from audit.services import record
from documents import objects
from kernel.errors import InvalidInput, Refusal
from organizations.permissions import Actor

ROWS_AT_ONCE, IMAGES_AT_ONCE, PAIRS_AT_ONCE = 500, 50, 2_000
MOST_FILES = 200_000
SHOWN_FAULTS, SHOWN_FILES = 200, 20
_PLACE = 0x8825  # EXIF: directory of the place


class Watcher(Protocol):
    """Who is told how far the work is (jobs.services.Progress)."""

    done: int

    def start(self, total: int, *, done: int = 0) -> None: ...

    def advance(self, count: int = 1) -> None: ...


@dataclass
class DryRun:
    """One dry run under way."""

    intake: Intake
    config: LabelingConfig
    folder: Folder
    report: Report
    progress: Watcher
    unused: list[str] = field(default_factory=list)

    @property
    def is_image(self) -> bool:
        return self.intake.project.modality == Modality.IMAGE


def check_intake(*, at: datetime, intake_id: UUID, progress: Watcher) -> Intake | None:
    """Do the dry run of an import, or go on with it; None when there is nothing to do any more.

    A refusal (a store that does not answer) sends the import back to gathering files, with the reason.
    """
    intake = Intake.objects.select_related("project", "storage").filter(pk=intake_id).first()
    if intake is None or intake.state != IntakeState.CHECKING:
        return None
    try:
        report, unused = _staged(intake, progress)
    except Refusal as refusal:
        _reopen(at, intake_id, str(refusal))
        raise
    _mark_known(intake)
    _mark_alike(intake)
    return _conclude(at, intake_id, report, unused)


def _staged(intake: Intake, progress: Watcher) -> tuple[Report, list[str]]:
    project, report = intake.project, Report()
    with opened_files(intake, report) as folder:
        config = config_for(project.modality, project.labeling_config)
        run = DryRun(intake, config, folder, report, progress)
        steps = _Steps(progress, folder.total())
        folder.on_read = steps.read
        images = folder.images() if run.is_image else []
        progress.start(max(folder.total() >> 10, 1) + len(images))
        if run.is_image:
            _stage_images(run, images)
        if intake.form != PLAIN:
            found = read(intake.form, folder, config, report)
            _stage_labels(run, found) if run.is_image else _stage_texts(run, found)
        elif not run.is_image:
            _stage_texts(run, plain(folder, config.fields, report))
        run.unused += _unused(run)
    return report, run.unused


@dataclass
class _Steps:
    """Bytes of lines as steps of a kilobyte."""

    progress: Watcher
    total: int
    count: int = 0

    def read(self, size: int) -> None:
        before, self.count = self.count >> 10, self.count + size
        if (self.count >> 10) > before:
            self.progress.advance((self.count >> 10) - before)


def _unused(run: DryRun) -> list[str]:
    """Files that nobody reads in this form."""
    if run.intake.form != PLAIN:
        return []
    wanted = IMAGE_ENDINGS if run.is_image else READABLE
    return [name for name in run.folder.names() if ending(name) not in wanted]


# --- the files --------------------------------------------------------------------------------------


@contextmanager
def opened_files(intake: Intake, report: Report) -> Iterator[Folder]:
    """The import's files, fetched into a folder of their own that ends with the work; images stay where they are."""
    with tempfile.TemporaryDirectory(prefix="intake-") as place:
        root = Path(place)
        folder = Folder(root, report, settings.INTAKE_LARGEST_TOTAL)
        for number, file in enumerate(intake.files.order_by("path")):
            target = root / f"u{number}"
            with target.open("wb") as out:
                for chunk in objects.stream(file.object_key):
                    out.write(chunk)
            folder.add(file.path, target)
        if intake.storage is not None:
            _add_objects(intake, folder)
        try:
            yield folder
        finally:
            folder.close()


def _add_objects(intake: Intake, folder: Folder) -> None:
    bucket: Bucket = bucket_of(intake)
    listed = bucket.listed(intake.prefix, MOST_FILES)
    if len(listed) > MOST_FILES:
        words = _("前缀下的文件超过 %(count)s 个，请填更长的前缀，分几次导入。")
        raise InvalidInput(field="prefix", reason=words % {"count": f"{MOST_FILES:,}"})
    left = settings.INTAKE_LARGEST_TOTAL
    base = intake.prefix.rpartition("/")[0]
    for number, each in enumerate(listed):
        name = each.name.removeprefix(base).lstrip("/")
        if ending(name) in IMAGE_ENDINGS:
            limit = each.size + 1
            folder.add_remote(name, each.size, lambda key=each.name, most=limit: bucket.whole(key, most))  # type: ignore[misc]
            continue
        left -= each.size
        if each.size > settings.INTAKE_LARGEST_FILE or left < 0:
            folder.report.refuse(name, 0, "too_large", _("文件过大，请拆分，或分几次导入。"))
            continue
        target = folder.root / f"s{number}"
        with target.open("wb") as out:
            for chunk in bucket.chunks(each.name, each.size):
                out.write(chunk)
        folder.add(name, target)


# --- images -----------------------------------------------------------------------------------------


def _stage_images(run: DryRun, names: Sequence[str]) -> None:
    """A row for each image, in the order of their paths; those that have one are not opened again."""
    for start in range(0, len(names), IMAGES_AT_ONCE):
        chunk = names[start : start + IMAGES_AT_ONCE]
        there = set(run.intake.rows.filter(file__in=chunk).values_list("file", flat=True))
        rows = []
        for place, name in enumerate(chunk, start):
            if name not in there and (row := _image_row(run, place, name)) is not None:
                rows.append(row)
        IntakeRow.objects.bulk_create(rows)
        run.progress.advance(len(chunk))
    sizes = run.intake.rows.values_list("file", "width", "height").iterator(5_000)
    run.folder.sizes = {name: (wide, high) for name, wide, high in sizes if wide and high}


def _image_row(run: DryRun, place: int, name: str) -> IntakeRow | None:
    body = run.folder.image(name)
    try:
        checked = check(RawItem(name, body, "image/png"), run.intake.project.modality)
    except UploadRefused as refusal:
        run.report.refuse(name, 0, "image_refused", str(refusal.context["reason"]))
        return None
    with Image.open(io.BytesIO(body)) as image:
        found = likeness.wave_fingerprint(image)
        has_place = bool(image.getexif().get_ifd(_PLACE))
    return _row(run, place, name, 0, checked, found, {FindingKind.IMAGE_PLACE.value: 1} if has_place else {})


def _row(
    run: DryRun,
    ordinal: int,
    file: str,
    line: int,
    checked: CheckedItem,
    found: tuple[bytes, list[int]] | None,
    personal: dict[str, int],
) -> IntakeRow:
    return IntakeRow(
        intake=run.intake,
        ordinal=ordinal,
        file=file[:400],
        line=line,
        media_type=checked.raw.media_type,
        size=len(checked.raw.body),
        sha256=checked.raw.sha256,
        text=checked.text,
        width=checked.width,
        height=checked.height,
        digest=found[0] if found else None,
        bands=found[1] if found else [],
        personal=personal,
    )


# --- texts ------------------------------------------------------------------------------------------


def _result_of(one: Found) -> dict[str, Any]:
    scores = [each.get("score") for each in one.result]
    numbers = [float(each) for each in scores if isinstance(each, int | float) and 0 <= each <= 1]
    return {
        "result": one.result,
        "is_prediction": one.is_prediction,
        "score": one.score if one.score is not None else min(numbers, default=None),
        "version": storable(one.version),
    }


def _stage_texts(run: DryRun, found: Iterator[Found]) -> None:
    """A row for each sample; several results of one sample lie together in its row."""
    passed = run.intake.staged_count
    samples = enumerate(groupby(found, key=lambda one: (one.file, one.line)))
    while chunk := [(number, list(group)) for number, (_key, group) in islice(samples, ROWS_AT_ONCE)]:
        rows = []
        for number, group in chunk:
            row = _text_row(run, number, group, is_passed=number < passed)
            if row is not None:
                rows.append(row)
        until = chunk[-1][0] + 1
        if until > passed:
            with transaction.atomic():
                IntakeRow.objects.bulk_create(rows)
                Intake.objects.filter(pk=run.intake.pk).update(staged_count=until)


def _text_row(run: DryRun, number: int, group: Sequence[Found], *, is_passed: bool) -> IntakeRow | None:
    """The sample's row; a fault is told also when the sample was passed before a break."""
    first, fields = group[0], run.config.fields
    file = first.file.replace(".parquet.jsonl", ".parquet")
    if len(fields) > 1:
        told = json.dumps(dict(first.task), ensure_ascii=False, sort_keys=True)
        raw = RawItem(file, told.encode(errors="surrogatepass"), RECORD_TYPE)
    else:
        raw = RawItem(file, first.task[fields[0]].encode(errors="surrogatepass"))
    try:
        checked = check(raw, run.intake.project.modality, fields)
    except UploadRefused as refusal:
        run.report.refuse(file, first.line, "item_refused", str(refusal.context["reason"]))
        return None
    if is_passed:
        return None
    texts = fields_in(checked.text, checked.raw.media_type, fields[0])
    likened = likeness.text_fingerprint("\n".join(texts.values()))
    row = _row(run, number, file, first.line, checked, likened, counted(personal_in(texts)))
    row.results = [_result_of(one) for one in group if one.result]
    return row


# --- labels of images -------------------------------------------------------------------------------


def _stage_labels(run: DryRun, found: Iterator[Found]) -> None:
    """Results go to the rows of their images; one whose image did not come is a fault."""
    passed, number = run.intake.staged_count, 0
    while chunk := list(islice(found, ROWS_AT_ONCE)):
        rows = {row.file: row for row in run.intake.rows.filter(file__in={one.key for one in chunk})}
        changed: dict[int, IntakeRow] = {}
        for one in chunk:
            number += 1
            row = rows.get(one.key)
            if row is None:
                words = _("没有图像“%(name)s”，请把它一并上传，或检查路径。")
                run.report.refuse(one.file, one.line, "image_absent", words % {"name": one.key[:100]})
            elif one.result and number > passed:
                row.results = [*row.results, _result_of(one)]
                changed[row.pk] = row
        if number > passed:
            with transaction.atomic():
                IntakeRow.objects.bulk_update(changed.values(), ["results"])
                Intake.objects.filter(pk=run.intake.pk).update(staged_count=number)


# --- duplicates -------------------------------------------------------------------------------------


def _mark_known(intake: Intake) -> None:
    """Say which rows repeat an earlier one, and which the project has, also under a mask. The same whenever it runs."""
    table, items = IntakeRow._meta.db_table, Item._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} r SET is_repeat = true FROM (SELECT id, row_number() OVER"
            f" (PARTITION BY sha256 ORDER BY ordinal) AS place FROM {table} WHERE intake_id = %s) n"
            " WHERE n.id = r.id AND n.place > 1 AND NOT r.is_repeat",
            [intake.pk],
        )
        cursor.execute(
            f"UPDATE {table} r SET known_item_id = i.id FROM {items} i"
            " WHERE r.intake_id = %s AND i.project_id = %s AND i.sha256 = r.sha256",
            [intake.pk, intake.project_id],
        )
        cursor.execute(
            f"UPDATE {table} r SET known_item_id = e.item_id FROM {table} e"
            f" JOIN {Intake._meta.db_table} o ON o.id = e.intake_id AND o.project_id = %s"
            " WHERE r.intake_id = %s AND e.intake_id <> r.intake_id AND e.sha256 = r.sha256"
            " AND e.item_id IS NOT NULL AND r.known_item_id IS NULL",
            [intake.project_id, intake.pk],
        )


_CANDIDATES = """
WITH banded AS (
    SELECT r.id, r.intake_id = %(intake)s AS is_own, r.ordinal, unnest(r.bands) AS band
    FROM {rows} r JOIN {intakes} i ON i.id = r.intake_id
    WHERE i.project_id = %(project)s AND r.digest IS NOT NULL AND NOT r.is_repeat
      AND (r.intake_id = %(intake)s AND r.known_item_id IS NULL OR r.intake_id <> %(intake)s AND r.item_id IS NOT NULL)
), ranked AS (
    SELECT id, is_own, ordinal,
        first_value(id) OVER w AS leader, lag(id) OVER w AS neighbour
    FROM banded WINDOW w AS (PARTITION BY band ORDER BY is_own, ordinal, id)
)
SELECT ordinal, id, other FROM (
    SELECT ordinal, id, leader AS other FROM ranked WHERE is_own AND leader <> id
    UNION
    SELECT ordinal, id, neighbour FROM ranked WHERE is_own AND neighbour IS NOT NULL
) pairs ORDER BY ordinal, id, other
"""
"""Rows that share a band, each with the band's first and with the one before it: as many as bands, not as pairs."""


def _mark_alike(intake: Intake) -> None:
    """Say of each row which earlier one, of this import or of the project, it is nearly the same as.

    Leaders only: what is left out is always nearly the same as something that is kept.
    """
    is_image = intake.project.modality == Modality.IMAGE
    intake.rows.filter(alike__isnull=False).update(alike=None, alike_percent=0)
    statement = _CANDIDATES.format(rows=IntakeRow._meta.db_table, intakes=Intake._meta.db_table)
    followers: dict[int, int] = {}
    with connection.cursor() as cursor:
        cursor.execute(statement, {"intake": intake.pk, "project": intake.project_id})
        grouped = groupby(_fetched(cursor), key=lambda pair: pair[1])
        while chunk := [(own, [pair[2] for pair in group]) for own, group in islice(grouped, PAIRS_AT_ONCE)]:
            _judge(chunk, followers, is_image=is_image)


def _fetched(cursor: Any) -> Iterator[tuple[int, int, int]]:
    while rows := cursor.fetchmany(PAIRS_AT_ONCE):
        yield from rows


def _judge(chunk: Sequence[tuple[int, list[int]]], followers: dict[int, int], *, is_image: bool) -> None:
    wanted = {own for own, _others in chunk} | {
        followers.get(other, other) for _own, others in chunk for other in others
    }
    digests = {
        key: bytes(digest or b"")
        for key, digest in IntakeRow.objects.filter(pk__in=wanted).values_list("pk", "digest")
    }
    similar = likeness.wave_similarity_percent if is_image else likeness.similarity_percent
    found = []
    for own, others in chunk:
        best, percent = None, 0
        for other in dict.fromkeys(followers.get(other, other) for other in others):
            if other not in digests or other == own:
                continue
            if is_image:
                is_alike = likeness.distance(digests[own], digests[other]) <= likeness.MOST_WAVE_DISTANCE
            else:
                is_alike = likeness.similarity_percent(digests[own], digests[other]) >= likeness.ALIKE_PERCENT
            if is_alike and (told := similar(digests[own], digests[other])) > percent:
                best, percent = other, told
        if best is not None:
            followers[own] = best
            found.append(IntakeRow(pk=own, alike_id=best, alike_percent=percent))
    IntakeRow.objects.bulk_update(found, ["alike", "alike_percent"], batch_size=ROWS_AT_ONCE)


# --- what it comes to -------------------------------------------------------------------------------


@transaction.atomic
def _conclude(at: datetime, intake_id: UUID, report: Report, unused: Sequence[str]) -> Intake | None:
    intake = locked_intake(intake_id)
    if intake.state != IntakeState.CHECKING:
        return None
    intake.found = {
        **_counts(intake),
        "faults": [
            {
                "file": storable(each.file.replace(".parquet.jsonl", ".parquet")),
                "line": each.line,
                "code": each.code,
                "message": storable(each.message),
            }
            for each in report.faults[:SHOWN_FAULTS]
        ],
        "fault_count": report.fault_count,
        "losses": {code: count for code, count in report.losses.items() if code != "unlabelled"},
        "personal": _personal(intake),
        "unused": list(unused[:SHOWN_FILES]),
        "unused_count": len(unused),
    }
    by = Actor.system("intake")
    INTAKE.move(intake, "conclude", by=by, at=at, update_fields=["found"])
    counts = {name: intake.found[name] for name in ("rows", "fresh", "near", "personal_rows", "fault_count")}
    record(by=by, at=at, action="intake.conclude", subject=intake, detail=counts)
    return intake


def _counts(intake: Intake) -> dict[str, int]:
    rows = intake.rows
    fresh = rows.filter(is_repeat=False, known_item=None)
    return {
        "rows": rows.count(),
        "repeats": rows.filter(is_repeat=True).count(),
        "known": rows.filter(is_repeat=False, known_item__isnull=False).count(),
        "fresh": fresh.count(),
        "near": fresh.filter(alike__isnull=False).count(),
        "personal_rows": fresh.exclude(personal={}).count(),
        "labelled": rows.exclude(results=[]).count(),
    }


def _personal(intake: Intake) -> list[dict[str, Any]]:
    """Per kind: how many pieces in how many rows, and a few masked examples."""
    field_ = config_for(intake.project.modality, intake.project.labeling_config).fields[0]
    found: dict[str, dict[str, Any]] = {}
    rows = intake.rows.filter(is_repeat=False, known_item=None).exclude(personal={})
    for personal, text, media_type in rows.values_list("personal", "text", "media_type").iterator(1_000):
        for kind, count in personal.items():
            told = found.setdefault(kind, {"kind": kind, "count": 0, "rows": 0, "examples": []})
            told["count"] += count
            told["rows"] += 1
        if text and any(len(found[kind]["examples"]) < EXAMPLES for kind in personal):
            for hit in personal_in(fields_in(text, media_type, field_)):
                shown = found[hit.kind.value]["examples"]
                if hit.masked not in shown and len(shown) < EXAMPLES:
                    shown.append(hit.masked)
    return sorted(found.values(), key=lambda told: (-told["count"], told["kind"]))


@transaction.atomic
def _reopen(at: datetime, intake_id: UUID, reason: str) -> None:
    intake = locked_intake(intake_id)
    if intake.state == IntakeState.CHECKING:
        INTAKE.move(intake, "reopen", by=Actor.system("intake"), at=at, reason=reason)
