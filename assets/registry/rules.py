"""Pure rules of the registry: the compliance checklist, completeness, deadlines, validity, claims.

The exchange's principle behind all of it: without a use case no registration, without registration no
trade, without compliance no listing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from assets.registry.states import ApplicationState, Classification, Outcome, ProductKind, Right
from kernel import clock, workdays

ACCEPTANCE_WORKING_DAYS = 3
"""Days in which the authority accepts or returns a submitted application."""
REVIEW_WORKING_DAYS = 10
"""Days in which the authority ends the compliance review."""
CORRECTION_WORKING_DAYS = 20
"""Days in which the registrant corrects a returned application."""
MINIMUM_STATEMENT = 10
"""A statement shorter than this many characters says nothing."""

Text = str | Promise


# --- checklist ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Check:
    """One point of the compliance review.

    `article` tells where the requirement stands; `requirement` is our own wording of it. An automatic check
    is judged by the platform from its own records, the others by the reviewer.
    """

    code: str
    title: Text
    question: Text
    requirement: Text
    article: Text
    is_automatic: bool = False


CHECKLIST: tuple[Check, ...] = (
    Check(
        "subject",
        _("登记主体"),
        _("登记主体是否已通过单位认证？"),
        _("登记主体须是已核验统一社会信用代码的单位，申请由其授权人员提交。"),
        _("数据安全法第三十三条；GB 32100-2015"),
        is_automatic=True,
    ),
    Check(
        "integrity",
        _("封版完整性"),
        _("登记的数据集版本是否已封版、清单哈希是否在册？"),
        _("登记对象须是已封版、未撤回的版本，每个文件有哈希，清单有根哈希。"),
        _("平台登记规则：一个版本一份清单"),
        is_automatic=True,
    ),
    Check(
        "use_case",
        _("应用场景"),
        _("应用场景是否具体、合法、与数据内容相称？"),
        _("须写明谁在什么业务中使用、解决什么问题；没有应用场景的不予登记。"),
        _("交易场所规则：无场景不登记"),
    ),
    Check(
        "source",
        _("来源与授权"),
        _("来源说明能否与原始数据批次及其许可逐项对应？"),
        _("数据须以合法、正当的方式取得；提供方须说明来源，审核与交易记录须留存。"),
        _("数据安全法第三十二条、第三十三条"),
    ),
    Check(
        "rights",
        _("登记权利"),
        _("所登记的持有权、使用权、经营权是否有合同或授权支持？"),
        _("三项权利分别登记，不得超出来源许可和委托合同给予的范围。"),
        _("《关于构建数据基础制度更好发挥数据要素作用的意见》第三条"),
    ),
    Check(
        "classification",
        _("分类分级"),
        _("数据分级是否与内容相符？"),
        _("按从严原则分级；核心数据不得登记和交易，重要数据须有出具理由的说明。"),
        _("数据安全法第二十一条；GB/T 43697-2024"),
    ),
    Check(
        "personal_information",
        _("个人信息"),
        _("样例和字段中是否不含个人信息，或已取得合法基础？"),
        _("含个人信息的，须有合法处理基础，或已作匿名化处理、无法复原。"),
        _("个人信息保护法第十三条、第七十三条"),
    ),
    Check(
        "quality",
        _("数据质量"),
        _("样例、字段字典、标签分布与说明是否一致？"),
        _("规范性、完整性、准确性、一致性、时效性、可访问性可以核验。"),
        _("GB/T 36344-2018；GB/T 42755-2023"),
    ),
    Check(
        "legal",
        _("法律意见或合规自述"),
        _("自述是否覆盖来源、权利、安全与处理活动记录？"),
        _("登记主体对申请内容的真实性负责，委托处理的记录至少保存三年。"),
        _("网络数据安全管理条例第十二条"),
    ),
)
CHECKS: Mapping[str, Check] = {check.code: check for check in CHECKLIST}
REVIEWED_CHECKS: tuple[Check, ...] = tuple(check for check in CHECKLIST if not check.is_automatic)
"""The points a person must judge."""


# --- completeness -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dossier:
    """What completeness looks at."""

    title: str
    use_case: str
    source_statement: str
    rights: Sequence[str]
    classification: str
    legal_statement: str
    is_sealed: bool
    is_verified: bool


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing an application lacks: the section to mend it in, and what to do."""

    code: str
    section: str
    words: Text


