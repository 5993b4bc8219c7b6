"""What was delivered, who may use it until when, by which keys, and every access to it."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from assets.datasets.models import DatasetFile, DatasetVersion
from assets.exports.formats.kinds import FORMATS
from assets.exports.models import Export
from assets.registry.models import Certificate
from exchange.catalogue.models import Plan, Product
from exchange.catalogue.states import FREE_KINDS, Licence, PlanKind
from exchange.delivery.states import ENTITLEMENT, Covers, EntitlementState, KeyKind, QuotaUnit, Way
from exchange.trading.models import Order
from kernel.records import Record
from kernel.states import StateField

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class Delivery(Record):
    """The act of delivery: the exact version, by its root hash, opened to the buyer's organization."""

    order = models.OneToOneField(Order, models.PROTECT, related_name="delivery")
    root_hash = models.CharField(_("根哈希"), max_length=64)
    file_count = models.PositiveIntegerField(_("文件数"))
    byte_count = models.BigIntegerField(_("字节数"))
    delivered_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    delivered_at = models.DateTimeField(_("交付时间"))

    class Meta:
        verbose_name = _("交付")
        verbose_name_plural = _("交付")
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.order} → {self.root_hash[:12]}"


class Replacement(Record):
    """A newer, sealed and certified version delivered in the place of what was delivered before.

    The one with the highest `ordinal` is what the buyer downloads; every earlier one stays on record.
    """

    delivery = models.ForeignKey(Delivery, models.PROTECT, related_name="replacements")
    ordinal = models.PositiveSmallIntegerField(_("次序"))
    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="+")
    certificate = models.ForeignKey(Certificate, models.PROTECT, related_name="+")
    root_hash = models.CharField(_("根哈希"), max_length=64)
    file_count = models.PositiveIntegerField(_("文件数"))
    byte_count = models.BigIntegerField(_("字节数"))
    replaced_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    replaced_at = models.DateTimeField(_("补交时间"))

    class Meta:
        verbose_name = _("补交")
        verbose_name_plural = _("补交")
        constraints = [
            models.UniqueConstraint(fields=["delivery", "ordinal"], name="replacement_ordinal_once"),
            models.UniqueConstraint(fields=["delivery", "version"], name="replacement_version_once"),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.delivery} #{self.ordinal}"


class Download(Record):
    """One signed link handed out: to which file or which export of the version, to whom, until when."""

    delivery = models.ForeignKey(Delivery, models.PROTECT, related_name="downloads")
    file = models.ForeignKey(DatasetFile, models.PROTECT, null=True, related_name="+")
    export = models.ForeignKey(Export, models.PROTECT, null=True, related_name="+")
    user = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    actor_label = models.CharField(_("下载人"), max_length=200)
    requested_at = models.DateTimeField(_("请求时间"))
    expires_at = models.DateTimeField(_("链接有效期至"))

    class Meta:
        verbose_name = _("下载记录")
        verbose_name_plural = _("下载记录")
        indexes = [models.Index(fields=["delivery", "-id"], name="download_delivery")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(file__isnull=True) ^ models.Q(export__isnull=True),
                name="download_of_one_thing",
            )
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.delivery} · {self.path}"

    @property
    def path(self) -> str:
        """What was handed out: the path of a file, or the name of a format."""
        if self.file is not None:
            return self.file.path
        assert self.export is not None, "a download is of a file or of an export"
        return str(FORMATS[self.export.format].title)


