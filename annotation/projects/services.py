"""Every write to annotation projects: set up, feed, publish, hand over, accept.

Tasks are not known here; they follow by the events announced (`annotation.work` listens).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.projects.events import (
    BatchImported,
    ProjectAccepted,
    ProjectDelivered,
    ProjectOpened,
    ProjectSentBack,
)  # fmt: skip
from annotation.projects.models import Batch, GuidelineExample, GuidelineVersion, Item, Project
from annotation.projects.permissions import ACCEPT, RUN
from annotation.projects.rules import (
    ITEM_LIMIT,
    CheckedItem,
    RawItem,
    StoredItem,
    UploadRefused,
    check,
    config_for,
    is_storable,
    read_upload,
    safe_name,
)  # fmt: skip
from annotation.projects.selectors import latest_guideline, project_for, projects_visible_to
from annotation.projects.states import PROJECT, RECORD_TYPE, Modality, ProjectState, ReworkPayer
from audit.services import record
from documents import objects
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal, SelfReview
from kernel.events import announce
from kernel.money import Money
from kernel.numbers import new_number
from kernel.wording import listed
from organizations.models import Organization
from organizations.permissions import Actor

__all__ = [
    "ImportOutcome", "RawItem", "accept_project", "add_stored", "cancel_project", "close_project", "create_project",
    "deliver_project", "edit_project", "fields_of", "import_files", "import_items",
    "import_raw", "locked_project", "open_project",
    "publish_guideline", "return_delivered", "send_back", "start_project",
]  # fmt: skip

TITLE_LIMIT = 120
BRIEF_LIMIT = 5_000
GUIDELINE_LIMIT = 50_000
PRICE_LIMIT = Money.from_yuan(10_000)
HOURLY_LIMIT = Money.from_yuan(1_000)
PARALLEL_PUTS = 8
STORED_AT_ONCE = 1_000
FEEDABLE = (ProjectState.DRAFT, ProjectState.OPEN, ProjectState.IN_PROGRESS)


class NotReady(Refusal):
    """A project cannot be published before it has all it needs."""

    code = "project_not_ready"
    message = gettext_lazy("项目还不能发布：%(reason)s")


class NotFeedable(Refusal):
    """Raw items come only to projects that are being set up or worked on."""

    code = "project_not_feedable"
    message = gettext_lazy("项目已%(state)s，不能再导入数据。")


class NotEditable(Refusal):
    """Config and price are fixed once the project is published."""

    code = "project_not_editable"
    message = gettext_lazy("项目发布后不能再改配置与单价；请发布新版规范，或另建项目。")


class UploadsRefused(Refusal):
    """Some files of an upload cannot be imported, so none was; `reasons` has one sentence per file."""

    code = "uploads_refused"
    message = gettext_lazy("没有导入任何文件：%(reason)s")
    status = 422

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(field="uploads", reason=" ".join(reasons))
        self.reasons = list(reasons)


class OwnDelivery(SelfReview):
    """Who handed a project over does not accept it."""

    message = gettext_lazy("交付人不能验收自己交付的项目，请由本单位其他有验收权限的人处理。")


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """A batch, how many items it added, and how many were there already."""

    batch: Batch
    added_count: int
    skipped_count: int


def locked_project(project_id: UUID) -> Project:
    """The project, locked until the transaction ends; NotFound when there is none."""
    found = Project.objects.select_for_update(of=("self",), no_key=True).filter(pk=project_id).first()
    if found is None:
        raise NotFound
    return found


def _locked_own(by: Actor, project_id: UUID) -> Project:
    """The locked project, for the firm that runs it: not visible → NotFound, not its lead → NotAllowed."""
    project = locked_project(project_id)
    if not projects_visible_to(by).filter(pk=project_id).exists():
        raise NotFound
    by.require(RUN)
    if not by.belongs_to(project.firm_id):
        raise NotAllowed(permission=RUN.label, organization=str(by.organization or "—"))
    return project


def _checked_terms(
    title: str,
    brief: str,
    task_price: Money,
    due_on: date | None,
    at: datetime,
    hourly_rate: Money | None = None,
) -> str:
    cleaned = " ".join(title.split())
    if not 2 <= len(cleaned) <= TITLE_LIMIT or not is_storable(cleaned):
        words = _("项目名称应有 2 到 %(limit)s 个字。")
        raise InvalidInput(field="title", reason=words % {"limit": TITLE_LIMIT})
    if len(brief) > BRIEF_LIMIT or not is_storable(brief):
        words = _("任务说明最多 %(limit)s 个字。")
        raise InvalidInput(field="brief", reason=words % {"limit": BRIEF_LIMIT})
    if not Money(0) <= task_price <= PRICE_LIMIT:
        words = _("单条报酬应在 0 到 %(limit)s 之间。")
        raise InvalidInput(field="task_price", reason=words % {"limit": PRICE_LIMIT})
    if hourly_rate is not None and not Money(1) <= hourly_rate <= HOURLY_LIMIT:
        words = _("每小时报酬应在 0.01 元到 %(limit)s 之间；按条计酬时请留空。")
        raise InvalidInput(field="hourly_rate", reason=words % {"limit": HOURLY_LIMIT})
    if due_on is not None and due_on < clock.business_date(at):
        raise InvalidInput(field="due_on", reason=_("约定交付日期不能早于今天。"))
    return cleaned


def _checked_client(by: Actor, client_id: UUID | None) -> Organization | None:
    if client_id is None:
        return None
    if client_id == by.organization_id:
        raise InvalidInput(field="client", reason=_("委托方是本单位时请留空。"))
    client = Organization.objects.filter(pk=client_id).first()
    if client is None:
        raise InvalidInput(field="client", reason=_("没有找到委托方，请从列表中选择。"))
    return client


@transaction.atomic
def create_project(
    *,
    by: Actor,
    at: datetime,
    title: str,
    brief: str,
    modality: str,
    labeling_config: str,
    task_price: Money,
    due_on: date | None = None,
    client_id: UUID | None = None,
    hourly_rate: Money | None = None,
) -> Project:
    """A new draft of the actor's firm. `task_price`: what one accepted task pays its annotator.

    With an `hourly_rate` annotators are paid by the hour, and `task_price` is the most that one task pays.

    Raises ConfigRefused for a labeling config that cannot be used, InvalidInput for other fields.
    """
    by.require(RUN)
    if by.organization is None:
        raise NotFound
    if modality not in Modality.values:
        raise InvalidInput(field="modality", reason=_("请选择数据形态。"))
    cleaned = _checked_terms(title, brief, task_price, due_on, at, hourly_rate)
    client = _checked_client(by, client_id)
    config = config_for(modality, labeling_config)
    project = Project.objects.create(
        number=new_number("BZ", at),
        firm=by.organization,
        client=client,
        title=cleaned,
        brief=brief.strip(),
        modality=modality,
        labeling_config=config.xml,
        task_price_fen=task_price.fen,
        hourly_rate_fen=hourly_rate.fen if hourly_rate else None,
        due_on=due_on,
        created_by=by.user,
        created_at=at,
    )
    detail = {"config_sha256": config.digest, "task_price_fen": task_price.fen, "client_id": client_id}
    record(by=by, at=at, action="projects.create", subject=project, detail=detail)
    return project


@transaction.atomic
def edit_project(
    *,
    by: Actor,
    at: datetime,
    project_id: UUID,
    title: str,
    brief: str,
    labeling_config: str,
    task_price: Money,
    due_on: date | None = None,
    client_id: UUID | None = None,
    hourly_rate: Money | None = None,
) -> Project:
    """Change a draft; the modality stays, because items may be there already."""
    project = _locked_own(by, project_id)
    if project.state != ProjectState.DRAFT:
        raise NotEditable
    project.title = _checked_terms(title, brief, task_price, due_on, at, hourly_rate)
    project.client = _checked_client(by, client_id)
    config = config_for(project.modality, labeling_config)
    project.labeling_config, project.brief = config.xml, brief.strip()
    project.task_price_fen, project.due_on = task_price.fen, due_on
    project.hourly_rate_fen = hourly_rate.fen if hourly_rate else None
    fields = ["title", "client", "labeling_config", "brief", "task_price_fen", "hourly_rate_fen", "due_on"]
    project.save(update_fields=fields)
    detail = {"config_sha256": config.digest, "task_price_fen": task_price.fen, "client_id": client_id}
    record(by=by, at=at, action="projects.edit", subject=project, detail=detail)
    return project


@transaction.atomic
def publish_guideline(
    *,
    by: Actor,
    at: datetime,
    project_id: UUID,
    body: str,
    change_note: str = "",
    touched_labels: Sequence[str] = (),
    rework_payer: str = "",
    question_ids: Iterable[UUID] = (),
) -> GuidelineVersion:
    """Publish the next version of the guideline; the same text again gives the version in force.

    `change_note` tells what changed; `touched_labels` (none: all) which labels' rules did; `rework_payer` who bears
    the pay when accepted work is done again. Answered questions of `question_ids` become part of this version;
    the examples of the version before come along.
    """
    project = _locked_own(by, project_id)
    cleaned = body.strip().replace("\r\n", "\n")
    if not cleaned or len(cleaned) > GUIDELINE_LIMIT or not is_storable(cleaned):
        words = _("请填写标注规范，最多 %(limit)s 个字。")
        raise InvalidInput(field="body", reason=words % {"limit": GUIDELINE_LIMIT})
    note = _checked_change(project, change_note, touched_labels, rework_payer)
    if project.state not in FEEDABLE:
        raise NotFeedable(state=project.get_state_display())
    current = latest_guideline(project)
    if current is not None and current.body == cleaned:
        return current
    guideline = GuidelineVersion.objects.create(
        project=project,
        version=current.version + 1 if current else 1,
        body=cleaned,
        change_note=note,
        touched_labels=list(dict.fromkeys(touched_labels)),
        rework_payer=rework_payer,
        published_by=by.user,
        published_at=at,
    )
    _carry_over(project, current, guideline, list(question_ids))
    detail = {
        "version": guideline.version,
        "touched_labels": guideline.touched_labels,
        "rework_payer": guideline.rework_payer,
    }
    record(by=by, at=at, action="projects.publish_guideline", subject=project, detail=detail)
    return guideline


def _checked_change(project: Project, note: str, labels: Sequence[str], payer: str) -> str:
    words = note.strip()
    if len(words) > BRIEF_LIMIT or not is_storable(words):
        said = _("修改说明最多 %(limit)s 个字。")
        raise InvalidInput(field="change_note", reason=said % {"limit": BRIEF_LIMIT})
    if payer and payer not in ReworkPayer.values:
        raise InvalidInput(field="rework_payer", reason=_("请选择返工报酬由谁承担。"))
    if payer == ReworkPayer.CLIENT and project.client_id is None:
        raise InvalidInput(field="rework_payer", reason=_("自用项目没有委托方，返工报酬请由标注企业承担。"))
    known = set(config_for(project.modality, project.labeling_config).labels)
    strange = [label for label in labels if label not in known]
    if strange:
        said = _("配置中没有标签 %(labels)s，请从现有标签中选择。")
        raise InvalidInput(field="touched_labels", reason=said % {"labels": listed(strange)})
    return words


def _carry_over(
    project: Project,
    current: GuidelineVersion | None,
    guideline: GuidelineVersion,
    question_ids: Sequence[UUID],
) -> None:
    """The former version's examples, and the answered questions that the new version takes up."""
    asked = project.questions.select_for_update(of=("self",)).filter(pk__in=question_ids)
    chosen = [one for one in asked.order_by("pk") if one.answered_at and one.included_in_id is None]
    if len(chosen) != len(set(question_ids)):
        words = _("只能并入本项目已答复且尚未并入的问答。")
        raise InvalidInput(field="question_ids", reason=words)
    for one in chosen:
        one.included_in = guideline
        one.save(update_fields=["included_in"])
    former = current.examples.order_by("ordinal") if current else []
    GuidelineExample.objects.bulk_create(
        GuidelineExample(
            guideline=guideline,
            ordinal=number,
            kind=each.kind,
            item_id=each.item_id,
            result=each.result,
            note=each.note,
        )
        for number, each in enumerate(former, 1)
    )


