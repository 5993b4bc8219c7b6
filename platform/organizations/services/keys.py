"""API keys of an organization."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from kernel.errors import InvalidInput, NotFound, Refusal
from organizations.models import ApiKey
from organizations.permissions import MANAGE_KEYS, REGISTRY, Actor
from organizations.services.profiles import locked_organization

LONGEST_LIFETIME = timedelta(days=366)


class KeyMakesKeys(Refusal):
    """A program never makes or keeps keys; a person does."""

    code = "key_makes_keys"
    message = _("API 密钥不能用来创建密钥，请由管理员登录后操作。")
    status = 403


class KeyNameTaken(Refusal):
    """A live key carries the name."""

    code = "key_name_taken"
    message = _("已有名为“%(name)s”的有效密钥。如需更换，请先吊销它。")


class ScopeNotHeld(Refusal):
    """Nobody gives away what they do not hold."""

    code = "scope_not_held"
    message = _("您没有“%(scope)s”的权限，不能授予密钥。")
    status = 403


def _clean_scopes(by: Actor, scopes: Collection[str]) -> list[str]:
    if not scopes:
        raise InvalidInput(field="scopes", reason=_("请至少选择一项权限范围。"))
    for code in scopes:
        if code not in REGISTRY or code == MANAGE_KEYS.code:
            raise InvalidInput(field="scopes", reason=_("权限范围 %(code)s 无效。") % {"code": code})
        if not by.can(REGISTRY[code]):
            raise ScopeNotHeld(field="scopes", scope=REGISTRY[code].label)
    return sorted(set(scopes))


@transaction.atomic
def create_api_key(
    *, by: Actor, at: datetime, name: str, scopes: Collection[str], lifetime: timedelta
) -> tuple[ApiKey, str]:
    """Make a key with some of the creator's own permissions; answers the row and the text, shown once.

    The text is `qs_<prefix>.<secret>`; only the secret's SHA-256 is stored. At most 366 days.
    """
    organization = locked_organization(by.organization_id)
    by.require(MANAGE_KEYS)
    if by.user is None or by.scopes is not None:
        raise KeyMakesKeys
    wanted = name.strip()
    if not 1 <= len(wanted) <= 80:
        raise InvalidInput(field="name", reason=_("请填写 1 至 80 个字的名称，说明用途。"))
    if not timedelta(0) < lifetime <= LONGEST_LIFETIME:
        raise InvalidInput(field="lifetime", reason=_("有效期应在 1 至 366 天之间。"))
    chosen = _clean_scopes(by, scopes)
    live = ApiKey.objects.filter(organization=organization, name=wanted, revoked_at=None, expires_at__gt=at)
    if live.exists():
        raise KeyNameTaken(field="name", name=wanted)
    secret = secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        organization=organization,
        name=wanted,
        prefix=f"qs_{secrets.token_hex(5)}",
        secret_sha256=hashlib.sha256(secret.encode()).hexdigest(),
        scopes=chosen,
        created_by=by.user,
        expires_at=at + lifetime,
    )
    record(
        by=by, at=at, action="api_keys.create", subject=key, detail={"scopes": chosen, "prefix": key.prefix}
    )
    return key, f"{key.prefix}.{secret}"


@transaction.atomic
def revoke_api_key(*, by: Actor, at: datetime, key_id: UUID) -> ApiKey:
    """Stop a key at once; revoking again changes nothing."""
    key = ApiKey.objects.select_for_update(of=("self",)).filter(pk=key_id).first()
    if key is None or not by.belongs_to(key.organization_id):
        raise NotFound
    by.require(MANAGE_KEYS)
    if key.revoked_at is None:
        key.revoked_at = at
        key.save(update_fields=["revoked_at"])
        record(by=by, at=at, action="api_keys.revoke", subject=key, detail={"prefix": key.prefix})
    return key
