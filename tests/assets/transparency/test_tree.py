"""The tree is that of RFC 9162: compared with its recursive definition, and with the known tree of eight leaves."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from assets.transparency import rules

# The eight leaves and roots that implementations of Certificate Transparency compare themselves by.
LEAVES = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def root_of(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = half(len(leaves))
    return hashlib.sha256(b"\1" + root_of(leaves[:k]) + root_of(leaves[k:])).digest()


def half(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def path_of(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of 2.1.3.1."""
    n = len(leaves)
    if n == 1:
        return []
    k = half(n)
    if m < k:
        return [*path_of(m, leaves[:k]), root_of(leaves[k:])]
    return [*path_of(m - k, leaves[k:]), root_of(leaves[:k])]


def subproof(m: int, leaves: list[bytes], is_whole: bool) -> list[bytes]:
    """SUBPROOF of 2.1.4.1."""
    n = len(leaves)
    if m == n:
        return [] if is_whole else [root_of(leaves)]
    k = half(n)
    if m <= k:
        return [*subproof(m, leaves[:k], is_whole), root_of(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), root_of(leaves[:k])]


class Tree:
    """A tree grown in steps by the product's rules."""

    def __init__(self) -> None:
        self.nodes: dict[rules.Node, bytes] = {}
        self.size = 0

    def add(self, leaves: list[bytes]) -> None:
        peaks = {node: self.nodes[node] for node in rules.cover((0, self.size))}
        grown = list(rules.grow(self.size, peaks, [rules.leaf_hash(leaf) for leaf in leaves]))
        assert not {node for node, _hash in grown} & set(self.nodes), "a complete node never changes"
        self.nodes |= dict(grown)
        self.size += len(leaves)

    def hashes(self, spans: list[rules.Span]) -> list[bytes]:
        return [rules.fold([self.nodes[node] for node in rules.cover(span)]) for span in spans]


def grown(leaves: list[bytes], cuts: int = 3) -> Tree:
    tree = Tree()
    step = max(1, len(leaves) // cuts)
    for start in range(0, len(leaves), step):
        tree.add(leaves[start : start + step])
    return tree


@pytest.mark.parametrize("count", range(1, 9))
def test_the_known_roots(count: int) -> None:
    assert grown(LEAVES[:count]).hashes([(0, count)])[0].hex() == ROOTS[count - 1]
    assert root_of(LEAVES[:count]).hex() == ROOTS[count - 1]


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert rules.fold([]).hex() == hashlib.sha256(b"").hexdigest()


many = some.lists(some.binary(max_size=3), min_size=1, max_size=70)


@given(leaves=many, cuts=some.integers(1, 9), data=some.data())
@settings(max_examples=150, deadline=None)
def test_every_proof_is_the_recursive_one_and_holds(
    leaves: list[bytes], cuts: int, data: some.DataObject
) -> None:
    tree, n = grown(leaves, cuts), len(leaves)
    root = root_of(leaves)
    assert tree.hashes([(0, n)]) == [root]
    index = data.draw(some.integers(0, n - 1))
    path = tree.hashes(rules.inclusion_spans(index, n))
    assert path == path_of(index, leaves)
    leaf = rules.leaf_hash(leaves[index])
    assert rules.is_included(leaf, index, n, path, root)
    assert not rules.is_included(rules.leaf_hash(b"another"), index, n, path, root)
    assert not rules.is_included(leaf, index, n, path, b"\0" * 32)
    assert not rules.is_included(leaf, index, n, [*path, root], root)
    if path:
        assert not rules.is_included(leaf, index, n, path[:-1], root)
    first = data.draw(some.integers(1, n))
    proof = tree.hashes(rules.consistency_spans(first, n))
    assert proof == subproof(first, leaves[:n], True)
    assert rules.is_consistent(first, n, root_of(leaves[:first]), root, proof)


@given(leaves=some.lists(some.binary(max_size=3), min_size=2, max_size=50), data=some.data())
@settings(max_examples=150, deadline=None)
def test_no_proof_leads_from_a_past_that_was_another(leaves: list[bytes], data: some.DataObject) -> None:
    """Whatever leaf of the past is rewritten: the honest proof over the new tree does not reach the old root."""
    first = data.draw(some.integers(1, len(leaves)))
    changed = data.draw(some.integers(0, first - 1))
    rewritten = [*leaves[:changed], leaves[changed] + b"!", *leaves[changed + 1 :]]
    proof = subproof(first, rewritten, True)
    assert not rules.is_consistent(first, len(leaves), root_of(leaves[:first]), root_of(rewritten), proof)
    if first < len(leaves):
        assert not rules.is_consistent(
            first, len(leaves), root_of(leaves[:first]), root_of(leaves), subproof(first, leaves, True)[:-1]
        )


@given(size=some.integers(1, 1 << 40), data=some.data())
@settings(max_examples=200, deadline=None)
def test_a_proof_needs_few_nodes_however_large_the_log(size: int, data: some.DataObject) -> None:
    index, first = data.draw(some.integers(0, size - 1)), data.draw(some.integers(1, size))
    bound = 2 * size.bit_length() + 2
    for spans in (rules.inclusion_spans(index, size), rules.consistency_spans(first, size)):
        assert len({node for span in spans for node in rules.cover(span)}) <= bound
