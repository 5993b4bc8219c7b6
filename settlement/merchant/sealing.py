"""Endpoint secrets at rest."""

from __future__ import annotations

from signing.sealing import Box

_BOX = Box("merchant-secret")


def sealed(text: str) -> str:
    """The text, readable only with the installation's key."""
    return _BOX.sealed(text)


def opened(token: str) -> str:
    """What was sealed."""
    return _BOX.opened(token)
