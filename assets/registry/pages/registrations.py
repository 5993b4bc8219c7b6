"""Pages of the registry: the registrant's, and certificates."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assets.registry import mapping, rules, selectors, services, verification
from assets.registry.codes import code_of
from assets.registry.fingerprints import fingerprint
from assets.registry.forms import (
    SECTION_FORMS,
    CertificateMoveForm,
    DeclarationForm,
    FollowUpForm,
    StartForm,
)
from assets.registry.models import Application, Certificate, Licence
from assets.registry.permissions import AGREE, APPLY, CONTROL_CERTIFICATES, REVIEW, VIEW_REGISTRY
from assets.registry.services.sheets import facts_of
from assets.registry.states import APPLICATION, CERTIFICATE, ApplicationState, ProductKind
from assets.registry.verification_pages import throttle, verdict_context
from documents import objects
from documents.printing import formal_day, qr_svg
from documents.services import link_to, store_upload
from gateway.api import actor
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.wording import listed
from organizations.permissions import Actor
from web import charts
from web.answers import page_or_fragment
from web.forms import show_refusal
from web.paging import CursorPage, paginate
from web.parts import Link, Stage

EDITABLE = (ApplicationState.DRAFT, ApplicationState.RETURNED)


# --- the registrant -----------------------------------------------------------------------------


@login_required
@require_safe
def registrations(request: HttpRequest) -> HttpResponse:
    """Own applications, or own certificates (`?show=certificates`)."""
    viewer = actor(request)
    viewer.require(VIEW_REGISTRY)
    shows_certificates = request.GET.get("show") == "certificates"
    address = reverse("registry:list")
    rows: CursorPage[Any] = (
        paginate(selectors.certificates_visible_to(viewer), request.GET)
        if shows_certificates
        else paginate(selectors.applications_visible_to(viewer), request.GET)
    )
    context = {
        "page": rows,
        "shows_certificates": shows_certificates,
        "may_apply": viewer.can(APPLY),
        "turns": rules.TURNS,
        "tabs": [
            Link(_("登记申请"), address, is_current=not shows_certificates),
            Link(_("登记证书"), f"{address}?show=certificates", is_current=shows_certificates),
        ],
    }
    return page_or_fragment(
        request, "registry/registrations.html", "registry/registrations_list.html", context
    )


@login_required
@require_safe
def of_version(request: HttpRequest, version_id: UUID) -> HttpResponse:
    """Where a version stands: its certificate, its application, or a new application."""
    viewer = actor(request)
    certificate = selectors.certificates_visible_to(viewer).filter(version=version_id).order_by("-pk").first()
    if certificate is not None:
        return redirect("registry:certificate", certificate.number)
    application = selectors.applications_visible_to(viewer).filter(version=version_id).order_by("-pk").first()
    if application is not None and application.state not in (
        ApplicationState.REJECTED,
        ApplicationState.WITHDRAWN,
    ):
        return redirect("registry:application", application.pk)
    return redirect(f"{reverse('registry:new')}?version={version_id}")


def _thing(chosen: str) -> dict[str, Any]:
    """The service's arguments of what was chosen in StartForm."""
    kind, _colon, key = chosen.partition(":")
    if kind == "version":
        return {"version_id": UUID(key)}
    if kind == "project":
        return {"project_id": UUID(key), "product_kind": ProductKind.ANNOTATION_TASK.value}
    return {"product_kind": key}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_application(request: HttpRequest) -> HttpResponse:
    """Begin a first registration: of a version, a project, or another product."""
    viewer = actor(request)
    viewer.require(APPLY)
    versions = list(selectors.registrable_versions(viewer)[:100])
    projects = list(selectors.registrable_projects(viewer)[:100])
    named = {f"version:{v.pk}": v.dataset.name for v in versions}
    named |= {f"project:{p.pk}": p.title for p in projects}
    asked = [f"{kind}:{request.GET.get(kind)}" for kind in ("version", "project") if kind in request.GET]
    wanted = next((key for key in (*asked, *named) if key in named), "")
    form = StartForm(
        request.POST or None,
        versions=versions,
        projects=projects,
        initial={"thing": wanted, "title": named.get(wanted, "")},
    )
    if request.method == "POST" and form.is_valid():
        try:
            application = services.draft_application(
                by=viewer,
                at=clock.now(),
                title=form.cleaned_data["title"],
                **_thing(form.cleaned_data["thing"]),
            )
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            return redirect("registry:application", application.pk)
    return render(request, "registry/new.html", {"form": form}, status=422 if form.is_bound else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def follow_up(request: HttpRequest, number: str) -> HttpResponse:
    """Begin another registration under a certificate: change, correction, transfer, licence, renewal …"""
    viewer = actor(request)
    certificate = selectors.certificates_visible_to(viewer).filter(number=number).first()
    if certificate is None:
        raise NotFound
    viewer.require(APPLY)
    kinds = selectors.follow_ups_for(viewer, certificate, clock.business_date(clock.now()))
    versions = selectors.successor_versions(certificate)
    initial = {"kind": request.GET.get("kind", ""), "version": str(certificate.version_id or "")}
    form = FollowUpForm(request.POST or None, kinds=kinds, versions=versions, initial=initial)
    if request.method == "POST" and form.is_valid():
        kind, version = form.cleaned_data["kind"], form.cleaned_data.get("version")
        try:
            application = services.draft_follow_up(
                by=viewer,
                at=clock.now(),
                certificate_id=certificate.pk,
                kind=kind,
                version_id=UUID(version) if version and kind == "change" else None,
            )
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            return redirect("registry:application", application.pk)
    context = {"form": form, "certificate": certificate, "kinds": kinds}
    return render(request, "registry/follow_up.html", context, status=422 if form.is_bound else 200)


def stages_of(application: Application) -> list[Stage]:
    order = ["draft", "submitted", "compliance_review", "public_notice", "certified"]
    labels = [_("填写申请"), _("提交与受理"), _("合规审查"), _("公示"), _("办结")]
    if not rules.KINDS[application.kind].has_notice:
        del order[3], labels[3]
    here = {"returned": "draft", "accepted_for_review": "submitted", "under_objection": "public_notice"}.get(
        application.state, application.state
    )
    if here not in order:
        return []
    position = order.index(here)
    is_done = here == "certified"
    return [
        Stage(
            label,
            (_("到 %(day)s") % {"day": application.due_on} if i == position and application.due_on else ""),
            "done" if i < position or is_done else "current" if i == position else "ahead",
        )
        for i, label in enumerate(labels)
    ]


def thing_of(application: Application) -> str:
    """What an application is about, in a line."""
    version, project = application.version, application.project
    if version is not None:
        return f"{version.dataset.name} v{version.version} · {version.dataset.number}"
    if project is not None:
        return f"{project.title} · {project.number}"
    return str(application.get_product_kind_display())


def _quality(application: Application) -> str:
    version = application.version
    if version is not None:
        return _("%(rows)s 个样本，%(labels)s 种标签，字段 %(fields)s 个") % {
            "rows": f"{version.row_count:,}",
            "labels": len(version.label_counts),
            "fields": len(version.dictionary),
        }
    if application.project is not None:
        work = selectors.work_of(application.project, "")
        return _("%(tasks)s 条标注通过验收，质检 %(reviews)s 次，退回 %(returned)s 次") % {
            "tasks": f"{work.accepted_count:,}",
            "reviews": f"{work.review_count:,}",
            "returned": f"{work.returned_count:,}",
        }
    return str(_("见登记材料"))


def _values(application: Application) -> dict[str, object]:
    """What every part of the task list says."""
    version = application.version
    files = listed(application.attachments.select_related("document"))
    until = f" · {_('到 %(day)s') % {'day': application.licence_until}}" if application.licence_until else ""
    return {
        "reason": application.reason,
        "other": application.other.display_name if application.other else "",
        "licence": f"{application.scope}{until}",
        "asset": f"{application.title} · {application.get_product_kind_display()} · {thing_of(application)}",
        "use_case": application.use_case,
        "source": application.source_statement,
        "rights": selectors.shown("rights", application.rights),
        "parties": application.arrangement,
        "classification": selectors.grading_of(application).words,
        "quality": _quality(application),
        "sample": _("样例 %(count)s 行") % {"count": len(version.sample)} if version else "",
        "legal": application.legal_statement,
        "files": files,
    }


def answers_of(application: Application) -> list[dict[str, Any]]:
    """The sections of an application with their content and what they lack."""
    values, missing = _values(application), dict[str, list[Any]]()
    for point in selectors.completeness(application):
        missing.setdefault(point.section, []).append(point.words)
    sections = rules.sections_of(application.kind, application.product_kind)
    return [
        {
            "key": "" if key in rules.READ_ONLY_SECTIONS else key,
            "label": label,
            "value": values[key],
            "missing": missing.get(key, []),
        }
        for key, label in sections.items()
    ] + [
        {"key": "", "label": _("单位认证"), "value": "", "missing": words}
        for key, words in missing.items()
        if key == "organization"
    ]


def _may_edit(viewer: Actor, application: Application) -> bool:
    is_own = viewer.can(APPLY) and viewer.belongs_to(application.registrant_id)
    return is_own and application.state in EDITABLE


@login_required
@require_safe
def application_page(request: HttpRequest, application_id: UUID) -> HttpResponse:
    """An application: a task list while it is written, afterwards where it stands and whose turn it is."""
    viewer = actor(request)
    application = selectors.application_for(viewer, application_id)
    certificate = Certificate.objects.filter(application=application).first()
    answers = answers_of(application)
    is_own = viewer.can(APPLY) and viewer.belongs_to(application.registrant_id)
    context = {
        "application": application,
        "certificate": certificate,
        "answers": answers,
        "missing_count": sum(len(answer["missing"]) for answer in answers),
        "stages": stages_of(application),
        "turn": selectors.turn_of(application),
        "thing": thing_of(application),
        "history": selectors.history_of(application.pk, *application.objections.values_list("pk", flat=True)),
        "may_edit": _may_edit(viewer, application),
        "may_withdraw": is_own and "withdraw" in _moves(application),
        "may_review": viewer.can(REVIEW),
        "may_agree": viewer.can(AGREE)
        and viewer.belongs_to(application.other_id)
        and application.state in EDITABLE
        and application.agreed_at is None,
        "agreement": selectors.agreement_hash(application) if application.other_id else "",
        "letters": selectors.letters_of(application),
        "differences": selectors.differences(application),
        "objections": application.objections.order_by("-pk"),
        "licence": Licence.objects.filter(application=application).first(),
        "meta": [application.number, application.get_kind_display(), application.registrant.display_name],
    }
    return render(request, "registry/application.html", context)


def _parameters() -> rules.Parameters:
    return selectors.parameters_on(clock.business_date(clock.now()))


def _moves(application: Application) -> set[str]:
    return {move.name for move in APPLICATION.allowed(application.state)}


def _save_section(request: HttpRequest, application: Application, key: str, told: dict[str, Any]) -> None:
    """Hand one section's answers to its service."""
    by, at = actor(request), clock.now()
    if key == "other":
        services.name_other(by=by, at=at, application_id=application.pk, uscc=told["uscc"])
    elif key == "files":
        with transaction.atomic():
            document = store_upload(
                by=by, at=at, purpose="evidence", name=told["file"].name, file=told["file"]
            )
            services.attach(
                by=by, at=at, application_id=application.pk, document_id=document.pk, label=told["label"]
            )
    else:
        allowed = rules.editable_fields(application.kind, application.product_kind)
        kept = {name: value for name, value in told.items() if name in allowed}
        services.edit_application(by=by, at=at, application_id=application.pk, **kept)


def _section_form(request: HttpRequest, application: Application, key: str) -> forms.Form:
    kind = SECTION_FORMS[key]
    allowed = rules.editable_fields(application.kind, application.product_kind)
    initial = {name: getattr(application, name) for name in kind.base_fields if name in allowed}
    if key == "other" and application.other is not None:
        initial["uscc"] = application.other.uscc
    is_post = request.method == "POST"
    form = kind(request.POST if is_post else None, request.FILES if is_post else None, initial=initial)
    product_kind = form.fields.get("product_kind")
    if isinstance(product_kind, forms.ChoiceField):
        if "product_kind" not in allowed:
            del form.fields["product_kind"]
        else:
            fitting = rules.product_kinds_of(
                has_project=application.project_id is not None,
                has_version=application.version_id is not None,
            )
            product_kind.choices = [(code, ProductKind(code).label) for code in fitting]
    return form


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def section(request: HttpRequest, application_id: UUID, key: str) -> HttpResponse:
    """One section of the task list."""
    viewer = actor(request)
    application = selectors.application_for(viewer, application_id)
    viewer.require(APPLY)
    sections = rules.sections_of(application.kind, application.product_kind)
    if key not in SECTION_FORMS or key not in sections:
        raise NotFound
    if not _may_edit(viewer, application):
        raise services.NotEditable(state=application.get_state_display())
    form = _section_form(request, application, key)
    if request.method == "POST" and form.is_valid():
        try:
            _save_section(request, application, key, form.cleaned_data)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            here = "registry:section" if key == "files" else "registry:application"
            return redirect(here, application.pk, key) if key == "files" else redirect(here, application.pk)
    context = {
        "application": application,
        "form": form,
        "label": sections[key],
        "files": application.attachments.select_related("document") if key == "files" else [],
        "is_files": key == "files",
    }
    return render(request, "registry/section.html", context, status=422 if form.is_bound else 200)


@login_required
@require_POST
def detach(request: HttpRequest, application_id: UUID, attachment_id: UUID) -> HttpResponse:
    """Take a file off the application."""
    application = selectors.application_for(actor(request), application_id)
    services.detach(
        by=actor(request), at=clock.now(), application_id=application.pk, attachment_id=attachment_id
    )
    return redirect("registry:section", application.pk, "files")


@login_required
@require_POST
def open_file(request: HttpRequest, application_id: UUID, attachment_id: UUID) -> HttpResponse:
    """A short-lived link to a file of an application that the viewer sees; recorded."""
    viewer = actor(request)
    application = selectors.application_for(viewer, application_id)
    found = application.attachments.filter(pk=attachment_id).select_related("document").first()
    if found is None:
        raise NotFound
    return redirect(link_to(by=viewer, at=clock.now(), document=found.document))


@login_required
@require_POST
def agree(request: HttpRequest, application_id: UUID) -> HttpResponse:
    """The other party of a transfer or licence agrees."""
    application = selectors.application_for(actor(request), application_id)
    services.agree(by=actor(request), at=clock.now(), application_id=application.pk)
    messages.success(request, _("已确认。申请人提交后由登记机构审查。"))
    return redirect("registry:application", application.pk)


@login_required
@require_safe
def elsewhere(request: HttpRequest, application_id: UUID) -> HttpResponse:
    """How this dossier stands against the registers of other provinces."""
    application = selectors.application_for(actor(request), application_id)
    sections = rules.sections_of("initial", application.product_kind)
    missing = frozenset(point.section for point in selectors.completeness(application))
    registers = [
        {"register": register, "lines": mapping.lines_of(register, sections, missing)}
        for register in mapping.REGISTERS
    ]
    context = {"application": application, "registers": registers}
    return render(request, "registry/elsewhere.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def check_answers(request: HttpRequest, application_id: UUID) -> HttpResponse:
    """Everything once more, a declaration, and submission."""
    viewer = actor(request)
    application = selectors.application_for(viewer, application_id)
    viewer.require(APPLY)
    if not _may_edit(viewer, application):
        return redirect("registry:application", application.pk)
    form = DeclarationForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            services.submit(by=viewer, at=clock.now(), application_id=application.pk)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(
                request,
                _("申请已提交，登记机构将在 %(days)s 个工作日内受理。")
                % {"days": _parameters().acceptance_working_days},
            )
            return redirect("registry:application", application.pk)
    answers = answers_of(application)
    context = {
        "application": application,
        "form": form,
        "answers": answers,
        "missing_count": sum(len(answer["missing"]) for answer in answers),
    }
    return render(request, "registry/check.html", context, status=422 if form.is_bound else 200)


@login_required
@require_POST
def withdraw(request: HttpRequest, application_id: UUID) -> HttpResponse:
    application = selectors.application_for(actor(request), application_id)
    services.withdraw_application(by=actor(request), at=clock.now(), application_id=application.pk)
    messages.success(request, _("申请已撤回。"))
    return redirect("registry:application", application.pk)


# --- certificates, in public --------------------------------------------------------------------


def _public(number: str) -> Certificate:
    certificate = selectors.certificate_by_number(number)
    if certificate is None:
        raise NotFound
    return certificate


CERTIFICATE_MOVES = {
    "suspend": gettext_lazy("中止效力"),
    "resume": gettext_lazy("恢复效力"),
    "revoke": gettext_lazy("告知拟撤销并定听证"),
}


def _certificate_moves(viewer: Actor, certificate: Certificate) -> list[str]:
    """What the authority may do to a certificate now."""
    if not viewer.can(CONTROL_CERTIFICATES) or viewer.organization_id == certificate.holder_id:
        return []
    allowed = {move.name for move in CERTIFICATE.allowed(certificate.state)}
    dispute = selectors.dispute_of(certificate)
    found = [name for name in ("suspend", "resume", "revoke") if name in allowed]
    if dispute:
        found = [name for name in found if name == "suspend"]
    return found


def _certificate_context(request: HttpRequest, certificate: Certificate) -> dict[str, Any]:
    viewer = actor(request)
    told = certificate.claims["certificate"]
    today = clock.business_date(clock.now())
    verdict = verification.verify_number(certificate.number, on=today)
    is_holder = viewer.belongs_to(certificate.holder_id)
    sees = viewer.can(REVIEW) or is_holder
    return {
        **verdict_context(verdict),
        "certificate": certificate,
        "told": told,
        "fingerprint": fingerprint(told),
        "sheet_facts": facts_of(certificate.claims, code_of(certificate)),
        "issued": formal_day(clock.business_date(certificate.issued_at)),
        "rosette": charts.guilloche(),
        "qr": mark_safe(qr_svg(told["verification_url"])),
        "moves": [(name, CERTIFICATE_MOVES[name]) for name in _certificate_moves(viewer, certificate)],
        "move_form": CertificateMoveForm(),
        "sees_history": sees,
        "history": [],
        "is_registrant": is_holder,
        "line": selectors.line_of(certificate),
        "licences": selectors.licences_of(certificate),
        "may_follow_up": is_holder and viewer.can(APPLY),
        "may_object": certificate.state in selectors.ACTIVE and not is_holder,
        "objections": selectors.objections_visible_to(viewer).filter(certificate=certificate).order_by("-pk")
        if viewer.is_signed_in
        else [],
        "revocations": selectors.revocations_visible_to(viewer)
        .filter(certificate=certificate)
        .order_by("-pk")
        if viewer.is_signed_in
        else [],
    }


@require_safe
def certificate_page(request: HttpRequest, number: str) -> HttpResponse:
    """The certificate on the screen, printable; what it says is public."""
    certificate = _public(number)
    context = _certificate_context(request, certificate)
    if context["sees_history"]:
        context["history"] = selectors.history_of(certificate.application_id, certificate.pk)
    return render(request, "registry/certificate.html", context)


@login_required
@require_POST
def move_certificate(request: HttpRequest, number: str) -> HttpResponse:
    """The authority suspends or resumes a certificate, or opens a proceeding to revoke it."""
    viewer, certificate = actor(request), _public(number)
    viewer.require(CONTROL_CERTIFICATES)
    move, form = request.POST.get("move", ""), CertificateMoveForm(request.POST)
    if move not in CERTIFICATE_MOVES:
        raise InvalidInput(field="move", reason=_("请选择一项办理。"))
    if form.is_valid():
        told: dict[str, Any] = {"by": viewer, "at": clock.now(), "certificate_id": certificate.pk}
        reason = form.cleaned_data["reason"]
        try:
            if move == "revoke":
                revocation = services.open_revocation(**told, grounds=reason)
                return redirect("registry:revocation", revocation.pk)
            verb = services.suspend if move == "suspend" else services.resume
            verb(**told, reason=reason)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已办理。"))
            return redirect("registry:certificate", certificate.number)
    context = _certificate_context(request, certificate) | {"move_form": form}
    return render(request, "registry/certificate.html", context, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
def certificate_pdf(request: HttpRequest, number: str) -> HttpResponse:
    """The issued PDF. Made by a task after issue; a POST makes it at once if the task has not run yet."""
    certificate = _public(number)
    if request.method == "POST":
        throttle(request)
        certificate = services.issue_document(
            by=Actor.system("证书文件"), at=clock.now(), certificate_id=certificate.pk
        )
        return redirect("registry:pdf", certificate.number)
    if not certificate.document_sha256:
        return redirect("registry:certificate", certificate.number)
    response = HttpResponse(objects.get(certificate.document_key), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{certificate.number}.pdf"'
    return response


@require_safe
def certificate_json(request: HttpRequest, number: str) -> HttpResponse:
    """Claims and token as one JSON file."""
    certificate = _public(number)
    body = {"claims": certificate.claims, "token": certificate.token, "key_id": certificate.key_id}
    response = HttpResponse(json.dumps(body, ensure_ascii=False, indent=2), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{certificate.number}.json"'
    return response


@require_safe
def certificate_token(request: HttpRequest, number: str) -> HttpResponse:
    """The certificate as a compact JWS."""
    certificate = _public(number)
    response = HttpResponse(certificate.token, content_type="application/jwt")
    response["Content-Disposition"] = f'attachment; filename="{certificate.number}.jwt"'
    return response


@require_safe
def licence_token(request: HttpRequest, number: str) -> HttpResponse:
    """A registered licence as a compact JWS; for anyone, as the register of licences is."""
    licence = selectors.licence_by_number(number)
    if licence is None:
        raise NotFound
    response = HttpResponse(licence.token, content_type="application/jwt")
    response["Content-Disposition"] = f'attachment; filename="{licence.number}.jwt"'
    return response
