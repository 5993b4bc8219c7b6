"""What callers send: form fields with bracket nesting, read strictly; a field nobody asked for is refused."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.money import Money
from settlement.merchant.rules import CURRENCY, key_of

MOST_FIELDS, DEEPEST, LATEST = 1_000, 6, 253_402_300_799
_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_FORM = "application/x-www-form-urlencoded"


class ParameterUnknown(Refusal):
    """A field that means nothing here."""

    code = "parameter_unknown"
    message = gettext_lazy("不认识的参数 %(name)s。请对照接口说明，检查拼写或去掉它。")
    status = 400


class ParameterMissing(Refusal):
    """A field that must be there."""

    code = "parameter_missing"
    message = gettext_lazy("缺少参数 %(name)s。")
    status = 400


def pairs_of(request: HttpRequest) -> list[tuple[str, str]]:
    """The fields of the query or the form, in order. Raises InvalidInput for what cannot be read."""
    text = request.META.get("QUERY_STRING", "")
    if request.method == "POST":
        kind = request.headers.get("Content-Type", "").partition(";")[0].strip()
        if request.body and kind != _FORM:
            raise InvalidInput(reason=_("请求内容应为 %(kind)s。") % {"kind": _FORM})
        try:
            text = request.body.decode()
        except UnicodeDecodeError as error:
            raise InvalidInput(reason=_("请求内容不是有效的表单编码。")) from error
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS, separator="&"
        )
    except (ValueError, UnicodeDecodeError) as error:
        raise InvalidInput(reason=_("请求内容不是有效的 UTF-8 表单，或参数过多。")) from error
    if any("\x00" in key or "\x00" in value for key, value in pairs):
        raise InvalidInput(reason=_("参数中不能有空字符。"))
    return pairs


def nested(pairs: Collection[tuple[str, str]]) -> dict[str, Any]:
    """`a[b][]=c` as dictionaries; the members of a list are kept under their position."""
    whole: dict[str, Any] = {}
    for key, value in pairs:
        found = _KEY.fullmatch(key)
        parts = [found[1], *re.findall(r"\[([^\[\]]*)\]", found[2])] if found else []
        if not parts or len(parts) > DEEPEST:
            raise InvalidInput(field=key[:80], reason=_("参数名 %(key)s 无法识别。") % {"key": key[:80]})
        place: Any = whole
        for part in parts[:-1]:
            place = place.setdefault(part or str(len(place)), {}) if isinstance(place, dict) else None
        if not isinstance(place, dict) or isinstance(place.get(parts[-1]), dict):
            raise InvalidInput(field=key[:80], reason=_("参数 %(key)s 前后矛盾。") % {"key": key[:80]})
        place[parts[-1] or str(len(place))] = value
    return whole


class Given:
    """The fields of one request. Each reader marks its field as known; `done` refuses what is left."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields, self._known = dict(fields), set[str]()

    def raw(self, name: str) -> Any:
        """The field as it came, or None."""
        self._known.add(name)
        return self._fields.get(name)

    def has(self, name: str) -> bool:
        return self.raw(name) is not None

    def text(self, name: str, *, most: int = 500, required: bool = False) -> str:
        """Text; empty when it was not given."""
        value = self.raw(name)
        if value is None or (required and value == ""):
            if required:
                raise ParameterMissing(field=name, name=name)
            return ""
        if not isinstance(value, str) or len(value) > most:
            raise InvalidInput(
                field=name,
                reason=_("%(name)s 应为不超过 %(most)s 个字符的文本。") % {"name": name, "most": most},
            )
        return value

    def texts(self, *names: str, most: int = 500) -> dict[str, str]:
        """Those of the fields that were given."""
        return {name: self.text(name, most=most) for name in names if self.has(name)}

    def integer(self, name: str, *, least: int = -(10**15), most: int = 10**15) -> int | None:
        """A whole number; None when it was not given."""
        value = self.text(name)
        if not value:
            return None
        if not re.fullmatch(r"-?[0-9]{1,16}", value) or not least <= int(value) <= most:
            raise InvalidInput(
                field=name,
                reason=_("%(name)s 应为 %(least)s 至 %(most)s 之间的整数。")
                % {"name": name, "least": least, "most": most},
            )
        return int(value)

    def amount(self, name: str = "amount", *, required: bool = False) -> Money | None:
        """An amount in fen."""
        found = self.integer(name, least=0)
        if found is None and required:
            raise ParameterMissing(field=name, name=name)
        return None if found is None else Money(found)

    def required_amount(self) -> Money:
        found = self.amount(required=True)
        assert found is not None, "a required amount is there"
        return found

    def currency(self, *, required: bool = True) -> None:
        """Only renminbi."""
        if self.text("currency", required=required).lower() not in (CURRENCY, *(() if required else ("",))):
            raise InvalidInput(field="currency", reason=_("目前只支持人民币（cny）。"))

    def boolean(self, name: str) -> bool | None:
        value = self.text(name)
        if not value:
            return None
        if value not in ("true", "false"):
            raise InvalidInput(field=name, reason=_("%(name)s 应为 true 或 false。") % {"name": name})
        return value == "true"

    def choice(self, name: str, choices: Collection[str], default: str = "") -> str:
        value = self.text(name)
        if value and value not in choices:
            told = {"name": name, "choices": "、".join(sorted(choices))}
            raise InvalidInput(field=name, reason=_("%(name)s 应为：%(choices)s。") % told)
        return value or default

    def items(self, name: str) -> list[str]:
        """A list of texts, in order."""
        value = self.raw(name)
        if value in (None, ""):
            return []
        members = list(value.values()) if isinstance(value, dict) else None
        if members is None or not all(isinstance(each, str) and len(each) <= 500 for each in members):
            raise InvalidInput(
                field=name, reason=_("%(name)s 应为列表，例如 %(name)s[]=…。") % {"name": name}
            )
        return members

    def inner(self, name: str) -> Given:
        """The fields inside a field."""
        value = self.raw(name)
        if value in (None, ""):
            return Given({})
        if not isinstance(value, dict):
            raise InvalidInput(field=name, reason=_("%(name)s 应为一组参数。") % {"name": name})
        return Given(value)

    def key(self, name: str, prefix: str, *, required: bool = False) -> UUID | None:
        """The UUID of a public id; NotFound for one of another kind."""
        value = self.text(name, required=required)
        if not value:
            return None
        found = key_of(prefix, value)
        if found is None:
            raise NotFound(field=name)
        return found

    def moments(self, name: str) -> dict[str, datetime]:
        """A range of whole seconds, as look-ups `gte` and `lt`."""
        value = self.raw(name)
        if value in (None, ""):
            return {}
        bounds = Given(value if isinstance(value, dict) else {"gte": value, "lte": value})
        shifts = {"gte": ("gte", 0), "gt": ("gte", 1), "lt": ("lt", 0), "lte": ("lt", 1)}
        found: dict[str, datetime] = {}
        for bound, (look, shift) in shifts.items():
            at = bounds.integer(bound, least=0, most=LATEST - 1)
            if at is not None:
                found[look] = datetime.fromtimestamp(at + shift, UTC)
        bounds.done()
        return found

    def ignore(self, *names: str) -> None:
        """Fields that Stripe's clients send and that change nothing here."""
        self._known.update(names)

    def done(self) -> None:
        """Raise ParameterUnknown when something was given that nobody read."""
        left = sorted(set(self._fields) - self._known)
        if left:
            raise ParameterUnknown(field=left[0][:80], name=left[0][:80])
