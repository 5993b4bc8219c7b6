"""Phone numbers, in one written form."""

from __future__ import annotations

import phonenumbers

DEFAULT_REGION = "CN"


def e164(text: str) -> str:
    """A phone number as `+8613800138000`, Chinese unless it says otherwise; ValueError when impossible."""
    try:
        parsed = phonenumbers.parse(text, DEFAULT_REGION)
    except phonenumbers.NumberParseException as wrong:
        raise ValueError(text) from wrong
    if not phonenumbers.is_valid_number(parsed):
        raise ValueError(text)
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))
