"""Mandates, matches, deals, and the records that a deal needs."""

from __future__ import annotations

from uuid import UUID

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.projects.states import Modality
from documents.models import Document
from exchange.brokers import rules
from exchange.brokers.states import (
    DEAL,
    MANDATE,
    MATCH,
    DealState,
    FactKind,
    MandateState,
    MatchState,
    Party,
    Payer,
    RecordKind,
    Scope,
    Side,
)
from exchange.catalogue.models import Product
from exchange.catalogue.states import Industry
from exchange.demands.models import Demand
from exchange.pilots.models import Pilot
from exchange.trading.models import Order
from kernel.money import FenField, Money
from kernel.records import Record
from kernel.states import StateField

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
_FIXED = (
    "side", "principal_id", "broker_id", "pilot_id", "scope", "industries", "wish_modality", "wish_labels",
    "wish_budget_fen", "starts_at", "ends_at", "commission_bp", "commission_fen", "payer", "is_exclusive", "text",
    "text_sha256",
)  # fmt: skip


class Mandate(Record):
    """What a principal entrusts to a broker. Its terms and text are fixed when it is offered.

    In force from `starts_at` to before `ends_at`. The commission is `commission_bp` basis points of an order's
    price with VAT or `commission_fen` for each order; the other is zero. `wish_…`: what a buyer looks for.
    `follows`: the mandate that this one takes over from, when the principal chose another broker.
    """

    number = models.CharField(_("委托编号"), max_length=24, unique=True)
    side = models.CharField(_("委托方向"), max_length=8, choices=Side.choices)
    principal = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="mandates_given")
    broker = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="mandates_held")
    pilot = models.ForeignKey(Pilot, models.PROTECT, related_name="mandates")
    offered_by_party = models.CharField(_("发起方"), max_length=12, choices=Party.choices)
    scope = models.CharField(_("委托范围"), max_length=12, choices=Scope.choices)
    industries = ArrayField(
        models.CharField(max_length=24, choices=Industry.choices),
        verbose_name=_("行业"),
        default=list,
        blank=True,
    )
    products = models.ManyToManyField(Product, related_name="mandates", blank=True, verbose_name=_("产品"))
    wish_modality = models.CharField(_("需要的数据形态"), max_length=16, choices=Modality.choices, blank=True)
    wish_labels = ArrayField(
        models.CharField(max_length=40), verbose_name=_("需要的标签"), default=list, blank=True
    )
    wish_budget_fen = FenField(_("单笔预算"), null=True, blank=True)
    starts_at = models.DateTimeField(_("开始时间"))
    ends_at = models.DateTimeField(_("期满时间"))
    commission_bp = models.PositiveIntegerField(_("佣金比例（万分比）"), default=0)
    commission_fen = FenField(_("固定佣金"), default=0)
    payer = models.CharField(_("佣金承担方"), max_length=12, choices=Payer.choices)
    is_exclusive = models.BooleanField(_("独占"), default=False)
    text = models.TextField(_("合同文本"))
    text_sha256 = models.CharField("SHA-256", max_length=64)
    follows = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="followed_by", verbose_name=_("接续自")
    )
    offered_at = models.DateTimeField(_("发起时间"))
    ended_at = models.DateTimeField(_("终止时间"), null=True, blank=True)
    state = StateField(states=MandateState)

    class Meta:
        verbose_name = _("委托")
        verbose_name_plural = _("委托")
        indexes = [
            models.Index(fields=["broker", "-id"], name="mandate_broker"),
            models.Index(fields=["principal", "-id"], name="mandate_principal"),
        ]
        constraints = [
            MANDATE.constraint(),
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="mandate_has_a_term"
            ),
            models.CheckConstraint(
                condition=models.Q(
                    commission_bp__gt=0, commission_bp__lte=rules.MOST_COMMISSION_BP, commission_fen=0
                )
                | models.Q(commission_bp=0, commission_fen__gt=0),
                name="mandate_one_commission",
            ),
            models.CheckConstraint(
                condition=~models.Q(principal=models.F("broker")), name="mandate_two_parties"
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["ended", "refused", "withdrawn"])
                | models.Q(ended_at__isnull=False),
                name="mandate_over_has_time",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="terms_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    " OR ".join(f'OLD."{name}" IS DISTINCT FROM NEW."{name}"' for name in _FIXED)
                ),
            )
        ]

    def __str__(self) -> str:
        return self.number

    def commission_on(self, price: Money) -> Money:
        """The commission of this mandate on an order of that price."""
        return rules.commission(price, basis_points=self.commission_bp, fixed=Money(self.commission_fen))


