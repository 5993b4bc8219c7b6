"""Pure rules of credentials: the platform's unified code, DIDs, status bits, the W3C documents.

Nothing here touches Django: the command `qingshu verify` uses it without a server.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from stdnum.exceptions import ValidationError as StdnumError
from stdnum.iso7064 import mod_37_36

from assets.registry.fingerprints import fingerprint

CONTEXTS = ("https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/undefined-terms/v2")
"""The W3C's base context, and its context for terms that an issuer defines by itself."""
MEDIA_TYPE = "application/vc"
JWT_MEDIA_TYPE = "application/vc+jwt"
HEADERS = {"typ": "vc+jwt", "cty": "vc"}
LIST_BITS = 131_072
"""Entries of one status list: the least that the W3C recommends, so that no single holder can be told apart."""
REVOCATION, SUSPENSION = "revocation", "suspension"
PURPOSES = (REVOCATION, SUSPENSION)
REVOKED_STATES = frozenset({"changed", "transferred", "renewed", "cancelled", "revoked"})
"""States without return. An expired certificate is told by its own period, not by a bit."""
SUSPENDED_STATES = frozenset({"suspended"})


# --- the unified code ---------------------------------------------------------------------------


def unified_code(authority_uscc: str, holder_uscc: str, certificate_number: str) -> str:
    """The platform's own code of a registered asset, such as `441800-MA5000001-2026-0000123-K`.

    Parts: the authority's administrative division (characters 3–8 of its USCC) · the first holder's
    organization code (characters 9–17 of its USCC, GB 11714) · year and serial of the first certificate ·
    a check character, ISO 7064 MOD 37,36 over everything before it. (MOD 37-2, as our numbers have it, may
    give `*`; a number can be skipped then, a code that follows from others cannot.)

    It is given once and stays with the registered version through whatever certificates follow (change, transfer,
    renewal, a new registration). It is no official code.
    """
    _series, year, serial, _check = certificate_number.split("-")
    body = f"{authority_uscc[2:8]}-{holder_uscc[8:17]}-{year}-{serial}"
    return f"{body}-{mod_37_36.calc_check_digit(body.replace('-', ''))}"


def is_unified_code(code: str) -> bool:
    """Whether a code has our form and its check character is right."""
    parts = code.strip().upper().split("-")
    if [len(part) for part in parts] != [6, 9, 4, 7, 1]:
        return False
    try:
        mod_37_36.validate("".join(parts))
    except StdnumError:
        return False
    return True


# --- issuer -------------------------------------------------------------------------------------


def did_of(site_url: str) -> str:
    """The did:web of a site: `did:web:example.cn`, with a port `did:web:example.cn%3A8443`."""
    parts = urlsplit(site_url)
    segments = [quote(parts.netloc, safe=""), *(quote(part) for part in parts.path.split("/") if part)]
    return "did:web:" + ":".join(segments)


