"""A folder dropped in a real browser: hashed in a worker, sent to the store, sealed; both languages and sizes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.urls import reverse

from assets.uploads import services
from assets.uploads.models import Upload
from tests import cast
from tests.assets.conftest import new_dataset
from tests.assets.uploads.making import authorisation, faults, folder, opened, seal, sealed, send, states
from tests.browsing import Visit
from tests.cast import NOON

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
CSV = "text,label\n早餐丰富,正面\n隔音很差,负面\n".encode()
SHOTS = os.environ.get("SCREENSHOTS", "")


def looked_at(visit: Visit, page: Any, name: str) -> None:
    """No violation, nothing sideways; a picture where one is asked for."""
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)
    assert visit.violations(page) == [], name
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), name


@pytest.mark.parametrize(("width", "language"), [(1440, "zh-hans"), (390, "en")])
def test_a_dropped_folder_arrives(live_chromium: Visit, width: int, language: str, tmp_path: Path) -> None:
    cache.clear()
    new_dataset(), authorisation()
    files = {"train/a.csv": CSV, "说明.md": b"# x\n", "same.md": b"# x\n", ".hidden": b"x", "empty.txt": b""}
    place = folder(tmp_path / "mydata", files)
    page = live_chromium.page(width=width, language=language)
    live_chromium.sign_in(page, cast.lin().user)
    page.goto("/uploads/new/")
    looked_at(live_chromium, page, f"new-{width}")
    page.fill("[name=source]", "本公司客服记录（示例）")
    page.fill("[name=licence]", "客户书面授权")
    page.select_option("[name=authorisation]", index=1)
    page.click("main form button.btn-primary")
    page.wait_for_selector("[data-drop]")
    looked_at(live_chromium, page, f"empty-{width}")
    page.set_input_files("input[webkitdirectory]", str(place))
    page.wait_for_selector("[data-faults] li")
    page.wait_for_selector("[data-percent]:text-is('100%')")
    page.wait_for_selector("[data-pause]", state="hidden")
    looked_at(live_chromium, page, f"refused-{width}")
    row = Upload.objects.get()
    assert states(row) == {"train/a.csv": "stored", "说明.md": "stored", "same.md": "stored"}
    page.goto(reverse("uploads:detail", args=[row.pk]))
    looked_at(live_chromium, page, f"files-{width}")


def drop(page: Any, *paths: Path) -> None:
    """Drag real files and folders of this machine over the zone and let them go, as a person does."""
    box = page.locator("[data-drop]").bounding_box()
    session = page.context.new_cdp_session(page)
    point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    told = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **point, "data": told})


def test_a_folder_let_go_over_the_page_arrives_with_its_tree_and_is_sealed(
    live_chromium: Visit, tmp_path: Path
) -> None:
    cache.clear()
    upload = opened()
    files = {
        "train/猫/1.csv": CSV, "train/狗/深/2.csv": CSV + b"x,y\n", "说明.md": b"# x\n", "train/.cache/x": b"x",
        **{f"many/{n:03d}.txt": f"{n}".encode() for n in range(130)},
    }  # fmt: skip
    place = folder(tmp_path / "mydata", files)
    page = live_chromium.page()
    live_chromium.sign_in(page, cast.lin().user)
    page.goto(reverse("uploads:detail", args=[upload.pk]))
    page.wait_for_selector("[data-drop]")
    drop(page, place)
    page.wait_for_selector("main form button:has-text('校验并封版')", timeout=60_000)
    kept = {path: body for path, body in files.items() if "/." not in path}
    assert set(states(upload)) == set(kept)
    page.click("main form button:has-text('校验并封版')")
    page.wait_for_selector("a:has-text('查看第 1 版')", timeout=60_000)
    version = Upload.objects.get(pk=upload.pk).version
    assert version is not None
    assert dict(version.files.values_list("path", "sha256")) == {
        path: hashlib.sha256(body).hexdigest() for path, body in kept.items()
    }


def test_two_things_let_go_together_keep_their_names(live_chromium: Visit, tmp_path: Path) -> None:
    cache.clear()
    upload = opened()
    place = folder(tmp_path, {"a/x.csv": CSV, "b/x.csv": CSV + b"x,y\n", "c.txt": b"c"})
    page = live_chromium.page()
    live_chromium.sign_in(page, cast.lin().user)
    page.goto(reverse("uploads:detail", args=[upload.pk]))
    page.wait_for_selector("[data-drop]")
    drop(page, place / "a", place / "b", place / "c.txt")
    page.wait_for_selector("main form button:has-text('校验并封版')", timeout=60_000)
    assert set(states(upload)) == {"a/x.csv", "b/x.csv", "c.txt"}


@pytest.mark.parametrize(("width", "language"), [(1440, "zh-hans"), (390, "en")])
def test_faults_of_what_arrived_stand_on_the_page_before_sealing(
    live_chromium: Visit, width: int, language: str, tmp_path: Path
) -> None:
    cache.clear()
    upload = opened()
    place = folder(
        tmp_path / "mydata", {"bad.csv": b"x\n=1+1\n", "evil.csv": b"<!doctype html>x", "good.csv": CSV}
    )
    page = live_chromium.page(width=width, language=language)
    live_chromium.sign_in(page, cast.lin().user)
    page.goto(reverse("uploads:detail", args=[upload.pk]))
    page.set_input_files("input[webkitdirectory]", str(place))
    page.wait_for_selector("#files .note-red, #files .note.red, #files [class*=note]", timeout=60_000)
    looked_at(live_chromium, page, f"arrived-{width}")
    assert faults(upload) == {"bad.csv": "csv_formula", "evil.csv": "wrong_type"}
    for _n in range(2):
        page.locator("#files td form button").first.click()
        page.wait_for_load_state()
    page.wait_for_selector("text=good.csv")
    assert states(upload) == {"good.csv": "stored"}


def test_after_a_reload_the_same_folder_goes_on(live_chromium: Visit, tmp_path: Path) -> None:
    cache.clear()
    upload = opened()
    big = bytes(range(256)) * (40 * 4096)
    send(upload, {"a.csv": CSV})
    place = folder(tmp_path / "mydata", {"a.csv": CSV, "big.bin": big})
    page = live_chromium.page()
    live_chromium.sign_in(page, cast.lin().user)
    sent: list[str] = []
    page.on("request", lambda r: sent.append(r.url) if r.method == "PUT" else None)
    page.route("**partNumber=2**", lambda route: route.abort())
    live_chromium.allowed_errors.append("net::ERR_FAILED")
    page.goto(reverse("uploads:detail", args=[upload.pk]))
    page.set_input_files("input[webkitdirectory]", str(place))
    page.wait_for_selector("[data-status]:has-text('重试')")
    page.wait_for_timeout(300)
    page.unroute("**partNumber=2**")
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    sent.clear()
    page.set_input_files("input[webkitdirectory]", str(place))
    page.wait_for_selector("text=校验并封版")
    assert [url for url in sent if "partNumber=1&" in url or "a.csv" in url] == []
    assert any("partNumber=2&" in url for url in sent)
    assert states(upload) == {"a.csv": "stored", "big.bin": "stored"}


def test_the_worker_hashes_large_files_piece_by_piece(live_chromium: Visit) -> None:
    cache.clear()
    upload = opened()
    page = live_chromium.page()
    live_chromium.sign_in(page, cast.lin().user)
    page.goto(reverse("uploads:detail", args=[upload.pk]))
    sizes = [1, 55, 56, 63, 64, 65, 119, 120, 4 << 20, (4 << 20) + 7, 9_000_001]
    found = page.evaluate(
        """async (sizes) => {
          const worker = new Worker(document.querySelector('[data-upload]').dataset.hasher);
          const answers = [];
          for (const size of sizes) {
            const body = new Uint8Array(size).map((_, n) => (n * 31 + 7) % 256);
            answers.push(await new Promise((yes) => {
              worker.onmessage = (event) => yes(event.data.sha256);
              worker.postMessage({ id: size, file: new File([body], 'x'), atOnce: 0 });
            }));
          }
          return answers;
        }""",
        sizes,
    )
    assert found == [
        hashlib.sha256(bytes((n * 31 + 7) % 256 for n in range(size))).hexdigest() for size in sizes
    ]


@pytest.mark.parametrize(("width", "language"), [(1440, "zh-hans"), (390, "en")])
def test_the_pages_around_it_are_accessible_and_fit(live_chromium: Visit, width: int, language: str) -> None:
    cache.clear()
    dataset = new_dataset()
    sealed({"a.csv": CSV, "old.txt": b"old"}, dataset=dataset)
    version = sealed(
        {"a.csv": CSV + "再来一行,正面\n".encode(), "new/old.txt": b"old", "b.txt": b"b"}, dataset=dataset
    )
    failed = opened(dataset=dataset)
    send(failed, {"bad.csv": b"x\n=1+1\n", "good.csv": CSV})
    services.add_batch(
        by=cast.lin(), at=NOON, upload_id=failed.pk, source="自产", licence="自有", is_self_produced=True
    )
    seal(failed)
    page = live_chromium.page(width=width, language=language)
    live_chromium.sign_in(page, cast.lin().user)
    for name, address in {
        "list": reverse("uploads:list"),
        "failed": reverse("uploads:detail", args=[failed.pk]),
        "sealed": reverse("uploads:detail", args=[version.uploads.get().pk]),
        "dataset": reverse("datasets:detail", args=[dataset.pk]),
        "diff": reverse("datasets:diff", args=[dataset.pk, 2, 1]),
        "file": reverse("datasets:file", args=[version.files.get(path="a.csv").pk]),
    }.items():
        assert page.goto(address).status == 200, name
        looked_at(live_chromium, page, f"{name}-{width}")
