"""Pure rules of data spaces: texts, the fingerprint of the rules, what is late."""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import date

from exchange.dataspace.states import OPEN_MILESTONE

LEAST_WORDS, MOST_WORDS = 4, 1_000
LEAST_PURPOSE, MOST_PURPOSE = 20, 4_000
LEAST_RULES, MOST_RULES = 50, 20_000
MOST_MEMBERS, MOST_PRODUCTS, MOST_MILESTONES, MOST_RECORDS = 200, 200, 40, 500
MOST_FEN = 10**15
FURTHEST_DAYS = 5 * 366
SOON_DAYS = 14
"""A milestone due within so many days stands on the desk of whoever leads the space."""


def canonical(text: str) -> str:
    """The rules as everybody reads them: Unicode NFC, lines ended by LF without trailing blanks, one final newline."""
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n") + "\n"


def text_hash(text: str) -> str:
    """SHA-256 (hex) of a text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_late(state: str, due_on: date, today: date) -> bool:
    """Whether a milestone's day has passed while it is open; one that was reported in time is still open."""
    return state in OPEN_MILESTONE and due_on < today


def share(part: int, whole: int) -> int | None:
    """A share in whole per cent, floored; None of nothing."""
    return part * 100 // whole if whole else None
