"""Data products with their plans, changes under review, invitations and questions; the catalogue's search column."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from annotation.projects.states import Modality
from assets.datasets.models import DatasetVersion
from assets.registry.models import Certificate
from assets.registry.states import ProductKind
from exchange.catalogue.states import (
    ENDLESS_KINDS,
    EXCLUSIVE_KINDS,
    FREE_KINDS,
    LISTING,
    LISTING_REVISION,
    METERED_KINDS,
    OPEN_REVISION,
    TERMED_KINDS,
    ContactKind,
    Industry,
    Licence,
    ListingState,
    Ordering,
    PersonalInformation,
    PlanKind,
    RevisionState,
    Visibility,
)
from kernel.money import FenField
from kernel.records import Record
from kernel.search import SearchVectorField, Terms
from kernel.states import StateField


class Product(Record):
    """A data product offered at the Qingyuan base: one certified dataset version with its wording.

    `price_from_fen`: the lowest price among the plans on sale, kept by the services for facets and sorting.
    `keywords`: labels and field names of the version, so that they are found too. `needs`: up to six objects
    title, industry; `examples`: up to six objects title, code, explanation. `decided`: what the operator last
    decided on, as `selectors.snapshot_of` tells it, for the diff of the next review.
    """

    number = models.CharField(_("产品编号"), max_length=24, unique=True)
    supplier = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="products")
    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="products")
    certificate = models.ForeignKey(Certificate, models.PROTECT, related_name="products")
    kind = models.CharField(_("产品类型"), max_length=24, choices=ProductKind.choices)
    modality = models.CharField(_("数据形态"), max_length=16, choices=Modality.choices)
    industry = models.CharField(_("行业"), max_length=24, choices=Industry.choices)
    licence = models.CharField(_("使用许可"), max_length=24, choices=Licence.choices)
    title = models.CharField(_("产品名称"), max_length=120)
    title_en = models.CharField(_("英文名称"), max_length=160, blank=True)
    summary = models.CharField(_("一句话简介"), max_length=200)
    description = models.TextField(_("产品说明"), blank=True)
    keywords = models.TextField(_("标签与字段"), blank=True)
    price_from_fen = FenField(_("最低价"), null=True, blank=True)
    visibility = models.CharField(
        _("可见范围"), max_length=16, choices=Visibility.choices, default=Visibility.PUBLIC
    )
    ordering = models.CharField(
        _("下单方式"), max_length=16, choices=Ordering.choices, default=Ordering.INSTANT
    )
    personal_information = models.CharField(
        _("个人信息"), max_length=16, choices=PersonalInformation.choices, blank=True
    )
    has_no_important_data = models.BooleanField(_("不含重要数据"), default=False)
    is_source_lawful = models.BooleanField(_("来源合法"), default=False)
    restrictions = models.CharField(_("使用限制"), max_length=500, blank=True)
    needs = models.JSONField(_("业务需求"), default=list, blank=True)
    examples = models.JSONField(_("使用示例"), default=list, blank=True)
    has_marked_copies = models.BooleanField(_("副本带标记"), default=True, db_default=True)
    decided = models.JSONField(_("上次审核的内容"), null=True, blank=True)
    created_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("创建时间"))
    submitted_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    submitted_at = models.DateTimeField(_("提交时间"), null=True, blank=True)
    listed_at = models.DateTimeField(_("上架时间"), null=True, blank=True)
    state = StateField(states=ListingState)
    search = models.GeneratedField(
        expression=Terms(
            Concat(
                F("number"), Value(" "), F("title"), Value(" "), F("title_en"), Value(" "),
                F("summary"), Value(" "), F("description"), Value(" "), F("keywords"),
                output_field=models.TextField(),
            )
        ),
        output_field=SearchVectorField(),
        db_persist=True,
    )  # fmt: skip

    class Meta:
        verbose_name = _("数据产品")
        verbose_name_plural = _("数据产品")
        constraints = [
            LISTING.constraint(),
            models.CheckConstraint(
                condition=~models.Q(state__in=["listed", "suspended", "delisted"])
                | models.Q(listed_at__isnull=False),
                name="product_listed_has_time",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["submitted", "listed", "suspended"])
                | models.Q(price_from_fen__isnull=False),
                name="product_offered_has_price",
            ),
            models.CheckConstraint(
                condition=models.Q(visibility__in=Visibility.values), name="product_visibility_known"
            ),
            models.CheckConstraint(
                condition=models.Q(ordering__in=Ordering.values), name="product_ordering_known"
            ),
        ]
        indexes = [
            GinIndex(fields=["search"], name="product_search"),
            models.Index(fields=["state", "-listed_at", "-id"], name="product_state_listed"),
            models.Index(fields=["state", "price_from_fen", "id"], name="product_state_price"),
            models.Index(fields=["supplier", "-id"], name="product_supplier"),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.number})"

    @property
    def display_title(self) -> str:
        """The title in the reader's language, where there is one."""
        is_english = (translation.get_language() or "").startswith("en")
        return self.title_en if self.title_en and is_english else self.title