def import_files(
    *,
    by: Actor,
    at: datetime,
    project_id: UUID,
    files: Iterable[tuple[str, bytes]],
    source: str,
    licence: str,
) -> ImportOutcome:
    """Import uploaded files (name, bytes): images, or TXT/CSV/JSONL with a text a line. All or none."""
    project = project_for(by, project_id)
    by.require(RUN)
    raw: list[RawItem] = []
    reasons = []
    for name, body in files:
        try:
            raw += read_upload(name, body, project.modality, fields_of(project))
        except UploadRefused as refusal:
            reasons.append(str(refusal))
    if reasons:
        raise UploadsRefused(reasons)
    return import_raw(by=by, at=at, project_id=project_id, raw=raw, source=source, licence=licence)


def import_items(
    *, by: Actor, at: datetime, project_id: UUID, raw: Iterable[RawItem], source: str, licence: str
) -> Batch:
    """Import raw items into the project and its place in the object store.

    Content the project already has is skipped; when all of it is there, its batch is returned and nothing
    changes. One bad item refuses all (UploadsRefused names each).
    """
    outcome = import_raw(by=by, at=at, project_id=project_id, raw=raw, source=source, licence=licence)
    return outcome.batch


def import_raw(
    *, by: Actor, at: datetime, project_id: UUID, raw: Iterable[RawItem], source: str, licence: str
) -> ImportOutcome:
    """Like `import_items`, told with how many items were added and how many were there."""
    project = project_for(by, project_id)
    by.require(RUN)
    for field, text, limit in (("source", source, 2_000), ("licence", licence, 200)):
        if not text.strip() or len(text) > limit or not is_storable(text):
            words = _("请填写，最多 %(limit)s 个字。")
            raise InvalidInput(field=field, reason=words % {"limit": limit})
    checked = _checked_items(raw, project)
    known = _known_hashes(project, checked)
    fresh = [item for item in checked if item.raw.sha256 not in known]
    prefix = f"raw/{project.pk}"
    with ThreadPoolExecutor(PARALLEL_PUTS) as pool:  # content keys: storing twice is harmless
        list(pool.map(lambda item: objects.put(prefix, item.raw.body, item.raw.media_type), fresh))
    return _write_batch(by, at, project_id, checked, (source.strip(), licence.strip()))


