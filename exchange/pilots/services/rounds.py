"""Calls for applications: draft, scale, publish; closing by itself when the time has come."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.pilots import rules
from exchange.pilots.events import RoundPublished
from exchange.pilots.models import Round
from exchange.pilots.permissions import MANAGE
from exchange.pilots.selectors import rounds_to_close
from exchange.pilots.states import APPLICATION, ROUND, ApplicationState, RoundState
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal
from kernel.events import announce
from kernel.numbers import new_number
from organizations.permissions import Actor

log = logging.getLogger(__name__)

TEXTS = ("title", "description", "documents_wanted")
MOMENTS = ("opens_at", "closes_at")
COUNTS = {
    "places_technology": (0, 100),
    "places_data": (0, 100),
    "places_rights": (0, 100),
    "scorers_count": (3, 15),
    "outlier_points": (1, 100),
    "notice_working_days": (1, 60),
    "term_years": (1, 5),
}


class RoundNotDraft(Refusal):
    """A published call is not edited."""

    code = "pilot_round_not_draft"
    message = _("批次 %(number)s 当前为“%(state)s”，发布后不能修改。需要变更时请另开批次。")


class StillOpen(Refusal):
    """Applications are still taken."""

    code = "pilot_round_still_open"
    message = _("批次 %(number)s 到 %(until)s 才截止，届时自动截止，不能提前。")


def locked_round(by: Actor, round_id: UUID) -> Round:
    """The round under lock, for the operator; NotFound for who may not see it."""
    found = Round.objects.select_for_update(of=("self",)).filter(pk=round_id).order_by("pk").first()
    if found is None or (found.state == RoundState.DRAFT and not by.can(MANAGE)):
        raise NotFound
    by.require(MANAGE)
    return found


def _draft(by: Actor, round_id: UUID) -> Round:
    found = locked_round(by, round_id)
    if found.state != RoundState.DRAFT:
        raise RoundNotDraft(number=found.number, state=found.get_state_display())
    return found


def _checked(name: str, value: Any) -> Any:
    if name in TEXTS:
        text = str(value).strip()
        if name == "title" and not 4 <= len(text) <= 120:
            raise InvalidInput(field=name, reason=_("请用 4 到 120 个字写批次名称。"))
        return text
    if name in MOMENTS:
        assert isinstance(value, datetime), "a moment"
        return value
    least, most = COUNTS[name]
    if type(value) is not int or not least <= value <= most:
        reason = _("请填写 %(least)s 到 %(most)s 之间的整数。") % {"least": least, "most": most}
        raise InvalidInput(field=name, reason=reason)
    return value


def _sound(found: Round) -> None:
    if found.closes_at <= found.opens_at:
        raise InvalidInput(field="closes_at", reason=_("截止时间应晚于开始时间。"))
    if not found.types:
        raise InvalidInput(field="places_technology", reason=_("至少一种类型要有名额。"))


@transaction.atomic
def draft_round(
    *, by: Actor, at: datetime, title: str, opens_at: datetime, closes_at: datetime, **wanted: Any
) -> Round:
    """A new call with the default scale and the parameters of the day; `wanted`: further fields of it."""
    by.require(MANAGE)
    if by.organization is None:
        raise NotAllowed(permission=MANAGE.label, organization="—")
    parameters = rules.parameters_on(clock.business_date(at))
    found = Round(
        number=new_number("ZJ", at),
        operator=by.organization,
        title=_checked("title", title),
        opens_at=opens_at,
        closes_at=closes_at,
        places_technology=1,
        places_data=1,
        places_rights=1,
        scale=list(rules.DEFAULT_SCALE),
        bands=[[name, least] for name, least in parameters.bands],
        scorers_count=parameters.least_scorers,
        outlier_points=parameters.outlier_points,
        notice_working_days=parameters.notice_working_days,
        term_years=parameters.term_years,
        created_by=by.user,
        created_at=at,
    )
    for name, value in wanted.items():
        assert name in (*TEXTS, *COUNTS), "unknown field"
        setattr(found, name, _checked(name, value))
    _sound(found)
    found.save(force_insert=True)
    record(by=by, at=at, action="pilots.draft_round", subject=found, detail={"title": found.title})
    return found


@transaction.atomic
def edit_round(*, by: Actor, at: datetime, round_id: UUID, **changes: Any) -> Round:
    """Change fields of a draft; RoundNotDraft afterwards."""
    found = _draft(by, round_id)
    for name, value in changes.items():
        assert name in (*TEXTS, *MOMENTS, *COUNTS), "unknown field"
        setattr(found, name, _checked(name, value))
    _sound(found)
    found.save(update_fields=list(changes))
    record(by=by, at=at, action="pilots.edit_round", subject=found, detail={"fields": sorted(changes)})
    return found


@transaction.atomic
def set_scale(*, by: Actor, at: datetime, round_id: UUID, rows: Sequence[Mapping[str, Any]]) -> Round:
    """Replace the scale of a draft: rows of label, weight, guidance; weights add up to 100."""
    found = _draft(by, round_id)
    scale = [
        {
            "key": str(row.get("key") or f"c{index}"),
            "label": str(row["label"]).strip()[:60],
            "weight": row["weight"],
            "guidance": str(row.get("guidance", "")).strip()[:400],
        }
        for index, row in enumerate(rows, 1)
    ]
    fault = rules.scale_fault(rules.scale_of(scale))
    if fault:
        raise InvalidInput(field="scale", reason=fault)
    found.scale = scale
    found.save(update_fields=["scale"])
    detail = {"weights": {row["key"]: row["weight"] for row in scale}}
    record(by=by, at=at, action="pilots.set_scale", subject=found, detail=detail)
    return found


@transaction.atomic
def publish_round(*, by: Actor, at: datetime, round_id: UUID) -> Round:
    """Publish a call: from now on it stands as it is. Its end must lie ahead."""
    found = locked_round(by, round_id)
    ROUND.check(found, "publish")
    if found.closes_at <= at:
        raise InvalidInput(field="closes_at", reason=_("截止时间已过，请先修改。"))
    found.published_at = at
    ROUND.move(found, "publish", by=by, at=at, update_fields=["published_at"])
    record(by=by, at=at, action="pilots.publish_round", subject=found, detail={"until": str(found.closes_at)})
    announce(RoundPublished(at=at, round_id=found.pk, by=by))
    return found


@transaction.atomic
def close_round(*, by: Actor, at: datetime, round_id: UUID) -> Round:
    """Close a round whose end has come; drafts that were not handed in lapse. StillOpen before."""
    found = locked_round(by, round_id)
    ROUND.check(found, "close")
    if at < found.closes_at:
        until = found.closes_at.astimezone(clock.SHANGHAI)
        raise StillOpen(number=found.number, until=f"{until:%Y-%m-%d %H:%M}")
    found.closed_at = at
    ROUND.move(found, "close", by=by, at=at, update_fields=["closed_at"])
    drafts = found.applications.select_for_update(of=("self",)).filter(state=ApplicationState.DRAFT)
    for draft in drafts.order_by("pk"):
        APPLICATION.move(draft, "lapse", by=by, at=at)
    record(by=by, at=at, action="pilots.close_round", subject=found)
    return found


def close_due(*, at: datetime) -> int:
    """Close every round whose end has come, each in its own transaction; how many."""
    closed = 0
    for round_id in rounds_to_close(at):
        try:
            close_round(by=Actor.system("试点征集"), at=at, round_id=round_id)
        except Refusal as refusal:  # somebody was quicker
            log.info("round %s was not closed: %s", round_id, refusal.code)
        else:
            closed += 1
    return closed
