"""The strictest grade wins, of declaration and scan; near-duplicates are shown and refuse nothing."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse
from pytest_django import Settings

from assets.datasets.models import DatasetVersion
from assets.profiles.rules.grading import Suggestion
from assets.profiles.states import Level
from assets.registry import selectors, services
from assets.registry.models import Application
from tests import cast
from tests.assets.conftest import (
    Registration,
    after_notice,
    an,
    client_of,
    concluded,
    follow_up,
    moved,
    reviewed,
    sealed_version,
)
from tests.assets.profiles.conftest import profiled, version_of
from tests.assets.registry.test_panels import cast_votes, member, seat, second_agrees
from tests.cast import NOON

pytestmark = pytest.mark.django_db
PHONES = ("请联系 13800138000，谢谢。", "客服电话 13900139001，全天有人。", "位置方便。", "隔音很差。")
WORDS = (
    "申报 一般数据，按扫描从严为 重要数据：至少涉及 2 人的个人信息，达到平台规则的 2 人，"
    "建议按重要数据对待，并核对主管部门的重要数据目录。"
)


@pytest.fixture(autouse=True)
def _two_persons_are_many(settings: Settings) -> None:
    settings.PROFILES_IMPORTANT_PERSONS = 2


def personal() -> DatasetVersion:
    """A version that names two persons' numbers; not profiled yet."""
    return sealed_version(texts=PHONES)


def judged_of_personal() -> Application:
    """Declared general, every point judged to hold, and the profile suggests important."""
    version = personal()
    profiled(version)
    return Registration(version=version).judged()


def agreed(application: Application) -> None:
    second_agrees(application)
    three = (cast.shen(), member("ke"), member("pan"))
    seat(application, *three)
    cast_votes(application, *((one, True) for one in three))


def test_declared_general_that_the_scan_calls_important_needs_a_second_opinion_and_a_vote() -> None:
    application = judged_of_personal()
    with pytest.raises(services.MoreNeeded) as refused:
        services.pass_review(by=cast.gu(), at=NOON, application_id=application.pk)
    assert "复核人的同意意见" in str(refused.value)
    assert "合规委员会全体表决、过半数赞成" in str(refused.value)
    assert moved(application).state == "compliance_review"
    agreed(application)
    services.pass_review(by=cast.gu(), at=NOON, application_id=application.pk)
    certificate = services.certify(
        by=cast.gu(), at=after_notice(moved(application)), application_id=application.pk
    )
    assert moved(application).classification == "general"
    assert certificate.claims["certificate"]["classification"] == "important"


def test_without_a_profile_the_declaration_stands() -> None:
    application = Registration(version=personal()).judged()
    assert selectors.grading_of(application) == selectors.Grading("general", "general")
    with pytest.raises(services.NotImportant):
        seat(application, cast.shen(), member("ke"), member("pan"))
    services.pass_review(by=cast.gu(), at=NOON, application_id=application.pk)
    at = after_notice(moved(application))
    certificate = services.certify(by=cast.gu(), at=at, application_id=application.pk)
    assert certificate.claims["certificate"]["classification"] == "general"


def test_a_scan_never_softens_what_was_declared() -> None:
    version = sealed_version()
    profiled(version)
    application = Registration(version=version, changes={"classification": "important"}).judged()
    assert selectors.grading_of(application) == selectors.Grading("important", "important")
    with pytest.raises(services.MoreNeeded):
        services.pass_review(by=cast.gu(), at=NOON, application_id=application.pk)


def test_suggested_core_data_never_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    application = judged_of_personal()
    agreed(application)
    monkeypatch.setattr(selectors, "suggestion_of", lambda profile, declared: Suggestion(Level.CORE, ()))
    with pytest.raises(services.CoreData):
        services.pass_review(by=cast.gu(), at=NOON, application_id=application.pk)
    assert moved(application).state == "compliance_review"


def test_a_profile_that_comes_during_the_notice_still_asks_for_the_vote_before_the_certificate() -> None:
    version = personal()
    application = Registration(version=version).in_notice()
    profiled(version)
    late = after_notice(application)
    with pytest.raises(services.MoreNeeded):
        services.certify(by=cast.gu(), at=late, application_id=application.pk)
    review = reverse("registry:review", args=[application.pk])
    page = client_of(cast.gu()).get(review).content.decode()
    assert "召集委员会" in page
    assert "签发证书" not in page
    agreed(application)
    certificate = services.certify(by=cast.gu(), at=late, application_id=application.pk)
    assert certificate.claims["certificate"]["classification"] == "important"


