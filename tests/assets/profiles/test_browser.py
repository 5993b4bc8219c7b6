"""The viewer in a real browser, wide in Chinese and narrow in English: no violation, nothing sideways."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from django.core.cache import cache
from django.urls import reverse

from tests import cast
from tests.assets.conftest import sealed_version
from tests.assets.profiles.conftest import picture, profiled, version_of
from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ORDERS = "编号,姓名,电话,价格,下单日,城市,label\n" + "".join(
    f"{n},{'王李张赵'[n % 4]}小{'明红军丽'[n % 4]},138{n:08d},{n * 7 % 90}.5,2026-0{n % 9 + 1}-11,"
    f"{'清远英德连州'[n % 3 * 2 : n % 3 * 2 + 2]},{'好评' if n % 3 else '差评'}\n"
    for n in range(60)
)


def regions() -> bytes:
    """One labelled image and one labelled text."""
    shapes = [
        ("rectanglelabels", {"x": 10, "y": 12, "width": 30, "height": 25}, "汽车"),
        ("rectanglelabels", {"x": 60, "y": 20, "width": 20, "height": 15, "rotation": 20}, "行人"),
        ("polygonlabels", {"points": [[10, 60], [45, 55], [40, 90], [12, 88]]}, "车道"),
    ]
    image = {
        "id": "r000001", "item": "items/000001.png", "item_name": "街景.png", "labels": ["汽车", "行人", "车道"],
        "result": [
            {"type": kind, "original_width": 640, "original_height": 480, "value": value | {kind: [label]}}
            for kind, value, label in shapes
        ],
    }  # fmt: skip
    text = "清远市清城区服务基地位于广东省清远市，示例公司于二〇二六年三月在这里完成数据资产登记。"
    labelled = {
        "id": "r000002", "item": "items/000002.txt", "item_name": "新闻.txt", "text": text,
        "labels": ["机构", "地名", "时间"],
        "result": [
            {"type": "labels", "value": {"start": 0, "end": 10, "labels": ["机构"]}},
            {"type": "labels", "value": {"start": 0, "end": 3, "labels": ["地名"]}},
            {"type": "labels", "value": {"start": 12, "end": 18, "labels": ["地名"]}},
            {"type": "labels", "value": {"start": 24, "end": 31, "labels": ["时间"]}},
        ],
    }  # fmt: skip
    rows = (image, labelled)
    return b"".join(json.dumps(row, ensure_ascii=False, sort_keys=True).encode() + b"\n" for row in rows)


@pytest.mark.parametrize(("width", "language"), [(1440, "zh-hans"), (390, "en")])
def test_every_page_is_accessible_and_fits(live_chromium: Visit, width: int, language: str) -> None:
    cache.clear()
    table = version_of({"订单.csv": ORDERS.encode(), "旧.csv": "名称\n茶\n".encode("gb18030")})
    rows = regions()
    labelled = version_of(
        {"rows.jsonl": rows, "items/000001.png": picture(5, size=(640, 480)), "items/000002.txt": b"x" * 30}
    )
    pictures = version_of({f"街景/{n}.jpg": picture(n, fmt="JPEG", place=n == 2) for n in range(3)})
    fresh = version_of({"a.csv": b"a\n1\n"})
    reviews = sealed_version()
    for version in (table, labelled, pictures):
        profiled(version)
    second = rows.index(b"\n") + 1
    walks = [
        (fresh, "overview", "", "none"),
        (table, "overview", "", "table"),
        (table, "rows", "", "rows"),
        (table, "row", "", "row"),
        (table, "sensitive", "", "sensitive"),
        (labelled, "overview", "", "labelled"),
        (labelled, "rows", "", "labelled-rows"),
        (labelled, "row", "", "boxes"),
        (labelled, "row", f"?at={second}", "spans"),
        (pictures, "overview", "", "pictures"),
        (pictures, "rows", "", "files"),
        (reviews, "overview", "", "reviews"),
        (reviews, "sensitive", "", "clean"),
        (reviews, "sample", "", "sample"),
    ]
    page = live_chromium.page(width=width, language=language)
    live_chromium.sign_in(page, cast.lin().user)  # type: ignore[arg-type]
    for version, name, query, shot in walks:
        address = reverse(f"profiles:{name}", args=[version.pk]) + query
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        if os.environ.get("SCREENSHOTS"):
            page.screenshot(path=Path(os.environ["SCREENSHOTS"]) / f"{shot}-{width}.png", full_page=True)
        assert live_chromium.violations(page) == [], shot
        wide, shown = page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert wide <= shown, f"{shot} scrolls sideways: {wide} > {shown}"
    page.goto(reverse("profiles:sample", args=[reviews.pk]))
    page.locator("input[name=method][value=stratified]").check()
    page.locator("main form button").first.click()
    page.wait_for_load_state()
    assert page.locator("main table tbody tr").count() == 4
    assert page.locator("main form").count() == 0
