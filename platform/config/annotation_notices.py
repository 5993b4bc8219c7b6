"""What people are told of annotation work; wired in `wiring.py`."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from annotation.projects import events as projects
from annotation.projects.models import GuidelineQuestion
from annotation.work import events as news
from annotation.work.models import Review, Task
from notifications.services import notify, notify_holders
from organizations.states import Role


def _task(task_id: UUID) -> Task:
    return Task.objects.select_related("project", "item").get(pk=task_id)


def tell_question_asked(event: projects.QuestionAsked) -> None:
    """The project's leads."""
    asked = GuidelineQuestion.objects.select_related("project").get(pk=event.question_id)
    notify_holders(
        organization_id=asked.project.firm_id,
        roles=(Role.PROJECT_LEAD,),
        at=event.at,
        title=_("标注员对项目“%(title)s”的规范提问"),
        body=_("问题：%(question)s"),
        words={"title": asked.project.title, "question": asked.question},
        url=reverse("projects:guideline", args=[asked.project_id]),
        is_mailed=False,
    )


def tell_question_answered(event: projects.QuestionAnswered) -> None:
    """Who asked; the others read it beside their work."""
    asked = GuidelineQuestion.objects.select_related("project", "asked_by").get(pk=event.question_id)
    notify(
        users=[asked.asked_by],
        at=event.at,
        title=_("您对项目“%(title)s”规范的提问已答复"),
        body=_("答复：%(answer)s"),
        words={"title": asked.project.title, "answer": asked.answer},
        url=reverse("work:mine"),
        organization_id=asked.project.firm_id,
        is_mailed=False,
    )


def tell_lease_lapsed(event: news.LeaseLapsed) -> None:
    """Who had the task."""
    task = _task(event.task_id)
    notify(
        users=[User.objects.get(pk=event.annotator_id)],
        at=event.at,
        title=_("第 %(number)s 条的领取时限已过，已放回待领取"),
        body=_("项目“%(title)s”。没有作业记录超过时限；还没有交给他人时，您提交的答案仍会计入。"),
        words={"number": task.item.ordinal, "title": task.project.title},
        url=reverse("work:handbacks"),
        organization_id=task.project.firm_id,
        is_mailed=False,
    )


def tell_reassigned(event: news.TaskReassigned) -> None:
    """Who had the task, with the reason."""
    task = _task(event.task_id)
    notify(
        users=[User.objects.get(pk=event.annotator_id)],
        at=event.at,
        title=_("第 %(number)s 条已转交他人"),
        body=_("项目“%(title)s”。原因：%(reason)s"),
        words={"number": task.item.ordinal, "title": task.project.title, "reason": event.reason},
        url=reverse("work:handbacks"),
        organization_id=task.project.firm_id,
        is_mailed=False,
    )


def tell_overturned(event: news.VerdictOverturned) -> None:
    """The annotator whose contest was right, and the reviewer whose verdict it was."""
    task = _task(event.task_id)
    contested = Review.objects.filter(submission=event.submission_id, settled_by__isnull=False).first()
    people = [person for person in (task.annotator, contested.reviewer if contested else None) if person]
    notify(
        users=people,
        at=event.at,
        title=_("第 %(number)s 条的申诉成立，结果已通过并计酬"),
        body=_("项目“%(title)s”。复核改判了原来的退回结论。"),
        words={"number": task.item.ordinal, "title": task.project.title},
        url=reverse("work:task", args=[task.pk]),
        organization_id=task.project.firm_id,
        is_mailed=False,
    )
