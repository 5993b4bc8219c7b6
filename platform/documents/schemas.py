"""JSON shapes of documents."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ninja import Schema


class DocumentIn(Schema):
    """A file about to be uploaded; `sha256` in hex, `media_type` may be left to the name's ending."""

    purpose: str
    name: str
    size: int
    sha256: str
    media_type: str = ""


class DocumentOut(Schema):
    """A document."""

    id: UUID
    purpose: str
    name: str
    media_type: str
    size: int
    sha256: str
    state: str
    refusal: str
    created_at: datetime


class UploadOut(Schema):
    """A presigned POST: send `fields` and then the field `file` as multipart/form-data to `address`."""

    address: str
    fields: dict[str, str]
    expires_at: datetime


class ExpectedOut(Schema):
    """An announced document and where its bytes go."""

    document: DocumentOut
    upload: UploadOut


class LinkOut(Schema):
    """A download link that works for `lifetime_seconds`."""

    url: str
    lifetime_seconds: int
