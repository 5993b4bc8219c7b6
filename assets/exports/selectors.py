"""Reading exports: what there is, what could be made, and the facts the metadata documents are written from."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePosixPath
from uuid import UUID

from django.core.cache import cache
from django.db.models import Count, Max, Min, Q, QuerySet

from annotation.labelstudio import rules as labelstudio
from annotation.work.models import Review
from assets.datasets.lineage import sources_of
from assets.datasets.models import DatasetFile, DatasetVersion, LineageRow
from assets.datasets.rules import ROWS_PATH, item_path
from assets.datasets.selectors import version_for, versions_visible_to
from assets.datasets.states import VersionState
from assets.exports import owned
from assets.exports.formats.kinds import FORMATS, Format, Unfit, kinds_for
from assets.exports.formats.losses import LossReport, measure
from assets.exports.formats.parquet import COLUMNS
from assets.exports.formats.rows import Shape, Size, ordered_classes, read_lines, shape_of
from assets.exports.formats.tables import (
    ENDINGS,
    LINES,
    TableFile,
    TableUnfit,
    ending_of,
    is_nested,
    one_table,
)
from assets.exports.metadata.told import ROWS_TYPE, BatchFact, Column, FileFact, FileGroup, Steps, Table, Told
from assets.exports.models import Export
from documents import objects
from jobs.models import Job
from jobs.selectors import jobs_visible_to
from jobs.states import JobState
from organizations.permissions import Actor

JOB_KIND = "exports.make"
MEASURED_AT_ONCE = 8 * 1024 * 1024
"""Bytes of rows that are measured while the reader waits; the job that writes an export measures larger ones."""
LISTED_FILES = 200
LISTED_TABLES = 20
TABLE_LIMIT = 4 * 1024 * 1024
"""Bytes of a table of own data up to which its columns are read for the metadata."""
SHAPE_KEY = "exports.shape.2."
LOSS_KEY = "exports.losses.1.{}.{}"
PREVIEWED = 300
"""Rows that are written and read back to show what a format keeps before it is made."""
MOST_MEASURED = 20
"""Images whose size is looked up while the reader waits."""


def exports_visible_to(viewer: Actor) -> QuerySet[Export]:
    """Exports of the versions that the viewer sees."""
    return Export.objects.filter(version__in=versions_visible_to(viewer))


def export_of(version_id: UUID, code: str) -> Export | None:
    """The export of a version in a format, in the writer's present version, if it was made."""
    kind = FORMATS.get(code)
    if kind is None:
        return None
    found = Export.objects.select_related("version__dataset")
    return found.filter(version_id=version_id, format=code, format_version=kind.format_version).first()


def export_for(viewer: Actor, version_id: UUID, code: str) -> Export | None:
    """The same for a viewer; NotFound when the version is not theirs to see."""
    version_for(viewer, version_id)
    return export_of(version_id, code)


# --- which formats ------------------------------------------------------------------------------


def rows_file(version: DatasetVersion) -> DatasetFile | None:
    """The file of annotated rows, in versions that have one of our making."""
    return version.files.filter(path=ROWS_PATH).first() if version.project_id else None


def sizes_of(version: DatasetVersion) -> dict[str, Size]:
    """Width and height of the images of a version, by path, as the platform measured them."""
    rows = LineageRow.objects.filter(version=version, task__item__width__isnull=False)
    told = rows.values_list(
        "task__item__ordinal", "task__item__media_type", "task__item__width", "task__item__height"
    )
    return {
        item_path(ordinal, kind): (wide, high)
        for ordinal, kind, wide, high in told.iterator()
        if wide and high
    }


def config_of(version: DatasetVersion) -> labelstudio.LabelingConfig | None:
    """The labeling config a version was annotated with; None for own data and for one that is no longer read."""
    if version.project is None:
        return None
    try:
        return labelstudio.parse_config(version.project.labeling_config)
    except labelstudio.ConfigRefused:
        return None


def shown_field(version: DatasetVersion) -> str:
    """What the config calls the text or image that it shows; "" for own data and where it shows several."""
    config = config_of(version)
    return config.objects[0].field if config and len(config.objects) == 1 else ""


