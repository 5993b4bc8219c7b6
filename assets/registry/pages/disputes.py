"""Public notices, objections and revocations."""

from __future__ import annotations

from typing import Any, BinaryIO, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assets.registry import rules, selectors, services
from assets.registry.forms import CertificateMoveForm, HearingForm, ObjectionForm, ReplyForm
from assets.registry.models import Application, Certificate, Objection, Revocation
from assets.registry.pages.registrations import thing_of
from assets.registry.permissions import APPLY, CONTROL_CERTIFICATES, REVIEW
from assets.registry.states import OBJECTION, REVOCATION, ApplicationState
from documents.services import link_to, store_upload
from gateway.api import actor
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from web.answers import page_or_fragment
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact, Option

# --- notices ------------------------------------------------------------------------------------


@require_safe
def notices(request: HttpRequest) -> HttpResponse:
    """What is shown to the public now, and how to object; for anyone."""
    page = paginate(selectors.notices(), request.GET)
    return page_or_fragment(request, "registry/notices.html", "registry/notices_list.html", {"page": page})


def _notice_facts(application: Application) -> list[Fact]:
    found = [
        Fact(_("登记主体"), application.registrant.display_name, application.registrant.uscc),
        Fact(_("登记类型"), application.get_kind_display()),
        Fact(_("资产类型"), application.get_product_kind_display()),
        Fact(_("登记对象"), thing_of(application)),
        Fact(_("登记权利"), selectors.shown("rights", application.rights)),
        Fact(_("数据分级"), selectors.grading_of(application).label),
        Fact(_("应用场景"), application.use_case),
        Fact(_("来源与授权"), application.source_statement),
        Fact(_("公示起始"), application.notice_from),
        Fact(_("公示截止"), application.notice_until),
    ]
    if application.other is not None:
        found.insert(1, Fact(_("受让方"), application.other.display_name, application.other.uscc))
    return found


@require_safe
def notice(request: HttpRequest, application_id: UUID) -> HttpResponse:
    """One notice; for anyone."""
    application = selectors.notice(application_id)
    today = clock.business_date(clock.now())
    is_over = rules.notice_is_over(application.notice_until, today)
    context = {
        "application": application,
        "facts": _notice_facts(application),
        "differences": selectors.differences(application),
        "turn": selectors.turn_of(application),
        "may_object": application.state == ApplicationState.UNDER_OBJECTION
        or (application.state == ApplicationState.PUBLIC_NOTICE and not is_over),
    }
    return render(request, "registry/notice.html", context)


# --- objecting ----------------------------------------------------------------------------------


def _documents(request: HttpRequest, file: UploadedFile | None) -> list[UUID]:
    """The document of an uploaded file, as a list for the service; empty without a file."""
    if file is None:
        return []
    stored = store_upload(
        by=actor(request),
        at=clock.now(),
        purpose="evidence",
        name=file.name or "",
        file=cast(BinaryIO, file),
    )
    return [stored.pk]


