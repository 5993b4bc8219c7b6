"""Every write of trading; each service makes do with one lock that brings all it needs along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.catalogue.models import Plan, Product
from exchange.catalogue.selectors import is_offered_to, is_running
from exchange.catalogue.services import require_certificate, require_in_force
from exchange.catalogue.states import ListingState
from exchange.trading import policies, rules
from exchange.trading.events import (
    OrderAccepted,
    OrderCancelled,
    OrderCompleted,
    OrderContracted,
    OrderPaid,
    OrderPlaced,
)
from exchange.trading.models import Contract, Order, Signature
from exchange.trading.permissions import (
    ACCEPT_ORDERS,
    CANCEL_ORDERS,
    PLACE_ORDERS,
    SIGN_AS_BUYER,
    SIGN_AS_SUPPLIER,
)
from exchange.trading.selectors import orders_visible_to
from exchange.trading.states import ORDER, OrderState, Party
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal
from kernel.events import announce
from kernel.money import Money
from kernel.numbers import new_number
from organizations.models import Organization
from organizations.permissions import Actor, Permission


class NotOnSale(Refusal):
    """The product or the plan is not offered now."""

    code = "not_on_sale"
    message = _("产品 %(number)s 的这个方案目前不在售，请在目录中选择其他方案。")


class NothingToPay(Refusal):
    """What is free is opened by the supplier, not ordered and paid."""

    code = "nothing_to_pay"
    message = _("免费样例和限时试用不需要下单付款。请在产品页直接领取。")


class OwnProduct(Refusal):
    """Nobody buys from itself."""

    code = "own_product"
    message = _("供方不能购买自己的产品。请切换到买方单位后再下单。")


class ApprovalNeeded(Refusal):
    """The supplier sells this product on an approved request only."""

    code = "approval_needed"
    message = _("产品 %(number)s 须先经供方同意。请提交使用申请，说明用途，同意后即可下单。")


class SoldExclusively(Refusal):
    """Somebody holds an exclusive licence of this version, or holds any licence while one is wanted."""

    code = "sold_exclusively"
    message = _(
        "产品 %(number)s 的这个版本已有有效的许可，与独占许可不能并存。请与供方商量其他版本或普通许可。"
    )


class AlreadySigned(Refusal):
    """Each side signs once."""

    code = "already_signed"
    message = _("%(party)s已签署过这份合同，等待对方签署。")


class OtherText(Refusal):
    """The signer read another text than the contract's."""

    code = "other_text"
    message = _("签署的文本摘要与合同不一致，请重新打开合同全文核对后再签。")


class WrongSide(Refusal):
    """This step belongs to the other side of the contract."""

    code = "wrong_side"
    message = _("这一步由%(party)s办理，您的单位在本订单中不是%(party)s。")
    status = 403


ENDED = (OrderState.CANCELLED, OrderState.REFUNDED)
_NOT_FOR_SIGNING = ("contract__text", "contract__policy", "certificate__claims", "certificate__token")
_NOT_FOR_PLACING = (
    "product__search",
    "product__description",
    "product__keywords",
    "product__certificate__claims",
    "product__certificate__token",
    "product__version__sample",
    "product__version__dictionary",
    "product__version__label_counts",
)


def _locked_orders() -> QuerySet[Order]:
    return Order.objects.select_for_update(of=("self",), no_key=True).order_by("pk")


def locked_order(order_id: UUID, *along: str, heavy: Sequence[str] = ()) -> Order:
    """The order under lock, with the named relations of it loaded in the same statement; NotFound if none.

    `heavy`: columns that the caller does not read (texts, samples, search vectors), left where they are.
    """
    rows = _locked_orders().filter(pk=order_id)
    found = (rows.select_related(*along).defer(*heavy) if along else rows).first()
    if found is None:
        raise NotFound
    return found


