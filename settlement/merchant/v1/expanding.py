"""`expand[]=data.latest_charge.refund`: ids replaced by the things they name, as the caller may see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from kernel.errors import InvalidInput, NotFound
from organizations.permissions import Actor
from settlement.merchant.rules import key_of
from settlement.merchant.shapes import Shape
from settlement.merchant.v1.finding import FINDERS

DEEPEST, MOST = 4, 20


def expanded(viewer: Actor, shape: Shape, paths: Sequence[str]) -> Shape:
    """The shape with the things at these dotted paths in place of their ids. Raises InvalidInput."""
    if len(paths) > MOST:
        raise InvalidInput(field="expand", reason=_("expand 最多 %(most)s 项。") % {"most": MOST})
    for path in paths:
        parts = path.split(".")
        if len(parts) > DEEPEST + (parts[0] == "data"):
            raise InvalidInput(
                field="expand", reason=_("expand 最多 %(deepest)s 层。") % {"deepest": DEEPEST}
            )
        _expand(viewer, shape, parts, path)
    return shape


def _expand(viewer: Actor, place: Any, parts: Sequence[str], path: str) -> None:
    if not parts or place is None:
        return
    if isinstance(place, list):
        for each in place:
            _expand(viewer, each, parts, path)
        return
    name = parts[0]
    if not isinstance(place, dict) or name not in place:
        if isinstance(place, dict) and place.get("deleted"):
            return
        raise InvalidInput(field="expand", reason=_("%(path)s 不能展开。") % {"path": path})
    value = place[name]
    if isinstance(value, str):
        place[name] = _found(viewer, value, path)
    elif not isinstance(value, dict | list) and value is not None:
        raise InvalidInput(field="expand", reason=_("%(path)s 不能展开。") % {"path": path})
    _expand(viewer, place[name], parts[1:], path)


def _found(viewer: Actor, text: str, path: str) -> Shape | str:
    prefix = text.partition("_")[0]
    key = key_of(prefix, text)
    finder = FINDERS.get(prefix)
    if key is None or finder is None:
        raise InvalidInput(field="expand", reason=_("%(path)s 不能展开。") % {"path": path})
    try:
        return finder(viewer, key)
    except NotFound:  # another party's, for instance a transfer's destination: its id is all there is
        return text
