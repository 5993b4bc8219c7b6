"""A firm's own buckets: connected after a look at them, ended when no longer wanted."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from annotation.intake.models import Storage
from annotation.intake.outside import Bucket, Key, checked_address
from annotation.intake.permissions import CONNECT
from annotation.intake.sealing import sealed
from annotation.projects.rules import is_storable
from audit.services import record
from kernel.errors import InvalidInput, NotFound
from organizations.permissions import Actor

LIMITS = {"name": 60, "endpoint": 200, "bucket": 63, "access_key": 128, "secret": 256}


def connect(
    *,
    by: Actor,
    at: datetime,
    name: str,
    endpoint: str,
    bucket: str,
    access_key: str,
    secret: str,
    region: str = "",
) -> Storage:
    """Connect a bucket that can be listed with this key; the secret is kept sealed and shown to nobody.

    Raises AddressRefused for a host that is not allowed, OutsideUnreachable when the store does not answer well.
    """
    by.require(CONNECT)
    if by.organization is None:
        raise NotFound
    given = {"name": name, "endpoint": endpoint, "bucket": bucket, "access_key": access_key, "secret": secret}
    for field, text in given.items():
        if not text.strip() or len(text) > LIMITS[field] or not is_storable(text):
            words = _("请填写，最多 %(limit)s 个字。")
            raise InvalidInput(field=field, reason=words % {"limit": LIMITS[field]})
    address = checked_address(endpoint, settings.INTAKE_STORAGE_HOSTS, field="endpoint")
    Bucket(Key(address, bucket.strip(), region.strip(), access_key.strip(), secret.strip())).listed("", 1)
    return _kept(by, at, {**given, "endpoint": address, "region": region})


@transaction.atomic
def _kept(by: Actor, at: datetime, given: dict[str, str]) -> Storage:
    assert by.organization is not None
    cleaned = {name: text.strip() for name, text in given.items()}
    if Storage.objects.filter(firm=by.organization, name=cleaned["name"], ended_at=None).exists():
        raise InvalidInput(field="name", reason=_("已有同名的对象存储，请换一个名称。"))
    storage = Storage.objects.create(
        firm=by.organization,
        name=cleaned["name"],
        endpoint=cleaned["endpoint"],
        bucket=cleaned["bucket"],
        region=cleaned["region"][:40],
        access_key=cleaned["access_key"],
        sealed_secret=sealed(cleaned["secret"]),
        created_by=by.user,
        created_at=at,
    )
    detail = {"name": storage.name, "endpoint": storage.endpoint, "bucket": storage.bucket}
    record(by=by, at=at, action="intake.connect", subject=storage, detail=detail)
    return storage


def locked_storage(storage_id: UUID) -> Storage:
    """The bucket, locked until the transaction ends; NotFound when there is none."""
    found = Storage.objects.select_for_update(of=("self",), no_key=True).filter(pk=storage_id).first()
    if found is None:
        raise NotFound
    return found


@transaction.atomic
def disconnect(*, by: Actor, at: datetime, storage_id: UUID) -> Storage:
    """End a bucket's use; its secret is forgotten."""
    storage = locked_storage(storage_id)
    if not by.belongs_to(storage.firm_id):
        raise NotFound
    by.require(CONNECT)
    if storage.ended_at is None:
        storage.ended_at, storage.sealed_secret = at, ""
        storage.save(update_fields=["ended_at", "sealed_secret"])
        record(by=by, at=at, action="intake.disconnect", subject=storage, detail={"name": storage.name})
    return storage
