"""Personal information is found where it is, not where it is not, and never shown."""

from __future__ import annotations

import random
from datetime import date

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.intake.sensitive import PREFILTER, hits_in, is_name_header, mask
from annotation.intake.states import FindingKind
from assets.profiles.rules.facts import FieldFacts, Finding, TableFacts
from assets.profiles.rules.grading import Thresholds, person_count, special_counts, suggested_classification
from assets.profiles.states import Level

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def kinds(text: str, *, named: bool = False) -> list[str]:
    return [hit.kind.value for hit in hits_in(text, in_name_field=named)]


@st.composite
def id_numbers(draw: st.DrawFn) -> str:
    """Valid numbers after GB 11643, of places in Qingyuan, Beijing and Shanghai."""
    place = draw(st.sampled_from(["441802", "110101", "310115", "441881"]))
    born = draw(st.dates(date(1930, 1, 1), date(2020, 12, 31)))
    body = f"{place}{born:%Y%m%d}{draw(st.integers(0, 999)):03d}"
    total = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, body, strict=True))
    return body + "10X98765432"[total % 11]


def luhn(body: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(body)):
        number = int(digit) * (1 if place % 2 else 2)
        total += number - 9 if number > 9 else number
    return body + str(-total % 10)


@given(
    id_numbers(), st.sampled_from(["", "身份证", "：", "id=", " "]), st.sampled_from(["", "，", "。", " x"])
)
def test_a_valid_identity_number_is_always_found(number: str, before: str, after: str) -> None:
    found = [hit for hit in hits_in(before + number + after) if hit.kind == FindingKind.ID_NUMBER]
    assert [(hit.value, hit.start) for hit in found] == [(number, len(before))]


@given(id_numbers(), st.integers(0, 16), st.integers(1, 9))
def test_one_changed_digit_is_never_an_identity_number(number: str, place: int, step: int) -> None:
    changed = number[:place] + str((int(number[place]) + step) % 10) + number[place + 1 :]
    assert FindingKind.ID_NUMBER not in kinds(changed)


@given(st.sampled_from(["62", "4", "51", "35"]), st.integers(0, 10**17 - 1))
def test_a_bank_card_is_found_by_its_check_digit_and_lost_with_it(prefix: str, digits: int) -> None:
    body = {"62": "62", "4": "4", "51": "51", "35": "3550"}[prefix] + f"{digits:017d}"
    number = luhn(body[: 18 if prefix == "62" else 15])
    assert "bank_card" in kinds(f"卡号 {number}。")
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert "bank_card" not in kinds(f"卡号 {wrong}。")


