"""What people are told when something happens across the domains; wired in `wiring.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from assets.registry import events as registry
from assets.registry.models import Application, Certificate, Licence, Objection, Revocation
from assets.registry.permissions import MANAGE_REVIEWS, REVIEW
from assets.registry.selectors import respondent_id
from assets.registry.states import CertificateState
from exchange.acceptance import events as disputes
from exchange.acceptance.models import Complaint
from exchange.acceptance.permissions import RULE
from exchange.catalogue import events as listing
from exchange.catalogue.events import ListingPublished, ListingRejected
from exchange.catalogue.models import Product, Question
from exchange.catalogue.permissions import REVIEW_LISTINGS
from exchange.catalogue.states import ListingState
from exchange.delivery import events as delivery
from exchange.delivery.events import OrderDelivered
from exchange.delivery.models import Entitlement
from exchange.requests import events as requests
from exchange.requests.models import PurchaseRequest
from exchange.requests.states import OPEN
from exchange.reviews.events import ReviewHidden, ReviewWritten
from exchange.reviews.models import Review
from exchange.trading import events as trading
from exchange.trading.events import OrderPlaced
from exchange.trading.models import Order, Supplement
from exchange.trading.states import OrderState
from kernel.events import Event
from kernel.money import Money
from notifications.services import notify, notify_holders
from organizations.permissions import Permission
from organizations.states import Role
from settlement.payments.events import OrderRefunded
from settlement.rewards import events as rewards
from settlement.rewards import referrals
from settlement.rewards.events import AwardGranted, ClaimReturned, StatementDrafted
from settlement.rewards.models import Claim, Declaration, ParkRecognition
from settlement.rewards.recognitions import office as park_office


def _tell(
    event: Event,
    organization_id: UUID,
    role: Role,
    title: Promise,
    words: Mapping[str, Any],
    url: str,
    *,
    mail: bool = False,
) -> None:
    notify_holders(
        organization_id=organization_id,
        roles=(role,),
        at=event.at,
        title=title,
        words=words,
        url=url,
        is_mailed=mail,
    )


# --- registration -------------------------------------------------------------------------------


def _certificate(event: Any, title: Promise, **more: Any) -> None:
    found = Certificate.objects.values("number", "title", "holder_id").get(pk=event.certificate_id)
    url = reverse("verification:number", args=[found["number"]])
    _tell(event, found["holder_id"], Role.ASSET_CLERK, title, {**found, **more}, url, mail=True)


def tell_certificate_issued(event: registry.CertificateIssued) -> None:
    """The holder's asset clerks: the certificate is there."""
    _certificate(event, _("“%(title)s”已发证，证书编号 %(number)s"))


def tell_certificate_lapsed(event: registry.CertificateLapsed) -> None:
    """The holder's asset clerks: the certificate no longer holds; silent when another takes its place."""
    state = Certificate.objects.values_list("state", flat=True).get(pk=event.certificate_id)
    if state == CertificateState.SUSPENDED:
        _certificate(event, _("证书 %(number)s 的效力已中止，所涉商品已暂停交易"))
    elif state not in (CertificateState.CHANGED, CertificateState.TRANSFERRED, CertificateState.RENEWED):
        _certificate(event, _("证书 %(number)s 已失效，所涉商品已暂停交易"))


def tell_certificate_resumed(event: registry.CertificateResumed) -> None:
    """The holder's asset clerks: the certificate is in force again."""
    _certificate(event, _("证书 %(number)s 已恢复效力"))


def tell_certificate_replaced(event: registry.CertificateReplaced) -> None:
    """The former holder's asset clerks, when somebody else holds the new certificate."""
    former = Certificate.objects.values("number", "title", "holder_id").get(pk=event.former_id)
    holder = Certificate.objects.values_list("holder_id", flat=True).get(pk=event.certificate_id)
    if holder != former["holder_id"]:
        url = reverse("verification:number", args=[former["number"]])
        title = _("“%(title)s”的登记权利已转移，证书 %(number)s 由新证书取代")
        _tell(event, former["holder_id"], Role.ASSET_CLERK, title, former, url, mail=True)


def tell_certificate_ending(event: registry.CertificateEnding) -> None:
    """The holder's asset clerks: time to renew."""
    _certificate(event, _("证书 %(number)s 将在 %(days)s 日内届满，请及时续展"), days=event.days)


