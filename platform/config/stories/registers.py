"""The register beside the trades: a few past trades from a file, and one exported month. Within a second."""

from __future__ import annotations

import csv
import io
from datetime import date

from config.stories import people
from config.stories.way import shanghai
from exchange.filings import judging
from exchange.filings import services as filings
from exchange.filings.models import PastTrade, RegisterExport

FILE_NAME = "平台上线前的交易（示例）.csv"
PAST = (
    ("SL-2023-0001", "qinglan", "yunshan", "电商客服对话标注集（示例）", "数据集", "2023-06-12", "126000.00"),
    ("SL-2023-0002", "beijiang", "yunshan", "图书短评标注集（示例）", "数据集", "2023-09-05", "88500.00"),
    ("SL-2023-0003", "qinglan", "nanling", "评论质检标注服务（示例）", "标注服务", "2023-11-20", "43200.50"),
    ("SL-2024-0001", "feixia", "zhushui", "服务评价情感语料（示例）", "数据集", "2024-03-18", "650000.00"),
    ("SL-2024-0002", "feixia", "lingnan", "服务评价月度指标（示例）", "数据指标", "2024-07-30", "96000.00"),
)
MONTH = date(2025, 3, 1), date(2025, 3, 31)


def table() -> bytes:
    """The past trades as an operator fills the template in."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([column.heading for column in judging.COLUMNS])
    for number, seller, buyer, title, kind, day, amount in PAST:
        supplier, purchaser = people.organization(seller), people.organization(buyer)
        writer.writerow(
            [number, "省内某交易场所（示例）", supplier.name, supplier.uscc, purchaser.name, purchaser.uscc,
             title, kind, "", day, "", "", amount, "", "平台上线前完成"]
        )  # fmt: skip
    return out.getvalue().encode()


def tell() -> None:
    """Import the past trades and export a month; what is there already stays."""
    operator, moment = people.actor("gu"), shanghai(2025, 4, 1)
    if not PastTrade.objects.exists():
        found = filings.check_file(by=operator, at=moment, file_name=FILE_NAME, body=table())
        filings.confirm(by=operator, at=moment, import_id=found.pk)
    if not RegisterExport.objects.exists():
        filings.produce(by=operator, at=moment, first=MONTH[0], final=MONTH[1])
