"""Reading the log: heads, entries and proofs. All of it is public."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from assets.transparency import rules
from assets.transparency.models import LogPlace, TreeHead, TreeNode
from kernel.errors import InvalidInput, NotFound, Refusal

MAXIMUM_ENTRIES = 200
"""How many entries one answer holds."""


class NoHeadYet(Refusal):
    """Nothing was signed yet."""

    code = "no_tree_head"
    message = _("登记日志还没有签署过树头，请稍后再查。")
    status = 404


@dataclass(frozen=True, slots=True)
class Inclusion:
    """That one leaf stands in a tree: hashes from the leaf's sibling up to the root's child."""

    place: LogPlace
    size: int
    root: bytes
    path: Sequence[bytes]


def log_size() -> int:
    """How many entries have their place."""
    final = LogPlace.objects.order_by("-index").values_list("index", flat=True).first()
    return 0 if final is None else final + 1


def latest_head() -> TreeHead:
    """The newest signed head; NoHeadYet before the first."""
    found = TreeHead.objects.order_by("-size", "-at").first()
    if found is None:
        raise NoHeadYet
    return found


def heads() -> QuerySet[TreeHead]:
    """Every head that was ever signed."""
    return TreeHead.objects.all()


def hashes_of(spans: Sequence[rules.Span]) -> list[bytes]:
    """The hash of each span, with one query for all."""
    covers = [rules.cover(span) for span in spans]
    keys = {rules.key_of(node) for nodes in covers for node in nodes}
    held = dict(TreeNode.objects.filter(key__in=keys).values_list("key", "hash"))
    return [rules.fold([bytes(held[rules.key_of(node)]) for node in nodes]) for nodes in covers]


def root_of(size: int) -> bytes:
    """The root of the tree of the first `size` leaves."""
    return hashes_of([(0, size)])[0]


def _signed_size(size: int | None) -> int:
    """A tree size that a signed head covers (the latest if none is given); nothing is proved beyond it."""
    limit = latest_head().size
    if size is None:
        return limit
    if not 0 < size <= limit:
        raise InvalidInput(
            field="tree_size", reason=_("树的大小应在 1 到 %(limit)s 之间。") % {"limit": limit}
        )
    return size


def inclusion(index: int, size: int | None = None) -> Inclusion:
    """The proof that leaf `index` stands in the tree of `size` leaves (the latest signed one by default)."""
    size = _signed_size(size)
    place = LogPlace.objects.select_related("entry").filter(index=index).first()
    if place is None or not 0 <= index < size:
        raise NotFound
    *path, root = hashes_of([*rules.inclusion_spans(index, size), (0, size)])
    return Inclusion(place, size, root, path)


def inclusions_of(subject: str) -> list[Inclusion]:
    """Every placed entry of one number with its proof in the latest tree, oldest first, in four queries."""
    head = TreeHead.objects.order_by("-size", "-at").first()
    if head is None:
        return []
    rows = LogPlace.objects.select_related("entry").filter(entry__subject=subject, index__lt=head.size)
    places = list(rows.order_by("index")[:MAXIMUM_ENTRIES])
    paths = [rules.inclusion_spans(place.index, head.size) for place in places]
    hashes = iter(hashes_of([span for path in paths for span in path]))
    root = bytes.fromhex(head.root_hash)
    return [
        Inclusion(place, head.size, root, [next(hashes) for _span in path])
        for place, path in zip(places, paths, strict=True)
    ]


def consistency(first: int, second: int | None = None) -> list[bytes]:
    """The proof that the tree of `first` leaves is the beginning of the tree of `second`."""
    second = _signed_size(second)
    if not 0 < first <= second:
        raise InvalidInput(field="first", reason=_("first 应在 1 到 %(second)s 之间。") % {"second": second})
    return hashes_of(rules.consistency_spans(first, second))


def index_of_hash(leaf_hash: bytes) -> int:
    """Where the leaf of that hash stands; NotFound if nowhere."""
    found = LogPlace.objects.filter(leaf_hash=leaf_hash.hex()).order_by("index").first()
    if found is None:
        raise NotFound
    return found.index


def entries() -> QuerySet[LogPlace]:
    """Every placed entry."""
    return LogPlace.objects.select_related("entry")


def entries_between(start: int, end: int) -> list[LogPlace]:
    """The entries `start` … `end` (both inside), at most MAXIMUM_ENTRIES of them."""
    if not 0 <= start <= end:
        raise InvalidInput(field="start", reason=_("start 不能为负，end 不能小于 start。"))
    end = min(end, start + MAXIMUM_ENTRIES - 1)
    return list(entries().filter(index__gte=start, index__lte=end).order_by("index"))
