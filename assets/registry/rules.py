"""Pure rules of the registry: parameters, kinds, the checklist, completeness, deadlines, claims.

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

from assets.registry.states import (
    OF_DOCUMENTS,
    OF_PROJECT,
    ApplicationState,
    Classification,
    ObjectionState,
    Outcome,
    ProductKind,
    RegistrationKind,
    RevocationState,
    Right,
)
from kernel import clock, workdays

MINIMUM_STATEMENT = 10
"""A statement shorter than this many characters says nothing."""

Text = str | Promise


# --- parameters ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Parameters:
    """The registry's numbers in force from a day on. Rules of this platform, not of a statute.

    `…_working_days` count Chinese working days, the starting day never; `renewal_…_days` and
    `reminder_days` are calendar days around a certificate's final day.
    """

    since: date
    acceptance_working_days: int = 3
    review_working_days: int = 10
    correction_working_days: int = 20
    notice_working_days: int = 10
    validity_years: int = 3
    objection_acceptance_working_days: int = 3
    objection_reply_working_days: int = 10
    objection_decision_working_days: int = 10
    hearing_notice_working_days: int = 5
    renewal_before_days: int = 90
    renewal_after_days: int = 90
    reminder_days: tuple[int, ...] = (90, 30, 7)


PARAMETERS: tuple[Parameters, ...] = (Parameters(since=date(2020, 1, 1)),)
"""The dated rows, oldest first; a change is a new row, never an edit of an old one."""


def parameters_of(rows: Sequence[Parameters], on: date) -> Parameters:
    """The row in force on a day: the latest that has begun."""
    begun = [row for row in rows if row.since <= on]
    assert begun, f"no parameters of the registry on {on}"
    return max(begun, key=lambda row: row.since)


# --- kinds of registration ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kind:
    """What one kind of registration asks for and does.

    `sections`: the task list. `checks`: what the authority judges. `has_notice`: whether a public notice
    precedes the decision. `ends_as`: the move that the certificate it is about takes when it succeeds,
    empty when that certificate stays. `needs_other`: another party must agree.
    """

    code: RegistrationKind
    meaning: Text
    sections: tuple[str, ...]
    checks: tuple[str, ...]
    has_notice: bool
    ends_as: str = ""
    needs_other: bool = False


_WHOLE = ("asset", "use_case", "source", "rights", "classification", "quality", "sample", "legal", "files")
_EVERY_CHECK = (
    "subject",
    "integrity",
    "use_case",
    "source",
    "rights",
    "classification",
    "personal_information",
    "quality",
    "legal",
)
KINDS: Mapping[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind(
            RegistrationKind.INITIAL,
            _("第一次登记一项资产"),
            _WHOLE,
            _EVERY_CHECK,
            has_notice=True,
        ),
        Kind(
            RegistrationKind.CHANGE,
            _("登记新版本，或变更已登记的内容；有效期不变"),
            ("reason", *_WHOLE),
            ("difference", *_EVERY_CHECK),
            has_notice=True,
            ends_as="change",
        ),
        Kind(
            RegistrationKind.CORRECTION,
            _("更正笔误；权利、分级、对象与有效期不变"),
            ("reason", "asset", "use_case", "source", "legal", "files"),
            ("subject", "clerical"),
            has_notice=False,
            ends_as="correct",
        ),
        Kind(
            RegistrationKind.TRANSFER,
            _("把登记的权利转给另一单位，双方都须同意"),
            ("reason", "other", "files"),
            ("subject", "agreement", "rights", "difference"),
            has_notice=True,
            ends_as="transfer",
            needs_other=True,
        ),
        Kind(
            RegistrationKind.LICENCE,
            _("登记一项许可：许可谁、用在哪里、到何时；证书继续有效"),
            ("other", "licence", "files"),
            ("subject", "agreement", "rights", "licence"),
            has_notice=False,
            needs_other=True,
        ),
        Kind(
            RegistrationKind.RENEWAL,
            _("有效期届满前后办理，延长有效期"),
            ("use_case", "source", "legal", "files"),
            ("subject", "integrity", "use_case", "rights", "legal"),
            has_notice=False,
            ends_as="renew",
        ),
        Kind(
            RegistrationKind.CANCELLATION,
            _("持有人放弃登记"),
            ("reason", "files"),
            ("subject", "consequences"),
            has_notice=False,
            ends_as="cancel",
        ),
    )
}
"""The kinds that a registrant applies for; objections and revocations have ways of their own."""


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
        _("对象完整性"),
        _("登记对象是否固定、可复核？"),
        _(
            "数据集须是已封版、未撤回的版本，清单有根哈希；标注任务须已验收，规范有哈希；其他产品须附登记材料。"
        ),
        _("平台登记规则：登记什么，什么就不再改动"),
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
        _("《关于构建数据基础制度更好发挥数据要素作用的意见》（2022年12月）第（三）项"),
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
        _("个人信息保护法第四条（匿名化后不属个人信息）、第十三条（合法基础）、第七十三条（匿名化的含义）"),
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
SPECIAL_CHECKS: tuple[Check, ...] = (
    Check(
        "parties",
        _("委托方与标注企业的权利"),
        _("标注成果、标注规范与原始数据的权利在委托方与标注企业之间是否约定清楚？"),
        _("登记标注任务，须写明范围、规范、验收结果，以及委托方与标注企业各自的权利。"),
        _("平台登记规则：标注任务登记"),
    ),
    Check(
        "difference",
        _("与上次登记的差异"),
        _("变动的内容是否属实、是否有依据、是否损害他人权利？"),
        _("每次变动单独审查；与上一张证书逐项比对，未变动的内容沿用原审查。"),
        _("平台登记规则：新版本单独审查"),
    ),
    Check(
        "clerical",
        _("是否只是笔误"),
        _("更正的内容是否只是笔误，不改变权利、分级和登记对象？"),
        _("改变实质内容的，应办理变更登记。"),
        _("平台登记规则：更正登记"),
    ),
    Check(
        "agreement",
        _("双方同意"),
        _("另一方是否已由其授权人员确认？"),
        _("转移和许可须由双方确认；确认的文字以哈希固定，之后有改动须重新确认。"),
        _("平台登记规则：转移登记、许可登记"),
        is_automatic=True,
    ),
    Check(
        "licence",
        _("许可范围与期限"),
        _("许可的范围和期限是否明确，且不超出登记的权利和证书有效期？"),
        _("许可登记记载被许可方、范围和期限；证书失效时许可随之失去依据。"),
        _("平台登记规则：许可登记"),
    ),
    Check(
        "consequences",
        _("注销的后果"),
        _("持有人是否知悉：在售商品停止交易，已成交的订单和许可按合同处理？"),
        _("注销只能由持有人提出；有未决异议或撤销程序的，不得注销。"),
        _("平台登记规则：注销登记"),
    ),
)
"""Points that only some kinds of registration, or some products, are judged by."""
CHECKS: Mapping[str, Check] = {check.code: check for check in (*CHECKLIST, *SPECIAL_CHECKS)}
REVIEWED_CHECKS: tuple[Check, ...] = tuple(check for check in CHECKLIST if not check.is_automatic)
"""The points a person must judge of a dataset that is registered for the first time."""


def checklist_of(kind: str, product_kind: str) -> tuple[Check, ...]:
    """Every point by which an application of that kind is judged, in order."""
    codes = list(KINDS[kind].checks)
    if product_kind in OF_PROJECT and "rights" in codes:
        codes.insert(codes.index("rights") + 1, "parties")
    return tuple(CHECKS[code] for code in codes)


def sections_of(kind: str, product_kind: str) -> dict[str, Text]:
    """The parts of the task list of an application, in order, with their names."""
    keys = list(KINDS[kind].sections)
    if product_kind in OF_PROJECT and "rights" in keys:
        keys.insert(keys.index("rights") + 1, "parties")
    if product_kind in OF_PROJECT or product_kind in OF_DOCUMENTS:
        keys = [key for key in keys if key != "sample"]
    return {key: SECTIONS[key] for key in keys}


def product_kinds_of(*, has_project: bool, has_version: bool) -> list[str]:
    """The product kinds that fit what an application names."""
    if has_project:
        return [kind.value for kind in OF_PROJECT]
    documented = [kind.value for kind in OF_DOCUMENTS]
    return [ProductKind.DATASET.value, *documented] if has_version else documented


# --- completeness -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dossier:
    """What completeness looks at.

    `is_fixed`: the thing itself can no longer change (version sealed, project accepted). `changed_fields`
    and `has_other_version`: against the certificate the application is about.
    """

    kind: str
    product_kind: str
    title: str
    use_case: str
    source_statement: str
    rights: Sequence[str]
    classification: str
    legal_statement: str
    is_fixed: bool
    is_verified: bool
    reason: str = ""
    arrangement: str = ""
    scope: str = ""
    licence_until: date | None = None
    certificate_until: date | None = None
    has_other: bool = False
    has_agreed: bool = False
    has_changed: bool = False
    file_count: int = 0
    sample_count: int = 0


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing an application lacks: the section to mend it in, and what to do."""

    code: str
    section: str
    words: Text


