"""Mandates: the overview, offering, the text and its signatures, ending, handing over, matching."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from exchange.brokers import rules, selectors, services
from exchange.brokers.forms import DemandMatchForm, HandoverForm, MatchForm, OfferForm, ReasonForm
from exchange.brokers.models import Mandate
from exchange.brokers.permissions import ENTRUST, SIGN_AS_BROKER, VIEW_ALL, WORK
from exchange.brokers.states import RUNNING, MandateState, Party, Payer, Scope, Side
from exchange.catalogue.states import Industry
from gateway.api import actor
from gateway.services import answer_once, fingerprint
from kernel import clock
from kernel.errors import NotAllowed, Refusal
from kernel.money import Money
from kernel.wording import listed
from organizations.models import Organization
from organizations.permissions import Actor
from organizations.states import OrganizationKind as Kind
from web.answers import page_or_fragment
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact, Link


@login_required
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """委托与撮合: mandates by state; for brokers the way to record a match."""
    viewer, state = actor(request), request.GET.get("state", "")
    rows = selectors.listed_mandates(viewer, state=state)
    first = selectors.mandates_visible_to(viewer).filter(side=Side.DEMAND, state=MandateState.ACTIVE)
    chips = [Link(_("全部"), "?", is_current=not state)] + [
        Link(label, f"?state={value}", is_current=state == value) for value, label in MandateState.choices
    ]
    context = {
        "page": paginate(rows, request.GET),
        "chips": chips,
        "matching": first.order_by("-pk").values_list("pk", flat=True).first() if viewer.can(WORK) else None,
        "may_offer": viewer.can(WORK) or viewer.can(ENTRUST),
        "sees_all": viewer.can(VIEW_ALL),
        "tabs": _tabs("mandates"),
    }
    return page_or_fragment(request, "brokers/mine.html", "brokers/mandate_rows.html", context)


def _tabs(current: str) -> list[Link]:
    return [
        Link(_("委托"), reverse("brokers:mine"), is_current=current == "mandates"),
        Link(_("成交"), reverse("brokers:deals"), is_current=current == "deals"),
    ]


# --- offering -------------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def offer(request: HttpRequest) -> HttpResponse:
    """发起委托: terms, then the text for both to sign; a second click leads to the same mandate."""
    viewer = actor(request)
    if not viewer.can(WORK):
        viewer.require(ENTRUST)
    today = clock.business_date(clock.now())
    form = OfferForm(
        request.POST or None,
        sides=_sides(viewer),
        brokers=selectors.brokers_at_work(clock.now()),
        is_broker=viewer.can(WORK),
        initial={
            "first_day": today, "payer": Payer.SUPPLIER if _sides(viewer) == [Side.SUPPLY] else Payer.BUYER,
        },
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        try:
            made = _offered_once(request, viewer, form)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            return redirect("brokers:mandate", made)
    return render(request, "brokers/offer.html", {"form": form}, status=422 if form.is_bound else 200)


def _sides(viewer: Actor) -> list[str]:
    """The sides on which the viewer may stand; a broker offers either."""
    if viewer.can(WORK):
        return [Side.DEMAND.value, Side.SUPPLY.value]
    found = [Side.SUPPLY.value] if Kind.ANNOTATION_FIRM in viewer.kinds else []
    return found + ([Side.DEMAND.value] if Kind.BUYER in viewer.kinds else [])


def _offered_once(request: HttpRequest, viewer: Actor, form: OfferForm) -> UUID:
    assert viewer.organization_id is not None
    own = viewer.organization_id

    def work() -> tuple[int, str, str]:
        if viewer.can(WORK):
            principal = Organization.objects.filter(uscc=form.cleaned_data["uscc"].strip().upper()).first()
            if principal is None:
                raise services.NotAPrincipal(
                    field="uscc", name=form.cleaned_data["uscc"], side=Side(form.cleaned_data["side"]).label
                )
            principal_id, broker_id = principal.pk, own
        else:
            principal_id, broker_id = own, form.cleaned_data["broker"].pk
        made = services.offer_mandate(
            by=viewer, at=clock.now(), principal_id=principal_id, broker_id=broker_id, terms=form.terms()
        )
        return 200, "text/plain", str(made.pk)

    said = request.POST.copy()
    said.pop("csrfmiddlewaretoken", None)
    (_status, _type, body), _replayed = answer_once(
        caller=own,
        key=request.POST.get("idempotency_key", ""),
        fingerprint=fingerprint("POST", request.path, said.urlencode().encode()),
        work=work,
    )
    return UUID(body)


# --- one mandate ------------------------------------------------------------------------------------


def _party(mandate: Mandate, viewer: Actor) -> str:
    """The side for which the viewer may act; empty for none."""
    if viewer.organization_id == mandate.broker_id and viewer.can(WORK):
        return Party.BROKER.value
    if viewer.organization_id == mandate.principal_id and viewer.can(ENTRUST):
        return Party.PRINCIPAL.value
    return ""


def _commission(mandate: Mandate) -> str:
    if mandate.commission_fen:
        return _("每笔 %(amount)s") % {"amount": Money(mandate.commission_fen)}
    return _("含税金额的 %(share)s") % {"share": rules.percent(mandate.commission_bp)}


def _scope(mandate: Mandate) -> str:
    if mandate.scope == Scope.INDUSTRIES:
        return listed(Industry(code).label for code in mandate.industries)
    if mandate.scope == Scope.PRODUCTS:
        return listed(mandate.products.values_list("title", flat=True))
    return str(Scope.ALL.label)


def _facts(mandate: Mandate) -> list[Fact]:
    facts = [
        Fact(_("委托方向"), mandate.get_side_display()),
        Fact(_("委托人"), str(mandate.principal)),
        Fact(_("数据经纪人"), str(mandate.broker), url=reverse("pilots:directory")),
        Fact(_("委托范围"), _scope(mandate)),
        Fact(_("开始日"), clock.business_date(mandate.starts_at).isoformat()),
        Fact(_("期满时间"), f"{mandate.ends_at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}"),
        Fact(_("佣金"), _commission(mandate)),
        Fact(_("佣金承担方"), mandate.get_payer_display()),
        Fact(_("独占"), _("是") if mandate.is_exclusive else _("否")),
    ]
    if mandate.side == Side.DEMAND:
        budget = str(Money(mandate.wish_budget_fen)) if mandate.wish_budget_fen else "--"
        facts += [
            Fact(_("需要的数据形态"), mandate.get_wish_modality_display() or _("不限")),
            Fact(_("需要的标签"), listed(mandate.wish_labels) or "--"),
            Fact(_("单笔预算"), budget),
        ]
    return facts


def _context(mandate: Mandate, viewer: Actor) -> dict[str, object]:
    party = _party(mandate, viewer)
    signed = selectors.signed_parties(mandate)
    is_offered = mandate.state == MandateState.OFFERED
    own_offer = party == mandate.offered_by_party
    may_sign = is_offered and bool(party) and party not in signed
    return {
        "mandate": mandate,
        "facts": _facts(mandate),
        "signatures": list(mandate.signatures.order_by("signed_at", "pk")),
        "matches": mandate.matches.select_related("product").defer("product__search").order_by("-pk")[:20],
        "history": selectors.history_of(mandate.pk),
        "may_sign": may_sign and (party == Party.PRINCIPAL or viewer.can(SIGN_AS_BROKER)),
        "may_refuse": is_offered and bool(party) and not own_offer,
        "may_withdraw": is_offered and bool(party) and own_offer,
        "may_match": party == Party.BROKER and mandate.state in RUNNING,
        "may_end": (bool(party) and mandate.state in RUNNING)
        or (party == Party.PRINCIPAL and mandate.state == MandateState.HANDING_OVER),
        "may_hand_over": party == Party.PRINCIPAL and mandate.state == MandateState.HANDING_OVER,
        "waiting": _waiting(mandate, signed),
        "meta": [mandate.number, mandate.get_side_display()],
    }


def _waiting(mandate: Mandate, signed: set[str]) -> str:
    """One sentence: whose turn it is; empty when it is nobody's."""
    if mandate.state == MandateState.HANDING_OVER:
        return _("经纪人已退出试点。轮到委托人：移交其他经纪人，或者终止。委托不会自动转移。")
    if mandate.state != MandateState.OFFERED:
        return ""
    missing = [str(party.label) for party in Party if party.value not in signed]
    return _("等待%(parties)s签署。") % {"parties": listed(missing)}


