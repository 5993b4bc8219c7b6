"""Seal what waits, then check the whole audit log."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import services
from kernel import clock

SENTENCES = {
    "link_missing": "the chain has no link at position {position}: it was deleted or moved",
    "event_missing": "event {event_id} at position {position} was deleted",
    "event_changed": "event {event_id} at position {position} was changed after it was written",
    "link_changed": "the link at position {position} (event {event_id}) does not follow from the one before",
}


class Command(BaseCommand):
    """`audit_verify`: recomputes every digest and link in order; fails naming the first bad one."""

    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="answer as one JSON object")

    def handle(self, *args: Any, json: bool = False, **options: Any) -> None:
        sealed = 0
        while count := services.seal(at=clock.now()):
            sealed += count
        verdict = services.verify()
        if json:
            self.stdout.write(_as_json(verdict, sealed))
        if not verdict.is_sound:
            sentence = SENTENCES[verdict.fault].format(position=verdict.position, event_id=verdict.event_id)
            raise CommandError(f"The audit log was tampered with: {sentence}.", returncode=1)
        if not json:
            head = verdict.head[:16]
            self.stdout.write(
                f"{verdict.event_count} events, {sealed} sealed now, head {head}…: nothing was changed."
            )


def _as_json(verdict: services.Verdict, sealed: int) -> str:
    return json.dumps(
        {**asdict(verdict), "is_sound": verdict.is_sound, "sealed_count": sealed}, ensure_ascii=False
    )