class Entitlement(Record):
    """The right of an organization to a product's data; every member with the permission may use it.

    From an order at its delivery, or claimed free of charge (`order` is None). `number` is the order's, or one of
    its own. It runs from `starts_at` until before `ends_at` (None: for good); of an order the contract decides that
    (`selectors.ends_at_of`) and the column follows. `version`: the one it was opened for;
    what it opens now is asked of `selectors`. `quota_amount`: calls or bytes it holds in all (None: no limit).
    `licence_text`: what was accepted, word for word. `sample_…`: the frozen sample, when it covers that alone.
    `has_marks`: whether copies of tables carry marks, as the contract or the accepted licence says. `tag`: 16 hex
    digits that mark documents handed out under it.
    """

    number = models.CharField(_("授权编号"), max_length=24, unique=True)
    organization = models.ForeignKey(
        "organizations.Organization", models.PROTECT, related_name="entitlements"
    )
    product = models.ForeignKey(Product, models.PROTECT, related_name="entitlements")
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="entitlements")
    kind = models.CharField(_("方案类型"), max_length=16, choices=PlanKind.choices)
    order = models.OneToOneField(Order, models.PROTECT, null=True, related_name="entitlement")
    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="+")
    covers = models.CharField(_("覆盖版本"), max_length=16, choices=Covers.choices)
    starts_at = models.DateTimeField(_("开始时间"))
    ends_at = models.DateTimeField(_("结束时间"), null=True)
    quota_unit = models.CharField(_("计量单位"), max_length=8, choices=QuotaUnit.choices, blank=True)
    quota_amount = models.BigIntegerField(_("包含数量"), null=True)
    licence = models.CharField(_("使用许可"), max_length=24, choices=Licence.choices)
    licence_text = models.TextField(_("接受的许可"))
    accepted_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    accepted_at = models.DateTimeField(_("接受时间"))
    sample_key = models.CharField(max_length=300, blank=True)
    sample_sha256 = models.CharField(max_length=64, blank=True)
    sample_size = models.BigIntegerField(null=True)
    has_marks = models.BooleanField(_("副本带标记"))
    tag = models.CharField(max_length=16, unique=True)
    state = StateField(states=EntitlementState)

    class Meta:
        verbose_name = _("数据授权")
        verbose_name_plural = _("数据授权")
        indexes = [
            models.Index(fields=["organization", "-id"], name="entitlement_organization"),
            models.Index(fields=["product", "-id"], name="entitlement_product"),
            models.Index(
                fields=["ends_at"],
                condition=models.Q(state__in=["active", "suspended"]),
                name="entitlement_ending",
            ),
        ]
        constraints = [
            ENTITLEMENT.constraint(),
            models.CheckConstraint(
                condition=models.Q(ends_at__isnull=True) | models.Q(ends_at__gt=models.F("starts_at")),
                name="entitlement_ends_after_start",
            ),
            models.CheckConstraint(
                condition=models.Q(order__isnull=True, kind__in=FREE_KINDS)
                | (models.Q(order__isnull=False) & ~models.Q(kind__in=FREE_KINDS)),
                name="entitlement_free_or_ordered",
            ),
            models.CheckConstraint(
                condition=models.Q(quota_unit="", quota_amount__isnull=True)
                | models.Q(quota_unit__in=QuotaUnit.values, quota_amount__gte=0),
                name="entitlement_quota_is_whole",
            ),
            models.CheckConstraint(
                condition=models.Q(covers="sample", sample_size__isnull=False)
                | (~models.Q(covers="sample") & models.Q(sample_size__isnull=True)),
                name="entitlement_sample_lies_ready",
            ),
            models.UniqueConstraint(
                fields=["organization", "product", "kind"],
                condition=models.Q(kind__in=FREE_KINDS),
                name="entitlement_claimed_once",
            ),
        ]
        triggers = [pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.number


class EntitledVersion(Record):
    """A newer version that a running subscription came to open."""

    entitlement = models.ForeignKey(Entitlement, models.PROTECT, related_name="added_versions")
    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="+")
    added_at = models.DateTimeField(_("开放时间"))

    class Meta:
        verbose_name = _("授权的新版本")
        verbose_name_plural = _("授权的新版本")
        constraints = [
            models.UniqueConstraint(fields=["entitlement", "version"], name="entitled_version_once")
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.entitlement} → {self.version_id}"


class Meter(models.Model):
    """How much of an entitlement is used; raised by one statement that never passes the quota.

    `told_percent`, `is_end_told`: which notices its organization has had.
    """

    entitlement = models.OneToOneField(Entitlement, models.PROTECT, primary_key=True, related_name="meter")
    call_count = models.BigIntegerField(_("调用次数"), default=0)
    byte_count = models.BigIntegerField(_("字节数"), default=0)
    told_percent = models.PositiveSmallIntegerField(default=0)
    is_end_told = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("用量")
        verbose_name_plural = _("用量")

    def __str__(self) -> str:
        return str(self.entitlement_id)


