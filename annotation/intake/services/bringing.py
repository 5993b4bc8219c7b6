"""The import itself: bytes first, in steps that are kept; then items, proposals and tasks in one transaction, or none."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext_lazy
from PIL import Image

from annotation.intake.folders import Folder
from annotation.intake.models import Intake, IntakeRow, Proposal
from annotation.intake.rules import fields_in, masked_item, masked_result
from annotation.intake.selectors import chosen_rows
from annotation.intake.services.checking import Watcher, opened_files
from annotation.intake.services.locking import locked_intake
from annotation.intake.states import INTAKE, IntakeState, PersonalChoice, ProposalSource
from annotation.labelstudio.importing import Report
from annotation.labelstudio.rules import LabelingConfig, digest_of, validate_result
from annotation.projects.rules import StoredItem, config_for
from annotation.projects.services import add_stored
from annotation.projects.states import Modality
from audit.services import record
from documents import objects
from kernel.errors import Refusal
from organizations.models import Membership
from organizations.permissions import Actor

ROWS_AT_ONCE = 500
PARALLEL_PUTS = 8
_PLACE = 0x8825  # EXIF: directory of the place


class SourceChanged(Refusal):
    """A file is not what the dry run saw."""

    code = "intake_source_changed"
    message = gettext_lazy("“%(name)s”在试运行之后被改动或删除，没有导入任何数据。请重新试运行。")


def bring_in(*, at: datetime, intake_id: UUID, progress: Watcher) -> dict[str, int] | None:
    """Import what was decided, going on after the bytes that are stored; None when there is nothing to do.

    A refusal sends the import back to the decision, with the reason; nothing has reached the project then.
    """
    intake = Intake.objects.select_related("project", "storage").filter(pk=intake_id).first()
    if intake is None or intake.state != IntakeState.IMPORTING:
        return None
    try:
        _store(intake, progress)
        outcome = _finish(at, intake_id)
    except Refusal as refusal:
        _stop(at, intake_id, str(refusal))
        raise
    if outcome is not None:
        objects.clear(f"intake/{intake_id}/")
    return outcome


@transaction.atomic
def _stop(at: datetime, intake_id: UUID, reason: str) -> None:
    intake = locked_intake(intake_id)
    if intake.state == IntakeState.IMPORTING:
        intake.rows.exclude(final_sha256="").update(final_sha256="")
        INTAKE.move(intake, "stop", by=Actor.system("intake"), at=at, reason=reason)


def _chosen(intake: Intake) -> Any:
    return chosen_rows(intake, intake.near_choice, intake.personal_choice)


# --- bytes ------------------------------------------------------------------------------------------


def _store(intake: Intake, progress: Watcher) -> None:
    """Put the bytes of every chosen row under its content key; each step is committed."""
    waiting = _chosen(intake).filter(final_sha256="")
    total = _chosen(intake).count()
    progress.start(total, done=total - waiting.count())
    is_image = intake.project.modality == Modality.IMAGE
    if not is_image:
        _put_all(intake, waiting, None, progress)
        return
    with opened_files(intake, Report()) as folder:
        _put_all(intake, waiting, folder, progress)


def _put_all(intake: Intake, waiting: Any, folder: Folder | None, progress: Watcher) -> None:
    step = ROWS_AT_ONCE if folder is None else PARALLEL_PUTS * 2  # images are heavy, texts are not
    field = config_for(intake.project.modality, intake.project.labeling_config).fields[0]
    prefix, is_masking = f"raw/{intake.project_id}", intake.personal_choice == PersonalChoice.MASK
    passed = -1
    with ThreadPoolExecutor(PARALLEL_PUTS) as pool:
        while rows := list(waiting.filter(ordinal__gt=passed)[:step]):
            bodies = [_body(row, folder, field, is_masking=is_masking) for row in rows]
            types = [row.media_type for row in rows]
            stored = list(pool.map(objects.put, [prefix] * len(rows), bodies, types))
            _note_stored(rows, stored)
            passed = rows[-1].ordinal
            progress.advance(len(rows))


def _note_stored(rows: Sequence[IntakeRow], stored: Sequence[objects.StoredObject]) -> None:
    table = IntakeRow._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} r SET final_sha256 = n.sha256, final_size = n.size"
            " FROM unnest(%s::bigint[], %s::text[], %s::bigint[]) AS n (id, sha256, size) WHERE r.id = n.id",
            [[row.pk for row in rows], [kept.sha256 for kept in stored], [kept.size for kept in stored]],
        )


def _body(row: IntakeRow, folder: Folder | None, field: str, *, is_masking: bool) -> bytes:
    """The bytes that are stored: as they came, or with personal information masked."""
    is_masked = is_masking and bool(row.personal)
    if folder is None:
        text = masked_item(row.text, row.media_type, field) if is_masked else row.text
        return text.encode()
    try:
        body = folder.image(row.file)
    except KeyError as gone:
        raise SourceChanged(name=row.file) from gone
    if hashlib.sha256(body).hexdigest() != row.sha256:
        raise SourceChanged(name=row.file)
    return _without_place(body) if is_masked else body


def _without_place(body: bytes) -> bytes:
    """The same picture without the place where it was taken; a JPEG's pixels are not coded anew."""
    with Image.open(io.BytesIO(body)) as image:
        exif = image.getexif()
        del exif[_PLACE]
        if image.format == "JPEG":
            return _with_exif(body, exif.tobytes())
        out = io.BytesIO()
        image.save(out, image.format or "PNG", exif=exif)
        return out.getvalue()


