"""What holds of a transaction voucher from its signed text alone. Pure: no database, no settings, no network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assets.credentials.checking import Evidence, Report, check_number, check_signature, read_token


def check_voucher(text: str, evidence: Evidence) -> Report:
    """An issue of a voucher in JWS form: signature, number, arithmetic. Whether it is the one in force only the
    register knows."""
    token = read_token(text)
    report = Report("voucher", dict(token.payload) | {"number": str(token.payload.get("jti", ""))[:60]})
    check_signature(report, token, evidence)
    check_number(report, str(report.claims["number"]))
    holds = adds_up(token.payload)
    report.add("amounts", holds, "" if holds else "amounts_differ")
    return report


def adds_up(claims: Mapping[str, Any]) -> bool:
    """Whether what is filed is the amount less what was taken off before release and refunded after it (fen)."""
    reduced = claims.get("reduced", {})
    taken_off = reduced.get("amount_fen", 0) if isinstance(reduced, Mapping) else None
    parts = [claims.get("amount_fen"), taken_off, claims.get("refunded_fen"), claims.get("filed_fen")]
    fen = [part for part in parts if type(part) is int and part >= 0]
    return len(fen) == len(parts) and fen[0] - fen[1] - fen[2] == fen[3]