def _application(event: Any, title: Promise, *, to: str = "registrant_id") -> None:
    found: dict[str, Any] = dict(
        Application.objects.values("number", "title", "registrant_id", "other_id").get(
            pk=event.application_id
        )
    )
    url = reverse("registry:application", args=[event.application_id])
    role = Role.PURCHASER if to == "other_id" else Role.ASSET_CLERK
    if found[to] is not None:
        _tell(event, found[to], role, title, found, url, mail=True)


def tell_agreement_asked(event: registry.AgreementAsked) -> None:
    """The other party of a transfer or licence: please look and agree."""
    _application(event, _("登记申请 %(number)s“%(title)s”等待贵单位确认"), to="other_id")


def tell_application_returned(event: registry.ApplicationReturned) -> None:
    """The registrant's asset clerks: there is something to correct."""
    _application(event, _("登记申请 %(number)s 被退回补正，请查看补正通知"))


def tell_application_in_notice(event: registry.ApplicationInNotice) -> None:
    """The registrant's asset clerks: the review went well."""
    _application(event, _("登记申请 %(number)s 通过审查，已开始公示"))


def tell_application_rejected(event: registry.ApplicationRejected) -> None:
    """The registrant's asset clerks: refused."""
    _application(event, _("登记申请 %(number)s 未予登记，请查看理由"))


def tell_application_concluded(event: registry.ApplicationConcluded) -> None:
    """The registrant's asset clerks: the matter is closed."""
    _application(event, _("登记申请 %(number)s 已办结"))


def tell_licence_registered(event: registry.LicenceRegistered) -> None:
    """Both sides of a registered licence."""
    licence = Licence.objects.select_related("certificate").get(pk=event.licence_id)
    url = reverse("registry:certificate", args=[licence.certificate.number])
    words = {"number": licence.number, "title": licence.certificate.title}
    title = _("“%(title)s”的许可已登记，编号 %(number)s")
    _tell(event, licence.certificate.holder_id, Role.ASSET_CLERK, title, words, url)
    _tell(event, licence.licensee_id, Role.PURCHASER, title, words, url)


def _reviewers(
    event: Event, title: Promise, words: Mapping[str, Any], url: str, permission: Permission
) -> None:
    people = User.objects.filter(
        memberships__ended_at=None,
        memberships__organization__kinds__overlap=[kind.value for kind in permission.kinds],
        memberships__roles__overlap=[role.value for role in permission.roles],
        is_active=True,
    ).distinct()
    notify(users=people, at=event.at, title=title, words=words, url=url, is_mailed=False)


def tell_application_submitted(event: registry.ApplicationSubmitted) -> None:
    """The authority's reviewers: an application waits."""
    found = Application.objects.values("number", "title").get(pk=event.application_id)
    url = reverse("registry:review", args=[event.application_id])
    _reviewers(event, _("登记申请 %(number)s“%(title)s”等待受理"), found, url, REVIEW)


def tell_notice_ended(event: registry.NoticeEnded) -> None:
    """The authority's reviewers: a certificate may be issued."""
    found = Application.objects.values("number", "title").get(pk=event.application_id)
    url = reverse("registry:review", args=[event.application_id])
    _reviewers(event, _("登记申请 %(number)s 公示期满，请办理发证"), found, url, REVIEW)


def tell_review_overdue(event: registry.ReviewOverdue) -> None:
    """The authority's managers: a deadline has passed."""
    found = Application.objects.values("number", "title").get(pk=event.application_id)
    url = reverse("registry:review", args=[event.application_id])
    _reviewers(event, _("登记申请 %(number)s 已逾期未办结，请督办"), found, url, MANAGE_REVIEWS)


def tell_reviewer_assigned(event: registry.ReviewerAssigned) -> None:
    """The person who is to review or to vote."""
    application = Application.objects.values("number", "title").get(pk=event.application_id)
    is_voting = Application.objects.filter(pk=event.application_id, seats__member=event.user_id).exists()
    name = "registry:vote" if is_voting else "registry:review"
    notify(
        users=User.objects.filter(pk=event.user_id),
        at=event.at,
        title=_("登记申请 %(number)s“%(title)s”等待您审查或表决"),
        words=application,
        url=reverse(name, args=[event.application_id]),
        is_mailed=False,
    )


