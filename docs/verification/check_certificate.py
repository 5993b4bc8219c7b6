#!/usr/bin/env python3
# ruff: noqa: T201 - it talks to whoever runs it
"""Check a registration credential and the registry's log, independently of the product.

Needs Python 3.11 and `cryptography`, nothing of the product, no server. Written from the public standards: RFC 7515,
RFC 8037, W3C Verifiable Credentials 2.0, W3C Bitstring Status List 1.0, RFC 9162. README.md tells where the files are.

    check_certificate.py credential.jwt --keys jwks.json --status revocation.jwt --status suspension.jwt
                         --head sth.json --proof proofs.json --document certificate.pdf
    check_certificate.py --keys jwks.json --old-head kept.json --head sth.json --consistency consistency.json

Exit code 0: all that was asked for holds. 8: something does not. 2: a file cannot be understood.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

said: list[bool] = []


def say(holds: bool, what: str) -> bool:
    said.append(holds)
    print(("holds           " if holds else "DOES NOT HOLD   ") + what)
    return holds


def sha256(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right)


def unbase64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def opened(token: str, keys: dict[str, bytes]) -> tuple[dict, dict, bool]:
    """Header and payload of a compact JWS, and whether one of the keys signed it."""
    head, body, signature = token.strip().split(".")
    header, payload = json.loads(unbase64url(head)), json.loads(unbase64url(body))
    key = keys.get(header.get("kid", "").split("#")[-1])
    if header.get("alg") != "EdDSA" or key is None:
        return header, payload, False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(unbase64url(signature), f"{head}.{body}".encode())
    except InvalidSignature:
        return header, payload, False
    return header, payload, True


def public_keys(path: str) -> dict[str, bytes]:
    """Key id → public key, from a JWK set. The key id must be the key's own thumbprint (RFC 7638)."""
    found = {}
    for jwk in json.loads(Path(path).read_text("utf-8"))["keys"]:
        members = {name: jwk[name] for name in ("crv", "kty", "x")}
        raw = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
        if base64.urlsafe_b64encode(sha256(raw)).rstrip(b"=").decode() == jwk["kid"]:
            found[jwk["kid"]] = unbase64url(jwk["x"])
    return found


