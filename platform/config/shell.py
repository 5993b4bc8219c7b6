"""What the shell shows: navigation, desk and search of every domain; called by `wiring.connect`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from web import desk, finding, navigation
from web.navigation import NavItem


def fill() -> None:
    """Fill the registries of `web`, once, when Django is ready."""
    _work()
    _production()
    _business()
    _review()
    _operation()
    _public()
    _desk()
    _finders()
    _walks()


def _work() -> None:
    navigation.register(
        NavItem(_("工作台"), "layout-dashboard", "web:desk"),
        NavItem(_("我的待办"), "inbox", "web:todos"),
        NavItem(_("消息"), "bell", "notifications:list"),
    )


def _production() -> None:
    from annotation.projects import permissions as projects
    from annotation.servers import permissions as servers
    from annotation.work import permissions as work
    from annotation.work import selectors as tasks
    from assets.datasets import permissions as datasets
    from settlement.payments import permissions as payments
    from settlement.payruns import permissions as payruns

    group = navigation.PRODUCTION
    navigation.register(
        NavItem(_("我的任务"), "pencil-ruler", "work:mine", (work.LABEL,), group, tasks.waiting),
        NavItem(_("我的质量"), "badge-check", "quality:mine", (work.LABEL,), group),
        NavItem(_("我的收入"), "wallet", "payments:earnings", (payments.VIEW_EARNINGS,), group),
        NavItem(_("报酬单"), "banknote", "payruns:slips", (payruns.VIEW_SLIPS,), group),
        NavItem(
            _("报酬发放"), "hand-coins", "payruns:list", (payruns.MAKE_RUNS, payruns.VIEW_ALL_RUNS), group
        ),
        NavItem(_("标注项目"), "folder-kanban", "projects:list", (projects.VIEW,), group),
        NavItem(_("作业结算单"), "receipt-text", "work:statement", (work.STATEMENT,), group),
        NavItem(_("小时工资下限"), "scale", "work:wage_floors", (work.FLOOR_VIEW,), group),
        NavItem(_("质检"), "clipboard-check", "work:reviews", (work.REVIEW,), group, tasks.waiting_reviews),
        NavItem("Label Studio", "server", "servers:list", (servers.VIEW,), group),
        NavItem(
            pgettext_lazy("several", "数据集"), "boxes", "datasets:list", (datasets.VIEW_DATASETS,), group
        ),
    )


def _business() -> None:
    from assets.registry import permissions as registry
    from exchange.acceptance import permissions as disputes
    from exchange.acceptance import selectors as complaints
    from exchange.brokers import permissions as brokers
    from exchange.brokers import selectors as brokering
    from exchange.catalogue import permissions as catalogue
    from exchange.dataspace import permissions as spaces
    from exchange.delivery import permissions as delivery
    from exchange.demands import permissions as demands
    from exchange.filings import permissions as filings
    from exchange.pilots import permissions as pilots
    from exchange.pilots import selectors as piloting
    from exchange.requests import permissions as requests
    from exchange.requests import selectors as asked
    from exchange.tenders import permissions as tenders
    from exchange.trading import permissions as trading
    from exchange.trading import selectors as orders
    from settlement.banking import permissions as banking
    from settlement.invoicing import permissions as invoicing
    from settlement.ledger import permissions as ledger
    from settlement.merchant import permissions as merchant
    from settlement.payments import permissions as payments
    from settlement.revenue import permissions as revenue
    from settlement.rewards import permissions as rewards
    from settlement.risk import permissions as risk

    group = navigation.BUSINESS
    navigation.register(
        NavItem(_("资产登记"), "stamp", "registry:list", (registry.APPLY, registry.VIEW_REGISTRY), group),
        NavItem(_("上架商品"), "store", "selling:products", (catalogue.EDIT_PRODUCTS,), group),
        NavItem(_("使用申请"), "messages-square", "requests:requests", (requests.VIEW_REQUESTS, requests.VIEW_ALL_REQUESTS), group,
                asked.waiting),
        NavItem(_("需求大厅"), "megaphone", "demands:list", (demands.POST_DEMANDS, demands.ANSWER_DEMANDS, demands.MODERATE_DEMANDS), group),
        NavItem(_("标注招标"), "clipboard-list", "tenders:list", (tenders.POST_TENDERS, tenders.BID), group),
        NavItem(_("标注服务合同"), "signature", "tenders:engagements", (tenders.VIEW_ENGAGEMENTS, tenders.VIEW_ALL_ENGAGEMENTS), group),
        NavItem(_("保存的搜索"), "bell-plus", "searches:list", group=group),
        NavItem(pgettext_lazy("several", "订单"), "receipt-text", "trading:orders", (trading.VIEW_ORDERS, trading.VIEW_ALL_ORDERS), group,
                orders.waiting),
        NavItem(_("异议与争议"), "message-square-warning", "acceptance:complaints", (disputes.COMPLAIN, disputes.ANSWER), group,
                complaints.waiting),
        NavItem(_("我的数据"), "database", "delivery:ours", (delivery.DOWNLOAD,), group),
        NavItem(_("副本追溯"), "scan-search", "delivery:trace", (delivery.TRACE_OWN, delivery.SUPERVISE), group),
        NavItem(_("交易备案"), "file-check", "filings:register", (filings.VIEW_FILINGS, filings.VIEW_ALL_FILINGS), group),
        NavItem(_("经纪人试点"), "users", "pilots:mine", (pilots.APPLY, pilots.VIEW), group, piloting.waiting_applications),
        NavItem(_("委托与撮合"), "handshake", "brokers:mine", (brokers.VIEW, brokers.VIEW_ALL), group, brokering.waiting),
        NavItem(_("行业数据空间"), "boxes", "dataspace:spaces", (spaces.VIEW, spaces.VIEW_ALL), group),
        NavItem(_("收付款"), "credit-card", "payments:list", (payments.VIEW_PAYMENTS, payments.VIEW_ALL_PAYMENTS), group),
        NavItem(_("发票"), "receipt", "invoicing:list", (invoicing.VIEW_INVOICES, invoicing.VIEW_ALL_INVOICES), group),
        NavItem(_("对账"), "scale", "banking:orders", (banking.VIEW_RECONCILIATION, banking.VIEW_ALL_RECONCILIATION), group),
        NavItem(_("商户收付款"), "banknote", "merchant:payments", (merchant.VIEW_MERCHANT, merchant.VIEW_ALL_MERCHANTS, merchant.SETTLE_PAYOUTS), group),
        NavItem(_("账户与账本"), "book-open", "ledger:index", (ledger.VIEW_BOOKS, ledger.VIEW_ALL_BOOKS), group),
        NavItem(_("实际收入"), "chart-column", "revenue:index", (revenue.SEE_OWN_REVENUE, revenue.SEE_ALL_REVENUE), group),
        NavItem(_("奖励与测算"), "award", "rewards:index", (rewards.SEE_OWN_CLAIMS,), group),
        NavItem(_("股权与联系信息"), "network", "risk:ownership", (risk.DECLARE,), group),
    )  # fmt: skip


def _review() -> None:
    from assets.registry import permissions as registry
    from assets.registry import selectors as applications
    from exchange.acceptance import permissions as disputes
    from exchange.acceptance import selectors as complaints
    from exchange.brokers import permissions as brokers
    from exchange.catalogue import permissions as catalogue
    from exchange.dataspace import permissions as spaces
    from exchange.pilots import permissions as pilots
    from exchange.pilots import selectors as piloting
    from organizations import permissions as organizations
    from settlement.rewards import permissions as rewards
    from settlement.rewards import recognitions
    from settlement.rewards import selectors as claims
    from settlement.risk import permissions as risk

    group = navigation.REVIEW
    navigation.register(
        NavItem(_("登记审核"), "stamp", "registry:queue", (registry.REVIEW,), group, applications.waiting),
        NavItem(_("上架审核"), "store", "catalogue:queue", (catalogue.REVIEW_LISTINGS,), group),
        NavItem(_("争议裁决"), "gavel", "acceptance:disputes", (disputes.VIEW_DISPUTES,), group, complaints.waiting),
        NavItem(_("奖励审核"), "award", "rewards:review", (rewards.SEE_ALL_CLAIMS,), group, claims.waiting),
        NavItem(_("风险监测"), "radar", "risk:board", (risk.WATCH,), group),
        NavItem(_("核实部门"), "landmark", "rewards:offices", (rewards.NAME_OFFICES, rewards.NAME_OFFICES_OF_OPERATOR), group),
        NavItem(_("园区认定"), "building-2", "rewards:parks", (rewards.RECOGNISE_PARKS,), group, recognitions.waiting_beside),
        NavItem(_("预算看板"), "landmark", "rewards:budgets", (rewards.SEE_FUNDS,), group),
        NavItem(_("经纪人试点"), "users", "pilots:board", (pilots.MANAGE, pilots.VIEW_ALL), group, piloting.waiting_decisions),
        NavItem(_("试点评审"), "clipboard-check", "pilots:scoring", (pilots.SCORE,), group, piloting.waiting_scores),
        NavItem(_("经纪记录"), "clipboard-list", "brokers:board", (brokers.VIEW_ALL,), group),
        NavItem(_("试点总览"), "chart-column", "dataspace:pilot", (spaces.VIEW_ALL,), group),
        NavItem(_("企业认证"), "building-2", "organizations:verifications", (organizations.VERIFY_ORGANIZATIONS,), group),
    )  # fmt: skip


def _operation() -> None:
    from audit import permissions as audit
    from organizations import permissions as organizations
    from settlement.merchant import permissions as merchant

    navigation.register(
        NavItem(_("本单位"), "landmark", "organizations:detail", group=navigation.OPERATION),
        NavItem(
            _("成员"), "users", "organizations:members", (organizations.MANAGE_MEMBERS,), navigation.OPERATION
        ),
        NavItem(
            _("API 密钥"),
            "key-round",
            "organizations:api_keys",
            (organizations.MANAGE_KEYS,),
            navigation.OPERATION,
        ),
        NavItem(_("开发者"), "webhook", "merchant:developers", (merchant.DEVELOP,), navigation.OPERATION),
        NavItem(_("文件"), "files", "documents:list", group=navigation.OPERATION),
        NavItem(_("后台作业"), "loader", "jobs:list", group=navigation.OPERATION),
        NavItem(_("政策与规则"), "scale", "rewards:policy", group=navigation.RULES),
        NavItem(
            _("审计日志"), "scroll-text", "audit:list", (audit.READ_ALL, audit.READ_OWN), navigation.RULES
        ),
    )


def _public() -> None:
    from exchange.catalogue import selectors as catalogue

    navigation.register_public(_("数据目录"), "catalogue:list")
    navigation.register_public(_("需求大厅"), "demands:list")
    navigation.register_public(_("标注服务商目录"), "providers:list")
    navigation.register_public(_("证书验真"), "verification:verify")
    navigation.register_public(_("政策与奖励"), "rewards:policy")
    navigation.register_public(_("奖励试算"), "rewards:estimate")
    navigation.register_public(_("帮助"), "web:help")
    navigation.register_foot(_("登记公示"), "registry:notices")
    navigation.register_foot(_("奖励申报与公示"), "rewards:notices")
    navigation.register_foot(_("数据经纪人试点"), "pilots:rounds")
    navigation.register_foot(_("登记日志"), "transparency:log")
    desk.register_door(
        desk.Door(_("找数据"), _("先看样例，再看质量与证书，用途说明后申请购买"), "search", "catalogue:list")
    )
    desk.register_door(
        desk.Door(
            _("证书验真"),
            _("凭编号、二维码或文件核对登记证书"),
            "shield-check",
            "verification:verify",
            "teal",
        )
    )
    desk.register_door(
        desk.Door(
            _("奖励试算"),
            _("几个问题，得到第三条第（一）项的测算与理由"),
            "award",
            "rewards:estimate",
            "violet",
        )
    )
    desk.register_public_figures(catalogue.public_figures)


def _desk() -> None:
    from annotation.inspection import selectors as inspection
    from annotation.servers import selectors as servers
    from annotation.work import selectors as work
    from assets.datasets import selectors as datasets
    from assets.registry import selectors as registry
    from config import effects
    from exchange.acceptance import selectors as acceptance
    from exchange.brokers import selectors as brokers
    from exchange.catalogue import selectors as catalogue
    from exchange.dataspace import selectors as spaces
    from exchange.demands import selectors as demands
    from exchange.filings import selectors as filings
    from exchange.pilots import selectors as pilots
    from exchange.requests import selectors as requests
    from exchange.tenders import selectors as tenders
    from exchange.trading import selectors as trading
    from exchange.trading.referrals import register_referrals
    from notifications import selectors as notifications
    from notifications.pages import latest
    from settlement.banking import selectors as banking
    from settlement.invoicing import selectors as invoicing
    from settlement.ledger import closing
    from settlement.ledger import selectors as ledger
    from settlement.merchant import selectors as merchant
    from settlement.payments import selectors as payments
    from settlement.payruns import selectors as payruns
    from settlement.revenue import selectors as revenue
    from settlement.rewards import blocks, referrals
    from settlement.rewards import selectors as rewards
    from settlement.risk import selectors as risk

    revenue.register_goal(rewards.revenue_goal)
    register_referrals(brokers.referral_for)
    closing.register_watch("bank_lines", banking.watch)
    risk.register_reward(effects.reward_with_less)
    blocks.register_block(effects.risk_blocks)
    blocks.register_block(rewards.unreleased_rules)
    payruns.register_bank_evidence(banking.is_wage_matched)
    merchant.register_bank_evidence(banking.is_payout_matched)
    for todos in (
        work.todos,
        inspection.todos,
        servers.todos,
        datasets.todos,
        registry.todos,
        catalogue.todos,
        trading.todos,
        pilots.todos,
        acceptance.todos,
        requests.todos,
        demands.todos,
        tenders.todos,
        brokers.todos,
        spaces.todos,
        merchant.todos,
        rewards.todos,
        referrals.todos,
        invoicing.todos,
        banking.todos,
        payruns.todos,
        risk.todos,
    ):
        desk.register_todos(todos)
    for figures in (
        revenue.figures, rewards.figures, ledger.figures, payments.figures, trading.figures, work.figures,
        registry.figures, catalogue.figures, demands.figures, filings.figures, datasets.figures,
    ):  # fmt: skip
        desk.register_figures(figures)
    desk.register_inbox(desk.Inbox(notifications.unread_count, latest, "notifications:list"))


def _finders() -> None:
    from annotation.projects.selectors import find_projects
    from assets.datasets.selectors import find as find_datasets
    from assets.registry.selectors import find as find_registrations
    from exchange.acceptance.selectors import find_complaints
    from exchange.brokers.selectors import find as find_brokerage
    from exchange.catalogue.selectors import find_products
    from exchange.dataspace.selectors import find as find_spaces
    from exchange.demands.selectors import find_demands
    from exchange.filings.selectors import find_filings
    from exchange.pilots.selectors import find as find_pilots
    from exchange.requests.selectors import find_requests
    from exchange.tenders.selectors import find_tenders
    from exchange.trading.selectors import find_orders
    from settlement.invoicing.selectors import find_invoices
    from settlement.payments.selectors import find_payments, find_refunds
    from settlement.rewards.selectors import find_claims
    from settlement.risk.selectors import find_cases

    finding.register_finder(_("标注项目"), find_projects, icon="folder-kanban")
    finding.register_finder(pgettext_lazy("several", "数据集"), find_datasets, icon="boxes")
    finding.register_finder(_("登记与证书"), find_registrations, icon="stamp")
    finding.register_finder(_("数据产品"), find_products, icon="store")
    finding.register_finder(_("使用申请"), find_requests, icon="messages-square")
    finding.register_finder(_("数据需求"), find_demands, icon="megaphone")
    finding.register_finder(_("标注招标"), find_tenders, icon="clipboard-list")
    finding.register_finder(pgettext_lazy("several", "订单"), find_orders, icon="receipt-text")
    finding.register_finder(_("异议与争议"), find_complaints, icon="gavel")
    finding.register_finder(_("交易备案"), find_filings, icon="file-check")
    finding.register_finder(_("经纪人试点"), find_pilots, icon="users")
    finding.register_finder(_("委托与撮合"), find_brokerage, icon="handshake")
    finding.register_finder(_("行业数据空间"), find_spaces, icon="boxes")
    finding.register_finder(_("支付"), find_payments, icon="credit-card")
    finding.register_finder(_("退款"), find_refunds, icon="undo-2")
    finding.register_finder(_("发票"), find_invoices, icon="receipt")
    finding.register_finder(_("奖励申报"), find_claims, icon="award")
    finding.register_finder(_("风险案件"), find_cases, icon="radar")


def _walks() -> None:
    from assets.credentials.selectors import code_of
    from assets.registry.codes import register_finder
    from config import walks

    register_finder(code_of)
    walks.fill()
