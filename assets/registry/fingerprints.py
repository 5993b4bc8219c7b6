"""What identifies a registered thing. Needs no Django: whoever verifies without a server uses it too."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def fingerprint(told: Mapping[str, Any]) -> str:
    """SHA-256 in hex of what is registered, from the `certificate` member of claims.

    A dataset's root hash; otherwise the hash of the canonical JSON (sorted keys, no spaces, UTF-8) of the
    `project` and `files` members.
    """
    if told.get("asset"):
        return str(told["asset"]["root_hash"])
    named = {name: told[name] for name in ("project", "files") if name in told}
    text = json.dumps(named, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
