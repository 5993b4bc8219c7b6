"""Gold answers: made by hand, from accepted work or from imported labels; corrected and retired by new versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.labelstudio.rules import Problem, canonical, digest_of, parse_config, validate_result
from annotation.projects.models import Item, Project
from annotation.projects.rules import is_storable
from annotation.projects.selectors import projects_visible_to
from annotation.projects.services import locked_project
from annotation.quality.models import GoldAnswer, GoldPlan
from annotation.quality.permissions import KEEP_GOLD
from annotation.quality.scoring import WHOLE
from annotation.quality.selectors import active_gold, gold_of_item
from annotation.quality.services.scoring import recompute_outcomes
from annotation.quality.states import GoldRole, GoldSource, Method
from annotation.work.models import Submission, Task
from annotation.work.rules import image_size, task_fields
from annotation.work.states import TaskState
from audit.services import record
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal, SelfReview
from organizations.permissions import Actor

REASON_LIMIT = 2_000
IMPORT_LIMIT = 10_000  # rows of one import
SHARES = {
    "hidden_share": (0, 5_000),
    "pass_share": (0, WHOLE),
    "least_shapes": (0, WHOLE),
    "least_spans": (0, WHOLE),
    "least_texts": (0, WHOLE),
    "least_ratings": (0, WHOLE),
    "iou": (1, WHOLE),
    "poor": (1, WHOLE - 1),
    "good": (1, WHOLE - 1),
    "sure": (0, WHOLE),
    "training_count": (0, 100),
    "screening_count": (0, 100),
    "reveal_after": (1, 1_000),
    "measure_every": (10, 1_000_000),
}


class GoldRefused(Refusal):
    """A gold answer is no answer to the config; `problems` says why."""

    code = "gold_refused"
    message = gettext_lazy("标准答案有 %(count)s 处问题：%(reason)s")
    status = 422

    def __init__(self, problems: Sequence[Problem], *, where: str = "") -> None:
        said = [f"{where}{found.told}" for found in problems]
        super().__init__(field="result", count=len(said), reason=" ".join(said[:20]))
        self.problems, self.reasons = list(problems), said


class NothingToTake(Refusal):
    """There is no accepted result to make a gold answer of."""

    code = "nothing_to_take"
    message = gettext_lazy("没有可用作标准答案的已通过结果：先有结果通过质检，且该条数据还没有标准答案。")


class OwnGold(SelfReview):
    """Nobody keeps the gold of items that they labelled."""

    message = gettext_lazy("您标注过这条数据，不能由您确定它的标准答案，请由其他项目经理确定。")


@dataclass(frozen=True, slots=True)
class GoldRow:
    """One label of an import: the item by its number, name or SHA-256, and the result."""

    item: str
    result: Any


def kept_project(by: Actor, project_id: UUID) -> Project:
    """The project, locked, if the actor keeps its gold; NotFound or NotAllowed otherwise."""
    project = locked_project(project_id)
    if not projects_visible_to(by).filter(pk=project_id).exists():
        raise NotFound
    by.require(KEEP_GOLD)
    if not by.belongs_to(project.firm_id):
        raise NotAllowed(permission=KEEP_GOLD.label, organization=str(by.organization or "—"))
    return project


def words_of(text: str, field: str, *, is_asked: bool = True) -> str:
    """A written reason, trimmed; InvalidInput when it is missing, too long or cannot be stored."""
    words = text.strip()
    if (is_asked and not words) or len(words) > REASON_LIMIT or not is_storable(words):
        said = _("请写明理由，最多 %(limit)s 个字。")
        raise InvalidInput(field=field, reason=said % {"limit": REASON_LIMIT})
    return words


@transaction.atomic
def set_plan(*, by: Actor, at: datetime, project_id: UUID, method: str, **shares: int) -> GoldPlan:
    """Put a new version of a project's gold plan in force. InvalidInput for a share out of its bounds."""
    project = kept_project(by, project_id)
    if method not in Method.values:
        raise InvalidInput(field="method", reason=_("请选择一种合并方法。"))
    for name, value in shares.items():
        low, high = SHARES[name]
        if not low <= value <= high:
            said = _("“%(name)s”应在 %(low)s 到 %(high)s 之间。")
            label = GoldPlan.label_of(name)
            raise InvalidInput(field=name, reason=said % {"name": label, "low": low, "high": high})
    former = project.gold_plans.order_by("-version").first()
    made = GoldPlan(
        project=project,
        version=former.version + 1 if former else 1,
        method=method,
        made_by=by.user,
        made_at=at,
        **shares,
    )
    if made.poor >= made.good:
        raise InvalidInput(field="good", reason=_("合格正确率应高于不合格正确率。"))
    made.save()
    record(by=by, at=at, action="quality.plan", subject=project, detail={"version": made.version, **shares})
    return made


