"""Secrets of stores and models at rest: sealed with a key derived from SECRET_KEY; the former keys still open them."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


def _box() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    seeds = [hashlib.sha256(f"intake-secret:{key}".encode()).digest() for key in keys]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(seed)) for seed in seeds])


def sealed(text: str) -> str:
    """The text, readable only with the installation's key."""
    return _box().encrypt(text.encode()).decode()


def opened(token: str) -> str:
    """What was sealed."""
    return _box().decrypt(token.encode()).decode()
