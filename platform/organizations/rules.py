"""What is true of an organization's particulars, without looking at any row."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path

import phonenumbers
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from stdnum.cn import uscc as stdnum_uscc
from stdnum.exceptions import ValidationError as StdnumError

from organizations.states import OrganizationKind as Kind
from organizations.states import Role

QINGYUAN = "4418"
SELF_DECLARED_KINDS = (Kind.ANNOTATION_FIRM, Kind.BUYER, Kind.BROKER, Kind.PARK_OPERATOR)
"""Kinds a firm may claim itself; the others carry powers of office and are set up by the platform."""

ROLES_OF_OFFICE: Mapping[Role, set[Kind]] = {
    Role.REGISTRATION_REVIEWER: {Kind.EXCHANGE_OPERATOR},
    Role.LISTING_REVIEWER: {Kind.EXCHANGE_OPERATOR},
    Role.FIRST_REVIEWER: {Kind.EXCHANGE_OPERATOR},
    Role.SECOND_REVIEWER: {Kind.DEPARTMENT},
    Role.AUDITOR: {Kind.AUDITOR},
    Role.BROKER_AGENT: {Kind.BROKER},
}
"""Roles that mean something in some kinds of organization only."""

_INDUSTRY_GB = re.compile(r"[A-T]?\d{2,4}")
REQUIRED_FOR_VERIFICATION: dict[str, str | Promise] = {
    "name": _("单位名称"),
    "uscc": _("统一社会信用代码"),
    "kinds": _("单位类型"),
    "registered_place": _("注册地"),
    "tax_place": _("税务登记地"),
    "industry_digital": _("数字经济分类"),
    "legal_representative": _("法定代表人"),
    "contact_name": _("联系人"),
    "contact_phone": _("联系电话"),
}
REVERIFIED_FIELDS = frozenset({"name", "kinds", "registered_place", "tax_place", "legal_representative"})
"""A change of one of these in a verified organization sends it back to verification."""


@lru_cache(maxsize=1)
def _reference() -> Mapping[str, Mapping[str, tuple[str, str]]]:
    text = Path(__file__).with_name("reference.toml").read_text("utf-8")
    return {
        table: {code: (zh, en) for code, (zh, en) in rows.items()}
        for table, rows in tomllib.loads(text).items()
    }


def _named(table: str, code: str) -> str:
    names = _reference()[table].get(code)
    if names is None:
        return code
    return names[1] if (translation.get_language() or "").startswith("en") else names[0]


def _choices(table: str) -> list[tuple[str, str]]:
    return [(code, f"{_named(table, code)}（{code}）") for code in _reference()[table]]


def place_name(code: str) -> str:
    """The place in the reader's language; the code itself where it is not in the reference data."""
    return _named("places", code)


def place_choices() -> list[tuple[str, str]]:
    """(code, name) of every known place, Qingyuan's first."""
    return sorted(_choices("places"), key=lambda choice: (not in_qingyuan(choice[0]), choice[0]))


def is_place(code: str) -> bool:
    """Whether the code is in the reference data."""
    return code in _reference()["places"]


def in_qingyuan(code: str) -> bool:
    """Whether an administrative code lies in Qingyuan (4418xx)."""
    return len(code) == 6 and code.startswith(QINGYUAN) and code.isdigit()


def digital_industry_name(code: str) -> str:
    """The middle class of the digital-economy classification in the reader's language."""
    return _named("digital_industries", code)


def digital_industry_choices() -> list[tuple[str, str]]:
    """(code, name) of the classes in scope."""
    return _choices("digital_industries")


def is_digital_industry(code: str) -> bool:
    """Whether the class is one of groups 02 to 05."""
    return code in _reference()["digital_industries"]


def is_gb_industry(code: str) -> bool:
    """Whether the text has the form of a GB/T 4754 class: optional section letter, two to four digits."""
    return bool(_INDUSTRY_GB.fullmatch(code))


def clean_uscc(text: str) -> str:
    """The compact upper-case code (GB 32100-2015); ValueError when form or check character is wrong."""
    try:
        return str(stdnum_uscc.validate(text))
    except StdnumError as wrong:
        raise ValueError(text) from wrong


def is_reachable_phone(text: str) -> bool:
    """Whether a fixed line or mobile number can exist (China unless it says otherwise)."""
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, "CN"))
    except phonenumbers.NumberParseException:
        return False


def missing_for_verification(values: Mapping[str, object]) -> list[str]:
    """The required particulars that are still empty, in the order of the task list."""
    return [name for name in REQUIRED_FOR_VERIFICATION if not values.get(name)]


def useful_roles(kinds: Collection[str]) -> list[Role]:
    """The roles worth offering in an organization of these kinds, in table order."""
    own = {Kind(kind) for kind in kinds}
    return [role for role in Role if own & ROLES_OF_OFFICE.get(role, own)]
