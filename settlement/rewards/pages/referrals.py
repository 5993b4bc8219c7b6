"""The other ways of a review: passed on, a second opinion, on hold, taken back, agreed with an adjustment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from gateway.api import actor
from kernel import clock
from kernel.errors import NotAllowed
from kernel.models import Transition
from kernel.money import Money
from organizations.permissions import Actor
from settlement.rewards import referrals, selectors, services
from settlement.rewards.forms import (
    AdjustForm,
    AssignForm,
    ConsultForm,
    HoldForm,
    OpinionForm,
    TakeBackForm,
)
from settlement.rewards.models import Claim
from settlement.rewards.pages.answering import act_on_form
from settlement.rewards.pages.shown import ShownQuestion, questions_of
from settlement.rewards.permissions import SECOND_REVIEW, SEE_ALL_CLAIMS
from settlement.rewards.states import CLAIM, ClaimState
from web.parts import Moment

BETWEEN = ":"


def readings_offered(questions: Sequence[ShownQuestion]) -> list[tuple[str, str]]:
    """Every other reading that the rules offer, as a choice that says what it would give."""
    return [
        (
            f"{question.name}{BETWEEN}{reading.name}",
            _("%(question)s：%(reading)s → %(outcome)s %(amount)s")
            % {
                "question": question.label,
                "reading": reading.label,
                "outcome": reading.outcome,
                "amount": Money(reading.amount_fen or 0),
            },
        )
        for question in questions
        for reading in question.readings
        if reading.is_available and not reading.is_chosen
    ]


def referral_context(
    viewer: Actor,
    claim: Claim,
    transitions: Sequence[Transition],
    questions: Sequence[ShownQuestion],
    bound: Mapping[str, forms.Form],
) -> dict[str, Any]:
    """What the page of a claim shows of these ways: who works on it, what it waits for, and the forms."""
    at = clock.now()
    wanted = referrals.permission_of_stage(claim)
    may_review = wanted is not None and viewer.can(SEE_ALL_CLAIMS) and viewer.can(wanted)
    if claim.state != ClaimState.CONFIRMED:
        may_review = may_review and selectors.is_in_charge(viewer, claim)
    hold = referrals.hold_of(claim, at)
    awaited = referrals.open_consultations(claim)
    colleagues = referrals.colleagues(viewer, claim) if may_review else []
    others = [each for each in colleagues if each.pk != viewer.user_id]
    readings = readings_offered(questions)
    may_adjust = may_review and CLAIM.moves["adjust"] in CLAIM.allowed(claim.state) and bool(readings)
    own: dict[str, forms.Form] = {
        "assign_form": AssignForm(colleagues=colleagues),
        "consult_form": ConsultForm(colleagues=others),
        "opinion_form": OpinionForm(),
        "hold_form": HoldForm(),
        "take_back_form": TakeBackForm(),
        "adjust_form": AdjustForm(readings=readings),
        **bound,
    }
    return {
        **own,
        "assignment": referrals.assignment_of(claim),
        "hold": hold,
        "awaited": awaited,
        "deadline": referrals.deadline_of(claim, transitions, at),
        "may_refer": may_review,
        "may_consult": may_review and bool(others) and hold is None,
        "may_hold": may_review and hold is None,
        "may_adjust": may_adjust and hold is None,
        "is_asked": any(each.asked_of_id == viewer.user_id for each in awaited),
        "asked": [each for each in awaited if each.asked_of_id == viewer.user_id],
        "may_take_back": _may_take_back(viewer, claim, transitions),
    }


def _may_take_back(viewer: Actor, claim: Claim, transitions: Sequence[Transition]) -> bool:
    moves = {ClaimState.FIRST_REVIEWED: "first_review", ClaimState.SECOND_REVIEWED: "second_review"}
    wanted = moves.get(ClaimState(claim.state))
    mine = [row for row in transitions if row.move == wanted]
    return bool(mine) and viewer.user_id is not None and mine[-1].user_id == viewer.user_id


def moments_of_referrals(claim: Claim, *, is_office: bool) -> list[Moment]:
    """Passing on and opinions for the offices; holds and adjustments for everybody who sees the claim."""
    found = []
    for hold in claim.holds.order_by("held_at", "pk"):
        title = _("挂起至 %(until)s") % {"until": hold.until.isoformat()}
        found.append(Moment(title, hold.held_at, hold.holder_label if is_office else "", hold.reason))
        if hold.ended_at:
            found.append(Moment(_("恢复办理"), hold.ended_at, hold.ender_label if is_office else ""))
    if not is_office:
        return found
    for row in claim.assignments.select_related("assignee").order_by("assigned_at", "pk"):
        title = _("转交 %(who)s") % {"who": row.assignee}
        found.append(Moment(title, row.assigned_at, row.assigner_label, row.reason))
    for asked in claim.consultations.select_related("asked_of", "answer").order_by("asked_at", "pk"):
        title = _("请 %(who)s 加签") % {"who": asked.asked_of}
        found.append(Moment(title, asked.asked_at, asked.asker_label, asked.question))
        answer = getattr(asked, "answer", None)
        if answer is not None:
            title = _("加签意见：同意") if answer.is_in_favour else _("加签意见：不同意")
            found.append(Moment(title, answer.answered_at, answer.answerer_label, answer.opinion))
    return found


def _act(
    request: HttpRequest,
    number: str,
    make: Callable[[Actor, Claim], forms.Form],
    name: str,
    work: Callable[[dict[str, Any], dict[str, Any]], Any],
    done: str | Promise,
) -> HttpResponse:
    """One form of the rail: done and back to the claim, or the page again with what was wrong on that form."""
    from settlement.rewards.pages.claims import claim_page

    viewer = actor(request)
    found = selectors.claim_for(viewer, number)
    viewer.require(SEE_ALL_CLAIMS)
    wanted = referrals.permission_of_stage(found) or SECOND_REVIEW
    if not viewer.can(wanted) and not _may_take_back(viewer, found, selectors.transitions_of(found)):
        raise NotAllowed(permission=wanted.label, organization=str(viewer.organization or "—"))
    given = {"by": viewer, "at": clock.now(), "claim_id": found.pk}

    def act(told: dict[str, Any]) -> str:
        work(given, told)
        return reverse("rewards:claim", args=[number])

    return act_on_form(
        request,
        make(viewer, found),
        act,
        done=done,
        again=lambda form, status: claim_page(
            request, selectors.claim_for(viewer, number), bound={name: form}, status=status
        ),
    )


@require_POST
@login_required
def assign(request: HttpRequest, number: str) -> HttpResponse:
    """转交."""
    return _act(
        request,
        number,
        lambda viewer, claim: AssignForm(request.POST, colleagues=referrals.colleagues(viewer, claim)),
        "assign_form",
        lambda given, told: services.assign(
            **given, assignee_id=UUID(told["colleague"]), reason=told["reason"]
        ),
        gettext_lazy("已转交。"),
    )


@require_POST
@login_required
def consult(request: HttpRequest, number: str) -> HttpResponse:
    """加签."""
    return _act(
        request,
        number,
        lambda viewer, claim: ConsultForm(request.POST, colleagues=referrals.colleagues(viewer, claim)),
        "consult_form",
        lambda given, told: services.consult(
            **given, colleague_id=UUID(told["colleague"]), question=told["question"]
        ),
        gettext_lazy("已请求加签，收到意见后再决定。"),
    )


@require_POST
@login_required
def give_opinion(request: HttpRequest, number: str) -> HttpResponse:
    """The colleague's opinion."""
    return _act(
        request,
        number,
        lambda viewer, claim: OpinionForm(request.POST),
        "opinion_form",
        lambda given, told: services.give_opinion(
            **given, is_in_favour=told["answer"] == "yes", opinion=told["opinion"]
        ),
        gettext_lazy("加签意见已记录。"),
    )


