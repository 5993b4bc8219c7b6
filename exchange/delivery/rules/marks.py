"""Marks in copies: rows that are nobody's (canaries) in tables, an invisible tag in documents.

A canary is a real row whose telling cells were replaced: a text gets the end of another text, a hash another hash,
a fine decimal another one between two real ones, a running number one beyond the last. All choices come from an
HMAC over the order's number, so that nobody without the key can tell which rows they are. Its *strong* cells are
those of which no real row has the value; a leaked copy is known by them alone, in whatever order or column.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

LEAST_ROWS = 50
"""Below this a table gets no canaries: a few rows among few would stand out and distort."""
LEAST_FOUND = 2
_FEWEST, _MOST, _ROWS_PER_CANARY = 12, 60, 1_000
_NEARLY_ALL = 0.9
_LEAST_TEXT = 8
_LEAST_DECIMALS = 4
_LEAST_STRONG = 6
_HEX = re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}\Z")
_SERIAL = re.compile(r"(\D*)(\d{1,15})(\D*)\Z")
_CUTS = "，。！？；、,.!?; \n"

Row = dict[str, Any]
Exists = Callable[[set[str]], set[str]]


class Draws:
    """Numbers that only the holder of the key can foretell."""

    def __init__(self, key: bytes, *about: str) -> None:
        self._key, self._about, self._count = key, "\x1f".join(about), 0

    def bytes(self) -> bytes:
        self._count += 1
        return hmac.digest(self._key, f"{self._about}\x1f{self._count}".encode(), "sha256")

    def below(self, limit: int) -> int:
        """A whole number from 0 to `limit` (not included)."""
        return int.from_bytes(self.bytes()[:16], "big") % max(limit, 1)


@dataclass(frozen=True, slots=True)
class Canary:
    """A row to put among real ones, and which of its cells no real row has, as text."""

    row: Row
    strong: Mapping[str, str]


def canary_count(rows: int) -> int:
    """How many canaries a table of so many rows gets; none when it is too small."""
    return 0 if rows < LEAST_ROWS else min(_MOST, _FEWEST + rows // _ROWS_PER_CANARY)


def plain(value: object) -> str:
    """A cell as text, the same in every format: no quote mark of a spreadsheet, NFC, no outer space."""
    if value is None:
        return ""
    if isinstance(value, float | Decimal):
        return f"{Decimal(str(value)).normalize():f}"
    text = unicodedata.normalize("NFC", str(value)).strip()
    return text.removeprefix("'")


def leaves(value: Any) -> Iterator[object]:
    """The plain values in a cell or row, however deep they stand."""
    if isinstance(value, Mapping):
        for each in value.values():
            yield from leaves(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from leaves(each)
    else:
        yield value


# --- making ---------------------------------------------------------------------------------------


def kinds_of(rows: Sequence[Row]) -> dict[str, str]:
    """Which columns a canary changes, and how: text, hex, fine, serial."""
    found: dict[str, str] = {}
    for column in rows[0] if rows else ():
        values = [row.get(column) for row in rows if row.get(column) not in (None, "")]
        if len(values) < len(rows) * _NEARLY_ALL or len(set(map(str, values))) < len(values) * _NEARLY_ALL:
            continue
        if all(isinstance(value, str) for value in values):
            kind = _kind_of_texts([str(value) for value in values])
        elif all(isinstance(value, float | Decimal) for value in values):
            kind = "fine" if max(map(_decimals, values)) >= _LEAST_DECIMALS else ""
        else:
            kind = "serial" if all(type(value) is int for value in values) else ""
        if kind:
            found[column] = kind
    return found


def _kind_of_texts(values: Sequence[str]) -> str:
    if all(_HEX.match(value) for value in values):
        return "hex"
    parts = [_SERIAL.match(value) for value in values]
    if all(parts) and len({part.group(1, 3) for part in parts if part}) == 1:
        return "serial"
    if all(_is_decimal(value) for value in values):
        return "fine" if max(map(_decimals, values)) >= _LEAST_DECIMALS else ""
    if any(value.lstrip()[:1] in "{[" for value in values):
        return ""  # structured text is left whole
    return "text" if sorted(map(len, values))[len(values) // 2] >= _LEAST_TEXT else ""


def _is_decimal(value: str) -> bool:
    return bool(re.fullmatch(r"-?\d+\.\d+", value))


def _decimals(value: object) -> int:
    return len(f"{Decimal(str(value)):f}".partition(".")[2])


def _used_until(row: Row) -> int:
    """How much of a text its annotations point into."""
    ends = [0]
    for value in row.values():
        if isinstance(value, str) and '"end"' in value:
            ends += [int(end) for end in re.findall(r'"end"\s*:\s*(\d+)', value)]
        elif isinstance(value, list):
            inner = [each.get("value") for each in value if isinstance(each, Mapping)]
            ends += [
                each["end"]
                for each in inner
                if isinstance(each, Mapping) and isinstance(each.get("end"), int)
            ]
    return max(ends)


def _crossed(first: str, second: str, keep: int, draws: Draws) -> str:
    """The beginning of one text with the end of another, cut where sentences pause."""
    cuts = [i + 1 for i, sign in enumerate(first) if sign in _CUTS and keep <= i + 1 < len(first)]
    head = first[: cuts[draws.below(len(cuts))]] if cuts else first[: max(keep, len(first) // 2)]
    tails = [i + 1 for i, sign in enumerate(second) if sign in _CUTS and len(second) - i - 1 > 0]
    tail = second[tails[draws.below(len(tails))] :] if tails else second[len(second) // 2 :]
    return (head + tail).strip()


def _changed(value: Any, other: Any, kind: str, row: Row, total: int, draws: Draws) -> Any:
    if kind == "hex":
        return (draws.bytes() + draws.bytes()).hex()[: len(value)]
    if kind == "text":
        return _crossed(str(value), str(other), _used_until(row), draws)
    if kind == "fine":
        places = max(_decimals(value), _decimals(other), _LEAST_DECIMALS)
        low, high = sorted((Decimal(str(value)), Decimal(str(other))))
        between = low + (high - low) * Decimal(1 + draws.below(9_998)) / 10_000
        step = Decimal(1 + draws.below(997)).scaleb(-places)
        found = (between + step).quantize(Decimal(1).scaleb(-places))
        return type(value)(found) if not isinstance(value, str) else f"{found:f}"
    number = total + 1 + draws.below(max(total // 5, 100))
    if isinstance(value, int):
        return value if value > 10**15 else max(number, value + number)
    before, digits, after = _SERIAL.match(value).groups()  # type: ignore[union-attr]
    return f"{before}{number:0{len(digits)}d}{after}"


def make_canaries(rows: Sequence[Row], *, total: int, draws: Draws, exists: Exists) -> list[Canary]:
    """Canaries for a table of `total` rows, of which `rows` are a sample; none where no cell could be strong.

    `exists(texts)` answers which of these texts stand in a cell of the whole table, as `plain` writes them.
    """
    kinds = kinds_of(rows)
    telling = [column for column, kind in kinds.items() if kind != "serial"]
    wanted = canary_count(total) if telling else 0
    made: list[Canary] = []
    for _attempt in range(4):
        if len(made) >= wanted:
            break
        drafts: list[Row] = []
        for _each in range(wanted - len(made)):
            base, other = rows[draws.below(len(rows))], rows[draws.below(len(rows))]
            drafts.append(
                base
                | {
                    column: _changed(base[column], other[column], kind, base, total, draws)
                    for column, kind in kinds.items()
                    if base.get(column) not in (None, "") and other.get(column) not in (None, "")
                }
            )
        known = exists({plain(draft[column]) for draft in drafts for column in telling})
        for draft in drafts:
            strong = {
                column: plain(draft[column])
                for column in telling
                if plain(draft[column]) not in known and len(plain(draft[column])) >= _LEAST_STRONG
            }
            if strong and not any(set(strong.values()) & set(each.strong.values()) for each in made):
                made.append(Canary(draft, strong))
    return made


def places_of(count: int, total: int, draws: Draws) -> list[int]:
    """Before which real rows (0 to `total`) the canaries stand, in order."""
    return sorted(draws.below(total + 1) for _each in range(count))


def mixed(rows: Iterable[Any], canaries: Sequence[Any], places: Sequence[int]) -> Iterator[Any]:
    """The rows with the canaries put in at their places."""
    waiting = list(zip(places, canaries, strict=True))
    for number, row in enumerate(rows):
        while waiting and waiting[0][0] <= number:
            yield waiting.pop(0)[1]
        yield row
    yield from (canary for _place, canary in waiting)


# --- finding --------------------------------------------------------------------------------------


class Search:
    """Looks for strong cells of many copies at once, row after row."""

    def __init__(self, copies: Mapping[str, Sequence[Mapping[str, str]]]) -> None:
        self._by_value: dict[str, list[tuple[str, int]]] = {}
        for name, canaries in copies.items():
            for number, strong in enumerate(canaries):
                for value in strong.values():
                    self._by_value.setdefault(value, []).append((name, number))
        # A value that stands in two orders' copies says nothing about either.
        for value, holders in list(self._by_value.items()):
            if len({name for name, _number in holders}) > 1:
                del self._by_value[value]
        self.found: dict[str, set[int]] = {}
        self.rows = 0

    def look(self, cells: Iterable[object]) -> None:
        """Note what one leaked row shows."""
        self.rows += 1
        for cell in cells:
            for name, number in self._by_value.get(plain(cell), ()):
                self.found.setdefault(name, set()).add(number)


def is_proven(found: int) -> bool:
    """Whether so many canaries say whose copy it is: one might be chance, two are not."""
    return found >= LEAST_FOUND


# --- documents ------------------------------------------------------------------------------------

_ZERO, _ONE, _EDGE = "\u200b", "\u200c", "\u2060"
_TAGGED = re.compile(f"{_EDGE}([{_ZERO}{_ONE}]{{64}}){_EDGE}")


def tag_of(key: bytes, number: str) -> str:
    """The 16 hex digits that stand for an entitlement."""
    return hmac.digest(key, f"tag\x1f{number}".encode(), "sha256").hex()[:16]


def tagged(text: str, tag: str) -> str:
    """The text with a tag behind it that is not seen."""
    bits = f"{int(tag, 16):064b}"
    return text + _EDGE + bits.replace("0", _ZERO).replace("1", _ONE) + _EDGE


def tags_in(text: str) -> set[str]:
    """The tags in a text, also where JSON wrote them as escapes."""
    for sign in (_ZERO, _ONE, _EDGE):
        text = text.replace(f"\\u{ord(sign):04x}", sign)
    return {f"{int(bits.replace(_ZERO, '0').replace(_ONE, '1'), 2):016x}" for bits in _TAGGED.findall(text)}
