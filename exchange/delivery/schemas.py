"""What deliveries look like as JSON. Sizes in bytes, hashes in hex, times in UTC."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ninja import Schema


class ReplacementOut(Schema):
    """A newer version delivered in the place of the one before."""

    version_id: UUID
    root_hash: str
    file_count: int
    byte_count: int
    replaced_at: datetime


class DeliveryOut(Schema):
    """The act of delivery; `root_hash` is the SHA-256 over the version's manifest.

    The last of `replacements`, where there are some, is what files and links lead to.
    """

    order_id: UUID
    root_hash: str
    file_count: int
    byte_count: int
    delivered_at: datetime
    replacements: list[ReplacementOut]


class FileOut(Schema):
    """One delivered file."""

    id: int
    path: str
    size: int
    sha256: str
    media_type: str


class FilesOut(Schema):
    """A page of files; `next` is the `after` of the following page."""

    items: list[FileOut]
    next: int | None


class LinkIn(Schema):
    """Which file."""

    file_id: int


class LinkOut(Schema):
    """A link to the bytes that works until `expires_at`."""

    url: str
    sha256: str
    size: int
    expires_at: datetime


class DownloadOut(Schema):
    """One access on record."""

    id: UUID
    path: str
    by: str
    requested_at: datetime
    expires_at: datetime
