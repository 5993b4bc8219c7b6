"""One way to write a document down, so that the same decision always has the same bytes."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical(document: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces; whole numbers only (a float is a TypeError)."""
    _refuse_fractions(document)
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(document: Any) -> str:
    """SHA-256 (hex) of the canonical bytes."""
    return hashlib.sha256(canonical(document)).hexdigest()


def _refuse_fractions(document: Any) -> None:
    if isinstance(document, float):
        raise TypeError("rules documents hold whole numbers, never floats")
    if isinstance(document, dict):
        for value in document.values():
            _refuse_fractions(value)
    elif isinstance(document, list | tuple):
        for value in document:
            _refuse_fractions(value)