def _is_thin(text: str) -> bool:
    return len(text.strip()) < MINIMUM_STATEMENT


def completeness(dossier: Dossier) -> list[Missing]:
    """What is missing before submission, in the order of the task list; empty when complete."""
    points = (
        (not dossier.title.strip(), "title", "asset", _("填写资产名称")),
        (not dossier.is_sealed, "version", "asset", _("选择一个已封版、未撤回的数据集版本")),
        (
            _is_thin(dossier.use_case),
            "use_case",
            "use_case",
            _("写明应用场景（至少十个字）：没有应用场景不予登记"),
        ),
        (_is_thin(dossier.source_statement), "source", "source", _("写明数据来源与授权（至少十个字）")),
        (not dossier.rights, "rights", "rights", _("选择要登记的权利")),
        (not dossier.classification, "classification", "classification", _("选择数据分级")),
        (
            dossier.classification == Classification.CORE,
            "core",
            "classification",
            _("核心数据不得登记。如分级有误，请更正后再提交"),
        ),
        (_is_thin(dossier.legal_statement), "legal", "legal", _("写明法律意见或合规自述（至少十个字）")),
        (not dossier.is_verified, "verification", "organization", _("完成单位认证")),
    )
    return [Missing(code, section, words) for is_missing, code, section, words in points if is_missing]


SECTIONS: Mapping[str, Text] = {
    "asset": _("资产名称与版本"),
    "use_case": _("应用场景"),
    "source": _("来源与授权"),
    "rights": _("登记权利"),
    "classification": _("数据分级"),
    "legal": _("法律意见或合规自述"),
}
"""The parts of the application's task list, in order."""


# --- whose turn, until when ---------------------------------------------------------------------

TURNS: Mapping[str, Text] = {
    ApplicationState.DRAFT: _("登记主体填写"),
    ApplicationState.RETURNED: _("登记主体补正"),
    ApplicationState.SUBMITTED: _("登记机构受理"),
    ApplicationState.ACCEPTED_FOR_REVIEW: _("登记机构安排审查"),
    ApplicationState.COMPLIANCE_REVIEW: _("登记机构合规审查"),
    ApplicationState.PUBLIC_NOTICE: _("公示期，期满由登记机构发证"),
    ApplicationState.UNDER_OBJECTION: _("登记机构处理异议"),
}
"""Whose turn it is in each open state; the others are ended."""


def acceptance_due(on: date) -> date:
    """Until when a submission of that day is accepted or returned."""
    return workdays.add_working_days(on, ACCEPTANCE_WORKING_DAYS)


def review_due(on: date) -> date:
    """Until when an application accepted that day is reviewed."""
    return workdays.add_working_days(on, REVIEW_WORKING_DAYS)


def correction_due(on: date) -> date:
    """Until when an application returned that day is corrected."""
    return workdays.add_working_days(on, CORRECTION_WORKING_DAYS)


def notice_end(on: date, working_days: int) -> date:
    """The final day of a notice that begins on `on`; the day itself does not count, the end is inside."""
    return workdays.add_working_days(on, working_days)


def notice_is_over(notice_until: date | None, on: date) -> bool:
    """Whether the whole notice has passed: from the day after its final day."""
    return notice_until is not None and on > notice_until


def validity(on: date, years: int) -> tuple[date, date]:
    """First and final day of a certificate issued on `on`: 18 May 2026 and 17 May 2029 for three years."""
    try:
        after = on.replace(year=on.year + years)
    except ValueError:  # 29 February
        after = date(on.year + years, 3, 1)
    return on, after - timedelta(days=1)


