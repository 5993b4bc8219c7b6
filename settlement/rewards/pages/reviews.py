"""The offices' pages: the queue, decisions on a claim, the audit of a decision and its replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from gateway.api import actor
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from settlement.rewards import selectors, services
from settlement.rewards.models import Claim
from settlement.rewards.pages.answering import act
from settlement.rewards.pages.auditing import facts_in_words, steps_in_words
from settlement.rewards.pages.claims import claim_page, meta_of
from settlement.rewards.permissions import FIRST_REVIEW, REPLAY, SECOND_REVIEW, SEE_FUNDS
from settlement.rewards.rules import Replay
from settlement.rewards.states import ClaimState
from web.answers import page_or_fragment
from web.paging import paginate
from web.parts import Link

ORDERS = {"due": ("due_on", "id"), "oldest": ("drafted_at", "id"), "latest_due": ("-due_on", "-id")}


@require_GET
@login_required
def review(request: HttpRequest) -> HttpResponse:
    """审核队列: the claims that wait for this reviewer, the nearest deadline first or as asked."""
    viewer = actor(request)
    if not viewer.can(SECOND_REVIEW):
        viewer.require(FIRST_REVIEW)
    sort = request.GET.get("sort", "")
    sort = sort if sort in ORDERS else "due"
    page = paginate(selectors.queue(viewer), request.GET, order=ORDERS[sort])
    words = {"due": _("期限近的在前"), "oldest": _("测算早的在前"), "latest_due": _("期限远的在前")}
    context = {
        "page": page,
        "shows_firm": True,
        "shows_deadline": True,
        "today": clock.business_date(clock.now()),
        "chips": [
            Link(words[each], f"{request.path}?sort={each}", is_current=sort == each) for each in ORDERS
        ],
        "chips_label": _("排序"),
        "sees_funds": viewer.can(SEE_FUNDS),
    }
    return page_or_fragment(request, "rewards/queue.html", "rewards/claims_list.html", context)


def _agree(claim: Claim) -> Callable[..., Claim]:
    return services.first_review if claim.state == ClaimState.CONFIRMED else services.second_review


@require_POST
@login_required
def decide(request: HttpRequest, number: str) -> HttpResponse:
    """The reviewer's decision from the rail."""
    viewer = actor(request)
    found = selectors.claim_for(viewer, number)
    if not viewer.can(SECOND_REVIEW):
        viewer.require(FIRST_REVIEW)
    wanted, opinion = request.POST.get("decision", ""), request.POST.get("opinion", "")[:2000]
    given: dict[str, Any] = {"by": viewer, "at": clock.now(), "claim_id": found.pk}
    try:
        if wanted == "agree":
            _agree(found)(**given, opinion=opinion)
        elif wanted == "return":
            services.return_(**given, reason=opinion)
        elif wanted == "reject":
            services.reject(**given, reason=opinion)
        elif wanted == "announce":
            services.announce(**given)
        else:
            raise InvalidInput(field="decision", reason=_("请选择一项决定。"))
    except Refusal as refusal:
        if refusal.status in (403, 404):
            raise
        found = selectors.claim_for(viewer, number)
        return claim_page(
            request, found, error=str(refusal), selected=wanted, opinion=opinion, status=refusal.status
        )
    messages.success(request, _("决定已记录。"))
    return redirect("rewards:claim", number=number)


@require_POST
@login_required
def answer(request: HttpRequest, number: str, item_id: UUID) -> HttpResponse:
    """The exchange answers one item of the firm's objection."""
    viewer = actor(request)
    found = selectors.claim_for(viewer, number)
    viewer.require(selectors.first_review_of(found.firm))
    if not found.objections.filter(pk=item_id).exists():
        raise NotFound
    return act(
        request,
        lambda: services.answer_objection(
            by=viewer,
            at=clock.now(),
            objection_id=item_id,
            is_accepted=request.POST.get("answer") == "accepted",
            reasons=request.POST.get("reasons", "")[:2000],
        ),
        done=_("答复已记录，企业会看到。"),
        to=reverse("rewards:claim", args=[number]),
        again=lambda request, **told: claim_page(request, selectors.claim_for(viewer, number), **told),
    )


@require_POST
@login_required
def answer_public(request: HttpRequest, number: str, said_id: UUID) -> HttpResponse:
    """The department answers what the public said."""
    viewer = actor(request)
    found = selectors.claim_for(viewer, number)
    viewer.require(SECOND_REVIEW)
    if not found.public_objections.filter(pk=said_id).exists():
        raise NotFound
    return act(
        request,
        lambda: services.answer_public_objection(
            by=viewer,
            at=clock.now(),
            objection_id=said_id,
            is_upheld=request.POST.get("answer") == "upheld",
            reasons=request.POST.get("reasons", "")[:2000],
        ),
        done=_("处理结果已记录。"),
        to=reverse("rewards:claim", args=[number]),
        again=lambda request, **told: claim_page(request, selectors.claim_for(viewer, number), **told),
    )


@require_GET
@login_required
def audit(request: HttpRequest, number: str) -> HttpResponse:
    """审计: every decision of the claim with its facts, parameters and operations, to be replayed."""
    viewer = actor(request)
    found = selectors.claim_for(viewer, number)
    selectors.require_all_claims(viewer)
    return _audit_page(request, found, None)


@require_POST
@login_required
def replay(request: HttpRequest, number: str) -> HttpResponse:
    """重演: compute the present (or named) decision again and compare every byte."""
    viewer = actor(request)
    found = selectors.claim_for(viewer, number)
    viewer.require(REPLAY)
    wanted = request.POST.get("decision", "")
    decisions = {str(each.pk): each for each in selectors.decisions_of(found)}
    decision = decisions.get(wanted) or found.decision
    assert decision is not None, "a drafted claim has a decision"
    outcome = services.replay(by=viewer, at=clock.now(), decision_id=decision.pk)
    return _audit_page(request, found, outcome)


def _audit_page(request: HttpRequest, found: Claim, outcome: Replay | None) -> HttpResponse:
    decision = found.decision
    assert decision is not None, "a drafted claim has a decision"
    ledger = selectors.ledger_evidence(found.firm_id, found.year)
    cited = decision.facts["facts"].get("receipts_fen", {}).get("evidence", [])
    context = {
        "claim": found,
        "decision": decision,
        "decisions": selectors.decisions_of(found),
        "meta": meta_of(found),
        "replay": outcome,
        "can_replay": actor(request).can(REPLAY),
        "facts": facts_in_words(decision, found.firm_id),
        "steps": steps_in_words(decision),
        "reads_ledger": bool(cited),
        "ledger_sha256": ledger["sha256"],
        "ledger_holds": bool(cited) and cited[0]["sha256"] == ledger["sha256"],
    }
    return render(request, "rewards/audit.html", context)
