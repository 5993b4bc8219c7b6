"""The outside exchange: the adapter that files vouchers there and reads its list, over signed HTTP.

Off while OUTSIDE_EXCHANGE_URL or its secret is empty. POST {url}/filings takes one issue with an `Idempotency-Key`; GET
{url}/filings?day=YYYY-MM-DD[&cursor=…] lists what stands there of a business day. Both are signed with
OUTSIDE_EXCHANGE_SECRET (see `rules.signature_of`; a GET signs its path and query). Another protocol is another
class with the same two methods, named by OUTSIDE_EXCHANGE_ADAPTER.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

import urllib3
from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from exchange.filings import rules
from kernel.errors import Refusal

LARGEST_ANSWER = 8 * 1024 * 1024  # bytes
MOST_PAGES = 1_000


class NotConfigured(Refusal):
    """No outside exchange is connected."""

    code = "outside_not_configured"
    message = _("尚未配置对外交易所接口。备案记录会一直保留，配置后自动报送。")


class OutsideUnreachable(Refusal):
    """The other side gave no usable answer."""

    code = "outside_unreachable"
    message = _("对方交易所没有给出可用的答复（%(detail)s）。请稍后再试。")
    status = 502


class Result(Enum):
    """What an answer means for a filing."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said: meaning, HTTP status (None when none came), words, its receipt number."""

    result: Result
    status: int | None
    text: str
    receipt_number: str = ""


class OutsideExchange(Protocol):
    """What an adapter does."""

    def file(self, *, key: str, body: str, at: datetime) -> Answer: ...
    def standings(self, *, day: date, at: datetime) -> list[rules.Standing]: ...


def is_configured() -> bool:
    """Whether filings are sent out at all."""
    return bool(settings.OUTSIDE_EXCHANGE_URL and settings.OUTSIDE_EXCHANGE_SECRET)


def adapter() -> OutsideExchange:
    """The configured adapter; NotConfigured when there is none."""
    if not is_configured():
        raise NotConfigured
    made: OutsideExchange = import_string(settings.OUTSIDE_EXCHANGE_ADAPTER)(
        settings.OUTSIDE_EXCHANGE_URL.rstrip("/"),
        settings.OUTSIDE_EXCHANGE_SECRET,
        seconds=settings.OUTSIDE_EXCHANGE_TIMEOUT_SECONDS,
    )
    return made


class SignedHttp:
    """JSON over HTTP; one attempt for each call, no redirects: trying again is the queue's business."""

    def __init__(self, url: str, secret: str, *, seconds: float) -> None:
        self._url, self._secret = url, secret
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=min(seconds, 5), read=seconds), retries=False
        )

    def _ask(self, method: str, path: str, *, signed: str, at: datetime, **more: Any) -> tuple[int, bytes]:
        headers = {
            "Accept": "application/json",
            "Qingshu-Signature": rules.signature_of(self._secret, signed, at=at),
            **more.pop("headers", {}),
        }
        response = self._pool.request(
            method,
            f"{self._url}{path}",
            headers=headers,
            redirect=False,
            preload_content=False,
            decode_content=False,
            **more,
        )
        try:
            return response.status, response.read(LARGEST_ANSWER)
        finally:
            response.close()

    def file(self, *, key: str, body: str, at: datetime) -> Answer:
        """File one issue. 2xx and 409 (it has this key already) are accepted; 408, 425, 429 and 5xx mean later."""
        headers = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": key}
        try:
            status, raw = self._ask(
                "POST", "/filings", signed=body, at=at, body=body.encode(), headers=headers
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return Answer(Result.LATER, None, type(error).__name__)
        text = raw.decode("utf-8", "replace").replace("\x00", "")
        if 200 <= status < 300 or status == 409:
            return _accepted(status, text, key)
        if status in (408, 425, 429) or not 400 <= status < 500:
            return Answer(Result.LATER, status, text)
        return Answer(Result.REJECTED, status, text)

    def standings(self, *, day: date, at: datetime) -> list[rules.Standing]:
        """All that stands there of a business day; OutsideUnreachable when the list cannot be had whole."""
        found: list[rules.Standing] = []
        cursor = ""
        for _page in range(MOST_PAGES):
            query = urlencode({"day": day.isoformat(), **({"cursor": cursor} if cursor else {})})
            path = f"{urlsplit(self._url).path}/filings?{query}"
            try:
                status, raw = self._ask("GET", f"/filings?{query}", signed=path, at=at)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise OutsideUnreachable(detail=type(error).__name__) from error
            if status != 200:
                raise OutsideUnreachable(detail=f"HTTP {status}")
            items, cursor = _listed(raw)
            found += items
            if not cursor:
                return found
        raise OutsideUnreachable(detail=f"> {MOST_PAGES} pages")


def _accepted(status: int, text: str, key: str) -> Answer:
    """A filing that is there. A 409 counts only when it names this key: else it quarrels about something else."""
    try:
        told = json.loads(text) if text.strip() else {}
    except ValueError:
        told = {}
    told = told if isinstance(told, dict) else {}
    if status == 409 and told.get("key") != key:
        return Answer(Result.REJECTED, status, text)
    return Answer(Result.ACCEPTED, status, text, str(told.get("receipt") or "")[:64])


def _listed(raw: bytes) -> tuple[list[rules.Standing], str]:
    """One page of the other side's list and the cursor of the next."""
    try:
        told = json.loads(raw)
        items = [_standing(each) for each in told["items"]]
        return items, str(told.get("next") or "")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OutsideUnreachable(detail="JSON") from error


def _standing(item: dict[str, Any]) -> rules.Standing:
    amount = item["amount_fen"]
    if type(amount) is not int:
        raise TypeError("amount_fen is a whole number")
    return rules.Standing(str(item["number"])[:64], amount, str(item["state"])[:32])
