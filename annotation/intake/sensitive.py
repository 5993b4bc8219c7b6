"""Finding personal information in texts and cells, and showing it masked.

- resident identity numbers: 18 characters, birth date and check character after GB 11643-1999;
- mobile numbers: 11 digits from 13 to 19, with or without +86, spaces or hyphens;
- bank cards: the issuers' leading digits and lengths, and the Luhn check digit;
- e-mail addresses; licence plates, with the six-character form of new-energy cars;
- names: a common family name and one or two further characters, in a column that is headed like a name or
  behind a word like “姓名：”.

Full-width digits count as digits. A mask shows at most the first three and the last two characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from stdnum.cn import ric

from annotation.intake.states import FindingKind

MOST_MASKED = 3
_SHORTEST_NUMBER = 10**10

_PLAIN = str.maketrans("０１２３４５６７８９Ｘｘ＠．：", "0123456789Xx@.:")
_ID = re.compile(r"(?<![0-9A-Za-z])[1-9]\d{16}[0-9Xx](?![0-9A-Za-z])")
_PHONE = re.compile(r"(?<![0-9A-Za-z])(?<!\d\.)(?:\+?86[ -]?)?1[3-9]\d(?:[ -]?\d{4}){2}(?![0-9A-Za-z]|\.\d)")
_CARD = re.compile(r"(?<![0-9A-Za-z])(?<!\d\.)\d(?:[ -]?\d){14,18}(?![0-9A-Za-z]|\.\d)")
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,6}\.[A-Za-z]{2,24}"
)
# GB/T 2260: the first two digits
_PROVINCE_CODES = frozenset(
    {11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54,
     61, 62, 63, 64, 65, 71, 81, 82, 83, 91}
)  # fmt: skip
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_PLATE = re.compile(
    rf"[{_PROVINCES}][A-HJ-NP-Z][·・• ]?"
    r"(?:[A-HJK][A-HJ-NP-Z0-9][0-9]{4}|[0-9]{5}[A-HJK]|[A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9挂学警港澳])"
    r"(?![A-Za-z0-9])"
)
_SINGLE = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔"
    "谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常汤"
)
_DOUBLE = ("欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "司徒", "令狐", "夏侯")
_NAME = rf"(?:(?:{'|'.join(_DOUBLE)})[一-鿿]{{1,2}}|[{_SINGLE}][一-鿿]{{1,2}})"
_WHOLE_NAME = re.compile(rf"{_NAME}\Z")
NAME_WORDS = "姓名|联系人|收件人|收货人|寄件人|户主|户名|患者|法定代表人|法人代表|经办人|负责人|持卡人|申请人|投保人|被保险人|乘客"
_NAMED = re.compile(rf"(?:{NAME_WORDS})\s*[:：]\s*({_NAME})")
_NAME_HEADER = re.compile(
    rf"(?:.*(?:{NAME_WORDS})|(?:full|real|user|customer|contact|patient|holder)?_?name|contact)\Z", re.I
)

PREFILTER = rf"[0-9０-９](?:[ -]?[0-9０-９]){{9}}|[@＠]|[{_PROVINCES}][A-HJ-NP-Z]|(?:{NAME_WORDS})\s*[:：]"
"""A regular expression for RE2 that lets every text pass in which `hits_in` finds something."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One piece of personal information in a text, from `start` to `end`."""

    kind: FindingKind
    start: int
    end: int
    value: str

    @property
    def masked(self) -> str:
        return mask(self.value, self.kind)


