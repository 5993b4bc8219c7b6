"""Tokens, S3 credentials and one-time links."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.delivery.models import AccessKey, Entitlement, Ticket, TicketUse
from exchange.delivery.permissions import DOWNLOAD, MANAGE_ACCESS_KEYS
from exchange.delivery.selectors import Item, item_at, version_in
from exchange.delivery.services.accesses import noted
from exchange.delivery.services.entitlements import marking_key
from exchange.delivery.services.gates import locked_entitlement, require_open, require_own
from exchange.delivery.states import KeyKind, Way
from kernel.errors import InvalidInput, NotFound, Refusal
from organizations.permissions import Actor

LONGEST_LIFETIME = timedelta(days=366)
TICKET_LIFETIME = timedelta(hours=24)
MOST_KEYS = 20
TOKEN_MARK = "qt_"
_S3_MARK = "QSDL"


class KeyLimit(Refusal):
    """Enough keys are in use."""

    code = "access_key_limit"
    message = _("授权 %(number)s 已有 %(most)s 个有效密钥，请先吊销不用的。")


class TokenUnknown(Refusal):
    """No such token."""

    code = "access_token_unknown"
    message = _("访问令牌无效，请在交付页核对或新建令牌。")
    status = 401


class TokenExpired(Refusal):
    """The token's time is over."""

    code = "access_token_expired"
    message = _("访问令牌“%(name)s”已过期，请在交付页新建令牌。")
    status = 401


class TokenRevoked(Refusal):
    """The token was taken back, or who made it has left."""

    code = "access_token_revoked"
    message = _("访问令牌“%(name)s”已吊销，请在交付页新建令牌。")
    status = 401


class TokenOfAnother(Refusal):
    """A token opens its own entitlement only."""

    code = "access_token_of_another"
    message = _("这个访问令牌只用于授权 %(number)s，不能读取其他交付。")
    status = 403


class TicketUsed(Refusal):
    """A one-time link was used."""

    code = "ticket_used"
    message = _("这个一次性链接已经使用过，不能再用。请重新生成链接。")
    status = 410


class TicketExpired(Refusal):
    """A one-time link ran out."""

    code = "ticket_expired"
    message = _("这个一次性链接已过有效期，请重新生成链接。")
    status = 410


class TicketOfAnother(Refusal):
    """A one-time link belongs to the organization that made it."""

    code = "ticket_of_another"
    message = _("这个一次性链接由其他单位生成，您的单位不能使用。")
    status = 403


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _new_key(
    *,
    by: Actor,
    at: datetime,
    entitlement_id: UUID,
    name: str,
    lifetime: timedelta,
    kind: KeyKind,
    secret_sha256: str,
) -> AccessKey:
    entitlement = locked_entitlement(entitlement_id)
    require_own(by, entitlement, MANAGE_ACCESS_KEYS)
    require_open(entitlement, at, files=kind == KeyKind.S3)
    wanted = name.strip()
    if not 1 <= len(wanted) <= 80:
        raise InvalidInput(field="name", reason=gettext("请填写 1 至 80 个字的名称，说明用途。"))
    if not timedelta(0) < lifetime <= LONGEST_LIFETIME:
        raise InvalidInput(field="days", reason=gettext("有效期应在 1 至 366 天之间。"))
    live = entitlement.keys.filter(revoked_at=None, expires_at__gt=at).count()
    if live >= MOST_KEYS:
        raise KeyLimit(number=entitlement.number, most=MOST_KEYS)
    is_token = kind == KeyKind.TOKEN
    prefix = (
        f"{TOKEN_MARK}{secrets.token_hex(6)}" if is_token else f"{_S3_MARK}{secrets.token_hex(8).upper()}"
    )
    key = AccessKey(
        entitlement=entitlement,
        kind=kind,
        name=wanted,
        prefix=prefix,
        secret_sha256=secret_sha256,
        created_by=by.user,
        created_at=at,
        expires_at=min(at + lifetime, entitlement.ends_at or at + lifetime),
    )
    key.save(force_insert=True)
    detail = {"kind": str(kind), "name": wanted, "prefix": prefix}
    record(by=by, at=at, action="deliveries.create_key", subject=entitlement, detail=detail)
    return key


@transaction.atomic
def create_token(
    *, by: Actor, at: datetime, entitlement_id: UUID, name: str, lifetime: timedelta
) -> tuple[AccessKey, str]:
    """A token that reads this entitlement's data; answers the row and the text, shown once.

    Only the secret's SHA-256 is kept. At most 366 days, and not beyond the entitlement.
    """
    secret = secrets.token_urlsafe(32)
    key = _new_key(
        by=by, at=at, entitlement_id=entitlement_id, name=name, lifetime=lifetime, kind=KeyKind.TOKEN,
        secret_sha256=_hash(secret),
    )  # fmt: skip
    return key, f"{key.prefix}.{secret}"


