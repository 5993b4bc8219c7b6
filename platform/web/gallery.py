"""Sample values for the component gallery at /design/; every firm is invented and marked 示例."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms

from kernel.money import Money
from web import charts, parts
from web.forms import YuanField


class SampleForm(forms.Form):
    """One field of every kind."""

    name = forms.CharField(
        label="产品名称", max_length=60, help_text="买方在目录里看到的名称，不超过 60 字。"
    )
    price = YuanField(label="价格（元）", least=1)
    scene = forms.ChoiceField(
        label="应用场景", choices=[("", "请选择"), ("a", "城市治理"), ("b", "交通运输")]
    )
    kind = forms.ChoiceField(
        label="产品类型",
        choices=[("d", "数据集"), ("s", "数据服务接口")],
        widget=forms.RadioSelect,
        initial="d",
    )
    note = forms.CharField(label="说明", required=False, widget=forms.Textarea(attrs={"rows": 3}))
    sample = forms.FileField(label="样例文件", required=False)
    agreed = forms.BooleanField(label="已核对来源授权")


def _trade_ring() -> charts.Drawing:
    nodes = {
        "a": charts.Node(120, 150, "甲（示例）", "self", 12, "s"),
        "b": charts.Node(290, 60, "乙（示例）", "warn", 9, "n"),
        "c": charts.Node(290, 225, "丙（示例）", "warn", 9, "s"),
        "x": charts.Node(30, 80, "其他 26 家", "ok", 6, "n"),
    }
    edges = [
        charts.Edge("a", "b", "21.0 万", "warn", 18),
        charts.Edge("b", "c", "20.8 万", "warn", 24),
        charts.Edge("c", "a", "20.6 万", "warn", 18),
        charts.Edge("x", "a"),
    ]
    return charts.trade_ring(nodes, edges, title="三家之间的资金流向")


def _charts() -> dict[str, charts.Drawing]:
    return {
        "threshold": charts.for_both(
            lambda width, height: charts.threshold(
                [
                    charts.Column("2024", 212_000_000),
                    charts.Column("2025", 389_000_000),
                    charts.Column("2026", 642_000_000, "now"),
                ],
                [charts.Level(500_000_000, "奖励门槛", "met")],
                title="年度实际收入与奖励门槛",
                unit=" 万元",
                width=width,
                height=height,
            )
        ),
        "waterfall": charts.waterfall(
            [
                charts.Change("场内\n成交", 689_000_000, "start"),
                charts.Change("退款\n冲销", -12_000_000, "minus"),
                charts.Change("税额", -41_000_000, "minus"),
                charts.Change("补登\n凭证", 6_000_000, "plus"),
                charts.Change("实际\n收入", 642_000_000, "total"),
            ],
            title="实际收入的构成",
            unit=" 万元",
        ),
        "ring": _trade_ring(),
        "burn": charts.for_both(
            lambda width, height: charts.burn_up(
                charts.Burn(
                    [(0, 0), (28, 12000)],
                    [(0, 0), (4, 900), (8, 2600), (12, 5200), (16, 8200)],
                    [(16, 8200), (29, 12000)],
                ),
                12000,
                title="完成量与计划",
                days=[(0, "11-10"), (7, "11-17"), (14, "11-24"), (21, "12-01"), (28, "12-08")],
                today="今天 8,200",
                deadline=(28, "约定交付 12-08"),
                width=width,
                height=height,
            )
        ),
        "distribution": charts.distribution(
            [
                charts.Bar("好评", 5210, "52.1%", "blue"),
                charts.Bar("中评", 2950, "29.5%", "teal"),
                charts.Bar("差评", 1840, "18.4%", "amber"),
            ],
            title="标签分布",
        ),
        "heatmap": charts.heatmap(
            ["刘*", "黄*", "周*", "梁*"],
            [[100, 93, 91, 78], [93, 100, 92, 80], [91, 92, 100, None], [78, 80, None, 100]],
            title="两两一致率",
        ),
        "spark": charts.sparkline([3, 5, 4, 7, 6, 9, 11], title="近 7 日"),
    }


def _decision() -> dict[str, Any]:
    proof = [
        parts.Evidence("结算台账 2026", "平台记录", "412 笔", "#", "platform", "landmark"),
        parts.Evidence("发票 421 张", "税务接口", "验真通过", "#", "authority", "receipt-text"),
        parts.Evidence("合同 9 份", "企业上传", "人工核对", "#", "upload", "file-text"),
    ]
    clause = "年度在基地成交的实际收入达到五百万元的，按实际收入的百分之一给予奖励，每年最高一百万元。"
    return {
        "stages": [
            parts.Stage("系统测算", "11-20 09:12", "done"),
            parts.Stage("初审", "陈* · 11-21 通过", "done"),
            parts.Stage("复审", "由您办理", "current"),
            parts.Stage("公示", "5 个工作日"),
            parts.Stage("拨付", "财政直达"),
        ],
        "steps": [
            parts.RuleStep(
                "firm",
                1,
                "是否为通用人工智能企业？",
                "数据标注企业，产业分类 0304",
                "满足",
                evidence=proof[:1],
                requirement="数据标注、政务大模型或 02–05 类",
            ),
            parts.RuleStep(
                "ring",
                2,
                "交易是否真实？",
                "发现 1 个疑似环：3 家企业、3 笔订单",
                "需要您判断",
                "waiting",
                "循环转让形成的收入不计入。",
                "循环转让",
                "风险规则 R-02（示例）",
            ),
            parts.RuleStep(
                "revenue",
                3,
                "实际收入是否达到门槛？",
                "¥6,420,000.00，高于 ¥5,000,000.00",
                "达到",
                clause=clause,
                mark="达到五百万元",
                article="第三条第（一）项（本平台转述）",
                evidence=proof,
                is_open=True,
            ),
            parts.RuleStep(
                "again",
                4,
                "是否重复享受？",
                "同年同类奖励 0 项",
                "未重复",
                "ok",
                requirement="同一事项就高不重复",
            ),
            parts.RuleStep("cert", 5, "证书在成交日是否有效？", "2 笔成交时证书已过期", "部分不满足", "no"),
        ],
        "judge_options": [
            parts.Option("keep", "计入", "真实交易。核定 ¥6,420,000.00，奖励 ¥64,200.00"),
            parts.Option("drop", "剔除", "循环交易。核定 ¥5,800,000.00，奖励 ¥58,000.00"),
        ],
        "decisions": [
            parts.Option("approve", "同意测算结果", "奖励 ¥64,200.00，进入公示"),
            parts.Option("return", "退回补正", "一次性告知所缺材料"),
            parts.Option("reject", "不予支持", "告知理由与救济途径"),
        ],
        "open_judgements": [parts.Link("交易是否真实？", "#step-ring")],
        "phrases": ["核定收入与台账、发票、回款一致，同意。", "疑似环已核对交付记录，不影响结论。"],
        "decision_facts": [
            parts.Fact("距门槛", "¥1,420,000.00", "再少这么多就不达标"),
            parts.Fact("距上限", "¥935,800.00", "每年最高 ¥1,000,000.00"),
            parts.Fact("证据", "11 项", "9 项来自接口或平台"),
        ],
        "amount": Money(6_420_000),
    }


def samples(at: datetime) -> dict[str, Any]:
    """Everything that the gallery shows, as of `at`."""
    today = at
    faulty = SampleForm({"name": "", "price": "12.345", "kind": "d"})
    return {
        "charts": _charts(),
        **_decision(),
        "form": SampleForm(),
        "faulty": faulty,
        "meta": ["委托方 清远示例科技", "文本 · 三分类", "约定交付 2026-12-08"],
        "tabs": [
            parts.Link("概况", "#", is_current=True),
            parts.Link("任务", "#", 12000),
            parts.Link("成员", "#", 38),
        ],
        "chips": [
            parts.Link("全部", "#", 128, is_current=True),
            parts.Link("文本", "#", 86),
            parts.Link("图像", "#", 42),
        ],
        "kpis": [
            parts.Kpi("总进度", "68.4%", "8,200 / 12,000 条", share=68),
            parts.Kpi("今日产量", "431", hint="较昨日 +6.2%", tone="up"),
            parts.Kpi("抽检合格率", "98.6%", hint="约定 ≥ 98%"),
            parts.Kpi("一致率 κ", "0.89", hint="1 人低于 0.80", tone="warn"),
        ],
        "facts": [
            parts.Fact("样本量", "12,840", "条"),
            parts.Fact("标签", "3", "类"),
            parts.Fact("一致率", "0.91", "κ"),
            parts.Fact("累计成交", "128", "笔"),
        ],
        "portions": [
            parts.Portion("已通过", 7042, "green"),
            parts.Portion("待质检", 831, "blue"),
            parts.Portion("返工", 335, "amber"),
            parts.Portion("标注中", 964, "light"),
            parts.Portion("待分配", 2828, "neutral"),
        ],
        "todos": [
            parts.TodoCard(
                "梁* 与他人一致率偏低", "#", "κ 0.76–0.81", today - timedelta(days=1), "user-x", "amber"
            ),
            parts.TodoCard(
                "14 条规范疑问待答复", "#", "最早一条已等待 5 小时", today, "message-square", "red"
            ),
            parts.TodoCard(
                "上半月薪酬待确认", "#", "38 人 · ¥41,286.40", today + timedelta(days=9), "wallet", "blue"
            ),
        ],
        "moments": [
            parts.Moment("系统发起测算", at - timedelta(days=3), "系统 · 奖励测算"),
            parts.Moment("初审通过", at - timedelta(days=2), "陈* · 服务基地（示例）", "合同 9 份均已核对"),
            parts.Moment("进入复审", at - timedelta(hours=2), "王** · 数据局（示例）"),
        ],
        "lineage": [
            parts.LineageStep("采集", "camera", ["公开评论", "2025-03 至 10"]),
            parts.LineageStep("授权", "key-round", ["许可证 1 份"]),
            parts.LineageStep("脱敏", "fingerprint-pattern", ["不可复原"]),
            parts.LineageStep("标注", "tags", ["38 人", "双人复核"]),
            parts.LineageStep("质检", "clipboard-check", ["抽检 5%"]),
            parts.LineageStep("登记", "stamp", ["2026-05-18"]),
        ],
        "plans": [
            parts.Option("sample", "样例包", "200 条，仅供评估", "免费"),
            parts.Option("standard", "标准版", "12,840 条，全部标注", "¥68,000.00"),
        ],
        "promises": [
            ("lock", "货款由平台托管，验收后结算"),
            ("clock", "用途审核 1 个工作日内完成"),
            ("rotate-ccw", "7 日验收期，与说明不符可退"),
        ],
        "certificate": parts.CertificateFace(
            "DJ-2026-0000123-X",
            [
                parts.Fact("登记主体", "清远示例数据科技"),
                parts.Fact("权利类型", "持有 · 使用 · 经营"),
                parts.Fact("有效期", "2026-05-18 至 2029-05-17"),
            ],
            "#",
            title="数据资产登记证书（示例）",
            state="有效",
        ),
        "jobs": [
            parts.JobFace("gallery-a", "正在导入：第 3 批", "", 3628, 8640, state="running", unit="条"),
            parts.JobFace(
                "gallery-b", "导入完成：第 2 批", "#", 8640, 8640, state="succeeded", result_url="#"
            ),
            parts.JobFace(
                "gallery-c", "导入没有完成：第 1 批", "#", 120, 8640, "第 121 行不是 UTF-8", "failed"
            ),
        ],
        "rows": [
            {"name": "刘*", "level": "资深", "done": 9820, "rate": "99.4%", "pay": 196_400, "at": at},
            {"name": "梁*", "level": "新手", "done": 6140, "rate": "94.1%", "pay": 116_660, "at": at},
            {"name": "何*", "level": "资深", "done": 9410, "rate": "99.2%", "pay": None, "at": at},
        ],
        "digest": "9f2c" * 16,
        "tones": ["blue", "green", "amber", "red", "teal", "violet", "neutral", "outline"],
    }
