"""Writing a review; answering or hiding it."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from exchange.catalogue.permissions import EDIT_PRODUCTS, REVIEW_LISTINGS
from exchange.reviews import services
from exchange.reviews.forms import AnswerForm, HideForm, ReviewForm
from exchange.reviews.models import Review
from exchange.reviews.selectors import reviewable_order, visible_review
from gateway.api import actor
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, Refusal
from web.forms import show_refusal


@require_http_methods(["GET", "POST"])
@login_required
def write(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """写评价: stars and words on one completed order; again for a better wording."""
    viewer = actor(request)
    order = reviewable_order(viewer, order_id)
    kept = Review.objects.filter(order=order).first()
    initial = {"stars": kept.stars, "text": kept.text} if kept else {}
    form = ReviewForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            services.write_review(by=viewer, at=clock.now(), order_id=order.pk, **form.cleaned_data)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("评价已发布。"))
            return redirect("trading:order", order.pk)
    wordings = list(kept.wordings.order_by("-pk")[1:11]) if kept else []
    context = {"order": order, "form": form, "review": kept, "wordings": wordings}
    return render(request, "reviews/write.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@login_required
def review(request: HttpRequest, review_id: UUID) -> HttpResponse:
    """评价办理: the supplier answers, the operator hides."""
    viewer = actor(request)
    found = visible_review(viewer, review_id)
    is_suppliers = viewer.belongs_to(found.product.supplier_id) and viewer.can(EDIT_PRODUCTS)
    may_hide = viewer.can(REVIEW_LISTINGS)
    if not (is_suppliers or may_hide):
        raise NotAllowed(permission=EDIT_PRODUCTS.label, organization=str(viewer.organization or "—"))
    given = request.POST if request.method == "POST" else None
    part = given.get("part", "") if given is not None else ""
    answer_form = AnswerForm(given if part == "answer" else None, initial={"text": found.answer})
    hide_form = HideForm(given if part == "hide" else None)
    forms = {"answer": answer_form, "hide": hide_form}
    if given is not None and part not in forms:
        raise InvalidInput(field="part", reason=_("请从页面上的表单提交。"))
    form = forms.get(part)
    if form is not None and form.is_valid():
        try:
            if part == "answer":
                services.answer_review(by=viewer, at=clock.now(), review_id=found.pk, **form.cleaned_data)
            else:
                services.hide_review(by=viewer, at=clock.now(), review_id=found.pk, **form.cleaned_data)
        except (InvalidInput, services.AlreadyHidden) as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已保存。"))
            return redirect(reverse("catalogue:product", args=[found.product.number]) + "#opinions")
    context = {
        "review": found,
        "answer_form": answer_form if is_suppliers else None,
        "hide_form": hide_form if may_hide else None,
    }
    return render(
        request, "reviews/review.html", context, status=422 if form is not None and form.errors else 200
    )