def _is_thin(text: str) -> bool:
    return len(text.strip()) < MINIMUM_STATEMENT


def _fixed_words(product_kind: str) -> Text:
    if product_kind in OF_PROJECT:
        return _("选择一个已验收、有标注规范的标注项目")
    return _("选择一个已封版、未撤回的数据集版本")


def completeness(dossier: Dossier) -> list[Missing]:
    """What is missing before submission, in the order of the task list; empty when complete."""
    is_core = dossier.classification == Classification.CORE
    is_document = dossier.product_kind in OF_DOCUMENTS
    past = (
        dossier.certificate_until is not None
        and dossier.licence_until is not None
        and (dossier.licence_until > dossier.certificate_until)
    )
    is_settled = dossier.kind in (RegistrationKind.CHANGE, RegistrationKind.CORRECTION)
    points = (
        (_is_thin(dossier.reason), "reason", "reason", _("写明办理事由（至少十个字）")),
        (is_settled and not dossier.has_changed, "unchanged", "reason",
         _("申请内容与证书完全相同，请先修改要变更或更正的内容")),
        (not dossier.has_other, "other", "other", _("填写另一方的统一社会信用代码，对方须已通过单位认证")),
        (dossier.has_other and not dossier.has_agreed, "agreement", "other",
         _("等待另一方确认：请对方登录后在“资产登记”中确认")),
        (_is_thin(dossier.scope), "scope", "licence", _("写明许可范围（至少十个字）")),
        (dossier.licence_until is None, "licence_until", "licence", _("填写许可的最后一日")),
        (past, "licence_past_certificate", "licence", _("许可期限不得晚于证书有效期，请改短或先办理续展")),
        (not dossier.title.strip(), "title", "asset", _("填写资产名称")),
        (not dossier.is_fixed, "version", "asset", _fixed_words(dossier.product_kind)),
        (_is_thin(dossier.use_case), "use_case", "use_case",
         _("写明应用场景（至少十个字）：没有应用场景不予登记")),
        (_is_thin(dossier.source_statement), "source", "source", _("写明数据来源与授权（至少十个字）")),
        (not dossier.rights, "rights", "rights", _("选择要登记的权利")),
        (_is_thin(dossier.arrangement), "arrangement", "parties",
         _("写明委托方与标注企业各自的权利（至少十个字）")),
        (not dossier.classification, "classification", "classification", _("选择数据分级")),
        (is_core, "core", "classification", _("核心数据不得登记。如分级有误，请更正后再提交")),
        (not dossier.sample_count, "sample", "sample", _("版本没有样例，无法审查；请重新封版")),
        (_is_thin(dossier.legal_statement), "legal", "legal", _("写明法律意见或合规自述（至少十个字）")),
        (is_document and not dossier.file_count, "files", "files",
         _("上传登记材料：这类产品以材料描述，至少一份")),
        (not dossier.is_verified, "verification", "organization", _("完成单位认证")),
    )  # fmt: skip
    wanted = {*sections_of(dossier.kind, dossier.product_kind), "organization"}
    return [
        Missing(code, section, words)
        for is_missing, code, section, words in points
        if is_missing and section in wanted
    ]


