"""园区认定: the recognised parks, the firm's own applications, the department's decisions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from documents.services import link_to, store_upload
from gateway.api import actor
from kernel import clock
from kernel.errors import NotFound
from organizations.permissions import Actor
from organizations.rules import place_name
from settlement.rewards import recognitions, services
from settlement.rewards.forms import ParkApplicationForm, ParkForm, ParkRevocationForm
from settlement.rewards.models import ParkRecognition
from settlement.rewards.pages.answering import act, act_on_form
from settlement.rewards.pages.shown import said
from settlement.rewards.permissions import APPLY_FOR_PARK, RECOGNISE_PARKS
from settlement.rewards.states import RecognitionState
from web.answers import page_or_fragment
from web.paging import paginate
from web.parts import Fact, Option


@login_required
@require_GET
def parks(request: HttpRequest) -> HttpResponse:
    """园区认定: what waits first, then everything the viewer sees, newest first."""
    viewer = actor(request)
    if viewer.organization_id is None:
        raise NotFound
    office = recognitions.office()
    context = {
        "page": paginate(recognitions.visible_to(viewer), request.GET),
        "waiting": recognitions.waiting(viewer)[:20],
        "may_apply": viewer.can(APPLY_FOR_PARK),
        "may_recognise": recognitions.may_decide(viewer),
        "department": office.organization.display_name if office else said(recognitions.RECOGNISER.plain()),
    }
    return page_or_fragment(request, "rewards/parks.html", "rewards/parks_rows.html", context)


def _kept(viewer: Actor, given: dict[str, Any]) -> UUID:
    """The form's file as a stored document."""
    file = given.pop("file")
    return store_upload(by=viewer, at=clock.now(), purpose="evidence", name=file.name, file=file).pk


