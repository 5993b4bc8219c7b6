"""What the components are made of: small frozen records that pages fill and `{% load ui %}` tags show.

All texts are ready for people (translated by the caller); tones are names from `web.tones`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeAlias

from django.utils.functional import Promise

Text: TypeAlias = str | Promise


@dataclass(frozen=True, slots=True)
class Link:
    """A place to go; used by tabs, crumbs, filter chips and evidence."""

    label: Text
    url: str = ""
    count: int | str | None = None
    is_current: bool = False
    icon: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """One station of a process bar: `state` is done, current or ahead."""

    label: Text
    detail: Text = ""
    state: str = "ahead"


@dataclass(frozen=True, slots=True)
class Fact:
    """A term and its value, with an optional remark under it."""

    label: Text
    value: object
    hint: Text = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Kpi:
    """One figure of a KPI strip; `share` (0–100) draws a bar, `tone` is up, down, warn or empty."""

    label: Text
    value: object
    unit: Text = ""
    hint: Text = ""
    tone: str = ""
    share: int | None = None
    icon: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Portion:
    """A share of a whole, in a stacked bar and its legend; `tone` names a swatch colour."""

    label: Text
    count: int
    tone: str = "blue"
    url: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What proves a fact; `source` is authority (an office's interface), platform or upload."""

    label: Text
    origin: Text
    detail: Text = ""
    url: str = ""
    source: str = "platform"
    icon: str = "file-text"


@dataclass(frozen=True, slots=True)
class RuleStep:
    """One judged step of a decision.

    `state`: ok, no, waiting (a person must judge), done (a person has judged).
    `clause` is our own wording of the rule, `mark` the words in it that decide, `article` where it stands.
    """

    key: str
    number: int
    title: Text
    fact: Text
    verdict: Text
    state: str = "ok"
    clause: Text = ""
    mark: Text = ""
    article: Text = ""
    requirement: Text = ""
    evidence: Sequence[Evidence] = ()
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """One answer of a choice shown as a card: judge box, plan of a product, decision."""

    value: str
    label: Text
    detail: Text = ""
    price: Text = ""
    is_disabled: bool = False


@dataclass(frozen=True, slots=True)
class LineageStep:
    """One station on the way of the data, with up to two remarks."""

    label: Text
    icon: str
    details: Sequence[Text] = ()
    url: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry of a timeline."""

    title: Text
    at: datetime | None = None
    who: Text = ""
    reason: Text = ""


@dataclass(frozen=True, slots=True)
class TodoCard:
    """One thing that waits for the viewer; sorted by `due_at`, those without come after."""

    title: Text
    url: str
    detail: Text = ""
    due_at: datetime | date | None = None
    icon: str = "circle-alert"
    tone: str = "blue"


@dataclass(frozen=True, slots=True)
class CertificateFace:
    """What a certificate card shows; `qr_svg` is inline SVG made by segno, `url` the verification page."""

    number: str
    facts: Sequence[Fact]
    url: str = ""
    qr_svg: str = ""
    title: Text = ""
    state: Text = ""
    tone: str = "green"


@dataclass(frozen=True, slots=True)
class JobFace:
    """What a progress component shows of a long piece of work."""

    key: str
    title: Text
    poll_url: str
    done: int = 0
    total: int = 0
    message: Text = ""
    state: str = "running"  # queued, running, succeeded, failed
    result_url: str = ""
    result_label: Text = ""
    unit: Text = ""
    extra: Sequence[Link] = field(default_factory=tuple)

    @property
    def is_finished(self) -> bool:
        return self.state in ("succeeded", "failed")

    @property
    def percent(self) -> int:
        """Whole per cent done; 100 only when it has succeeded."""
        if self.state == "succeeded":
            return 100
        return min(99, self.done * 100 // self.total) if self.total else 0