def _with_exif(body: bytes, exif: bytes) -> bytes:
    """A JPEG with other EXIF and without XMP, which may repeat it; every other segment stays as it is."""
    kept, at = [body[:2]], 2
    while at + 4 <= len(body) and body[at] == 0xFF and body[at + 1] not in (0xDA, 0xFF):
        end = at + 2 + int.from_bytes(body[at + 2 : at + 4], "big")
        payload = body[at + 4 : end]
        if body[at + 1] == 0xE1 and payload.startswith(b"Exif\x00\x00"):
            kept.append(b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif)
        elif body[at + 1] != 0xE1:
            kept.append(body[at:end])
        at = end
    return b"".join([*kept, body[at:]])


# --- items, in one transaction ----------------------------------------------------------------------


def _acting(intake: Intake) -> Actor:
    """Who decided, if still a member of the firm; else the platform on their decision."""
    members = Membership.objects.select_related("user", "organization")
    found = members.filter(user=intake.decided_by, organization=intake.project.firm_id, ended_at=None).first()
    return Actor.of(found) if found else Actor.system("intake")


@transaction.atomic
def _finish(at: datetime, intake_id: UUID) -> dict[str, int] | None:
    intake = locked_intake(intake_id)
    if intake.state != IntakeState.IMPORTING:
        return None
    by = _acting(intake)
    config = config_for(intake.project.modality, intake.project.labeling_config)
    items = _items(intake, config)
    batch, added, skipped = add_stored(
        by=by, at=at, project_id=intake.project_id, items=items, source=intake.source, licence=intake.licence
    )
    _link_rows(intake)
    proposed, refused = _propose(intake, config, at)
    intake.batch, intake.ended_at = batch, at
    brought = {"added": added, "there": skipped, "proposals": proposed, "proposals_refused": refused}
    intake.found = {**intake.found, "brought": brought}
    intake.rows.update(text="", results=[])
    intake.files.all().delete()
    INTAKE.move(intake, "finish", by=by, at=at, update_fields=["batch", "ended_at", "found"])
    record(by=by, at=at, action="intake.import", subject=intake, detail=brought)
    return brought


def _items(intake: Intake, config: LabelingConfig) -> Iterator[StoredItem]:
    is_masking = intake.personal_choice == PersonalChoice.MASK
    for row in _chosen(intake).iterator(1_000):
        text = row.text
        if text and is_masking and row.personal:
            text = masked_item(text, row.media_type, config.fields[0])
        yield StoredItem(
            str(row), row.media_type, row.final_size, row.final_sha256, text, row.width, row.height
        )


def _link_rows(intake: Intake) -> None:
    """Every row that stands for an item says for which: brought now, there before, or a repetition of one."""
    table = IntakeRow._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} r SET item_id = i.id FROM projects_item i"
            " WHERE r.intake_id = %s AND i.project_id = %s AND r.final_sha256 <> '' AND i.sha256 = r.final_sha256",
            [intake.pk, intake.project_id],
        )
        cursor.execute(
            f"UPDATE {table} SET item_id = known_item_id WHERE intake_id = %s AND known_item_id IS NOT NULL",
            [intake.pk],
        )
        cursor.execute(
            f"UPDATE {table} r SET item_id = o.item_id FROM {table} o WHERE r.intake_id = %s AND r.is_repeat"
            " AND o.intake_id = r.intake_id AND o.sha256 = r.sha256 AND o.item_id IS NOT NULL AND NOT o.is_repeat",
            [intake.pk],
        )


def _propose(intake: Intake, config: LabelingConfig, at: datetime) -> tuple[int, int]:
    """The labels that came along as proposals; how many were kept, how many no longer answer the config."""
    rows = (
        intake.rows.filter(item__isnull=False).exclude(results=[]).select_related("item").order_by("ordinal")
    )
    stream, kept, refused = rows.iterator(1_000), 0, 0
    before = Proposal.objects.filter(intake=intake).count()
    while chunk := list(islice(stream, ROWS_AT_ONCE)):
        made = [proposal for row in chunk for proposal in _proposals(intake, config, row, at)]
        good = [proposal for proposal in made if proposal is not None]
        refused += len(made) - len(good)
        Proposal.objects.bulk_create(good, ignore_conflicts=True)
    kept = Proposal.objects.filter(intake=intake).count() - before
    return kept, refused


def _proposals(
    intake: Intake, config: LabelingConfig, row: IntakeRow, at: datetime
) -> Sequence[Proposal | None]:
    assert row.item is not None
    field, item = config.fields[0], row.item
    task = fields_in(item.text, item.media_type, field) if item.text else {field: row.file}
    size = (item.width, item.height) if item.width and item.height else None
    found: list[Proposal | None] = []
    for told in row.results:
        result = told["result"]
        if item.sha256 != row.sha256 and item.text:
            result = masked_result(config, result, task)
        if validate_result(config, task, result, size):
            found.append(None)
            continue
        source = ProposalSource.PREDICTIONS if told["is_prediction"] else ProposalSource.LABELS
        found.append(
            Proposal(
                item=item,
                source=source,
                result=result,
                result_sha256=digest_of(result),
                score=told["score"],
                model_version=str(told.get("version") or "")[:100],
                intake=intake,
                made_at=at,
            )
        )
    return found