def classes_of(version: DatasetVersion, kinds: Sequence[str], found: Sequence[str]) -> tuple[str, ...]:
    """Labels of the controls of these kinds in the order of the config, then whatever else was found."""
    config = config_of(version)
    told = (
        [label for control in config.controls if control.kind in kinds for label in control.labels]
        if config
        else []
    )
    return ordered_classes(told, found)


def classes_for(version: DatasetVersion, code: str, shape: Shape) -> tuple[str, ...]:
    """The labels that a format numbers, in its order: of spans for CoNLL, of boxes and outlines for the others."""
    if code == "conll":
        return classes_of(version, (labelstudio.LABELS,), shape.span_names)
    return classes_of(version, (labelstudio.RECTANGLES, labelstudio.POLYGONS), shape.class_names)


def keep_shape(version: DatasetVersion, shape: Shape) -> None:
    """Remember what was measured; it follows from the content, so it never grows old."""
    cache.set(SHAPE_KEY + version.root_hash, shape.as_json(), timeout=None)


def known_shape(version: DatasetVersion) -> Shape | None:
    """What a version holds: measured before, or now when that is quick; None when only a job should."""
    told = cache.get(SHAPE_KEY + version.root_hash)
    if told is not None:
        return Shape.of_json(told)
    file = rows_file(version)
    if version.project_id is None:
        found = _own_shape(version)
        if found is None:
            return None
        shape = found
    elif file is None:
        shape = Shape(byte_count=version.byte_count)
    elif file.size <= MEASURED_AT_ONCE:
        rows = read_lines(objects.get(file.object_key).splitlines(), sizes_of(version))
        shape = shape_of(rows, byte_count=version.byte_count)
    else:
        return None
    keep_shape(version, shape)
    return shape


def _own_shape(version: DatasetVersion) -> Shape | None:
    """What a version of own files holds; None when it takes longer than a reader should wait."""
    holding = owned.holding_of(version)
    if holding.byte_count > MEASURED_AT_ONCE:
        return None
    with tempfile.TemporaryDirectory(prefix="qingshu-own-") as name:
        folder = Path(name)
        brought = owned.bring(version, holding, folder, lambda file: objects.stream(file.object_key))
        paths = owned.unsized(brought)
        if len(paths) > MOST_MEASURED:
            return None
        brought.sizes = owned.measure_images(version, paths)
        return owned.measured(version, holding, brought)


def _own_guesses(version: DatasetVersion) -> Iterator[Shape]:
    """Shapes that a version of own files may have, by the names of its files."""
    holding = owned.holding_of(version)
    plain = Shape(
        byte_count=version.byte_count,
        is_own=True,
        image_count=holding.image_count,
        table_count=len(holding.tables),
        table_rows=len(holding.tables),
    )
    yield plain
    if holding.documents or any(ending_of(file.path) in LINES for file in holding.tables):
        rows = replace(plain, row_count=1)
        if holding.image_count:
            yield replace(rows, box_count=1)
            yield replace(rows, polygon_count=1)
        else:
            yield replace(rows, span_count=1)


def _guesses(version: DatasetVersion) -> Iterator[Shape]:
    """Shapes that a version not yet measured may have, from its labeling config."""
    if version.project_id is None:
        yield from _own_guesses(version)
        return
    config = config_of(version)
    kinds = {control.kind for control in config.controls} if config else set()
    plain = Shape(row_count=version.row_count, byte_count=version.byte_count)
    yield replace(plain, span_count=int(labelstudio.LABELS in kinds))
    if labelstudio.RECTANGLES in kinds:
        yield replace(plain, box_count=1)
    if labelstudio.POLYGONS in kinds:
        yield replace(plain, polygon_count=1)


def fitting(version: DatasetVersion) -> dict[str, Unfit | None]:
    """Every format with None when it fits; for a version not yet measured, when it may."""
    shape = known_shape(version)
    return kinds_for(shape) if shape is not None else _guessed(version)


def _guessed(version: DatasetVersion) -> dict[str, Unfit | None]:
    told = [kinds_for(guess) for guess in _guesses(version)]
    return {code: None if any(each[code] is None for each in told) else told[0][code] for code in FORMATS}


