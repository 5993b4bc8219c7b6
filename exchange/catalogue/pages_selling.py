"""The supplier's own products: list, task list, check answers, submit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from django import forms as django_forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from exchange.catalogue import rules, services
from exchange.catalogue.forms import (
    AnswerForm,
    ComplianceForm,
    ContactForm,
    DraftForm,
    ExamplesForm,
    InviteForm,
    LicenceForm,
    NeedsForm,
    NoteForm,
    OrderingForm,
    PlanForm,
    VisibilityForm,
    WordingForm,
    licence_terms,
)
from exchange.catalogue.models import Plan, Product
from exchange.catalogue.permissions import MARK_COPIES
from exchange.catalogue.selectors import (
    certificates_to_list,
    contacts_of,
    live_invitations,
    newer_certificates,
    open_questions,
    open_revision_of,
    own_product,
    own_products,
    questions_visible_to,
    revisions_of,
    snapshot_of,
    steps_of,
    told_plan,
)
from exchange.catalogue.states import ContactKind, ListingState, PlanKind
from gateway.api import actor
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.models import Transition
from organizations.permissions import Actor
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
    """The task list of one product, its open change, and its history."""
    found = own_product(actor(request), number)
    steps = steps_of(found, clock.now())
    history = list(Transition.objects.filter(subject_id=found.pk).order_by("at", "pk"))
    revision = open_revision_of(found)
    context = {
        "product": found,
        "plans": worded(found.plans_offered),  # type: ignore[attr-defined]
        "steps": [(step, STEP_PAGES.get(step.code, "")) for step in steps],
        "may_mark": actor(request).can(MARK_COPIES),
        "is_ready": all(step.is_done or step.is_optional for step in steps),
        "is_editable": found.state in EDITABLE,
        "is_offered": found.state in services.REVISABLE,
        "is_open": found.state in (*EDITABLE, *services.REVISABLE),
        "revision": revision,
        "change_count": len(rules.changes(revision.before, revision.proposed)) if revision else 0,
        "revisions": [each for each in revisions_of(found) if revision is None or each.pk != revision.pk][:5],
        "questions": list(open_questions(actor(request)).filter(product=found)[:20]),
        "transitions": history,
        "latest_reason": history[-1].reason if history and found.state in ("rejected", "suspended") else "",
    }
    return render(request, "catalogue/task_list.html", context)


STEP_PAGES = {
    "wording": "selling:wording",
    "licence": "selling:licence",
    "plans": "selling:plans",
    "compliance": "selling:compliance",
    "contacts": "selling:contacts",
    "access": "selling:access",
    "needs": "selling:needs",
    "examples": "selling:examples",
}


def worded(plans: Iterable[Plan]) -> list[tuple[Plan, list[str]]]:
    """Plans with their price told in words."""
    return [(plan, rules.plan_words(rules.terms_in(told_plan(plan)))) for plan in plans]


def _standing(found: Product) -> Mapping[str, Any]:
    """What the editor starts from: the open change's proposal, or the product as it is."""
    revision = open_revision_of(found)
    return revision.proposed if revision is not None else snapshot_of(found)


def _save(viewer: Actor, found: Product, content: Mapping[str, Any]) -> str:
    """Write into the draft, or into the change of what is listed; what to tell the person."""
    if found.state in services.REVISABLE:
        services.propose(by=viewer, at=clock.now(), product_id=found.pk, **content)
        return _("已记入变更草稿，提交并经审核后生效。")
    services.edit_product(by=viewer, at=clock.now(), product_id=found.pk, **content)
    return _("已保存。")


def _edit(
    request: HttpRequest,
    number: str,
    make: Callable[[Mapping[str, Any]], django_forms.Form],
    template: str,
    read: Callable[[Any], Mapping[str, Any]] = lambda form: form.cleaned_data,
    **extra: object,
) -> HttpResponse:
    """One page of the editor: show the form, save by the service, back to the task list."""
    viewer = actor(request)
    found = own_product(viewer, number)
    form = make(_standing(found))
    if request.method == "POST" and form.is_valid():
        try:
            told = _save(viewer, found, read(form))
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, told)
            return redirect("selling:product", number)
    status = 422 if form.errors else 200
    is_listed = found.state in services.REVISABLE
    return render(
        request, template, {"form": form, "product": found, "is_listed": is_listed, **extra}, status=status
    )


@require_http_methods(["GET", "POST"])
@login_required
def wording(request: HttpRequest, number: str) -> HttpResponse:
    """Name, summary, description, industry."""
    posted = request.POST or None
    return _edit(
        request, number, lambda told: WordingForm(posted, initial=dict(told)), "catalogue/wording.html"
    )


