"""Writing the log.

An entry is written by `append` in the transaction of the deed; `seal` gives finished entries their places in
batches, one sealer at a time, completes the tree and signs its head. So no issuing transaction ever waits for
the log, and the log has no gaps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from assets.transparency import rules, selectors
from assets.transparency.models import LogEntry, LogPlace, TreeHead, TreeNode
from signing import services as signing

MERGE_DELAY = timedelta(seconds=60)
"""Within this time an entry stands under a signed head; the sealer comes by every five seconds."""
HEAD_LIFETIME = timedelta(hours=24)
"""A head older than this is signed anew even when nothing was added, to show that the log is alive."""
HEAD_TYPE = "tree-head+jwt"
_SEALER_LOCK = 0x51_5C_54  # advisory lock of the one sealer


def append(*, at: datetime, kind: str, subject: str, body: Mapping[str, object]) -> LogEntry:
    """Put something on its way into the log; `body` holds plain JSON values and no personal data.

    Must run in the transaction of the deed, so both stay or neither does.
    """
    assert connection.in_atomic_block, "transparency.append() needs the deed's transaction"
    told = {
        **body,
        "format": "qingshu-log/1",
        "at": at.astimezone(UTC).isoformat(timespec="seconds"),
        "kind": kind,
        "subject": subject,
    }
    return LogEntry.objects.create(at=at, kind=kind, subject=subject, leaf=rules.canonical(told))


def head_claims(size: int, root: bytes, at: datetime) -> dict[str, object]:
    """What a signed head says: the members of RFC 6962's, the root in hex as well."""
    return {
        "iss": settings.SIGNING_ISSUER,
        "tree_size": size,
        "timestamp": int(at.timestamp() * 1000),
        "root_hash": root.hex(),
    }


@transaction.atomic
def seal(*, at: datetime, limit: int = 10_000) -> TreeHead | None:
    """Give up to `limit` waiting entries their places and sign the head; None when there is nothing to do.

    A second sealer at the same time does nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_SEALER_LOCK])
        if not cursor.fetchone()[0]:
            return None
    head = TreeHead.objects.order_by("-size", "-at").first()
    waiting = list(LogEntry.objects.filter(place=None).order_by("id")[:limit])
    if head is not None and not waiting and at - head.at < HEAD_LIFETIME:
        return None
    size = selectors.log_size()
    peaks = _peaks(size)
    leaves = [rules.leaf_hash(entry.leaf.encode()) for entry in waiting]
    places = [
        LogPlace(index=index, entry=entry, leaf_hash=leaf.hex())
        for index, (entry, leaf) in enumerate(zip(waiting, leaves, strict=True), start=size)
    ]
    nodes = [TreeNode(key=rules.key_of(node), hash=found) for node, found in rules.grow(size, peaks, leaves)]
    LogPlace.objects.bulk_create(places, batch_size=2_000)
    TreeNode.objects.bulk_create(nodes, batch_size=2_000)
    size += len(leaves)
    root = selectors.root_of(size)
    token = signing.sign_exactly(head_claims(size, root, at), {"typ": HEAD_TYPE})
    return TreeHead.objects.create(size=size, root_hash=root.hex(), at=at, token=token)


def _peaks(size: int) -> dict[rules.Node, bytes]:
    nodes = rules.cover((0, size))
    hashes = selectors.hashes_of([(index << level, index + 1 << level) for level, index in nodes])
    return dict(zip(nodes, hashes, strict=True))


@dataclass(frozen=True, slots=True)
class Check:
    """What a look at the whole log found; `fault` is empty when all is as it was signed."""

    size: int
    head_count: int
    fault: str = ""

    @property
    def is_sound(self) -> bool:
        return not self.fault


def check() -> Check:
    """Recompute every leaf and every signed head from the texts alone; memory stays flat.

    Finds changed texts, missing places and heads that do not follow. What a rewriter with all keys does can
    only be seen from outside, by whoever kept an older head.
    """
    wanted: dict[int, list[TreeHead]] = {}
    for head in TreeHead.objects.order_by("size"):
        wanted.setdefault(head.size, []).append(head)
    peaks: dict[rules.Node, bytes] = {}
    size, head_count = 0, sum(map(len, wanted.values()))

    def fault_at(size: int) -> str:
        root = rules.fold([peaks[node] for node in rules.cover((0, size))]).hex()
        for head in wanted.pop(size, []):
            if head.root_hash != root:
                return f"the head of {size} leaves does not fit the entries"
            try:
                signed = signing.verify(head.token)
            except signing.SignatureInvalid:
                return f"the head of {size} leaves is not signed by us"
            if (signed["tree_size"], signed["root_hash"]) != (size, root):
                return f"the head of {size} leaves says something else than was signed"
        return ""

    fault = fault_at(0)
    rows = LogPlace.objects.order_by("index").values_list("index", "leaf_hash", "entry__leaf")
    for index, held, text in rows.iterator(chunk_size=2_000):
        leaf = rules.leaf_hash(text.encode())
        if fault or index != size or leaf.hex() != held:
            return Check(size, head_count, fault or f"leaf {size} is missing or was changed")
        peaks |= dict(rules.grow(size, peaks, [leaf]))
        size += 1
        peaks = {node: peaks[node] for node in rules.cover((0, size))}
        fault = fault_at(size)
    if not fault and wanted:
        fault = f"heads were signed for more than the {size} leaves there are"
    return Check(size, head_count, fault)