def formats_offered(version: DatasetVersion) -> list[Format]:
    """The formats a buyer may expect of a version, for its public page: nothing is read from the store."""
    told = cache.get(SHAPE_KEY + version.root_hash)
    if told is None and version.project_id is None:  # what may fail once it is measured is not promised
        holding = owned.holding_of(version)
        is_sure = len(holding.tables) == 1
        unfit = kinds_for(
            Shape(byte_count=version.byte_count, is_own=True, table_count=1, table_rows=int(is_sure))
        )
    else:
        unfit = kinds_for(Shape.of_json(told)) if told is not None else _guessed(version)
    return [kind for code, kind in FORMATS.items() if unfit[code] is None]


@dataclass(frozen=True, slots=True)
class Offer:
    """One format of a version: made (`export`), on its way or failed (`job`), to be had, or unfit."""

    kind: Format
    unfit: Unfit | None
    export: Export | None
    job: Job | None

    @property
    def state(self) -> str:
        if self.export:
            return "made"
        if self.job and self.job.state in (JobState.QUEUED, JobState.RUNNING):
            return "making"
        if self.unfit:
            return "unfit"
        return "failed" if self.job else "open"


def waiting_job(viewer: Actor, version_id: UUID, code: str) -> Job | None:
    """The job of the viewer's organization that is writing this export."""
    rows = jobs_visible_to(viewer).filter(kind=JOB_KIND, state__in=(JobState.QUEUED, JobState.RUNNING))
    return rows.filter(arguments__version=str(version_id), arguments__format=code).order_by("-pk").first()


def offers(viewer: Actor, version: DatasetVersion) -> list[Offer]:
    """Every format of a version as the viewer may have it; the caller let the viewer see the version."""
    made = {each.format: each for each in Export.objects.filter(version=version) if _is_present(each)}
    jobs: dict[str, Job] = {}
    for job in (
        jobs_visible_to(viewer).filter(kind=JOB_KIND, arguments__version=str(version.pk)).order_by("pk")
    ):
        jobs[job.arguments["format"]] = job
    unfit = fitting(version)
    return [Offer(kind, unfit[code], made.get(code), jobs.get(code)) for code, kind in FORMATS.items()]


def is_open(version: DatasetVersion) -> bool:
    """Whether new exports may be made of it: sealed and not withdrawn."""
    return bool(version.state == VersionState.SEALED)


# --- what a format keeps ------------------------------------------------------------------------


def losses_of(version: DatasetVersion) -> dict[str, LossReport]:
    """What each fitting format keeps, by code: of all rows where it was made, else of the first PREVIEWED ones.

    None for versions that only a job should measure, and for tables without annotations. The caller let the viewer
    see the version.
    """
    made = {each.format: each.losses for each in Export.objects.filter(version=version) if _is_present(each)}
    found = {code: LossReport.of_json(told) for code, told in made.items() if told}
    shape = known_shape(version)
    if shape is None or not shape.row_count:
        return found
    fit = [code for code, unfit in kinds_for(shape).items() if unfit is None]
    keys = {LOSS_KEY.format(version.root_hash, code): code for code in fit if code not in found}
    held = cache.get_many(keys)
    missing = [code for key, code in keys.items() if key not in held]
    measured = _previewed(version, shape, missing) if missing else {}
    cache.set_many(
        {LOSS_KEY.format(version.root_hash, code): each.as_json() for code, each in measured.items()}, None
    )
    found |= measured | {keys[key]: LossReport.of_json(told) for key, told in held.items()}
    return {code: found[code] for code in FORMATS if code in found}


def _is_present(export: Export) -> bool:
    return export.format in FORMATS and export.format_version == FORMATS[export.format].format_version


def _previewed(version: DatasetVersion, shape: Shape, codes: Sequence[str]) -> dict[str, LossReport]:
    with tempfile.TemporaryDirectory(prefix="qingshu-loss-") as name:
        lines, sizes = _first_rows(version, Path(name))
    return {
        code: measure(
            lines, code=code, classes=classes_for(version, code, shape), sizes=sizes, all_rows=shape.row_count
        )
        for code in codes
    }