def outcome_of(state: str, valid_from: date, valid_until: date, on: date) -> Outcome:
    """What the registry says of a certificate on a day; the calendar counts even before the nightly task."""
    if state == "valid":
        if on > valid_until:
            return Outcome.EXPIRED
        return Outcome.VALID if on >= valid_from else Outcome.NOT_YET_VALID
    return Outcome(state)


# --- claims -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Party:
    """An organization as a certificate names it."""

    name: str
    name_en: str
    uscc: str

    def members(self) -> dict[str, str]:
        return {"name": self.name, "name_en": self.name_en, "uscc": self.uscc}


@dataclass(frozen=True, slots=True)
class Asset:
    """The sealed version as a certificate names it."""

    dataset: str
    version: int
    modality: str
    root_hash: str
    row_count: int
    file_count: int
    byte_count: int


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """Everything a certificate says."""

    number: str
    application: str
    kind: str
    product_kind: str
    title: str
    holder: Party
    authority: Party
    asset: Asset
    rights: Sequence[str]
    classification: str
    use_case: str
    source: str
    issued_at: datetime
    valid_from: date
    valid_until: date
    is_demo: bool
    verification_url: str


def claims(facts: CertificateFacts) -> dict[str, Any]:
    """The signed members of a certificate.

    Registered JWT names (RFC 7519): `jti` certificate number, `sub` holder's USCC, `iat`, `nbf`, `exp`
    seconds since 1970 UTC (`exp`: the first moment after the final day in Asia/Shanghai); signing adds `iss`.
    `certificate` holds the rest: kinds and rights as codes of domain.md, days as ISO 8601 in Asia/Shanghai,
    sizes in bytes, `asset.root_hash` SHA-256 in hex, `is_demo` true for invented holders.
    """
    asset = facts.asset
    return {
        "jti": facts.number,
        "sub": facts.holder.uscc,
        "iat": int(facts.issued_at.timestamp()),
        "nbf": int(clock.start_of(facts.valid_from).timestamp()),
        "exp": int(clock.end_of(facts.valid_until).timestamp()),
        "certificate": {
            "number": facts.number,
            "application": facts.application,
            "kind": facts.kind,
            "product_kind": facts.product_kind,
            "title": facts.title,
            "holder": facts.holder.members(),
            "authority": facts.authority.members(),
            "asset": {
                "dataset": asset.dataset,
                "version": asset.version,
                "modality": asset.modality,
                "root_hash": asset.root_hash,
                "row_count": asset.row_count,
                "file_count": asset.file_count,
                "byte_count": asset.byte_count,
            },
            "rights": list(facts.rights),
            "classification": facts.classification,
            "use_case": facts.use_case,
            "source": facts.source,
            "issued_on": clock.business_date(facts.issued_at).isoformat(),
            "valid_from": facts.valid_from.isoformat(),
            "valid_until": facts.valid_until.isoformat(),
            "is_demo": facts.is_demo,
            "verification_url": facts.verification_url,
        },
    }


def differing(given: Any, held: Any, path: str = "") -> list[str]:
    """The members in which two JSON values differ, as dotted paths, sorted."""
    if isinstance(given, Mapping) and isinstance(held, Mapping):
        names = sorted({*given, *held}, key=str)
        return [
            found
            for name in names
            for found in differing(given.get(name), held.get(name), f"{path}.{name}" if path else str(name))
        ]
    return [] if type(given) is type(held) and given == held else [path or "."]


def labels_of_rights(rights: Sequence[str]) -> list[Text]:
    """The wording of some rights codes."""
    return [Right(code).label for code in rights if code in Right.values]


def label_of_product_kind(code: str) -> Text:
    """The wording of a product kind."""
    return ProductKind(code).label if code in ProductKind.values else code
