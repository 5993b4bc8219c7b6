"""The offices that lead a measure or verify what a firm declares, by code."""

from __future__ import annotations

from settlement.rewards.engine.texts import Text

DATA_BUREAU = "data_bureau"
INDUSTRY_BUREAU = "industry_bureau"
FINANCE_BUREAU = "finance_bureau"
SCIENCE_BUREAU = "science_bureau"
LABOUR_BUREAU = "labour_bureau"
TAX_BUREAU = "tax_bureau"

DEPARTMENTS: dict[str, Text] = {
    DATA_BUREAU: Text("市政务服务数据管理局", "Municipal Bureau of Government Services and Data"),
    INDUSTRY_BUREAU: Text("市工业和信息化局", "Municipal Bureau of Industry and Information Technology"),
    FINANCE_BUREAU: Text("市财政局", "Municipal Bureau of Finance"),
    SCIENCE_BUREAU: Text("市科技局", "Municipal Bureau of Science and Technology"),
    LABOUR_BUREAU: Text("市人力资源社会保障局", "Municipal Bureau of Human Resources and Social Security"),
    TAX_BUREAU: Text("市税务局", "Municipal Tax Bureau"),
}
