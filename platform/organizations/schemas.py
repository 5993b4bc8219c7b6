"""JSON shapes of organizations and members."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ninja import Schema


class OrganizationOut(Schema):
    """An organization's particulars; places are administrative codes."""

    id: UUID
    name: str
    name_en: str
    uscc: str
    kinds: list[str]
    registered_place: str
    tax_place: str
    industry_digital: str
    industry_gb: str
    verification: str
    verified_at: datetime | None


class PersonOut(Schema):
    """A person, as members of the same organization see them."""

    id: UUID
    name: str
    email: str


class ViewerOut(Schema):
    """Who calls, for which organization, and what they may do there."""

    user: PersonOut | None
    organization: OrganizationOut | None
    roles: list[str]
    permissions: list[str]


class MemberOut(Schema):
    """A membership with its roles."""

    id: UUID
    user: PersonOut
    roles: list[str]


class RolesIn(Schema):
    """The roles a member shall hold, all of them."""

    roles: list[str]


class InvitationIn(RolesIn):
    """Whom to invite."""

    email: str


class InvitationOut(Schema):
    """An open invitation; its secret goes by e-mail only."""

    id: UUID
    email: str
    roles: list[str]
    expires_at: datetime


class KeyOut(Schema):
    """An API key without its secret."""

    id: UUID
    name: str
    prefix: str
    scopes: list[str]
    expires_at: datetime
    revoked_at: datetime | None


class DecisionIn(Schema):
    """A verifier's decision: approve, or return with a reason."""

    decision: str
    opinion: str = ""
