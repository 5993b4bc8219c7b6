"""Making exports and handing them out.

An export is written by a job: rows are brought to a local file, walked as often as the format needs, written to
another local file and put into the store under the hash of its bytes. Two jobs for the same export write the same
object, and one row stands. Nothing is half-made: the row comes last.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from assets.datasets.models import DatasetFile, DatasetVersion
from assets.datasets.permissions import MANAGE_DATASETS
from assets.datasets.selectors import version_for
from assets.exports import owned, selectors
from assets.exports.formats import coco, conll, csv, label_studio, lossnotes, parquet, voc, yolo
from assets.exports.formats.archive import Part, write_zip
from assets.exports.formats.kinds import FILES_LIMIT, FORMATS, Format
from assets.exports.formats.losses import LossReport, measure
from assets.exports.formats.rowfile import RowFile
from assets.exports.formats.rows import Shape, Source, shape_of
from assets.exports.formats.tables import LINES, ending_of, one_table
from assets.exports.metadata import documents
from assets.exports.models import Export
from audit.services import record
from documents import objects
from jobs import services as jobs
from jobs.models import Job
from kernel.errors import NotFound, Refusal
from organizations.permissions import Actor

PREFIX = "exports"
MANIFEST_PATH = "manifest.json"
ROW_FORMATS = frozenset({"jsonl", "parquet", "csv"})
OWN_COLUMNS = ("id", "item", "text", "labels", "result", "annotator")
"""The columns of annotations that were read out of a firm's own files."""
Advance = Callable[[int], None]
Written = tuple[objects.StoredObject, dict[str, Any]]
"""What lies in the store, and what the format kept of it."""


class UnknownFormat(Refusal):
    """There is no such format."""

    code = "export_format_unknown"
    message = _("没有名为“%(format)s”的格式，请从列表中选择。")
    status = 404


class FormatUnfit(Refusal):
    """The version holds nothing that this format could carry, or something that it cannot."""

    code = "export_format_unfit"
    message = _("这个版本不能导出为 %(format)s：%(reason)s")
    status = 422


class VersionNotOpen(Refusal):
    """Only a sealed version is exported."""

    code = "export_version_not_sealed"
    message = _("版本当前为“%(state)s”，只有已封版的版本可以导出。")


class NotMade(Refusal):
    """The export is asked for before it was made."""

    code = "export_not_made"
    message = _("这个格式还没有生成，请先生成再下载。")


class ContentAltered(Refusal):
    """A stored file is not what was sealed."""

    code = "export_content_altered"
    message = _("存储中的“%(path)s”与封版时的哈希不一致，已停止导出。请在数据集页面复算全部哈希。")


def _format(code: str) -> Format:
    if code not in FORMATS:
        raise UnknownFormat(format=code)
    return FORMATS[code]


# --- asking and handing out ---------------------------------------------------------------------


@transaction.atomic
def make(*, by: Actor, at: datetime, version_id: UUID, format: str) -> Export | Job:  # noqa: A002
    """Have an own version written in a format: the export if it is there, else the job that writes it.

    Raises NotFound, NotAllowed, UnknownFormat, VersionNotOpen, FormatUnfit.
    """
    version = version_for(by, version_id)
    by.require(MANAGE_DATASETS)
    if not by.belongs_to(version.dataset.firm_id):
        raise NotFound
    back = reverse("exports:version", args=[version.pk])
    return queue_export(by=by, at=at, version=version, format=format, back=back)


@transaction.atomic
def queue_export(*, by: Actor, at: datetime, version: DatasetVersion, format: str, back: str) -> Export | Job:  # noqa: A002
    """The same for a domain whose own selector let the actor have the version; `back` is its page."""
    kind = _format(format)
    if not selectors.is_open(version):
        raise VersionNotOpen(state=version.get_state_display())
    made = selectors.export_of(version.pk, format)
    if made is not None:
        return made
    unfit = selectors.fitting(version)[format]
    if unfit is not None:
        raise FormatUnfit(format=kind.title, reason=unfit.words)
    waiting = selectors.waiting_job(by, version.pk, format)
    if waiting is not None:
        return waiting
    title = _("导出 %(version)s：%(format)s") % {"version": str(version), "format": kind.title}
    record(by=by, at=at, action="exports.make", subject=version, detail={"format": format})
    return jobs.queue(
        by=by,
        at=at,
        kind=selectors.JOB_KIND,
        title=title,
        arguments={"version": str(version.pk), "format": format, "back": back},
        total=version.row_count,
    )


