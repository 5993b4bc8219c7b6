"""Secrets at rest: sealed with a key derived from SECRET_KEY; the former keys still open them."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


@dataclass(frozen=True, slots=True)
class Box:
    """Seals and opens secrets of one purpose; what one purpose sealed, another cannot open."""

    purpose: str

    def sealed(self, text: str) -> str:
        """The text, readable only with the installation's key."""
        return self._keys().encrypt(text.encode()).decode()

    def opened(self, token: str) -> str:
        """What was sealed."""
        return self._keys().decrypt(token.encode()).decode()

    def _keys(self) -> MultiFernet:
        keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
        digests = [hashlib.sha256(f"{self.purpose}:{key}".encode()).digest() for key in keys]
        return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])
