"""AWS Signature Version 4 for S3, on the side that checks: in the Authorization header or in the query.

Written after the published description of the signing process; one service (s3), requests without a body.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

ALGORITHM = "AWS4-HMAC-SHA256"
MOST_SKEW = timedelta(minutes=15)
LONGEST_LINK = 7 * 24 * 3600  # seconds
UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY = hashlib.sha256(b"").hexdigest()
_HEADER = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})\Z"
)
_SIGNATURE = "X-Amz-Signature"


class SignatureRefused(Exception):
    """The request is not signed as it must be; `code` is S3's, with its status and a sentence."""

    def __init__(self, code: str, message: str, status: int = 403) -> None:
        self.code, self.message, self.status = code, message, status
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came: decoded path, raw query, headers by lower-case name."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Claim:
    access_key: str
    day: str
    region: str
    names: tuple[str, ...]
    signature: str
    moment: str
    payload: str
    is_link: bool


def _quoted(text: str, safe: str = "") -> str:
    return quote(text, safe=f"-_.~{safe}")


def _pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True)


def _moment(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise SignatureRefused("AccessDenied", "The request's date is missing or unreadable.") from error


def _claim(asked: Asked) -> _Claim:
    told = dict(_pairs(asked.query))
    if told.get("X-Amz-Algorithm") == ALGORITHM:
        credential, names, signature = (
            told.get(name, "") for name in ("X-Amz-Credential", "X-Amz-SignedHeaders", _SIGNATURE)
        )
        moment, payload, is_link = told.get("X-Amz-Date", ""), UNSIGNED, True
    else:
        found = _HEADER.match(asked.headers.get("authorization", "").strip())
        if found is None:
            raise SignatureRefused("AccessDenied", "The request is not signed.")
        credential, names, signature = found.groups()
        moment = asked.headers.get("x-amz-date", "")
        payload, is_link = asked.headers.get("x-amz-content-sha256", EMPTY), False
    parts = credential.split("/")
    if len(parts) != 5 or parts[3:] != ["s3", "aws4_request"]:
        raise SignatureRefused(
            "AuthorizationHeaderMalformed", "The credential must name the service s3.", 400
        )
    return _Claim(parts[0], parts[1], parts[2], tuple(names.split(";")), signature, moment, payload, is_link)


def _check_time(claim: _Claim, asked: Asked, now: datetime) -> None:
    moment = _moment(claim.moment)
    if claim.moment[:8] != claim.day:
        raise SignatureRefused("SignatureDoesNotMatch", "The credential is of another day than the request.")
    if claim.is_link:
        lifetime = dict(_pairs(asked.query)).get("X-Amz-Expires", "")
        if not lifetime.isdecimal() or not 0 < int(lifetime) <= LONGEST_LINK:
            raise SignatureRefused(
                "AuthorizationQueryParametersError", "X-Amz-Expires must be 1 to 604800 seconds.", 400
            )
        if now - moment >= timedelta(seconds=int(lifetime)):
            raise SignatureRefused("AccessDenied", "Request has expired.")
        if moment - now > MOST_SKEW:
            raise SignatureRefused("AccessDenied", "Request is not yet valid.")
    elif abs(now - moment) > MOST_SKEW:
        raise SignatureRefused(
            "RequestTimeTooSkewed",
            "The difference between the request time and the server's time is too large.",
        )


def _canonical(claim: _Claim, asked: Asked, path: str) -> str:
    pairs = [(name, value) for name, value in _pairs(asked.query) if name != _SIGNATURE]
    query = "&".join(f"{name}={value}" for name, value in sorted((_quoted(n), _quoted(v)) for n, v in pairs))
    headers = "".join(f"{name}:{' '.join(asked.headers.get(name, '').split())}\n" for name in claim.names)
    return "\n".join((asked.method, _quoted(path, "/"), query, headers, ";".join(claim.names), claim.payload))


def signature_of(secret: str, claim_day: str, region: str, moment: str, canonical: str) -> str:
    """The signature (hex) of a canonical request."""
    key = f"AWS4{secret}".encode()
    for part in (claim_day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    scope = f"{claim_day}/{region}/s3/aws4_request"
    text = "\n".join((ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    return hmac.digest(key, text.encode(), "sha256").hex()


def verified(asked: Asked, *, secret_of: Callable[[str], str | None], now: datetime, prefix: str = "") -> str:
    """The access key that signed this request; SignatureRefused otherwise.

    The path may have been signed without `prefix`, as a client does that reaches us through a name of its own.
    """
    claim = _claim(asked)
    _check_time(claim, asked, now)
    unsigned = [name for name in asked.headers if name.startswith("x-amz-") and name not in claim.names]
    if "host" not in claim.names or unsigned:
        raise SignatureRefused(
            "AccessDenied", "There were headers present in the request which were not signed."
        )
    if claim.payload not in (UNSIGNED, EMPTY):
        raise SignatureRefused("XAmzContentSHA256Mismatch", "The request must have no body.", 400)
    secret = secret_of(claim.access_key)
    if secret is None:
        raise SignatureRefused("InvalidAccessKeyId", "The access key is not known, revoked or has expired.")
    paths = [asked.path]
    if prefix and asked.path.startswith(f"{prefix}/"):
        paths.append(asked.path.removeprefix(prefix))
    for path in paths:
        expected = signature_of(secret, claim.day, claim.region, claim.moment, _canonical(claim, asked, path))
        if hmac.compare_digest(expected, claim.signature):
            return claim.access_key
    raise SignatureRefused(
        "SignatureDoesNotMatch",
        "The signature we calculated does not match the one you gave. Check the secret key.",
    )
