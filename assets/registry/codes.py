"""The asset's unified code (赋码) as its certificate shows it.

The app that assigns codes stands above the registry; it says here, once at start, how a certificate's code is found.
"""

from __future__ import annotations

from collections.abc import Callable

from assets.registry.models import Certificate

Finder = Callable[[Certificate], str]
_finders: list[Finder] = []


def register_finder(finder: Finder) -> None:
    """Called when the shell is filled; a second call with the same finder changes nothing."""
    if finder not in _finders:
        _finders.append(finder)


def code_of(certificate: Certificate) -> str:
    """The unified code of the registered asset; "" while none is assigned."""
    return next((code for finder in _finders if (code := finder(certificate))), "")