def tell_objection_filed(event: registry.ObjectionFiled) -> None:
    """The authority's reviewers, and the registrant: somebody objects."""
    objection = Objection.objects.select_related("application", "certificate").get(pk=event.objection_id)
    url, words = reverse("registry:objection", args=[objection.pk]), {"number": objection.number}
    _reviewers(event, _("登记异议 %(number)s 等待受理"), words, url, REVIEW)
    title = _("有人对贵单位的登记提出异议 %(number)s，等待登记机构受理")
    _tell(event, respondent_id(objection), Role.ASSET_CLERK, title, words, url, mail=True)


def tell_objection_accepted(event: registry.ObjectionAccepted) -> None:
    """The registrant's asset clerks: reply in time."""
    objection = Objection.objects.select_related("application", "certificate").get(pk=event.objection_id)
    words = {"number": objection.number, "until": objection.due_on}
    url = reverse("registry:objection", args=[objection.pk])
    title = _("登记异议 %(number)s 已受理，请在 %(until)s 前答复")
    _tell(event, respondent_id(objection), Role.ASSET_CLERK, title, words, url, mail=True)


def tell_objection_overdue(event: registry.ObjectionOverdue) -> None:
    """The authority's managers: a deadline of an objection has passed."""
    found = Objection.objects.values("number").get(pk=event.objection_id)
    url = reverse("registry:objection", args=[event.objection_id])
    _reviewers(event, _("登记异议 %(number)s 已逾期未办结，请督办"), found, url, MANAGE_REVIEWS)


def tell_objection_decided(event: registry.ObjectionDecided) -> None:
    """The objector and the registrant: how it ended."""
    objection = Objection.objects.select_related("application", "certificate", "objector").get(
        pk=event.objection_id
    )
    url, words = reverse("registry:objection", args=[objection.pk]), {"number": objection.number}
    title = _("登记异议 %(number)s 已办结，请查看决定")
    _tell(event, respondent_id(objection), Role.ASSET_CLERK, title, words, url, mail=True)
    notify(users=[objection.objector], at=event.at, title=title, words=words, url=url)


def _revocation(event: Any, title: Promise) -> None:
    found = Revocation.objects.select_related("certificate").get(pk=event.revocation_id)
    words = {"number": found.certificate.number, "day": found.hearing_on}
    url = reverse("registry:revocation", args=[found.pk])
    _tell(event, found.certificate.holder_id, Role.ASSET_CLERK, title, words, url, mail=True)


def tell_revocation_noticed(event: registry.RevocationNoticed) -> None:
    """The holder's asset clerks: grounds and hearing."""
    _revocation(event, _("证书 %(number)s 拟撤销，听证定于 %(day)s，请查看事由并准备陈述"))


def tell_revocation_decided(event: registry.RevocationDecided) -> None:
    """The holder's asset clerks: how it ended."""
    _revocation(event, _("证书 %(number)s 的撤销程序已办结，请查看决定"))


# --- trade --------------------------------------------------------------------------------------


def _product(product_id: UUID) -> dict[str, Any]:
    return dict(Product.objects.values("number", "title", "supplier_id").get(pk=product_id))


def _listing(event: Any, title: Promise, page: str = "catalogue:product") -> None:
    found = _product(event.product_id)
    url = reverse(page, args=[found["number"]])
    _tell(event, found["supplier_id"], Role.TRADER, title, found, url)


def tell_listing_submitted(event: listing.ListingSubmitted) -> None:
    """The operator's reviewers: a listing waits."""
    found = _product(event.product_id)
    url = reverse("catalogue:review", args=[found["number"]])
    _reviewers(event, _("“%(title)s”提交上架，等待审核"), found, url, REVIEW_LISTINGS)


def tell_revision_submitted(event: listing.RevisionSubmitted) -> None:
    """The operator's reviewers: a change waits."""
    url = reverse("catalogue:review_change", args=[event.revision_id])
    title = _("“%(title)s”提交变更，等待审核")
    _reviewers(event, title, _product(event.product_id), url, REVIEW_LISTINGS)


def tell_revision_applied(event: listing.RevisionApplied) -> None:
    """The supplier's traders: the change holds."""
    _listing(event, _("“%(title)s”的变更已生效"))


def tell_revision_rejected(event: listing.RevisionRejected) -> None:
    """The supplier's traders: the change was refused."""
    _listing(event, _("“%(title)s”的变更未通过，产品保持现状，请查看意见"), "selling:product")