class MandateSignature(Record):
    """One side's acceptance of a mandate's text."""

    mandate = models.ForeignKey(Mandate, models.PROTECT, related_name="signatures")
    party = models.CharField(_("签署方"), max_length=12, choices=Party.choices)
    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    signed_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    signer_label = models.CharField(_("签署人"), max_length=200)
    text_sha256 = models.CharField("SHA-256", max_length=64)
    signed_at = models.DateTimeField(_("签署时间"))

    class Meta:
        verbose_name = _("委托签署")
        verbose_name_plural = _("委托签署")
        constraints = [
            models.UniqueConstraint(fields=["mandate", "party"], name="mandate_signed_once_per_party")
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.mandate} · {self.get_party_display()}"


class Match(Record):
    """A product that the broker proposed, with the reasons: to the principal of a demand-side mandate, or, for the
    principal of a supply-side mandate, to the buyer of a demand on the board (`demand`), once the principal agrees.

    `trace`: score and parts as computed at that moment. `supply_mandate`: the broker also works for the supplier,
    which the principal is told with the proposal.
    """

    number = models.CharField(_("撮合编号"), max_length=24, unique=True)
    mandate = models.ForeignKey(Mandate, models.PROTECT, related_name="matches")
    supply_mandate = models.ForeignKey(
        Mandate, models.PROTECT, null=True, blank=True, related_name="supply_matches"
    )
    product = models.ForeignKey(Product, models.PROTECT, related_name="matches")
    demand = models.ForeignKey(
        Demand, models.PROTECT, null=True, blank=True, related_name="matches", verbose_name=_("数据需求")
    )
    score = models.PositiveSmallIntegerField(_("匹配得分"))
    trace = models.JSONField(_("得分明细"))
    reason = models.CharField(_("推荐理由"), max_length=rules.MOST_WORDS)
    recorded_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    matched_at = models.DateTimeField(_("登记时间"))
    answered_at = models.DateTimeField(_("答复时间"), null=True, blank=True)
    answer = models.CharField(_("答复"), max_length=rules.MOST_WORDS, blank=True)
    state = StateField(states=MatchState)

    class Meta:
        verbose_name = _("撮合")
        verbose_name_plural = _("撮合")
        constraints = [
            MATCH.constraint(),
            models.UniqueConstraint(
                fields=["mandate", "product"],
                condition=models.Q(demand__isnull=True),
                name="match_once_per_product",
            ),
            models.UniqueConstraint(
                fields=["mandate", "product", "demand"],
                condition=models.Q(demand__isnull=False),
                name="match_once_per_demand",
            ),
            models.CheckConstraint(
                condition=models.Q(state="recorded") | models.Q(answered_at__isnull=False),
                name="match_answered_has_time",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def buyer_id(self) -> UUID:
        """Whose order may come of it: the buyer of the demand, or the principal who looks for data."""
        found: UUID = self.demand.buyer_id if self.demand is not None else self.mandate.principal_id
        return found


class Deal(Record):
    """An order that came about through a match; one for each order.

    `commission_fen` is the sum of its `commissions`; `refunded_fen` what of the price went back to the buyer, before
    release (a reduction) or after it.
    """

    number = models.CharField(_("成交编号"), max_length=24, unique=True)
    order = models.OneToOneField(Order, models.PROTECT, related_name="deal")
    match = models.ForeignKey(Match, models.PROTECT, related_name="deals")
    broker = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="deals")
    commission_fen = FenField(_("佣金合计"))
    refunded_fen = FenField(_("已退款"), default=0)
    proposed_at = models.DateTimeField(_("登记时间"))
    supplier_confirmed_at = models.DateTimeField(_("供方确认时间"), null=True, blank=True)
    buyer_confirmed_at = models.DateTimeField(_("需方确认时间"), null=True, blank=True)
    completed_at = models.DateTimeField(_("成交时间"), null=True, blank=True)
    state = StateField(states=DealState)

    class Meta:
        verbose_name = _("经纪成交")
        verbose_name_plural = _("经纪成交")
        indexes = [models.Index(fields=["broker", "-id"], name="deal_broker")]
        constraints = [
            DEAL.constraint(),
            models.CheckConstraint(
                condition=models.Q(commission_fen__gte=0, refunded_fen__gte=0),
                name="deal_amounts_not_negative",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["confirmed", "completed"])
                | models.Q(supplier_confirmed_at__isnull=False, buyer_confirmed_at__isnull=False),
                name="deal_confirmed_by_both",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="completed") | models.Q(completed_at__isnull=False),
                name="deal_completed_has_time",
            ),
        ]

    def __str__(self) -> str:
        return self.number


