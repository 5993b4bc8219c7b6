"""The firm's side: own applications and pilots, the task list, check answers, submit."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from documents.services import link_to, store_upload
from exchange.pilots import rules, selectors, services
from exchange.pilots.forms import FileForm, SectionForm, TypeForm
from exchange.pilots.models import Application
from exchange.pilots.pages.shown import answers_of, stages_of, trace_of
from exchange.pilots.permissions import APPLY
from exchange.pilots.states import ApplicationState, RoundState
from gateway.api import actor
from kernel import clock
from kernel.errors import NotFound, Refusal
from organizations.permissions import Actor
from web.answers import page_or_fragment
from web.forms import show_refusal
from web.paging import paginate


@login_required
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """经纪人试点: the firm's pilots and applications, and the calls that are open."""
    viewer, at = actor(request), clock.now()
    rows = selectors.own_applications(viewer)
    calls = selectors.rounds_visible_to(viewer).filter(
        state=RoundState.PUBLISHED, opens_at__lte=at, closes_at__gt=at
    )
    context = {
        "page": paginate(rows, request.GET),
        "pilots": selectors.pilots_visible_to(viewer)
        .filter(organization=viewer.organization_id)
        .order_by("-pk")[:20],
        "calls": calls.order_by("closes_at")[:10],
        "may_apply": viewer.can(APPLY),
    }
    return page_or_fragment(request, "pilots/mine.html", "pilots/mine_rows.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def apply(request: HttpRequest, call_number: str) -> HttpResponse:
    """Choose a type and begin; a second click leads to the same application."""
    viewer = actor(request)
    call = selectors.round_for(viewer, call_number)
    viewer.require(APPLY)
    form = TypeForm(request.POST or None, found=call)
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data["type"]
        known = selectors.open_application(call, viewer.organization_id, chosen)
        if known is not None:
            return redirect("pilots:application", known.pk)
        try:
            made = services.draft_application(by=viewer, at=clock.now(), round_id=call.pk, broker_type=chosen)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            return redirect("pilots:application", made.pk)
    status = 422 if form.is_bound else 200
    return render(request, "pilots/apply.html", {"form": form, "call": call}, status=status)


def _is_own(viewer: Actor, application: Application) -> bool:
    return viewer.can(APPLY) and viewer.belongs_to(application.applicant_id)


def _may_edit(viewer: Actor, application: Application) -> bool:
    is_editable = application.state == ApplicationState.DRAFT
    return _is_own(viewer, application) and is_editable and _is_unsealed(application)


def _is_unsealed(application: Application) -> bool:
    call = application.round
    return call.state == RoundState.PUBLISHED and clock.now() < call.closes_at


@login_required
@require_safe
def application_page(request: HttpRequest, bid_id: UUID) -> HttpResponse:
    """A task list while it is written, afterwards where it stands and whose turn it is."""
    viewer = actor(request)
    application = selectors.application_for(viewer, bid_id)
    answers = answers_of(application)
    is_movable = _is_own(viewer, application) and _is_unsealed(application)
    context = {
        "application": application,
        "call": application.round,
        "answers": answers,
        "missing_count": sum(len(answer.missing) for answer in answers),
        "stages": stages_of(application),
        "turn": selectors.turn_of(application),
        "trace": trace_of(application),
        "history": selectors.history_of(application.pk),
        "attachments": application.attachments.select_related("document").order_by("pk"),
        "pilot": selectors.pilots_visible_to(viewer).filter(application=application).first(),
        "may_edit": _may_edit(viewer, application),
        "may_take_back": is_movable and application.state == ApplicationState.APPLIED,
        "may_withdraw": is_movable and application.state in ("draft", "applied"),
        "meta": [application.number, application.get_type_display(), application.round.title],
    }
    return render(request, "pilots/application.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def section(request: HttpRequest, bid_id: UUID, key: str) -> HttpResponse:
    """One section of the task list."""
    viewer = actor(request)
    application = selectors.application_for(viewer, bid_id)
    if key != "files" and key not in rules.SECTIONS:
        raise NotFound
    viewer.require(APPLY)
    if not _may_edit(viewer, application):
        raise services.NotEditable(state=application.get_state_display())
    is_post, is_files = request.method == "POST", key == "files"
    form: FileForm | SectionForm
    if is_files:
        form = FileForm(request.POST if is_post else None, request.FILES if is_post else None)
    else:
        names = rules.section_fields(key, application.type)
        initial = {name: getattr(application, name) for name in names}
        form = SectionForm(request.POST if is_post else None, names=names, initial=initial)
    if is_post and form.is_valid():
        try:
            _save(request, application, key, form)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            return (
                redirect("pilots:section", bid_id, "files")
                if is_files
                else redirect("pilots:application", bid_id)
            )
    context = {
        "application": application,
        "call": application.round,
        "form": form,
        "label": _("附件材料") if is_files else rules.SECTIONS[key][0],
        "is_files": is_files,
        "files": application.attachments.select_related("document").order_by("pk") if is_files else [],
    }
    return render(request, "pilots/section.html", context, status=422 if form.is_bound else 200)


def _save(request: HttpRequest, application: Application, key: str, form: FileForm | SectionForm) -> None:
    by, at, told = actor(request), clock.now(), form.cleaned_data
    if key != "files":
        services.edit_application(by=by, at=at, application_id=application.pk, **told)
        return
    with transaction.atomic():
        document = store_upload(by=by, at=at, purpose="evidence", name=told["file"].name, file=told["file"])
        services.attach(
            by=by, at=at, application_id=application.pk, document_id=document.pk, label=told["label"]
        )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest, bid_id: UUID) -> HttpResponse:
    """Check answers, then hand them in."""
    viewer = actor(request)
    application = selectors.application_for(viewer, bid_id)
    viewer.require(APPLY)
    if request.method == "POST":
        services.submit(by=viewer, at=clock.now(), application_id=application.pk)
        messages.success(request, _("申报已提交。截止前可以取回修改。"))
        return redirect("pilots:application", application.pk)
    if not _may_edit(viewer, application):
        raise services.NotEditable(state=application.get_state_display())
    answers = answers_of(application)
    context = {
        "application": application,
        "call": application.round,
        "answers": answers,
        "missing": [words for answer in answers for words in answer.missing],
    }
    return render(request, "pilots/check.html", context)


@login_required
@require_POST
def take_back(request: HttpRequest, bid_id: UUID) -> HttpResponse:
    """Back to a draft, before the close."""
    services.take_back(by=actor(request), at=clock.now(), application_id=bid_id)
    messages.success(request, _("已取回，请修改后在截止前重新提交。"))
    return redirect("pilots:application", bid_id)


@login_required
@require_POST
def withdraw(request: HttpRequest, bid_id: UUID) -> HttpResponse:
    """Give it up, before the close."""
    services.withdraw(by=actor(request), at=clock.now(), application_id=bid_id)
    messages.success(request, _("申报已撤回。"))
    return redirect("pilots:mine")


@login_required
@require_POST
def detach(request: HttpRequest, bid_id: UUID, attachment_id: UUID) -> HttpResponse:
    """Take a file off the application."""
    services.detach(by=actor(request), at=clock.now(), application_id=bid_id, attachment_id=attachment_id)
    return redirect("pilots:section", bid_id, "files")


@login_required
@require_POST
def open_file(request: HttpRequest, bid_id: UUID, attachment_id: UUID) -> HttpResponse:
    """A short-lived link to a file of an application that the viewer sees; recorded."""
    viewer = actor(request)
    application = selectors.application_for(viewer, bid_id)
    found = application.attachments.filter(pk=attachment_id).select_related("document").first()
    if found is None:
        raise NotFound
    return redirect(link_to(by=viewer, at=clock.now(), document=found.document))