def tell_listing_suspended(event: listing.ListingSuspended) -> None:
    """The supplier's traders: nothing new is sold for now."""
    _listing(event, _("“%(title)s”已暂停交易，请查看理由"), "selling:product")


def tell_buyer_invited(event: listing.BuyerInvited) -> None:
    """The invited organization's purchasers: there is something to see."""
    found = _product(event.product_id)
    url = reverse("catalogue:product", args=[found["number"]])
    _tell(event, event.organization_id, Role.PURCHASER, _("供方邀请贵单位查看“%(title)s”"), found, url)


def tell_question_asked(event: listing.QuestionAsked) -> None:
    """The supplier's traders: somebody asks."""
    found = _product(event.product_id)
    url = reverse("selling:answer", args=[found["number"], event.question_id])
    _tell(event, found["supplier_id"], Role.TRADER, _("有人就“%(title)s”提问，请回答"), found, url)


def tell_question_answered(event: listing.QuestionAnswered) -> None:
    """The asker's purchasers: there is an answer."""
    found = _product(event.product_id)
    asker = Question.objects.values_list("asker_id", flat=True).get(pk=event.question_id)
    url = reverse("catalogue:product", args=[found["number"]]) + "#questions"
    _tell(event, asker, Role.PURCHASER, _("供方回答了您就“%(title)s”的提问"), found, url)


def tell_listing_ending(event: registry.CertificateEnding) -> None:
    """Everybody whom the end of a listed product's certificate concerns: the supplier's traders, buyers under contract
    or with an open request, and the operator."""
    number = Certificate.objects.values_list("number", flat=True).get(pk=event.certificate_id)
    offered = Product.objects.filter(
        certificate=event.certificate_id, state__in=[ListingState.LISTED, ListingState.SUSPENDED]
    )
    for product in offered.values("pk", "number", "title", "supplier_id").order_by("pk"):
        words = {"title": product["title"], "number": number, "days": event.days}
        url = reverse("catalogue:product", args=[product["number"]])
        title = _("“%(title)s”的证书 %(number)s 将在 %(days)s 日内届满，届满后自动暂停交易，请及时续展")
        _tell(event, product["supplier_id"], Role.TRADER, title, words, url, mail=True)
        _tell_buyers_of_ending(event, product["pk"], words)
        title = _("在售产品“%(title)s”的证书 %(number)s 将在 %(days)s 日内届满")
        _reviewers(
            event, title, words, reverse("catalogue:review", args=[product["number"]]), REVIEW_LISTINGS
        )


def _tell_buyers_of_ending(
    event: registry.CertificateEnding, product_id: UUID, words: Mapping[str, Any]
) -> None:
    without_contract = (OrderState.PLACED, OrderState.CANCELLED, OrderState.REFUNDED)
    bound = Order.objects.filter(product=product_id).exclude(state__in=without_contract)
    asking = PurchaseRequest.objects.filter(product=product_id, state__in=OPEN)
    told = (
        (bound, _("您购买的“%(title)s”的证书 %(number)s 将在 %(days)s 日内届满，已签的合同继续履行"), "trading:orders"),
        (
            asking,
            _("“%(title)s”的证书 %(number)s 将在 %(days)s 日内届满，届满后暂停交易，请在此之前谈定并下单"),
            "requests:requests",
        ),
    )  # fmt: skip
    for rows, title, page in told:
        for buyer in rows.order_by("buyer_id").values_list("buyer_id", flat=True).distinct():
            _tell(event, buyer, Role.PURCHASER, title, words, reverse(page))


def tell_unsigned_ending(event: registry.CertificateEnding) -> None:
    """Both sides of every order under the certificate that still lacks a signature: afterwards it cannot be signed."""
    number = Certificate.objects.values_list("number", flat=True).get(pk=event.certificate_id)
    rows = Order.objects.filter(certificate=event.certificate_id, state=OrderState.PLACED).order_by("pk")
    title = _("订单 %(order)s 还没有签约，证书 %(number)s 将在 %(days)s 日内届满，届满后不能签约，请尽快签署")
    for order in rows.values("pk", "number", "buyer_id", "supplier_id"):
        words = {"order": order["number"], "number": number, "days": event.days}
        url = reverse("trading:order", args=[order["pk"]])
        _tell(event, order["buyer_id"], Role.PURCHASER, title, words, url, mail=True)
        _tell(event, order["supplier_id"], Role.TRADER, title, words, url, mail=True)