class Plan(Record):
    """One way to buy a product. `price_fen` includes VAT at `tax_rate_bp` basis points (600 = 6 %).

    `term_days`: how long it runs (None: for good). `included_quantity`: calls or bytes that the price holds;
    there it stops. `buyer`: the only one who sees a private offer. `is_exclusive`: sold once, then the product is sold to nobody else.
    A plan never changes: another price is another plan, so that orders keep theirs.
    """

    product = models.ForeignKey(Product, models.PROTECT, related_name="plans")
    kind = models.CharField(_("方案类型"), max_length=16, choices=PlanKind.choices, default="one_off")
    name = models.CharField(_("方案名称"), max_length=80)
    note = models.CharField(_("说明"), max_length=200, blank=True)
    price_fen = FenField(_("含税价"))
    tax_rate_bp = models.PositiveIntegerField(_("税率（万分比）"), default=600)
    term_days = models.PositiveIntegerField(_("期限（天）"), null=True, blank=True)
    included_quantity = models.BigIntegerField(_("包含数量"), null=True, blank=True)
    buyer = models.ForeignKey(
        "organizations.Organization", models.PROTECT, null=True, blank=True, related_name="private_offers"
    )
    is_exclusive = models.BooleanField(_("独家"), default=False)
    valid_until = models.DateTimeField(_("报价有效期至"), null=True, blank=True)
    ordinal = models.PositiveSmallIntegerField(_("顺序"), default=0)
    withdrawn_at = models.DateTimeField(_("停售时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("价格方案")
        verbose_name_plural = _("价格方案")
        ordering = ["ordinal", "pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=PlanKind.values), name="plan_kind_known"),
            models.CheckConstraint(
                condition=models.Q(kind__in=FREE_KINDS, price_fen=0)
                | (~models.Q(kind__in=FREE_KINDS) & models.Q(price_fen__gt=0)),
                name="plan_price_fits_kind",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=ENDLESS_KINDS, term_days__isnull=True)
                | models.Q(kind__in=TERMED_KINDS, term_days__isnull=False, term_days__gt=0)
                | (
                    models.Q(kind=PlanKind.PRIVATE_OFFER)
                    & (models.Q(term_days__isnull=True) | models.Q(term_days__gt=0))
                ),
                name="plan_term_fits_kind",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    kind__in=METERED_KINDS, included_quantity__isnull=False, included_quantity__gt=0
                )
                | (~models.Q(kind__in=METERED_KINDS) & models.Q(included_quantity__isnull=True)),
                name="plan_quantity_fits_kind",
            ),
            models.CheckConstraint(
                condition=models.Q(kind=PlanKind.PRIVATE_OFFER, buyer__isnull=False)
                | (~models.Q(kind=PlanKind.PRIVATE_OFFER) & models.Q(buyer__isnull=True)),
                name="plan_buyer_of_private_offer",
            ),
            models.CheckConstraint(
                condition=models.Q(is_exclusive=False) | models.Q(kind__in=EXCLUSIVE_KINDS),
                name="plan_exclusive_fits_kind",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_free(self) -> bool:
        """Whether it costs nothing."""
        return bool(self.price_fen == 0)

    @property
    def tax_percent(self) -> str:
        """The VAT rate for people: 600 → 6%, 150 → 1.5%."""
        return f"{self.tax_rate_bp // 100}.{self.tax_rate_bp % 100:02d}".rstrip("0").rstrip(".") + "%"


class Invitation(Record):
    """An organization that finds a product which is not public; live until withdrawn."""

    product = models.ForeignKey(Product, models.PROTECT, related_name="invitations")
    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    invited_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    invited_at = models.DateTimeField(_("邀请时间"))
    withdrawn_at = models.DateTimeField(_("收回时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("产品邀请")
        verbose_name_plural = _("产品邀请")
        constraints = [
            models.UniqueConstraint(
                fields=["product", "organization"],
                condition=models.Q(withdrawn_at__isnull=True),
                name="invitation_live_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["organization", "product"],
                condition=models.Q(withdrawn_at__isnull=True),
                name="invitation_live_of",
            )
        ]

    def __str__(self) -> str:
        return f"{self.product} → {self.organization}"


class Contact(Record):
    """Whom buyers turn to; shown to those who have ordered, and to nobody else."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="contacts")
    kind = models.CharField(_("联系人类型"), max_length=16, choices=ContactKind.choices)
    name = models.CharField(_("姓名"), max_length=60)
    phone = models.CharField(_("电话"), max_length=40, blank=True)
    email = models.EmailField(_("邮箱"), max_length=254, blank=True)

    class Meta:
        verbose_name = _("产品联系人")
        verbose_name_plural = _("产品联系人")
        constraints = [
            models.UniqueConstraint(fields=["product", "kind"], name="contact_one_of_each_kind"),
            models.CheckConstraint(condition=~models.Q(phone="", email=""), name="contact_can_be_reached"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.name}"


class ListingRevision(Record):
    """A change to a listed product that the operator looks at before it holds.

    `before` is the product as it stood when the draft was opened, `proposed` as it shall be; both as
    `selectors.snapshot_of` tells it. One open revision per product.
    """

    product = models.ForeignKey(Product, models.PROTECT, related_name="revisions")
    before = models.JSONField(_("变更前"))
    proposed = models.JSONField(_("变更后"))
    note = models.CharField(_("变更说明"), max_length=500, blank=True)
    created_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("创建时间"))
    submitted_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    submitted_at = models.DateTimeField(_("提交时间"), null=True, blank=True)
    decided_at = models.DateTimeField(_("办结时间"), null=True, blank=True)
    state = StateField(states=RevisionState)

    class Meta:
        verbose_name = _("上架变更")
        verbose_name_plural = _("上架变更")
        constraints = [
            LISTING_REVISION.constraint(),
            models.UniqueConstraint(
                fields=["product"],
                condition=models.Q(state__in=OPEN_REVISION),
                name="revision_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["draft", "withdrawn"]) | models.Q(submitted_at__isnull=False),
                name="revision_submitted_has_time",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=OPEN_REVISION, decided_at__isnull=True)
                | (~models.Q(state__in=OPEN_REVISION) & models.Q(decided_at__isnull=False)),
                name="revision_closed_has_time",
            ),
        ]
        indexes = [models.Index(fields=["state", "submitted_at", "id"], name="revision_queue")]

    def __str__(self) -> str:
        return f"{self.product} · {self.get_state_display()}"


class Question(Record):
    """What an organization asks about a product; public once answered, unless the operator hid it."""

    product = models.ForeignKey(Product, models.PROTECT, related_name="questions")
    asker = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    asked_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    asked_at = models.DateTimeField(_("提问时间"))
    text = models.CharField(_("问题"), max_length=500)
    answer = models.CharField(_("回答"), max_length=2_000, blank=True)
    answered_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    answered_at = models.DateTimeField(_("回答时间"), null=True, blank=True)
    hidden_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    hidden_at = models.DateTimeField(_("隐藏时间"), null=True, blank=True)
    hidden_reason = models.CharField(_("隐藏理由"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("产品提问")
        verbose_name_plural = _("产品提问")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(answer="", answered_at__isnull=True)
                | (~models.Q(answer="") & models.Q(answered_at__isnull=False)),
                name="question_answer_has_time",
            ),
            models.CheckConstraint(
                condition=models.Q(hidden_at__isnull=True, hidden_reason="")
                | (models.Q(hidden_at__isnull=False) & ~models.Q(hidden_reason="")),
                name="question_hidden_has_reason",
            ),
        ]
        indexes = [models.Index(fields=["product", "-id"], name="question_of_product")]

    def __str__(self) -> str:
        return self.text[:40]


class ProductFacet(models.Model):
    """What search needs of one product, in one row; written by the database itself, never by hand.

    A trigger on products calls the SQL function `catalogue_keep_facets` within the transaction that changed the
    product (see migration 0004); what comes from other tables is kept by `searching.keep_facets`. `price_fen` is 0
    where there is no price, `quality_bp` -1 where nothing was measured, otherwise the mean of the measured dimensions
    of GB/T 36344 in basis points. `terms`: every searched word as it is, words of the title with `t/`, of labels and
    fields with `k/`, the whole title and number with `e/`, the facets' values with `f/`.
    """

    product = models.OneToOneField(Product, models.CASCADE, primary_key=True, related_name="facet")
    is_listed = models.BooleanField()
    is_public = models.BooleanField()
    industry = models.CharField(max_length=24)
    kind = models.CharField(max_length=24)
    modality = models.CharField(max_length=16)
    task = models.CharField(max_length=16)
    licence = models.CharField(max_length=24)
    price = models.CharField(max_length=16)
    quality = models.CharField(max_length=16)
    place = models.CharField(max_length=6)
    price_fen = models.BigIntegerField()
    quality_bp = models.IntegerField()
    certificate_until = models.DateField()
    listed_at = models.DateTimeField()
    terms = SearchVectorField()

    class Meta:
        verbose_name = _("产品检索项")
        verbose_name_plural = _("产品检索项")
        # No list of pending entries: every search would have to read through it.
        indexes = [
            GinIndex(fields=["terms"], name="facet_terms", fastupdate=False),
            models.Index(
                fields=["listed_at", "product"], condition=models.Q(is_listed=True), name="facet_newest"
            ),
            models.Index(
                fields=["price_fen", "product"], condition=models.Q(is_listed=True), name="facet_price"
            ),
            models.Index(
                fields=["quality_bp", "product"], condition=models.Q(is_listed=True), name="facet_quality"
            ),
            models.Index(
                fields=["product"],
                condition=models.Q(is_listed=True, is_public=False),
                name="facet_not_public",
            ),
            *(
                models.Index(fields=[name], condition=models.Q(is_listed=True), name=f"facet_of_{name}")
                for name in ("industry", "kind", "task", "place", "quality")
            ),
        ]

    def __str__(self) -> str:
        return str(self.product_id)

    @property
    def quality_percent(self) -> str:
        """The measured quality for people: 97.5%."""
        return f"{self.quality_bp // 100}.{self.quality_bp % 100 // 10}%"
