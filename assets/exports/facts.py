"""What upper domains know of a version, for its metadata: they register who tells it, in `config`.

Exports stand below the registry and the exchange and must not ask them. A provider is a function
`(version) -> Facts`; without one, a document says what this domain knows.
"""

from __future__ import annotations

from collections.abc import Callable

from assets.datasets.models import DatasetVersion
from assets.exports.metadata.told import NO_FACTS, Facts

Provider = Callable[[DatasetVersion], Facts]
_provider: list[Provider] = []


def register_facts(provider: Provider | None) -> None:
    """Let `provider` tell what is known above; a second registration replaces the first, None takes it away."""
    _provider[:] = [provider] if provider is not None else []


def facts_of(version: DatasetVersion) -> Facts:
    """What is known above of this version; only what anyone who sees the version may know."""
    return _provider[0](version) if _provider else NO_FACTS