def require_side(order: Order, by: Actor, party: Party, wanted: Permission) -> None:
    """404 unless the order is visible, 403 unless the actor stands on that side and holds the permission."""
    side = order.buyer_id if party is Party.BUYER else order.supplier_id
    if by.belongs_to(side):
        by.require(wanted)
        return
    if not orders_visible_to(by).filter(pk=order.pk).exists():
        raise NotFound
    raise WrongSide(party=party.label)


def require_direct_sale(product: Product, ordering: str) -> None:
    """Raise ApprovalNeeded when products of this way of ordering are sold on an approved request only."""
    if rules.needs_approval(ordering):
        raise ApprovalNeeded(number=product.number)


def _locked_plan(plan_id: UUID) -> Plan:
    """The plan with its product under lock, so that an order never overtakes a suspension or another order."""
    rows = Plan.objects.select_for_update(of=("product",), no_key=True).select_related(
        "product__supplier", "product__certificate", "product__version__dataset"
    )
    plan = rows.filter(pk=plan_id).defer(*_NOT_FOR_PLACING).first()
    if plan is None:
        raise NotFound
    return plan


def listed_terms(plan: Plan) -> rules.Agreed:
    """What is sold when nothing was negotiated: the plan's price, the product's licence."""
    return rules.Agreed(
        gross=Money(plan.price_fen),
        licence=plan.product.licence,
        term_days=plan.term_days,
        is_exclusive=plan.is_exclusive,
    )


def stated_use(text: str) -> str:
    """The use as it is kept; InvalidInput when it is too short or too long."""
    use = "\n".join(line.strip() for line in text.strip().splitlines())
    if not rules.LEAST_USE_LENGTH <= len(use) <= rules.MOST_USE_LENGTH:
        raise InvalidInput(
            field="use_statement", reason=gettext("请用 4 到 2000 个字写明数据用在哪里、做什么。")
        )
    return use


@transaction.atomic
def place_order(
    *,
    by: Actor,
    at: datetime,
    plan_id: UUID,
    use_statement: str,
    referral: str = "",
    commission: Money = Money(0),  # noqa: B008 - immutable
) -> Order:
    """Order one plan of a listed product for a stated use; draws up the contract. State: placed.

    `referral`: the code under which a broker brought it about, with the commission in all that the buyer has read;
    whoever hears of the order refuses what does not fit, and nothing is ordered.

    Price, tax, version and certificate are fixed here; a product sold on approval is ordered from a request.
    Raises NotAllowed, NotFound, NotOnSale, OwnProduct, NothingToPay, ApprovalNeeded, SoldExclusively,
    CertificateNotInForce, InvalidInput.
    """
    plan, buyer = _locked_plan(plan_id), by.organization
    by.require(PLACE_ORDERS)
    if buyer is None:
        raise NotAllowed(permission=PLACE_ORDERS.label, organization="—")
    if not is_offered_to(by, plan):
        raise NotFound
    _require_sellable(plan, buyer, at, by=by, is_exclusive=plan.is_exclusive)
    require_direct_sale(plan.product, plan.product.ordering)
    use = stated_use(use_statement)
    told = (referral.strip(), commission)
    return _placed(plan, buyer, listed_terms(plan), by=by, at=at, use=use, referral=told)


@transaction.atomic(savepoint=False)
def place_agreed(
    *, by: Actor, at: datetime, plan_id: UUID, buyer: Organization, use_statement: str, agreed: rules.Agreed
) -> Order:
    """Order a plan at the price and on the terms that both sides settled (for exchange.requests, which has
    checked who agreed). Raises what `place_order` raises."""
    plan = _locked_plan(plan_id)
    _require_sellable(plan, buyer, at, by=by, is_exclusive=agreed.is_exclusive)
    return _placed(plan, buyer, agreed, by=by, at=at, use=stated_use(use_statement))


