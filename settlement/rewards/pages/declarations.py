"""Facts from outside the platform: the firm declares them with evidence, the department verifies them; the account."""

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

from accounts.reauthentication import require_recent_authentication
from documents.models import Document
from documents.services import link_to, store_upload
from gateway.api import actor
from kernel import clock
from kernel.errors import NotFound
from kernel.models import Transition
from settlement.rewards import funds, measures, selectors, services
from settlement.rewards.forms import DeclarationForm, OfficeForm, PayeeForm
from settlement.rewards.models import Declaration, Office
from settlement.rewards.pages.answering import act, act_on_form
from settlement.rewards.pages.policy import years_offered
from settlement.rewards.pages.shown import said
from settlement.rewards.permissions import (
    CLAIM_REWARDS,
    NAME_OFFICES,
    SEE_OWN_CLAIMS,
    VERIFY_FACTS,
)
from settlement.rewards.states import DeclarationState
from web.answers import page_or_fragment
from web.paging import paginate
from web.parts import Fact, Option


def value_of(declaration: Declaration) -> str:
    """The declared value as people read it."""
    spec = measures.CARDS[declaration.measure].spec(declaration.fact)
    return said(spec.said(declaration.value).plain())


@login_required
@require_GET
def declarations(request: HttpRequest) -> HttpResponse:
    """事实申报: the firm's own with what may be declared; what waits for the department."""
    viewer = actor(request)
    if not selectors.sees_all_claims(viewer):
        viewer.require(SEE_OWN_CLAIMS)
    page = paginate(selectors.declarations_visible_to(viewer), request.GET)
    offered = [
        {"measure": card.id, "title": said(card.title.plain()), "count": len(selectors.declarable(card.id))}
        for card in measures.CARDS.values()
        if selectors.declarable(card.id)
    ]
    years = years_offered()
    context = {
        "page": page,
        "rows": [
            {
                "declaration": each,
                "measure": said(measures.CARDS[each.measure].title.plain()),
                "value": value_of(each),
            }
            for each in page
        ],
        "offered": offered if viewer.can(CLAIM_REWARDS) and viewer.organization_id else [],
        "year": years[0] if years else None,
        "shows_firm": selectors.sees_all_claims(viewer),
        "sees_offices": viewer.can(NAME_OFFICES) or selectors.sees_all_claims(viewer),
    }
    return page_or_fragment(request, "rewards/declarations.html", "rewards/declarations_rows.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def declare(request: HttpRequest, measure: str, year: int) -> HttpResponse:
    """Declare one fact of a measure and year with a document."""
    viewer = actor(request)
    viewer.require(CLAIM_REWARDS)
    specs = selectors.declarable(measure)
    if not specs:
        raise NotFound
    form = DeclarationForm(request.POST or None, request.FILES or None, specs=specs)

    def show(form: forms.Form, status: int) -> HttpResponse:
        context = {
            "form": form,
            "title": _("申报事实：%(title)s") % {"title": said(measures.CARDS[measure].title.plain())},
            "lead": _("%(year)s 年度；由主管部门核实后才计入测算") % {"year": year},
            "back_url": reverse("rewards:declarations"),
            "back_label": _("事实申报"),
            "submit": _("提交核实"),
            "is_upload": True,
        }
        return render(request, "rewards/form.html", context, status=status)

    if request.method != "POST":
        return show(form, 200)

    @transaction.atomic
    def work(given: dict[str, Any]) -> str:
        at, file = clock.now(), given.pop("file")
        document = store_upload(by=viewer, at=at, purpose="evidence", name=file.name, file=file)
        made = services.declare(
            by=viewer, at=at, measure=measure, year=year, document_ids=[document.pk], **given
        )
        return reverse("rewards:declaration", args=[made.pk])

    return act_on_form(request, form, work, done=_("已提交，等待主管部门核实。"), again=show)


@login_required
@require_GET
def declaration(request: HttpRequest, declaration_id: UUID) -> HttpResponse:
    """One declared fact with its evidence and what became of it."""
    return _page(request, selectors.declaration_for(actor(request), declaration_id))


def _page(request: HttpRequest, found: Declaration, *, error: str = "", status: int = 200) -> HttpResponse:
    viewer = actor(request)
    card = measures.CARDS[found.measure]
    office = selectors.office_of(found.measure, found.fact)
    is_open = found.state == DeclarationState.DECLARED
    may_verify = is_open and viewer.can(VERIFY_FACTS) and (
        office is not None and viewer.belongs_to(office.organization_id)
    )  # fmt: skip
    context = {
        "declaration": found,
        "value": value_of(found),
        "facts": [
            Fact(_("企业"), found.firm.display_name),
            Fact(_("措施"), said(card.title.plain())),
            Fact(_("年度"), found.year),
            Fact(_("事实"), found.fact_label),
            Fact(_("申报值"), value_of(found)),
            Fact(_("说明"), found.note or "--"),
            Fact(_("核实部门"), _office_label(found, office)),
        ],
        "documents": list(found.documents.order_by("pk")),
        "choices": [
            Option("verify", _("核实通过"), _("计入测算，企业的测算自动更新")),
            Option("refuse", _("不通过"), _("告知理由，企业可补充后重新申报")),
        ]
        if may_verify
        else [],
        "may_withdraw": is_open and viewer.can(CLAIM_REWARDS) and viewer.belongs_to(found.firm_id),
        "history": Transition.objects.filter(subject_id=found.pk).order_by("at", "pk"),
        "error": error,
    }
    return render(request, "rewards/declaration.html", context, status=status)


def _office_label(found: Declaration, office: Office | None) -> str:
    if office is not None:
        return str(office.organization.display_name)
    named = measures.CARDS[found.measure].spec(found.fact).verifier_name
    return _("%(office)s（尚未指定核实单位）") % {"office": said(named.plain())} if named else "--"


@login_required
@require_POST
def verify(request: HttpRequest, declaration_id: UUID) -> HttpResponse:
    """The department's decision on a declared fact."""
    viewer = actor(request)
    found = selectors.declaration_for(viewer, declaration_id)
    viewer.require(VERIFY_FACTS)
    reason = request.POST.get("opinion", "")[:2000]
    is_verified = request.POST.get("decision") == "verify"
    return act(
        request,
        lambda: services.verify_declaration(
            by=viewer, at=clock.now(), declaration_id=found.pk, is_verified=is_verified, reason=reason
        ),
        done=_("决定已记录。"),
        to=reverse("rewards:declaration", args=[found.pk]),
        again=lambda request, **more: _page(request, found, **more),
    )


@login_required
@require_POST
def withdraw_declaration(request: HttpRequest, declaration_id: UUID) -> HttpResponse:
    """The firm takes a declaration back."""
    viewer = actor(request)
    found = selectors.declaration_for(viewer, declaration_id)
    return act(
        request,
        lambda: services.withdraw_declaration(by=viewer, at=clock.now(), declaration_id=found.pk),
        done=_("申报已撤回。"),
        to=reverse("rewards:declaration", args=[found.pk]),
        again=lambda request, **more: _page(request, found, **more),
    )


@login_required
@require_POST
def evidence(request: HttpRequest, declaration_id: UUID, evidence_id: UUID) -> HttpResponse:
    """A short-lived link to one document of the declaration."""
    viewer = actor(request)
    found = selectors.declaration_for(viewer, declaration_id)
    document: Document | None = found.documents.filter(pk=evidence_id).first()
    if document is None:
        raise NotFound
    return HttpResponseRedirect(link_to(by=viewer, at=clock.now(), document=document))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def offices(request: HttpRequest) -> HttpResponse:
    """核实部门: which organization stands for each department that the rule cards name."""
    viewer = actor(request)
    nameable = selectors.nameable_by(viewer)
    if request.method == "POST" and not nameable:
        viewer.require(NAME_OFFICES)
    elif not nameable:
        selectors.require_all_claims(viewer)
    found = selectors.offices()
    sources = [(name.zh, said(name.plain())) for name, _measures, _office in found if name.zh in nameable]
    form = OfficeForm(request.POST or None, sources=sources)

    def show(form: forms.Form, status: int) -> HttpResponse:
        rows = [
            {
                "name": said(name.plain()),
                "measures": [said(measures.CARDS[each].title.plain()) for each in of_measures],
                "office": office,
            }
            for name, of_measures, office in found
        ]
        context = {"rows": rows, "form": form if nameable else None}
        return render(request, "rewards/offices.html", context, status=status)

    if request.method != "POST":
        return show(form, 200)

    def work(given: dict[str, Any]) -> str:
        services.name_office(
            by=viewer, at=clock.now(), source=given["source"], organization_id=given["organization"].pk
        )
        return reverse("rewards:offices")

    return act_on_form(request, form, work, done=_("核实部门已指定。"), again=show)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def payee(request: HttpRequest) -> HttpResponse:
    """收款账户: where the firm wants its awards."""
    viewer = actor(request)
    viewer.require(CLAIM_REWARDS)
    if viewer.organization is None:
        raise NotFound
    known = funds.latest_accounts([viewer.organization.pk]).get(viewer.organization.pk)
    form = PayeeForm(request.POST or None)

    def show(form: forms.Form, status: int) -> HttpResponse:
        context = {
            "form": form,
            "title": _("企业收款账户"),
            "lead": _("户名须为本单位：%(name)s") % {"name": viewer.organization},
            "note": _("现用账户：%(bank)s %(number)s") % {"bank": known.bank, "number": known.masked}
            if known
            else "",
            "back_url": reverse("rewards:index"),
            "back_label": _("奖励申报"),
            "submit": _("登记账户"),
        }
        return render(request, "rewards/form.html", context, status=status)

    if request.method != "POST":
        return show(form, 200)
    require_recent_authentication(request, back=request.path)

    def work(given: dict[str, Any]) -> str:
        services.set_payee_account(by=viewer, at=clock.now(), **given)
        return reverse("rewards:payee")

    return act_on_form(request, form, work, done=_("收款账户已登记。"), again=show)
