"""Pure rules of the catalogue: what a listing still lacks, price bands, what each licence means in plain
words, and how a sealed version's sample is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from exchange.catalogue.states import (
    ENDLESS_KINDS,
    EXCLUSIVE_KINDS,
    FREE_KINDS,
    METERED_KINDS,
    Industry,
    Licence,
    Ordering,
    PersonalInformation,
    PlanKind,
    Visibility,
)
from kernel.money import Money
from kernel.wording import listed

Text = str | Promise


class Band(NamedTuple):
    """A price band of the facets: from `least` fen (inside) to `below` fen (outside; None: no end)."""

    code: str
    label: Text
    least: int
    below: int | None


PRICE_BANDS = (
    Band("to_1k", _("1 千元以下"), 0, 1_000_00),
    Band("to_1w", _("1 千–1 万元"), 1_000_00, 10_000_00),
    Band("to_10w", _("1 万–10 万元"), 10_000_00, 100_000_00),
    Band("to_100w", _("10 万–100 万元"), 100_000_00, 1_000_000_00),
    Band("above", _("100 万元及以上"), 1_000_000_00, None),
)


class QualityBand(NamedTuple):
    """A band of measured quality: from `least` basis points (inside); -1 stands for not measured."""

    code: str
    label: Text
    least: int


QUALITY_BANDS = (
    QualityBand("excellent", _("优：95% 及以上"), 9_500),
    QualityBand("good", _("良：85%–95%"), 8_500),
    QualityBand("fair", _("低于 85%"), 0),
    QualityBand("unmeasured", _("未测"), -1),
)
ENDING_DAYS = 90
"""A certificate that ends within so many days is said to be ending."""
PLACES: Mapping[str, Text] = {
    "441802": _("清远市清城区"),
    "441803": _("清远市清新区"),
    "441821": _("清远市佛冈县"),
    "441823": _("清远市阳山县"),
    "441825": _("清远市连山县"),
    "441826": _("清远市连南县"),
    "441881": _("清远市英德市"),
    "441882": _("清远市连州市"),
    "4418": _("清远市其他"),
    "44": _("广东其他地市"),
    "cn": _("省外"),
}


def price_band(fen: int) -> str:
    """The code of the band a price stands in."""
    return next(band.code for band in PRICE_BANDS if band.below is None or fen < band.below)


def quality_band(quality_bp: int) -> str:
    """The code of the band a measured quality stands in (-1: not measured)."""
    return next(band.code for band in QUALITY_BANDS if quality_bp >= band.least)


def place_of(code: str) -> str:
    """The facet value of a six-digit administrative code: the county within Qingyuan, else the wider area."""
    if code in PLACES:
        return code
    return next((wide for wide in ("4418", "44") if code.startswith(wide)), "cn")


@dataclass(frozen=True, slots=True)
class LicenceTerms:
    """A licence in plain words: what the buyer may and may not do."""

    allowed: tuple[Text, ...]
    forbidden: tuple[Text, ...]


_NEVER = (
    _("转售、公开或再许可原始数据"),
    _("还原个人身份，或与其他数据拼接识别个人"),
    _("未经安全评估向境外提供"),
)
LICENCE_TERMS: Mapping[str, LicenceTerms] = {
    Licence.INTERNAL: LicenceTerms(
        (_("在本单位内部查询、统计和分析"), _("形成仅供内部使用的报告")),
        (_("用于训练对外提供的模型"), *_NEVER),
    ),
    Licence.TRAINING: LicenceTerms(
        (_("训练、微调和评测模型"), _("在本单位内部查询、统计和分析"), _("发布不含原始数据的评测结果")),
        (_("在商业产品中直接提供数据内容"), *_NEVER),
    ),
    Licence.COMMERCIAL: LicenceTerms(
        (_("训练、微调和评测模型"), _("模型与衍生成果随产品商用，不限销量"), _("本单位控股的公司共同使用")),
        _NEVER,
    ),
}


class Step(NamedTuple):
    """One line of the supplier's task list; what is optional never holds a listing up."""

    code: str
    label: Text
    detail: Text
    is_done: bool
    is_optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a listing has so far, as the task list needs it."""

    title: str
    summary: str
    description: str
    licence: str
    personal_information: str
    has_no_important_data: bool
    is_source_lawful: bool
    visibility: str
    live_invitations: int
    plan_count: int
    sample_count: int
    field_count: int
    contact_count: int
    need_count: int
    example_count: int
    is_certified: bool


def listing_steps(of: Standing) -> list[Step]:
    """The task list of a listing in order; every step that is not optional is done before it is submitted."""
    return [
        Step("certificate", _("登记证书"), _("证书在有效期内，且正是登记该版本"), of.is_certified),
        Step("sample", _("样例"), _("封版时随数据版本生成，买方先看样例"), of.sample_count > 0),
        Step("dictionary", _("字段字典"), _("每个字段的类型、说明与完整率"), of.field_count > 0),
        Step(
            "wording",
            _("名称与说明"),
            _("名称、一句话简介和产品说明"),
            bool(of.title and of.summary and of.description),
        ),
        Step("licence", _("使用许可"), _("买方可以怎么用、不可以怎么用"), of.licence in Licence.values),
        Step("plans", _("价格方案"), _("至少一个含税价格方案"), of.plan_count > 0),
        Step(
            "compliance",
            _("合规声明"),
            _("个人信息、重要数据、来源合法与使用限制"),
            of.personal_information in PersonalInformation.values
            and of.has_no_important_data
            and of.is_source_lawful,
        ),
        Step("contacts", _("联系人"), _("商务与技术联系人，买方下单后才能看到"), of.contact_count > 0),
        Step(
            "access",
            _("可见范围与下单方式"),
            _("公开、仅受邀单位或仅一家买方"),
            fits_visibility(of.visibility, of.live_invitations),
        ),
        Step("needs", _("业务需求"), _("最多六个真实需求，写明所属行业"), of.need_count > 0, True),
        Step("examples", _("使用示例"), _("一小段代码或查询，配一句说明"), of.example_count > 0, True),
    ]


def fits_visibility(visibility: str, live_invitations: int) -> bool:
    """A product for invited buyers has at least one; a product for one buyer exactly one."""
    if visibility == Visibility.ONE_BUYER:
        return live_invitations == 1
    return visibility == Visibility.PUBLIC or live_invitations > 0


# --- plans --------------------------------------------------------------------------------------

MOST_TAX_BP = 1_300  # the highest VAT rate, 13 %
MOST_TERM_DAYS = 3_650
MOST_QUANTITY = 10**15
MOST_PRICE_FEN = 10**14
YEAR_DAYS = 365
MOST_PLANS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTerms:
    """All that a plan promises; amounts in fen, `tax_rate_bp` 600 = 6 %, quantities in calls or bytes.

    `buyer` is an organization's id as text, `valid_until` a moment in ISO 8601; both empty for none.
    """

    name: str
    price_fen: int
    kind: str = PlanKind.ONE_OFF
    note: str = ""
    tax_rate_bp: int = 600
    term_days: int | None = None
    included_quantity: int | None = None
    buyer: str = ""
    is_exclusive: bool = False
    valid_until: str = ""


Fault = tuple[str, str]


def plan_fault(of: PlanTerms) -> Fault | None:
    """The first thing wrong with a plan: the field and the remedy; None when nothing is."""
    found = (
        *_wording_faults(of),
        *_price_faults(of),
        *_term_faults(of),
        *_quantity_faults(of),
        *_buyer_faults(of),
    )
    return found[0] if found else None


def _wording_faults(of: PlanTerms) -> Iterator[Fault]:
    if not of.name.strip() or len(of.name) > 80:
        yield "name", gettext("请填写方案名称，最多 80 字。")
    if len(of.note) > 200:
        yield "note", gettext("说明最多 200 字，请删短。")
    if of.kind not in PlanKind.values:
        yield "kind", gettext("请选择方案类型。")


def _price_faults(of: PlanTerms) -> Iterator[Fault]:
    if not 0 <= of.tax_rate_bp <= MOST_TAX_BP:
        yield "tax_rate_bp", gettext("税率应在 0 到 13% 之间。")
    if of.kind in FREE_KINDS and of.price_fen != 0:
        yield "price", gettext("免费样例和限时试用的价格为 0，请改为 0 或换一种方案类型。")
    if of.kind not in FREE_KINDS and of.price_fen <= 0:
        yield "price", gettext("价格必须大于零。")
    if of.price_fen > MOST_PRICE_FEN:
        yield "price", gettext("价格过高，请核对小数点。")


def _term_faults(of: PlanTerms) -> Iterator[Fault]:
    if of.kind in ENDLESS_KINDS:
        if of.term_days is not None:
            yield "term_days", gettext("这类方案没有期限，请把期限留空。")
    elif of.term_days is None:
        if of.kind != PlanKind.PRIVATE_OFFER:
            yield "term_days", gettext("请填写期限，例如 365 天。")
    elif not 1 <= of.term_days <= MOST_TERM_DAYS:
        yield "term_days", gettext("期限应在 1 到 3650 天之间。")


def _quantity_faults(of: PlanTerms) -> Iterator[Fault]:
    if of.kind not in METERED_KINDS:
        if of.included_quantity is not None:
            yield "included_quantity", gettext("只有按量计费的方案填写数量，请留空。")
    elif of.included_quantity is None or not 1 <= of.included_quantity <= MOST_QUANTITY:
        yield "included_quantity", gettext("请填写价格包含的数量，须大于零；用完后买方再次下单。")


def _buyer_faults(of: PlanTerms) -> Iterator[Fault]:
    if of.kind == PlanKind.PRIVATE_OFFER and not of.buyer:
        yield "buyer", gettext("专属报价须指定一家买方，请填写其统一社会信用代码。")
    if of.kind != PlanKind.PRIVATE_OFFER and of.buyer:
        yield "buyer", gettext("只有专属报价指定买方，请留空或换成专属报价。")
    if of.is_exclusive and of.kind not in EXCLUSIVE_KINDS:
        yield "is_exclusive", gettext("只有一次性、订阅和专属报价可以独家，请取消勾选。")


def _amount(kind: str, quantity: int) -> str:
    """A quantity of calls or bytes for people: 10,000 次, 1.5 GB."""
    if kind == PlanKind.METERED_CALLS:
        return ngettext("%(number)s 次调用", "%(number)s 次调用", quantity) % {"number": f"{quantity:,}"}
    for size, name in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "KB")):
        if quantity >= size:
            return f"{quantity // size}.{quantity % size * 10 // size}".removesuffix(".0") + f" {name}"
    return f"{quantity} B"


def plan_words(of: PlanTerms) -> list[str]:
    """What a plan costs and holds, in sentences for people."""
    told: list[str] = []
    if of.kind == PlanKind.FREE_SAMPLE:
        told.append(gettext("免费，仅供评估，不得用于其他用途。"))
    elif of.kind == PlanKind.ONE_OFF:
        told.append(gettext("付款一次，长期使用。"))
    if of.term_days is not None:
        days = ngettext("有效 %(days)s 天，", "有效 %(days)s 天，", of.term_days) % {"days": of.term_days}
        told.append(days + gettext("自开通之日起算。"))
    if of.included_quantity:
        told.append(gettext("价格已含 %(amount)s。") % {"amount": _amount(of.kind, of.included_quantity)})
        told.append(gettext("用完即停，不会产生额外费用。"))
    if of.is_exclusive:
        told.append(gettext("独家：售出后不再卖给任何其他单位。"))
    if of.valid_until:
        told.append(gettext("报价有效期至 %(day)s。") % {"day": of.valid_until[:10]})
    return told


def may_claim(kind: str, ordering: str) -> bool:
    """Whether a free plan is taken without asking: a sample always, a trial unless the supplier approves each use."""
    return kind == PlanKind.FREE_SAMPLE or (kind == PlanKind.TRIAL and ordering != Ordering.APPROVAL)


# --- what changes -------------------------------------------------------------------------------

FIELDS: Mapping[str, Text] = {
    "title": _("产品名称"),
    "title_en": _("英文名称"),
    "summary": _("一句话简介"),
    "description": _("产品说明"),
    "industry": _("行业"),
    "licence": _("使用许可"),
    "visibility": _("可见范围"),
    "personal_information": _("个人信息"),
    "has_no_important_data": _("不含重要数据"),
    "is_source_lawful": _("来源合法"),
    "restrictions": _("使用限制"),
    "needs": _("业务需求"),
    "examples": _("使用示例"),
    "certificate": _("登记证书与数据版本"),
}
"""What of a product is under review, in the order of the diff; its plans come after."""
_CHOICES: Mapping[str, Mapping[str, Text]] = {
    "industry": dict(Industry.choices),
    "licence": dict(Licence.choices),
    "visibility": dict(Visibility.choices),
    "personal_information": dict(PersonalInformation.choices),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a diff, in words; an empty side means that there was or will be nothing."""

    field: str
    label: Text
    before: str
    after: str


