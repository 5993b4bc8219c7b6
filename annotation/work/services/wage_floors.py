"""Setting the least that an hour should earn: the operator for a place, a firm for itself."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from annotation.projects.rules import is_storable
from annotation.work.models import WageSetting
from annotation.work.permissions import FLOOR_OWN, FLOOR_PLACE
from audit.services import record
from kernel.errors import InvalidInput
from kernel.money import Money
from organizations.permissions import Actor
from organizations.rules import is_place

LOWEST_FLOOR, HIGHEST_FLOOR = Money.from_yuan("1.00"), Money.from_yuan("1000.00")
EARLIEST, LATEST = date(2000, 1, 1), date(2100, 1, 1)


@transaction.atomic
def set_wage_floor(
    *,
    by: Actor,
    at: datetime,
    effective_from: date,
    hourly: Money,
    source: str,
    notice: str,
    is_assumption: bool,
    place: str = "",
) -> WageSetting:
    """A floor from a day on, of `place` (six digits; the operator) or of the actor's own firm (empty).

    Nothing is changed: another figure for the same day is a later row, and that one counts. The same figures again
    give the row that is there.
    """
    by.require(FLOOR_PLACE if place else FLOOR_OWN)
    if place and not is_place(place):
        raise InvalidInput(field="place", reason=_("请从列表中选择地区。"))
    if not LOWEST_FLOOR <= hourly <= HIGHEST_FLOOR:
        words = _("每小时下限应在 %(low)s 到 %(high)s 之间。")
        raise InvalidInput(field="hourly", reason=words % {"low": LOWEST_FLOOR, "high": HIGHEST_FLOOR})
    if not EARLIEST <= effective_from < LATEST:
        raise InvalidInput(field="effective_from", reason=_("请填写 2000 年至 2099 年间的日期。"))
    told = {"source": " ".join(source.split()), "notice": " ".join(notice.split())}
    for field, most in (("source", 200), ("notice", 90)):
        if not 2 <= len(told[field]) <= most or not is_storable(told[field]):
            words = _("请写明依据，2 到 %(most)s 个字。")
            raise InvalidInput(field=field, reason=words % {"most": most})
    firm = None if place else by.organization
    owned = WageSetting.objects.filter(firm=firm, place=place, effective_from=effective_from)
    newest = owned.order_by("-set_at", "-pk").first()
    figures = {"hourly_fen": hourly.fen, **told, "is_assumption": is_assumption}
    if newest is not None and all(getattr(newest, name) == value for name, value in figures.items()):
        return newest
    made = WageSetting.objects.create(
        firm=firm, place=place, effective_from=effective_from, set_by=by.user, set_at=at, **figures
    )
    detail = {"place": place, "effective_from": f"{effective_from:%Y-%m-%d}", **figures}
    record(by=by, at=at, action="tasks.set_wage_floor", subject=made, detail=detail)
    return made