def checked_result(project: Project, item: Item, result: Any, *, where: str = "") -> list[dict[str, Any]]:
    """The result as it is stored; GoldRefused with every reason when it is no answer to the config."""
    config = parse_config(project.labeling_config)
    problems = validate_result(config, task_fields(config, item), result, image_size(item))
    if problems:
        raise GoldRefused(problems, where=where)
    return list(result)


def _write(
    by: Actor, at: datetime, project: Project, item: Item, result: Any, role: str, source: str, note: str
) -> GoldAnswer:
    former = GoldAnswer.objects.filter(item=item).order_by("-version").first()
    return GoldAnswer.objects.create(
        project=project,
        item=item,
        version=former.version + 1 if former else 1,
        role=role,
        source=source,
        result=result,
        result_sha256=digest_of(result),
        note=note,
        made_by=by.user,
        made_at=at,
    )


def _known_role(role: str) -> str:
    if role not in GoldRole.values:
        raise InvalidInput(field="role", reason=_("请选择用途：隐藏质检题、测试题或练习题。"))
    return role


def _require_not_own(by: Actor, item: Item) -> None:
    if by.user_id and Submission.objects.filter(task__item=item, annotator=by.user_id).exists():
        raise OwnGold


@transaction.atomic
def make_gold(
    *, by: Actor, at: datetime, project_id: UUID, item_id: UUID, result: Any, role: str, note: str = ""
) -> GoldAnswer:
    """Write the gold answer of an item, or the next version of it with another role; scores there are recomputed."""
    project = kept_project(by, project_id)
    item = Item.objects.filter(pk=item_id, project=project).first()
    if item is None:
        raise NotFound
    _require_not_own(by, item)
    known = _known_role(role)
    kept = checked_result(project, item, result)
    words = words_of(note, "note", is_asked=False)
    gold = _write(by, at, project, item, kept, known, GoldSource.WRITTEN, words)
    detail = {"item": item.ordinal, "role": known, "version": gold.version, "sha256": gold.result_sha256}
    record(by=by, at=at, action="quality.make_gold", subject=project, detail=detail)
    recompute_outcomes(by=by, at=at, gold=gold)
    return gold


@transaction.atomic
def take_accepted(*, by: Actor, at: datetime, project_id: UUID, role: str, count: int) -> list[GoldAnswer]:
    """Make gold of accepted results of items that have none, drawn by lot; the one accepted last of each item."""
    project = kept_project(by, project_id)
    known = _known_role(role)
    if not 1 <= count <= 1_000:
        raise InvalidInput(field="count", reason=_("条数应在 1 到 1000 之间。"))
    tasks = Task.objects.filter(project=project, state=TaskState.ACCEPTED)
    tasks = tasks.exclude(item__in=active_gold(project_id).values("item")).exclude(annotator=by.user_id)
    item_ids = list(tasks.order_by("item_id").distinct("item_id").values_list("item_id", flat=True))
    drawn = sorted(item_ids, key=lambda pk: digest_of([str(pk), known, str(project.pk)]))[:count]
    found = Submission.objects.filter(task__in=tasks.filter(item__in=drawn)).select_related("task__item")
    newest = {each.task.item_id: each for each in found.order_by("task__accepted_at", "ordinal")}
    if not newest:
        raise NothingToTake(field="count")
    made = [
        _write(by, at, project, each.task.item, each.result, known, GoldSource.ACCEPTED, "")
        for each in newest.values()
    ]
    detail = {"role": known, "items": sorted(each.item.ordinal for each in made)}
    record(by=by, at=at, action="quality.take_accepted", subject=project, detail=detail)
    return made


