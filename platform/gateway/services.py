"""Idempotent requests: the same key and content get the same answer, other content is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from gateway.models import GivenAnswer
from kernel.errors import Refusal


class KeyMissing(Refusal):
    """A request that moves money or state came without its key."""

    code = "idempotency_key_missing"
    message = _("请在 Idempotency-Key 请求头中给出不超过 200 个字符的唯一值，重试时沿用同一个值。")
    status = 422


class KeyReused(Refusal):
    """The key was used before for another request."""

    code = "idempotency_key_reused"
    message = _("这个 Idempotency-Key 已用于另一个请求。请为新的请求换一个值。")


def fingerprint(method: str, path: str, body: bytes) -> str:
    """SHA-256 (hex) of what makes two requests the same."""
    return hashlib.sha256(b"\n".join((method.encode(), path.encode(), body))).hexdigest()


Answer = tuple[int, str, str]  # status, media type, body


def answer_once(
    *,
    caller: UUID,
    key: str,
    fingerprint: str,
    work: Callable[[], Answer],
    keeps: Callable[[int], bool] = lambda status: status < 400,
) -> tuple[Answer, bool]:
    """Do `work` and keep its answer, or give the kept one; the flag tells whether it was replayed.

    Work and answer are stored in one transaction; an answer whose status `keeps` denies (400 or above) undoes
    both, so the same key may be tried again. A second request with the key waits for the first to finish.
    """
    if not key or len(key) > 200:
        raise KeyMissing(field="Idempotency-Key")
    with transaction.atomic():
        fresh = GivenAnswer(caller=caller, key=key, fingerprint=fingerprint)
        GivenAnswer.objects.bulk_create([fresh], ignore_conflicts=True)
        kept = GivenAnswer.objects.select_for_update().get(caller=caller, key=key)
        if kept.fingerprint != fingerprint:
            raise KeyReused(field="Idempotency-Key")
        if kept.status is not None:
            return (kept.status, kept.media_type, kept.body), True
        answer = work()
        if not keeps(answer[0]):
            transaction.set_rollback(True)
        else:
            kept.status, kept.media_type, kept.body = answer
            kept.save(update_fields=["status", "media_type", "body"])
        return answer, False
