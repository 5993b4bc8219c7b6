"""How programs reach a product's data: who delivers registers it here.

The catalogue knows no deliveries. A provider is a function `(viewer, product, server) -> Ways`, registered once in
`config`; `server` is this site's address without a slash at its end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise

from exchange.catalogue.models import Product
from organizations.permissions import Actor


@dataclass(frozen=True, slots=True)
class Line:
    """What to type into one program, ready to copy."""

    title: str | Promise
    text: str


@dataclass(frozen=True, slots=True)
class Ways:
    """The lines for a viewer; `url`: where its own right to the data stands, empty when it has none."""

    lines: Sequence[Line] = ()
    url: str = ""


Provider = Callable[[Actor, Product, str], Ways]
_providers: list[Provider] = []


def register_ways(provider: Provider) -> None:
    """Let `provider` tell the ways in; another takes the place of the one before."""
    _providers[:] = [provider]


def ways_of(viewer: Actor, product: Product, server: str) -> Ways:
    """The ways into a product's data, as far as somebody knows them."""
    return _providers[0](viewer, product, server) if _providers else Ways()
