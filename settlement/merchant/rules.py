"""Pure parts of `/v1/`: public ids, test cards, virtual account numbers, back-off, signatures."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from stdnum import luhn

CURRENCY = "cny"
LARGEST_AMOUNT = 99_999_999_999  # fen in one payment
AUTHORIZED_FOR = timedelta(days=7)  # how long a card's bank keeps an amount for a later capture
_HEX = re.compile(r"[0-9a-f]{32}")


def public_id(prefix: str, key: UUID) -> str:
    """The opaque id of a thing: `pi_` and the like before the digits of its UUID."""
    return f"{prefix}_{key.hex}"


def key_of(prefix: str, text: str) -> UUID | None:
    """The UUID inside a public id of that kind; None for anything else."""
    before, _line, digits = text.partition("_")
    return UUID(digits) if before == prefix and _HEX.fullmatch(digits) else None


# --- the built-in test provider ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TestCard:
    """A card that exists only here: what it shows, and how its bank answers (empty: yes)."""

    __test__ = False

    brand: str
    last4: str
    failure_code: str = ""
    decline_code: str = ""


_GOOD = {
    "visa": TestCard("visa", "4242"),
    "mastercard": TestCard("mastercard", "4444"),
    "amex": TestCard("amex", "0005"),
    "unionpay": TestCard("unionpay", "0005"),
}
_BAD = {
    "chargeDeclined": TestCard("visa", "0002", "card_declined", "generic_decline"),
    "chargeDeclinedInsufficientFunds": TestCard("visa", "9995", "card_declined", "insufficient_funds"),
    "chargeDeclinedLostCard": TestCard("visa", "9987", "card_declined", "lost_card"),
    "chargeDeclinedExpiredCard": TestCard("visa", "0069", "expired_card", ""),
    "chargeDeclinedIncorrectCvc": TestCard("visa", "0127", "incorrect_cvc", ""),
    "chargeDeclinedProcessingError": TestCard("visa", "0119", "processing_error", ""),
}
TEST_CARDS: Mapping[str, TestCard] = {
    **{f"{lead}{name}": card for lead in ("pm_card_", "tok_") for name, card in (_GOOD | _BAD).items()},
    **{f"{lead}visa_{name}": card for lead in ("pm_card_", "tok_") for name, card in _BAD.items()},
    "pm_test_ok": _GOOD["visa"],
    "pm_test_declined": _BAD["chargeDeclined"],
}


# --- bank transfers ----------------------------------------------------------------------------


def virtual_account_number(serial: int) -> str:
    """A virtual account: 88, twelve digits, and the check digit of ISO/IEC 7812."""
    body = f"88{serial:012d}"
    return body + str(luhn.calc_check_digit(body))


def is_virtual_account(number: str) -> bool:
    """Whether the text has the form and the right check digit."""
    return bool(re.fullmatch(r"88\d{13}", number)) and bool(luhn.is_valid(number))


# --- what a caller may say ---------------------------------------------------------------------


def merged_metadata(present: Mapping[str, str], given: Any) -> dict[str, str]:
    """Metadata after an update: given keys replace, an empty value removes, an empty whole clears.

    Raises ValueError over 50 keys, keys over 40 or values over 500 characters, and for anything but text.
    """
    if given in ("", None):
        return {} if given == "" else dict(present)
    if not isinstance(given, Mapping):
        raise ValueError("metadata is a set of keys and values")
    merged = dict(present)
    for key, value in given.items():
        if not isinstance(value, str) or not 0 < len(key) <= 40 or len(value) > 500:
            raise ValueError("metadata keys have up to 40 and values up to 500 characters")
        if value:
            merged[key] = value
        else:
            merged.pop(key, None)
    if len(merged) > 50:
        raise ValueError("metadata has up to 50 keys")
    return merged


def is_wanted(event_type: str, enabled: Collection[str]) -> bool:
    """Whether an endpoint that asked for `enabled` gets events of this type; `*` is all."""
    return "*" in enabled or event_type in enabled


# --- events on their way -----------------------------------------------------------------------

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=10), timedelta(hours=6)


def pause_after(attempts: int, chance: float) -> timedelta:
    """How long to wait after so many failed attempts: doubling to six hours, from half to the whole by `chance` 0…1."""
    whole = min(FIRST_PAUSE * int(2 ** min(attempts - 1, 16)), LONGEST_PAUSE)
    return whole * (0.5 + chance / 2)


def signature_header(secrets: Collection[str], body: bytes, *, timestamp: int) -> str:
    """`t=…,v1=…`: HMAC-SHA256 over "t.body", one for each secret in force."""
    signed = f"{timestamp}.".encode() + body
    marks = (hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join([f"t={timestamp}", *(f"v1={mark}" for mark in marks)])
