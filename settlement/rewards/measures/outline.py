"""The policy's articles in a sentence each, in our own words, for the public page."""

from __future__ import annotations

from settlement.rewards.engine.texts import Text

OUTLINE: tuple[tuple[str, Text, Text], ...] = (
    ("2", Text("园区招商运营单位", "Park operators"), Text("按入驻企业地方经济贡献的新增部分给予奖补，期限三年。", "Support by the increase in local contribution of the firms in the park, for three years.")),
    ("3(1)", Text("数据产品交易", "Data-product trading"), Text("在清远服务基地卖出数据产品，年度实际收入达到条件的，按收入比例奖励。", "Selling data products at the Qingyuan base: a share of the annual actual revenue.")),
    ("3(2)", Text("数据交易场所", "Exchange venues"), Text("经认定的交易场所年度交易额达到条件的，按地方经济贡献新增部分奖补。", "Recognised venues with enough turnover: support by the increase in local contribution.")),
    ("3(3)", Text("数据经纪人试点", "Data-broker pilots"), Text("支持开展数据经纪人试点和行业数据空间，不设固定金额。", "Pilots and industry data spaces are supported without a fixed amount.")),
    ("4", Text("应用场景", "Application scenarios"), Text("获国家、省奖项的场景项目给予一次性奖励；创新产品可获首购、订购和优先采购。", "Awarded projects receive a reward once; innovative products may be bought first.")),
    ("5", Text("总部企业", "Headquarters"), Text("按本市总部经济的规定奖励落户和经济贡献。", "Settlement and contribution awards by the city's headquarters rules.")),
    ("6", Text("科技创新", "Innovation"), Text("认定高新技术企业、标杆高新技术企业给予一次性奖励，就高不重复。", "Recognised high-tech firms receive a reward once, the highest only.")),
    ("7", Text("人才队伍", "People"), Text("就业见习补贴、住房和人才政策按相应规定执行。", "Internship subsidies, housing and talent by their own rules.")),
    ("8", Text("产学研用联盟", "Alliance"), Text("共享研发设备，开展校企合作和学徒制培养。", "Shared equipment, cooperation with schools, apprenticeships.")),
    ("9", Text("涉企服务", "Services"), Text("诉求提交、分办、办理、监督、评价全程闭环。", "Appeals are taken in, dispatched, handled, supervised and rated.")),
    ("10", Text("金融服务", "Finance"), Text("信贷、转贷、担保和上市服务。", "Credit, bridge loans, guarantees and listing.")),
    ("12", Text("效力", "Validity"), Text("有效期三年；上位规定优先，引用的政策修订后按新规定执行。", "In force for three years; higher law prevails, revised references apply as revised.")),
)  # fmt: skip
