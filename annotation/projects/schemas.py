"""JSON of annotation projects."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from ninja import Field, Schema

from annotation.projects.models import Project


class ProjectIn(Schema):
    """A new project: price in fen, `labeling_config` Label Studio XML, `modality` text or image."""

    title: str
    brief: str = ""
    modality: str
    labeling_config: str
    task_price_fen: int = Field(ge=0, le=100_000_000)
    due_on: date | None = None
    client_id: UUID | None = None


class ProjectOut(Schema):
    """A project as its parties see it."""

    id: UUID
    number: str
    title: str
    brief: str
    modality: str
    labeling_config: str
    task_price_fen: int
    firm_id: UUID
    client_id: UUID | None
    due_on: date | None
    created_at: datetime
    opened_at: datetime | None
    delivered_at: datetime | None
    accepted_at: datetime | None
    state: str

    @classmethod
    def of(cls, project: Project) -> ProjectOut:
        return cls.model_validate(project, from_attributes=True)


class GuidelineIn(Schema):
    """The text of the next guideline version."""

    body: str


class GuidelineOut(Schema):
    """A published guideline version."""

    version: int
    body: str
    published_at: datetime


class TextIn(Schema):
    """One text item."""

    name: str
    text: str


class ImportIn(Schema):
    """Text items with their source and licence."""

    source: str
    licence: str
    items: list[TextIn] = Field(min_length=1, max_length=5_000)


class ImportOut(Schema):
    """What an import did."""

    batch_id: UUID
    ordinal: int
    added_count: int
    skipped_count: int


class ReasonIn(Schema):
    """Why."""

    reason: str


class SendBackIn(Schema):
    """Why a delivery is sent back, and which items to do again (none: the firm decides)."""

    reason: str
    item_ids: list[UUID] = []
