"""Data products, their plans, and the search column of the catalogue."""

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
from exchange.catalogue.states import LISTING, Industry, Licence, ListingState, PlanKind
from kernel.money import FenField
from kernel.records import Record
from kernel.search import SearchVectorField, Terms
from kernel.states import StateField


class Product(Record):
    """A data product offered at the Qingyuan base: one certified dataset version with its wording.

    `price_from_fen`: the lowest price among the plans on sale, kept by the services for facets and sorting.
    `keywords`: labels and field names of the version, so that they are found too.
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
    """One way to buy a product. `price_fen` includes VAT at `tax_rate_bp` basis points (600 = 6 %)."""

    product = models.ForeignKey(Product, models.PROTECT, related_name="plans")
    kind = models.CharField(_("方案类型"), max_length=16, choices=PlanKind.choices, default="one_off")
    name = models.CharField(_("方案名称"), max_length=80)
    note = models.CharField(_("说明"), max_length=200, blank=True)
    price_fen = FenField(_("含税价"))
    tax_rate_bp = models.PositiveIntegerField(_("税率（万分比）"), default=600)
    ordinal = models.PositiveSmallIntegerField(_("顺序"), default=0)
    withdrawn_at = models.DateTimeField(_("停售时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("价格方案")
        verbose_name_plural = _("价格方案")
        ordering = ["ordinal", "pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(price_fen__gt=0), name="plan_price_positive")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def tax_percent(self) -> str:
        """The VAT rate for people: 600 → 6%, 150 → 1.5%."""
        return f"{self.tax_rate_bp // 100}.{self.tax_rate_bp % 100:02d}".rstrip("0").rstrip(".") + "%"
