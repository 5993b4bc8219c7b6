"""The tree of a version's annotations: one leaf per accepted answer, its root in the manifest.

Leaves lie in `annotations.leaves`, one canonical JSON object a line (its bytes without the newline are the leaf):

    {"batch":1,"copy":0,"guideline_version":2,"item":"items/000001.txt","item_sha256":"…","project":"BZ-…",
     "result_sha256":"…","row":"r000001","submission":"…","submission_sha256":"…","verdict":"accepted"}

`submission_sha256` is over what the annotator submitted, `result_sha256` over what the version delivers for the item;
they differ where several answers were merged. Nobody is named. The tree is that of RFC 9162 (`transparency.rules`).

Nothing here touches Django: the command `qingshu verify` uses it without a server.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from assets.datasets.rules import LEAVES_PATH, AnnotationTree, canonical
from assets.transparency import rules as tree

PROOF_FORMAT = "qingshu-annotation-proof/1"
ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One accepted answer: whose item, by which guideline, what was submitted and what is delivered."""

    batch: int
    copy: int
    guideline_version: int | None
    item: str
    item_sha256: str
    project: str
    result_sha256: str
    row: str
    submission: str
    submission_sha256: str
    verdict: str = ACCEPTED

    def as_bytes(self) -> bytes:
        return canonical(asdict(self))


def result_hash(result: Any) -> str:
    """SHA-256 (hex) of a result's canonical JSON, as submissions are hashed."""
    return hashlib.sha256(canonical(result)).hexdigest()


def leaves_file(leaves: Iterable[Leaf]) -> bytes:
    """The file of leaves."""
    return b"".join(leaf.as_bytes() + b"\n" for leaf in leaves)


def hashes_of(lines: Iterable[bytes]) -> list[bytes]:
    """The leaf hashes of the lines of a file of leaves."""
    return [tree.leaf_hash(line.rstrip(b"\n")) for line in lines if line.strip()]


def _root(hashes: Sequence[bytes], start: int, end: int) -> bytes:
    if end - start == 1:
        return hashes[start]
    middle = start + (1 << (end - start - 1).bit_length() - 1)
    return tree.node_hash(_root(hashes, start, middle), _root(hashes, middle, end))


def tree_of(hashes: Sequence[bytes]) -> AnnotationTree:
    """What the manifest says of a tree."""
    root = _root(hashes, 0, len(hashes)) if hashes else tree.EMPTY_ROOT
    return AnnotationTree(LEAVES_PATH, len(hashes), root.hex())


def path_of(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """The siblings from a leaf up to the root's child."""
    return [_root(hashes, start, end) for start, end in tree.inclusion_spans(index, len(hashes))]