@login_required
@require_safe
def mandate(request: HttpRequest, mandate_id: UUID) -> HttpResponse:
    """A mandate: whose turn it is, its terms, signatures and matches."""
    viewer = actor(request)
    found = selectors.mandate_for(viewer, mandate_id)
    return render(request, "brokers/mandate.html", _context(found, viewer))


@reauthentication_required  # type: ignore[untyped-decorator]
def _confirmed(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _has_confirmed(request: HttpRequest) -> bool:
    """Whether the person has shown in the last minutes who they are."""
    try:
        _confirmed(request)
    except ReauthenticationRequired:
        return False
    return True


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def sign(request: HttpRequest, mandate_id: UUID) -> HttpResponse:
    """The whole text; signed for the viewer's side after confirming who one is."""
    viewer = actor(request)
    found = selectors.mandate_for(viewer, mandate_id)
    party = _party(found, viewer)
    may_sign = bool(_context(found, viewer)["may_sign"])
    if request.method == "POST" or (may_sign and "sign" in request.GET):
        if not party:
            raise NotAllowed(permission=ENTRUST.label, organization=str(viewer.organization or "—"))
        if not _has_confirmed(request):
            following = urlencode({"next": f"{request.path}?sign=1"})
            return redirect(f"{reverse('account_reauthenticate')}?{following}")
    if request.method == "POST":
        services.sign_mandate(
            by=viewer, at=clock.now(), mandate_id=mandate_id, text_sha256=request.POST.get("text_sha256", "")
        )
        messages.success(request, _("已签署。"))
        return redirect("brokers:mandate", mandate_id)
    context = {
        "mandate": found,
        "signatures": list(found.signatures.order_by("signed_at", "pk")),
        "may_sign": may_sign,
        "is_signing": "sign" in request.GET,
    }
    return render(request, "brokers/text.html", context)


def form_page(
    request: HttpRequest,
    form: forms.Form,
    words: tuple[str, str, str],
    back: tuple[str, str],
    deed: Callable[[], object],
    *,
    is_danger: bool = False,
) -> HttpResponse:
    """One form: title, lead and button; the deed; back to where it belongs (label, address)."""
    if request.method == "POST" and form.is_valid():
        try:
            deed()
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已办理。"))
            return redirect(back[1])
    title, lead, button = words
    context = {
        "form": form, "title": title, "lead": lead, "button": button, "back_label": back[0], "back_url": back[1],
        "is_danger": is_danger,
    }  # fmt: skip
    return render(request, "brokers/form.html", context, status=422 if form.is_bound else 200)


def _require_party(mandate: Mandate, viewer: Actor) -> None:
    if not _party(mandate, viewer):
        raise NotAllowed(permission=ENTRUST.label, organization=str(viewer.organization or "—"))


def _back(mandate: Mandate) -> tuple[str, str]:
    return mandate.number, reverse("brokers:mandate", args=[mandate.pk])


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, mandate_id: UUID) -> HttpResponse:
    """Refuse, take back or end early, whichever the mandate's state and the viewer's side call for."""
    viewer = actor(request)
    found = selectors.mandate_for(viewer, mandate_id)
    _require_party(found, viewer)
    form = ReasonForm(request.POST or None)
    if found.state != MandateState.OFFERED:
        deed_of = services.end_mandate
        words = (_("提前终止委托"), _("已经双方确认的成交不受影响。"), _("确认终止"))
    elif _party(found, viewer) == found.offered_by_party:
        deed_of = services.withdraw_mandate
        words = (_("撤回委托"), _("对方尚未签署完毕，可以撤回。"), _("确认撤回"))
    else:
        deed_of = services.refuse_mandate
        words = (_("谢绝委托"), _("谢绝后对方可以按新的条件重新发起。"), _("确认谢绝"))

    def deed() -> object:
        return deed_of(by=viewer, at=clock.now(), mandate_id=mandate_id, reason=form.cleaned_data["reason"])

    return form_page(request, form, words, _back(found), deed, is_danger=True)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def handover(request: HttpRequest, mandate_id: UUID) -> HttpResponse:
    """The broker left: the principal offers the same terms to another one."""
    viewer = actor(request)
    found = selectors.mandate_for(viewer, mandate_id)
    if _party(found, viewer) != Party.PRINCIPAL:
        raise NotAllowed(permission=ENTRUST.label, organization=str(viewer.organization or "—"))
    brokers = [each for each in selectors.brokers_at_work(clock.now()) if each.pk != found.broker_id]
    form = HandoverForm(request.POST or None, brokers=brokers)
    lead = _("原委托终止，按同样的条件和剩余期限向新的经纪人发起，双方重新签署后才生效。")

    def deed() -> object:
        return services.hand_over(
            by=viewer, at=clock.now(), mandate_id=mandate_id, broker_id=form.cleaned_data["broker"].pk
        )

    return form_page(request, form, (_("移交委托"), lead, _("终止并移交")), _back(found), deed)


