"""Base of every table with a public identity."""

from __future__ import annotations

import uuid

import uuid_utils.compat
from django.db import models
from django.utils.translation import gettext_lazy as _


def new_id() -> uuid.UUID:
    """A time-ordered UUIDv7 (RFC 9562): unguessable in URLs, kind to the index."""
    return uuid_utils.compat.uuid7()


class Record(models.Model):
    """A row with an unguessable id and the moment it was written down.

    `recorded_at` is the system's time of writing; business times are columns of their own.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    recorded_at = models.DateTimeField(_("记录时间"), auto_now_add=True)

    class Meta:
        abstract = True