@transaction.atomic
def create_credential(
    *, by: Actor, at: datetime, entitlement_id: UUID, name: str, lifetime: timedelta
) -> tuple[AccessKey, str]:
    """An S3 credential that only reads, and only this entitlement's version; the row and its secret, shown once.

    The signature scheme needs the secret itself on our side: it is derived from the installation's key, not kept.
    """
    key = _new_key(
        by=by,
        at=at,
        entitlement_id=entitlement_id,
        name=name,
        lifetime=lifetime,
        kind=KeyKind.S3,
        secret_sha256="",
    )
    return key, secret_of(key.prefix)


def secret_of(access_key: str) -> str:
    """The secret that belongs to an S3 access key."""
    digest = hmac.digest(marking_key(), f"s3\x1f{access_key}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode()[:40]


@transaction.atomic
def revoke_key(*, by: Actor, at: datetime, key_id: UUID) -> AccessKey:
    """Stop a token or credential at once; again changes nothing."""
    key = (
        AccessKey.objects.select_for_update(of=("self",))
        .select_related("entitlement")
        .filter(pk=key_id)
        .first()
    )
    if key is None:
        raise NotFound
    require_own(by, key.entitlement, MANAGE_ACCESS_KEYS)
    if key.revoked_at is None:
        key.revoked_at = at
        key.save(update_fields=["revoked_at"])
        record(
            by=by,
            at=at,
            action="deliveries.revoke_key",
            subject=key.entitlement,
            detail={"prefix": key.prefix},
        )
    return key


def _live(key: AccessKey, at: datetime) -> None:
    has_left = not key.created_by.memberships.filter(
        organization_id=key.entitlement.organization_id, ended_at=None
    ).exists()
    if key.revoked_at is not None or has_left:
        raise TokenRevoked(name=key.name)
    if key.expires_at <= at:
        raise TokenExpired(name=key.name)


_ALONG = (
    "created_by",
    "entitlement__order",
    "entitlement__product",
    "entitlement__meter",
    "entitlement__plan",
)


def read_token(token: str, at: datetime) -> AccessKey:
    """The key of a token; raises TokenUnknown, TokenRevoked, TokenExpired (all 401)."""
    prefix, _dot, secret = token.partition(".")
    rows = AccessKey.objects.select_related(*_ALONG).defer("entitlement__product__search")
    key = rows.filter(prefix=prefix, kind=KeyKind.TOKEN).first() if "\0" not in prefix else None
    if key is None or not hmac.compare_digest(key.secret_sha256, _hash(secret)):
        raise TokenUnknown
    _live(key, at)
    return key


def read_credential(access_key: str, at: datetime) -> AccessKey | None:
    """The live S3 credential of that access key."""
    rows = AccessKey.objects.select_related(*_ALONG).defer("entitlement__product__search")
    key = rows.filter(prefix=access_key, kind=KeyKind.S3).first() if "\0" not in access_key else None
    try:
        if key is not None:
            _live(key, at)
    except Refusal:
        return None
    return key


@transaction.atomic
def issue_ticket(*, by: Actor, at: datetime, entitlement_id: UUID, path: str) -> tuple[Ticket, str]:
    """A link to one file that works once within 24 hours; answers the row and its secret."""
    entitlement = locked_entitlement(entitlement_id)
    require_own(by, entitlement, DOWNLOAD)
    require_open(entitlement, at)
    version = version_in(entitlement)
    item = item_at(entitlement, version, path)
    secret = secrets.token_urlsafe(32)
    ticket = Ticket(
        entitlement=entitlement,
        version=version,
        path=item.path,
        secret_sha256=_hash(secret),
        created_by=by.user,
        created_at=at,
        expires_at=at + TICKET_LIFETIME,
    )
    ticket.save(force_insert=True)
    record(by=by, at=at, action="deliveries.issue_ticket", subject=entitlement, detail={"path": item.path})
    return ticket, secret


@transaction.atomic
def redeem_ticket(*, by: Actor, at: datetime, secret: str) -> tuple[Entitlement, Item]:
    """Use a one-time link: by nobody signed in (a program) or by a member of the organization that made it.

    Raises NotFound, TicketOfAnother, TicketExpired, TicketUsed, and what `require_open` raises.
    """
    rows = Ticket.objects.select_related("entitlement__order", "version").filter(secret_sha256=_hash(secret))
    ticket = rows.first()
    if ticket is None:
        raise NotFound
    entitlement = ticket.entitlement
    if by.is_signed_in and not by.belongs_to(entitlement.organization_id):
        raise TicketOfAnother
    if ticket.expires_at <= at:
        raise TicketExpired
    require_open(entitlement, at)
    try:
        with transaction.atomic():
            TicketUse(ticket=ticket, used_at=at).save(force_insert=True)
    except IntegrityError as error:
        raise TicketUsed from error
    item = item_at(entitlement, ticket.version, ticket.path)
    noted(
        entitlement,
        version_id=ticket.version_id,
        way=Way.TICKET,
        path=item.path,
        byte_count=item.size,
        at=at,
        by=by,
    )
    return entitlement, item
