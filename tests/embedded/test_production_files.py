"""docker-compose.yml, Dockerfile and docs/operations.md agree with each other and with the settings."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
READ_IN_CODE = re.compile(r"""(?:\benv(?:\.\w+)?\(\s*|environ(?:\.get\(|\[)\s*)"([A-Z][A-Z0-9_]+)\"""")
INTERNAL = {"DJANGO_SETTINGS_MODULE", "QINGSHU_FIGURES_READY"}


def read_by_the_product() -> set[str]:
    sources = [*(ROOT / "platform" / "config").rglob("*.py"), *(ROOT / "platform" / "web").rglob("*.py")]
    return {name for path in sources for name in READ_IN_CODE.findall(path.read_text(encoding="utf-8"))}


def test_compose_has_every_production_part() -> None:
    services = yaml.safe_load(COMPOSE)["services"]
    parts = {
        "proxy",
        "web",
        "worker",
        "worker-long",
        "beat",
        "postgres",
        "valkey",
        "minio",
        "label-studio",
        "migrate",
    }
    assert parts <= set(services)
    known = set(services)
    assert all(set(service.get("depends_on", [])) <= known for service in services.values())


def test_only_the_proxy_is_reachable_from_outside() -> None:
    services = yaml.safe_load(COMPOSE)["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]


def test_every_variable_of_compose_is_described() -> None:
    wanted = set(re.findall(r"\$\{([A-Z0-9_]+)", COMPOSE))
    assert {name for name in wanted if f"`{name}`" not in OPERATIONS} == set()


def test_every_setting_the_product_reads_is_described() -> None:
    assert {name for name in read_by_the_product() - INTERNAL if f"`{name}`" not in OPERATIONS} == set()


def test_compose_sets_nothing_the_product_does_not_read() -> None:
    services = yaml.safe_load(COMPOSE)["services"]
    given = set(services["web"]["environment"]) | set(services["worker"]["environment"])
    assert given - read_by_the_product() - INTERNAL == set()


def test_every_worker_queue_is_served() -> None:
    from config.celery import QUEUES

    served = {queue for queues in re.findall(r'-Q, "?([a-z,]+)"?\]', COMPOSE) for queue in queues.split(",")}
    assert served == set(QUEUES)


def test_every_exit_code_is_described() -> None:
    from embedded.errors import ExitCode

    assert [code for code in ExitCode if f"| {code.value} |" not in OPERATIONS] == []
