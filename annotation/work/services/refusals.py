"""What annotation work says no to."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy

from annotation.labelstudio.rules import Problem
from annotation.work.models import Draft
from kernel.errors import Refusal, SelfReview


class NothingReady(Refusal):
    """There is no unassigned task left for this person."""

    code = "nothing_ready"
    message = gettext_lazy("这个项目暂时没有待分配的任务。可以稍后再来，或查看其他项目。")


class NotForThisPerson(Refusal):
    """A person works on an item once, and not after giving it up or judging it."""

    code = "not_for_this_person"
    message = gettext_lazy("该标注员已处理过、跳过或质检过同一条数据，请交给其他标注员。")


class HandFull(Refusal):
    """Who holds many unfinished tasks finishes some first."""

    code = "hand_full"
    message = gettext_lazy("您手上已有 %(count)s 条未完成的任务，请先完成再领取。")


class NotWorkable(Refusal):
    """Tasks move only while their project is open or in progress."""

    code = "project_not_workable"
    message = gettext_lazy("项目目前%(state)s，不能处理任务。")


class NotYourTask(Refusal):
    """Only the annotator who holds a task works on it."""

    code = "not_your_task"
    message = gettext_lazy("这条任务分配给了其他标注员，只有本人可以提交。")
    status = 403


class LeaseLost(Refusal):
    """The lease ran out and the task is with somebody else; what was sent is kept and does not count."""

    code = "lease_lost"
    message = gettext_lazy(
        "领取时限已过，这条任务已交给他人，本次结果没有计入。您的标注已保存，可在“我的任务 · 未计入”中查看。"
    )


class AttemptsUsedUp(Refusal):
    """After the plan's number of returns somebody else does the task."""

    code = "attempts_used_up"
    message = gettext_lazy(
        "这条任务已被退回 %(count)s 次，达到返工上限，将转交他人。如认为退回有误，请在转交前申诉。"
    )


class ResultRefused(Refusal):
    """A result is not an answer to the config; `problems` says why, region by region."""

    code = "result_refused"
    message = gettext_lazy("标注结果有 %(count)s 处问题：%(reason)s")
    status = 422

    def __init__(self, problems: Sequence[Problem]) -> None:
        said = [found.told for found in problems]
        super().__init__(field="result", count=len(said), reason=" ".join(said[:20]))
        self.problems, self.reasons = list(problems), said


class StaleDraft(Refusal):
    """The draft was saved from elsewhere since; `draft` is what is kept."""

    code = "draft_stale"
    message = gettext_lazy(
        "这条任务的草稿已在另一个窗口或设备上更新到第 %(revision)s 次保存。请选择用哪一份：载入较新的草稿，或以本页内容覆盖。"
    )

    def __init__(self, draft: Draft | None) -> None:
        super().__init__(field="revision", revision=draft.revision if draft else 0)
        self.draft = draft


class OwnWork(SelfReview):
    """Nobody reviews their own labels, nor other labels of the same item."""

    message = gettext_lazy("不能质检自己标注的任务，请由其他质检员处理。")


class SameReviewer(SelfReview):
    """A dispute is judged by someone else."""

    message = gettext_lazy("这条任务的申诉针对您的结论，请由其他质检员复核。")


class SecondReviewByOther(SelfReview):
    """The second level of review is somebody else's."""

    message = gettext_lazy("一级质检由您完成，二级质检请由其他质检员处理。")


class ReviewedElsewhere(Refusal):
    """The quality plan names the organization whose people review."""

    code = "reviewed_elsewhere"
    message = gettext_lazy("按质量方案，这个项目由“%(firm)s”质检，标注企业的人员不能质检。")
    status = 403


class TakenByOther(Refusal):
    """Another reviewer is at this submission."""

    code = "taken_by_other"
    message = gettext_lazy("这条结果已由其他质检员领取，请处理下一条。")


class NothingToReview(Refusal):
    """No submission waits for this reviewer."""

    code = "nothing_to_review"
    message = gettext_lazy("暂时没有可以领取的待质检结果。")


class DisputeSettled(Refusal):
    """A submission is contested once."""

    code = "dispute_settled"
    message = gettext_lazy("这份结果的申诉已由另一位质检员复核并说明理由，请按意见返工。")


class TasksUnfinished(Refusal):
    """A project is handed over whole."""

    code = "tasks_unfinished"
    message = gettext_lazy("还有 %(count)s 条任务没有通过质检，全部完成后才能交付。")


class NothingAccepted(Refusal):
    """A delivery needs at least one accepted task."""

    code = "nothing_accepted"
    message = gettext_lazy("没有任何通过质检的结果，不能交付。")


class PayBelowFloor(Refusal):
    """A pilot earned less in an hour than the wage floor; publishing it asks for a reason that is recorded."""

    code = "pay_below_floor"
    message = gettext_lazy(
        "试标 %(count)s 条的中位用时为 %(seconds)s 秒，按本项目报酬折合每小时 %(hourly)s，低于下限 %(floor)s（%(source)s）。"
        "请提高报酬；确需发布的，请填写理由，理由会留存备查。"
    )


class NothingTouched(Refusal):
    """No accepted work was done under an older version of the guideline."""

    code = "nothing_touched"
    message = gettext_lazy("没有按旧版规范通过、且受这次修改影响的结果，不需要返工。")
