"""What buyers say of a product: who knows completed orders registers it here.

The catalogue knows no orders. A provider is a function `(viewer, product_id) -> Opinions`, registered once in
`config`; it answers only what that viewer may see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from organizations.permissions import Actor


@dataclass(frozen=True, slots=True)
class Opinion:
    """One buyer's word: one to five stars, its text, the supplier's answer; texts are ready for people."""

    id: UUID
    author: str
    stars: int
    text: str
    at: datetime
    is_edited: bool
    answer: str = ""
    hidden_reason: str = ""
    url: str = ""
    is_own: bool = False

    @property
    def star_row(self) -> str:
        """Five marks, the given ones filled."""
        return "★" * self.stars + "☆" * (5 - self.stars)


@dataclass(frozen=True, slots=True)
class Opinions:
    """All words on a product: how many, their mean in tenths of a star, the latest of them.

    `write_url`: where the viewer may write one, empty when it may not.
    """

    count: int = 0
    mean_tenths: int = 0
    shown: Sequence[Opinion] = ()
    write_url: str = ""

    @property
    def mean(self) -> str:
        """4.5, or -- when there is none."""
        return f"{self.mean_tenths // 10}.{self.mean_tenths % 10}" if self.count else "--"


Provider = Callable[[Actor, UUID], Opinions]
_providers: list[Provider] = []


def register_opinions(provider: Provider) -> None:
    """Let `provider` tell what buyers say; another takes the place of the one before."""
    _providers[:] = [provider]


def opinions_of(viewer: Actor, product_id: UUID) -> Opinions:
    """What buyers say of a product, as far as somebody knows it."""
    return _providers[0](viewer, product_id) if _providers else Opinions()
