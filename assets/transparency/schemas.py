"""JSON shapes of the log, as RFC 6962 names them: hashes and leaves in base64."""

from __future__ import annotations

import base64

from ninja import Schema

from assets.transparency.models import LogPlace, TreeHead
from assets.transparency.selectors import Inclusion


def b64(raw: bytes) -> str:
    """Base64 with padding, as RFC 6962's JSON has it."""
    return base64.b64encode(raw).decode()


class HeadOut(Schema):
    """A signed tree head: `timestamp` in milliseconds since 1970 UTC; `tree_head_signature` is a compact JWS
    over `tree_size`, `timestamp` and `root_hash` (hex)."""

    tree_size: int
    timestamp: int
    sha256_root_hash: str
    tree_head_signature: str

    @classmethod
    def of(cls, head: TreeHead) -> HeadOut:
        return cls(
            tree_size=head.size,
            timestamp=int(head.at.timestamp() * 1000),
            sha256_root_hash=b64(bytes.fromhex(head.root_hash)),
            tree_head_signature=head.token,
        )


class EntryOut(Schema):
    """One leaf: `leaf_input` is base64 of the exact text that is hashed (behind a zero byte)."""

    leaf_index: int
    leaf_input: str

    @classmethod
    def of(cls, place: LogPlace) -> EntryOut:
        return cls(leaf_index=place.index, leaf_input=b64(place.entry.leaf.encode()))


class EntriesOut(Schema):
    entries: list[EntryOut]


class ProofOut(Schema):
    """That a leaf stands in the tree of `tree_size` leaves."""

    leaf_index: int
    leaf_input: str
    tree_size: int
    audit_path: list[str]

    @classmethod
    def of(cls, found: Inclusion) -> ProofOut:
        return cls(
            leaf_index=found.place.index,
            leaf_input=b64(found.place.entry.leaf.encode()),
            tree_size=found.size,
            audit_path=[b64(each) for each in found.path],
        )


class ConsistencyOut(Schema):
    """That the tree of `first` leaves is the beginning of the tree of `second`."""

    first: int
    second: int
    consistency: list[str]


class ProofsOut(Schema):
    """Everything the log says of one number, each with its proof under the latest head."""

    head: HeadOut
    proofs: list[ProofOut]