def _review(event: Any, title: Promise, side: str, role: Role) -> None:
    found = Review.objects.select_related("product").defer("product__search").get(pk=event.review_id)
    url = reverse("catalogue:product", args=[found.product.number]) + "#opinions"
    to = found.product.supplier_id if side == "supplier" else found.author_id
    _tell(event, to, role, title, {"title": found.product.title}, url)


def tell_review_written(event: ReviewWritten) -> None:
    """The supplier's traders: a buyer has judged."""
    _review(event, _("买方评价了“%(title)s”"), "supplier", Role.TRADER)


def tell_review_hidden(event: ReviewHidden) -> None:
    """The author: the operator hid the review."""
    _review(event, _("您对“%(title)s”的评价已被隐藏，请查看理由"), "author", Role.PURCHASER)


def tell_listing_published(event: ListingPublished) -> None:
    """The supplier's traders: the product is on sale."""
    _listing(event, _("“%(title)s”已上架"))


def tell_listing_rejected(event: ListingRejected) -> None:
    """The supplier's traders: the listing needs work."""
    _listing(event, _("“%(title)s”的上架申请未通过，请查看意见"))


def _order(event: Any, side: str, role: Role, title: Promise) -> None:
    found = Order.objects.values("number", f"{side}_id").get(pk=event.order_id)
    url = reverse("trading:order", args=[event.order_id])
    _tell(event, found[f"{side}_id"], role, title, {"number": found["number"]}, url)


def tell_order_placed(event: OrderPlaced) -> None:
    """The supplier's traders: a contract waits for their signature."""
    _order(event, "supplier", Role.TRADER, _("新订单 %(number)s，等待签约"))


def tell_order_contracted(event: trading.OrderContracted) -> None:
    """The buyer's purchasers: both sides have signed, the money may go to escrow."""
    _order(event, "buyer", Role.PURCHASER, _("订单 %(number)s 双方已签约，请付款到托管"))


def tell_order_paid(event: trading.OrderPaid) -> None:
    """The supplier's traders: the money lies in escrow."""
    _order(event, "supplier", Role.TRADER, _("订单 %(number)s 已付款到托管，请交付"))


def tell_order_cancelled(event: trading.OrderCancelled) -> None:
    """Both sides' people: the order has ended; whoever did it is reminded too."""
    _order(event, "buyer", Role.PURCHASER, _("订单 %(number)s 已取消，请查看理由"))
    _order(event, "supplier", Role.TRADER, _("订单 %(number)s 已取消，请查看理由"))


def _supplement(event: Any, title: Promise, *, sparing: UUID | None = None) -> None:
    """Both sides' people, but for the organization that did it."""
    found = Supplement.objects.select_related("contract__order").defer("text").get(pk=event.supplement_id)
    url, words = reverse("trading:supplement", args=[found.pk]), {"number": found.number}
    order = found.contract.order
    for organization_id, role in ((order.buyer_id, Role.PURCHASER), (order.supplier_id, Role.TRADER)):
        if organization_id != sparing:
            _tell(event, organization_id, role, title, words, url, mail=True)


def tell_supplement_proposed(event: trading.SupplementProposed) -> None:
    """The other side: there is a text to sign or to decline."""
    _supplement(event, _("补充合同 %(number)s 等待贵单位签署"), sparing=event.by.organization_id)


def tell_supplement_in_force(event: trading.SupplementInForce) -> None:
    """Both sides: it holds now."""
    _supplement(event, _("补充合同 %(number)s 已生效"))


def tell_supplement_ended(event: trading.SupplementEnded) -> None:
    """The other side: the contract stays as it was."""
    _supplement(event, _("补充合同 %(number)s 未成立，原合同不变"), sparing=event.by.organization_id)


def _request(event: Any, side: str, title: Promise, *, mail: bool = True) -> None:
    found = PurchaseRequest.objects.values("number", "product__title", f"{side}_id").get(pk=event.request_id)
    role = Role.PURCHASER if side == "buyer" else Role.TRADER
    words = {"number": found["number"], "title": found["product__title"]}
    url = reverse("requests:request", args=[event.request_id])
    _tell(event, found[f"{side}_id"], role, title, words, url, mail=mail)


def tell_request_made(event: requests.RequestMade) -> None:
    """The supplier's traders: somebody asks."""
    _request(event, "supplier", _("使用申请 %(number)s“%(title)s”等待贵单位答复"))


