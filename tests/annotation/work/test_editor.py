"""The editor comes from one pinned package, and only its page may hold its two style blocks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from annotation.work.rules import editor_config
from tests.annotation import scenes
from tests.annotation.test_pages import browser
from tests.cast import mei

LOCK = Path(settings.BASE_DIR) / "requirements-editor.lock"
ALLOWED = r"style-src 'self' 'sha256-[A-Za-z0-9+/]{43}=' 'sha256-[A-Za-z0-9+/]{43}=';"


def test_the_lock_names_one_package_with_hashes_and_the_version_that_is_served() -> None:
    lines = [line for line in LOCK.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    assert lines[0] == f"label-studio=={settings.EDITOR_VERSION} \\"
    assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in lines[1:])
    assert "http" not in LOCK.read_text("utf-8")


def test_the_editors_files_are_served_packed_and_for_good() -> None:
    answer = Client().get(f"/static/{settings.EDITOR_PATH}/main.js", headers={"accept-encoding": "gzip"})
    assert (answer.status_code, answer["Content-Encoding"]) == (200, "gzip")
    assert answer["Cache-Control"] == "max-age=315360000, public, immutable"
    assert int(answer["Content-Length"]) < 1_200_000


@pytest.mark.django_db
def test_only_the_labelling_page_allows_the_two_style_blocks_and_nothing_inline() -> None:
    (task,) = scenes.assigned(scenes.opened())
    client = browser(mei)
    desk = client.get(reverse("work:task", args=[task.pk]))["Content-Security-Policy"]
    elsewhere = client.get(reverse("work:mine"))["Content-Security-Policy"]
    assert re.search(ALLOWED, desk)
    assert "style-src 'self';" in elsewhere
    assert desk.replace(re.search(ALLOWED, desk)[0], "style-src 'self';") == elsewhere  # type: ignore[index]
    assert "unsafe" not in desk


@pytest.mark.django_db
def test_without_the_editors_files_the_page_is_the_plain_form(settings: object) -> None:
    settings.HAS_EDITOR = False  # type: ignore[attr-defined]
    (task,) = scenes.assigned(scenes.opened())
    page = browser(mei).get(reverse("work:task", args=[task.pk])).content.decode()
    assert 'id="labelling"' in page
    assert 'id="desk"' not in page


def test_texts_are_written_in_several_lines_and_once() -> None:
    shown = editor_config('<View><TextArea name="why" toName="t" rows="5"/></View>')
    assert (
        shown == '<View><TextArea name="why" toName="t" rows="5" maxSubmissions="1" editable="true" /></View>'
    )