class AccessKey(Record):
    """What a program shows: a token (only its SHA-256 is kept) or an S3 credential (its secret is derived)."""

    entitlement = models.ForeignKey(Entitlement, models.PROTECT, related_name="keys")
    kind = models.CharField(_("类型"), max_length=8, choices=KeyKind.choices)
    name = models.CharField(_("名称"), max_length=80)
    prefix = models.CharField(_("前缀"), max_length=24, unique=True)
    secret_sha256 = models.CharField(max_length=64, blank=True)
    created_by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    created_at = models.DateTimeField(_("创建时间"))
    expires_at = models.DateTimeField(_("有效期至"))
    revoked_at = models.DateTimeField(_("吊销时间"), null=True)

    class Meta:
        verbose_name = _("访问密钥")
        verbose_name_plural = _("访问密钥")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="s3", secret_sha256="")
                | (models.Q(kind="token") & ~models.Q(secret_sha256="")),
                name="access_key_hashed",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class Ticket(Record):
    """A link that works once, for one file; only the SHA-256 of its secret is kept."""

    entitlement = models.ForeignKey(Entitlement, models.PROTECT, related_name="tickets")
    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="+")
    path = models.CharField(_("路径"), max_length=400)
    secret_sha256 = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("创建时间"))
    expires_at = models.DateTimeField(_("有效期至"))

    class Meta:
        verbose_name = _("一次性链接")
        verbose_name_plural = _("一次性链接")
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return self.path


class TicketUse(Record):
    """The one use of a ticket; a second row cannot be."""

    ticket = models.OneToOneField(Ticket, models.PROTECT, related_name="use")
    used_at = models.DateTimeField(_("使用时间"))

    class Meta:
        verbose_name = _("一次性链接的使用")
        verbose_name_plural = _("一次性链接的使用")
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return str(self.ticket_id)


class Access(Record):
    """One access to content: who, by which way and key, to what, how many bytes were asked for."""

    entitlement = models.ForeignKey(Entitlement, models.PROTECT, related_name="accesses")
    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="+")
    way = models.CharField(_("方式"), max_length=8, choices=Way.choices)
    path = models.CharField(_("内容"), max_length=400)
    byte_count = models.BigIntegerField(_("字节数"))
    user = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    key = models.ForeignKey(AccessKey, models.PROTECT, null=True, related_name="+")
    actor_label = models.CharField(_("访问人"), max_length=200)
    accessed_at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("访问记录")
        verbose_name_plural = _("访问记录")
        indexes = [models.Index(fields=["entitlement", "-id"], name="access_entitlement")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.entitlement_id} · {self.path}"


class MeteredCall(Record):
    """One answered call of a data service; the same request id is never counted twice.

    `fingerprint`: SHA-256 (hex) of what was asked.
    """

    entitlement = models.ForeignKey(Entitlement, models.PROTECT, related_name="calls")
    request_id = models.CharField(_("请求编号"), max_length=80)
    fingerprint = models.CharField(max_length=64)
    row_count = models.PositiveIntegerField(_("行数"))
    byte_count = models.BigIntegerField(_("字节数"))
    key = models.ForeignKey(AccessKey, models.PROTECT, null=True, related_name="+")
    called_at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("计量调用")
        verbose_name_plural = _("计量调用")
        indexes = [models.Index(fields=["entitlement", "called_at"], name="metered_call_month")]
        constraints = [
            models.UniqueConstraint(fields=["entitlement", "request_id"], name="metered_call_once")
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return self.request_id


class UsageStatement(Record):
    """A closed month (Asia/Shanghai) of a metered entitlement; `month` is its first day."""

    entitlement = models.ForeignKey(Entitlement, models.PROTECT, related_name="statements")
    month = models.DateField(_("月份"))
    call_count = models.BigIntegerField(_("调用次数"))
    byte_count = models.BigIntegerField(_("字节数"))
    closed_at = models.DateTimeField(_("结账时间"))

    class Meta:
        verbose_name = _("用量账单")
        verbose_name_plural = _("用量账单")
        ordering = ["-month"]
        constraints = [models.UniqueConstraint(fields=["entitlement", "month"], name="usage_statement_once")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.entitlement_id} · {self.month:%Y-%m}"


class MarkedCopy(Record):
    """An export as one buyer got it: with rows that are nobody's. `canaries`: those rows, cells as text by column."""

    entitlement = models.ForeignKey(Entitlement, models.PROTECT, related_name="marked_copies")
    export = models.ForeignKey(Export, models.PROTECT, related_name="marked_copies")
    sha256 = models.CharField("SHA-256", max_length=64, db_index=True)
    size = models.BigIntegerField(_("字节数"))
    object_key = models.CharField(max_length=300)
    canaries = models.JSONField(_("标记行"))
    made_at = models.DateTimeField(_("生成时间"))

    class Meta:
        verbose_name = _("带标记的副本")
        verbose_name_plural = _("带标记的副本")
        constraints = [models.UniqueConstraint(fields=["entitlement", "export"], name="marked_copy_once")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.entitlement_id} · {self.export_id}"
