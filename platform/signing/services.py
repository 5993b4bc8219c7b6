"""Signing and checking of certificates, vouchers and events as JWS (EdDSA, pyjwt).

The private key is a PEM file in `SIGNING_KEYS_DIR` (made on first use, mode 0600); the newest file
signs, in every process from the moment it lies there. Its public half is written to PublishedKey and
served as a JWK set, also after rotation.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from jwt.algorithms import OKPAlgorithm

from kernel.errors import Refusal
from signing.models import PublishedKey

ALGORITHM = "EdDSA"


class SignatureInvalid(Refusal):
    """The text is not a token of ours, or was changed after signing."""

    code = "signature_invalid"
    message = _("签名无效：内容被改动，或不是本平台签发。请核对文件来源。")
    status = 422


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its id and public JWK."""

    kid: str
    private: Ed25519PrivateKey
    jwk: dict[str, str]


def _thumbprint(jwk: dict[str, str]) -> str:
    """RFC 7638 thumbprint (SHA-256, base64url without padding) of an OKP key."""
    members = {name: jwk[name] for name in ("crv", "kty", "x")}
    raw = hashlib.sha256(json.dumps(members, sort_keys=True, separators=(",", ":")).encode()).digest()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _key(private: Ed25519PrivateKey) -> SigningKey:
    jwk = json.loads(OKPAlgorithm.to_jwk(private.public_key()))
    return SigningKey(_thumbprint(jwk), private, jwk)


def _write_new_key(folder: Path) -> Path:
    """Make a key file that appears whole or not at all, also when two processes start at once."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    number = len(list(folder.glob("key-*.pem"))) + 1
    target, draft = folder / f"key-{number:04d}.pem", folder / f".draft-{os.getpid()}"
    descriptor = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        os.fsync(file.fileno())
    try:
        os.link(draft, target)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return target


@lru_cache(maxsize=4)
def _load(file: Path) -> SigningKey:
    private = serialization.load_pem_private_key(file.read_bytes(), password=None)
    assert isinstance(private, Ed25519PrivateKey), f"{file.name} is not an Ed25519 key"
    return _key(private)


def _newest(folder: Path) -> Path:
    """The file that signs now. Looked up each time, so that a running process follows a rotation at once."""
    return max(folder.glob("key-*.pem"), default=None) or _write_new_key(folder)


def current_key() -> SigningKey:
    """The key that signs now; its public half is published before it is first used."""
    key = _load(_newest(Path(settings.SIGNING_KEYS_DIR)))
    PublishedKey.objects.get_or_create(kid=key.kid, defaults={"algorithm": ALGORITHM, "jwk": key.jwk})
    return key


def rotate(*, at: datetime) -> SigningKey:
    """Make a new signing key; tokens of the old ones go on verifying."""
    _write_new_key(Path(settings.SIGNING_KEYS_DIR))
    key = current_key()
    PublishedKey.objects.filter(retired_at=None).exclude(kid=key.kid).update(retired_at=at)
    return key


def sign(claims: dict[str, Any], *, type_: str) -> str:
    """A compact JWS over `claims` with `kid` and `typ` in the header (for instance "certificate+jwt")."""
    return sign_exactly({"iss": settings.SIGNING_ISSUER, **claims}, {"typ": type_})


def sign_exactly(payload: dict[str, Any], headers: dict[str, str], *, controller: str = "") -> str:
    """A compact JWS over exactly `payload`, for formats that name their issuer themselves (W3C credentials).

    With a `controller` (a DID), `kid` is the key's absolute name in its DID document: `did:web:…#<key id>`.
    """
    key = current_key()
    kid = f"{controller}#{key.kid}" if controller else key.kid
    return jwt.encode(payload, key.private, ALGORITHM, headers={**headers, "kid": kid})


def verify(token: str) -> dict[str, Any]:
    """The claims of one of our tokens; SignatureInvalid otherwise. Expiry is a question of the registry."""
    try:
        kid = str(jwt.get_unverified_header(token)["kid"]).rpartition("#")[2]
        published = PublishedKey.objects.get(kid=kid)
        public = OKPAlgorithm.from_jwk(published.jwk)
        assert isinstance(public, Ed25519PublicKey), "published keys are public"
        claims: dict[str, Any] = jwt.decode(
            token,
            public,
            [ALGORITHM],
            options={"verify_exp": False, "verify_nbf": False, "verify_aud": False},
        )
    except (jwt.PyJWTError, KeyError, PublishedKey.DoesNotExist) as error:
        raise SignatureInvalid from error
    return claims


def key_set() -> dict[str, list[dict[str, Any]]]:
    """The JWK set of every key that ever signed (RFC 7517)."""
    return {
        "keys": [
            {**key.jwk, "kid": key.kid, "alg": key.algorithm, "use": "sig"}
            for key in PublishedKey.objects.order_by("recorded_at")
        ]
    }
