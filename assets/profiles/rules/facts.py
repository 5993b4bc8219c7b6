"""What a profile tells of a version: plain frozen records of whole numbers and texts, stored as JSON.

No fractions are stored: shares are basis points, figures of decimal columns are texts of twelve digits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

FORMAT = 1
"""Number of the way a profile is made; a new number makes new profiles beside the old ones."""

MOST_COLUMNS = 500
MOST_TOP_VALUES = 10
SHOWN_VALUE_LENGTH = 60
MOST_LABELS = 200

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ValueCount:
    """A value or label, and how often it stands there."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """One column of a table.

    `kind`: integer, decimal, boolean, date, moment, text, list or empty. `conforming_count`: filled values
    that have the form of the kind. Values are withheld where the field holds personal information.
    """

    name: str
    kind: str
    filled_count: int
    null_count: int
    distinct_count: int
    conforming_count: int
    minimum: str = ""
    maximum: str = ""
    quartiles: tuple[str, ...] = ()
    top: tuple[ValueCount, ...] = ()
    is_withheld: bool = False


@dataclass(frozen=True, slots=True)
class TableFacts:
    """One table file. `rejected_count`: lines that are no row of the table, left out of every other count."""

    path: str
    kind: str
    row_count: int
    rejected_count: int
    duplicate_count: int
    fields: tuple[FieldFacts, ...]


@dataclass(frozen=True, slots=True)
class TextFacts:
    """Texts: characters per text as length → how many, and languages by the share of scripts."""

    lengths: dict[str, int] = field(default_factory=dict)
    languages: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Images: formats, colour modes, sizes as `width×height`; turned by EXIF; with a place in EXIF."""

    formats: dict[str, int] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    turned_count: int = 0
    placed_count: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """A file (or some of its lines) that could not be measured; `code` is a key of FAULTS in wording.py."""

    path: str
    code: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """Personal information of one kind in one place. `distinct_count`: different values; `masked`: ≤ 3."""

    kind: str
    path: str
    field: str
    count: int
    distinct_count: int
    masked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row that may stand in the sample: nothing sensitive was found in it."""

    path: str
    row: int
    label: str
    shown: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RowChecks:
    """Counts over the rows of rows.jsonl and the date columns, for the quality dimensions."""

    repeated_count: int = 0
    agreeing_count: int = 0
    guided_count: int = 0
    newest_guided_count: int = 0
    dated_count: int = 0
    timely_count: int = 0


@dataclass(frozen=True, slots=True)
class PartFacts:
    """What one step of the work found; parts are joined when all are there."""

    file_count: int = 0
    read_count: int = 0
    tables: tuple[TableFacts, ...] = ()
    texts: TextFacts = field(default_factory=TextFacts)
    images: ImageFacts = field(default_factory=ImageFacts)
    labels: dict[str, int] = field(default_factory=dict)
    label_field: str = ""
    findings: tuple[Finding, ...] = ()
    faults: tuple[Fault, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    checks: RowChecks = field(default_factory=RowChecks)
    fingerprint_count: int = 0
    item_row_count: int = 0


@dataclass(frozen=True, slots=True)
class Dimension:
    """One dimension of GB/T 36344: `denominator` 0 means that nothing could be measured.

    `how` names the way the number came about, a key of HOW in wording.py.
    """

    code: str
    how: str
    numerator: int = 0
    denominator: int = 0

    @property
    def is_measured(self) -> bool:
        return self.denominator > 0

    @property
    def ratio_bp(self) -> int | None:
        """Basis points, rounded down; None when not measured."""
        return self.numerator * 10_000 // self.denominator if self.denominator else None


@dataclass(frozen=True, slots=True)
class Facts:
    """A whole profile."""

    row_count: int
    file_count: int
    read_count: int
    byte_count: int
    tables: tuple[TableFacts, ...]
    texts: TextFacts
    images: ImageFacts
    labels: tuple[ValueCount, ...]
    label_field: str
    faults: tuple[Fault, ...]
    quality: tuple[Dimension, ...]
    fingerprint_count: int


# --- JSON ---------------------------------------------------------------------------------------


def to_json(value: Any) -> dict[str, Any]:
    """A record as plain JSON values that PostgreSQL takes: a NUL becomes the replacement character."""
    assert is_dataclass(value)
    told: dict[str, Any] = _storable(asdict(value))  # type: ignore[arg-type]
    return told


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, dict):
        return {_storable(name): _storable(each) for name, each in value.items()}
    return [_storable(each) for each in value] if isinstance(value, list | tuple) else value


def from_json(kind: type[T], body: Mapping[str, Any]) -> T:
    """The record that `to_json` was given; members that are not known any more are left out."""
    hints = get_type_hints(kind)
    known = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: _read(hints[name], value) for name, value in body.items() if name in known})


def _read(hint: Any, value: Any) -> Any:
    if get_origin(hint) is tuple:
        return tuple(_read(get_args(hint)[0], each) for each in value)
    return from_json(hint, value) if is_dataclass(hint) else value  # type: ignore[arg-type]


# --- counting -----------------------------------------------------------------------------------


def added(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Counts of several parts together, the most frequent first, equal ones by name."""
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(sorted(total.items(), key=lambda pair: (-pair[1], pair[0])))


