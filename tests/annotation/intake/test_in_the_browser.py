"""The pages of imports and models in a real browser: they fit, are accessible, and decide without script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from annotation.intake import services
from annotation.projects.models import Item
from tests.annotation import scenes
from tests.annotation.intake.imports import brought, checked, lines
from tests.annotation.test_browser import no_wider_than_the_window, photograph
from tests.cast import NOON

if TYPE_CHECKING:
    from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "清远的英德红茶以香气高锐著称，汤色红艳明亮，滋味浓醇，常与牛奶同饮，今年春茶上市比往年早了十天。"
TEXTS = ("很好", "电话 13812345678 找李先生", LONG, LONG.replace("十天", "九天"), "很好", scenes.REVIEWS[0])


def test_the_pages_fit_are_accessible_and_lead_to_an_import(live_chromium: Visit) -> None:
    project = scenes.opened()
    row = {
        "data": {"text": "标注过的一条"},
        "annotations": [{"result": scenes.sentiment("正面"), "completed_by": 1}],
    }
    done = brought(checked(project, {"三月.jsonl": lines(row)}, form="label_studio"))
    found = checked(project, {"四月.jsonl": lines(*({"text": text} for text in TEXTS)) + b"no json\n"})
    services.add_predictor(by=scenes.qin(), at=NOON, project_id=project.pk, kind="built_in", name="情感分类")
    places = {
        "imports": reverse("projects:intakes", args=[project.pk]),
        "import-checked": reverse("projects:intake", args=[found.pk]),
        "import-done": reverse("projects:intake", args=[done.pk]),
        "models": reverse("projects:predictors", args=[project.pk]),
    }
    for width, language in ((1440, "zh-hans"), (390, "zh-hans"), (1440, "en"), (390, "en")):
        page = live_chromium.page(width=width, language=language)
        live_chromium.sign_in(page, scenes.qin().user)
        for name, address in places.items():
            page.goto(address)
            photograph(page, f"{name}-{width}-{language}")
            assert no_wider_than_the_window(page), (name, width, language)
            assert live_chromium.violations(page) == [], (name, width, language)
    page = live_chromium.page()
    live_chromium.sign_in(page, scenes.qin().user)
    page.goto(places["import-checked"])
    page.get_by_label("每组只留第一条").check()
    page.get_by_label("跳过有问题的行").check()
    page.get_by_role("button", name="决定并导入").click()
    page.wait_for_load_state()
    assert Item.objects.filter(text="电话 138******78 找李先生").exists()
    assert not Item.objects.filter(text__contains="九天").exists()