@require_http_methods(["GET", "POST"])
@login_required
def licence(request: HttpRequest, number: str) -> HttpResponse:
    """The licence, with what each one means."""
    return _edit(
        request,
        number,
        lambda told: LicenceForm(request.POST or None, initial={"licence": told["licence"]}),
        "catalogue/licence.html",
        licences=licence_terms(),
    )


@require_http_methods(["GET", "POST"])
@login_required
def compliance(request: HttpRequest, number: str) -> HttpResponse:
    """What the supplier declares."""
    posted = request.POST or None
    return _edit(
        request, number, lambda told: ComplianceForm(posted, initial=dict(told)), "catalogue/compliance.html"
    )


@require_http_methods(["GET", "POST"])
@login_required
def needs(request: HttpRequest, number: str) -> HttpResponse:
    """The business needs that the product answers."""
    posted = request.POST or None
    return _edit(
        request, number, lambda told: NeedsForm(posted, rows=told["needs"]), "catalogue/needs.html",
        lambda form: {"needs": form.rows()},
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@login_required
def examples(request: HttpRequest, number: str) -> HttpResponse:
    """How the product is used."""
    posted = request.POST or None
    return _edit(
        request, number, lambda told: ExamplesForm(posted, rows=told["examples"]), "catalogue/examples.html",
        lambda form: {"examples": form.rows()},
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@login_required
def contacts(request: HttpRequest, number: str) -> HttpResponse:
    """Business and technical contact; what is saved holds at once."""
    viewer = actor(request)
    found = own_product(viewer, number)
    kept = {contact.kind: contact for contact in contacts_of(found)}
    posted = request.POST if request.method == "POST" else None
    shown, status = [], 200
    for kind, label in ContactKind.choices:
        given = posted if posted is not None and posted.get("kind") == kind else None
        contact = kept.get(kind)
        initial = {
            "kind": kind,
            **({name: getattr(contact, name) for name in ("name", "phone", "email")} if contact else {}),
        }
        form = ContactForm(given, initial=initial, auto_id=f"id_{kind}_%s")
        if given is not None and form.is_valid():
            try:
                services.set_contact(by=viewer, at=clock.now(), product_id=found.pk, **form.cleaned_data)
            except Refusal as refusal:
                show_refusal(form, refusal)
            else:
                messages.success(request, _("联系人已保存，立即生效。"))
                return redirect("selling:contacts", number)
        status = 422 if form.errors else status
        shown.append((label, form))
    if posted is not None and posted.get("kind") not in ContactKind.values:
        raise InvalidInput(field="kind", reason=_("请选择商务或技术联系人。"))
    return render(request, "catalogue/contacts.html", {"product": found, "contacts": shown}, status=status)


@require_http_methods(["GET", "POST"])
@login_required
def access(request: HttpRequest, number: str) -> HttpResponse:
    """Who finds the product, who is invited, how orders come in."""
    viewer, at = actor(request), clock.now()
    found = own_product(viewer, number)
    posted = request.POST if request.method == "POST" else None
    given = posted.get("part", "") if posted is not None else ""
    made: dict[str, django_forms.Form] = {
        "visibility": VisibilityForm(
            posted if given == "visibility" else None, initial={"visibility": _standing(found)["visibility"]}
        ),
        "ordering": OrderingForm(
            posted if given == "ordering" else None, initial={"ordering": found.ordering}
        ),
        "invite": InviteForm(posted if given == "invite" else None),
    }
    form = made.get(given)
    if posted is not None and form is None:
        raise InvalidInput(field="part", reason=_("请从页面上的表单提交。"))
    if form is not None and form.is_valid():
        told = _("已保存，对之后的订单立即生效。") if given == "ordering" else _("已邀请。")
        try:
            if given == "visibility":
                told = _save(viewer, found, form.cleaned_data)
            elif given == "ordering":
                services.set_ordering(by=viewer, at=at, product_id=found.pk, **form.cleaned_data)
            else:
                services.invite(by=viewer, at=at, product_id=found.pk, **form.cleaned_data)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, told)
            return redirect("selling:access", number)
    context = {
        "product": found,
        "forms": made,
        "is_listed": found.state in services.REVISABLE,
        "invitations": live_invitations(found),
    }
    return render(
        request, "catalogue/access.html", context, status=422 if form is not None and form.errors else 200
    )


@require_POST
@login_required
def withdraw_invitation(request: HttpRequest, number: str, invitation_id: UUID) -> HttpResponse:
    """Take an invitation back."""
    viewer = actor(request)
    found = own_product(viewer, number)
    try:
        services.withdraw_invitation(
            by=viewer, at=clock.now(), product_id=found.pk, invitation_id=invitation_id
        )
    except services.OnlyInvitation as refusal:
        messages.error(request, str(refusal))
    return redirect("selling:access", number)


@require_http_methods(["GET", "POST"])
@login_required
def plans(request: HttpRequest, number: str) -> HttpResponse:
    """The plans as they are, or as the open change proposes them; and one more."""
    viewer = actor(request)
    found = own_product(viewer, number)
    is_listed = found.state in services.REVISABLE
    form = PlanForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        add = services.propose_plan if is_listed else services.add_plan
        try:
            add(by=viewer, at=clock.now(), product_id=found.pk, **form.terms())
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(
                request, _("已记入变更草稿，提交并经审核后生效。") if is_listed else _("已添加方案。")
            )
            return redirect("selling:plans", number)
    current = {told["id"] for told in snapshot_of(found)["plans"]}
    proposed = [
        (
            told,
            PlanKind(told["kind"]).label,
            rules.plan_words(rules.terms_in(told)),
            told["id"] not in current,
        )
        for told in _standing(found)["plans"]
    ]
    context = {
        "product": found,
        "proposed": proposed,
        "revision": open_revision_of(found),
        "form": form,
        "is_listed": is_listed,
        "may_change": found.state in (*EDITABLE, *services.REVISABLE),
    }
    return render(request, "catalogue/plans.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def withdraw_plan(request: HttpRequest, number: str, plan_id: UUID) -> HttpResponse:
    """Stop selling one plan: at once in a draft, by the change in what is listed."""
    viewer, at = actor(request), clock.now()
    found = own_product(viewer, number)
    try:
        if found.state in services.REVISABLE:
            services.propose_withdrawal(by=viewer, at=at, product_id=found.pk, plan_id=plan_id)
        elif found.plans.filter(pk=plan_id).exists():
            services.withdraw_plan(by=viewer, at=at, plan_id=plan_id)
        else:
            raise NotFound
    except services.OnlyPlan as refusal:
        messages.error(request, str(refusal))
    return redirect("selling:plans", number)


@require_http_methods(["GET", "POST"])
@login_required
def change(request: HttpRequest, number: str) -> HttpResponse:
    """变更: the open change line by line, another version to move to, submit or drop it."""
    viewer, at = actor(request), clock.now()
    found = own_product(viewer, number)
    revision = open_revision_of(found)
    form = NoteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if revision is None:
            raise NotFound
        try:
            services.submit_revision(
                by=viewer, at=at, revision_id=revision.pk, note=form.cleaned_data["note"]
            )
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("变更已提交审核，审核通过前产品不变。"))
            return redirect("selling:product", number)
    context = {
        "product": found,
        "revision": revision,
        "changes": rules.changes(revision.before, revision.proposed) if revision else [],
        "form": form,
        "is_listed": found.state in services.REVISABLE,
        "is_draft": revision is not None and revision.state == "draft",
        "certificates": newer_certificates(found, clock.business_date(at)),
    }
    return render(request, "catalogue/change.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def drop_change(request: HttpRequest, number: str) -> HttpResponse:
    """Drop the open change, or take it back from review."""
    viewer = actor(request)
    found = own_product(viewer, number)
    revision = open_revision_of(found)
    if revision is None:
        raise NotFound
    services.withdraw_revision(by=viewer, at=clock.now(), revision_id=revision.pk)
    messages.success(request, _("变更已撤回。"))
    return redirect("selling:product", number)


@require_POST
@login_required
def move_version(request: HttpRequest, number: str, certificate_id: UUID) -> HttpResponse:
    """Propose that the listing moves to the version of another certificate."""
    viewer = actor(request)
    found = own_product(viewer, number)
    services.propose_version(by=viewer, at=clock.now(), product_id=found.pk, certificate_id=certificate_id)
    return redirect("selling:change", number)


@require_http_methods(["GET", "POST"])
@login_required
def answer(request: HttpRequest, number: str, question_id: UUID) -> HttpResponse:
    """Answer a question, or better an answer."""
    viewer = actor(request)
    found = own_product(viewer, number)
    question = questions_visible_to(viewer, found).filter(pk=question_id).first()
    if question is None:
        raise NotFound
    form = AnswerForm(request.POST or None, initial={"text": question.answer})
    if request.method == "POST" and form.is_valid():
        try:
            services.answer_question(by=viewer, at=clock.now(), question_id=question_id, **form.cleaned_data)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已回答，问题与回答现在公开。"))
            return redirect("selling:product", number)
    context = {"product": found, "question": question, "form": form}
    return render(request, "catalogue/answer.html", context, status=422 if form.errors else 200)


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
        "plans": worded(shown),
        "contacts": contacts_of(found),
        "terms": rules.LICENCE_TERMS[found.licence],
        "missing": [step for step in steps if not step.is_done and not step.is_optional],
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