def _form_page(request: HttpRequest, form: forms.Form, status: int, **words: str) -> HttpResponse:
    context = {
        "form": form,
        "back_url": reverse("rewards:parks"),
        "back_label": _("园区认定"),
        "is_upload": True,
        **words,
    }
    return render(request, "rewards/form.html", context, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def apply_for_park(request: HttpRequest) -> HttpResponse:
    """The firm asks to be recognised in a park, with its document."""
    viewer = actor(request)
    viewer.require(APPLY_FOR_PARK)
    form = ParkApplicationForm(request.POST or None, request.FILES or None)

    def show(form: forms.Form, status: int) -> HttpResponse:
        return _form_page(
            request, form, status, title=_("申请园区入驻认定"), submit=_("提交认定"),
            lead=_("主管部门认定后，奖励测算按认定的日子读取“是否在认定的园区内”"),
        )  # fmt: skip

    if request.method != "POST":
        return show(form, 200)

    @transaction.atomic
    def work(given: dict[str, Any]) -> str:
        park, document_id = given.pop("park"), _kept(viewer, given)
        made = services.apply_for_park(
            by=viewer, at=clock.now(), park_id=park.pk, document_id=document_id, **given
        )
        return reverse("rewards:park", args=[made.pk])

    return act_on_form(request, form, work, done=_("已提交，等待主管部门认定。"), again=show)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def recognise_park(request: HttpRequest) -> HttpResponse:
    """The department recognises a park itself."""
    viewer = actor(request)
    viewer.require(RECOGNISE_PARKS)
    form = ParkForm(request.POST or None, request.FILES or None)

    def show(form: forms.Form, status: int) -> HttpResponse:
        return _form_page(
            request, form, status, title=_("认定园区"), submit=_("认定"),
            lead=_("园区认定后，入驻企业可以申请认定；名称相同的园区视为同一个"),
        )  # fmt: skip

    if request.method != "POST":
        return show(form, 200)

    @transaction.atomic
    def work(given: dict[str, Any]) -> str:
        document_id = _kept(viewer, given)
        made = services.recognise_park(by=viewer, at=clock.now(), document_id=document_id, **given)
        return reverse("rewards:park", args=[made.pk])

    return act_on_form(request, form, work, done=_("园区已认定。"), again=show)


@login_required
@require_GET
def park(request: HttpRequest, recognition_id: UUID) -> HttpResponse:
    """One recognition with its evidence, its days and what became of it."""
    return _page(request, recognitions.recognition_for(actor(request), recognition_id))


def _facts(found: ParkRecognition) -> list[Fact]:
    told = [
        Fact(_("园区"), str(found.park)),
        Fact(_("所在地"), place_name(found.park.place)),
        Fact(_("起始日"), found.from_on.isoformat()),
        Fact(_("失效日"), found.until_on.isoformat() if found.until_on else _("长期有效")),
    ]
    if found.firm is not None:
        told.insert(0, Fact(_("企业"), found.firm.display_name))
    if found.revoked_from is not None:
        told.append(Fact(_("撤销起始日"), found.revoked_from.isoformat()))
    recogniser = found.recogniser.display_name if found.recogniser else "--"
    return [*told, Fact(_("认定单位"), recogniser), Fact(_("说明"), found.note or "--")]


def _page(
    request: HttpRequest, found: ParkRecognition, *, error: str = "", status: int = 200
) -> HttpResponse:
    viewer = actor(request)
    may_decide = recognitions.may_decide(viewer)
    is_open = found.state == RecognitionState.APPLIED
    context = {
        "recognition": found,
        "title": found.firm.display_name if found.firm else str(found.park),
        "lead": _("入驻 %(park)s") % {"park": found.park} if found.firm else _("数字经济园区"),
        "facts": _facts(found),
        "choices": [
            Option("recognise", _("予以认定"), _("按申请的起止日认定，测算自动更新")),
            Option("refuse", _("不予认定"), _("告知理由，企业可补充后重新申请")),
        ]
        if may_decide and is_open
        else [],
        "may_revoke": may_decide and found.state == RecognitionState.RECOGNISED,
        "may_withdraw": is_open
        and found.firm_id is not None
        and viewer.can(APPLY_FOR_PARK)
        and viewer.belongs_to(found.firm_id),
        "may_open": found.firm_id is not None or may_decide,
        "history": recognitions.history_of(found),
        "error": error,
    }
    return render(request, "rewards/park.html", context, status=status)


@login_required
@require_POST
def decide_park(request: HttpRequest, recognition_id: UUID) -> HttpResponse:
    """The department's decision on an application."""
    viewer = actor(request)
    found = recognitions.recognition_for(viewer, recognition_id)
    viewer.require(RECOGNISE_PARKS)
    is_recognised = request.POST.get("decision") == "recognise"
    return act(
        request,
        lambda: services.decide_park_application(
            by=viewer, at=clock.now(), recognition_id=found.pk, is_recognised=is_recognised,
            reason=request.POST.get("opinion", "")[:2000],
        ),
        done=_("决定已记录。"),
        to=reverse("rewards:park", args=[found.pk]),
        again=lambda request, **more: _page(request, found, **more),
    )  # fmt: skip


@login_required
@require_POST
def withdraw_park(request: HttpRequest, recognition_id: UUID) -> HttpResponse:
    """The firm takes an application back."""
    viewer = actor(request)
    found = recognitions.recognition_for(viewer, recognition_id)
    return act(
        request,
        lambda: services.withdraw_park_application(by=viewer, at=clock.now(), recognition_id=found.pk),
        done=_("申请已撤回。"),
        to=reverse("rewards:park", args=[found.pk]),
        again=lambda request, **more: _page(request, found, **more),
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def revoke_park(request: HttpRequest, recognition_id: UUID) -> HttpResponse:
    """The department takes a recognition back from a day on."""
    viewer = actor(request)
    found = recognitions.recognition_for(viewer, recognition_id)
    viewer.require(RECOGNISE_PARKS)
    form = ParkRevocationForm(request.POST or None)

    def show(form: forms.Form, status: int) -> HttpResponse:
        title = found.firm.display_name if found.firm else str(found.park)
        return _form_page(
            request, form, status, title=_("撤销园区认定"), submit=_("撤销认定"),
            lead=_("%(who)s：自 %(day)s 起认定") % {"who": title, "day": found.from_on.isoformat()},
        )  # fmt: skip

    if request.method != "POST":
        return show(form, 200)

    def work(given: dict[str, Any]) -> str:
        services.revoke_park_recognition(by=viewer, at=clock.now(), recognition_id=found.pk, **given)
        return reverse("rewards:park", args=[found.pk])

    return act_on_form(request, form, work, done=_("认定已撤销。"), again=show)


@login_required
@require_POST
def park_evidence(request: HttpRequest, recognition_id: UUID) -> HttpResponse:
    """A short-lived link to the document; a park's own document is for its department."""
    viewer = actor(request)
    found = recognitions.recognition_for(viewer, recognition_id)
    if found.firm_id is None:
        viewer.require(RECOGNISE_PARKS)
    return HttpResponseRedirect(link_to(by=viewer, at=clock.now(), document=found.document))
