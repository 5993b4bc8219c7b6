"""Human-readable public numbers with a check character: `DD-2026-0000123-K`.

The serial comes from one PostgreSQL sequence per series, so taking a number never waits for another
transaction; numbers are unique, gaps are allowed. The check character is ISO 7064 MOD 37-2 over
prefix, year and serial: every single mistyped character and every swap of two neighbours is noticed. Serials
whose check character would be `*` are left out.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection, migrations
from stdnum.exceptions import ValidationError as StdnumError
from stdnum.iso7064 import mod_37_2

from kernel import clock

SERIES = {
    "BZ": "annotation project 标注项目",
    "SJ": "dataset 数据集",
    "SC": "upload 数据上传",
    "DJ": "registration application 登记申请",
    "ZS": "registration certificate 登记证书",
    "XK": "registered licence 许可登记",
    "YY": "registration objection 登记异议",
    "CX": "certificate revocation 证书撤销",
    "CP": "data product 数据产品",
    "QG": "purchase request 使用申请",
    "XQ": "data demand 数据需求",
    "DD": "order 订单",
    "HT": "contract 合同",
    "QY": "entitlement without an order 免费授权",
    "JY": "transaction voucher 交易凭证",
    "ZJ": "pilot round 试点征集批次",
    "SB": "pilot application 试点申报",
    "SD": "broker pilot 经纪人试点",
    "WT": "broker mandate 经纪委托",
    "CH": "broker match 撮合",
    "JC": "broker deal 经纪成交",
    "KJ": "data space 行业数据空间",
    "LD": "landed project 重大项目落地",
    "ZB": "annotation tender 标注招标",
    "FW": "annotation engagement 标注服务合同",
    "ZF": "payment 支付",
    "TK": "refund 退款",
    "FP": "invoice 发票",
    "FF": "invoice for the exchange's fee 交易服务费发票",
    "FB": "pay run 报酬发放",
    "TS": "complaint about a delivery 交付异议",
    "CJ": "ruling in a dispute 争议裁决",
    "FX": "risk case 风险案件",
    "JL": "reward claim 奖励申报",
    "TZ": "application notice 申报通知",
    "YS": "reward budget 奖补预算",
    "PC": "approval batch 批准批次",
    "GZ": "release of the rules 规则发布",
    "BF": "disbursement 拨付批次",
    "ZH": "recovery 追回",
}


def new_number(series: str, at: datetime) -> str:
    """The next number of a series, for the business year of `at`; the series must be in SERIES."""
    assert series in SERIES, f"unknown number series {series}"
    while True:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nextval(%s::regclass)", [f"number_{series.lower()}"])
            (serial,) = cursor.fetchone()
        body = f"{series}-{clock.business_year(at)}-{serial:07d}"
        check = mod_37_2.calc_check_digit(body.replace("-", ""))
        if check != "*":
            return f"{body}-{check}"


def is_valid(number: str) -> bool:
    """Whether the number's series is known and its check character right."""
    compact = number.strip().upper().replace("-", "")
    if compact[:2] not in SERIES:
        return False
    try:
        mod_37_2.validate(compact)
    except StdnumError:
        return False
    return True


def create_series() -> migrations.RunSQL:
    """Migration step that makes the sequence of every series that does not have one yet.

    Plain SQL: a step in Python would make Django render the models again at every step that follows it.
    """
    statements = tuple(f"CREATE SEQUENCE IF NOT EXISTS number_{series.lower()}" for series in SERIES)
    return migrations.RunSQL(statements, migrations.RunSQL.noop)