def root_of_inclusion(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """2.1.3, by recursion from the definition of PATH: the root that this path leads to."""
    if size == 1:
        if path:
            raise ValueError("the path is too long")
        return sha256(b"\x00" + leaf)
    k = 1
    while k * 2 < size:
        k *= 2
    if not path:
        raise ValueError("the path is too short")
    if index < k:
        return node(root_of_inclusion(leaf, index, k, path[:-1]), path[-1])
    return node(path[-1], root_of_inclusion(leaf, index - k, size - k, path[:-1]))


def roots_of_consistency(m: int, n: int, path: list[bytes], old: bytes | None) -> tuple[bytes, bytes]:
    """2.1.4, by recursion from the definition of SUBPROOF: (root of m leaves, root of n leaves)."""
    if not 0 < m <= n:
        raise ValueError("the old log is not the smaller one")
    if m == n:
        found = path[-1] if old is None else old
        if len(path) != (old is None):
            raise ValueError("the proof has not the right length")
        return found, found
    k = 1
    while k * 2 < n:
        k *= 2
    if m <= k:
        first, second = roots_of_consistency(m, k, path[:-1], old)
        return first, node(second, path[-1])
    first, second = roots_of_consistency(m - k, n - k, path[:-1], None)
    return node(path[-1], first), node(path[-1], second)


def check_head(path: str, keys: dict[str, bytes], name: str) -> tuple[int, bytes]:
    told = (held := json.loads(Path(path).read_text("utf-8"))).get("head", held)
    _header, signed, is_signed = opened(told["tree_head_signature"], keys)
    say(is_signed, f"signature of the {name}")
    root = base64.b64decode(told["sha256_root_hash"])
    is_same = (signed["tree_size"], signed["root_hash"]) == (told["tree_size"], root.hex())
    say(is_same, f"the {name} says what was signed: {told['tree_size']} entries, root {root.hex()}")
    return told["tree_size"], root


def check_credential(token: str, keys: dict[str, bytes], lists: list[str], on: datetime) -> None:
    header, told, is_signed = opened(token, keys)
    subject = told["credentialSubject"]
    print(f"credential of {subject['certificateNumber']}: {subject['name']}; root hash {subject['rootHash']}")
    say(is_signed and header["typ"] == "vc+jwt", f"signature of the credential, by {header['kid']}")
    say(header["kid"].split("#")[0] == told["issuer"]["id"], f"issuer {told['issuer']['id']} owns that key")
    begin, end = (datetime.fromisoformat(told[name]) for name in ("validFrom", "validUntil"))
    say(begin <= on < end, f"period of validity, {told['validFrom']} to {told['validUntil']}")
    for text in lists:
        head, listed, is_list_signed = opened(text, keys)
        rows = [row for row in told["credentialStatus"] if row["statusListCredential"] == listed["id"]]
        if not say(bool(rows), f"{listed['id']} is a list that the credential names"):
            continue
        held, index = listed["credentialSubject"], int(rows[0]["statusListIndex"])
        purpose, is_ours = held["statusPurpose"], listed["issuer"] == told["issuer"]["id"]
        is_meant = purpose == rows[0]["statusPurpose"] and head["typ"] == "vc+jwt"
        say(
            is_list_signed and is_ours and is_meant,
            f"signature of the {purpose} list of {listed['validFrom']}",
        )
        say(on < datetime.fromisoformat(listed["validUntil"]), "that list is still to be relied upon")
        bits = gzip.decompress(unbase64url(held["encodedList"].removeprefix("u")))
        say(not bits[index // 8] >> (7 - index % 8) & 1, f"bit {index} of the {purpose} list is not set")


def check_inclusion(token: str, path: str, size: int, root: bytes) -> None:
    told = json.loads(Path(path).read_text("utf-8"))
    digest, found = sha256(token.strip().encode()).hex(), 0
    for proof in told.get("proofs", [told]):
        leaf = base64.b64decode(proof["leaf_input"])
        if json.loads(leaf)["credential_sha256"] != digest:
            continue
        found, index, way = found + 1, proof["leaf_index"], [base64.b64decode(p) for p in proof["audit_path"]]
        try:
            reached = root_of_inclusion(leaf, index, size, way) if index < size else b""
        except ValueError:
            reached = b""
        kind = json.loads(leaf)["kind"]
        say(reached == root and proof["tree_size"] == size, f"entry {index} of {size} in the log: {kind}")
    say(found > 0, "the log holds this credential")


def check_document(document: str, path: str, size: int, root: bytes) -> None:
    """The file itself: its SHA-256 stands in a leaf that the proof leads up to the head."""
    told = json.loads(Path(path).read_text("utf-8"))
    digest, found = sha256(Path(document).read_bytes()).hex(), False
    for proof in told.get("proofs", [told]):
        leaf, index = base64.b64decode(proof["leaf_input"]), proof["leaf_index"]
        if json.loads(leaf).get("document_sha256") == digest and proof["tree_size"] == size:
            way = [base64.b64decode(each) for each in proof["audit_path"]]
            found = index < size and root_of_inclusion(leaf, index, size, way) == root
    say(found, f"the log holds the file with SHA-256 {digest}")


def check_consistency(path: str, old: tuple[int, bytes], new: tuple[int, bytes]) -> None:
    way = [base64.b64decode(each) for each in json.loads(Path(path).read_text("utf-8"))["consistency"]]
    try:
        reached = roots_of_consistency(old[0], new[0], way, old[1])
    except (ValueError, IndexError):
        reached = (b"", b"")
    say(reached == (old[1], new[1]), f"the log of {new[0]} entries begins with the {old[0]} of the old head")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("credential", nargs="?", help="the credential (VC JWT)")
    parser.add_argument("--keys", required=True, help="the published key set, jwks.json")
    parser.add_argument("--status", action="append", default=[], help="a downloaded status list")
    for name in ("--head", "--proof", "--document", "--old-head", "--consistency"):
        parser.add_argument(name)
    parser.add_argument("--on", type=datetime.fromisoformat, default=datetime.now(UTC), help="another moment")
    given = parser.parse_args()
    try:
        keys = public_keys(given.keys)
        token = Path(given.credential).read_text("ascii") if given.credential else ""
        if token:
            lists = [Path(path).read_text("ascii") for path in given.status]
            check_credential(token, keys, lists, given.on)
        new = check_head(given.head, keys, "tree head") if given.head else None
        if token and new and given.proof:
            check_inclusion(token, given.proof, *new)
        if new and given.proof and given.document:
            check_document(given.document, given.proof, *new)
        if new and given.old_head and given.consistency:
            check_consistency(given.consistency, check_head(given.old_head, keys, "old tree head"), new)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
        print(f"not understood: {type(error).__name__} {error}", file=sys.stderr)
        return 2
    return 0 if all(said) else 8


if __name__ == "__main__":
    sys.exit(main())