def _first_rows(version: DatasetVersion, folder: Path) -> tuple[list[bytes], dict[str, Size]]:
    """The first rows as JSON lines, and the sizes of images."""
    file = rows_file(version)
    if file is not None:
        return list(islice(_lines(objects.stream(file.object_key)), PREVIEWED)), sizes_of(version)
    brought = owned.bring(
        version, owned.holding_of(version), folder, lambda each: objects.stream(each.object_key)
    )
    sizes = owned.measure_images(version, owned.unsized(brought))
    with brought.rows.open("rb") as lines:
        return list(islice(lines, PREVIEWED)), sizes


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a stream, as they come."""
    held = b""
    for chunk in chunks:
        *whole, held = (held + chunk).split(b"\n")
        yield from whole
    if held:
        yield held


# --- facts for metadata -------------------------------------------------------------------------


def told_of(version: DatasetVersion) -> Told:
    """Everything this domain knows of a version for its documents; a constant number of queries."""
    dataset, project = version.dataset, version.project
    files, groups = _files(version)
    config = config_of(version)
    assert version.sealed_at is not None, "only a sealed version is described"
    return Told(
        version_id=version.pk,
        dataset_id=dataset.pk,
        number=dataset.number,
        version=version.version,
        name=dataset.name,
        name_en=dataset.name_en,
        description=dataset.description,
        modality=str(dataset.modality),
        firm=dataset.firm.name,
        firm_code=dataset.firm.uscc,
        sealed_at=version.sealed_at,
        root_hash=version.root_hash,
        row_count=version.row_count,
        byte_count=version.byte_count,
        file_count=version.file_count,
        files=files,
        groups=groups,
        tables=_tables(version, files),
        controls=sorted({control.kind for control in config.controls}) if config else [],
        labels=list(version.label_counts),
        batches=_batches(version),
        steps=_steps(version, project.number if project else ""),
    )


def _fact(file: DatasetFile) -> FileFact:
    return FileFact(file.path, file.size, file.sha256, file.media_type)


def _files(version: DatasetVersion) -> tuple[list[FileFact], list[FileGroup]]:
    """The files by path up to LISTED_FILES; of more, tables and top files by name and the rest by pattern."""
    rows = version.files.order_by("path")
    if version.file_count <= LISTED_FILES:
        return [_fact(file) for file in rows], []
    named = Q(path=ROWS_PATH) | ~Q(path__contains="/")
    listed = list(rows.filter(named)[:LISTED_FILES])
    counts: dict[tuple[str, str], int] = defaultdict(int)
    others = rows.exclude(pk__in=[file.pk for file in listed]).values_list("path", "media_type")
    for path, media_type in others.iterator():
        folder, ending = path.partition("/")[0] if "/" in path else "", PurePosixPath(path).suffix
        counts[f"{folder}/**/*{ending}" if folder and not path.startswith("items/") else
               f"{folder}/*{ending}" if folder else f"*{ending}", media_type] += 1  # fmt: skip
    return [_fact(file) for file in listed], [FileGroup(*key, count) for key, count in sorted(counts.items())]


_KINDS = {"VARCHAR[]": "list", "JSON": "object", "INTEGER": "integer"}
_DUCK_KINDS = {
    "BIGINT": "integer", "INTEGER": "integer", "SMALLINT": "integer", "TINYINT": "integer", "UBIGINT": "integer",
    "UINTEGER": "integer", "DOUBLE": "number", "FLOAT": "number", "BOOLEAN": "boolean", "DATE": "date",
    "TIMESTAMP": "datetime", "VARCHAR[]": "list",
}  # fmt: skip
_TABLE_TYPES = {
    ".csv": "text/csv", ".tsv": "text/tab-separated-values", ".jsonl": ROWS_TYPE, ".ndjson": ROWS_TYPE,
    ".parquet": "application/x-parquet",
}  # fmt: skip


def _tables(version: DatasetVersion, files: Sequence[FileFact]) -> list[Table]:
    if version.project_id:
        columns = [
            Column(field["name"], _KINDS.get(COLUMNS[field["name"]], "string"), field["description"], field["description_en"])
            for field in version.dictionary
            if field["name"] in COLUMNS
        ]  # fmt: skip
        return [Table(ROWS_PATH, ROWS_TYPE, columns)]
    found = [file for file in files if ending_of(file.path) in ENDINGS]
    small = [file for file in found if file.size <= TABLE_LIMIT][:LISTED_TABLES]
    keys = dict(
        version.files.filter(path__in=[file.path for file in small]).values_list("path", "object_key")
    )
    words = {field["name"]: (field["description"], field["description_en"]) for field in version.dictionary}
    tables = []
    for file in found[:LISTED_TABLES]:
        kinds = _columns(file, keys[file.path]) if file.path in keys else _told_columns(version, found)
        if columns := [Column(name, kind, *words.get(name, ("", ""))) for name, kind in kinds]:
            tables.append(Table(file.path, _TABLE_TYPES[ending_of(file.path)], columns))
    return tables


_TOLD_KINDS = {
    "integer": "integer", "number": "number", "boolean": "boolean", "bigint": "integer", "double": "number",
    "string": "string", "varchar": "string", "date": "date",
}  # fmt: skip


def _told_columns(version: DatasetVersion, tables: Sequence[FileFact]) -> list[tuple[str, str]]:
    """The columns of a table too large to read here: those of the dictionary, when it is the only one."""
    if len(tables) != 1:
        return []
    fields = [(field["name"], _TOLD_KINDS.get(field["type"], "")) for field in version.dictionary]
    return [(name, kind) for name, kind in fields if kind]


def _columns(file: FileFact, object_key: str) -> list[tuple[str, str]]:
    """Names and kinds of a table's columns as an export types them; nested ones are left out, none when unreadable."""
    ending = ending_of(file.path)
    key = f"exports.columns.2.{file.sha256}{ending}"
    told = cache.get(key)
    if told is None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            path = folder / f"table{ending}"
            path.write_bytes(objects.get(object_key))
            try:
                with one_table([TableFile(file.path, path)]) as table:
                    told = json.dumps(list(table.columns.items()))
            except TableUnfit:
                told = "[]"
        cache.set(key, told, timeout=None)
    return [
        (name, _DUCK_KINDS.get(kind, "string"))
        for name, kind in json.loads(told)
        if kind in _DUCK_KINDS or not (is_nested(kind) or kind == "JSON")
    ]


