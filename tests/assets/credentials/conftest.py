"""What anyone may download about one certificate, as files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client

from assets.registry import services as registry
from assets.registry.models import Certificate
from assets.transparency import services as log
from documents import objects
from tests import cast
from tests.assets.conftest import Registration
from tests.cast import NOON


@dataclass
class Download:
    """The public files of one certificate, fetched again by `refresh`."""

    folder: Path
    certificate: Certificate

    def path(self, name: str) -> Path:
        return self.folder / name

    def keep(self, name: str, address: str) -> Path:
        answer = Client().get(address)
        assert answer.status_code == 200, address
        self.path(name).write_bytes(answer.content)
        return self.path(name)

    def refresh(self) -> Download:
        number = self.certificate.number
        self.keep("jwks.json", "/.well-known/jwks.json")
        self.keep("did.json", "/.well-known/did.json")
        self.keep("credential.jwt", f"/credentials/{number}/credential.jwt")
        self.keep("certificate.jwt", f"/registry/certificates/{number}/certificate.jwt")
        self.keep("certificate.json", f"/registry/certificates/{number}/certificate.json")
        self.keep("revocation.jwt", "/credentials/status/revocation-1")
        self.keep("suspension.jwt", "/credentials/status/suspension-1")
        self.keep("log.json", f"/api/transparency/subjects/{number}")
        self.keep("sth.json", "/api/transparency/sth")
        return self

    def with_document(self) -> Download:
        """The PDF too, which takes a while to make; its hash goes into the log."""
        at = NOON + timedelta(days=21)
        registry.issue_document(by=cast.gu(), at=at, certificate_id=self.certificate.pk)
        log.seal(at=at)
        number = self.refresh().certificate.number
        self.keep("certificate.pdf", f"/registry/certificates/{number}/certificate.pdf")
        return self

    def data(self, name: str = "data", *, with_certificate: bool = False) -> Path:
        """The version's files in a folder with their manifest, as an export gives them."""
        root, version = self.folder / name, self.certificate.version
        for file in version.files.all():
            target = root / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(objects.get(file.object_key))
        (root / "manifest.json").write_bytes(objects.get(version.manifest_key))
        if with_certificate:
            (root / "credential.jwt").write_text(self.certificate.credential.token)
        return root


@pytest.fixture
def download(tmp_path: Path, db: None) -> Download:
    certificate = Registration().certified()
    log.seal(at=NOON + timedelta(days=21))
    return Download(tmp_path, certificate).refresh()


def flipped(token: str) -> str:
    """The token with one character of its payload changed."""
    head, body, signature = token.split(".")
    middle = len(body) // 2
    other = "A" if body[middle] != "A" else "B"
    return f"{head}.{body[:middle]}{other}{body[middle + 1 :]}.{signature}"


def forged(token: str, **changes: object) -> str:
    """The token with other content under the old signature."""
    import base64

    head, body, signature = token.split(".")
    told = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    raw = json.dumps({**told, **changes}, ensure_ascii=False).encode()
    return f"{head}.{base64.urlsafe_b64encode(raw).decode().rstrip('=')}.{signature}"