SECTIONS: Mapping[str, Text] = {
    "reason": _("办理事由"),
    "other": _("另一方"),
    "licence": _("许可范围与期限"),
    "asset": _("资产名称与对象"),
    "use_case": _("应用场景"),
    "source": _("来源与授权"),
    "rights": _("登记权利"),
    "parties": _("委托方与标注企业的权利"),
    "classification": _("数据分级"),
    "quality": _("数据质量"),
    "sample": _("样例"),
    "legal": _("法律意见或合规自述"),
    "files": _("登记材料"),
}
"""The parts of an application's task list."""
READ_ONLY_SECTIONS = ("quality", "sample")
"""Parts that the platform fills from its own records."""
FIELDS: Mapping[str, tuple[str, ...]] = {
    "reason": ("reason",),
    "other": (),
    "licence": ("scope", "licence_until"),
    "asset": ("title", "product_kind"),
    "use_case": ("use_case",),
    "source": ("source_statement",),
    "rights": ("rights",),
    "parties": ("arrangement",),
    "classification": ("classification",),
    "quality": (),
    "sample": (),
    "legal": ("legal_statement",),
    "files": (),
}
"""Which fields of an application each part holds."""


def editable_fields(kind: str, product_kind: str) -> tuple[str, ...]:
    """The fields that an application of that kind may change."""
    found = [name for key in sections_of(kind, product_kind) for name in FIELDS[key]]
    return tuple(name for name in found if kind == RegistrationKind.INITIAL or name != "product_kind")


