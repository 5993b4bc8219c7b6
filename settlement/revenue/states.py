"""Why a receipt does not count as annual actual revenue."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Code(models.TextChoices):
    """Why a line does not count; the order is the order in which reasons are told."""

    VENUE = "venue", _("非本服务基地成交")
    CERTIFICATE = "certificate", _("成交日无有效登记证书")
    FILING = "filing", _("未完成交易备案")
    DELIVERY = "delivery", _("未交付或未验收")
    RECEIPT = "receipt", _("款项未实际到账")
    PERIOD = "period", _("不在本年度")
    RELATED_PARTY = "related_party", _("认定为关联交易")
    CIRCULAR = "circular", _("认定为循环交易")

    @classmethod
    def reviewed(cls) -> tuple[Code, Code]:
        """The codes that only a reviewer's ruling sets."""
        return cls.RELATED_PARTY, cls.CIRCULAR

    @property
    def explanation(self) -> str:
        """What the firm can do about it, or why it is so."""
        return str(EXPLANATIONS[self])


EXPLANATIONS = {
    Code.VENUE: _("只有在广州数据交易所（清远）服务基地挂牌并成交的交易计入。"),
    Code.CERTIFICATE: _("签约当日，所售版本须有有效的登记证书；证书后被撤销的，自始不计入。"),
    Code.FILING: _("交易完成后须完成备案并取得交易凭证；作废的备案不计入。"),
    Code.DELIVERY: _("须已交付约定版本并经买方验收，交付内容的哈希与登记版本一致。"),
    Code.RECEIPT: _("托管资金须已放款到供方账户。"),
    Code.PERIOD: _("按实际到账日所在年度计入。"),
    Code.RELATED_PARTY: _("审核人依据证据认定为关联方之间的交易，理由见明细。"),
    Code.CIRCULAR: _("审核人依据证据认定资金循环回流，理由见明细。"),
}
