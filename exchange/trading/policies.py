"""The licence of a contract as an ODRL 2.2 agreement (JSON-LD), and each of its rules in plain words.

Actions and operands are those of the W3C vocabulary (ODRL Vocabulary & Expression 2.2); what it has no word for
is in our profile, prefix `qs:`. The words of the page are read from the policy itself, so that what is shown is
what was signed.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from exchange.trading.rules import Terms
from exchange.trading.states import Clause, Territory
from kernel.wording import listed

CONTEXT = "http://www.w3.org/ns/odrl.jsonld"
PROFILE = "urn:qingshu:odrl:1"
KINDS = ("permission", "prohibition", "obligation")
Node = dict[str, Any]


def _constraint(left: str, operator: str, right: object) -> Node:
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


def _duration(days: int) -> Node:
    return {"@value": f"P{days}D", "@type": "xsd:duration"}


def _ended() -> Node:
    return _constraint("event", "gt", {"@id": "odrl:policyUsage"})


def _permissions(terms: Terms, target: str) -> list[Node]:
    limits = [_constraint("purpose", "eq", terms.use_statement)]
    spaces = [Territory.MAINLAND.value] if terms.territory == Territory.ASSESSED else [terms.territory]
    limits.append(_constraint("spatial", "isAnyOf", spaces))
    if terms.term_days is not None:
        limits.append(_constraint("elapsedTime", "lteq", _duration(terms.term_days)))
    if terms.user_count is not None:
        limits.append(_constraint("qs:userCount", "lteq", terms.user_count))
    use: Node = {"target": target, "action": "use", "constraint": limits}
    if Clause.NAMED_STAFF in terms.clauses:
        use["duty"] = [{"action": "qs:registerStaff"}]
    found = [use]
    if terms.licence in ("training", "commercial"):
        found.append({"target": target, "action": "qs:trainModel"})
    if terms.licence == "commercial":
        found.append({"target": target, "action": "qs:shipDerived"})
    if Clause.AFFILIATES in terms.clauses:
        found.append({"target": target, "action": "qs:shareWithAffiliates"})
    if terms.territory == Territory.ASSESSED:
        found.append(
            {"target": target, "action": "qs:provideAbroad", "duty": [{"action": "qs:passExportAssessment"}]}
        )
    return found


def _prohibitions(terms: Terms) -> Iterator[str]:
    yield from ("sell", "distribute", "grantUse", "qs:reidentify")
    if terms.territory != Territory.ASSESSED:
        yield "qs:provideAbroad"
    if Clause.NO_TRAINING in terms.clauses:
        yield "qs:trainModel"
    elif terms.licence == "internal":
        yield "qs:trainOfferedModel"
    if Clause.NO_LINKING in terms.clauses:
        yield "aggregate"


def _obligations(terms: Terms, target: str, assigner: str, assignee: str) -> list[Node]:
    found: list[Node] = []
    if Clause.ATTRIBUTION in terms.clauses:
        found.append({"assignee": assignee, "target": target, "action": "attribute"})
    if Clause.YEARLY_AUDIT in terms.clauses:
        found.append({"assignee": assignee, "target": target, "action": "qs:allowYearlyAudit"})
    if Clause.INCIDENT_24H in terms.clauses:
        within = _constraint("elapsedTime", "lteq", {"@value": "PT24H", "@type": "xsd:duration"})
        found.append(
            {"assignee": assignee, "target": target, "action": "qs:reportIncident", "constraint": [within]}
        )
    if Clause.DELETE_AT_END in terms.clauses:
        when = [_ended(), _constraint("elapsedTime", "lteq", _duration(30))]
        found.append({"assignee": assignee, "target": target, "action": "delete", "constraint": when})
    if terms.is_exclusive:
        found.append({"assignee": assigner, "target": target, "action": "ensureExclusivity"})
    return found


def policy_of(terms: Terms) -> Node:
    """The ODRL agreement of a contract: supplier is the assigner, buyer the assignee, the bought version the target."""
    target = f"urn:qingshu:dataset:{terms.dataset_number}:{terms.version}"
    assigner, assignee = f"urn:qingshu:uscc:{terms.supplier_uscc}", f"urn:qingshu:uscc:{terms.buyer_uscc}"
    policy: Node = {
        "@context": [
            CONTEXT,
            {"qs": f"{PROFILE}:", "xsd": "http://www.w3.org/2001/XMLSchema#"},
        ],
        "@type": "Agreement",
        "uid": f"urn:qingshu:contract:{terms.contract_number}",
        "profile": PROFILE,
        "assigner": assigner,
        "assignee": assignee,
        "qs:rootHash": f"sha256:{terms.root_hash}",
        "permission": _permissions(terms, target),
        "prohibition": [{"target": target, "action": action} for action in _prohibitions(terms)],
    }
    if terms.has_marked_copies:
        policy["qs:markedCopies"] = True
    obligations = _obligations(terms, target, assigner, assignee)
    return {**policy, "obligation": obligations} if obligations else policy


def licence_in(policy: Node) -> str:
    """The licence (as the catalogue names it) that a policy's permissions amount to."""
    actions = {rule["action"] for rule in policy["permission"]}
    if "qs:shipDerived" in actions:
        return "commercial"
    return "training" if "qs:trainModel" in actions else "internal"