def tell_request_approved(event: requests.RequestApproved) -> None:
    """The buyer's purchasers: they may order."""
    _request(event, "buyer", _("使用申请 %(number)s 已获供方同意，请在有效期内下单"))


def tell_request_refused(event: requests.RequestRefused) -> None:
    """The buyer's purchasers: why not, and what would help."""
    _request(event, "buyer", _("使用申请 %(number)s 未获同意，请查看理由和建议"))


def tell_request_expired(event: requests.RequestExpired) -> None:
    """Both sides: the approval lapsed."""
    _request(event, "buyer", _("使用申请 %(number)s 的同意已过期，需要时请再次申请"))
    _request(event, "supplier", _("使用申请 %(number)s 的同意已过期，对方没有下单"), mail=False)


def tell_request_withdrawn(event: requests.RequestWithdrawn) -> None:
    """The supplier's traders: nobody asks any longer."""
    _request(event, "supplier", _("使用申请 %(number)s 已被需方撤回"), mail=False)


def tell_offer_made(event: requests.OfferMade) -> None:
    """The other side: there are new terms to answer."""
    side = "buyer" if event.party == "supplier" else "supplier"
    _request(event, side, _("使用申请 %(number)s 有新的一版条件，请答复"))


def tell_offer_accepted(event: requests.OfferAccepted) -> None:
    """The side that had offered: its terms were accepted, the contract is to be signed."""
    side = "buyer" if event.party == "supplier" else "supplier"
    _request(event, side, _("使用申请 %(number)s 的条件已谈定，请签署合同"))


def tell_order_delivered(event: OrderDelivered) -> None:
    """The buyer's purchasers: there is something to inspect."""
    _order(event, "buyer", Role.PURCHASER, _("订单 %(number)s 已交付，请验收"))


def _entitlement(event: Any, title: Promise, *, mail: bool = False, **more: Any) -> None:
    found = Entitlement.objects.values("number", "organization_id", "product__title").get(
        pk=event.entitlement_id
    )
    url = reverse("delivery:entitlement", args=[event.entitlement_id])
    words = {"number": found["number"], "title": found["product__title"], **more}
    _tell(event, found["organization_id"], Role.PURCHASER, title, words, url, mail=mail)


def tell_version_added(event: delivery.VersionAdded) -> None:
    """The buyer's purchasers: a subscription opens a newer version."""
    _entitlement(event, _("您订阅的“%(title)s”已有新版本 v%(version)s，可以下载"), version=event.version)


def tell_entitlement_suspended(event: delivery.EntitlementSuspended) -> None:
    """The buyer's purchasers: no access for now, with the reason."""
    title = _("“%(title)s”的授权 %(number)s 已暂停：%(reason)s")
    _entitlement(event, title, mail=True, reason=event.reason)


def tell_entitlement_resumed(event: delivery.EntitlementResumed) -> None:
    """The buyer's purchasers: access again."""
    _entitlement(event, _("“%(title)s”的授权 %(number)s 已恢复"))


def tell_quota_reached(event: delivery.QuotaReached) -> None:
    """The buyer's purchasers: 80 or 100 per cent are used."""
    title = _("“%(title)s”的用量已达包含数量的 %(percent)s%%")
    _entitlement(event, title, mail=event.percent == 100, percent=event.percent)


def tell_entitlement_ending(event: delivery.EntitlementEnding) -> None:
    """The buyer's purchasers: time to order again."""
    title = _("“%(title)s”的授权 %(number)s 将在 %(days)s 日内到期")
    _entitlement(event, title, mail=True, days=event.days)


def tell_order_refunded(event: OrderRefunded) -> None:
    """The buyer's finance: money came back."""
    _order(event, "buyer", Role.FINANCE, _("订单 %(number)s 有退款到账"))


# --- disputes -----------------------------------------------------------------------------------


def _complaint(event: Any, title: Promise, *to: str) -> None:
    """Tell the named sides (`buyer`, `supplier`): purchasers or traders."""
    found = Complaint.objects.select_related("order").get(pk=event.complaint_id)
    words = {"number": found.number, "order": found.order.number}
    url = reverse("acceptance:complaint", args=[found.pk])
    for side in to:
        role = Role.PURCHASER if side == "buyer" else Role.TRADER
        _tell(event, getattr(found.order, f"{side}_id"), role, title, words, url, mail=True)


