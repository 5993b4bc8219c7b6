"""JSON shapes of exports."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ninja import Schema

from assets.exports.formats.losses import LossReport
from assets.exports.formats.lossnotes import summary
from assets.exports.models import Export
from assets.exports.selectors import Offer
from jobs.models import Job


class OfferOut(Schema):
    """One format of a version. `state`: open, making, made, failed, unfit (then `reason` says why)."""

    format: str
    title: str
    media_type: str
    state: str
    reason: str
    size: int | None
    sha256: str
    made_at: datetime | None

    @classmethod
    def of(cls, offer: Offer) -> OfferOut:
        made = offer.export
        return cls(
            format=offer.kind.code,
            title=str(offer.kind.title),
            media_type=offer.kind.media_type,
            state=offer.state,
            reason=offer.unfit.words if offer.unfit and not made else "",
            size=made.size if made else None,
            sha256=made.sha256 if made else "",
            made_at=made.made_at if made else None,
        )


class TallyOut(Schema):
    """Regions of one kind: how many came back exactly, rounded, in another form, or not at all."""

    kind: str
    total: int
    exact: int
    rounded: int
    changed: int
    lost: int
    largest_error: float
    unit: str
    examples: list[str]


class LossOut(Schema):
    """What a format keeps, found by writing `row_count` of `all_rows` rows and reading them back."""

    format: str
    is_whole: bool
    summary: str
    row_count: int
    all_rows: int
    kinds: list[TallyOut]
    unread_count: int
    unread: list[str]

    @classmethod
    def of(cls, report: LossReport) -> LossOut:
        told = report.as_json()
        kinds = [{"kind": kind, **tally} for kind, tally in told["kinds"].items()]
        return cls(**{**told, "kinds": kinds, "summary": summary(report)})


class MakingOut(Schema):
    """What became of asking: `state` made (size and hash are there) or making (follow the job)."""

    format: str
    state: str
    job: UUID | None = None
    size: int | None = None
    sha256: str = ""

    @classmethod
    def of(cls, code: str, found: Export | Job) -> MakingOut:
        if isinstance(found, Export):
            return cls(format=code, state="made", size=found.size, sha256=found.sha256)
        return cls(format=code, state="making", job=found.pk)


class LinkOut(Schema):
    """A link that works for ten minutes."""

    url: str
