"""The walk of one file, back to its source and on to its sale: who knows a station registers it here.

Datasets know neither uploads below nor certificates and orders above. A provider is a function
`(viewer, file) -> list[Step]`, registered once in `config`; it answers only what that viewer may see.
`register_sources` takes a function `(version) -> [(source, licence), …]` for versions that no annotation made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from assets.datasets.models import DatasetFile, DatasetVersion
from organizations.permissions import Actor

ORDER = ("source", "authorisation", "annotation", "file", "version", "certificate", "product", "sale")
ICONS = {
    "source": "database",
    "authorisation": "file-check",
    "annotation": "pencil-ruler",
    "file": "file",
    "version": "package-check",
    "certificate": "stamp",
    "product": "store",
    "sale": "receipt-text",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One station of the walk; `kind` is one of ORDER, texts are ready for people."""

    kind: str
    label: str
    title: str
    details: Sequence[str] = ()
    url: str = ""
    at: datetime | None = None

    @property
    def icon(self) -> str:
        return ICONS[self.kind]


Provider = Callable[[Actor, DatasetFile], Sequence[Step]]
Sources = Callable[[DatasetVersion], Sequence[tuple[str, str]]]
_providers: dict[str, Provider] = {}
_sources: list[Sources] = []


def register_step(name: str, provider: Provider) -> None:
    """Let `provider` tell its stations; a second registration under the name replaces the first."""
    _providers[name] = provider


def register_sources(provider: Sources) -> None:
    """Let `provider` tell source and licence of versions it made."""
    if provider not in _sources:
        _sources.append(provider)


def steps_of(viewer: Actor, file: DatasetFile) -> list[Step]:
    """Every station that the viewer may see, in the order of the journey."""
    found = [step for provider in _providers.values() for step in provider(viewer, file)]
    return sorted(found, key=lambda step: ORDER.index(step.kind))


def sources_of(version: DatasetVersion) -> list[tuple[str, str]]:
    """Source and licence of a version, as far as a provider knows them."""
    return [pair for provider in _sources for pair in provider(version)]