def _object(request: HttpRequest, target: Application | Certificate) -> HttpResponse:
    form = ObjectionForm(
        request.POST if request.method == "POST" else None,
        request.FILES if request.method == "POST" else None,
    )
    if actor(request).organization is None:
        del form.fields["file"]
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        is_application = isinstance(target, Application)
        try:
            with transaction.atomic():
                objection = services.file_objection(
                    by=actor(request),
                    at=clock.now(),
                    interest=told["interest"],
                    statement=told["statement"],
                    signed_name=told["signed_name"],
                    application_id=target.pk if is_application else None,
                    certificate_id=None if is_application else target.pk,
                    document_ids=_documents(request, told.get("file")),
                )
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("异议已提出，编号 %(number)s。") % {"number": objection.number})
            return redirect("registry:objection", objection.pk)
    back = (
        reverse("registry:notice", args=[target.pk])
        if isinstance(target, Application)
        else reverse("registry:certificate", args=[target.number])
    )
    context = {"form": form, "target": target, "back": back}
    return render(request, "registry/object.html", context, status=422 if form.is_bound else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def object_to_application(request: HttpRequest, application_id: UUID) -> HttpResponse:
    """Object to an application in notice."""
    return _object(request, selectors.notice(application_id))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def object_to_certificate(request: HttpRequest, number: str) -> HttpResponse:
    """Object to a certificate in force."""
    certificate = selectors.certificate_by_number(number)
    if certificate is None:
        raise NotFound
    return _object(request, certificate)


@login_required
@require_safe
def objections(request: HttpRequest) -> HttpResponse:
    """The objections that the viewer raised, must answer, or judges."""
    page = paginate(selectors.objections_visible_to(actor(request)), request.GET)
    context = {"page": page, "turns": rules.TURNS}
    return page_or_fragment(request, "registry/objections.html", "registry/objections_list.html", context)


def _objection_moves(request: HttpRequest, objection: Objection) -> list[str]:
    viewer = actor(request)
    allowed = {move.name for move in OBJECTION.allowed(objection.state)}
    found = []
    if viewer.can(REVIEW):
        found += ["accept", "decline", "uphold", "dismiss"]
    if viewer.can(APPLY) and viewer.belongs_to(selectors.respondent_id(objection)):
        found.append("answer")
    if viewer.user_id == objection.objector_id:
        found.append("withdraw")
    return [name for name in found if name in allowed]


def _objection_context(request: HttpRequest, objection: Objection) -> dict[str, Any]:
    moves = _objection_moves(request, objection)
    judging = [name for name in moves if name in ("accept", "decline", "uphold", "dismiss")]
    target = objection.application or objection.certificate
    return {
        "objection": objection,
        "target": target,
        "turn": rules.TURNS.get(objection.state, ""),
        "facts": [
            Fact(_("异议对象"), str(target)),
            Fact(_("异议人"), str(objection.objector), str(objection.organization or "")),
            Fact(_("利害关系"), objection.interest),
            Fact(_("异议内容与理由"), objection.statement),
            Fact(_("签名"), objection.signed_name, f"SHA-256 {objection.signed_sha256[:16]}…"),
        ],
        "documents": objection.documents.all(),
        "reply_documents": objection.reply_documents.all(),
        "history": selectors.history_of(objection.pk),
        "choices": [Option(name, OBJECTION.moves[name].label) for name in judging],
        "may_answer": "answer" in moves,
        "may_withdraw": "withdraw" in moves,
        "reply_form": ReplyForm(),
        "revocation": objection.revocations.first(),
        "may_see_target": objection.certificate is not None
        or selectors.applications_visible_to(actor(request)).filter(objections=objection).exists(),
    }


@login_required
@require_safe
def objection(request: HttpRequest, objection_id: UUID) -> HttpResponse:
    """One objection: statement, reply, decision, and whose turn it is."""
    found = selectors.objection_for(actor(request), objection_id)
    return render(request, "registry/objection.html", _objection_context(request, found))


@login_required
@require_POST
def answer(request: HttpRequest, objection_id: UUID) -> HttpResponse:
    """The registrant's reply."""
    found = selectors.objection_for(actor(request), objection_id)
    form = ReplyForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            with transaction.atomic():
                services.answer_objection(
                    by=actor(request),
                    at=clock.now(),
                    objection_id=found.pk,
                    reply=form.cleaned_data["reply"],
                    document_ids=_documents(request, form.cleaned_data["file"]),
                )
        except InvalidInput as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("答复已提交。"))
            return redirect("registry:objection", found.pk)
    context = _objection_context(request, found) | {"reply_form": form}
    return render(request, "registry/objection.html", context, status=422)


@login_required
@require_POST
def judge_objection(request: HttpRequest, objection_id: UUID) -> HttpResponse:
    """The authority accepts, declines, upholds or dismisses."""
    found = selectors.objection_for(actor(request), objection_id)
    decision, reason = request.POST.get("decision", ""), request.POST.get("opinion", "")
    told: dict[str, Any] = {"by": actor(request), "at": clock.now(), "objection_id": found.pk}
    try:
        if decision == "accept":
            services.accept_objection(**told)
        elif decision == "decline":
            services.decline_objection(**told, reason=reason)
        elif decision in ("uphold", "dismiss"):
            services.decide_objection(**told, is_upheld=decision == "uphold", reason=reason)
        else:
            raise InvalidInput(field="decision", reason=_("请选择一项决定。"))
    except (services.ReasonMissing, services.ReplyPending, InvalidInput) as refusal:
        context = _objection_context(request, found)
        context |= {"error": str(refusal), "opinion": reason, "selected": decision}
        return render(request, "registry/objection.html", context, status=refusal.status)
    messages.success(request, _("已办理。"))
    return redirect("registry:objection", found.pk)


@login_required
@require_POST
def withdraw_objection(request: HttpRequest, objection_id: UUID) -> HttpResponse:
    """The objector takes it back."""
    found = selectors.objection_for(actor(request), objection_id)
    services.withdraw_objection(by=actor(request), at=clock.now(), objection_id=found.pk)
    messages.success(request, _("异议已撤回。"))
    return redirect("registry:objection", found.pk)


@login_required
@require_POST
def objection_file(request: HttpRequest, objection_id: UUID, document_id: UUID) -> HttpResponse:
    """A short-lived link to a document of an objection that the viewer sees; recorded."""
    viewer = actor(request)
    found = selectors.objection_for(viewer, objection_id)
    document = (
        found.documents.filter(pk=document_id).first() or found.reply_documents.filter(pk=document_id).first()
    )
    if document is None:
        raise NotFound
    return redirect(link_to(by=viewer, at=clock.now(), document=document))


# --- revocations --------------------------------------------------------------------------------