def _operators(event: Any, title: Promise) -> None:
    found = Complaint.objects.select_related("order").get(pk=event.complaint_id)
    words = {"number": found.number, "order": found.order.number}
    _reviewers(event, title, words, reverse("acceptance:complaint", args=[found.pk]), RULE)


def tell_escrow_returned(event: disputes.PriceReduced | disputes.WholePriceBack) -> None:
    """The buyer's finance: money came back out of escrow."""
    _order(event, "buyer", Role.FINANCE, _("订单 %(number)s 有退款到账"))


def tell_complaint_filed(event: disputes.ComplaintFiled) -> None:
    """The supplier's traders: defects are reported, an answer is due."""
    _complaint(event, _("订单 %(order)s 收到交付异议 %(number)s，请按期答复"), "supplier")


def tell_complaint_answered(event: disputes.ComplaintAnswered) -> None:
    """The buyer's purchasers: the supplier has answered."""
    _complaint(event, _("供方已答复异议 %(number)s，请决定是否接受"), "buyer")


def tell_offer_declined(event: disputes.OfferDeclined) -> None:
    """The supplier's traders: another answer is due."""
    _complaint(event, _("需方不接受对异议 %(number)s 的答复，请重新答复"), "supplier")


def tell_complaint_settled(event: disputes.ComplaintSettled) -> None:
    """The supplier's traders: the buyer accepted."""
    _complaint(event, _("异议 %(number)s 已协商了结"), "supplier")


def tell_complaint_withdrawn(event: disputes.ComplaintWithdrawn) -> None:
    """The supplier's traders: nothing to answer any more."""
    _complaint(event, _("需方已撤回异议 %(number)s，验收期继续"), "supplier")


def tell_dispute_opened(event: disputes.DisputeOpened) -> None:
    """Both sides and the exchange: evidence is to be stated, a ruling to be made."""
    _complaint(event, _("异议 %(number)s 已提请裁决，请在举证期限内陈述"), "buyer", "supplier")
    _operators(event, _("争议 %(number)s 等待裁决"))


def tell_ruling_proposed(event: disputes.RulingProposed) -> None:
    """The exchange's reviewers: a second person is needed."""
    _operators(event, _("争议 %(number)s 的裁决等待第二人复核"))


def tell_ruling_returned(event: disputes.RulingReturned) -> None:
    """The exchange's reviewers: another ruling is to be made."""
    _operators(event, _("争议 %(number)s 的裁决被复核退回，请重新裁决"))


def tell_ruling_given(event: disputes.RulingGiven) -> None:
    """Both sides: how the exchange ruled."""
    _complaint(event, _("争议 %(number)s 已裁决，请查看结果与理由"), "buyer", "supplier")


def tell_delivery_replaced(event: disputes.DeliveryReplaced) -> None:
    """The buyer's purchasers: there is something new to inspect."""
    _complaint(event, _("订单 %(order)s 已补交新版本，验收期重新计算"), "buyer")


def _claim(event: Any, title: Promise) -> None:
    found = Claim.objects.values("number", "year").get(pk=event.claim_id)
    url = reverse("rewards:claim", args=[found["number"]])
    _tell(event, event.firm_id, Role.FINANCE, title, found, url, mail=True)


def tell_statement_drafted(event: StatementDrafted) -> None:
    """The firm's finance: a statement waits for their word."""
    _claim(event, _("%(year)s 年度奖励测算已生成，请核对并确认"))


def tell_rules_moved(event: rewards.RulesMoved) -> None:
    """The firm's finance: released rules change the statement before them, and by how much."""
    number = Claim.objects.values_list("number", flat=True).get(pk=event.claim_id)
    words = {
        "number": number,
        "release": event.release_number,
        "before": str(Money(event.former_fen)),
        "now": str(Money(event.now_fen)),
        "difference": str(Money(event.now_fen - event.former_fen)),
    }
    title = _(
        "奖励申报 %(number)s：规则已更新（%(release)s），测算由 %(before)s 变为 %(now)s，相差 %(difference)s，请重新测算后确认"
    )
    url = reverse("rewards:claim", args=[number])
    _tell(event, event.firm_id, Role.FINANCE, title, words, url, mail=True)


