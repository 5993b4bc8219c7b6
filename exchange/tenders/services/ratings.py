"""What a buyer says of a firm after the work, and the firm's one answer."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext

from audit.services import record
from exchange.tenders.events import FirmRated
from exchange.tenders.models import Rating, RatingAnswer
from exchange.tenders.permissions import BID, POST_TENDERS
from exchange.tenders.services.engagements import locked_engagement, require_side
from exchange.tenders.services.refusals import AlreadyRated, NothingToRate
from exchange.tenders.states import EngagementState, MilestoneState
from exchange.trading.states import Party
from kernel.errors import InvalidInput, NotFound
from kernel.events import announce
from organizations.permissions import Actor

ENDED = (EngagementState.COMPLETED, EngagementState.TERMINATED)


@transaction.atomic
def rate_firm(
    *,
    by: Actor,
    at: datetime,
    engagement_id: UUID,
    quality: int,
    punctuality: int,
    communication: int,
    words: str = "",
) -> Rating:
    """The buyer rates an ended engagement once, 1 to 5 each; at least one lot was accepted."""
    engagement = locked_engagement(engagement_id)
    require_side(engagement, by, Party.BUYER, POST_TENDERS)
    accepted = engagement.milestones.filter(state=MilestoneState.ACCEPTED)
    if engagement.state not in ENDED or not accepted.exists():
        raise NothingToRate
    if Rating.objects.filter(engagement=engagement).exists():
        raise AlreadyRated
    marks = {"quality": quality, "punctuality": punctuality, "communication": communication}
    for name, mark in marks.items():
        if not 1 <= mark <= 5:
            raise InvalidInput(field=name, reason=gettext("请给出 1 到 5 分。"))
    said = words.strip()
    if len(said) > 1_000:
        raise InvalidInput(field="words", reason=gettext("评价最多 1000 个字。"))
    rating = Rating.objects.create(engagement=engagement, words=said, rated_by=by.user, rated_at=at, **marks)
    record(by=by, at=at, action="engagements.rate", subject=engagement, detail=marks)
    announce(FirmRated(at=at, engagement_id=engagement.pk, by=by))
    return rating


@transaction.atomic
def answer_rating(*, by: Actor, at: datetime, engagement_id: UUID, words: str) -> RatingAnswer:
    """The firm answers a rating once."""
    engagement = locked_engagement(engagement_id)
    require_side(engagement, by, Party.SUPPLIER, BID)
    rating = Rating.objects.filter(engagement=engagement).select_related("reply").first()
    if rating is None:
        raise NotFound
    if hasattr(rating, "reply"):
        raise AlreadyRated
    said = words.strip()
    if not 2 <= len(said) <= 1_000:
        raise InvalidInput(field="words", reason=gettext("请用 2 到 1000 个字回复。"))
    made = RatingAnswer.objects.create(rating=rating, words=said, answered_by=by.user, answered_at=at)
    record(by=by, at=at, action="engagements.answer_rating", subject=engagement)
    return made
