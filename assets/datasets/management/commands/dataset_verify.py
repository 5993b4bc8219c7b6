"""`manage.py dataset_verify [VERSION_ID …]`: re-hash sealed versions from the store."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from assets.datasets.models import DatasetVersion
from assets.datasets.selectors import verify_version
from assets.datasets.states import VersionState


class Command(BaseCommand):
    help = (
        "Re-hash the files of sealed dataset versions (all of them without arguments) and name any mismatch."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("versions", nargs="*", type=UUID, metavar="VERSION_ID")
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = options["versions"] or list(
            DatasetVersion.objects.exclude(state=VersionState.BUILDING)
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        checks = [verify_version(version_id) for version_id in chosen]
        if options["as_json"]:
            rows = [
                {
                    "version": str(check.version_id),
                    "root_hash": check.root_hash,
                    "files": check.checked_count,
                    "mismatches": [{"path": m.path, "code": m.code} for m in check.mismatches],
                }
                for check in checks
            ]
            self.stdout.write(json.dumps(rows, ensure_ascii=False))
        else:
            for check in checks:
                self.stdout.write(f"{check.version_id}  {check.root_hash[:16]}  {check.checked_count} files")
                for mismatch in check.mismatches:
                    self.stdout.write(f"  {mismatch.path}: {mismatch.words}")
        broken = sum(not check.is_intact for check in checks)
        if broken:
            raise CommandError(
                f"{broken} of {len(checks)} versions are not as they were sealed", returncode=8
            )