@given(
    st.integers(3, 9), st.integers(0, 10**9 - 1), st.sampled_from(["", "+86", "+86 ", "86-", "电话：", "No."])
)
def test_a_mobile_number_is_found_in_any_dress(second: int, rest: int, before: str) -> None:
    number = f"1{second}{rest:09d}"
    assert kinds(f"{before}{number}") == ["phone"]
    assert kinds(f"{before}{number[:3]} {number[3:7]}-{number[7:]}。") == ["phone"]
    full_width = number.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    assert [hit.value for hit in hits_in(full_width)] == [number]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("联系 mei.lin@example.cn 即可", ["email"]),
        ("粤A12345 停在路边", ["plate"]),
        ("粤R·D12345", ["plate"]),
        ("京A12345D 新能源大车", ["plate"]),
        ("沪C1A2B3", ["plate"]),
        ("姓名：王小明，电话 13800138000", ["name", "phone"]),
        ("收件人: 欧阳娜娜", ["name"]),
    ],
)
def test_other_kinds_are_found(text: str, found: list[str]) -> None:
    assert kinds(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "订单 20260302123456789 已发货",
        "0.13800138000",
        "13800138000.5",
        "a13800138000b",
        "sha 9f1380013800075bc0ffee",
        "138001380001",
        "12345678901",
        "6222020200112233447",
        "4111111111111112",
        "a@b",
        "粤A1234",
        "云南A1是公路",
        "姓名一栏请如实填写",
        "姓名：（空）",
        "王小明今天没有来",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert kinds(text) == []


@pytest.mark.parametrize("header", ["姓名", "客户姓名", "联系人", "name", "Full_Name", "contact", "收件人"])
def test_columns_headed_like_a_name_are_looked_at_whole(header: str) -> None:
    assert is_name_header(header)
    assert kinds("王小明", named=True) == ["name"]
    assert kinds("司马光", named=True) == ["name"]
    for other in ("清远茶叶", "红茶", "Wang", "王小明先生您好"):
        assert kinds(other, named=True) == []


@pytest.mark.parametrize("header", ["item_name", "file_name", "商品名称", "filename", "名称"])
def test_other_columns_are_not(header: str) -> None:
    assert not is_name_header(header)


# --- masks --------------------------------------------------------------------------------------


def masked_parts(masked: str) -> tuple[str, str]:
    head, _star, tail = masked.partition("*")
    return head, tail.lstrip("*") if "@" not in tail else tail.rpartition("*")[2]


@given(
    st.one_of(
        id_numbers().map(lambda v: (v, FindingKind.ID_NUMBER)),
        st.integers(0, 10**9 - 1).map(lambda n: (f"13{n:09d}", FindingKind.PHONE)),
        st.integers(0, 10**15 - 1).map(lambda n: (luhn(f"621{n:015d}"), FindingKind.BANK_CARD)),
        st.from_regex(r"[a-z0-9.]{1,40}@[a-z]{1,20}\.cn", fullmatch=True).map(
            lambda v: (v, FindingKind.EMAIL)
        ),
        st.from_regex(r"[粤京][A-C][0-9]{5,6}", fullmatch=True).map(lambda v: (v, FindingKind.PLATE)),
        st.from_regex(r"[王李][一-龥]{1,2}", fullmatch=True).map(lambda v: (v, FindingKind.NAME)),
    )
)
def test_a_mask_shows_at_most_three_characters_before_and_two_behind(told: tuple[str, FindingKind]) -> None:
    value, kind = told
    masked = mask(value, kind)
    head, tail = masked_parts(masked)
    assert masked != value
    assert "*" in masked
    assert len(head) <= 3
    assert len(tail) <= 2
    assert value.startswith(head)
    assert value.endswith(tail)


# --- the prefilter ------------------------------------------------------------------------------


@given(st.text(st.sampled_from("0123456789０１３ -+@.X粤RA姓名：:王小明a"), max_size=60))
def test_the_prefilter_lets_everything_pass_in_which_something_is_found(text: str) -> None:
    if hits_in(text):
        found = duckdb.execute("SELECT regexp_matches(?, ?)", [text, PREFILTER]).fetchone()
        assert found == (True,)


def test_a_long_hostile_text_is_scanned_in_no_time() -> None:
    rng = random.Random(1)
    for alphabet in ("1", "1 ", "a.", "a@", "@.", "粤A", "姓名：", "- 6"):
        text = "".join(rng.choice(alphabet) for _n in range(50_000))
        assert len(hits_in(text)) < 50_000


# --- grades -------------------------------------------------------------------------------------


def finding(kind: str, distinct: int, field: str = "f") -> Finding:
    return Finding(kind, "a.csv", field, distinct, distinct)


def test_persons_are_counted_once_however_many_fields_tell_of_them() -> None:
    found = [
        finding("phone", 60),
        finding("phone", 50, "g"),
        finding("name", 80),
        finding("image_place", 999),
    ]
    assert person_count(found) == 110


@pytest.mark.parametrize(
    ("found", "declared", "level"),
    [
        ([], None, "general"),
        ([], "important", "important"),
        ([], "core", "core"),
        ([finding("phone", 99)], "general", "general"),
        ([finding("phone", 100)], "general", "important"),
        ([finding("phone", 100)], "core", "core"),
        ([finding("id_number", 10)], "general", "important"),
        ([finding("bank_card", 9)], None, "general"),
    ],
)
def test_the_strictest_wins(found: list[Finding], declared: str | None, level: str) -> None:
    suggestion = suggested_classification(
        found, Level(declared) if declared else None, thresholds=Thresholds(persons=100, credentials=10)
    )
    assert suggestion.level == level
    assert suggestion.may_go_on is (level != "core")


def test_places_of_images_are_a_reason_to_mend_but_no_person() -> None:
    suggestion = suggested_classification([finding("image_place", 7)], None)
    assert [(reason.code, reason.count) for reason in suggestion.reasons] == [("image_places", 7)]


@given(
    st.sampled_from(list(Level)),
    st.integers(0, 300),
    st.integers(0, 300),
)
def test_no_finding_ever_makes_a_grade_milder(declared: Level, fewer: int, more: int) -> None:
    order = list(Level)
    limits = Thresholds(persons=100, credentials=50)
    mild, strict = (
        suggested_classification([finding("id_number", n)], declared, thresholds=limits).level
        for n in (min(fewer, more), max(fewer, more))
    )
    assert order.index(declared) <= order.index(mild) <= order.index(strict)


@given(
    st.lists(
        st.builds(
            finding, st.sampled_from([each.value for each in FindingKind]), st.integers(1, 2_000_000_000)
        )
    ),
    st.dictionaries(st.sampled_from(["places", "medical", "biometric"]), st.integers(0, 2_000_000_000)),
)
def test_whatever_is_found_the_scan_alone_never_says_core(
    found: list[Finding], special: dict[str, int]
) -> None:
    suggestion = suggested_classification(found, None, special=special)
    assert suggestion.level != "core"
    assert suggestion.may_go_on


def test_from_ten_million_persons_on_the_regulation_is_named() -> None:
    for persons, code in ((9_999_999, "many_persons"), (10_000_000, "article_28")):
        suggestion = suggested_classification([finding("phone", persons)], None)
        assert (suggestion.level, [each.code for each in suggestion.reasons]) == ("important", [code])


def columns(**filled: int) -> tuple[TableFacts, ...]:
    fields = tuple(FieldFacts(name, "text", count, 0, count, count) for name, count in filled.items())
    return (TableFacts("a.csv", "csv", 10, 0, 0, fields),)


def test_columns_of_places_and_of_medical_and_biometric_facts_count_by_their_heads() -> None:
    told = columns(
        经度=5, start_lat=7, 诊断结果=3, face_embedding=2, 人脸图=9, latency=99, platform=99, 商品=99
    )
    assert special_counts(told) == {"places": 7, "medical": 3, "biometric": 9}
    limits = Thresholds(special=7)
    suggestion = suggested_classification([], None, thresholds=limits, special=special_counts(told))
    assert suggestion.level == "important"
    assert [(each.code, each.count) for each in suggestion.reasons] == [
        ("many_places", 7),
        ("many_biometric", 9),
    ]
    assert suggested_classification([], None, special=special_counts(told)).level == "general"