@transaction.atomic
def import_gold(
    *, by: Actor, at: datetime, project_id: UUID, rows: Sequence[GoldRow], role: str
) -> tuple[int, int]:
    """Make gold of labels: all rows or none; how many are new, how many were there already, equal.

    Raises GoldRefused or InvalidInput naming the row.
    """
    project = kept_project(by, project_id)
    known = _known_role(role)
    if not 1 <= len(rows) <= IMPORT_LIMIT:
        said = _("一次导入 1 到 %(limit)s 行。")
        raise InvalidInput(field="rows", reason=said % {"limit": IMPORT_LIMIT})
    items = _items_named(project, [row.item for row in rows])
    present = {gold.item_id: gold for gold in active_gold(project_id)}
    made, same = [], 0
    for number, (row, item) in enumerate(zip(rows, items, strict=True), 1):
        if item is None:
            said = _("第 %(number)s 行：项目里没有“%(item)s”，请填序号、文件名或 SHA-256。")
            raise InvalidInput(field="rows", reason=said % {"number": number, "item": row.item[:80]})
        _require_not_own(by, item)
        where = _("第 %(number)s 行：") % {"number": number}
        kept = checked_result(project, item, row.result, where=where)
        former = present.get(item.pk)
        if former is not None and former.role == known and canonical(former.result) == canonical(kept):
            same += 1
            continue
        gold = _write(by, at, project, item, kept, known, GoldSource.IMPORTED, "")
        present[item.pk] = gold
        made.append(gold)
    detail = {"role": known, "made": len(made), "same": same}
    record(by=by, at=at, action="quality.import_gold", subject=project, detail=detail)
    for gold in made:
        recompute_outcomes(by=by, at=at, gold=gold)
    return len(made), same


def _items_named(project: Project, names: Sequence[str]) -> list[Item | None]:
    wanted = {name.strip() for name in names}
    rows = Item.objects.filter(project=project)
    numbers = [int(name) for name in wanted if name.isascii() and name.isdigit() and len(name) < 10]
    found: dict[str, Item] = {item.name: item for item in rows.filter(name__in=wanted)}
    found |= {item.sha256: item for item in rows.filter(sha256__in=wanted)}
    found |= {str(item.ordinal): item for item in rows.filter(ordinal__in=numbers)}
    return [found.get(name.strip()) for name in names]


@transaction.atomic
def correct_gold(*, by: Actor, at: datetime, item_id: UUID, result: Any, note: str) -> GoldAnswer:
    """Put a corrected answer in the place of an item's gold; everybody who answered it is scored anew."""
    former = gold_of_item(item_id)
    if former is None:
        raise NotFound
    project = kept_project(by, former.project_id)
    former = gold_of_item(item_id)
    if former is None:
        raise NotFound
    words = words_of(note, "note")
    kept = checked_result(project, former.item, result)
    gold = _write(by, at, project, former.item, kept, former.role, GoldSource.CORRECTED, words)
    detail = {"item": former.item.ordinal, "version": gold.version, "note": words}
    record(by=by, at=at, action="quality.correct_gold", subject=project, detail=detail)
    recompute_outcomes(by=by, at=at, gold=gold)
    return gold


@transaction.atomic
def retire_gold(*, by: Actor, at: datetime, item_id: UUID, note: str) -> GoldAnswer:
    """Use an item's gold no more; what it said of workers no longer counts."""
    former = gold_of_item(item_id)
    if former is None:
        raise NotFound
    project = kept_project(by, former.project_id)
    words = words_of(note, "note")
    gold = GoldAnswer.objects.create(
        project=project,
        item=former.item,
        version=former.version + 1,
        role=former.role,
        source=former.source,
        result=former.result,
        result_sha256=former.result_sha256,
        note=words,
        is_active=False,
        made_by=by.user,
        made_at=at,
    )
    record(
        by=by,
        at=at,
        action="quality.retire_gold",
        subject=project,
        detail={"item": former.item.ordinal, "note": words},
    )
    recompute_outcomes(by=by, at=at, gold=gold)
    return gold
