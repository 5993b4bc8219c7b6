"""Walk the main job on real input and tell every step with its figures and links."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config.stories import journey
from config.stories.journey import Story
from documents import objects


class Command(BaseCommand):
    """`journey` prints the story; `--json` gives the same as data. Safe to run again."""

    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        objects.ensure_bucket()
        story = journey.run(lambda line: self.stderr.write(f"  {line}"))
        if options["json"]:
            self.stdout.write(json.dumps(story.as_data(), ensure_ascii=False, indent=2, default=str))
        else:
            self._tell(story)

    def _tell(self, story: Story) -> None:
        for step in story.steps:
            self.stdout.write(f"{step.number}. {step.title}\n   {step.told}")
            for name, value in step.figures.items():
                self.stdout.write(f"     {name}: {value}")
            if step.url:
                self.stdout.write(f"     → {step.url}")
        self.stdout.write(f"\n结论 decision: {story.decision['outcome']} {story.decision['amount']}")
        for step in story.decision["trace"]["steps"]:
            self.stdout.write(
                f"  {step['number']}. {step['title']['zh']} [{step['article']}] {step['verdict']}: {step['found']['zh']}"
            )