def mask(value: str, kind: FindingKind) -> str:
    """The value with at most its first three and last two characters; never the whole of it."""
    if kind == FindingKind.NAME:
        return value[0] + "*" * (len(value) - 1)
    if kind == FindingKind.EMAIL:
        name, _at, host = value.partition("@")
        return f"{name[: min(3, len(name) // 2)]}***@***{host[-2:]}"
    head, tail = min(3, len(value) // 3), min(2, len(value) // 4)
    return value[:head] + "*" * (len(value) - head - tail) + value[len(value) - tail :]


def is_name_header(header: str) -> bool:
    """Whether a column headed so should hold names of people."""
    return bool(_NAME_HEADER.match(header.strip()))


def is_name(value: str) -> bool:
    """Whether the whole value looks like a Chinese name with a common family name."""
    return bool(_WHOLE_NAME.match(value.strip()))


def is_id_number(number: str) -> bool:
    """Whether province, birth date and check character of an 18-character number fit together.

    The county is not looked up: codes were renumbered often, and a person keeps the first one.
    """
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    is_placed = int(number[:2]) in _PROVINCE_CODES and "1850" < number[6:10] < "2100"
    return is_placed and bool(ric.calc_check_digit(number) == number[17].upper())


def luhn_holds(digits: str) -> bool:
    """Luhn's check over the digits, the check digit last."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (2 if place % 2 else 1)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def is_bank_card(digits: str) -> bool:
    """Whether an issuer's leading digits, the length and the check digit fit together."""
    length, four = len(digits), int(digits[:4])
    is_issued = (
        (digits.startswith("62") and 16 <= length <= 19)
        or (digits[0] == "4" and length == 16)
        or ((5100 <= four <= 5599 or 2221 <= four <= 2720 or 3528 <= four <= 3589) and length == 16)
        or (digits[:2] in ("34", "37") and length == 15)
    )
    return is_issued and luhn_holds(digits)


def hits_in(text: str, *, in_name_field: bool = False) -> list[Hit]:
    """All personal information in a text or cell, in order, none overlapping another."""
    plain = text.translate(_PLAIN)
    found: list[Hit] = []
    for hit in _hits(plain):
        if not any(hit.start < other.end and other.start < hit.end for other in found):
            found.append(hit)
    if in_name_field and is_name(plain):
        stripped = plain.strip()
        start = plain.index(stripped)
        found.append(Hit(FindingKind.NAME, start, start + len(stripped), stripped))
    return sorted(found, key=lambda hit: hit.start)


def _hits(plain: str) -> Iterator[Hit]:
    """Candidates, the surest kinds first."""
    for match in _ID.finditer(plain):
        if is_id_number(match[0]):
            yield Hit(FindingKind.ID_NUMBER, match.start(), match.end(), match[0].upper())
    for match in _PHONE.finditer(plain):
        digits = re.sub(r"\D", "", match[0])[-11:]
        yield Hit(FindingKind.PHONE, match.start(), match.end(), digits)
    for match in _CARD.finditer(plain):
        digits = re.sub(r"\D", "", match[0])
        if is_bank_card(digits):
            yield Hit(FindingKind.BANK_CARD, match.start(), match.end(), digits)
    for match in _EMAIL.finditer(plain):
        yield Hit(FindingKind.EMAIL, match.start(), match.end(), match[0])
    for match in _PLATE.finditer(plain):
        if sum(sign.isdigit() for sign in match[0]) >= 2:
            yield Hit(FindingKind.PLATE, match.start(), match.end(), re.sub(r"[·・• ]", "", match[0]))
    for match in _NAMED.finditer(plain):
        yield Hit(FindingKind.NAME, match.start(1), match.end(1), match[1])


def masked_text(text: str, *, in_name_field: bool = False) -> str:
    """The text with every piece of personal information masked in place: its length stays, so places in it do too."""
    shown = list(text)
    for hit in hits_in(text, in_name_field=in_name_field):
        length = hit.end - hit.start
        if hit.kind == FindingKind.NAME:
            head, tail = 1, 0
        else:
            head, tail = min(3, length // 3), min(2, length // 4)
        shown[hit.start + head : hit.end - tail] = "*" * (length - head - tail)
    return "".join(shown)


def masked(value: Any, field: str = "") -> Any:
    """A plain JSON value with personal information masked in every text (and long whole number) of it."""
    if isinstance(value, str):
        return masked_text(value, in_name_field=is_name_header(field))
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _SHORTEST_NUMBER:
        shown = masked_text(str(value))
        return value if shown == str(value) else shown
    if isinstance(value, Mapping):
        return {name: masked(each, str(name)) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [masked(each, field) for each in value]
    return value


def tells_of_persons(cells: Mapping[str, Any]) -> bool:
    """Whether any text in the cells of a row (plain JSON values by field) is personal information."""
    return any(
        hits_in(text, in_name_field=is_name_header(field))
        for field, value in cells.items()
        for text in _texts(value)
    )


def _texts(value: Any) -> list[str]:
    """Every text inside a plain JSON value."""
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inside for text in _texts(each)]