@transaction.atomic
def hand_out(*, by: Actor, at: datetime, version_id: UUID, format: str) -> str:  # noqa: A002
    """A ten-minute link to an export of an own version; recorded. Raises NotFound, NotAllowed, NotMade."""
    version = version_for(by, version_id)
    by.require(MANAGE_DATASETS)
    if not by.belongs_to(version.dataset.firm_id):
        raise NotFound
    _format(format)
    made = selectors.export_of(version.pk, format)
    if made is None:
        raise NotMade
    return link_to(by=by, at=at, export=made)


@transaction.atomic
def link_to(*, by: Actor, at: datetime, export: Export) -> str:
    """The same for a domain whose own selector let the actor have the export."""
    kind, version = FORMATS[export.format], export.version
    record(
        by=by,
        at=at,
        action="exports.download",
        subject=version,
        detail={"format": export.format, "sha256": export.sha256},
    )
    return objects.signed_link(
        export.object_key, file_name=file_name(version, kind), media_type=kind.media_type
    )


def file_name(version: DatasetVersion, kind: Format) -> str:
    """What a download is called: SJ…-v1-coco.zip."""
    return f"{version.dataset.number}-v{version.version}-{kind.code}.{kind.ending}"


# --- writing ------------------------------------------------------------------------------------

_PARTS: dict[str, Callable[[Source], Iterator[Part]]] = {
    "coco": coco.parts,
    "yolo": yolo.detection,
    "yolo_obb": yolo.obb,
    "yolo_seg": yolo.segmentation,
    "voc": voc.parts,
    "conll": conll.parts,
}


def produce(*, version_id: UUID, format: str, at: datetime, advance: Advance) -> Export:  # noqa: A002
    """Write an export if it is not there yet; the work of the job. `advance` hears of every row read.

    Raises FormatUnfit when the rows themselves show it, ContentAltered.
    """
    kind = _format(format)
    made = selectors.export_of(version_id, format)
    if made is not None:
        return made
    version = DatasetVersion.objects.select_related("dataset__firm", "project").get(pk=version_id)
    with tempfile.TemporaryDirectory(prefix="qingshu-export-") as folder:
        written = _write(version, kind, Path(folder), advance)
    return _keep(version, kind, written, at)


def _keep(version: DatasetVersion, kind: Format, written: Written, at: datetime) -> Export:
    """The row of what lies in the store; of two who come at once, the first one's."""
    stored, losses = written
    with transaction.atomic():
        made, is_new = Export.objects.get_or_create(
            version=version,
            format=kind.code,
            format_version=kind.format_version,
            defaults={
                "sha256": stored.sha256,
                "size": stored.size,
                "object_key": stored.key,
                "losses": losses,
                "made_at": at,
            },
        )
        if is_new:
            detail = {"format": kind.code, "sha256": stored.sha256, "size": stored.size}
            record(by=Actor.system("exports"), at=at, action="exports.made", subject=version, detail=detail)
    return made


def _write(version: DatasetVersion, kind: Format, folder: Path, advance: Advance) -> Written:
    """Measure, refuse what does not fit, write to disk, put into the store."""
    if version.project_id is None:
        return _write_own(version, kind, folder, advance)
    file = selectors.rows_file(version)
    source = RowFile(
        path=folder / "rows.jsonl", title=str(version), sizes=selectors.sizes_of(version), advance=advance
    )
    if file is not None:
        with source.path.open("wb") as local:
            local.writelines(checked(file))
        shape = shape_of(source.rows(), byte_count=version.byte_count)
    else:
        shape = Shape(byte_count=version.byte_count)
    selectors.keep_shape(version, shape)
    unfit = kind.unfit(shape)
    if unfit is not None:
        raise FormatUnfit(format=kind.title, reason=unfit.words)
    if kind.code == "jsonl":  # the sealed file itself, byte for byte
        assert file is not None, "a version without rows has no JSONL"
        return objects.StoredObject(file.object_key, file.size, file.sha256), _losses(
            version, kind, source, shape
        )
    target = folder / f"export.{kind.ending}"
    losses = _losses(version, kind, source, shape) if file is not None else {}
    _write_local(version, kind, source, shape, target, losses)
    return _store(target, kind.media_type), losses