# --- matching ---------------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def match(request: HttpRequest, mandate_id: UUID) -> HttpResponse:
    """登记撮合: candidates with their scores and reasons; the broker proposes one."""
    viewer = actor(request)
    found = selectors.mandate_for(viewer, mandate_id)
    if _party(found, viewer) != Party.BROKER:
        raise NotAllowed(permission=WORK.label, organization=str(viewer.organization or "—"))
    if found.side == Side.SUPPLY:
        return _demand_match(request, viewer, found)
    candidates = selectors.candidates_of(found)
    form = MatchForm(
        request.POST or None,
        products=[(each.product.number, each.product.display_title) for each in candidates],
        initial={"product_number": request.GET.get("product", "")},
    )
    if request.method == "POST" and form.is_valid():
        try:
            made = services.record_match(
                by=viewer, at=clock.now(), mandate_id=mandate_id, **form.cleaned_data
            )
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已登记，并通知委托人。"))
            return redirect("brokers:match", made.pk)
    rows = [
        (
            each,
            [(rules.REASON_LABELS[part.key], part.points, part.most) for part in each.fit.reasons],
        )
        for each in candidates
    ]
    context = {"mandate": found, "form": form, "rows": rows, "facts": _facts(found)[-3:]}
    return render(request, "brokers/match_form.html", context, status=422 if form.is_bound else 200)


