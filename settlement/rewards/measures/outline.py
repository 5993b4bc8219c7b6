"""Every clause of the policy in a sentence, in our own words, for the public page; with or without an amount."""

from __future__ import annotations

from dataclasses import dataclass

from settlement.rewards.engine.departments import (
    DATA_BUREAU,
    DEPARTMENTS,
    FINANCE_BUREAU,
    INDUSTRY_BUREAU,
    LABOUR_BUREAU,
    SCIENCE_BUREAU,
)
from settlement.rewards.engine.texts import Text


@dataclass(frozen=True, slots=True)
class Provision:
    """One clause: its article, what it is about, who leads it, and the measure that settles its amount, if any."""

    article: str
    name: Text
    text: Text
    departments: tuple[Text, ...] = ()
    measure: str = ""


_DATA, _INDUSTRY, _LABOUR = (DEPARTMENTS[code] for code in (DATA_BUREAU, INDUSTRY_BUREAU, LABOUR_BUREAU))
_SCIENCE, _FINANCE = DEPARTMENTS[SCIENCE_BUREAU], DEPARTMENTS[FINANCE_BUREAU]
_HOUSING = Text("市住房城乡建设局", "Municipal Bureau of Housing")
_MONEY = Text("市金融局", "Municipal Bureau of Financial Affairs")

OUTLINE: tuple[Provision, ...] = (
    Provision("1", Text("支持范围", "Scope"), Text("认定的数字经济园区，以及数据标注、政务大模型等通用人工智能和数字经济分类 02 至 05 类企业，工商和税务登记在本市。", "Recognised digital-economy parks, and general-AI firms and classes 02 to 05 registered for business and tax in the city.")),
    Provision("2", Text("园区招商运营", "Park operators"), Text("按入驻企业地方经济贡献的新增部分给予奖补，用于租金、装修等，期限三年。", "Support by the increase in local contribution of the firms in the park, for rent, fit-out and the like, for three years."), (_DATA,), "park_operator"),
    Provision("3(1)", Text("数据产品交易", "Data-product trading"), Text("在清远服务基地卖出数据产品，年度实际收入达到条件的，按收入比例奖励；不限本市注册。", "Selling data products at the Qingyuan base: a share of the annual actual revenue, wherever the firm is registered."), (_DATA,), "data_product_trading"),
    Provision("3(2)", Text("数据交易场所", "Exchange venues"), Text("经省级以上认定的交易场所，年度交易额达到条件的，按地方经济贡献新增部分奖补。", "Recognised venues with enough turnover: support by the increase in local contribution."), (_DATA,), "exchange_venue"),
    Provision("3(3)", Text("数据经纪人与行业数据空间", "Data brokers and industry data spaces"), Text("支持数据经纪人试点、行业数据空间和行业流通平台，不设固定金额。", "Broker pilots, industry data spaces and circulation platforms are supported without a fixed amount."), (_DATA,)),
    Provision("4", Text("应用场景项目", "Application scenarios"), Text("获国家、省行业主管部门奖项的场景项目，承建主体按地方经济贡献新增部分获得一次性奖励。", "Contractors of awarded scenarios are rewarded once, by the increase in local contribution."), (_INDUSTRY, _FINANCE, _DATA), "application_scenario"),
    Provision("4", Text("创新产品首购订购", "First purchase of innovations"), Text("首台套和创新产品可获政府首购、订购和优先采购，也鼓励其他领域采购，不设固定金额。", "First sets and innovative products may be bought first, ordered or preferred; without a fixed amount."), (_INDUSTRY, _FINANCE, _DATA)),
    Provision("5", Text("总部企业", "Headquarters"), Text("符合本市总部经济规定的企业获得落户奖；经济贡献奖和高管生活补助按引用文件。", "A settlement award by the city's headquarters rules; contribution awards and executive subsidies by the referenced rules."), (_INDUSTRY,), "headquarters"),
    Provision("6", Text("高新技术企业", "High-tech firms"), Text("认定高新技术企业的给予一次性奖励，就高不重复。", "Recognised high-tech firms are rewarded once, the highest only."), (_SCIENCE,), "high_tech_enterprise"),
    Provision("6", Text("标杆高新技术企业", "Benchmark high-tech firms"), Text("当年评为标杆高新技术企业的给予一次性奖励，就高不重复。", "Benchmark high-tech firms of the year are rewarded once, the highest only."), (_SCIENCE,), "benchmark_high_tech"),
    Provision("6", Text("创新平台与科技项目", "Platforms and projects"), Text("支持申报科技创新平台、新型研发机构和人工智能科技项目，奖励按相应政策。", "Applications for platforms, research institutions and AI projects are supported by their own rules."), (_SCIENCE,)),
    Provision("7(1)", Text("就业见习", "Internships"), Text("吸纳毕业两年内高校毕业生或失业青年见习的企业，按人按月补贴。", "Firms that host graduates or unemployed young people are subsidised for each intern and month."), (_LABOUR,), "internship"),
    Provision("7(2)", Text("住房补贴", "Housing"), Text("新入职无房员工按城镇住房保障规定享受补贴。", "New staff without a home are subsidised by the housing rules."), (_HOUSING,)),
    Provision("7(3)", Text("人才", "Talent"), Text("符合条件的人才按引进培养规定享受奖励和住房、医疗、子女入学等待遇。", "Recognised talent receives awards, housing, health care and schooling by the talent rules."), (_LABOUR,)),
    Provision("8", Text("产学研用联盟", "Alliance"), Text("共享研发设备，促成成果转化，开展校企合作和学徒制培养。", "Shared equipment, transfer of results, cooperation with schools, apprenticeships."), (_DATA,)),
    Provision("9", Text("诉求响应", "Appeals"), Text("诉求提交、分办、办理、监督全程闭环，先推荐可用的知识。", "Appeals are taken in, dispatched, handled and supervised; helpful knowledge is suggested first."), (_DATA,)),
    Provision("9", Text("一网通办", "Services in one place"), Text("高频事项一件事一次办，提供视频办和跨城通办。", "Frequent matters are handled once, by video and across cities."), (_DATA,)),
    Provision("9", Text("招商对接", "Matchmaking"), Text("为供需双方提供资源互通、项目对接和园区展示。", "Supply and demand meet: resources, projects, parks."), (_DATA,)),
    Provision("10", Text("金融服务", "Finance"), Text("信贷、应急转贷、融资担保和上市挂牌服务，上市奖励按引用政策。", "Credit, bridge loans, guarantees and listing; listing awards by the referenced rules."), (_MONEY,)),
    Provision("11", Text("普惠政策", "Other policies"), Text("登记在本市的企业还可享受其他符合条件的政策。", "Firms registered in the city may use every other policy they qualify for.")),
    Provision("12", Text("效力", "Validity"), Text("有效期三年；上位规定优先，引用的政策修订后按新规定执行。", "In force for three years; higher law prevails, revised references apply as revised.")),
)  # fmt: skip
