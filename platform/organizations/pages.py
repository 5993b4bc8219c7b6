"""单位: particulars and verification, members, API keys, the verifier's queue, the switch."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.wording import listed
from organizations import rules, selectors, services
from organizations.forms import InvitationForm, KeyForm, ParticularsForm, RegistrationForm, RolesForm
from organizations.middleware import SESSION_KEY
from organizations.models import Invitation, Membership, Organization
from organizations.permissions import (
    EDIT_ORGANIZATION,
    MANAGE_KEYS,
    MANAGE_MEMBERS,
    REGISTRY,
    VERIFY_ORGANIZATIONS,
    Actor,
)
from organizations.services.members import token_digest
from web.answers import next_address, page_or_fragment
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact, Link, Option


def _viewer(request: HttpRequest) -> Actor:
    viewer: Actor = request.actor  # type: ignore[attr-defined]
    return viewer


def _refused(form: forms.Form, refusal: Refusal) -> int:
    show_refusal(form, refusal)
    return refusal.status


def _facts(organization: Organization) -> list[Fact]:
    return [
        Fact(_("统一社会信用代码"), organization.uscc),
        Fact(_("英文名称"), organization.name_en or "--"),
        Fact(_("单位类型"), listed(organization.kind_labels)),
        Fact(
            _("注册地"),
            f"{rules.place_name(organization.registered_place)}（{organization.registered_place}）",
        ),
        Fact(_("税务登记地"), f"{rules.place_name(organization.tax_place)}（{organization.tax_place}）"),
        Fact(_("数字经济分类"), _class_of(organization)),
        Fact(_("国民经济行业"), organization.industry_gb or "--"),
        Fact(_("所在园区"), str(organization.park or "--")),
        Fact(_("法定代表人"), organization.legal_representative or "--"),
        Fact(_("联系人"), organization.contact_name or "--"),
        Fact(_("联系电话"), organization.contact_phone or "--"),
    ]


def _class_of(organization: Organization) -> str:
    code = organization.industry_digital
    return f"{rules.digital_industry_name(code)}（{code}）" if code else "--"


@require_GET
@login_required
def detail(request: HttpRequest) -> HttpResponse:
    """The viewer's organization: particulars, and verification as a task list."""
    viewer = _viewer(request)
    if viewer.organization is None:
        return redirect("organizations:create")
    organization = viewer.organization
    tasks = selectors.task_list(organization)
    context = {
        "organization": organization,
        "facts": _facts(organization),
        "tasks": tasks,
        "missing_count": sum(not task.is_given for task in tasks),
        "transitions": selectors.history_of(organization),
        "can_edit": viewer.can(EDIT_ORGANIZATION),
        "is_open": organization.verification in ("unverified", "returned"),
        "licences": organization.documents.filter(purpose=selectors.LICENCE_PURPOSE, state="stored"),
    }
    return render(request, "organizations/detail.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def create(request: HttpRequest) -> HttpResponse:
    """Register an organization; where people without one land."""
    form, status = RegistrationForm(request.POST or None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                organization = services.register_organization(
                    by=_viewer(request),
                    at=clock.now(),
                    uscc=form.cleaned_data["uscc"],
                    particulars=form.particulars(),
                )
            except Refusal as refusal:
                status = _refused(form, refusal)
            else:
                request.session[SESSION_KEY] = str(organization.pk)
                messages.success(request, _("单位已登记，您是管理员。请核对资料后提交认证。"))
                return redirect("organizations:detail")
    return render(request, "organizations/create.html", {"form": form}, status=status)


@require_http_methods(["GET", "POST"])
@login_required
def edit(request: HttpRequest) -> HttpResponse:
    """Change the particulars."""
    viewer, status = _viewer(request), 200
    viewer.require(EDIT_ORGANIZATION)
    organization = viewer.organization
    assert organization is not None, "permissions come with an organization"
    form = ParticularsForm(
        request.POST or None, organization=organization, initial=ParticularsForm.values_of(organization)
    )
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                saved = services.edit_organization(
                    by=viewer, at=clock.now(), organization_id=organization.pk, particulars=form.particulars()
                )
            except Refusal as refusal:
                status = _refused(form, refusal)
            else:
                was_reopened = organization.is_verified and not saved.is_verified
                said = (
                    _("资料已保存。认证过的内容有变，请重新提交认证。") if was_reopened else _("资料已保存。")
                )
                messages.success(request, said)
                return redirect("organizations:detail")
    return render(
        request, "organizations/edit.html", {"form": form, "organization": organization}, status=status
    )


@require_POST
@login_required
def submit(request: HttpRequest) -> HttpResponse:
    """Submit the verification."""
    viewer = _viewer(request)
    if viewer.organization_id is None:
        raise NotFound
    services.submit_verification(by=viewer, at=clock.now(), organization_id=viewer.organization_id)
    messages.success(request, _("认证已提交，运营方审核后会通知您。"))
    return redirect("organizations:detail")


@require_POST
@login_required
def switch(request: HttpRequest) -> HttpResponse:
    """Act for another of one's organizations, and go back to where one was on this site."""
    wanted = request.POST.get("organization", "")
    memberships: list[Membership] = request.memberships  # type: ignore[attr-defined]
    if wanted not in {str(one.organization_id) for one in memberships}:
        raise NotFound
    request.session[SESSION_KEY] = wanted
    return redirect(next_address(request, "/desk/"))


@require_GET
@login_required
def members(request: HttpRequest) -> HttpResponse:
    """Members with their roles, and open invitations."""
    viewer = _viewer(request)
    if viewer.organization is None:
        return redirect("organizations:create")
    now = clock.now()
    context = {
        "members": selectors.members_visible_to(viewer),
        "invitations": [
            (invitation, selectors.is_expired(invitation, now), _roles_text(invitation))
            for invitation in selectors.invitations_visible_to(viewer)
        ],
        "can_manage": viewer.can(MANAGE_MEMBERS),
        "viewer": viewer,
    }
    return render(request, "organizations/members.html", context)


def _roles_text(row: Invitation) -> str:
    from organizations.states import Role

    return listed(Role(role).label for role in row.roles)


@require_http_methods(["GET", "POST"])
@login_required
def invite(request: HttpRequest) -> HttpResponse:
    """Invite somebody by e-mail."""
    viewer, status = _viewer(request), 200
    viewer.require(MANAGE_MEMBERS)
    assert viewer.organization is not None, "permissions come with an organization"
    form = InvitationForm(
        request.POST or None,
        organization=viewer.organization,
        initial={"email": request.GET.get("email", "")},
    )
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                invitation, _token = services.invite(by=viewer, at=clock.now(), **form.cleaned_data)
            except Refusal as refusal:
                status = _refused(form, refusal)
            else:
                messages.success(request, _("邀请已发往 %(email)s。") % {"email": invitation.email})
                return redirect("organizations:members")
    return render(request, "organizations/invite.html", {"form": form}, status=status)


@require_POST
@login_required
def withdraw(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    """Withdraw an invitation."""
    services.withdraw_invitation(by=_viewer(request), at=clock.now(), invitation_id=invitation_id)
    messages.success(request, _("邀请已撤回，原链接不再有效。"))
    return redirect("organizations:members")


@require_http_methods(["GET", "POST"])
@never_cache
def accept(request: HttpRequest, token: str) -> HttpResponse:
    """What is offered, and the button that takes it; visitors sign in or up first."""
    if request.method == "POST":
        if not request.user.is_authenticated:
            return redirect(f"{reverse('account_login')}?{urlencode({'next': request.path})}")
        membership = services.accept_invitation(by=_viewer(request), at=clock.now(), token=token)
        request.session[SESSION_KEY] = str(membership.organization_id)
        messages.success(request, _("您已加入 %(name)s。") % {"name": membership.organization})
        return redirect("/desk/")
    rows = Invitation.objects.select_related("organization", "invited_by")
    invitation = rows.filter(token_sha256=token_digest(token)).first()
    if invitation is None:
        raise NotFound
    viewer = _viewer(request)
    is_closed = (
        invitation.accepted_at or invitation.withdrawn_at or selectors.is_expired(invitation, clock.now())
    )
    context = {
        "invitation": invitation,
        "roles": _roles_text(invitation),
        "is_closed": bool(is_closed),
        "is_other": viewer.user is not None and viewer.user.email.lower() != invitation.email,
        "viewer": viewer,
    }
    return render(request, "organizations/accept.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def roles(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    """A member's roles."""
    viewer, status = _viewer(request), 200
    member = selectors.members_visible_to(viewer).filter(pk=membership_id).first()
    if member is None:
        raise NotFound
    viewer.require(MANAGE_MEMBERS)
    form = RolesForm(request.POST or None, organization=member.organization, initial={"roles": member.roles})
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.change_roles(
                    by=viewer, at=clock.now(), membership_id=membership_id, **form.cleaned_data
                )
            except Refusal as refusal:
                status = _refused(form, refusal)
            else:
                messages.success(request, _("角色已更新。"))
                return redirect("organizations:members")
    return render(request, "organizations/roles.html", {"form": form, "member": member}, status=status)


@require_POST
@login_required
def end(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    """Let a member go, or leave."""
    membership = services.end_membership(by=_viewer(request), at=clock.now(), membership_id=membership_id)
    if membership.user_id == request.user.pk:
        request.session.pop(SESSION_KEY, None)
        messages.success(request, _("您已离开 %(name)s。") % {"name": membership.organization})
        return redirect("/desk/")
    messages.success(request, _("%(name)s 已移出本单位，其密钥同时失效。") % {"name": membership.user})
    return redirect("organizations:members")


def _key_rows(viewer: Actor) -> list[tuple[object, str, list[str]]]:
    now = clock.now()
    rows: list[tuple[object, str, list[str]]] = []
    for key in selectors.keys_visible_to(viewer):
        state = "revoked" if key.revoked_at else "expired" if key.expires_at <= now else "valid"
        rows.append((key, state, [str(REGISTRY[s].label) if s in REGISTRY else s for s in key.scopes]))
    return rows


@require_http_methods(["GET", "POST"])
@login_required
@never_cache
def api_keys(request: HttpRequest) -> HttpResponse:
    """Keys of the organization; a new one is shown once, in the answer to the form itself."""
    viewer, status, fresh = _viewer(request), 200, ""
    viewer.require(MANAGE_KEYS)
    form = KeyForm(request.POST or None, viewer=viewer)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                _key, fresh = services.create_api_key(by=viewer, at=clock.now(), **form.cleaned_data)
            except Refusal as refusal:
                status = _refused(form, refusal)
            else:
                form, status = KeyForm(viewer=viewer), 201
    context = {"form": form, "keys": _key_rows(viewer), "fresh": fresh}
    return render(request, "organizations/api_keys.html", context, status=status)


@require_POST
@login_required
def revoke(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """Stop a key."""
    key = services.revoke_api_key(by=_viewer(request), at=clock.now(), key_id=key_id)
    messages.success(request, _("密钥“%(name)s”已吊销，使用它的系统立即失去访问。") % {"name": key.name})
    return redirect("organizations:api_keys")


@require_GET
@login_required
def verifications(request: HttpRequest) -> HttpResponse:
    """The verifier's queue, longest waiting first, or everything by state."""
    viewer = _viewer(request)
    viewer.require(VERIFY_ORGANIZATIONS)
    wanted = request.GET.get("state", "submitted")
    rows = selectors.organizations_visible_to(viewer)
    if wanted != "all":
        rows = rows.filter(verification=wanted)
    chips = [
        Link(label, f"{request.path}?state={value}", is_current=wanted == value)
        for value, label in [
            ("submitted", _("待审核")),
            ("verified", _("已认证")),
            ("returned", _("已退回")),
            ("all", _("全部")),
        ]
    ]
    context = {"page": paginate(rows, request.GET, order=("id",)), "chips": chips, "places": rules.place_name}
    return page_or_fragment(
        request, "organizations/verifications.html", "organizations/verifications_list.html", context
    )


def _decide(viewer: Actor, organization: Organization, decision: str, opinion: str) -> str:
    at, wanted = clock.now(), organization.pk
    if decision == "approve":
        services.approve_verification(by=viewer, at=at, organization_id=wanted, remark=opinion)
        return _("已通过 %(name)s 的认证。") % {"name": organization}
    if decision == "return":
        services.return_verification(by=viewer, at=at, organization_id=wanted, reason=opinion)
        return _("已退回 %(name)s 的认证资料。") % {"name": organization}
    raise InvalidInput(field="decision", reason=_("请选择通过或退回。"))


@require_http_methods(["GET", "POST"])
@login_required
def verification(request: HttpRequest, organization_id: UUID) -> HttpResponse:
    """One organization's particulars and the verifier's decision."""
    viewer, status, error = _viewer(request), 200, ""
    organization = selectors.verification_for(viewer, organization_id)
    if request.method == "POST":
        try:
            said = _decide(
                viewer, organization, request.POST.get("decision", ""), request.POST.get("opinion", "")
            )
        except Refusal as refusal:
            status, error = refusal.status, str(refusal)
            organization.refresh_from_db()
        else:
            messages.success(request, said)
            return redirect("organizations:verifications")
    context = {
        "organization": organization,
        "facts": _facts(organization),
        "licences": organization.documents.filter(purpose=selectors.LICENCE_PURPOSE, state="stored"),
        "transitions": selectors.history_of(organization),
        "choices": [
            Option("approve", _("通过"), _("代码、名称、法定代表人与登记信息一致")),
            Option("return", _("退回补正"), _("写明需要补正的内容")),
        ],
        "phrases": [
            _("名称与统一社会信用代码登记信息不一致，请更正。"),
            _("法定代表人信息有误，请按营业执照填写。"),
        ],
        "error": error,
        "who": viewer.label,
        "opinion": request.POST.get("opinion", ""),
    }
    return render(request, "organizations/verification.html", context, status=status)
