"""Content is shown masked to everyone; the original only by a look that is recorded with who and when."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from annotation.intake.sensitive import hits_in, masked, masked_text
from assets.datasets import services
from assets.datasets.models import DatasetVersion
from audit.models import AuditEvent
from kernel.errors import InvalidInput, NotAllowed, NotFound
from tests import cast
from tests.assets.conftest import Registration, client_of
from tests.assets.uploads.making import sealed
from tests.cast import NOON

PHONE = "13800138000"


def test_a_mask_keeps_the_length_and_hides_the_middle() -> None:
    text = f"联系人：王小明，电话 {PHONE}，邮箱 someone@example.com。"
    shown = masked_text(text)
    assert len(shown) == len(text)
    assert shown == "联系人：王**，电话 138******00，邮箱 som**************om。"
    assert masked({"电话": 13800138000, "n": 5, "ok": True, "列": [PHONE, None], "姓名": "李雷"}) == {
        "电话": "138******00", "n": 5, "ok": True, "列": ["138******00", None], "姓名": "李*",
    }  # fmt: skip


@given(st.text(alphabet="0123456789１３８ -@.a王：姓名", max_size=60))
def test_what_was_masked_tells_nothing_more(text: str) -> None:
    shown = masked_text(text)
    assert len(shown) == len(text)
    whole = {text[hit.start : hit.end] for hit in hits_in(text) if hit.end - hit.start > 1}
    assert not any(value in shown for value in whole)


def with_phones() -> DatasetVersion:
    rows = [{"text": f"请拨打 {PHONE}", "label": "客服"}, {"text": "早餐丰富", "label": "正面"}]
    note = f"回访电话 {PHONE}"
    return sealed(
        {
            "rows.jsonl": "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode(),
            "notes/a.txt": note.encode(),
        }
    )


def addresses(version: DatasetVersion) -> dict[str, str]:
    return {
        "sample": reverse("datasets:version", args=[version.dataset_id, 1]),
        "rows": reverse("profiles:rows", args=[version.pk]),
        "row": reverse("profiles:row", args=[version.pk]) + "?path=rows.jsonl&at=0",
        "file": reverse("profiles:row", args=[version.pk]) + "?path=notes/a.txt",
    }


def looks() -> list[tuple[str, str]]:
    rows = AuditEvent.objects.filter(action="datasets.see_original").order_by("pk")
    return [(event.detail["place"], event.detail["reason"]) for event in rows]


@pytest.mark.django_db
@pytest.mark.parametrize("who", [cast.lin, cast.tao, cast.yan])
def test_everybody_sees_it_masked(who: Any) -> None:
    version, client = with_phones(), client_of(who())
    for name, address in addresses(version).items():
        shown = client.get(address).content.decode()
        assert PHONE not in shown, name
        assert "138******00" in shown, name
    told = client_of(cast.lin()).get(f"/api/datasets/versions/{version.pk}").content.decode()
    assert PHONE not in told
    assert looks() == []


@pytest.mark.django_db
def test_those_who_manage_the_data_see_the_original_and_the_look_is_recorded() -> None:
    version, client = with_phones(), client_of(cast.lin())
    for name, address in addresses(version).items():
        answer = client.post(address)
        assert (answer.status_code, PHONE in answer.content.decode()) == (200, True), name
        assert "已记入审计日志" in answer.content.decode()
        assert "no-store" in answer["Cache-Control"]
        assert PHONE not in client.get(address).content.decode(), name
    assert looks() == [("sample", ""), ("rows.jsonl 0", ""), ("rows.jsonl 0", ""), ("notes/a.txt", "")]
    event = AuditEvent.objects.filter(action="datasets.see_original").order_by("pk").first()
    assert event is not None
    assert (event.user_id, event.subject_id) == (cast.lin().user_id, version.pk)


@pytest.mark.django_db
def test_an_auditor_says_why() -> None:
    version, client = with_phones(), client_of(cast.yan())
    for address in addresses(version).values():
        refused = client.post(address, {"reason": "看看"})
        assert refused.status_code == 422
        assert PHONE not in refused.content.decode()
        assert "请写明查看原文的理由" in refused.content.decode()
        assert client.post(address).status_code == 422
        opened = client.post(address, {"reason": "核查投诉 TS-1 的来源"})
        assert (opened.status_code, PHONE in opened.content.decode()) == (200, True)
    assert looks()[0] == ("sample", "核查投诉 TS-1 的来源")
    assert len(looks()) == 4
    with pytest.raises(InvalidInput):
        services.see_original(by=cast.yan(), at=NOON, version_id=version.pk, place="sample", reason=" ")


@pytest.mark.django_db
def test_nobody_else_sees_the_original() -> None:
    version = with_phones()
    for who, status in ((cast.tao, 403), (cast.he, 404), (cast.zhou, 404), (cast.gu, 404)):
        for address in addresses(version).values():
            answer = client_of(who()).post(address, {"reason": "我想看看原文"})
            assert answer.status_code == status
            assert PHONE not in answer.content.decode()
    with pytest.raises(NotAllowed):
        services.see_original(by=cast.tao(), at=NOON, version_id=version.pk, place="sample")
    with pytest.raises(NotFound):
        services.see_original(by=cast.he(), at=NOON, version_id=version.pk, place="sample")
    assert looks() == []
    onlooker = client_of(cast.tao()).get(addresses(version)["sample"]).content.decode()
    assert "显示原文" not in onlooker
    assert "个人信息已遮盖。" in onlooker


@pytest.mark.django_db
def test_where_nothing_is_hidden_there_is_no_button() -> None:
    version = sealed({"a.csv": "text\n早餐丰富\n".encode()})
    for address in list(addresses(version).values())[:2]:
        assert "显示原文" not in client_of(cast.lin()).get(address).content.decode()


@pytest.mark.django_db
def test_a_reviewer_of_the_registry_sees_the_sample_masked() -> None:
    application = Registration(version=with_phones()).submitted()
    shown = client_of(cast.gu()).get(reverse("registry:review", args=[application.pk])).content.decode()
    assert "138******00" in shown
    assert PHONE not in shown
