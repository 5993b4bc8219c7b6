"""What a version of the rules is made of: every file that its decisions come from, by SHA-256. No database.

A release registers these hashes; files that differ from them are rules that nobody has released.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from settlement.rewards import engine, measures, scenarios

ROOT = measures.HERE.parent
SHARED = "policy"


@cache
def files_of(version: str) -> dict[str, str]:
    """Cards, engine, the version's parameters and all scenarios: path → SHA-256; files do not change while we run."""
    found = [*(ROOT / "engine").glob("*.py"), *measures.HERE.glob("*.py"), *_parameters(version)]
    found += [path for measure in measures.CARDS if (path := scenarios.path_of(measure)).exists()]
    return {str(path.relative_to(ROOT)): _sha256(path) for path in sorted(found)}


def _parameters(version: str) -> list[Path]:
    names = [SHARED, *measures.CARDS]
    return [path for name in names if (path := measures.HERE / f"{name}.{version}.toml").exists()]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def content_sha256(version: str) -> str:
    """One fingerprint over all files of a version."""
    return engine.sha256(files_of(version))


def tried() -> tuple[int, list[str]]:
    """How many scenarios there are, and the sentences of those that do not hold."""
    every = [scenario for measure in measures.CARDS for scenario in scenarios.of(measure)]
    return len(every), [scenario.name.zh for scenario in every if scenarios.problems(scenario)]