class Commission(Record):
    """What one mandate earns with a deal: the amount, who pays it. Shown to both sides before they confirm."""

    deal = models.ForeignKey(Deal, models.PROTECT, related_name="commissions")
    mandate = models.ForeignKey(Mandate, models.PROTECT, related_name="commissions")
    payer = models.CharField(_("佣金承担方"), max_length=12, choices=Payer.choices)
    amount_fen = FenField(_("佣金"))

    class Meta:
        verbose_name = _("佣金")
        verbose_name_plural = _("佣金")
        constraints = [
            models.UniqueConstraint(fields=["deal", "mandate"], name="commission_once_per_mandate"),
            models.CheckConstraint(condition=models.Q(amount_fen__gte=0), name="commission_not_negative"),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.deal} · {self.mandate}"


class ConductRecord(Record):
    """One record that the law wants kept of a deal: what, resting on which fact or file, by whom, until when.

    `keep_until`: the last day on which it must be there; the database refuses to delete it before the day after.
    """

    deal = models.ForeignKey(Deal, models.PROTECT, related_name="records")
    kind = models.CharField(_("记录"), max_length=24, choices=RecordKind.choices)
    statement = models.TextField(_("记载"))
    fact = models.CharField(_("依据"), max_length=16, choices=FactKind.choices)
    fact_label = models.CharField(_("依据编号"), max_length=200, blank=True)
    document = models.ForeignKey(Document, models.PROTECT, null=True, blank=True, related_name="+")
    made_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    made_by_label = models.CharField(_("记录人"), max_length=200)
    made_at = models.DateTimeField(_("记录形成时间"))
    keep_until = models.DateField(_("保存至"))

    class Meta:
        verbose_name = _("经纪行为记录")
        verbose_name_plural = _("经纪行为记录")
        constraints = [
            models.UniqueConstraint(fields=["deal", "kind"], name="conduct_record_once"),
            models.CheckConstraint(
                condition=~models.Q(fact="document") | models.Q(document__isnull=False),
                name="conduct_record_has_its_file",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="unchanged", operation=pgtrigger.Update),
            pgtrigger.Protect(
                name="kept",
                operation=pgtrigger.Delete,
                condition=pgtrigger.Condition(
                    "OLD.\"keep_until\" >= (now() AT TIME ZONE 'Asia/Shanghai')::date"
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.deal} · {self.get_kind_display()}"


class Rating(Record):
    """What the buyer says of the broker after a completed deal: 1 to 5, once."""

    deal = models.OneToOneField(Deal, models.PROTECT, related_name="rating")
    stars = models.PositiveSmallIntegerField(_("评分"))
    words = models.CharField(_("评语"), max_length=rules.MOST_WORDS, blank=True)
    rated_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    rated_at = models.DateTimeField(_("评价时间"))

    class Meta:
        verbose_name = _("经纪评价")
        verbose_name_plural = _("经纪评价")
        constraints = [
            models.CheckConstraint(condition=models.Q(stars__gte=1, stars__lte=5), name="rating_one_to_five")
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.deal} · {self.stars}"