def _revocation_context(request: HttpRequest, found: Revocation) -> dict[str, Any]:
    viewer = actor(request)
    allowed = [move.name for move in REVOCATION.allowed(found.state)]
    is_authority = viewer.can(CONTROL_CERTIFICATES)
    is_holder = viewer.can(APPLY) and viewer.belongs_to(found.certificate.holder_id)
    deciding = [name for name in ("propose", "confirm", "reconsider", "drop") if name in allowed]
    if found.proposed_by_id == viewer.user_id:
        deciding = [name for name in deciding if name not in ("confirm", "reconsider")]
    today = clock.business_date(clock.now())
    return {
        "revocation": found,
        "certificate": found.certificate,
        "turn": rules.TURNS.get(found.state, ""),
        "facts": [
            Fact(_("证书"), found.certificate.number, found.certificate.title),
            Fact(_("持有人"), found.certificate.holder.display_name),
            Fact(_("撤销事由"), found.grounds),
            Fact(_("听证日"), found.hearing_on),
            Fact(_("听证"), found.get_hearing_display() if found.hearing else "--", found.hearing_record),
            Fact(_("拟处理意见"), found.proposal or "--", str(found.proposed_by or "")),
            Fact(_("决定理由"), found.decision_reason or "--", str(found.decided_by or "")),
        ],
        "history": selectors.history_of(found.pk),
        "may_record": is_authority and "hear" in allowed and today >= found.hearing_on,
        "may_waive": is_holder and "hear" in allowed,
        "hearing_form": HearingForm(),
        "waiver_form": CertificateMoveForm(),
        "choices": [Option(name, REVOCATION.moves[name].label) for name in deciding] if is_authority else [],
    }


@login_required
@require_safe
def revocation(request: HttpRequest, revocation_id: UUID) -> HttpResponse:
    """A proceeding to revoke a certificate: grounds, hearing, decision."""
    found = selectors.revocation_for(actor(request), revocation_id)
    return render(request, "registry/revocation.html", _revocation_context(request, found))


def _shown(request: HttpRequest, found: Revocation, **more: Any) -> HttpResponse:
    context = _revocation_context(request, found) | more
    return render(request, "registry/revocation.html", context, status=422)


@login_required
@require_POST
def hearing(request: HttpRequest, revocation_id: UUID) -> HttpResponse:
    """Record the hearing."""
    found = selectors.revocation_for(actor(request), revocation_id)
    form: forms.Form = HearingForm(request.POST, request.FILES)
    if form.is_valid():
        told = form.cleaned_data
        try:
            with transaction.atomic():
                documents = _documents(request, told["file"])
                services.record_hearing(
                    by=actor(request),
                    at=clock.now(),
                    revocation_id=found.pk,
                    hearing=told["hearing"],
                    minutes=told["minutes"],
                    document_id=documents[0] if documents else None,
                )
        except InvalidInput as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("听证已记录。"))
            return redirect("registry:revocation", found.pk)
    return _shown(request, found, hearing_form=form)


@login_required
@require_POST
def waive(request: HttpRequest, revocation_id: UUID) -> HttpResponse:
    """The holder does without a hearing."""
    found = selectors.revocation_for(actor(request), revocation_id)
    form = CertificateMoveForm(request.POST)
    if not form.is_valid():
        return _shown(request, found, waiver_form=form)
    services.waive_hearing(
        by=actor(request), at=clock.now(), revocation_id=found.pk, statement=form.cleaned_data["reason"]
    )
    messages.success(request, _("已放弃听证，书面意见已入卷。"))
    return redirect("registry:revocation", found.pk)


@login_required
@require_POST
def decide_revocation(request: HttpRequest, revocation_id: UUID) -> HttpResponse:
    """Propose, confirm, reconsider or drop."""
    found = selectors.revocation_for(actor(request), revocation_id)
    verbs = {
        "propose": services.propose_revocation,
        "confirm": services.confirm_revocation,
        "reconsider": services.reconsider_revocation,
        "drop": services.drop_revocation,
    }
    decision, reason = request.POST.get("decision", ""), request.POST.get("opinion", "")
    try:
        if decision not in verbs:
            raise InvalidInput(field="decision", reason=_("请选择一项决定。"))
        verbs[decision](by=actor(request), at=clock.now(), revocation_id=found.pk, reason=reason)
    except (services.ReasonMissing, InvalidInput) as refusal:
        return _shown(request, found, error=str(refusal), opinion=reason, selected=decision)
    messages.success(request, _("已办理。"))
    return redirect("registry:revocation", found.pk)


@login_required
@require_POST
def minutes(request: HttpRequest, revocation_id: UUID) -> HttpResponse:
    """A short-lived link to the signed minutes."""
    viewer = actor(request)
    found = selectors.revocation_for(viewer, revocation_id)
    if found.minutes is None:
        raise NotFound
    return redirect(link_to(by=viewer, at=clock.now(), document=found.minutes))