def _write_own(version: DatasetVersion, kind: Format, folder: Path, advance: Advance) -> Written:
    """The same for a firm's own files: from its tables, or from the annotations in them."""
    holding = owned.holding_of(version)
    brought = owned.bring(version, holding, folder, checked)
    brought.sizes = owned.measure_images(version, owned.unsized(brought))
    shape = owned.measured(version, holding, brought)
    selectors.keep_shape(version, shape)
    unfit = kind.unfit(shape)
    if unfit is not None:
        raise FormatUnfit(format=kind.title, reason=unfit.words)
    target = folder / f"export.{kind.ending}"
    if kind.code in ROW_FORMATS and brought.tables:
        if kind.code == "jsonl" and len(holding.tables) == 1 and ending_of(holding.tables[0].path) in LINES:
            only = holding.tables[0]  # the sealed file itself, byte for byte
            return objects.StoredObject(only.object_key, only.size, only.sha256), {}
        with one_table(brought.tables) as table:
            owned.write_table(table, kind.code, target)
        advance(shape.table_rows)
        return _store(target, kind.media_type), {}
    source = RowFile(path=brought.rows, title=str(version), sizes=brought.sizes, advance=advance)
    losses = _losses(version, kind, source, shape) if shape.row_count else {}
    if kind.code == "jsonl":
        target = brought.rows
    else:
        _write_local(version, kind, source, shape, target, losses)
    return _store(target, kind.media_type), losses


def _losses(version: DatasetVersion, kind: Format, source: RowFile, shape: Shape) -> dict[str, Any]:
    """What the format keeps of all rows, found by a round trip."""
    classes = selectors.classes_for(version, kind.code, shape)
    with source.path.open("rb") as lines:
        return measure(lines, code=kind.code, classes=classes, sizes=source.sizes).as_json()


def _write_local(
    version: DatasetVersion,
    kind: Format,
    source: RowFile,
    shape: Shape,
    target: Path,
    losses: dict[str, Any],
) -> None:
    if kind.code == "parquet":
        names = [field["name"] for field in version.dictionary] if version.project_id else OWN_COLUMNS
        parquet.write(source.path, target, names)
    elif kind.code == "label_studio":
        with target.open("wb") as out, source.path.open("rb") as lines:
            out.writelines(label_studio.document(lines, selectors.shown_field(version)))
    elif kind.code == "csv":
        with target.open("wb") as out:
            out.writelines(csv.document(source.rows()))
    elif kind.code == "folder":
        with target.open("wb") as out:
            write_zip(_folder(version), out)
    else:
        source.classes = selectors.classes_for(version, kind.code, shape)
        if version.byte_count <= FILES_LIMIT:
            source.fetch = partial(_raw, {file.path: file for file in version.files.iterator()})
        with target.open("wb") as out:
            note = lossnotes.parts(LossReport.of_json(losses))
            write_zip(chain(_PARTS[kind.code](source), note), out)


def checked(file: DatasetFile) -> Iterator[bytes]:
    """The stored bytes of one file; ContentAltered at their end when they are not the sealed ones."""
    digest = hashlib.sha256()
    for chunk in objects.stream(file.object_key):
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != file.sha256:
        raise ContentAltered(path=file.path)


def _raw(files: Mapping[str, DatasetFile], path: str) -> Iterator[bytes] | None:
    return checked(files[path]) if path in files else None


def _folder(version: DatasetVersion) -> Iterator[Part]:
    """All files of a version with its manifest and metadata, by path; a file of the version's own goes first."""
    own = {file.path: file for file in version.files.iterator()}
    told = selectors.told_of(version)
    added: dict[str, Callable[[], bytes]] = {
        name: partial(documents.write, name, told) for name in documents.DOCUMENTS
    }
    added[MANIFEST_PATH] = partial(objects.get, version.manifest_key)
    for path in sorted({*own, *added}, key=str.encode):
        if path in own:
            media_type = own[path].media_type
            is_packed = not media_type.startswith(("image/", "audio/", "video/")) or media_type == "image/bmp"
            yield Part(path, checked(own[path]), is_packed=is_packed)
        else:
            yield Part(path, [added[path]()])


def _store(target: Path, media_type: str) -> objects.StoredObject:
    """Put a local file under its content key."""
    with target.open("rb") as body:
        digest = hashlib.file_digest(body, "sha256").hexdigest()
        key, size = objects.content_key(PREFIX, digest), target.stat().st_size
        body.seek(0)
        objects.put_stream(key, body, size, media_type)
    return objects.StoredObject(key, size, digest)