def _require_sellable(
    plan: Plan, buyer: Organization, at: datetime, *, by: Actor, is_exclusive: bool
) -> None:
    product = plan.product
    if product.state != ListingState.LISTED or not is_running(plan, at):
        raise NotOnSale(number=product.number)
    if buyer.pk == product.supplier_id:
        raise OwnProduct
    if plan.is_free:
        raise NothingToPay
    require_certificate(product, at)
    others, exclusive = ~Q(buyer=buyer), Q(is_exclusive=True)
    standing_against = others | exclusive if is_exclusive else others & exclusive
    live = Order.objects.filter(version_id=product.version_id).exclude(state__in=ENDED)
    for against in live.filter(standing_against):
        ending = rules.access_end(against.delivered_at, against.term_days, against.terminated_at)
        if ending is None or at < ending:
            raise SoldExclusively(number=product.number)
        # Not locked: an order whose term is over moves no more, and orders are locked before plans elsewhere.
        open_end = Order.objects.filter(pk=against.pk, is_exclusive=True, exclusivity_ended_at=None)
        if open_end.update(exclusivity_ended_at=ending):
            told = {"ended_at": ending.isoformat()}
            record(by=by, at=at, action="orders.end_exclusivity", subject=against, detail=told)


def _placed(
    plan: Plan, buyer: Organization, agreed: rules.Agreed, *, by: Actor, at: datetime, use: str,
    referral: tuple[str, Money] = ("", Money(0)),
) -> Order:  # fmt: skip
    """The order and its contract, written, recorded and announced."""
    product = plan.product
    order = Order(
        number=new_number("DD", at),
        product=product,
        plan=plan,
        version=product.version,
        certificate=product.certificate,
        supplier=product.supplier,
        buyer=buyer,
        use_statement=use,
        amount_fen=agreed.gross.fen,
        tax_fen=rules.tax_within(agreed.gross, plan.tax_rate_bp).fen,
        inspection_days=agreed.inspection_days,
        term_days=agreed.term_days,
        is_exclusive=agreed.is_exclusive,
        placed_by=by.user,
        placed_at=at,
    )
    order.save(force_insert=True)
    contract = _draw_up(order, product, plan, buyer, agreed, at)
    record(
        by=by, at=at, action="orders.place", subject=order,
        detail={"plan": plan.name, "amount_fen": order.amount_fen, "contract_sha256": contract.text_sha256,
                "policy_sha256": contract.policy_sha256},
    )  # fmt: skip
    code, commission = referral
    announce(OrderPlaced(at=at, order_id=order.pk, by=by, referral=code, commission=commission))
    return order


def _draw_up(
    order: Order, product: Product, plan: Plan, buyer: Organization, agreed: rules.Agreed, at: datetime
) -> Contract:
    """The contract of a new order with its policy, from what is already loaded."""
    number, version = new_number("HT", at), product.version
    terms = rules.Terms(
        contract_number=number,
        order_number=order.number,
        on=clock.business_date(at),
        supplier_name=product.supplier.name,
        supplier_uscc=product.supplier.uscc,
        buyer_name=buyer.name,
        buyer_uscc=buyer.uscc,
        product_number=product.number,
        product_title=product.title,
        dataset_number=version.dataset.number,
        version=version.version,
        root_hash=version.root_hash,
        file_count=version.file_count,
        row_count=version.row_count,
        certificate_number=product.certificate.number,
        plan_name=plan.name,
        plan_kind=plan.kind,
        included_quantity=plan.included_quantity,
        has_marked_copies=product.has_marked_copies,
        gross=Money(order.amount_fen),
        tax=Money(order.tax_fen),
        tax_rate_bp=plan.tax_rate_bp,
        licence=agreed.licence,
        use_statement=order.use_statement,
        inspection_days=order.inspection_days,
        template=agreed.template,
        territory=agreed.territory,
        term_days=agreed.term_days,
        user_count=agreed.user_count,
        is_exclusive=agreed.is_exclusive,
        clauses=agreed.clauses,
    )
    policy = policies.policy_text(policies.policy_of(terms))
    policy_sha256 = rules.text_hash(policy)
    text = rules.contract_text(replace(terms, policy_sha256=policy_sha256))
    contract = Contract(
        number=number,
        order=order,
        template=agreed.template,
        text=text,
        text_sha256=rules.text_hash(text),
        policy=policy,
        policy_sha256=policy_sha256,
        drawn_up_at=at,
    )
    contract.save(force_insert=True)
    return contract


