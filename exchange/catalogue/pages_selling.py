"""The supplier's own products: list, task list, check answers, submit."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django import forms as django_forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from exchange.catalogue import rules, services
from exchange.catalogue.forms import DraftForm, LicenceForm, PlanForm, WordingForm, licence_terms
from exchange.catalogue.models import Product
from exchange.catalogue.selectors import certificates_to_list, own_product, own_products, steps_of
from exchange.catalogue.states import ListingState
from gateway.api import actor
from kernel import clock
from kernel.errors import NotFound, Refusal
from kernel.models import Transition
from web.answers import page_or_fragment
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Link

EDITABLE = (ListingState.DRAFT, ListingState.REJECTED)


@require_GET
@login_required
def products(request: HttpRequest) -> HttpResponse:
    """我的产品: every product of the organization, newest first."""
    rows = own_products(actor(request)).defer("search")
    wanted = request.GET.get("state", "")
    shown = rows.filter(state=wanted) if wanted in ListingState.values else rows
    chips = [Link(_("全部"), request.path, is_current=wanted not in ListingState.values)] + [
        Link(label, f"{request.path}?state={value}", is_current=value == wanted)
        for value, label in ListingState.choices
    ]
    context = {"page": paginate(shown, request.GET), "chips": chips}
    return page_or_fragment(request, "catalogue/selling.html", "catalogue/selling_rows.html", context)


@require_GET
@login_required
def choose(request: HttpRequest) -> HttpResponse:
    """New product, first step: which certificate."""
    at = clock.now()
    certificates = certificates_to_list(actor(request), clock.business_date(at))[:50]
    return render(request, "catalogue/choose.html", {"certificates": certificates})


@require_http_methods(["GET", "POST"])
@login_required
def draft(request: HttpRequest, certificate_id: UUID) -> HttpResponse:
    """New product, second step: the wording; a second click finds the first click's draft."""
    viewer, at = actor(request), clock.now()
    certificate = certificates_to_list(viewer, clock.business_date(at)).filter(pk=certificate_id).first()
    if certificate is None:
        existing = own_products(viewer).filter(certificate_id=certificate_id).order_by("-pk").first()
        if existing is None:
            raise NotFound
        return redirect("selling:product", existing.number)
    form = DraftForm(request.POST or None, initial={"title": certificate.title, "licence": "training"})
    if request.method == "POST" and form.is_valid():
        try:
            made = services.draft_product(
                by=viewer, at=at, certificate_id=certificate_id, **form.cleaned_data
            )
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            return redirect("selling:plans", made.number)
    status = 422 if form.errors else 200
    return render(request, "catalogue/draft.html", {"form": form, "certificate": certificate}, status=status)


@require_GET
@login_required
def product(request: HttpRequest, number: str) -> HttpResponse:
    """The task list of one product, and its history."""
    found = own_product(actor(request), number)
    plans = found.plans_offered  # type: ignore[attr-defined]
    steps = steps_of(found, clock.now())
    history = list(Transition.objects.filter(subject_id=found.pk).order_by("at", "pk"))
    context = {
        "product": found,
        "plans": plans,
        "steps": steps,
        "is_ready": all(step.is_done for step in steps),
        "is_editable": found.state in EDITABLE,
        "is_offered": found.state in (ListingState.LISTED, ListingState.SUSPENDED),
        "transitions": history,
        "latest_reason": history[-1].reason if history and found.state in ("rejected", "suspended") else "",
    }
    return render(request, "catalogue/task_list.html", context)


def _edit(
    request: HttpRequest,
    number: str,
    make: Callable[[Product], django_forms.Form],
    template: str,
    extra: dict[str, object],
) -> HttpResponse:
    """One page of the editor: show the form, save by the service, back to the task list."""
    viewer = actor(request)
    found = own_product(viewer, number)
    form = make(found)
    if request.method == "POST" and form.is_valid():
        try:
            services.edit_product(by=viewer, at=clock.now(), product_id=found.pk, **form.cleaned_data)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已保存。"))
            return redirect("selling:product", number)
    status = 422 if form.errors else 200
    return render(request, template, {"form": form, "product": found, **extra}, status=status)


@require_http_methods(["GET", "POST"])
@login_required
def wording(request: HttpRequest, number: str) -> HttpResponse:
    """Name, summary, description, industry."""
    names = ("title", "title_en", "summary", "description", "industry")
    return _edit(
        request,
        number,
        lambda found: WordingForm(
            request.POST or None, initial={name: getattr(found, name) for name in names}
        ),
        "catalogue/wording.html",
        {},
    )


@require_http_methods(["GET", "POST"])
@login_required
def licence(request: HttpRequest, number: str) -> HttpResponse:
    """The licence, with what each one means."""
    return _edit(
        request,
        number,
        lambda found: LicenceForm(request.POST or None, initial={"licence": found.licence}),
        "catalogue/licence.html",
        {"licences": licence_terms()},
    )


@require_http_methods(["GET", "POST"])
@login_required
def plans(request: HttpRequest, number: str) -> HttpResponse:
    """The plans on sale, and one more."""
    viewer = actor(request)
    found = own_product(viewer, number)
    form = PlanForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.add_plan(by=viewer, at=clock.now(), product_id=found.pk, **form.cleaned_data)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已添加方案。"))
            return redirect("selling:plans", number)
    context = {"product": found, "plans": found.plans_offered, "form": form}  # type: ignore[attr-defined]
    return render(request, "catalogue/plans.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def withdraw_plan(request: HttpRequest, number: str, plan_id: UUID) -> HttpResponse:
    """Stop selling one plan."""
    viewer = actor(request)
    found = own_product(viewer, number)
    if not found.plans.filter(pk=plan_id).exists():
        raise NotFound
    services.withdraw_plan(by=viewer, at=clock.now(), plan_id=plan_id)
    return redirect("selling:plans", number)


@require_http_methods(["GET", "POST"])
@login_required
def check(request: HttpRequest, number: str) -> HttpResponse:
    """Check answers, then hand them to the operator."""
    viewer = actor(request)
    found = own_product(viewer, number)
    if request.method == "POST":
        services.submit_listing(by=viewer, at=clock.now(), product_id=found.pk)
        messages.success(request, _("已提交上架审核：%(title)s") % {"title": found.title})
        return redirect("selling:product", number)
    shown = found.plans_offered  # type: ignore[attr-defined]
    steps = steps_of(found, clock.now())
    context = {
        "product": found,
        "plans": shown,
        "terms": rules.LICENCE_TERMS[found.licence],
        "missing": [step for step in steps if not step.is_done],
        "is_editable": found.state in EDITABLE,
    }
    return render(request, "catalogue/check.html", context)


@require_POST
@login_required
def delist(request: HttpRequest, number: str) -> HttpResponse:
    """The supplier takes its product out of the catalogue."""
    viewer = actor(request)
    found = own_product(viewer, number)
    reason = request.POST.get("reason", "")
    services.delist(by=viewer, at=clock.now(), product_id=found.pk, reason=reason)
    messages.success(request, _("已下架：%(title)s") % {"title": found.title})
    return redirect("selling:product", number)
