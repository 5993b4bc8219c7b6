"""Compile the translations: `python -m config.messages`. Pure Python, so that no gettext is needed.

Only files that are missing or older than their source are written.
"""

from __future__ import annotations

import os
from pathlib import Path

import polib

from embedded.installation import project_root


def compile_stale(root: Path) -> int:
    """Write every `.mo` that is older than its `.po`; says how many."""
    written = 0
    for source in sorted(root.glob("locale/*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        fresh = target.with_suffix(f".mo.{os.getpid()}")
        polib.pofile(str(source)).save_as_mofile(str(fresh))
        fresh.replace(target)
        written += 1
    return written


if __name__ == "__main__":
    compile_stale(project_root() or Path.cwd())