def did_document(did: str, keys: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The DID document: every key that ever signed, so that what was signed before a rotation still verifies."""
    members = ("kty", "crv", "x")
    methods = [
        {
            "id": f"{did}#{key['kid']}",
            "type": "JsonWebKey",
            "controller": did,
            "publicKeyJwk": {**{name: key[name] for name in members}, "kid": key["kid"], "alg": key["alg"]},
        }
        for key in keys
    ]
    return {
        "@context": ["https://www.w3.org/ns/did/v1", "https://www.w3.org/ns/cid/v1"],
        "id": did,
        "verificationMethod": methods,
        "assertionMethod": [method["id"] for method in methods],
    }


# --- status lists -------------------------------------------------------------------------------


def status_bits(state: str) -> tuple[bool, bool]:
    """What the two lists say of a certificate in that state: (revoked for good, suspended for now)."""
    return state in REVOKED_STATES, state in SUSPENDED_STATES


def encoded_list(indices: Iterable[int]) -> str:
    """A list with those bits set: GZIP, then multibase base64url without padding (`u…`). Index 0 is leftmost."""
    bits = bytearray(LIST_BITS // 8)
    for index in indices:
        bits[index // 8] |= 0x80 >> index % 8
    return "u" + base64.urlsafe_b64encode(gzip.compress(bytes(bits), mtime=0)).decode().rstrip("=")


def decoded_list(encoded: str) -> bytes:
    """The bits of an encoded list; ValueError when it is none, or opens to more than a mebibyte."""
    if not encoded.startswith("u"):
        raise ValueError("not multibase base64url")
    raw = base64.urlsafe_b64decode(encoded[1:] + "=" * (-(len(encoded) - 1) % 4))
    opened = zlib.decompressobj(wbits=31)
    try:
        bits = opened.decompress(raw, 1 << 20)
    except zlib.error as error:
        raise ValueError("not GZIP") from error
    if opened.unconsumed_tail or not opened.eof or len(bits) * 8 < LIST_BITS:
        raise ValueError("not a whole list")
    return bits


def is_set(bits: bytes, index: int) -> bool:
    """The bit of an index; ValueError outside the list."""
    if not 0 <= index < len(bits) * 8:
        raise ValueError("the index lies outside the list")
    return bool(bits[index // 8] & 0x80 >> index % 8)


@dataclass(frozen=True, slots=True)
class ListFacts:
    """What a status list credential says."""

    url: str
    issuer: str
    purpose: str
    signed_at: datetime
    valid_until: datetime
    encoded: str
    ttl_ms: int


def status_list_credential(facts: ListFacts) -> dict[str, Any]:
    """A BitstringStatusListCredential (W3C Bitstring Status List v1.0)."""
    return {
        "@context": [CONTEXTS[0]],
        "id": facts.url,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": facts.issuer,
        "validFrom": facts.signed_at.isoformat(timespec="seconds"),
        "validUntil": facts.valid_until.isoformat(timespec="seconds"),
        "credentialSubject": {
            "id": f"{facts.url}#list",
            "type": "BitstringStatusList",
            "statusPurpose": facts.purpose,
            "encodedList": facts.encoded,
            "ttl": facts.ttl_ms,
        },
    }


# --- the credential -----------------------------------------------------------------------------


def asset_id(root_hash: str) -> str:
    """The asset named by its content: an `ni:` URI (RFC 6920) of the root hash."""
    digest = base64.urlsafe_b64encode(bytes.fromhex(root_hash)).decode().rstrip("=")
    return f"ni:///sha-256;{digest}"


@dataclass(frozen=True, slots=True)
class CredentialFacts:
    """What a credential says besides the signed members of its certificate."""

    url: str
    issuer: str
    unified_code: str
    valid_from: datetime
    valid_until: datetime
    status_index: int
    status_urls: Mapping[str, str]  # by purpose
    certificate_token: str


def _version_members(asset: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is told of a dataset version; an annotation task or a described product has none."""
    if asset is None:
        return {}
    return {
        "dataset": asset["dataset"],
        "version": asset["version"],
        "modality": asset["modality"],
        "rowCount": asset["row_count"],
        "fileCount": asset["file_count"],
        "byteCount": asset["byte_count"],
        **(
            {"annotationRoot": asset["annotation_root"], "annotationCount": asset["annotation_count"]}
            if asset.get("annotation_root")
            else {}
        ),
    }


def credential(told: Mapping[str, Any], facts: CredentialFacts) -> dict[str, Any]:
    """A certificate as a W3C verifiable credential (data model 2.0); `told` is `claims["certificate"]`."""
    holder = told["holder"]
    return {
        "@context": list(CONTEXTS),
        "id": facts.url,
        "type": ["VerifiableCredential", "DataAssetRegistrationCredential"],
        "issuer": {"id": facts.issuer, "name": told["authority"]["name"]},
        "name": "数据资产登记证书",
        "validFrom": facts.valid_from.isoformat(),
        "validUntil": facts.valid_until.isoformat(),
        "credentialSubject": {
            "id": asset_id(fingerprint(told)),
            "type": "RegisteredDataAsset",
            "name": told["title"],
            "unifiedCode": facts.unified_code,
            "unifiedCodeScheme": "platform",
            "certificateNumber": told["number"],
            "registrationKind": told["kind"],
            "productKind": told["product_kind"],
            "rootHash": fingerprint(told),
            **_version_members(told.get("asset")),
            **{name: told[name] for name in ("project", "files") if name in told},
            "rights": list(told["rights"]),
            "classification": told["classification"],
            "useCase": told["use_case"],
            "holder": {"type": "Organization", "name": holder["name"], "uscc": holder["uscc"]},
            "isDemo": told["is_demo"],
        },
        "credentialStatus": [
            {
                "id": f"{facts.status_urls[purpose]}#{facts.status_index}",
                "type": "BitstringStatusListEntry",
                "statusPurpose": purpose,
                "statusListIndex": str(facts.status_index),
                "statusListCredential": facts.status_urls[purpose],
            }
            for purpose in PURPOSES
        ],
        "evidence": [
            {
                "id": told["verification_url"],
                "type": ["RegistrationCertificate"],
                "certificateNumber": told["number"],
                "digestSHA256": sha256_of(facts.certificate_token),
            }
        ],
    }


# --- the log ------------------------------------------------------------------------------------


def sha256_of(token: str) -> str:
    """SHA-256 (hex) of a token's text."""
    return hashlib.sha256(token.encode()).hexdigest()


def log_kind(state: str, *, is_new: bool) -> str:
    """How the log names what happened: issued, the state it went into, or resumed."""
    if is_new:
        return "certificate.issued"
    return "certificate.resumed" if state == "valid" else f"certificate.{state}"


DOCUMENT_KIND = "certificate.document"
"""What the log calls the issue of a certificate's PDF."""


def log_body(told: Mapping[str, Any], state: str, tokens: Sequence[str]) -> dict[str, Any]:
    """What a leaf says of a certificate: codes and hashes, nobody's name. `tokens`: certificate, credential."""
    certificate_token, credential_token = tokens
    return {
        "state": state,
        "holder": told["holder"]["uscc"],
        "root_hash": fingerprint(told),
        "certificate_sha256": sha256_of(certificate_token),
        "credential_sha256": sha256_of(credential_token),
    }