def _demand_match(request: HttpRequest, viewer: Actor, found: Mandate) -> HttpResponse:
    """Demands on the board that the mandated products answer; the broker proposes one pair to its principal."""
    wanted = selectors.wanted_of(found, clock.now())
    keys = [(f"{each.demand.number} {each.product.number}", each) for each in wanted]
    form = DemandMatchForm(
        request.POST or None,
        wanted=[(key, f"{each.demand.title} ← {each.product.display_title}") for key, each in keys],
        initial={"wanted": request.GET.get("wanted", "")},
    )
    if request.method == "POST" and form.is_valid():
        demand_number, product_number = form.cleaned_data["wanted"].split()
        try:
            made = services.record_demand_match(
                by=viewer, at=clock.now(), mandate_id=found.pk, demand_number=demand_number,
                product_number=product_number, reason=form.cleaned_data["reason"],
            )  # fmt: skip
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已登记，并通知委托人。"))
            return redirect("brokers:match", made.pk)
    context = {"mandate": found, "form": form, "rows": keys}
    return render(request, "brokers/demand_match_form.html", context, status=422 if form.is_bound else 200)


@login_required
@require_POST
def answer(request: HttpRequest, match_id: UUID) -> HttpResponse:
    """Accept a proposal."""
    match = services.answer_match(by=actor(request), at=clock.now(), match_id=match_id, is_accepted=True)
    is_demand = match.demand_id is not None
    messages.success(request, _("已接受，并通知需求方。") if is_demand else _("已接受。可以到产品页下单。"))
    return redirect("brokers:match", match_id)