def fields_of(project: Project) -> tuple[str, ...]:
    """The fields of an item that the project's config shows."""
    return config_for(project.modality, project.labeling_config).fields


def _checked_items(raw: Iterable[RawItem], project: Project) -> list[CheckedItem]:
    fields = fields_of(project)
    checked: dict[str, CheckedItem] = {}
    reasons: list[str] = []
    for item in raw:
        try:
            found = check(item, project.modality, fields)
        except UploadRefused as refusal:
            reasons.append(str(refusal))
        else:
            checked.setdefault(found.raw.sha256, found)
        if len(checked) > ITEM_LIMIT:
            words = _("一次最多导入 %(limit)s 条，请分批上传。")
            raise InvalidInput(field="uploads", reason=words % {"limit": ITEM_LIMIT})
    if reasons:
        raise UploadsRefused(reasons[:20])
    if not checked:
        raise InvalidInput(field="uploads", reason=_("请选择要导入的文件。"))
    return list(checked.values())


def _known_hashes(project: Project, items: Sequence[CheckedItem]) -> set[str]:
    rows = project.items.filter(sha256__in=[item.raw.sha256 for item in items])
    return set(rows.values_list("sha256", flat=True))


@transaction.atomic
def _write_batch(
    by: Actor, at: datetime, project_id: UUID, checked: Sequence[CheckedItem], origin: tuple[str, str]
) -> ImportOutcome:
    project = _locked_own(by, project_id)
    if project.state not in FEEDABLE:
        raise NotFeedable(state=project.get_state_display())
    known = _known_hashes(project, checked)
    fresh = [item for item in checked if item.raw.sha256 not in known]
    if not fresh:
        batch = project.batches.filter(items__sha256=checked[0].raw.sha256).get()
        return ImportOutcome(batch, 0, len(checked))
    batch = Batch.objects.create(
        project=project,
        ordinal=(project.batches.aggregate(top=Max("ordinal"))["top"] or 0) + 1,
        source=origin[0],
        licence=origin[1],
        imported_by=by.user,
        imported_at=at,
    )
    first = (project.items.aggregate(top=Max("ordinal"))["top"] or 0) + 1
    rows = [_item_row(batch, ordinal, item) for ordinal, item in enumerate(fresh, first)]
    Item.objects.bulk_create(rows, batch_size=1_000)
    detail = {"batch": batch.ordinal, "added": len(rows), "skipped": len(known), "licence": batch.licence}
    record(by=by, at=at, action="projects.import", subject=project, detail=detail)
    if project.state != ProjectState.DRAFT:
        announce(BatchImported(at=at, project_id=project.pk, batch_id=batch.pk, by=by))
    return ImportOutcome(batch, len(rows), len(checked) - len(rows))