def marks_copies(policy: Node) -> bool:
    """Whether the contract says that copies of tables carry marks."""
    return bool(policy.get("qs:markedCopies"))


def policy_text(policy: Node) -> str:
    """The bytes that are hashed: JSON with sorted keys and no blanks, Unicode NFC."""
    plain = json.dumps(policy, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return unicodedata.normalize("NFC", plain)


# --- in plain words -----------------------------------------------------------------------------

_ACTIONS: Mapping[str, str | Promise] = {
    "use": gettext_lazy("使用数据"),
    "sell": gettext_lazy("转售数据"),
    "distribute": gettext_lazy("公开数据或提供给他人"),
    "grantUse": gettext_lazy("再许可他人使用"),
    "aggregate": gettext_lazy("与其他数据关联拼接"),
    "attribute": gettext_lazy("对外发布成果时注明数据来源"),
    "delete": gettext_lazy("删除全部数据和副本并出具证明"),
    "ensureExclusivity": gettext_lazy("许可期内不再向他人提供该版本"),
    "qs:trainModel": gettext_lazy("训练、微调和评测模型"),
    "qs:trainOfferedModel": gettext_lazy("训练对外提供的模型"),
    "qs:shipDerived": gettext_lazy("模型与衍生成果随产品商用"),
    "qs:shareWithAffiliates": gettext_lazy("控股的公司在同一用途内共同使用"),
    "qs:provideAbroad": gettext_lazy("向境外提供数据"),
    "qs:reidentify": gettext_lazy("还原或识别个人"),
    "qs:registerStaff": gettext_lazy("接触数据的人员实名登记"),
    "qs:passExportAssessment": gettext_lazy("先完成出境安全评估、标准合同备案或认证"),
    "qs:allowYearlyAudit": gettext_lazy("配合供方每年一次的使用核查"),
    "qs:reportIncident": gettext_lazy("发生安全事件时通知供方"),
}
_KIND_LABELS: Mapping[str, str | Promise] = {
    "permission": gettext_lazy("可以"),
    "prohibition": gettext_lazy("不得"),
    "obligation": gettext_lazy("应当"),
}
_TONES = {"permission": "green", "prohibition": "red", "obligation": "amber"}
_SPACES: Mapping[str, str | Promise] = {"CN": gettext_lazy("中国境内"), "CN-GD": gettext_lazy("广东省内")}


@dataclass(frozen=True, slots=True)
class Worded:
    """One rule for people: may, must not or must; who; what; within which limits."""

    kind: str
    label: str | Promise
    tone: str
    party: str | Promise
    action: str | Promise
    conditions: tuple[str, ...]


def _limit(constraint: Node, action: str) -> str:
    left, right = constraint["leftOperand"], constraint["rightOperand"]
    if left == "purpose":
        return _("只用于：%(purpose)s") % {"purpose": right}
    if left == "spatial":
        return _("只在%(places)s") % {"places": listed(_SPACES[place] for place in right)}
    if left == "qs:userCount":
        return _("不超过 %(count)s 人") % {"count": right}
    if left == "event":
        return _("在使用结束之后")
    assert left == "elapsedTime", f"no words for {left}"
    length = str(right["@value"])
    if length.startswith("PT"):
        return _("在 %(hours)s 小时内") % {"hours": length[2:-1]}
    days = {"days": length[1:-1]}
    return _("自交付起 %(days)s 天内") % days if action == "use" else _("在 %(days)s 天内") % days


def in_words(policy: Node) -> list[Worded]:
    """Every rule of the policy in order, worded in the reader's language; duties are conditions of their rule."""
    found = []
    for kind in KINDS:
        for rule in policy.get(kind, ()):
            duties = [_("须%(duty)s") % {"duty": _ACTIONS[duty["action"]]} for duty in rule.get("duty", ())]
            is_supplier = rule.get("assignee") == policy["assigner"]
            found.append(
                Worded(
                    kind=kind,
                    label=_KIND_LABELS[kind],
                    tone=_TONES[kind],
                    party=_("供方") if is_supplier else _("需方"),
                    action=_ACTIONS[rule["action"]],
                    conditions=(
                        *(_limit(each, rule["action"]) for each in rule.get("constraint", ())),
                        *duties,
                    ),
                )
            )
    return found
