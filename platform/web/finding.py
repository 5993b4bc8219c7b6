"""Search over everything: each domain answers with what this viewer may see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from organizations.permissions import Actor
from web.parts import Text


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing found; `is_exact` says that the text is its very number."""

    title: Text
    url: str
    detail: Text = ""
    number: str = ""
    is_exact: bool = False


Finder = Callable[[Actor, str], Sequence[Hit]]


@dataclass(frozen=True, slots=True)
class Found:
    """The hits of one kind."""

    kind: Text
    icon: str
    hits: Sequence[Hit]


_finders: list[tuple[Text, str, Finder]] = []


def register_finder(kind: Text, finder: Finder, icon: str = "search") -> None:
    """Let `finder(viewer, text)` answer searches; `kind` heads its hits. At most ten each."""
    _finders.append((kind, icon, finder))


def find(viewer: Actor, text: str) -> list[Found]:
    """What the viewer may see that matches, by kind, kinds with hits only."""
    wanted = text.strip()
    if not wanted:
        return []
    found = [Found(kind, icon, list(finder(viewer, wanted))[:10]) for kind, icon, finder in _finders]
    return [kind for kind in found if kind.hits]


def only_exact(found: Sequence[Found]) -> Hit | None:
    """The single thing that carries exactly this number, to jump straight to it."""
    exact = [hit for kind in found for hit in kind.hits if hit.is_exact]
    return exact[0] if len(exact) == 1 else None
