"""Byte ranges of HTTP (RFC 9110, 14): one range at a time, and when it holds."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ONE = re.compile(r"bytes=(\d*)-(\d*)\Z")


class Unsatisfiable(ValueError):
    """The range lies wholly outside the content."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` to `stop` (not included) of `size`."""

    start: int
    stop: int
    size: int

    @property
    def length(self) -> int:
        return self.stop - self.start

    @property
    def is_whole(self) -> bool:
        return self.length == self.size

    @property
    def header(self) -> str:
        """The Content-Range."""
        return f"bytes {self.start}-{self.stop - 1}/{self.size}"


def span_of(asked: str, size: int, *, if_range: str = "", etag: str = "") -> tuple[Span, bool]:
    """What to send, and whether it answers a range (206).

    A range that is malformed or of several parts is passed over, and one whose If-Range names other content:
    then all is sent. Raises Unsatisfiable.
    """
    whole = Span(0, size, size)
    found = _ONE.match(asked.strip()) if asked else None
    if found is None or (if_range and if_range.strip() != etag):
        return whole, False
    first, last = found.groups()
    if not first and not last:
        return whole, False
    if not first:  # the final bytes
        length = min(int(last), size)
        if not length:
            raise Unsatisfiable
        return Span(size - length, size, size), True
    start = int(first)
    stop = min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return whole, False
    if start >= size:
        raise Unsatisfiable
    return Span(start, stop, size), True


def names_etag(header: str, etag: str) -> bool:
    """Whether an If-None-Match names this content."""
    return header.strip() == "*" or etag in {each.strip().removeprefix("W/") for each in header.split(",")}