def _item_row(batch: Batch, ordinal: int, item: CheckedItem) -> Item:
    return Item(
        project_id=batch.project_id,
        batch=batch,
        ordinal=ordinal,
        name=safe_name(item.raw.name),
        media_type=item.raw.media_type,
        size=len(item.raw.body),
        sha256=item.raw.sha256,
        object_key=objects.content_key(f"raw/{batch.project_id}", item.raw.sha256),
        text=item.text,
        width=item.width,
        height=item.height,
    )


@transaction.atomic
def add_stored(
    *, by: Actor, at: datetime, project_id: UUID, items: Iterable[StoredItem], source: str, licence: str
) -> tuple[Batch | None, int, int]:
    """A batch of items whose bytes lie in the store: all in one transaction, however many, a chunk in memory.

    The batch (none: the project has them all), how many were added, how many were there.
    """
    project = _locked_own(by, project_id)
    if project.state not in FEEDABLE:
        raise NotFeedable(state=project.get_state_display())
    ordinal = project.items.aggregate(top=Max("ordinal"))["top"] or 0
    batch, added, skipped, stream = None, 0, 0, iter(items)
    while chunk := list(islice(stream, STORED_AT_ONCE)):
        by_hash = {item.sha256: item for item in chunk}
        known = set(project.items.filter(sha256__in=by_hash).values_list("sha256", flat=True))
        fresh = [item for sha256, item in by_hash.items() if sha256 not in known]
        skipped += len(chunk) - len(fresh)
        if not fresh:
            continue
        batch = batch or _new_batch(by, at, project, source, licence)
        rows = [_stored_row(batch, ordinal + place, item) for place, item in enumerate(fresh, 1)]
        Item.objects.bulk_create(rows)
        ordinal, added = ordinal + len(fresh), added + len(fresh)
    if batch is not None:
        detail = {"batch": batch.ordinal, "added": added, "skipped": skipped, "licence": licence}
        record(by=by, at=at, action="projects.import", subject=project, detail=detail)
        if project.state != ProjectState.DRAFT:
            announce(BatchImported(at=at, project_id=project.pk, batch_id=batch.pk, by=by))
    return batch, added, skipped


