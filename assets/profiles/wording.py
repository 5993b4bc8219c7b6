"""Words for the codes that profiles store; stored facts hold codes and counts, never sentences."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from assets.profiles.rules.facts import Dimension
from assets.profiles.rules.grading import Reason

Text = str | Promise

DIMENSIONS: Mapping[str, Text] = {
    "conformity": _("规范性"),
    "completeness": _("完整性"),
    "accuracy": _("准确性"),
    "consistency": _("一致性"),
    "timeliness": _("时效性"),
    "accessibility": _("可访问性"),
}

HOW: Mapping[str, Text] = {
    "values_of_kind": _(
        "全部非空字段值 %(denominator)s 个，其中 %(numerator)s 个符合该字段的类型，且不含控制字符或乱码。"
    ),
    "files_of_format": _("参与测量的文件 %(denominator)s 个，其中 %(numerator)s 个能按其格式完整读出。"),
    "values_filled": _("全部行与字段交叉共 %(denominator)s 个格，其中 %(numerator)s 个非空。"),
    "files_filled": _("清单中的文件 %(denominator)s 个，其中 %(numerator)s 个存在且不为空。"),
    "reviews_accepted": _("本版本各任务的质检结论共 %(denominator)s 次，其中通过 %(numerator)s 次。"),
    "rows_not_repeated": _(
        "全部行 %(denominator)s 行，其中 %(numerator)s 行不与前面的行完全重复；没有质检记录，只测重复。"
    ),
    "no_reviews": _("未测量：没有来自平台的质检记录，也没有可以比对的表格行。"),
    "same_labels": _("内容重复出现的行 %(denominator)s 行，其中 %(numerator)s 行与同内容的其他行标签一致。"),
    "nothing_repeated": _("未测量：没有内容重复且带标签的行，无从比对标签是否一致。"),
    "dates_not_ahead": _("日期与时间字段的值 %(denominator)s 个，其中 %(numerator)s 个不晚于封版时间。"),
    "newest_guideline": _(
        "记有标注规范版本的行 %(denominator)s 行，其中 %(numerator)s 行按本版本中最新的规范标注。"
    ),
    "no_dates": _("未测量：没有日期字段，也没有标注规范版本。"),
    "files_read": _(
        "清单中的文件 %(denominator)s 个，其中 %(numerator)s 个在测量时能从存储中按登记大小取出。"
    ),
}

FAULTS: Mapping[str, Text] = {
    "missing": _("存储中没有这个文件，或大小与登记不符。请在数据集页复算全部哈希。"),
    "empty": _("文件为空。请补上内容后封版新版本。"),
    "not_utf8": _("文本不是 UTF-8 编码。请转存为 UTF-8 后封版新版本。"),
    "not_a_table": _("不能按表格读出。请检查分隔符、引号与表头。"),
    "too_wide": _("字段超过 500 个，没有逐字段测量。请拆成几个表。"),
    "ragged_rows": _("这些行的字段数与表头不同，未计入。请补齐或删去多余的分隔符。"),
    "broken_rows": _("这些行不是 JSON 对象，未计入。请修正后封版新版本。"),
    "not_an_image": _("不能按图片读出，或像素过多。请重新导出图片。"),
    "too_large": _("文件超过画像的大小上限，没有测量。请拆分文件。"),
    "not_measured": _("这种文件没有测量方法，只核对能否取出。"),
}

LANGUAGES: Mapping[str, Text] = {
    "zh": _("中文"),
    "en": _("英文"),
    "mixed": _("中英混合"),
    "other": _("其他"),
}

KINDS: Mapping[str, Text] = {
    "integer": _("整数"),
    "decimal": _("小数"),
    "boolean": _("是否"),
    "date": _("日期"),
    "moment": _("日期时间"),
    "text": _("文本"),
    "list": _("列表或对象"),
    "empty": _("全空"),
}

REASONS: Mapping[str, Text] = {
    "many_persons": _(
        "至少涉及 %(count)s 人的个人信息，达到平台规则的 %(limit)s 人，建议按重要数据对待，并核对主管部门的重要数据目录。"
    ),
    "many_credentials": _(
        "至少有 %(count)s 个不同的身份证号或银行卡号，达到平台规则的 %(limit)s 个，建议按重要数据对待。"
    ),
    "article_28": _(
        "至少涉及 %(count)s 人的个人信息。处理 %(limit)s 人以上个人信息的，须履行重要数据处理者的有关义务（《网络数据安全管理条例》第二十八条），建议按重要数据对待。"
    ),
    "many_places": _(
        "有 %(count)s 个精确位置或轨迹，达到平台规则的 %(limit)s 个，建议按重要数据对待，并核对主管部门的重要数据目录。"
    ),
    "many_medical": _(
        "有 %(count)s 条诊疗记录，达到平台规则的 %(limit)s 条，建议按重要数据对待，并核对主管部门的重要数据目录。"
    ),
    "many_biometric": _(
        "有 %(count)s 条生物识别信息，达到平台规则的 %(limit)s 条，建议按重要数据对待，并核对主管部门的重要数据目录。"
    ),
    "some_persons": _("至少涉及 %(count)s 人的个人信息，未达到平台规则的 %(limit)s 人。"),
    "image_places": _("%(count)s 张图片的 EXIF 中带有拍摄位置。请去除后封版新版本。"),
    "nothing_found": _("扫描没有发现个人信息。"),
    "declared_general": _("企业申报为一般数据。"),
    "declared_important": _("企业申报为重要数据。"),
    "declared_core": _("企业申报为核心数据：核心数据不得登记和交易。"),
}


def how(dimension: Dimension) -> str:
    """How a dimension's number came about."""
    counts = {"numerator": f"{dimension.numerator:,}", "denominator": f"{dimension.denominator:,}"}
    return str(HOW[dimension.how]) % counts


def reason(found: Reason) -> str:
    """Why a grade is suggested."""
    return str(REASONS[found.code]) % {"count": f"{found.count:,}", "limit": f"{found.limit:,}"}


def about_core() -> str:
    """Why a scan can't suggest core data, and who says so instead."""
    return str(
        _(
            "扫描不会建议“核心数据”：核心数据由国家有关部门认定并列入目录，从内容上无法判断。属于核心数据的，由企业自行申报；一经申报，不得登记和交易。"
        )
    )


def percent(ratio_bp: int | None) -> str:
    """Basis points as per cent with two decimals, or dashes: 9876 → 98.76%."""
    return "--" if ratio_bp is None else f"{ratio_bp // 100}.{ratio_bp % 100:02d}%"


def comparison() -> str:
    """In a sentence, how near-duplicates are found."""
    return str(
        _(
            "文本用 128 个最小哈希、5 字片段比较，估计相似度不低于 0.8；图片用 64 位差异哈希，相差不超过 6 位。"
        )
    )