DIFFERING: Mapping[str, Text] = {
    "title": _("资产名称"),
    "use_case": _("应用场景"),
    "source_statement": _("来源与授权说明"),
    "rights": _("登记权利"),
    "classification": _("数据分级"),
    "legal_statement": _("法律意见或合规自述"),
    "arrangement": _("委托方与标注企业的权利"),
}
"""Fields that are compared with the last registration."""


# --- whose turn, until when ---------------------------------------------------------------------

TURNS: Mapping[str, Text] = {
    ApplicationState.DRAFT: _("登记主体填写"),
    ApplicationState.RETURNED: _("登记主体补正"),
    ApplicationState.SUBMITTED: _("登记机构受理"),
    ApplicationState.ACCEPTED_FOR_REVIEW: _("登记机构安排审查"),
    ApplicationState.COMPLIANCE_REVIEW: _("登记机构合规审查"),
    ApplicationState.PUBLIC_NOTICE: _("公示期，期满由登记机构发证"),
    ApplicationState.UNDER_OBJECTION: _("异议处理中，公示暂停计日"),
    ObjectionState.FILED: _("登记机构决定是否受理异议"),
    ObjectionState.ACCEPTED: _("登记主体答复异议"),
    ObjectionState.ANSWERED: _("登记机构对异议作出决定"),
    RevocationState.NOTICED: _("等待听证；持有人可以放弃"),
    RevocationState.HEARD: _("登记机构提出处理意见"),
    RevocationState.PROPOSED: _("登记机构第二人核定"),
}
"""Whose turn it is in each open state; the others are ended."""


def due_after(on: date, working_days: int) -> date:
    """The final day of a period that begins on `on`; the day itself does not count, the end is inside."""
    return workdays.add_working_days(on, working_days)


def days_left(until: date, on: date) -> int:
    """Working days of a notice that remain after `on`: what an objection of that day preserves."""
    return workdays.working_days_between(on, until)


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


def renewed_until(until: date, on: date, years: int) -> date:
    """The final day after renewal: full years after the old final day, or after `on` when that has passed."""
    start = until + timedelta(days=1) if on <= until else on
    return validity(start, years)[1]


def is_renewable(until: date, on: date, parameters: Parameters) -> bool:
    """Whether a certificate that ends on `until` may be renewed on a day."""
    first = until - timedelta(days=parameters.renewal_before_days)
    return first <= on <= until + timedelta(days=parameters.renewal_after_days)


def reminder_of(until: date, on: date, days: Sequence[int]) -> int | None:
    """Which reminder is due: the smallest of `days` that the days left have come down to; None if none."""
    left = (until - on).days
    return min((each for each in days if 0 <= left <= each), default=None)


def is_carried(votes_for: int, seats: int) -> bool:
    """Whether a committee of that many seats has a majority in favour."""
    return votes_for * 2 > seats


SMALLEST_COMMITTEE = 3


def is_committee(size: int) -> bool:
    """A committee has at least three members, and an odd number so that there is always a majority."""
    return size >= SMALLEST_COMMITTEE and size % 2 == 1


def points_beyond(letter: Sequence[str], first: Sequence[str]) -> list[str]:
    """Points of a later letter that the first one did not name."""
    return [code for code in letter if code not in first]


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
    annotation_root: str = ""
    annotation_count: int = 0