@require_POST
@login_required
def hold(request: HttpRequest, number: str) -> HttpResponse:
    """挂起."""
    return _act(
        request,
        number,
        lambda viewer, claim: HoldForm(request.POST),
        "hold_form",
        lambda given, told: services.hold(**given, until=told["until"], reason=told["reason"]),
        gettext_lazy("已挂起，企业会看到理由。"),
    )


@require_POST
@login_required
def resume(request: HttpRequest, number: str) -> HttpResponse:
    """恢复办理."""
    return _act(
        request,
        number,
        lambda viewer, claim: forms.Form(request.POST),
        "resume_form",
        lambda given, told: services.resume(**given),
        gettext_lazy("已恢复办理。"),
    )


@require_POST
@login_required
def take_back(request: HttpRequest, number: str) -> HttpResponse:
    """撤回."""
    return _act(
        request,
        number,
        lambda viewer, claim: TakeBackForm(request.POST),
        "take_back_form",
        lambda given, told: services.take_back(**given, reason=told["reason"]),
        gettext_lazy("审核意见已撤回，请重新办理。"),
    )


@require_POST
@login_required
def adjust(request: HttpRequest, number: str) -> HttpResponse:
    """调整后同意."""

    def form(_viewer: Actor, claim: Claim) -> AdjustForm:
        assert claim.decision is not None, "a drafted claim has a decision"
        return AdjustForm(request.POST, readings=readings_offered(questions_of(claim.decision)))

    def work(given: dict[str, Any], told: dict[str, Any]) -> None:
        question, _between, reading = told["reading"].partition(BETWEEN)
        services.adjust(**given, question=question, reading=reading, reason=told["reason"])

    return _act(
        request, number, form, "adjust_form", work, gettext_lazy("已按所选口径重新测算，交企业确认。")
    )
