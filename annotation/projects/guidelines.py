"""Examples of a guideline, and questions about it with the answers that everybody reads."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.labelstudio.rules import validate_result
from annotation.projects.contents import image_size, task_fields
from annotation.projects.events import QuestionAnswered, QuestionAsked
from annotation.projects.models import GuidelineExample, GuidelineQuestion, Item, Project
from annotation.projects.permissions import RUN
from annotation.projects.rules import config_for, is_storable
from annotation.projects.selectors import latest_guideline, projects_visible_to
from annotation.projects.services import locked_project
from annotation.projects.states import ExampleKind
from audit.services import record
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal
from kernel.events import announce
from organizations.permissions import Actor

WORDS_LIMIT = 2_000
EXAMPLE_LIMIT = 50


class NoGuideline(Refusal):
    """Examples belong to a published version."""

    code = "no_guideline"
    message = gettext_lazy("项目还没有标注规范，请先发布规范再加示例。")


class ExamplesFull(Refusal):
    """A guideline that nobody can read helps nobody."""

    code = "examples_full"
    message = gettext_lazy("一版规范最多 %(limit)s 个示例。")


class AlreadyAnswered(Refusal):
    """An answer that others have read is not changed; ask again."""

    code = "question_answered"
    message = gettext_lazy("这个问题已经答复，不能修改；需要更正时请发布新版规范。")


def _locked_led(by: Actor, project_id: UUID) -> Project:
    project = locked_project(project_id)
    if not projects_visible_to(by).filter(pk=project_id).exists():
        raise NotFound
    by.require(RUN)
    if not by.belongs_to(project.firm_id):
        raise NotAllowed(permission=RUN.label, organization=str(by.organization or "—"))
    return project


def _checked_words(text: str, field: str) -> str:
    words = text.strip()
    if not words or len(words) > WORDS_LIMIT or not is_storable(words):
        said = _("请填写，最多 %(limit)s 个字。")
        raise InvalidInput(field=field, reason=said % {"limit": WORDS_LIMIT})
    return words


@transaction.atomic
def add_example(
    *, by: Actor, at: datetime, project_id: UUID, item_id: UUID, kind: str, result: Any, note: str
) -> GuidelineExample:
    """Add a worked example to the guideline in force: an item of the project, a result, why it is right or wrong."""
    project = _locked_led(by, project_id)
    if kind not in ExampleKind.values:
        raise InvalidInput(field="kind", reason=_("请选择正确示例或错误示例。"))
    words = _checked_words(note, "note")
    guideline = latest_guideline(project)
    if guideline is None:
        raise NoGuideline
    item = project.items.filter(pk=item_id).first()
    if item is None:
        raise InvalidInput(field="item_id", reason=_("所选数据不属于这个项目。"))
    config = config_for(project.modality, project.labeling_config)
    problems = validate_result(config, task_fields(config, item), result, image_size(item))
    if problems:
        raise InvalidInput(field="result", reason=" ".join(found.told for found in problems[:20]))
    top = guideline.examples.aggregate(top=Max("ordinal"))["top"] or 0
    if top >= EXAMPLE_LIMIT:
        raise ExamplesFull(limit=EXAMPLE_LIMIT)
    example = GuidelineExample.objects.create(
        guideline=guideline, ordinal=top + 1, kind=kind, item=item, result=result, note=words
    )
    detail = {"version": guideline.version, "ordinal": example.ordinal, "kind": kind, "item": item.pk}
    record(by=by, at=at, action="projects.add_example", subject=project, detail=detail)
    return example


def write_question(
    *, by: Actor, at: datetime, project: Project, item: Item, question: str
) -> GuidelineQuestion:
    """Write down what was asked; the caller has judged that the asker works on this item."""
    words = _checked_words(question, "question")
    assert by.user is not None
    asked = GuidelineQuestion.objects.create(
        project=project, item=item, question=words, asked_by=by.user, asked_at=at
    )
    record(by=by, at=at, action="projects.ask", subject=project, detail={"question": asked.pk})
    announce(QuestionAsked(at=at, question_id=asked.pk, by=by))
    return asked


@transaction.atomic
def answer_question(
    *, by: Actor, at: datetime, project_id: UUID, question_id: UUID, answer: str
) -> GuidelineQuestion:
    """Answer a question once; everybody who works on the project reads it from then on."""
    project = _locked_led(by, project_id)
    asked = project.questions.select_for_update(of=("self",)).filter(pk=question_id).first()
    if asked is None:
        raise NotFound
    words = _checked_words(answer, "answer")
    if asked.answered_at is not None:
        raise AlreadyAnswered
    asked.answer, asked.answered_by, asked.answered_at = words, by.user, at
    asked.save(update_fields=["answer", "answered_by", "answered_at"])
    record(by=by, at=at, action="projects.answer", subject=project, detail={"question": asked.pk})
    announce(QuestionAnswered(at=at, question_id=asked.pk, by=by))
    return asked