def _worded(field: str, value: Any) -> str:
    if field in _CHOICES:
        return str(_CHOICES[field].get(value, value or ""))
    if isinstance(value, bool):
        return gettext("是") if value else gettext("否")
    if field == "needs":
        return "\n".join(
            f"{each['title']}（{_CHOICES['industry'].get(each['industry'], '')}）" for each in value
        )
    if field == "examples":
        return "\n\n".join(f"{each['title']}\n{each['code']}\n{each['explanation']}" for each in value)
    if field == "certificate":
        return f"{value['number']} · v{value['version']}" if value else ""
    return str(value or "")


def terms_in(plan: Mapping[str, Any]) -> PlanTerms:
    """The terms of a plan as a snapshot keeps them."""
    return PlanTerms(**{name: plan[name] for name in PlanTerms.__dataclass_fields__})


def _plan_line(plan: Mapping[str, Any]) -> str:
    terms = terms_in(plan)
    kind = str(dict(PlanKind.choices).get(terms.kind, terms.kind))
    head = f"{terms.name} · {kind} · {Money(terms.price_fen)} · {terms.tax_rate_bp / 100:g}%"
    parts = [head, terms.note, plan.get("buyer_name", ""), *plan_words(terms)]
    return "\n".join(part for part in parts if part)


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[Change]:
    """Field by field what is different; plans by their id. Everything is new when there was nothing."""
    old = before or {}
    found = [
        Change(
            field, label, _worded(field, old.get(field, "")) if before else "", _worded(field, after[field])
        )
        for field, label in FIELDS.items()
        if (before is None or old.get(field) != after[field]) and (before is not None or after[field])
    ]
    plans = {plan["id"]: plan for plan in old.get("plans", [])}
    wanted = {plan["id"]: plan for plan in after["plans"]}
    found += [
        Change("plans", gettext("停售方案"), _plan_line(plan), "")
        for key, plan in plans.items()
        if key not in wanted
    ]
    found += [
        Change("plans", gettext("新增方案"), "", _plan_line(plan))
        for key, plan in wanted.items()
        if key not in plans
    ]
    return found


