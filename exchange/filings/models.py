"""Transaction filings (交易备案), their vouchers, exports and way to the outside exchange; past trades."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from exchange.filings.states import (
    FILING,
    OUTSIDE_FILING,
    PAST_IMPORT,
    ExportFormat,
    FilingState,
    ImportState,
    OutsideState,
)
from exchange.trading.models import Order
from kernel.money import FenField
from kernel.records import Record
from kernel.states import StateField

_ORGANIZATION, _USER = "organizations.Organization", "accounts.User"
_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class Filing(Record):
    """The exchange's record of one completed trade, with a signed voucher.

    `venue`: code of the service base where the trade was made. `amount_fen` is the filed amount with VAT,
    lowered by amendments after refunds. `claims` (see `rules.voucher_claims`) is what `token` signs, issued at
    `issued_at`; when an amendment replaces them, the former ones are kept as a FormerVoucher.
    """

    order = models.OneToOneField(Order, models.PROTECT, related_name="filing")
    voucher_number = models.CharField(_("交易凭证编号"), max_length=24, unique=True, null=True)  # noqa: DJ001
    venue = models.CharField(_("交易场所"), max_length=32)
    amount_fen = FenField(_("备案金额"))
    filed_at = models.DateTimeField(_("备案时间"), null=True, blank=True)
    issued_at = models.DateTimeField(_("本版签发时间"), null=True, blank=True)
    claims = models.JSONField(_("备案内容"), default=dict)
    token = models.TextField(_("签名"), blank=True)
    state = StateField(states=FilingState)

    class Meta:
        verbose_name = _("交易备案")
        verbose_name_plural = _("交易备案")
        constraints = [
            FILING.constraint(),
            models.CheckConstraint(
                condition=models.Q(state="pending")
                | models.Q(filed_at__isnull=False, issued_at__isnull=False, voucher_number__isnull=False),
                name="filing_filed_has_voucher",
            ),
            models.CheckConstraint(condition=models.Q(amount_fen__gte=0), name="filing_amount_not_negative"),
            models.CheckConstraint(
                condition=~models.Q(state="voided") | models.Q(amount_fen=0), name="filing_voided_is_empty"
            ),
        ]
        indexes = [
            models.Index(fields=["-filed_at"], name="filing_filed_at"),
            models.Index(fields=["issued_at"], name="filing_issued_at"),
        ]

    def __str__(self) -> str:
        return self.voucher_number or str(self.order)

    @property
    def sequence(self) -> int:
        """Which issue of the voucher is in force: 1 for the first."""
        return int(self.claims["sequence"])


class FormerVoucher(Record):
    """A voucher as it was signed before an amendment replaced it; `sequence` counts from 1."""

    filing = models.ForeignKey(Filing, models.PROTECT, related_name="former_vouchers")
    sequence = models.PositiveSmallIntegerField(_("序号"))
    claims = models.JSONField(_("备案内容"))
    token = models.TextField(_("签名"))
    issued_at = models.DateTimeField(_("本版签发时间"))
    replaced_at = models.DateTimeField(_("更正时间"))

    class Meta:
        verbose_name = _("历史凭证")
        verbose_name_plural = _("历史凭证")
        constraints = [models.UniqueConstraint(fields=["filing", "sequence"], name="former_voucher_once")]
        indexes = [models.Index(fields=["issued_at"], name="former_voucher_issued_at")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.filing} #{self.sequence}"


class VoucherDocument(Record):
    """One issue of a voucher as PDF, made when it is first asked for and never changed."""

    filing = models.ForeignKey(Filing, models.PROTECT, related_name="documents")
    sequence = models.PositiveSmallIntegerField(_("版次"))
    sha256 = models.CharField("SHA-256", max_length=64, db_index=True)
    size = models.BigIntegerField(_("字节数"))
    object_key = models.CharField(max_length=300)
    made_at = models.DateTimeField(_("生成时间"))

    class Meta:
        verbose_name = _("凭证文件")
        verbose_name_plural = _("凭证文件")
        constraints = [models.UniqueConstraint(fields=["filing", "sequence"], name="voucher_document_once")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.filing} #{self.sequence}.pdf"


class RegisterExport(Record):
    """The issues of some business days, in every format, as they were when it was made.

    `organization` is None for the whole register, else the side whose own trades it holds. A daily export is made
    once for each day. `amount_fen` adds up the changes of the filed issues (imported trades stay apart).
    """

    organization = models.ForeignKey(_ORGANIZATION, models.PROTECT, null=True, related_name="+")
    is_daily = models.BooleanField(_("每日导出"), default=False)
    first_day = models.DateField(_("起"))
    final_day = models.DateField(_("止"))
    has_imported = models.BooleanField(_("含历史交易"), default=False)
    row_count = models.PositiveIntegerField(_("行数"))
    amount_fen = FenField(_("备案金额变动"))
    imported_count = models.PositiveIntegerField(_("历史交易行数"), default=0)
    imported_fen = FenField(_("历史交易金额"), default=0)
    made_by = models.CharField(_("导出人"), max_length=200)
    made_at = models.DateTimeField(_("生成时间"))

    class Meta:
        verbose_name = _("登记簿导出")
        verbose_name_plural = _("登记簿导出")
        constraints = [
            models.UniqueConstraint(
                fields=["first_day"], condition=models.Q(is_daily=True), name="register_export_daily_once"
            ),
            models.CheckConstraint(
                condition=models.Q(final_day__gte=models.F("first_day")), name="register_export_days_in_order"
            ),
            models.CheckConstraint(
                condition=models.Q(is_daily=False)
                | models.Q(first_day=models.F("final_day"), organization__isnull=True, has_imported=False),
                name="register_export_daily_is_whole",
            ),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.first_day} – {self.final_day}"


class RegisterFile(Record):
    """One format of an export: size in bytes, SHA-256 in hex, key in the object store."""

    export = models.ForeignKey(RegisterExport, models.PROTECT, related_name="files")
    format = models.CharField(_("格式"), max_length=8, choices=ExportFormat.choices)
    sha256 = models.CharField("SHA-256", max_length=64)
    size = models.BigIntegerField(_("字节数"))
    object_key = models.CharField(max_length=300)

    class Meta:
        verbose_name = _("登记簿文件")
        verbose_name_plural = _("登记簿文件")
        constraints = [models.UniqueConstraint(fields=["export", "format"], name="register_file_once")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.export} {self.format}"


class OutsideFiling(Record):
    """One issue on its way to the outside exchange: written with the issue, sent afterwards, never lost.

    `body` is what is sent, the same bytes at every attempt; `key` is filing id and sequence, by which the other
    side knows an attempt again. A row that is `sent` past `next_at` has lost its answer and is sent again.
    """

    filing = models.ForeignKey(Filing, models.PROTECT, related_name="outside")
    sequence = models.PositiveSmallIntegerField(_("版次"))
    key = models.CharField(_("幂等键"), max_length=60, unique=True)
    body = models.TextField(_("报送内容"))
    attempt_count = models.PositiveIntegerField(_("尝试次数"), default=0)
    next_at = models.DateTimeField(_("下次尝试"))
    sent_at = models.DateTimeField(_("最近发出"), null=True, blank=True)
    answered_at = models.DateTimeField(_("最近答复"), null=True, blank=True)
    answer_status = models.PositiveSmallIntegerField(_("答复状态码"), null=True, blank=True)
    answer_text = models.CharField(_("最近答复内容"), max_length=500, blank=True)
    receipt_number = models.CharField(_("对方受理号"), max_length=64, blank=True)
    state = StateField(states=OutsideState)

    class Meta:
        verbose_name = _("对外报送")
        verbose_name_plural = _("对外报送")
        constraints = [
            OUTSIDE_FILING.constraint(),
            models.UniqueConstraint(fields=["filing", "sequence"], name="outside_filing_once"),
            models.CheckConstraint(
                condition=~models.Q(state="acknowledged") | models.Q(answered_at__isnull=False),
                name="outside_filing_acknowledged_has_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_at"],
                condition=models.Q(state__in=["pending", "sent"]),
                name="outside_filing_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"{self.filing} #{self.sequence}"


class Reconciliation(Record):
    """A business day's filings laid beside the other side's list; `differences` as `rules.differences` tells."""

    day = models.DateField(_("对账日"))
    made_by = models.CharField(_("对账人"), max_length=200)
    made_at = models.DateTimeField(_("对账时间"))
    our_count = models.PositiveIntegerField(_("本方笔数"))
    their_count = models.PositiveIntegerField(_("对方笔数"))
    matched_count = models.PositiveIntegerField(_("一致笔数"))
    differences = models.JSONField(_("差异"), default=list)

    class Meta:
        verbose_name = _("备案对账")
        verbose_name_plural = _("备案对账")
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.day}"


class PastTradeImport(Record):
    """A file of trades made elsewhere in the past: looked at (dry run), then taken over as a whole or not at all.

    `faults`: one for each bad cell (row as a spreadsheet counts, column, code, value). Counts as they were found
    when the file was looked at; what is imported is judged again.
    """

    organization = models.ForeignKey(_ORGANIZATION, models.PROTECT, null=True, related_name="+")
    file_name = models.CharField(_("文件名"), max_length=255)
    size = models.BigIntegerField(_("字节数"))
    sha256 = models.CharField("SHA-256", max_length=64)
    object_key = models.CharField(max_length=300)
    row_count = models.PositiveIntegerField(_("行数"))
    new_count = models.PositiveIntegerField(_("可导入"))
    known_count = models.PositiveIntegerField(_("已存在，跳过"))
    faulty_count = models.PositiveIntegerField(_("有问题"))
    amount_fen = FenField(_("可导入金额"))
    faults = models.JSONField(_("问题"), default=list)
    checked_by = models.CharField(_("上传人"), max_length=200)
    checked_at = models.DateTimeField(_("检查时间"))
    imported_by = models.CharField(_("导入人"), max_length=200, blank=True)
    imported_at = models.DateTimeField(_("导入时间"), null=True, blank=True)
    imported_count = models.PositiveIntegerField(_("已导入"), default=0)
    state = StateField(states=ImportState)

    class Meta:
        verbose_name = _("历史交易导入")
        verbose_name_plural = _("历史交易导入")
        constraints = [
            PAST_IMPORT.constraint(),
            models.CheckConstraint(
                condition=~models.Q(state="imported") | models.Q(imported_at__isnull=False, faulty_count=0),
                name="past_import_imported_is_clean",
            ),
        ]

    def __str__(self) -> str:
        return self.file_name


class PastTrade(models.Model):
    """A trade made elsewhere before: on the register as imported, in no ledger and no total of filed trades.

    The id follows from the outside voucher number, so that the same trade is the same row wherever it is
    imported; `content_sha256` tells another content under the same number.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    source = models.ForeignKey(PastTradeImport, models.PROTECT, related_name="trades")
    row_number = models.PositiveIntegerField(_("行号"))
    voucher_number = models.CharField(_("原凭证编号"), max_length=64, unique=True)
    venue = models.CharField(_("交易场所"), max_length=60)
    supplier_name = models.CharField(_("供方"), max_length=120)
    supplier_uscc = models.CharField(_("供方统一社会信用代码"), max_length=18, db_index=True)
    buyer_name = models.CharField(_("需方"), max_length=120)
    buyer_uscc = models.CharField(_("需方统一社会信用代码"), max_length=18, db_index=True)
    product_title = models.CharField(_("产品名称"), max_length=200)
    product_kind = models.CharField(_("产品类型"), max_length=24)
    contract_number = models.CharField(_("合同编号"), max_length=64, blank=True)
    traded_on = models.DateField(_("成交日期"))
    delivered_on = models.DateField(_("交付日期"), null=True)
    accepted_on = models.DateField(_("验收日期"), null=True)
    amount_fen = FenField(_("含税金额"))
    tax_fen = FenField(_("税额"), null=True)
    remark = models.CharField(_("备注"), max_length=300, blank=True)
    content_sha256 = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("历史交易")
        verbose_name_plural = _("历史交易")
        indexes = [models.Index(fields=["-traded_on", "-id"], name="past_trade_traded_on")]
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="past_trade_amount_positive"),
            models.CheckConstraint(
                condition=models.Q(tax_fen__isnull=True)
                | models.Q(tax_fen__gte=0, tax_fen__lt=models.F("amount_fen")),
                name="past_trade_tax_within_amount",
            ),
            models.CheckConstraint(
                condition=~models.Q(buyer_uscc=models.F("supplier_uscc")), name="past_trade_two_parties"
            ),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return self.voucher_number