def test_a_correction_never_lowers_the_grade_of_its_certificate(settings: Settings) -> None:
    application = judged_of_personal()
    agreed(application)
    services.pass_review(by=cast.gu(), at=NOON, application_id=application.pk)
    at = after_notice(moved(application))
    certificate = services.certify(by=cast.gu(), at=at, application_id=application.pk)
    settings.PROFILES_IMPORTANT_PERSONS = 1_000
    later = at + timedelta(days=1)
    draft = follow_up(certificate, "correction", at=later, title="酒店评论情感数据集（更正）")
    grading = selectors.grading_of(draft)
    assert (grading.declared, grading.effective) == ("general", "important")
    assert grading.reasons == ("原证书的分级是“重要数据”。",)
    done = concluded(draft, at=later)
    held = selectors.line_of(certificate)[-1]
    assert held.application_id == done.pk
    assert held.claims["certificate"]["classification"] == "important"


def test_the_application_the_review_and_the_notice_tell_the_grade_in_effect() -> None:
    application = judged_of_personal()
    told = client_of(cast.lin()).get(reverse("registry:application", args=[application.pk])).content.decode()
    assert WORDS in told
    an()
    desk = client_of(cast.gu()).get(reverse("registry:review", args=[application.pk])).content.decode()
    assert WORDS in desk
    assert "指定复核人" in desk
    assert "召集委员会" in desk
    agreed(application)
    services.pass_review(by=cast.gu(), at=NOON, application_id=application.pk)
    public = client_of(cast.lin()).get(reverse("registry:notice", args=[application.pk])).content.decode()
    assert "重要数据" in public
    assert "一般数据" not in public


# --- near-duplicates ----------------------------------------------------------------------------

LONG = "早餐种类多而且热，前台办理入住很快，房间安静整洁，窗外能看到北江，停车也方便，下次还来住。"


def lines(*texts: str) -> bytes:
    return "\n".join(json.dumps({"text": text}, ensure_ascii=False) for text in texts).encode()


def test_near_duplicates_of_a_registered_version_are_shown_row_by_row_and_refuse_nothing() -> None:
    registered = sealed_version(texts=(LONG, *PHONES[2:]))
    profiled(registered)
    Registration(version=registered).certified()
    copied = version_of(
        {"a.jsonl": lines("完全不同的一行，说的是清远的茶叶与气候。" * 2, LONG)}, owner=cast.he()
    )
    profiled(copied)
    with connection.cursor() as cursor:  # sealed without a sample, which no application goes without
        cursor.execute("SET LOCAL session_replication_role = replica")
        DatasetVersion.objects.filter(pk=copied.pk).update(sample=[{"id": "1", "text": LONG, "labels": []}])
        cursor.execute("SET LOCAL session_replication_role = origin")
    draft = services.draft_application(
        by=cast.he(), at=NOON, version_id=copied.pk, title="住客评论（示例）",
        use_case="供旅游平台训练情感识别模型，用于差评的自动分派。", rights=["holding"], classification="general",
        source_statement="公开评论语料，按 CC BY 4.0 使用，无个人信息。",
        legal_statement="本单位承诺来源合法、内容真实，并留存处理记录。",
    )  # fmt: skip
    services.submit(by=cast.he(), at=NOON, application_id=draft.pk)
    application = reviewed(draft, at=NOON)
    page = client_of(cast.gu()).get(reverse("registry:review", args=[application.pk])).content.decode()
    row = page[page.index('id="alike"') :].partition("</tbody>")[0]
    assert "近似本身不构成不予登记的理由" in row
    assert "a.jsonl · 第 2 行" in row
    assert f"{registered.dataset.number} v1" in row
    assert "100%" in row
    assert row.count("<tr>") == 2  # the head and one row
    services.pass_review(by=cast.gu(), at=NOON, application_id=application.pk)
    assert moved(application).state == "public_notice"


def test_without_near_duplicates_the_review_shows_no_table_of_them() -> None:
    application = judged_of_personal()
    page = client_of(cast.gu()).get(reverse("registry:review", args=[application.pk])).content.decode()
    assert 'id="alike"' not in page
