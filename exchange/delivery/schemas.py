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


class UsageOut(Schema):
    """What is used and left; `unit` calls or bytes, empty when nothing is counted (then `amount`, `left` are null)."""

    call_count: int
    byte_count: int
    unit: str
    amount: int | None
    left: int | None


class EntitlementOut(Schema):
    """The right to a product's data; `ends_at` null: for good. `versions`: those it opens now."""

    id: UUID
    number: str
    product: str
    title: str
    organization: str
    kind: str
    covers: str
    state: str
    starts_at: datetime
    ends_at: datetime | None
    licence: str
    versions: list[int]
    usage: UsageOut


class ClaimIn(Schema):
    """A free plan, and whether its licence is accepted."""

    plan_id: UUID
    accepts_licence: bool = False


class KeyIn(Schema):
    """A name that says what it is for, and for how many days."""

    name: str
    days: int = 30


class KeyOut(Schema):
    """A token or credential as it is kept."""

    id: UUID
    kind: str
    name: str
    prefix: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class TokenOut(Schema):
    """A new token; `token` is shown this once."""

    key: KeyOut
    token: str


class CredentialOut(Schema):
    """A new S3 credential; `secret_access_key` is shown this once. Path style; the bucket is the order's number."""

    key: KeyOut
    endpoint: str
    region: str
    bucket: str
    access_key_id: str
    secret_access_key: str


class TicketIn(Schema):
    """Which file."""

    path: str


class TicketOut(Schema):
    """A link that works once until `expires_at`."""

    url: str
    expires_at: datetime


class AccessOut(Schema):
    """One access: `way` link, ticket, api, s3 or rows; `byte_count` is what the answer was to hold."""

    id: UUID
    way: str
    path: str
    byte_count: int
    by: str
    at: datetime


class StatementOut(Schema):
    """A closed month of a metered entitlement."""

    month: str
    call_count: int
    byte_count: int
    closed_at: datetime


class UsagesOut(Schema):
    """The running figures and the closed months, newest first."""

    running: UsageOut
    months: list[StatementOut]


class ReasonIn(Schema):
    """Why."""

    reason: str = ""


class MarkingIn(Schema):
    """Whether copies of the product's tables carry marks."""

    is_marked: bool


class MarkingOut(Schema):
    """The present choice."""

    product: str
    is_marked: bool
