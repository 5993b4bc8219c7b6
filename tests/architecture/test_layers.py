"""The house keeps its order: who may import whom, which rooms an app has, what it may not be called."""

from __future__ import annotations

import ast
import platform as standard_platform
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOMAINS = ("annotation", "assets", "exchange", "settlement")
ROOMS = {
    "__init__", "apps", "states", "rules", "models", "permissions", "selectors", "services", "events", "tasks",
    "pages", "forms", "api", "schemas", "admin", "urls",
}  # fmt: skip
EXTRA_ROOMS = {
    "assets/datasets": {"lineage", "trees"},
    "assets/exports": {"facts", "owned"},
    "assets/registry": {"verification", "verification_pages", "printing", "fingerprints", "mapping", "codes"},
    "assets/profiles": {"drawing", "viewing", "wording"},
    "assets/transparency": {"drawing"},
    "assets/credentials": {
        "checking",
        "folders",
        "proofs",
        "wording",
        "verification",
        "verification_pages",
        "verification_urls",
    },
    "annotation/projects": {"contents", "guidelines", "plans"},
    "annotation/work": {"printing", "project_urls", "shown", "steering_pages", "wages"},
    "annotation/servers": {"remote"},
    "annotation/quality": {
        "agreement",
        "aggregation",
        "answers",
        "forecast",
        "judgements",
        "measuring",
        "merging",
        "project_urls",
        "regions",
        "sampling",
        "scoring",
        "skill",
    },
    "annotation/inspection": {"printing", "project_urls"},
    "annotation/intake": {
        "folders",
        "learning",
        "likeness",
        "outside",
        "predicting",
        "project_urls",
        "reading",
        "sealing",
        "sensitive",
    },
    "exchange/tenders": {"directory", "directory_urls", "pages_directory", "pages_engagements"},
    "exchange/trading": {"policies", "printing", "referrals", "supplements", "timeline"},
    "exchange/catalogue": {"selling_urls", "pages_selling", "opinions", "searching", "pages_search", "ways"},
    "exchange/delivery": {
        "access_api",
        "data_api",
        "s3",
        "s3_root_urls",
        "s3_urls",
        "serving",
        "tables",
        "ways",
    },
    "settlement/merchant": {"shapes", "sealing", "sending", "refusals", "ways"},
    "settlement/rewards": {
        "blocks",
        "cases",
        "comparisons",
        "funds",
        "procedure",
        "readings",
        "recognitions",
        "referrals",
        "releases",
        "runs",
        "scenarios",
        "sheets",
    },
    "exchange/filings": {
        "invoices",
        "checking",
        "judging",
        "outside",
        "reading",
        "sheets",
        "spreadsheets",
        "verification",
        "verification_pages",
        "verification_urls",
        "wording",
    },
    "settlement/revenue": {"history"},
    "settlement/invoicing": {"fees", "fee_pages"},
    "settlement/ledger": {"closing", "holds", "journals"},
    "settlement/banking": {"judging", "reading", "spreadsheets", "wording"},
    "settlement/risk": {"facts", "parameters", "showing", "wording"},
    "exchange/dataspace": {"overview"},
}
FOLDERS = {
    "migrations",
    "templates",
    "static",
    "management",
    "templatetags",
    "rules",
    "services",
    "pages",
    "engine",
    "signals",
    "contracts",
    "measures",
    "formats",
    "metadata",
    "v1",
}
ORDER = ["states", "rules", "models", "permissions", "selectors", "services", "tasks", "pages"]
FORBIDDEN_NAMES = {"utils", "helpers", "manager", "process", "handle", "data", "info", "common", "misc"}


def apps() -> list[Path]:
    return sorted(path.parent for domain in DOMAINS for path in (ROOT / domain).glob("*/apps.py"))


def sources() -> list[Path]:
    folders = ("platform", *DOMAINS)
    return [p for f in folders for p in sorted((ROOT / f).rglob("*.py")) if "migrations" not in p.parts]


def test_the_standard_library_platform_is_the_one_imported() -> None:
    assert Path(standard_platform.__file__).is_relative_to(sysconfig.get_paths()["stdlib"])
    assert not (ROOT / "platform" / "__init__.py").exists()


def test_no_platform_package_hides_a_standard_library_module() -> None:
    ours = {path.name for path in (ROOT / "platform").iterdir() if path.is_dir()}
    assert not ours & set(sys.stdlib_module_names)


def test_imports_go_downward_only() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("app", apps(), ids=lambda app: app.relative_to(ROOT).as_posix())
def test_an_app_has_only_the_known_rooms(app: Path) -> None:
    name = app.relative_to(ROOT).as_posix()
    files = {path.stem for path in app.glob("*.py")}
    folders = {path.name for path in app.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert files - ROOMS - EXTRA_ROOMS.get(name, set()) == set()
    assert folders - FOLDERS == set()


@pytest.mark.parametrize("app", apps(), ids=lambda app: app.relative_to(ROOT).as_posix())
def test_rooms_import_only_rooms_below_them(app: Path) -> None:
    package = ".".join(app.relative_to(ROOT).parts)
    for position, room in enumerate(ORDER):
        path = app / f"{room}.py"
        if not path.exists():
            continue
        above = {f"{package}.{name}" for name in ORDER[position + 1 :]}
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                named = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
                assert not named & above, f"{path.relative_to(ROOT)} imports {sorted(named & above)}"


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_names_and_sizes_keep_the_house_rules(path: Path) -> None:
    assert path.stem not in FORBIDDEN_NAMES
    if path.name == "gallery.py":  # sample values of the component gallery: long lists, no logic
        return
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 70, f"{path.name}:{node.name} is over 70 lines"


def test_services_never_read_the_clock_or_the_request() -> None:
    for path in sources():
        if path.stem != "services" and path.parent.name != "services":
            continue
        text = path.read_text("utf-8")
        assert "HttpRequest" not in text, path
        if any(part in DOMAINS for part in path.parts):
            assert "clock.now()" not in text, path
            assert "timezone.now()" not in text, path


def test_no_signals_are_used() -> None:
    for path in sources():
        text = path.read_text("utf-8")
        assert "@receiver(" not in text and "post_save" not in text, path  # noqa: PT018
