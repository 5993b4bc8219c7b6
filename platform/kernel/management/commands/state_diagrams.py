"""Write (or check) the diagrams of every state machine under docs/states/."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from kernel.states import Machine


def _page(machine: Machine) -> str:
    rows = "\n".join(
        f"| `{move.name}` | {move.label} | {', '.join(f'`{s}`' for s in move.from_)} | `{move.to}` |"
        for move in machine.moves.values()
    )
    return (
        f"# {machine.name}\n\nGenerated from the move table by `make fix`; do not edit.\n\n"
        f"```mermaid\n{machine.diagram()}```\n\n| move | 动作 | from | to |\n|---|---|---|---|\n{rows}\n"
    )


class Command(BaseCommand):
    """`state_diagrams` writes docs/states/; `--check` fails when a file is missing, stale or extra."""

    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        folder = Path(settings.BASE_DIR) / "docs" / "states"
        wanted = {f"{name}.md": _page(machine) for name, machine in sorted(Machine.registry.items())}
        present = (
            {path.name: path.read_text("utf-8") for path in folder.glob("*.md")} if folder.exists() else {}
        )
        if check:
            stale = sorted(k for k in wanted.keys() | present.keys() if wanted.get(k) != present.get(k))
            if stale:
                raise CommandError(f"docs/states is not current ({', '.join(stale)}): run `make fix`")
            return
        folder.mkdir(parents=True, exist_ok=True)
        for name in present.keys() - wanted.keys():
            (folder / name).unlink()
        for name, text in wanted.items():
            (folder / name).write_text(text, "utf-8")
        self.stdout.write(f"{len(wanted)} diagrams in docs/states")