def party_of(order: Order, by: Actor) -> Party:
    """The side on which the actor stands; whoever is no side is taken for the buyer and refused as such."""
    return Party.SUPPLIER if by.organization_id == order.supplier_id else Party.BUYER


def require_signer(order: Order, by: Actor) -> Party:
    """The side for which the actor may sign; raises what `require_side` raises."""
    party = party_of(order, by)
    require_side(order, by, party, SIGN_AS_SUPPLIER if party is Party.SUPPLIER else SIGN_AS_BUYER)
    return party


@transaction.atomic
def sign_contract(*, by: Actor, at: datetime, order_id: UUID, text_sha256: str = "") -> Order:
    """Sign the contract's text and policy for the actor's side; the second side's signature makes the order contracted.

    `text_sha256`: hash of the text that the signer read, compared when given. Raises OtherText,
    AlreadySigned, MoveNotAllowed, CertificateNotInForce (a lapse suspends what is not yet contracted).
    """
    order = locked_order(order_id, "contract", "certificate", heavy=_NOT_FOR_SIGNING)
    party = require_signer(order, by)
    column = f"{party.value}_signed_at"
    if getattr(order, column) is not None:
        raise AlreadySigned(party=party.label)
    ORDER.check(order, "contract")
    require_in_force(order.certificate, version_id=order.version_id, holder_id=order.supplier_id, at=at)
    contract = order.contract
    if text_sha256 and text_sha256 != contract.text_sha256:
        raise OtherText(field="text_sha256")
    setattr(order, column, at)
    Signature(
        contract=contract,
        party=party,
        organization_id=order.supplier_id if party is Party.SUPPLIER else order.buyer_id,
        signed_by=by.user,
        signer_label=by.label[:200],
        text_sha256=contract.text_sha256,
        policy_sha256=contract.policy_sha256,
        signed_at=at,
    ).save(force_insert=True)
    is_contracted = order.supplier_signed_at is not None and order.buyer_signed_at is not None
    if is_contracted:
        order.contracted_at = at
        ORDER.move(order, "contract", by=by, at=at, update_fields=[column, "contracted_at"])
    else:
        order.save(update_fields=[column])
    record(
        by=by, at=at, action="contracts.sign", subject=order,
        detail={"party": party.value, "contract": contract.number, "text_sha256": contract.text_sha256,
                "policy_sha256": contract.policy_sha256},
    )  # fmt: skip
    if is_contracted:
        announce(OrderContracted(at=at, order_id=order.pk, by=by))
    return order


@transaction.atomic(savepoint=False)
def mark_paid(*, by: Actor, at: datetime, order_id: UUID) -> Order:
    """The whole price lies in escrow (called by settlement.payments in its own transaction only)."""
    order = locked_order(order_id)
    order.paid_at = at
    ORDER.move(order, "pay", by=by, at=at, update_fields=["paid_at"])
    record(by=by, at=at, action="orders.pay", subject=order, detail={"amount_fen": order.amount_fen})
    announce(OrderPaid(at=at, order_id=order.pk, by=by))
    return order


def hand_over(order: Order, *, by: Actor, at: datetime) -> None:
    """Move a locked, paid order to delivered and start its inspection period (for exchange.delivery)."""
    order.delivered_at = at
    order.inspection_until = rules.inspection_end(at, order.inspection_days)
    ORDER.move(order, "deliver", by=by, at=at, update_fields=["delivered_at", "inspection_until"])