# --- the licence for machines -------------------------------------------------------------------

_ODRL = "http://www.w3.org/ns/odrl.jsonld"
_PURPOSES: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    Licence.INTERNAL: (("use", ("internal analysis",)),),
    Licence.TRAINING: (
        ("use", ("internal analysis", "model training", "model evaluation")),
        ("derive", ("model training", "model evaluation")),
    ),
    Licence.COMMERCIAL: (
        ("use", ("internal analysis", "model training", "model evaluation", "commercial product")),
        ("derive", ("model training", "model evaluation", "commercial product")),
        ("commercialize", ("derived model", "derived result")),
    ),
}


def _constraint(operand: str, operator: str, *values: str) -> dict[str, Any]:
    return {
        "leftOperand": operand,
        "operator": operator,
        "rightOperand": list(values) if len(values) > 1 else values[0],
    }


def licence_policy(*, licence: str, page: str, supplier: str) -> dict[str, Any]:
    """The licence as an ODRL 2.2 offer (https://www.w3.org/TR/odrl-model/) in JSON-LD.

    `page`: the product's address, which is target and base of the policy's own name; `supplier`: its USCC.
    Only actions of the ODRL core and common vocabulary are used, so that no profile is needed.
    """
    permissions = [
        {"action": action, "constraint": [_constraint("purpose", "isAnyOf" if len(why) > 1 else "eq", *why)]}
        for action, why in _PURPOSES[licence]
    ]
    prohibitions: list[dict[str, Any]] = [
        {"action": "sell"},
        {"action": "distribute"},
        {"action": "grantUse"},
        {"action": "use", "constraint": [_constraint("purpose", "eq", "re-identification")]},
        {"action": "move", "constraint": [_constraint("spatial", "neq", "CN")]},
    ]
    if licence == Licence.INTERNAL:
        why = _constraint("purpose", "eq", "training of models offered to others")
        prohibitions.append({"action": "derive", "constraint": [why]})
    elif licence == Licence.TRAINING:
        prohibitions.append({"action": "commercialize"})
    return {
        "@context": _ODRL,
        "@type": "Offer",
        "uid": f"{page}policy.jsonld",
        "assigner": {"@type": "Party", "uid": f"urn:uscc:{supplier}"},
        "target": {"@type": "Asset", "uid": page},
        "permission": permissions,
        "prohibition": prohibitions,
    }


