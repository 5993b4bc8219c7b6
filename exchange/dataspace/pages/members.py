"""Members, rules and shared products of a space."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from exchange.catalogue.permissions import EDIT_PRODUCTS
from exchange.dataspace import rules, selectors, services
from exchange.dataspace.forms import InviteForm, ProductForm, ReasonForm, RulesForm
from exchange.dataspace.models import Space
from exchange.dataspace.pages.shown import back_to, form_page, head
from exchange.dataspace.permissions import JOIN, LEAD
from exchange.dataspace.states import MemberState, SpaceState
from gateway.api import actor
from kernel import clock
from kernel.errors import NotAllowed, Refusal
from organizations.permissions import Actor
from web.answers import page_or_fragment, redirect_once
from web.forms import show_refusal
from web.paging import paginate


def _require_leader(space: Space, viewer: Actor) -> None:
    if not selectors.leads(viewer, space):
        raise NotAllowed(permission=LEAD.label, organization=str(viewer.organization or "—"))


# --- members ------------------------------------------------------------------------------------


@login_required
@require_safe
def members(request: HttpRequest, space_id: UUID) -> HttpResponse:
    """成员: who belongs to the space, and who has accepted the rules in force."""
    viewer = actor(request)
    found = selectors.space_for(viewer, space_id)
    rows = selectors.members_visible_to(viewer, found)
    context = {
        **head(found, viewer, "members"),
        "page": paginate(rows.order_by("-invited_at", "-pk"), request.GET, order=("-invited_at", "-id")),
        "may_invite": selectors.leads(viewer, found) and found.state == SpaceState.ACTIVE,
    }
    return page_or_fragment(request, "dataspace/members.html", "dataspace/member_rows.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: HttpRequest, space_id: UUID) -> HttpResponse:
    """The leader asks an organization to join."""
    viewer = actor(request)
    found = selectors.space_for(viewer, space_id)
    _require_leader(found, viewer)
    form = InviteForm(request.POST or None)
    words = (_("邀请成员"), _("对方同意空间规则后成为成员。"), _("发出邀请"))

    def deed() -> object:
        return services.invite_member(by=viewer, at=clock.now(), space_id=space_id, **form.cleaned_data)

    return form_page(request, form, words, back_to(found, "members"), deed)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, member_id: UUID) -> HttpResponse:
    """The leader removes a member or takes an invitation back, with the reason."""
    viewer = actor(request)
    found = selectors.member_for(viewer, member_id)
    _require_leader(found.space, viewer)
    form = ReasonForm(request.POST or None)
    if found.state == MemberState.INVITED:
        service, title, lead = services.cancel_invitation, _("收回邀请"), str(found.organization)
    else:
        service, title = services.remove_member, _("移出成员")
        lead = _("%(name)s立即看不到共享产品，它放入的产品一并移出，已有订单照常进行。") % {
            "name": found.organization
        }

    def deed() -> object:
        return service(by=viewer, at=clock.now(), member_id=member_id, **form.cleaned_data)

    words = (title, lead, _("确认"))
    return form_page(request, form, words, back_to(found.space, "members"), deed, is_danger=True)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, space_id: UUID) -> HttpResponse:
    """A member leaves, or an invited organization declines."""
    viewer = actor(request)
    found = selectors.space_for(viewer, space_id)
    own = selectors.own_member(viewer, found)
    viewer.require(JOIN)
    if own is None:
        raise NotAllowed(permission=JOIN.label, organization=str(viewer.organization or "—"))
    form = ReasonForm(request.POST or None)
    if own.state == MemberState.INVITED:
        service, title, lead = services.decline_invitation, _("谢绝邀请"), found.title
    else:
        service, title = services.leave_space, _("退出空间")
        lead = _("退出后立即看不到共享产品，本单位放入的产品一并移出，已有订单照常进行。")

    def deed() -> object:
        return service(by=viewer, at=clock.now(), space_id=space_id, **form.cleaned_data)

    back = (_("行业数据空间"), reverse("dataspace:spaces"))
    return form_page(request, form, (title, lead, _("确认")), back, deed, is_danger=True)


# --- rules --------------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rules_page(request: HttpRequest, space_id: UUID) -> HttpResponse:
    """规则: the text in force; an invited organization joins here, a member accepts new rules here."""
    viewer = actor(request)
    found = selectors.space_for(viewer, space_id)
    own = selectors.own_member(viewer, found)
    if request.method == "POST":
        if own is None:
            raise NotAllowed(permission=JOIN.label, organization=str(viewer.organization or "—"))
        viewer.require(JOIN)
        told = request.POST.get("text_sha256", "")

        def work() -> str:
            deed = services.join_space if own.state == MemberState.INVITED else services.accept_rules
            deed(by=viewer, at=clock.now(), space_id=space_id, text_sha256=told)
            return reverse("dataspace:products", args=[space_id])

        answer = redirect_once(request, work)
        messages.success(request, _("已同意规则。"))
        return answer
    versions = selectors.rules_visible_to(viewer, found)
    wanted = request.GET.get("version", "")
    shown = next(
        (each for each in versions if str(each.version) == wanted), versions[0] if versions else None
    )
    needs = own is not None and viewer.can(JOIN) and own.accepted_version != found.rules_version
    context = {
        **head(found, viewer, "rules"),
        "versions": versions,
        "shown": shown,
        "is_in_force": shown is not None and shown.version == found.rules_version,
        "needs": needs and found.state == SpaceState.ACTIVE,
        "is_invited": own is not None and own.state == MemberState.INVITED,
        "may_publish": selectors.leads(viewer, found) and found.state == SpaceState.ACTIVE,
    }
    return render(request, "dataspace/rules.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def publish(request: HttpRequest, space_id: UUID) -> HttpResponse:
    """The leader publishes new rules: everybody else is asked again."""
    viewer = actor(request)
    found = selectors.space_for(viewer, space_id)
    _require_leader(found, viewer)
    present = selectors.rules_in_force(found)
    form = RulesForm(request.POST or None, initial={"rules": present.text if present else ""})
    lead = _("发布后立即生效：其他成员同意新规则之前看不到共享产品。")

    def deed() -> object:
        return services.publish_rules(
            by=viewer, at=clock.now(), space_id=space_id, text=form.cleaned_data["rules"],
            reason=form.cleaned_data["reason"],
        )  # fmt: skip

    return form_page(request, form, (_("修订规则"), lead, _("发布新规则")), back_to(found, "rules"), deed)


# --- products -----------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def products(request: HttpRequest, space_id: UUID) -> HttpResponse:
    """产品: what members share with each other; a member puts its own in."""
    viewer = actor(request)
    found = selectors.space_for(viewer, space_id)
    own, has_access = selectors.own_member(viewer, found), selectors.has_access(viewer, found)
    may_put = own is not None and has_access and viewer.can(EDIT_PRODUCTS)
    form = ProductForm(
        request.POST or None, products=selectors.products_to_put(viewer, found) if may_put else []
    )
    if request.method == "POST":
        viewer.require(EDIT_PRODUCTS)
        if not may_put:
            raise services.NoAccess
        if form.is_valid():

            def work() -> str:
                services.put_product(by=viewer, at=clock.now(), space_id=space_id, **form.cleaned_data)
                return reverse("dataspace:products", args=[space_id])

            try:
                return redirect_once(request, work)
            except Refusal as refusal:
                show_refusal(form, refusal)
    page = paginate(selectors.shared_with(viewer, found), request.GET)
    context = {
        **head(found, viewer, "products"),
        "page": page,
        "has_access": has_access,
        "needs_rules": own is not None and not has_access and found.state == SpaceState.ACTIVE,
        "form": form if may_put else None,
        "own_id": viewer.organization_id,
        "most": rules.MOST_PRODUCTS,
    }
    status = 422 if form.is_bound else 200
    answer = page_or_fragment(request, "dataspace/products.html", "dataspace/product_rows.html", context)
    answer.status_code = status
    return answer


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def take(request: HttpRequest, shared_id: UUID) -> HttpResponse:
    """The supplier or the leader takes a product out."""
    viewer = actor(request)
    found = selectors.shared_for(viewer, shared_id)
    is_own = viewer.belongs_to(found.product.supplier_id) and viewer.can(EDIT_PRODUCTS)
    if not is_own and not selectors.leads(viewer, found.space):
        raise NotAllowed(permission=EDIT_PRODUCTS.label, organization=str(viewer.organization or "—"))
    if request.method == "POST":
        services.take_product(by=viewer, at=clock.now(), shared_id=shared_id)
        messages.success(request, _("已移出，成员不再看到该产品。"))
        return redirect("dataspace:products", found.space_id)
    return render(request, "dataspace/take.html", {"shared": found, "space": found.space})
