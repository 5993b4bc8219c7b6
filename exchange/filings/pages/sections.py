"""The sections of the register, as far as the viewer may open them."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from exchange.filings.permissions import VIEW_IMPORTS, VIEW_OUTSIDE
from exchange.filings.selectors import may_export
from organizations.permissions import Actor
from web.parts import Link


def sections(viewer: Actor, here: str) -> list[Link]:
    """Tabs over the pages of the register; `here` is the present one's name."""
    offered = [
        ("register", _("登记簿"), True),
        ("exports", _("导出文件"), may_export(viewer)),
        ("outside", _("对外报送"), viewer.can(VIEW_OUTSIDE)),
        ("imports", _("历史交易导入"), viewer.can(VIEW_IMPORTS)),
    ]
    return [
        Link(label, reverse(f"filings:{name}"), is_current=name == here)
        for name, label, is_open in offered
        if is_open
    ]