@dataclass(frozen=True, slots=True)
class Work:
    """The accepted annotation project as a certificate names it; `guidelines`: version and SHA-256 of each."""

    number: str
    title: str
    modality: str
    item_count: int
    task_count: int
    accepted_count: int
    review_count: int
    returned_count: int
    accepted_on: date
    guidelines: Sequence[tuple[int, str]]
    firm: Party
    client: Party | None
    arrangement: str

    def members(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "title": self.title,
            "modality": self.modality,
            "scope": {"item_count": self.item_count, "task_count": self.task_count},
            "guidelines": [{"version": version, "sha256": digest} for version, digest in self.guidelines],
            "acceptance": {
                "accepted_count": self.accepted_count,
                "review_count": self.review_count,
                "returned_count": self.returned_count,
                "accepted_on": self.accepted_on.isoformat(),
            },
            "firm": self.firm.members(),
            "client": self.client.members() if self.client else None,
            "arrangement": self.arrangement,
        }


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """Everything a certificate says; it is about a version, a project, or files that describe a product."""

    number: str
    application: str
    kind: str
    product_kind: str
    title: str
    holder: Party
    authority: Party
    asset: Asset | None
    rights: Sequence[str]
    classification: str
    use_case: str
    source: str
    issued_at: datetime
    valid_from: date
    valid_until: date
    is_demo: bool
    verification_url: str
    project: Work | None = None
    files: Sequence[tuple[str, str]] = ()
    replaces: str = ""


def _subject_members(facts: CertificateFacts) -> dict[str, Any]:
    asset, found = facts.asset, dict[str, Any]()
    if asset is not None:
        found["asset"] = {
            "dataset": asset.dataset,
            "version": asset.version,
            "modality": asset.modality,
            "root_hash": asset.root_hash,
            "row_count": asset.row_count,
            "file_count": asset.file_count,
            "byte_count": asset.byte_count,
        }
        if asset.annotation_root:
            tree = {"annotation_root": asset.annotation_root, "annotation_count": asset.annotation_count}
            found["asset"] |= tree
    if facts.project is not None:
        found["project"] = facts.project.members()
    if facts.files:
        found["files"] = [{"name": name, "sha256": digest} for name, digest in facts.files]
    if facts.replaces:
        found["replaces"] = facts.replaces
    return found


def claims(facts: CertificateFacts) -> dict[str, Any]:
    """The signed members of a certificate.

    Registered JWT names (RFC 7519): `jti` certificate number, `sub` holder's USCC, `iat`, `nbf`, `exp`
    seconds since 1970 UTC (`exp`: the first moment after the final day in Asia/Shanghai); signing adds `iss`.
    `certificate` holds the rest: kinds and rights as codes of domain.md, days as ISO 8601 in Asia/Shanghai,
    sizes in bytes, `asset.root_hash` SHA-256 in hex, `is_demo` true for invented holders. Members that only
    some certificates have: `asset.annotation_root` (root of the tree of annotations, hex) with their count, `asset` (a dataset version), `project` (an annotation task), `files` (name and
    SHA-256 of what describes another product), `replaces` (number of the certificate before this one).
    """
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
            **_subject_members(facts),
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


def size_of(told: Mapping[str, Any]) -> tuple[str, str]:
    """Two lines of what a certificate is about, in Chinese: how much, and which."""
    asset, project = told.get("asset"), told.get("project")
    if asset:
        size = f"{asset['row_count']:,} 个样本，{asset['file_count']:,} 个文件"
        return size, f"{asset['dataset']} 第 {asset['version']} 版"
    if project:
        accepted = project["acceptance"]["accepted_count"]
        size = f"{project['scope']['item_count']:,} 条原始数据，{accepted:,} 条标注通过验收"
        return size, f"{project['number']} {project['title']}"
    return f"{len(told.get('files', [])):,} 份登记材料", "、".join(
        file["name"] for file in told.get("files", [])
    )


@dataclass(frozen=True, slots=True)
class LicenceFacts:
    """Everything the register says of a licence."""

    number: str
    certificate: str
    title: str
    licensor: Party
    licensee: Party
    authority: Party
    scope: str
    issued_at: datetime
    valid_from: date
    valid_until: date
    is_demo: bool


def licence_claims(facts: LicenceFacts) -> dict[str, Any]:
    """The signed members of a registered licence; names as in `claims`."""
    return {
        "jti": facts.number,
        "sub": facts.licensee.uscc,
        "iat": int(facts.issued_at.timestamp()),
        "nbf": int(clock.start_of(facts.valid_from).timestamp()),
        "exp": int(clock.end_of(facts.valid_until).timestamp()),
        "licence": {
            "number": facts.number,
            "certificate": facts.certificate,
            "title": facts.title,
            "licensor": facts.licensor.members(),
            "licensee": facts.licensee.members(),
            "authority": facts.authority.members(),
            "scope": facts.scope,
            "valid_from": facts.valid_from.isoformat(),
            "valid_until": facts.valid_until.isoformat(),
            "is_demo": facts.is_demo,
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