class Mark(NamedTuple):
    """A piece of a sample's text: plain, or labelled."""

    text: str
    label: str


class Box(NamedTuple):
    """A labelled rectangle over an image; sides in per cent of the image, as decimal text."""

    x: str
    y: str
    width: str
    height: str
    label: str
    tone: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample row as the product page shows it: a text in marked pieces, a file (an image) with boxes, or
    the cells of a table's row.

    `path` is the raw file's place in the version; `cells` are column and value.
    """

    name: str
    path: str
    marks: tuple[Mark, ...]
    boxes: tuple[Box, ...]
    labels: tuple[str, ...]
    cells: tuple[tuple[str, str], ...] = ()


def _regions(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = row.get("result")
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _names(region: Mapping[str, Any]) -> list[str]:
    """The label names of one Label Studio region, whatever its control is called."""
    value = region.get("value")
    if not isinstance(value, Mapping):
        return []
    kind = str(region.get("type", ""))
    named = value.get(kind) or value.get("choices") or value.get("labels") or []
    return [str(each) for each in named] if isinstance(named, list) else []


def _cut(text: str, spans: Sequence[tuple[int, int, str]]) -> tuple[Mark, ...]:
    """The text in pieces, labelled where a span lies; spans that overlap an earlier one are left out."""
    pieces: list[Mark] = []
    reached = 0
    for start, end, label in sorted(spans):
        if start < reached or end > len(text) or end <= start:
            continue
        if start > reached:
            pieces.append(Mark(text[reached:start], ""))
        pieces.append(Mark(text[start:end], label))
        reached = end
    if reached < len(text):
        pieces.append(Mark(text[reached:], ""))
    return tuple(pieces)


def read_sample(row: Mapping[str, Any]) -> Sample:
    """A sample row: name, item, text, labels, and the result when it is kept; or the columns of a table."""
    spans: list[tuple[int, int, str]] = []
    boxes: list[Box] = []
    labels: list[str] = []
    known: dict[str, int] = {}
    for region in _regions(row):
        value, names = region.get("value") or {}, _names(region)
        label = listed(names)
        if isinstance(value.get("start"), int) and isinstance(value.get("end"), int):
            spans.append((value["start"], value["end"], label))
        elif all(isinstance(value.get(side), int | float) for side in ("x", "y", "width", "height")):
            x, y, width, height = (f"{value[side]:.2f}" for side in ("x", "y", "width", "height"))
            boxes.append(Box(x, y, width, height, label, known.setdefault(label, len(known) % 6)))
        else:
            labels += names
    plain = row.get("labels")
    if not (labels or spans or boxes) and isinstance(plain, list):
        labels = [str(each) for each in plain]
    return Sample(
        name=str(row.get("item_name") or row.get("id") or ""),
        path=str(row.get("item") or ""),
        marks=_cut(str(row.get("text") or ""), spans),
        boxes=tuple(boxes),
        labels=tuple(dict.fromkeys(labels)),
        cells=()
        if {"item", "text"} & row.keys()
        else tuple((name, str(value)) for name, value in row.items()),
    )
