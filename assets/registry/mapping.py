"""One dossier, many registries: what other provinces' registers ask for, and what ours already answers.

Facts about other registers, in our own words, each with where it was read. `is_verified` is false unless the
published text was compared (of a draft: the text put out for comment); a reader must check the present text before
relying on a line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from assets.registry.states import RegistrationKind
from kernel.wording import listed

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Type:
    """A register's own name for a kind of registration; `ours`: the kind that answers it, if any."""

    name: str
    ours: RegistrationKind | None
    remark: Text = ""
    is_verified: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing that a register wants to know; `sections`: where our dossier answers it, none if it does not."""

    name: Text
    sections: tuple[str, ...] = ()
    remark: Text = ""
    is_verified: bool = False


@dataclass(frozen=True, slots=True)
class Register:
    """A register elsewhere: its rule, what it registers, its types and what it asks for."""

    code: str
    name: Text
    rule: str
    remark: Text
    types: tuple[Type, ...]
    wanted: tuple[Wanted, ...]


REGISTERS: tuple[Register, ...] = (
    Register(
        "guangdong",
        _("广东：数据资产登记"),
        "《广东省数据资产合规登记规则（试行）》（征求意见稿，2023年4月）",
        _(
            "登记数据集、数据服务接口、数据指标、数据报告、数据模型算法、数据应用等产品和服务；正式文本以主管部门公布为准。"
        ),
        (
            Type("首次登记", RegistrationKind.INITIAL, is_verified=True),
            Type("变动登记", RegistrationKind.CHANGE, _("我们的变更、更正、转移登记都属变动"), True),
            Type("注销登记", RegistrationKind.CANCELLATION, is_verified=True),
            Type("撤销登记", RegistrationKind.REVOCATION, is_verified=True),
        ),
        (
            Wanted(_("登记主体身份"), ("asset",), _("取自单位认证")),
            Wanted(_("产品或服务名称与类型"), ("asset",)),
            Wanted(_("权益归属"), ("rights",)),
            Wanted(_("数据来源与合规说明"), ("source", "legal")),
            Wanted(_("合规委员会审核"), (), _("由当地合规委员会作出，平台的审查结论只能作参考"), True),
            Wanted(_("省级登记平台账号与电子签章"), (), _("须在当地平台办理")),
        ),
    ),
    Register(
        "shenzhen",
        _("深圳：数据产权登记"),
        "《深圳市数据产权登记管理暂行办法》（深发改规〔2023〕5号）",
        _("以一项数据资源或数据产品为登记单位；办法自2023年7月1日起施行，有效期三年，是否延续须核对。"),
        (
            Type("首次登记", RegistrationKind.INITIAL, is_verified=True),
            Type("许可登记", RegistrationKind.LICENCE, is_verified=True),
            Type("转移登记", RegistrationKind.TRANSFER, is_verified=True),
            Type("变更登记", RegistrationKind.CHANGE, is_verified=True),
            Type("注销登记", RegistrationKind.CANCELLATION, is_verified=True),
            Type("异议登记", RegistrationKind.OBJECTION, is_verified=True),
        ),
        (
            Wanted(_("登记主体身份"), ("asset",), _("取自单位认证")),
            Wanted(_("数据资源或产品的名称与内容"), ("asset", "sample")),
            Wanted(_("来源合法与授权"), ("source",), _("未获应有授权、权属有争议的，不予登记"), True),
            Wanted(_("权利类型"), ("rights",)),
            Wanted(_("不属国家核心数据"), ("classification",), is_verified=True),
            Wanted(_("第三方服务机构的审查报告"), (), _("真实性与合规性的实质审查报告，须另行委托")),
            Wanted(_("登记信息上链存证"), (), _("由当地登记机构办理"), True),
        ),
    ),
    Register(
        "guizhou",
        _("贵州：数据要素登记"),
        "《贵州省数据要素登记管理办法（试行）》（征求意见稿，2023年8月）",
        _("登记数据资源、算法模型、算力资源及综合形成的产品和服务；正式文本以主管部门公布为准。"),
        (
            Type("初始登记", RegistrationKind.INITIAL, is_verified=True),
            Type("交易登记", None, _("由本平台的交易备案提供依据，须在当地登记"), True),
            Type("信托登记", None, _("平台不办理信托"), True),
            Type("变更登记", RegistrationKind.CHANGE, is_verified=True),
            Type("注销登记", RegistrationKind.CANCELLATION, is_verified=True),
            Type("撤销登记", RegistrationKind.REVOCATION, is_verified=True),
            Type("续证登记", RegistrationKind.RENEWAL, is_verified=True),
        ),
        (
            Wanted(_("数据要素名称"), ("asset",), is_verified=True),
            Wanted(_("数据要素类型"), ("asset",), is_verified=True),
            Wanted(_("适用场景"), ("use_case",), is_verified=True),
            Wanted(_("实现方式"), (), _("接口、文件或驻场等交付方式；挂牌时填写，登记申请中没有"), True),
            Wanted(_("持有、加工使用、经营权益"), ("rights",), is_verified=True),
            Wanted(_("当地登记机构要求的其他事项"), (), _("须向当地登记机构核实")),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One wanted thing with how our dossier stands: answered, still empty, or not asked for by us."""

    wanted: Wanted
    state: str
    where: Text = ""


def lines_of(register: Register, sections: Mapping[str, Text], missing: frozenset[str]) -> list[Line]:
    """How a dossier stands against a register: `sections` it has, and those of them that lack something."""
    found = []
    for wanted in register.wanted:
        there = [key for key in wanted.sections if key in sections]
        if not there:
            found.append(Line(wanted, "lacking"))
            continue
        state = "open" if missing & set(there) else "covered"
        found.append(Line(wanted, state, listed(sections[key] for key in there)))
    return found
