"""Keep locale/en complete: refresh it from the sources, check it, compile it."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from kernel import translations


class Command(BaseCommand):
    """`translations` refreshes and compiles; `--check` fails on any missing, empty or stale entry."""

    help = __doc__ or ""
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true")
        parser.add_argument("--compile", action="store_true", help="only write the .mo file")
        parser.add_argument("--merge", nargs="*", default=[], help="JSON files with {Chinese: English}")

    def handle(self, *args: Any, check: bool, compile: bool, merge: list[str], **options: Any) -> None:  # noqa: A002
        root = Path(settings.BASE_DIR)
        if compile:
            translations.compile_catalogue(root)
            return
        if check:
            found = translations.faults(root)
            if found:
                raise CommandError(f"locale/en has {len(found)} faults:\n" + "\n".join(found))
            return
        english: dict[str, str] = {}
        for name in merge:
            english.update(json.loads(Path(name).read_text("utf-8")))
        catalogue = translations.refresh(root, english)
        path = translations.catalogue_path(root)
        path.parent.mkdir(parents=True, exist_ok=True)
        catalogue.save(str(path))
        translations.compile_catalogue(root)
        open_entries = sum(not entry.translated() for entry in catalogue)
        self.stdout.write(f"{len(catalogue)} entries in {path.name}, {open_entries} without English")
