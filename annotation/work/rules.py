"""Pure reckoning over tasks: who is drawn for review, time worked, pay, and what figures say of the end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from uuid import UUID
from xml.etree import ElementTree

from annotation.projects.contents import image_size, task_fields

__all__ = [
    "Forecast", "cumulative", "forecast", "hourly_earning", "image_size", "is_drawn", "pay_of", "percent",
    "seconds_worked", "task_fields",
]  # fmt: skip

PACE_DAYS = 7
WHOLE = 10_000  # basis points


@dataclass(frozen=True, slots=True)
class Forecast:
    """When the work ends at the pace of the latest days; `late_days` is against the agreed day."""

    ends_on: date
    late_days: int
    missing_per_day: int


def editor_config(xml: str) -> str:
    """The config as the editor shows it: texts in several lines, once, changeable; headers under the page's own."""
    tree = ElementTree.fromstring(xml)
    written = {
        "textarea": {"rows": "3", "maxSubmissions": "1", "editable": "true"},
        "header": {"size": "3"},
    }
    for tag in tree.iter():
        for name, value in written.get(tag.tag.lower(), {}).items():
            tag.attrib.setdefault(name, value)
    return ElementTree.tostring(tree, encoding="unicode")


def is_drawn(salt: str, task_id: UUID, ordinal: int, share_bp: int) -> bool:
    """Whether a submission is reviewed: the same answer whenever it is asked, `share_bp` in 10000 on average.

    `salt` is the plan's id, which annotators do not see, so nobody can tell beforehand.
    """
    if share_bp >= WHOLE:
        return True
    digest = hashlib.sha256(f"{salt}:{task_id}:{ordinal}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % WHOLE < share_bp


def seconds_worked(seen: Iterable[datetime], elsewhere: Iterable[datetime], *, idle_minutes: int) -> int:
    """Seconds between the moments at which somebody was seen at a task, each pause cut to `idle_minutes`.

    Time before a moment belongs to the task of that moment: what lies before a moment `elsewhere` (the same
    person at other tasks) is not counted here, so no second counts twice.
    """
    idle, others, total = idle_minutes * 60, sorted(elsewhere), 0.0
    for start, end in pairwise(sorted(seen)):
        between = [moment for moment in others if start < moment < end]
        begun = between[-1] if between else start
        total += min((end - begun).total_seconds(), idle)
    return int(total)


def pay_of(most_fen: int, hourly_rate_fen: int | None, seconds: int) -> int:
    """What an accepted task pays: its price, or with an hourly rate the time worked, at most its price.

    Rounded down to the fen, once.
    """
    if hourly_rate_fen is None:
        return most_fen
    return min(most_fen, hourly_rate_fen * seconds // 3600)


def hourly_earning(most_fen: int, hourly_rate_fen: int | None, seconds: int) -> int:
    """What a task that takes so long earns in an hour, in fen, rounded down."""
    return pay_of(most_fen, hourly_rate_fen, seconds) * 3600 // max(seconds, 1)


def cumulative(per_day: Mapping[date, int], first: date, until: date) -> list[tuple[int, int]]:
    """Points (days since `first`, done so far), one a day, for a burn-up chart."""
    points, done = [], 0
    for number in range((until - first).days + 1):
        done += per_day.get(first + timedelta(days=number), 0)
        points.append((number, done))
    return points


def forecast(
    per_day: Mapping[date, int], *, total: int, first: date, today: date, due_on: date | None
) -> Forecast | None:
    """The end at the pace of the latest seven days (fewer at the start); None without pace or rest."""
    rest = total - sum(per_day.values())
    window = min(PACE_DAYS, (today - first).days + 1)
    recent = sum(count for day, count in per_day.items() if (today - day).days < window)
    if rest <= 0 or recent <= 0:
        return None
    ends_on = today + timedelta(days=-(-rest * window // recent))
    if due_on is None:
        return Forecast(ends_on, 0, 0)
    left = max((due_on - today).days, 1)
    needed = -(-rest // left)
    return Forecast(ends_on, (ends_on - due_on).days, max(needed - recent // window, 0))


def percent(part: int, whole: int) -> str:
    """A share with one decimal, rounded down: 98.6%; `--` of nothing."""
    if not whole:
        return "--"
    permille = part * 1000 // whole
    return f"{permille // 10}.{permille % 10}%"