def quantile(counts: Mapping[int, int], percent: int) -> int | None:
    """The smallest value that at least `percent` of the counted ones do not exceed; None of nothing."""
    total, seen = sum(counts.values()), 0
    for value in sorted(counts):
        seen += counts[value]
        if seen * 100 >= total * percent:
            return value
    return None


LENGTH_STEPS = (10, 50, 200, 1_000, 5_000)


def length_buckets(lengths: Mapping[str, int]) -> list[tuple[int, int | None, int]]:
    """Texts by length: (from, below or None, how many), empty steps too."""
    edges = (0, *LENGTH_STEPS)
    found = []
    for low, high in zip(edges, (*LENGTH_STEPS, None), strict=True):
        inside = (
            n for length, n in lengths.items() if int(length) >= low and (high is None or int(length) < high)
        )
        found.append((low, high, sum(inside)))
    return found


@dataclass(frozen=True, slots=True)
class Reviews:
    """What quality review said of the work behind a version."""

    accepted_count: int = 0
    returned_count: int = 0


def joined(
    parts: Sequence[PartFacts],
    *,
    row_count: int,
    byte_count: int,
    file_count: int,
    quality: tuple[Dimension, ...],
) -> Facts:
    """All parts as one profile."""
    labels = added(part.labels for part in parts)
    return Facts(
        row_count=row_count,
        file_count=file_count,
        read_count=sum(part.read_count for part in parts),
        byte_count=byte_count,
        tables=tuple(table for part in parts for table in part.tables),
        texts=TextFacts(
            lengths=added(part.texts.lengths for part in parts),
            languages=added(part.texts.languages for part in parts),
        ),
        images=ImageFacts(
            formats=added(part.images.formats for part in parts),
            modes=added(part.images.modes for part in parts),
            sizes=added(part.images.sizes for part in parts),
            turned_count=sum(part.images.turned_count for part in parts),
            placed_count=sum(part.images.placed_count for part in parts),
        ),
        labels=tuple(ValueCount(label, count) for label, count in list(labels.items())[:MOST_LABELS]),
        label_field=next((part.label_field for part in parts if part.label_field), ""),
        faults=tuple(fault for part in parts for fault in part.faults),
        quality=quality,
        fingerprint_count=sum(part.fingerprint_count for part in parts),
    )


def row_count_of(parts: Sequence[PartFacts]) -> int:
    """Rows of all tables, or items (texts, images) where there is no table."""
    rows = sum(table.row_count for part in parts for table in part.tables)
    return rows or sum(part.item_row_count for part in parts)