def tell_notice_extended(event: rewards.NoticeExtended) -> None:
    """The firm's finance: the notice lasts longer, and why."""
    number = Claim.objects.values_list("number", flat=True).get(pk=event.claim_id)
    title = _("奖励申报 %(number)s 的公示期因放假安排公布顺延至 %(until)s")
    url = reverse("rewards:claim", args=[number])
    _tell(
        event, event.firm_id, Role.FINANCE, title, {"number": number, "until": event.until.isoformat()}, url
    )


def tell_claim_returned(event: ClaimReturned) -> None:
    """The firm's finance: the claim needs something."""
    _claim(event, _("奖励申报 %(number)s 被退回补正"))


def tell_review_due(event: rewards.ReviewDue) -> None:
    """Who is to decide the stage: its assignee, else the reviewers of the office; once before, once when overdue."""
    claim = Claim.objects.select_related("firm").get(pk=event.claim_id)
    title = (
        _("奖励申报 %(number)s 已超过办理期限，请尽快办理")
        if event.is_overdue
        else _("奖励申报 %(number)s 的办理期限将到，请及时办理")
    )
    notify(
        users=referrals.reviewers_of(claim),
        at=event.at,
        title=title,
        words={"number": claim.number},
        url=reverse("rewards:claim", args=[claim.number]),
        is_mailed=event.is_overdue,
    )


def tell_award_granted(event: AwardGranted) -> None:
    """The firm's finance: the reward was approved."""
    _claim(event, _("奖励申报 %(number)s 已批准"))


def tell_reward_objection_answered(event: rewards.ObjectionAnswered) -> None:
    """The firm's finance: every item has its answer."""
    _claim(event, _("奖励申报 %(number)s 的异议已答复，请查看理由并核对测算"))


def tell_claim_rejected(event: rewards.ClaimRejected) -> None:
    """The firm's finance: refused, with the way to contest it."""
    _claim(event, _("奖励申报 %(number)s 不予支持，请查看理由与救济途径"))


def tell_award_paid(event: rewards.AwardPaid) -> None:
    """The firm's finance: the money is there."""
    _claim(event, _("奖励申报 %(number)s 的奖励已拨付到账"))


def tell_payment_returned(event: rewards.PaymentReturned) -> None:
    """The firm's finance: the account needs a look."""
    _claim(event, _("奖励申报 %(number)s 的拨付被银行退回，请核对收款账户"))


def tell_claim_reopened(event: rewards.ClaimReopened) -> None:
    """The firm's finance: later facts changed the year."""
    _claim(event, _("奖励申报 %(number)s 因事实变化正在重新核定，请查看差额"))


def tell_recovery_confirmed(event: rewards.RecoveryConfirmed) -> None:
    """The firm's finance: what is to be paid back, and how to contest it."""
    _claim(event, _("奖励申报 %(number)s 已核定核减或追回，请查看金额、期限与救济途径"))


def tell_recovery_lifted(event: rewards.RecoveryLifted) -> None:
    """The firm's finance: what need not be paid back after all."""
    _claim(event, _("奖励申报 %(number)s 的追回已撤销或减少，请查看尚欠金额"))


def tell_declaration_decided(event: rewards.DeclarationDecided) -> None:
    """The firm's finance: what became of a declared fact."""
    found = Declaration.objects.get(pk=event.declaration_id)
    url = reverse("rewards:declaration", args=[found.pk])
    title = _("%(year)s 年度申报的事实已有核实结果，请查看")
    _tell(event, event.firm_id, Role.FINANCE, title, {"year": found.year}, url)


def tell_park_applied(event: rewards.ParkApplied) -> None:
    """Who recognises parks: a firm waits."""
    found, office = ParkRecognition.objects.select_related("park").get(pk=event.recognition_id), park_office()
    if office is not None:
        url = reverse("rewards:park", args=[found.pk])
        title = _("有企业申请认定入驻“%(park)s”，请办理")
        _tell(event, office.organization_id, Role.SECOND_REVIEWER, title, {"park": found.park.name}, url)


def tell_park_decided(event: rewards.ParkDecided) -> None:
    """The firm's finance: what became of its recognition in a park; of a park itself nobody is told."""
    found = ParkRecognition.objects.select_related("park").get(pk=event.recognition_id)
    if found.firm_id is not None:
        url = reverse("rewards:park", args=[found.pk])
        title = _("本单位入驻“%(park)s”的认定有新的决定，请查看")
        _tell(event, found.firm_id, Role.FINANCE, title, {"park": found.park.name}, url)