def _new_batch(by: Actor, at: datetime, project: Project, source: str, licence: str) -> Batch:
    return Batch.objects.create(
        project=project,
        ordinal=(project.batches.aggregate(top=Max("ordinal"))["top"] or 0) + 1,
        source=source,
        licence=licence,
        imported_by=by.user,
        imported_at=at,
    )


def _stored_row(batch: Batch, ordinal: int, item: StoredItem) -> Item:
    return Item(
        project_id=batch.project_id,
        batch=batch,
        ordinal=ordinal,
        name=safe_name(item.name),
        media_type=item.media_type,
        size=item.size,
        sha256=item.sha256,
        object_key=objects.content_key(f"raw/{batch.project_id}", item.sha256),
        text=item.text,
        width=item.width,
        height=item.height,
    )


@transaction.atomic
def open_project(*, by: Actor, at: datetime, project_id: UUID, pay_reason: str = "") -> Project:
    """Publish a draft: config usable, guideline published, at least one item. Tasks for every item follow.

    `pay_reason`: why the project is published though a pilot earned less than the wage floor.
    """
    project = _locked_own(by, project_id)
    PROJECT.check(project, "open")
    fields = fields_of(project)
    if latest_guideline(project) is None:
        raise NotReady(reason=_("请先发布标注规范。"))
    if not project.items.exists():
        raise NotReady(reason=_("请先导入原始数据。"))
    if _misfits(project, fields):
        words = _("已导入的数据没有配置要显示的字段 %(fields)s，请改回配置，或另建项目。")
        raise NotReady(reason=words % {"fields": listed(fields)})
    project.opened_at = at
    PROJECT.move(project, "open", by=by, at=at, update_fields=["opened_at"])
    record(by=by, at=at, action="projects.open", subject=project)
    announce(ProjectOpened(at=at, project_id=project.pk, by=by, pay_reason=pay_reason.strip()))
    return project


def _misfits(project: Project, fields: Sequence[str]) -> bool:
    """Whether items came in under a config that showed other fields."""
    records = project.items.filter(media_type=RECORD_TYPE)
    if len(fields) == 1:
        return records.exists()
    if project.items.exclude(media_type=RECORD_TYPE).exists():
        return True
    texts = records.values_list("text", flat=True).iterator(1_000)
    return any(not set(fields) <= json.loads(text).keys() for text in texts)


