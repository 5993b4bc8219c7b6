"""Every check that needs no running test: `python .ci/check.py [--fix]`. Prints one line each.

All checks run even when one fails; the exit code is 1 when any did.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
SOURCES = [
    name for name in ("platform", "annotation", "assets", "exchange", "settlement") if (ROOT / name).exists()
]
ALL = [*SOURCES, *(name for name in ("tests", "benchmarks", "manage.py", ".ci") if (ROOT / name).exists())]
MANAGE = [sys.executable, "manage.py"]
# Addresses that are names, not places a browser would fetch from.
NAMES = ("http://www.w3.org/", "https://www.w3.org/", "http://purl.org/")
STATIC_KINDS = (".css", ".js", ".svg", ".html", ".json", ".webmanifest")

CHECKS: list[tuple[str, list[str]]] = [
    ("style (ruff)", [str(BIN / "ruff"), "check", *ALL]),
    ("format (ruff)", [str(BIN / "ruff"), "format", "--check", "--quiet", *ALL]),
    ("types (mypy strict)", [sys.executable, "-m", "mypy", "--no-error-summary"]),
    ("layers (import-linter)", [str(BIN / "lint-imports"), "--no-cache"]),
    ("templates (djlint)", [sys.executable, "-m", "djlint", *SOURCES, "--lint", "--quiet"]),
    ("migrations complete", [*MANAGE, "makemigrations", "--check", "--dry-run"]),
    ("state diagrams current", [*MANAGE, "state_diagrams", "--check"]),
    ("translations complete", [*MANAGE, "translations", "--check"]),
]
FIXES: list[tuple[str, list[str]]] = [
    ("style (ruff)", [str(BIN / "ruff"), "check", "--fix", "--quiet", *ALL]),
    ("format (ruff)", [str(BIN / "ruff"), "format", "--quiet", *ALL]),
    ("state diagrams", [*MANAGE, "state_diagrams"]),
]


def external_links() -> list[str]:
    """Every place in our static files and templates that would make a browser leave the machine."""
    found = []
    fetched = re.compile(r"""(?:src|href|action)\s*=\s*["']?\s*((?:https?:)?//[^"'\s>]+)""")
    in_code = re.compile(r"""(?:url\(|@import|fetch\(|import\s)[^;\n]{0,40}?((?:https?:)?//[^"')\s]+)""")
    for source in SOURCES:
        for path in sorted((ROOT / source).rglob("*")):
            static = "static" in path.parts and path.suffix in STATIC_KINDS
            template = "templates" in path.parts and path.suffix == ".html"
            if not path.is_file() or not (static or template):
                continue
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                patterns = (
                    [fetched, in_code]
                    if static
                    else [re.compile(r"""src\s*=\s*["']((?:https?:)?//[^"']+)"""), in_code]
                )
                links = [link for pattern in patterns for link in pattern.findall(line)]
                found += [
                    f"{path.relative_to(ROOT)}:{number}: {link}"
                    for link in links
                    if not link.startswith(NAMES)
                ]
    return found


def run(name: str, command: list[str]) -> bool:
    """Run one check, print its line, and what it said when it failed."""
    begun = time.monotonic()
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "platform")]),
        "COLUMNS": "110",
    }
    outcome = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    good = outcome.returncode == 0
    said = "" if good else "\n" + outcome.stdout.strip()
    print(f"  {'✓' if good else '✗'} {name:<28} {time.monotonic() - begun:6.1f} s{said}", flush=True)
    return good


def main() -> int:
    """Run the checks, or with --fix the tools that put things right."""
    if "--fix" in sys.argv[1:]:
        results = [run(name, command) for name, command in FIXES]
        return 0 if all(results) else 1
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda check: run(*check), CHECKS))
    links = external_links()
    said = "".join(f"\n{link}" for link in links)
    print(f"  {'✗' if links else '✓'} {'no external link':<28}{said}", flush=True)
    failed = results.count(False) + bool(links)
    print(f"make check: {'all good' if not failed else f'{failed} failed'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