@transaction.atomic
def accept_order(*, by: Actor, at: datetime, order_id: UUID, reason: str = "") -> Order:
    """The buyer accepts the delivery; the news releases escrow in the same transaction."""
    order = locked_order(order_id)
    require_side(order, by, Party.BUYER, ACCEPT_ORDERS)
    order.accepted_at = at
    ORDER.move(order, "accept", by=by, at=at, reason=reason, update_fields=["accepted_at"])
    record(by=by, at=at, action="orders.accept", subject=order, detail={"reason": reason} if reason else None)
    announce(OrderAccepted(at=at, order_id=order.pk, by=by))
    return order


def stop_inspection(order: Order, *, by: Actor, at: datetime, reason: str) -> None:
    """Stop the clock of a locked, delivered order: it is disputed from now on (for exchange.acceptance)."""
    ORDER.move(order, "dispute", by=by, at=at, reason=reason)


def resume_inspection(order: Order, *, by: Actor, at: datetime, until: datetime, reason: str) -> None:
    """Let a locked, disputed order be inspected again, until then (for exchange.acceptance)."""
    order.inspection_until = until
    ORDER.move(order, "resume", by=by, at=at, reason=reason, update_fields=["inspection_until"])


def accept_settled(order: Order, *, by: Actor, at: datetime, reason: str) -> None:
    """Accept a locked order whose dispute has ended (for exchange.acceptance); the news releases escrow."""
    order.accepted_at = at
    ORDER.move(order, "settle", by=by, at=at, reason=reason, update_fields=["accepted_at"])
    record(by=by, at=at, action="orders.accept", subject=order, detail={"reason": reason})
    announce(OrderAccepted(at=at, order_id=order.pk, by=by))


class InspectionRunning(Refusal):
    """The buyer still has time to look."""

    code = "inspection_running"
    message = _("验收期尚未届满，不能自动验收。")


@transaction.atomic
def accept_expired(*, at: datetime, order_id: UUID) -> Order:
    """Accept one delivered order whose inspection period has ended; InspectionRunning before that."""
    order = locked_order(order_id)
    ORDER.check(order, "accept")
    if order.inspection_until is None or at < order.inspection_until:
        raise InspectionRunning
    return accept_order(
        by=Actor.system("验收期届满"), at=at, order_id=order_id, reason="验收期届满未提出异议，视为验收通过。"
    )


@transaction.atomic(savepoint=False)
def complete_order(*, by: Actor, at: datetime, order_id: UUID) -> Order:
    """Escrow was released (called by settlement.payments in its own transaction only)."""
    order = locked_order(order_id)
    order.completed_at = at
    ORDER.move(order, "complete", by=by, at=at, update_fields=["completed_at"])
    record(by=by, at=at, action="orders.complete", subject=order)
    announce(OrderCompleted(at=at, order_id=order.pk, by=by))
    return order


@transaction.atomic
def cancel_order(*, by: Actor, at: datetime, order_id: UUID, reason: str) -> Order:
    """End an order that is not paid: either side, with a reason for the other."""
    order = locked_order(order_id)
    require_side(order, by, party_of(order, by), CANCEL_ORDERS)
    ORDER.check(order, "cancel")
    if not reason.strip():
        raise InvalidInput(field="reason", reason=gettext("请写明取消的理由，对方能看到。"))
    ORDER.move(order, "cancel", by=by, at=at, reason=reason.strip())
    record(by=by, at=at, action="orders.cancel", subject=order, detail={"reason": reason.strip()})
    announce(OrderCancelled(at=at, order_id=order.pk, by=by, reason=reason.strip()))
    return order


@transaction.atomic(savepoint=False)
def refund_in_full(*, by: Actor, at: datetime, order_id: UUID, reason: str = "") -> Order:
    """All money went back (called by settlement.payments in its own transaction only)."""
    order = locked_order(order_id)
    ORDER.move(order, "refund", by=by, at=at, reason=reason)
    record(by=by, at=at, action="orders.refund", subject=order, detail={"reason": reason} if reason else None)
    return order
