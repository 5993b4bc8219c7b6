"""Imports as far along as a test needs them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from annotation.intake import services
from annotation.intake.models import Intake
from annotation.projects.models import Project
from tests.annotation import scenes
from tests.cast import NOON


class Counted:
    """Progress that only counts."""

    def __init__(self) -> None:
        self.done, self.total = 0, 0

    def start(self, total: int, *, done: int = 0) -> None:
        self.done, self.total = done, total

    def advance(self, count: int = 1) -> None:
        self.done += count


def zipped(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return out.getvalue()


def lines(*rows: Any) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def gathered(project: Project, files: Mapping[str, bytes], form: str = "items", **more: Any) -> Intake:
    """An import with these files."""
    made = services.begin(
        by=scenes.qin(), at=NOON, project_id=project.pk, source="示例来源", licence="CC0", form=form, **more
    )
    for path, body in files.items():
        services.add_file(by=scenes.qin(), at=NOON, intake_id=made.pk, path=path, chunks=[body])
    return made


def checking(project: Project, files: Mapping[str, bytes], form: str = "items", **more: Any) -> Intake:
    """The same, with its dry run queued (it runs when the test does it)."""
    made = gathered(project, files, form, **more)
    return services.start_check(by=scenes.qin(), at=NOON, intake_id=made.pk)


def checked(project: Project, files: Mapping[str, bytes], form: str = "items", **more: Any) -> Intake:
    """The same after its dry run."""
    made = checking(project, files, form, **more)
    services.check_intake(at=NOON, intake_id=made.pk, progress=Counted())
    return Intake.objects.get(pk=made.pk)


def decided(intake: Intake, near: str = "keep", personal: str = "mask", **more: Any) -> Intake:
    """The import as decided (it runs when the test does it)."""
    return services.decide(
        by=scenes.qin(), at=NOON, intake_id=intake.pk, near=near, personal=personal, **more
    )


def brought(intake: Intake, near: str = "keep", personal: str = "mask", **more: Any) -> Intake:
    """The import done."""
    decided(intake, near, personal, **more)
    services.bring_in(at=NOON, intake_id=intake.pk, progress=Counted())
    return Intake.objects.get(pk=intake.pk)
