"""发布版本: what of the rules was released, by whom, and whether the files are still that."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from gateway.api import actor
from kernel import clock
from settlement.rewards import selectors, services
from settlement.rewards.pages.answering import act
from settlement.rewards.pages.library import rule_rows
from settlement.rewards.permissions import RELEASE_RULES


@require_GET
def rule_list(request: HttpRequest) -> HttpResponse:
    """Every measure with an amount, and the released version of them all."""
    return _page(request)


def _page(request: HttpRequest, *, error: str = "", status: int = 200) -> HttpResponse:
    viewer = actor(request)
    may_release = viewer.can(RELEASE_RULES)
    standing = selectors.release_standing()
    rows = [
        {"release": row, "may_approve": may_release and row.waits and row.proposed_by_id != viewer.user_id}
        for row in selectors.releases()
    ]
    context: dict[str, Any] = {
        "rows": rule_rows(),
        "standing": standing,
        "releases": rows,
        "may_release": may_release and not standing.is_same,
        "error": error,
    }
    return render(request, "rewards/rules.html", context, status=status)


@require_POST
@login_required
def propose_release(request: HttpRequest) -> HttpResponse:
    """One person proposes to release what the files are now."""
    viewer = actor(request)
    note = request.POST.get("note", "")[:2000]
    return act(
        request,
        lambda: services.propose_release(by=viewer, at=clock.now(), note=note),
        done=_("已提出发布，待另一人批准。"),
        to=reverse("rewards:rules"),
        again=_page,
    )


@require_POST
@login_required
def approve_release(request: HttpRequest, release_id: UUID) -> HttpResponse:
    """Another person releases it."""
    viewer = actor(request)
    return act(
        request,
        lambda: services.approve_release(by=viewer, at=clock.now(), release_id=release_id),
        done=_("规则版本已发布。"),
        to=reverse("rewards:rules"),
        again=_page,
    )
