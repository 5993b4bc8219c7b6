"""Every step a person takes with an import: begin, add files, dry run, decide, give up."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.intake.models import Intake, IntakeFile, IntakeRow, Storage
from annotation.intake.rules import FORMS, PLAIN
from annotation.intake.selectors import chosen_rows, intakes_visible_to
from annotation.intake.services.locking import locked_intake
from annotation.intake.states import INTAKE, IntakeState, NearChoice, PersonalChoice
from annotation.labelstudio.importing.found import is_safe
from annotation.projects.permissions import RUN
from annotation.projects.rules import is_storable
from annotation.projects.selectors import may_run, project_for
from annotation.projects.services import FEEDABLE, NotFeedable, locked_project
from audit.services import record
from documents import objects
from jobs import services as jobs
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal
from organizations.permissions import Actor

CHECK_JOB, BRING_JOB = "intake.check", "intake.bring_in"
PATH_LIMIT, FILES_LIMIT = 400, 1_000
GROUND_LIMIT = 1_000


class FileTooLarge(Refusal):
    """A file, or all files of an import, exceed the bound."""

    code = "intake_file_too_large"
    message = gettext_lazy(
        "“%(name)s”不能上传：单个文件最多 %(file)s MB，一次导入合计最多 %(total)s GB。请拆分，或从对象存储导入。"
    )
    status = 422


class NothingToCheck(Refusal):
    """A dry run needs files."""

    code = "intake_without_files"
    message = gettext_lazy("还没有文件，请先上传，或选择对象存储。")


class BadRowsRemain(Refusal):
    """An import is whole unless the lead accepts that bad rows are left out."""

    code = "intake_bad_rows"
    message = gettext_lazy("有 %(count)s 处问题：请改正文件后重新试运行，或勾选“跳过有问题的行”。")


class NothingFound(Refusal):
    """The files hold nothing that could become an item."""

    code = "intake_nothing_found"
    message = gettext_lazy("没有可以导入的数据，请检查文件格式，或调整选择。")


def _own(by: Actor, project_id: UUID) -> None:
    """The actor leads the project: not visible → NotFound, not its lead → NotAllowed."""
    project = project_for(by, project_id)
    by.require(RUN)
    if not may_run(by, project):
        raise NotAllowed(permission=RUN.label, organization=str(by.organization or "—"))


def _locked_own(by: Actor, intake_id: UUID) -> Intake:
    intake = locked_intake(intake_id)
    if not intakes_visible_to(by).filter(pk=intake_id).exists():
        raise NotFound
    _own(by, intake.project_id)
    return intake


def _written(field: str, text: str, limit: int) -> str:
    if not text.strip() or len(text) > limit or not is_storable(text):
        raise InvalidInput(field=field, reason=_("请填写，最多 %(limit)s 个字。") % {"limit": limit})
    return text.strip()


@transaction.atomic
def begin(
    *,
    by: Actor,
    at: datetime,
    project_id: UUID,
    source: str,
    licence: str,
    form: str = PLAIN,
    storage_id: UUID | None = None,
    prefix: str = "",
) -> Intake:
    """A new import into a project: where the data come from, and how the files are read (`rules.FORMS`).

    With a storage its objects under `prefix` are read besides the uploaded files. Raises NotFeedable, InvalidInput.
    """
    project_for(by, project_id)
    project = locked_project(project_id)
    _own(by, project_id)
    if project.state not in FEEDABLE:
        raise NotFeedable(state=project.get_state_display())
    if form not in FORMS:
        raise InvalidInput(field="form", reason=_("请选择文件格式。"))
    storage = None
    if storage_id is not None:
        storage = Storage.objects.filter(pk=storage_id, firm=project.firm_id, ended_at=None).first()
        if storage is None:
            raise InvalidInput(field="storage", reason=_("请选择本单位的对象存储。"))
    if len(prefix) > PATH_LIMIT or not is_storable(prefix):
        raise InvalidInput(field="prefix", reason=_("前缀最多 %(limit)s 个字。") % {"limit": PATH_LIMIT})
    intake = Intake.objects.create(
        project=project,
        form=form,
        storage=storage,
        prefix=prefix.strip() if storage else "",
        source=_written("source", source, 2_000),
        licence=_written("licence", licence, 200),
        created_by=by.user,
        created_at=at,
    )
    detail = {"project": project.pk, "form": form, "storage": storage_id, "licence": intake.licence}
    record(by=by, at=at, action="intake.begin", subject=intake, detail=detail)
    return intake


def add_file(*, by: Actor, at: datetime, intake_id: UUID, path: str, chunks: Iterable[bytes]) -> IntakeFile:
    """Put a file into an import that gathers; the same path again replaces it. Streamed, whatever its size."""
    found = intakes_visible_to(by).filter(pk=intake_id).first()
    if found is None:
        raise NotFound
    _own(by, found.project_id)
    INTAKE.check(found, "check")
    name = path.replace("\\", "/").lstrip("/")
    if not is_safe(name) or len(name) > PATH_LIMIT or not is_storable(name):
        raise InvalidInput(field="uploads", reason=_("文件名过长，或含有“..”等，请改名后再传。"))
    with tempfile.TemporaryFile() as spool:
        size, sha256 = _spooled(spool, chunks, name)
        held = found.files.exclude(path=name).aggregate(total=Sum("size"))["total"] or 0
        if held + size > settings.INTAKE_LARGEST_TOTAL:
            raise _too_large(name)
        spool.seek(0)
        key = objects.content_key(f"intake/{intake_id}", sha256)
        objects.put_stream(key, spool, size, "application/octet-stream")
    return _keep_file(by, at, intake_id, name, (size, sha256, key))


def _too_large(name: str) -> FileTooLarge:
    return FileTooLarge(
        field="uploads",
        name=name[:100],
        file=settings.INTAKE_LARGEST_FILE >> 20,
        total=settings.INTAKE_LARGEST_TOTAL >> 30,
    )


def _spooled(spool: BinaryIO, chunks: Iterable[bytes], name: str) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        if size > settings.INTAKE_LARGEST_FILE:
            raise _too_large(name)
        spool.write(chunk)
    if not size:
        raise InvalidInput(field="uploads", reason=_("“%(name)s”是空的（0 字节）。") % {"name": name[:100]})
    return size, digest.hexdigest()


@transaction.atomic
def _keep_file(
    by: Actor, at: datetime, intake_id: UUID, name: str, stored: tuple[int, str, str]
) -> IntakeFile:
    intake = _locked_own(by, intake_id)
    INTAKE.check(intake, "check")
    if intake.files.exclude(path=name).count() >= FILES_LIMIT:
        words = _("一次最多上传 %(count)s 个文件，请压缩成 zip 再传。")
        raise InvalidInput(field="uploads", reason=words % {"count": f"{FILES_LIMIT:,}"})
    size, sha256, key = stored
    file, _made = IntakeFile.objects.update_or_create(
        intake=intake,
        path=name,
        defaults={"size": size, "sha256": sha256, "object_key": key, "added_at": at},
    )
    detail = {"path": name, "size": size, "sha256": sha256}
    record(by=by, at=at, action="intake.add_file", subject=intake, detail=detail)
    return file


def _forget_rows(intake: Intake) -> None:
    """The rows of an earlier dry run; they have not become items."""
    intake.rows.update(alike=None)
    IntakeRow.objects.filter(intake=intake)._raw_delete(IntakeRow.objects.db)
    intake.staged_count, intake.found = 0, {}


@transaction.atomic
def start_check(*, by: Actor, at: datetime, intake_id: UUID) -> Intake:
    """Queue the dry run; it finds, counts and prices, and brings nothing into the project."""
    intake = _locked_own(by, intake_id)
    INTAKE.check(intake, "check")
    if intake.storage_id is None and not intake.files.exists():
        raise NothingToCheck(field="uploads")
    _forget_rows(intake)
    title = _("导入试运行：%(project)s") % {"project": intake.project.title}
    intake.job = jobs.queue(by=by, at=at, kind=CHECK_JOB, title=title, arguments={"intake": str(intake_id)})
    INTAKE.move(intake, "check", by=by, at=at, update_fields=["job", "staged_count", "found"])
    record(by=by, at=at, action="intake.check", subject=intake)
    return intake


@transaction.atomic
def gather_again(*, by: Actor, at: datetime, intake_id: UUID) -> Intake:
    """Go back from the result of a dry run to gathering files, to mend them."""
    intake = _locked_own(by, intake_id)
    INTAKE.check(intake, "reopen")
    if intake.state != IntakeState.CHECKED:
        INTAKE.check(intake, "decide")
    _forget_rows(intake)
    INTAKE.move(intake, "reopen", by=by, at=at, update_fields=["staged_count", "found"])
    record(by=by, at=at, action="intake.reopen", subject=intake)
    return intake


@transaction.atomic
def decide(
    *,
    by: Actor,
    at: datetime,
    intake_id: UUID,
    near: str,
    personal: str,
    legal_ground: str = "",
    is_skipping_bad: bool = False,
) -> Intake:
    """Say what becomes of near-duplicates, personal information and bad rows, and queue the import.

    Raises BadRowsRemain, NothingFound, NotFeedable, InvalidInput (a legal ground is needed to keep personal
    information as it is).
    """
    intake = _locked_own(by, intake_id)
    INTAKE.check(intake, "decide")
    if intake.project.state not in FEEDABLE:
        raise NotFeedable(state=intake.project.get_state_display())
    if near not in NearChoice.values:
        raise InvalidInput(field="near", reason=_("请选择近似的数据怎么办。"))
    if personal not in PersonalChoice.values:
        raise InvalidInput(field="personal", reason=_("请选择个人信息怎么办。"))
    is_kept = personal == PersonalChoice.KEEP and intake.found.get("personal_rows")
    if is_kept or legal_ground.strip():
        if not legal_ground.strip():
            words = _(
                "原样导入个人信息须写明法律依据，例如《个人信息保护法》第十三条第几项、取得同意的方式。"
            )
            raise InvalidInput(field="legal_ground", reason=words)
        legal_ground = _written("legal_ground", legal_ground, GROUND_LIMIT)
    faults = int(intake.found.get("fault_count", 0))
    if faults and not is_skipping_bad:
        raise BadRowsRemain(field="is_skipping_bad", count=faults)
    is_known = bool(intake.found.get("known"))
    if not is_known and not chosen_rows(intake, near, personal).exists():
        raise NothingFound
    intake.near_choice, intake.personal_choice = near, personal
    intake.legal_ground, intake.is_skipping_bad = legal_ground, is_skipping_bad
    intake.decided_by, intake.decided_at = by.user, at
    title = _("导入数据：%(project)s") % {"project": intake.project.title}
    intake.job = jobs.queue(by=by, at=at, kind=BRING_JOB, title=title, arguments={"intake": str(intake_id)})
    changed = [
        "near_choice", "personal_choice", "legal_ground", "is_skipping_bad", "decided_by", "decided_at", "job",
    ]  # fmt: skip
    INTAKE.move(intake, "decide", by=by, at=at, update_fields=changed)
    counts = {name: intake.found.get(name) for name in ("fresh", "near", "personal_rows", "fault_count")}
    detail = {
        "near": near, "personal": personal, "legal_ground": legal_ground, "skips_bad": is_skipping_bad, **counts,
    }  # fmt: skip
    record(by=by, at=at, action="intake.decide", subject=intake, detail=detail)
    return intake


@transaction.atomic
def cancel(*, by: Actor, at: datetime, intake_id: UUID) -> Intake:
    """Give an import up; its files and rows are deleted."""
    intake = _locked_own(by, intake_id)
    INTAKE.check(intake, "cancel")
    _forget_rows(intake)
    intake.files.all().delete()
    intake.ended_at = at
    INTAKE.move(intake, "cancel", by=by, at=at, update_fields=["ended_at", "staged_count", "found"])
    record(by=by, at=at, action="intake.cancel", subject=intake)
    transaction.on_commit(partial(objects.clear, f"intake/{intake_id}/"))
    return intake
