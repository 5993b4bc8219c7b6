"""The Merkle tree of RFC 6962 / RFC 9162 as pure functions: hashes, growth, proofs and their check.

SHA-256 throughout; a leaf is hashed as 0x00 ‖ bytes, a node as 0x01 ‖ left ‖ right. A **node** is named by its
level and index: (0, 5) is leaf 5, (2, 1) covers leaves 4…7. Only complete nodes are kept, each is final the
moment it is complete, so that any root or proof of a tree of n leaves needs at most 2·log₂ n of them.

Nothing here touches Django: the command `qingshu verify` uses it without a server.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence

Node = tuple[int, int]
Span = tuple[int, int]
EMPTY_ROOT = hashlib.sha256(b"").digest()
LEVEL_BITS = 48


def canonical(body: Mapping[str, object]) -> str:
    """JSON with sorted keys and no spaces: the bytes of a leaf are its UTF-8."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256(0x00 ‖ leaf)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def key_of(node: Node) -> int:
    """The node's name as one 64-bit number: level in the upper bits, index in the lower 48."""
    level, index = node
    return level << LEVEL_BITS | index


# --- what a root or a proof is made of ----------------------------------------------------------


def cover(span: Span) -> list[Node]:
    """The complete nodes that make up a span of leaves [start, end), from left to right.

    A span of the tree starts at a multiple of the power of two that is at least its width, as every
    subtree of RFC 9162 does.
    """
    start, end = span
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def fold(hashes: Sequence[bytes]) -> bytes:
    """The hash of a span from those of its cover; the empty tree's root for none."""
    if not hashes:
        return EMPTY_ROOT
    found = hashes[-1]
    for left in reversed(hashes[:-1]):
        found = node_hash(left, found)
    return found


def _half(width: int) -> int:
    """The largest power of two smaller than `width`."""
    return 1 << (width - 1).bit_length() - 1


def inclusion_spans(index: int, size: int) -> list[Span]:
    """The siblings on the way from leaf `index` up to the root of a tree of `size` leaves."""
    assert 0 <= index < size, "the leaf is not in the tree"
    start, end, found = 0, size, []
    while end - start > 1:
        middle = start + _half(end - start)
        if index < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start = middle
    return found[::-1]


def consistency_spans(first: int, second: int) -> list[Span]:
    """The subtrees that show a tree of `first` leaves to be the beginning of one of `second`."""
    assert 0 < first <= second, "a proof leads from a tree that is not empty to one that is not smaller"
    start, end, is_whole, found = 0, second, True, []
    while first < end:
        middle = start + _half(end - start)
        if first <= middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start, is_whole = middle, False
    if not is_whole:
        found.append((start, end))
    return found[::-1]


# --- growth -------------------------------------------------------------------------------------


def grow(size: int, peaks: Mapping[Node, bytes], leaves: Sequence[bytes]) -> Iterator[tuple[Node, bytes]]:
    """The nodes that become complete when leaf hashes are added to a tree of `size` leaves.

    `peaks` are the hashes of `cover((0, size))`.
    """
    known = dict(peaks)
    for index, leaf in enumerate(leaves, start=size):
        node, found = (0, index), leaf
        known[node] = found
        yield node, found
        while node[1] % 2:
            level, place = node
            found = node_hash(known.pop((level, place - 1)), known.pop(node))
            node = (level + 1, place // 2)
            known[node] = found
            yield node, found


# --- checks (RFC 9162, 2.1.3.2 and 2.1.4.2) -----------------------------------------------------


def inclusion_steps(
    leaf: bytes, index: int, size: int, path: Sequence[bytes]
) -> list[tuple[str, bytes, bytes]]:
    """Each step up: on which side the sibling stands, its hash, and what comes out; [] for a lone leaf.

    Raises ValueError when the path has not the length that the tree's shape demands.
    """
    if not 0 <= index < size:
        raise ValueError("the leaf is not in the tree")
    place, final, found, steps = index, size - 1, leaf, []
    for sibling in path:
        if final == 0:
            raise ValueError("the path is too long")
        if place & 1 or place == final:
            side, found = "left", node_hash(sibling, found)
            while not place & 1 and place:
                place, final = place >> 1, final >> 1
        else:
            side, found = "right", node_hash(found, sibling)
        steps.append((side, sibling, found))
        place, final = place >> 1, final >> 1
    if final:
        raise ValueError("the path is too short")
    return steps


def is_included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether a leaf hash stands at `index` of the tree with that size and root."""
    try:
        steps = inclusion_steps(leaf, index, size, path)
    except ValueError:
        return False
    return (steps[-1][2] if steps else leaf) == root


def is_consistent(
    first: int, second: int, first_root: bytes, second_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether the first tree is the beginning of the second one: nothing in it was changed or taken out."""
    if not 0 < first <= second:
        return first == 0 and first_root == EMPTY_ROOT and not path
    if first == second:
        return first_root == second_root and not path
    hashes = list(path)
    if not first & (first - 1):
        hashes.insert(0, first_root)
    if not hashes:
        return False
    place, final = first - 1, second - 1
    while place & 1:
        place, final = place >> 1, final >> 1
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if final == 0:
            return False
        if place & 1 or place == final:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not place & 1 and place:
                place, final = place >> 1, final >> 1
        else:
            new = node_hash(new, sibling)
        place, final = place >> 1, final >> 1
    return final == 0 and old == first_root and new == second_root
