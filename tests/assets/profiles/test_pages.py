"""The pages and the API of a profile answer, refuse, and show what they should."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from assets.datasets.models import DatasetVersion
from assets.profiles.models import FrozenSample
from jobs.models import Job
from tests import cast
from tests.assets.conftest import TEXTS, client_of, sealed_version
from tests.assets.profiles.conftest import picture, profiled, version_of

pytestmark = pytest.mark.django_db
PAGES = ("overview", "rows", "row", "sensitive", "sample")
PEOPLE = "id,姓名,电话\n1,王小明,13800138000\n2,李雷,13900139000\n".encode()


@pytest.fixture(autouse=True)
def _fresh_throttle() -> None:
    cache.clear()


def here(version: DatasetVersion, name: str = "overview") -> str:
    return reverse(f"profiles:{name}", args=[version.pk])


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


@pytest.mark.parametrize("name", PAGES)
def test_every_page_answers_before_and_after_there_is_a_profile(name: str) -> None:
    version, client = sealed_version(), client_of(cast.lin())
    page(client, here(version, name))
    profiled(version)
    page(client, here(version, name))


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(
    ("who", "status"), [(cast.he, 404), (cast.zhou, 404), (cast.gu, 404), (cast.mei, 404), (cast.yan, 200)]
)
def test_only_the_firm_and_the_auditor_see_it(name: str, who: Any, status: int) -> None:
    version = sealed_version()
    profiled(version)
    assert client_of(who()).get(here(version, name)).status_code == status
    assert Client().get(here(version, name)).status_code == 302


def test_the_overview_shows_the_figures_and_how_they_came_about() -> None:
    version = version_of({"people.csv": PEOPLE, "bad.csv": "名\n茶\n".encode("gb18030")})
    profiled(version)
    shown = page(client_of(cast.lin()), here(version))
    for words in (
        "people.csv",
        "全部非空字段值 6 个，其中 6 个符合该字段的类型",
        "100.00%",
        "含敏感信息",
        "文本不是 UTF-8 编码",
        "一般数据",
    ):
        assert words in shown
    assert "13800138000" not in shown
    assert "王小明" not in shown


def test_counted_values_read_as_words_and_a_constant_once() -> None:
    lines = "".join(f'{{"id":"{n}","labels":["正面","短"],"guide":3}}\n' for n in range(3))
    version = version_of({"rows.jsonl": lines.encode()})
    profiled(version)
    shown = page(client_of(cast.lin()), here(version))
    assert "正面、短 ×3" in shown
    assert "[&quot;" not in shown
    assert "3 / 3" not in shown


def test_the_dataset_page_leads_to_the_profile() -> None:
    version = sealed_version()
    shown = page(client_of(cast.lin()), reverse("datasets:detail", args=[version.dataset_id]))
    assert here(version) in shown


def test_the_profile_is_asked_for_from_its_page_once() -> None:
    version, client = version_of({"people.csv": PEOPLE}), client_of(cast.lin())
    assert "生成画像" in page(client, here(version))
    assert client.post(here(version, "make"))["Location"] == here(version)
    assert client.post(here(version, "make")).status_code == 302
    job = Job.objects.get()
    assert reverse("jobs:progress", args=[job.pk]) in page(client, here(version))
    assert "生成画像" not in page(client, here(version))


@pytest.mark.parametrize(
    ("who", "status"), [(cast.he, 404), (cast.tao, 403), (cast.yan, 403), (cast.gu, 404)]
)
def test_others_neither_make_nor_freeze(who: Any, status: int) -> None:
    version, client = version_of({"people.csv": PEOPLE}), client_of(who())
    profiled(version)
    for name in ("make", "sample"):
        assert client.post(here(version, name), {"method": "stratified"}).status_code == status
    assert (Job.objects.count(), FrozenSample.objects.count()) == (0, 0)


def test_the_sensitive_page_counts_and_masks() -> None:
    version = version_of({"people.csv": PEOPLE})
    profiled(version)
    shown = page(client_of(cast.lin()), here(version, "sensitive"))
    for words in (
        "手机号码",
        "people.csv · 电话",
        "138******00",
        "王**",
        "至少涉及 2 人的个人信息",
        "不是法定数字",
    ):
        assert words in shown
    assert "13800138000" not in shown


def test_rows_are_leafed_through_and_opened() -> None:
    body = "n,词\n" + "".join(f"{n},第{n}行\n" for n in range(45))
    version, client = version_of({"a.csv": body.encode()}), client_of(cast.lin())
    first = client.get(here(version, "rows"))
    assert first.content.decode().count("<tr>") == 21
    after = first.context["page"].after
    second = page(client, f"{here(version, 'rows')}?path=a.csv&after={after}")
    assert "第20行" in second
    assert "第19行" not in second
    assert "第44行" in page(client, f"{here(version, 'row')}?path=a.csv&at={body.encode().index(b'44,')}")


@pytest.mark.parametrize("query", ["?at=x", "?at=99999999", "?at=-1", "?after=%00", "?after=" + "9" * 40])
def test_any_place_in_the_address_is_answered(query: str) -> None:
    version, client = sealed_version(), client_of(cast.lin())
    for name in ("rows", "row"):
        page(client, here(version, name) + query)


@pytest.mark.parametrize("path", ["nothing.csv", "../secret", "a%00b"])
def test_a_file_that_is_not_there_is_not_found(path: str) -> None:
    version, client = sealed_version(), client_of(cast.lin())
    for name in ("rows", "row"):
        assert client.get(f"{here(version, name)}?path={path}").status_code == 404


def test_spans_and_regions_are_drawn_on_the_page() -> None:
    text = {
        "id": "r1", "item": "items/000001.txt", "text": "清远市服务基地", "labels": ["机构", "地名"],
        "result": [
            {"type": "labels", "value": {"start": 0, "end": 7, "labels": ["机构"]}},
            {"type": "labels", "value": {"start": 0, "end": 3, "labels": ["地名"]}},
        ],
    }  # fmt: skip
    image = {
        "id": "r2", "item": "items/000002.png", "labels": ["车"],
        "result": [
            {
                "type": "rectanglelabels", "original_width": 120, "original_height": 90,
                "value": {"x": 10, "y": 10, "width": 20, "height": 20, "rotation": 30, "rectanglelabels": ["车"]},
            }
        ],
    }  # fmt: skip
    lines = [json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in (text, image)]
    version = version_of({"rows.jsonl": b"".join(lines), "items/000002.png": picture(3)})
    client = client_of(cast.lin())
    first = page(client, here(version, "row"))
    assert '<mark class="span span-1" title="地名">清远市</mark>' in first
    second = page(client, f"{here(version, 'row')}?at={len(lines[0])}")
    assert 'transform="rotate(30 12 9)"' in second
    assert "X-Amz-Signature" in second
    assert page(client, f"{here(version, 'row')}?path=items/000002.png").count("<image") == 1


def test_the_sample_is_frozen_from_the_page() -> None:
    version, client = sealed_version(), client_of(cast.lin())
    profiled(version)
    assert TEXTS[0] in page(client, here(version, "sample"))
    refused = client.post(here(version, "sample"), {"method": "chosen"})
    assert refused.status_code == 422
    assert "请选择 1 到 20 行" in refused.content.decode()
    wrong = client.post(here(version, "sample"), {"method": "chosen", "rows": ["77"]})
    assert wrong.status_code == 422
    assert client.post(here(version, "sample"), {"method": "chosen", "rows": ["1"]}).status_code == 302
    assert [row["row"] for row in FrozenSample.objects.get().rows] == [2]
    frozen = page(client, here(version, "sample"))
    assert TEXTS[1] in frozen
    assert TEXTS[0] not in frozen
    assert client.post(here(version, "sample"), {"method": "stratified"}).status_code == 422


def test_pages_ask_the_database_as_often_for_many_files_as_for_few() -> None:
    client = client_of(cast.lin())
    asked: dict[str, list[int]] = {name: [] for name in PAGES}
    for count in (2, 12):
        version = version_of({f"t{n}.csv": PEOPLE for n in range(count)} | {"p.png": picture(1)})
        profiled(version)
        for name in PAGES:
            page(client, here(version, name))
            with CaptureQueriesContext(connection) as caught:
                page(client, here(version, name))
            asked[name].append(len(caught))
    assert all(few == many for few, many in asked.values()), asked


# --- JSON ---------------------------------------------------------------------------------------


def post(client: Client, address: str, body: dict[str, Any], key: str) -> Any:
    return client.post(
        address, json.dumps(body), content_type="application/json", headers={"Idempotency-Key": key}
    )


def test_the_profile_over_json() -> None:
    version, firm = version_of({"people.csv": PEOPLE, "b.csv": b"a,label\n1,x\n2,y\n"}), client_of(cast.lin())
    address = f"/api/profiles/versions/{version.pk}"
    assert firm.get(address).status_code == 404
    queued = post(firm, address, {}, "a")
    assert (queued.status_code, queued.json()["kind"]) == (202, "profiles.make")
    assert post(firm, address, {}, "a").json() == queued.json()
    profiled(version)
    told = firm.get(address).json()
    assert told["root_hash"] == version.root_hash
    assert told["row_count"] == 4
    assert told["suggested_classification"] == "general"
    assert [each["code"] for each in told["quality"]] == [
        "conformity", "completeness", "accuracy", "consistency", "timeliness", "accessibility",
    ]  # fmt: skip
    assert {(f["kind"], f["count"]) for f in told["findings"]} == {("phone", 2), ("name", 2)}
    assert "13800138000" not in json.dumps(told, ensure_ascii=False)
    current = post(firm, address, {}, "b")
    assert (current.status_code, current.json()["title"]) == (409, "profile_is_current")
    assert firm.get(f"{address}/sample").status_code == 404
    frozen = post(firm, f"{address}/sample", {"rows": [0]}, "c")
    assert frozen.status_code == 201
    assert frozen.json()["rows"][0]["path"] == "b.csv"
    assert firm.get(f"{address}/sample").json() == frozen.json()
    again = post(firm, f"{address}/sample", {}, "d")
    assert (again.status_code, again.json()["title"]) == (409, "sample_is_frozen")


@pytest.mark.parametrize(("who", "status"), [(cast.he, 404), (cast.zhou, 404), (cast.mei, 404)])
def test_json_is_for_those_who_see_the_version(who: Any, status: int) -> None:
    version, client = version_of({"people.csv": PEOPLE}), client_of(who())
    profiled(version)
    address = f"/api/profiles/versions/{version.pk}"
    assert client.get(address).status_code == status
    assert post(client, address, {}, "a").status_code == status
    assert post(client, f"{address}/sample", {}, "b").status_code == status
    assert Client().get(address).status_code == 401
    assert (Job.objects.count(), FrozenSample.objects.count()) == (0, 0)


def test_where_the_suggestion_stands_it_says_why_it_is_never_core(settings: Any) -> None:
    settings.PROFILES_IMPORTANT_CREDENTIALS = 2
    version = version_of({"trips.csv": "经度,纬度\n113.05,23.70\n113.06,23.71\n".encode()})
    profiled(version)
    for name in ("overview", "sensitive"):
        shown = page(client_of(cast.lin()), here(version, name))
        assert "重要数据" in shown
        assert "有 2 个精确位置或轨迹" in shown
        assert "核心数据由国家有关部门认定并列入目录" in shown