def _batches(version: DatasetVersion) -> list[BatchFact]:
    if not version.project_id:
        pairs = dict.fromkeys(sources_of(version))
        return [BatchFact(ordinal, *pair) for ordinal, pair in enumerate(pairs, start=1)]
    rows = LineageRow.objects.filter(version=version)
    told = rows.values(
        "task__item__batch__ordinal", "task__item__batch__source", "task__item__batch__licence",
        "task__item__batch__imported_at",
    ).annotate(items=Count("task__item", distinct=True)).order_by("task__item__batch__ordinal")  # fmt: skip
    return [
        BatchFact(
            ordinal=row["task__item__batch__ordinal"],
            source=row["task__item__batch__source"],
            licence=row["task__item__batch__licence"],
            imported_at=row["task__item__batch__imported_at"],
            item_count=row["items"],
        )
        for row in told
    ]


def _steps(version: DatasetVersion, project_number: str) -> Steps:
    rows = LineageRow.objects.filter(version=version)
    times = rows.aggregate(first=Min("submission__submitted_at"), last=Max("submission__submitted_at"))
    reviews = Review.objects.filter(submission__in=rows.values("submission")).aggregate(
        first=Min("reviewed_at"), last=Max("reviewed_at"), people=Count("reviewer", distinct=True)
    )
    people = rows.aggregate(people=Count("submission__annotator", distinct=True))["people"]
    most = rows.values("task__item").annotate(copies=Count("pk")).aggregate(most=Max("copies"))["most"]
    guidelines = rows.exclude(submission__guideline=None).values_list(
        "submission__guideline__version", flat=True
    )
    return Steps(
        annotated_from=times["first"],
        annotated_to=times["last"],
        reviewed_from=reviews["first"],
        reviewed_to=reviews["last"],
        annotators=[f"A{number:03d}" for number in range(1, people + 1)],
        reviewer_count=reviews["people"],
        guideline_versions=sorted(set(guidelines.distinct())),
        most_per_item=most or 1,
        project_number=project_number,
    )
