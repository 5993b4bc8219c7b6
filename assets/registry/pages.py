"""Pages of the registry: the registrant's, the authority's, and the public ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assets.datasets.rules import MISMATCHES
from assets.datasets.selectors import provenance_of
from assets.registry import rules, selectors, services, verification
from assets.registry.forms import (
    SECTION_FORMS,
    CertificateMoveForm,
    DeclarationForm,
    StartForm,
)
from assets.registry.models import Application, Certificate
from assets.registry.permissions import APPLY, CERTIFY, CONTROL_CERTIFICATES, REVIEW, VIEW_REGISTRY
from assets.registry.services.sheets import facts_of, formal_day, qr_svg
from assets.registry.states import ApplicationState, CheckVerdict, Classification
from assets.registry.verification_pages import throttle, verdict_context
from documents import objects
from gateway.api import actor
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from organizations.permissions import Actor
from web import charts
from web.answers import page_or_fragment
from web.forms import show_refusal
from web.paging import CursorPage, paginate
from web.parts import Evidence, Fact, Link, Option, RuleStep, Stage

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


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_application(request: HttpRequest) -> HttpResponse:
    viewer = actor(request)
    viewer.require(APPLY)
    versions = list(selectors.registrable_versions(viewer)[:100])
    wanted = next(
        (v for v in versions if str(v.pk) == request.GET.get("version")), versions[0] if versions else None
    )
    initial = {"version": str(wanted.pk), "title": wanted.dataset.name} if wanted else {}
    form = StartForm(request.POST or None, versions=versions, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            application = services.draft_application(
                by=viewer,
                at=clock.now(),
                version_id=UUID(form.cleaned_data["version"]),
                title=form.cleaned_data["title"],
            )
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            return redirect("registry:application", application.pk)
    context = {"form": form, "has_versions": bool(versions)}
    return render(request, "registry/new.html", context, status=422 if form.is_bound else 200)


def _stages(application: Application) -> list[Stage]:
    order = ["draft", "submitted", "compliance_review", "public_notice", "certified"]
    labels = [_("填写申请"), _("提交与受理"), _("合规审查"), _("公示"), _("发证")]
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


def _answers(application: Application) -> list[dict[str, Any]]:
    """The sections of an application with their content."""
    rights = "、".join(str(label) for label in rules.labels_of_rights(application.rights))
    asset = f"{application.title}（{application.get_product_kind_display()}）"
    values = {
        "asset": f"{asset} · {application.version.dataset.number} v{application.version.version}",
        "use_case": application.use_case,
        "source": application.source_statement,
        "rights": rights,
        "classification": application.get_classification_display() if application.classification else "",
        "legal": application.legal_statement,
    }
    missing: dict[str, list[Any]] = {}
    for point in selectors.completeness(application):
        missing.setdefault(point.section, []).append(point.words)
    return [
        {"key": key, "label": label, "value": values[key], "missing": missing.get(key, [])}
        for key, label in rules.SECTIONS.items()
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
    answers = _answers(application)
    is_own = viewer.can(APPLY) and viewer.belongs_to(application.registrant_id)
    context = {
        "application": application,
        "certificate": certificate,
        "answers": answers,
        "missing_count": sum(len(answer["missing"]) for answer in answers),
        "stages": _stages(application),
        "turn": rules.TURNS.get(application.state, ""),
        "history": selectors.history_of(application.pk),
        "may_edit": _may_edit(viewer, application),
        "may_withdraw": is_own and "withdraw" in _moves(application),
        "may_review": viewer.can(REVIEW),
        "meta": [application.number, application.get_kind_display(), application.registrant.display_name],
    }
    return render(request, "registry/application.html", context)


def _moves(application: Application) -> set[str]:
    from assets.registry.states import APPLICATION

    return {move.name for move in APPLICATION.allowed(application.state)}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def section(request: HttpRequest, application_id: UUID, key: str) -> HttpResponse:
    """One section of the task list."""
    viewer = actor(request)
    application = selectors.application_for(viewer, application_id)
    viewer.require(APPLY)
    if key not in SECTION_FORMS:
        raise NotFound
    if not _may_edit(viewer, application):
        raise services.NotEditable(state=application.get_state_display())
    kind = SECTION_FORMS[key]
    initial = {name: getattr(application, name) for name in kind.base_fields}
    form = kind(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            services.edit_application(
                by=viewer, at=clock.now(), application_id=application.pk, **form.cleaned_data
            )
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            return redirect("registry:application", application.pk)
    context = {"application": application, "form": form, "label": rules.SECTIONS[key]}
    return render(request, "registry/section.html", context, status=422 if form.is_bound else 200)


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
                % {"days": rules.ACCEPTANCE_WORKING_DAYS},
            )
            return redirect("registry:application", application.pk)
    context = {"application": application, "form": form, "answers": _answers(application)}
    return render(request, "registry/check.html", context, status=422 if form.is_bound else 200)


@login_required
@require_POST
def withdraw(request: HttpRequest, application_id: UUID) -> HttpResponse:
    application = selectors.application_for(actor(request), application_id)
    services.withdraw_application(by=actor(request), at=clock.now(), application_id=application.pk)
    messages.success(request, _("申请已撤回。"))
    return redirect("registry:application", application.pk)


# --- the authority ------------------------------------------------------------------------------


@login_required
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """What the authority must do, by deadline."""
    viewer = actor(request)
    viewer.require(REVIEW)
    today = clock.business_date(clock.now())
    page = paginate(selectors.review_queue(viewer), request.GET, order=("due_on", "id"))
    rows = [(row, (row.due_on - today).days if row.due_on else None) for row in page]
    context = {"page": page, "rows": rows, "turns": rules.TURNS}
    return page_or_fragment(request, "registry/queue.html", "registry/queue_list.html", context)


VERDICT_OPTIONS = [
    Option(CheckVerdict.PASS, CheckVerdict.PASS.label),
    Option(CheckVerdict.FAIL, CheckVerdict.FAIL.label, gettext_lazy("须写明哪里不符合、如何补正")),
    Option(CheckVerdict.NOT_APPLICABLE, CheckVerdict.NOT_APPLICABLE.label),
]
DECISIONS = {
    "accept": gettext_lazy("受理"),
    "pass": gettext_lazy("通过，进入公示"),
    "return": gettext_lazy("退回补正"),
    "reject": gettext_lazy("不予登记"),
}
PHRASES = [
    gettext_lazy("材料齐全，来源与权利清楚，同意登记。"),
    gettext_lazy("请逐批补充来源授权文件，并说明许可期限。"),
    gettext_lazy("应用场景过于笼统，请写明使用单位、业务环节和解决的问题。"),
]


def _facts_by_check(application: Application) -> dict[str, Any]:
    version = application.version
    chain = provenance_of(version)
    return {
        "subject": f"{application.registrant.display_name} · {application.registrant.uscc}",
        "integrity": _("%(files)s 个文件，根哈希 %(hash)s…")
        % {"files": version.file_count, "hash": version.root_hash[:12]},
        "use_case": application.use_case,
        "source": application.source_statement,
        "rights": "、".join(str(label) for label in rules.labels_of_rights(application.rights)),
        "classification": Classification(application.classification).label
        if application.classification
        else "--",
        "personal_information": _("样例 %(rows)s 行，字段 %(fields)s 个")
        % {"rows": len(version.sample), "fields": len(version.dictionary)},
        "quality": _("%(rows)s 个样本，%(labels)s 种标签，%(tasks)s 条通过质检")
        % {
            "rows": f"{version.row_count:,}",
            "labels": len(version.label_counts),
            "tasks": f"{chain.task_count:,}",
        },
        "legal": application.legal_statement,
    }


def _evidence(application: Application, code: str) -> Sequence[Evidence]:
    version = application.version
    platform = str(_("平台记录"))
    upload = str(_("登记主体填写"))
    sample, dictionary = f"{reverse('registry:review', args=[application.pk])}#sample", "#dictionary"
    found: dict[str, list[Evidence]] = {
        "subject": [
            Evidence(
                _("单位认证"), platform, application.registrant.get_verification_display(), icon="building-2"
            )
        ],
        "integrity": [Evidence(_("封版清单"), platform, version.root_hash, icon="package-check")],
        "source": [
            Evidence(
                _("血缘"),
                platform,
                version.project.number if version.project else "",
                "#lineage",
                icon="git-branch",
            )
        ],
        "personal_information": [
            Evidence(_("样例"), platform, "", sample, icon="table"),
            Evidence(_("字段字典"), platform, "", dictionary, icon="list"),
        ],
        "quality": [
            Evidence(_("样例"), platform, "", sample, icon="table"),
            Evidence(_("标签分布"), platform, "", "#labels", icon="chart-bar"),
        ],
    }
    return found.get(code) or [Evidence(_("申请内容"), upload, application.number, source="upload")]


def _steps(application: Application, stands: list[selectors.CheckStand]) -> list[dict[str, Any]]:
    facts = _facts_by_check(application)
    words = {CheckVerdict.PASS: "ok", CheckVerdict.NOT_APPLICABLE: "done", CheckVerdict.FAIL: "no"}
    steps = []
    for number, stand in enumerate(stands, start=1):
        check = stand.check
        state = "waiting" if stand.is_open else words[CheckVerdict(stand.verdict)]
        if state == "ok" and not check.is_automatic:
            state = "done"
        verdict = CheckVerdict(stand.verdict).label if stand.verdict else _("待判断")
        step = RuleStep(
            key=check.code,
            number=number,
            title=check.title,
            fact=_cut(str(facts[check.code])),
            verdict=verdict,
            state=state,
            clause=check.requirement,
            article=check.article,
            evidence=_evidence(application, check.code),
        )
        steps.append(
            {
                "step": step,
                "stand": stand,
                "fact": facts[check.code],
                "is_long": len(str(facts[check.code])) > 60,
                "field": f"verdict-{check.code}",
            }
        )
    return steps


def _cut(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def _review_context(request: HttpRequest, application: Application) -> dict[str, Any]:
    viewer = actor(request)
    stands = selectors.standing(application)
    state = application.state
    is_reviewing = state == ApplicationState.COMPLIANCE_REVIEW
    faults = [
        f"{stand.check.title}：{stand.remark}" for stand in stands if stand.verdict == CheckVerdict.FAIL
    ]
    open_links = [Link(stand.check.title, f"#step-{stand.check.code}") for stand in stands if stand.is_open]
    version = application.version
    today = clock.business_date(clock.now())
    choices: list[Option] = []
    if state in (ApplicationState.SUBMITTED, ApplicationState.ACCEPTED_FOR_REVIEW):
        first = (
            Option("accept", _("受理"))
            if state == ApplicationState.SUBMITTED
            else Option("begin", _("开始合规审查"))
        )
        choices = [first, Option("return", DECISIONS["return"], _("一次性列出全部需要补正的事项"))]
    elif is_reviewing:
        choices = [
            Option("pass", DECISIONS["pass"], is_disabled=bool(faults)),
            Option("return", DECISIONS["return"], _("一次性列出全部需要补正的事项")),
            Option("reject", DECISIONS["reject"]),
        ]
    return {
        "application": application,
        "steps": _steps(application, stands),
        "done_count": sum(not stand.is_open for stand in stands),
        "total_count": len(stands),
        "fault_count": len(faults),
        "open_count": len(open_links),
        "is_reviewing": is_reviewing,
        "verdict_options": VERDICT_OPTIONS,
        "choices": choices,
        "selected": "return" if faults else "",
        "open_judgements": open_links if is_reviewing else [],
        "opinion": "\n".join(faults),
        "phrases": PHRASES,
        "stages": _stages(application),
        "turn": rules.TURNS.get(state, ""),
        "provenance": provenance_of(version),
        "label_chart": _label_chart(version.label_counts),
        "history": selectors.history_of(application.pk),
        "conclusion_facts": [
            Fact(_("登记主体"), application.registrant.display_name),
            Fact(_("数据规模"), _("%(rows)s 个样本") % {"rows": f"{version.row_count:,}"}),
            Fact(_("截止"), application.due_on.isoformat() if application.due_on else "--"),
        ],
        "may_certify": viewer.can(CERTIFY)
        and state == ApplicationState.PUBLIC_NOTICE
        and rules.notice_is_over(application.notice_until, today),
        "meta": [application.number, application.get_kind_display(), application.registrant.display_name],
    }


def _label_chart(counts: dict[str, int]) -> Any:
    bars = [charts.Bar(label[:12], count) for label, count in list(counts.items())[:12]]
    return charts.distribution(bars, title=str(_("标签分布")), width=300, label_width=66) if bars else ""


def _review_subject(request: HttpRequest, application_id: UUID) -> Application:
    viewer = actor(request)
    application = selectors.application_for(viewer, application_id)
    viewer.require(REVIEW)
    return application


@login_required
@require_safe
def review(request: HttpRequest, application_id: UUID) -> HttpResponse:
    application = _review_subject(request, application_id)
    return render(request, "registry/review.html", _review_context(request, application))


@login_required
@require_POST
def judge(request: HttpRequest, application_id: UUID, check_code: str) -> HttpResponse:
    """Record a verdict on one point."""
    application = _review_subject(request, application_id)
    try:
        services.record_finding(
            by=actor(request),
            at=clock.now(),
            application_id=application.pk,
            check_code=check_code,
            verdict=request.POST.get(f"verdict-{check_code}", ""),
            remark=request.POST.get("remark", ""),
        )
    except InvalidInput as refusal:
        context = _review_context(request, application)
        context |= {
            "judge_error": str(refusal),
            "judge_code": check_code,
            "judge_remark": request.POST.get("remark", ""),
        }
        return render(request, "registry/review.html", context, status=422)
    address = reverse("registry:review", args=[application.pk])
    return redirect(f"{address}#step-{check_code}")


@login_required
@require_POST
def decide(request: HttpRequest, application_id: UUID) -> HttpResponse:
    """Accept, begin, pass, return or reject."""
    application = _review_subject(request, application_id)
    by, at, key = actor(request), clock.now(), application.pk
    decision, opinion = request.POST.get("decision", ""), request.POST.get("opinion", "")
    try:
        if decision == "accept":
            services.accept_for_review(by=by, at=at, application_id=key)
        elif decision == "begin":
            services.begin_review(by=by, at=at, application_id=key)
        elif decision == "pass":
            services.pass_review(by=by, at=at, application_id=key, reason=opinion)
        elif decision == "return":
            services.return_(by=by, at=at, application_id=key, reason=opinion)
        elif decision == "reject":
            services.reject(by=by, at=at, application_id=key, reason=opinion)
        else:
            raise InvalidInput(field="decision", reason=_("请选择一项决定。"))
    except (services.ReasonMissing, services.ChecksOpen, services.CoreData, InvalidInput) as refusal:
        context = _review_context(request, application)
        context |= {"error": str(refusal), "opinion": opinion, "selected": decision}
        return render(request, "registry/review.html", context, status=refusal.status)
    messages.success(request, _("已办理。"))
    return redirect("registry:review", application.pk)


@login_required
@require_POST
def rehash(request: HttpRequest, application_id: UUID) -> HttpResponse:
    """Re-hash the version from the store."""
    application = _review_subject(request, application_id)
    check = services.check_integrity(by=actor(request), at=clock.now(), application_id=application.pk)
    if check.is_intact:
        words = _("已复算 %(files)s 个文件，全部与封版时一致。")
        messages.success(request, words % {"files": f"{check.checked_count:,}"})
    else:
        named = "；".join(f"{m.path}：{MISMATCHES[m.code]}" for m in check.mismatches[:5])
        messages.error(
            request,
            _("复算发现 %(count)s 处不一致：%(named)s") % {"count": len(check.mismatches), "named": named},
        )
    return redirect("registry:review", application.pk)


@login_required
@require_POST
def certify(request: HttpRequest, application_id: UUID) -> HttpResponse:
    application = _review_subject(request, application_id)
    certificate = services.certify(by=actor(request), at=clock.now(), application_id=application.pk)
    messages.success(request, _("已签发证书 %(number)s。") % {"number": certificate.number})
    return redirect("registry:certificate", certificate.number)


# --- certificates, in public --------------------------------------------------------------------


def _public(number: str) -> Certificate:
    certificate = selectors.certificate_by_number(number)
    if certificate is None:
        raise NotFound
    return certificate


CERTIFICATE_MOVES = {
    "suspend": gettext_lazy("中止效力"),
    "resume": gettext_lazy("恢复效力"),
    "revoke": gettext_lazy("撤销证书"),
    "cancel": gettext_lazy("注销证书"),
}


def _certificate_moves(viewer: Actor, certificate: Certificate) -> list[str]:
    from assets.registry.states import CERTIFICATE

    allowed = {move.name for move in CERTIFICATE.allowed(certificate.state)}
    found = []
    if viewer.can(CONTROL_CERTIFICATES) and viewer.organization_id != certificate.holder_id:
        found += ["suspend", "resume", "revoke"]
    if viewer.can(APPLY) and viewer.belongs_to(certificate.holder_id):
        found.append("cancel")
    return [name for name in found if name in allowed]


def _certificate_context(request: HttpRequest, certificate: Certificate) -> dict[str, Any]:
    viewer = actor(request)
    told = certificate.claims["certificate"]
    verdict = verification.verify_number(certificate.number, on=clock.business_date(clock.now()))
    return {
        **verdict_context(verdict),
        "certificate": certificate,
        "told": told,
        "sheet_facts": facts_of(certificate.claims),
        "issued": formal_day(clock.business_date(certificate.issued_at)),
        "rosette": charts.guilloche(),
        "qr": mark_safe(qr_svg(told["verification_url"])),
        "moves": [(name, CERTIFICATE_MOVES[name]) for name in _certificate_moves(viewer, certificate)],
        "move_form": CertificateMoveForm(),
        "sees_history": viewer.can(REVIEW) or viewer.belongs_to(certificate.holder_id),
        "history": [],
        "is_registrant": viewer.belongs_to(certificate.holder_id),
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
    """Suspend, resume, revoke (authority) or cancel (holder)."""
    viewer, certificate = actor(request), _public(number)
    move = request.POST.get("move", "")
    if move not in _certificate_moves(viewer, certificate):
        viewer.require(APPLY if move == "cancel" else CONTROL_CERTIFICATES)
    form = CertificateMoveForm(request.POST)
    verbs = {
        "suspend": services.suspend,
        "resume": services.resume,
        "revoke": services.revoke,
        "cancel": services.cancel,
    }
    if move not in verbs:
        raise InvalidInput(field="move", reason=_("请选择一项办理。"))
    if form.is_valid():
        try:
            verbs[move](
                by=viewer, at=clock.now(), certificate_id=certificate.pk, reason=form.cleaned_data["reason"]
            )
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
