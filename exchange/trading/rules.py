"""Pure rules of trading: the VAT inside a price, the inspection period, the text of the contract."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from kernel.money import Money

INSPECTION_DAYS = 7
LEAST_USE_LENGTH, MOST_USE_LENGTH = 4, 2_000


def tax_within(gross: Money, rate_bp: int) -> Money:
    """The VAT inside a price that includes it, floored to the fen: gross × rate / (10000 + rate)."""
    return gross.share(rate_bp, 10_000 + rate_bp)


def inspection_end(delivered_at: datetime, days: int) -> datetime:
    """The moment from which an unopposed delivery counts as accepted (half-open period of `days` × 24 h)."""
    return delivered_at + timedelta(days=days)


@dataclass(frozen=True, slots=True)
class Terms:
    """All that the contract names. Amounts in fen, `on` the business day of drawing up."""

    contract_number: str
    order_number: str
    on: date
    supplier_name: str
    supplier_uscc: str
    buyer_name: str
    buyer_uscc: str
    product_number: str
    product_title: str
    dataset_number: str
    version: int
    root_hash: str
    file_count: int
    row_count: int
    certificate_number: str
    plan_name: str
    is_subscription: bool
    gross: Money
    tax: Money
    tax_rate_bp: int
    licence: str
    use_statement: str
    inspection_days: int


_ALLOWED = {
    "internal": "仅供需方内部查询、统计和分析，不用于训练对外提供的模型。",
    "training": "可用于训练、微调和评测模型及需方内部分析，不在商业产品中直接提供数据内容。",
    "commercial": "可用于训练、微调和评测模型，模型及衍生成果可随需方产品商用，不转售原始数据。",
}

# Our own wording after the kind "data provision" of the national model contracts.
_PROVISION = """数据提供合同

合同编号：{contract_number}
订单编号：{order_number}
拟定日期：{on}

供方：{supplier_name}（统一社会信用代码 {supplier_uscc}）
需方：{buyer_name}（统一社会信用代码 {buyer_uscc}）

第一条 标的
供方向需方提供数据产品“{product_title}”（产品编号 {product_number}）。
标的为数据集 {dataset_number} 第 {version} 版。
该版本共 {file_count} 个文件、{row_count} 条样本，清单根哈希（SHA-256）为 {root_hash}。
该版本已办理数据资产登记，登记证书编号 {certificate_number}。

第二条 方案与价款
需方选购方案：{plan_name}（{plan_kind}）。
含税价款为人民币 {gross} 元，其中增值税 {tax} 元，税率 {tax_rate}%。
价款由交易场所托管，需方验收后划付供方。

第三条 用途与许可
需方声明的用途：
{use_statement}
许可范围：{allowed}
需方不得转售、公开或再许可原始数据，不得还原或识别个人，未经安全评估不得向境外提供。

第四条 交付
需方付款进入托管后，供方在平台开通交付。需方经平台的限时链接下载，每次下载均有记录。
交付内容以第一条所列根哈希为准，逐文件可以核对。

第五条 验收
验收期自交付之时起 {inspection_days} 天。需方在验收期内确认验收或提出异议；期满未提出异议的，视为验收通过。

第六条 来源与合规
供方保证数据来源合法，有权登记并提供该产品。需方保证按声明的用途使用，并采取与数据级别相当的保护措施。
任何一方发现安全事件，应当立即告知对方并依法处置。

第七条 备案
本合同项下的交易在清远服务基地完成，完成后由平台办理交易备案并出具交易凭证。

第八条 违约与争议
一方违反约定的，承担由此造成的损失。争议先行协商；协商不成的，向被告住所地有管辖权的人民法院提起诉讼。

第九条 生效
本合同由双方在平台各自签署后生效，签署时记录合同文本的 SHA-256 摘要，此后文本不再改动；变更另签补充合同。
"""


def contract_text(terms: Terms) -> str:
    """The canonical text of a provision contract: Unicode NFC, lines ended by LF, one final newline."""
    percent = f"{terms.tax_rate_bp // 100}.{terms.tax_rate_bp % 100:02d}".rstrip("0").rstrip(".")
    filled = _PROVISION.format(
        contract_number=terms.contract_number,
        order_number=terms.order_number,
        on=f"{terms.on.year} 年 {terms.on.month} 月 {terms.on.day} 日",
        supplier_name=terms.supplier_name,
        supplier_uscc=terms.supplier_uscc,
        buyer_name=terms.buyer_name,
        buyer_uscc=terms.buyer_uscc,
        product_number=terms.product_number,
        product_title=terms.product_title,
        dataset_number=terms.dataset_number,
        version=terms.version,
        root_hash=terms.root_hash,
        file_count=terms.file_count,
        row_count=terms.row_count,
        certificate_number=terms.certificate_number,
        plan_name=terms.plan_name,
        plan_kind="按年订阅" if terms.is_subscription else "一次性买断使用",
        gross=str(terms.gross).lstrip("¥"),
        tax=str(terms.tax).lstrip("¥"),
        tax_rate=percent,
        use_statement=terms.use_statement,
        allowed=_ALLOWED[terms.licence],
        inspection_days=terms.inspection_days,
    )
    lines = unicodedata.normalize("NFC", filled).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n") + "\n"


def text_hash(text: str) -> str:
    """SHA-256 (hex) of a contract text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()
