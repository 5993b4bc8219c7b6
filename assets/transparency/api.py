"""The log over JSON, for monitors and auditors; nobody needs to sign in."""

from __future__ import annotations

import base64
import binascii

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router

from assets.transparency import selectors
from assets.transparency.schemas import (
    ConsistencyOut,
    EntriesOut,
    EntryOut,
    HeadOut,
    ProofOut,
    ProofsOut,
    b64,
)
from kernel.errors import InvalidInput

router = Router()
LARGEST = 2**47
"""Larger numbers are no leaf of any log."""


def _sane(**numbers: int | None) -> None:
    for name, value in numbers.items():
        if value is not None and not 0 <= value <= LARGEST:
            raise InvalidInput(field=name, reason=_("请给出一个不为负的整数。"))


@router.get("/sth", response=HeadOut, auth=None, summary="The latest signed tree head")
def get_head(request: HttpRequest) -> HeadOut:
    return HeadOut.of(selectors.latest_head())


@router.get("/sth-consistency", response=ConsistencyOut, auth=None, summary="Proof between two tree sizes")
def get_consistency(request: HttpRequest, first: int, second: int | None = None) -> ConsistencyOut:
    _sane(first=first, second=second)
    target = second if second is not None else selectors.latest_head().size
    path = selectors.consistency(first, target)
    return ConsistencyOut(first=first, second=target, consistency=[b64(each) for each in path])


@router.get("/entries", response=EntriesOut, auth=None, summary="Entries start … end, both inside")
def get_entries(request: HttpRequest, start: int, end: int) -> EntriesOut:
    _sane(start=start, end=end)
    return EntriesOut(entries=[EntryOut.of(place) for place in selectors.entries_between(start, end)])


@router.get(
    "/proof-by-hash", response=ProofOut, auth=None, summary="Proof of the leaf with that hash (base64)"
)
def get_proof_by_hash(request: HttpRequest, hash: str, tree_size: int | None = None) -> ProofOut:  # noqa: A002
    _sane(tree_size=tree_size)
    try:
        wanted = base64.b64decode(hash.replace(" ", "+"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(field="hash", reason=_("请给出叶哈希的 base64。")) from error
    return ProofOut.of(selectors.inclusion(selectors.index_of_hash(wanted), tree_size))


@router.get("/entry-and-proof", response=ProofOut, auth=None, summary="One entry with its proof")
def get_entry_and_proof(request: HttpRequest, leaf_index: int, tree_size: int | None = None) -> ProofOut:
    _sane(leaf_index=leaf_index, tree_size=tree_size)
    return ProofOut.of(selectors.inclusion(leaf_index, tree_size))


@router.get(
    "/subjects/{number}", response=ProofsOut, auth=None, summary="All entries of one number, with proofs"
)
def get_subject(request: HttpRequest, number: str) -> ProofsOut:
    head = selectors.latest_head()
    found = selectors.inclusions_of(number.strip().upper())
    return ProofsOut(head=HeadOut.of(head), proofs=[ProofOut.of(each) for each in found])