def start_project(*, by: Actor, at: datetime, project: Project) -> None:
    """The first task was handed out; `project` is locked by the caller, who has checked the permission."""
    PROJECT.move(project, "start", by=by, at=at)


@transaction.atomic
def deliver_project(*, by: Actor, at: datetime, project_id: UUID) -> Project:
    """Hand the finished work over for acceptance; refused while a task is unfinished."""
    project = _locked_own(by, project_id)
    PROJECT.check(project, "deliver")
    project.delivered_at, project.delivered_by = at, by.user
    PROJECT.move(project, "deliver", by=by, at=at, update_fields=["delivered_at", "delivered_by"])
    record(by=by, at=at, action="projects.deliver", subject=project)
    announce(ProjectDelivered(at=at, project_id=project.pk, by=by))
    return project


def _locked_for_acceptance(by: Actor, project_id: UUID) -> Project:
    """The locked project for whoever may accept it: the client, else a colleague of who handed it over."""
    project = locked_project(project_id)
    if not projects_visible_to(by).filter(pk=project_id).exists():
        raise NotFound
    by.require(ACCEPT)
    if not by.belongs_to(project.client_id or project.firm_id):
        raise NotAllowed(permission=ACCEPT.label, organization=str(by.organization or "—"))
    if not project.client_id and by.user_id is not None and by.user_id == project.delivered_by_id:
        raise OwnDelivery
    return project


@transaction.atomic
def accept_project(*, by: Actor, at: datetime, project_id: UUID) -> Project:
    """Accept a delivered project: its accepted tasks become payable."""
    project = _locked_for_acceptance(by, project_id)
    PROJECT.check(project, "accept")
    project.accepted_at = at
    PROJECT.move(project, "accept", by=by, at=at, update_fields=["accepted_at"])
    record(by=by, at=at, action="projects.accept", subject=project)
    announce(ProjectAccepted(at=at, project_id=project.pk, by=by))
    return project


@transaction.atomic
def send_back(
    *, by: Actor, at: datetime, project_id: UUID, reason: str, item_ids: Iterable[UUID] = ()
) -> Project:
    """Send a delivered project back for rework, with the reason and, if wished, the items concerned."""
    project = _locked_for_acceptance(by, project_id)
    PROJECT.check(project, "rework")
    words = reason.strip()
    if not words or not is_storable(words):
        raise InvalidInput(field="reason", reason=_("请写明退回原因，便于返工。"))
    wanted = tuple(dict.fromkeys(item_ids))
    if project.items.filter(pk__in=wanted).count() != len(wanted):
        raise InvalidInput(field="item_ids", reason=_("所选数据不属于这个项目。"))
    PROJECT.move(project, "rework", by=by, at=at, reason=words)
    detail = {"reason": words, "items": list(wanted)}
    record(by=by, at=at, action="projects.send_back", subject=project, detail=detail)
    announce(ProjectSentBack(at=at, project_id=project.pk, item_ids=wanted, reason=words, by=by))
    return project


def return_delivered(*, by: Actor, at: datetime, project: Project, reason: str) -> None:
    """A delivered project goes back to work because of what an inspection of it found.

    `project` is locked by the caller, who has checked the permission and names the items.
    """
    PROJECT.move(project, "rework", by=by, at=at, reason=reason)
    record(by=by, at=at, action="projects.send_back", subject=project, detail={"reason": reason})
    announce(ProjectSentBack(at=at, project_id=project.pk, item_ids=(), reason=reason, by=by))


@transaction.atomic
def cancel_project(*, by: Actor, at: datetime, project_id: UUID, reason: str) -> Project:
    """Give up a project that nobody has begun to work on."""
    project = _locked_own(by, project_id)
    PROJECT.check(project, "cancel")
    words = reason.strip()
    if not words or not is_storable(words):
        raise InvalidInput(field="reason", reason=_("请写明取消原因。"))
    PROJECT.move(project, "cancel", by=by, at=at, reason=words)
    record(by=by, at=at, action="projects.cancel", subject=project, detail={"reason": words})
    return project


@transaction.atomic
def close_project(*, by: Actor, at: datetime, project_id: UUID) -> Project:
    """File an accepted project away."""
    project = _locked_own(by, project_id)
    PROJECT.move(project, "close", by=by, at=at)
    record(by=by, at=at, action="projects.close", subject=project)
    return project
