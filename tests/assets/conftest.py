"""A sealed version, an application and a certificate, as far as a test needs them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.test import Client

from annotation.projects.models import Batch, GuidelineVersion, Item, Project
from annotation.work.models import Review, Submission, Task
from assets.datasets.models import Dataset, DatasetVersion
from assets.datasets.services import create_dataset, seal_from_project
from assets.registry import rules, services
from assets.registry.models import Application, Certificate
from documents import objects
from kernel import clock
from kernel.numbers import new_number
from organizations.permissions import Actor
from tests import cast
from tests.cast import NOON

TEXTS = ("客房干净，早餐丰富。", "等了两个小时才入住。", "位置方便，步行可到江边。", "隔音很差，整夜没睡好。")
LABELS = ("正面", "负面", "正面", "负面")
CONFIG = (
    '<View><Text name="text" value="$text"/><Choices name="mood" toName="text">'
    '<Choice value="正面"/><Choice value="负面"/></Choices></View>'
)


def result(label: str) -> list[dict[str, object]]:
    """A choice in Label Studio JSON."""
    return [{"from_name": "mood", "to_name": "text", "type": "choices", "value": {"choices": [label]}}]


def accepted_project(
    *,
    texts: tuple[str, ...] = TEXTS,
    labels: tuple[str, ...] = LABELS,
    title: str = "酒店评论情感",
    at: datetime = NOON,
) -> Project:
    """An accepted project of 清蓝 with one accepted task per text."""
    lin, mei, tao = cast.lin(), cast.mei(), cast.tao()
    assert lin.organization is not None
    project = Project.objects.create(
        number=new_number("BZ", at),
        firm=lin.organization,
        title=title,
        modality="text",
        labeling_config=CONFIG,
        task_price_fen=50,
        created_by=lin.user,
        created_at=at,
        opened_at=at,
        delivered_at=at,
        accepted_at=at,
        state="accepted",
    )
    guideline = GuidelineVersion.objects.create(
        project=project, version=1, body="判断整条评论的情感。", published_by=lin.user, published_at=at
    )
    batch = Batch.objects.create(
        project=project,
        ordinal=1,
        source="公开评论语料（示例）",
        licence="CC BY 4.0",
        imported_by=lin.user,
        imported_at=at,
    )
    for ordinal, (text, label) in enumerate(zip(texts, labels, strict=True), start=1):
        stored = objects.put("items", text.encode(), "text/plain")
        item = Item.objects.create(
            project=project,
            batch=batch,
            ordinal=ordinal,
            name=f"评论{ordinal}.txt",
            media_type="text/plain",
            size=stored.size,
            sha256=stored.sha256,
            object_key=stored.key,
            text=text,
        )
        task = Task.objects.create(
            project=project, item=item, annotator=mei.user, price_fen=50, accepted_at=at, state="accepted"
        )
        body = result(label)
        submission = Submission.objects.create(
            task=task,
            ordinal=1,
            annotator=mei.user,
            guideline=guideline,
            result=body,
            result_sha256=hashlib.sha256(json.dumps(body).encode()).hexdigest(),
            submitted_at=at,
        )
        Review.objects.create(submission=submission, verdict="accept", reviewer=tao.user, reviewed_at=at)
    return project


def new_dataset(*, by: Actor | None = None, at: datetime = NOON) -> Dataset:
    """An empty text dataset of 清蓝."""
    return create_dataset(
        by=by or cast.lin(),
        at=at,
        name="酒店评论情感数据集",
        name_en="Hotel reviews",
        description="示例数据。",
        modality="text",
    )


def sealed_version(*, at: datetime = NOON, texts: tuple[str, ...] = TEXTS) -> DatasetVersion:
    """A sealed version of 清蓝."""
    project = accepted_project(texts=texts, labels=LABELS[: len(texts)], at=at)
    return seal_from_project(by=cast.lin(), at=at, dataset_id=new_dataset(at=at).pk, project_id=project.pk)


@dataclass
class Registration:
    """An application of 清蓝 on its way, moved on step by step."""

    at: datetime = NOON
    version: DatasetVersion | None = None
    changes: dict[str, object] = field(default_factory=dict)

    def draft(self) -> Application:
        version = self.version or sealed_version(at=self.at)
        told: dict[str, object] = {
            "title": "酒店评论情感数据集",
            "use_case": "供旅游平台训练情感识别模型，用于差评的自动分派。",
            "source_statement": "公开评论语料，按 CC BY 4.0 使用，无个人信息。",
            "rights": ["holding", "operation"],
            "classification": "general",
            "legal_statement": "本单位承诺来源合法、内容真实，并留存处理记录。",
            **self.changes,
        }
        return services.draft_application(by=cast.lin(), at=self.at, version_id=version.pk, **told)  # type: ignore[arg-type]

    def submitted(self) -> Application:
        return services.submit(by=cast.lin(), at=self.at, application_id=self.draft().pk)

    def in_review(self) -> Application:
        application = self.submitted()
        services.accept_for_review(by=cast.gu(), at=self.at, application_id=application.pk)
        return services.begin_review(by=cast.gu(), at=self.at, application_id=application.pk)

    def judged(self) -> Application:
        application = self.in_review()
        for check in rules.REVIEWED_CHECKS:
            services.record_finding(
                by=cast.gu(), at=self.at, application_id=application.pk, check_code=check.code, verdict="pass"
            )
        return application

    def in_notice(self) -> Application:
        return services.pass_review(
            by=cast.gu(), at=self.at, application_id=self.judged().pk, reason="材料齐全"
        )

    def certified(self) -> Certificate:
        application = self.in_notice()
        return services.certify(by=cast.gu(), at=self.at + timedelta(days=21), application_id=application.pk)


def an() -> Actor:
    """A second registration reviewer of the base."""
    return cast.person("an", cast.BASE, cast.Role.REGISTRATION_REVIEWER)


def bo() -> Actor:
    """A third one."""
    return cast.person("bo", cast.BASE, cast.Role.REGISTRATION_REVIEWER)


def director() -> Actor:
    """The base's administrator, who deals out the work."""
    return cast.person("director", cast.BASE)


def follow_up(
    certificate: Certificate, kind: str, *, at: datetime, by: Actor | None = None, **told: object
) -> Application:
    """The holder's draft of a registration about a certificate, with its fields filled in."""
    holder = by or cast.lin()
    version_id = told.pop("version_id", None)
    draft = services.draft_follow_up(
        by=holder,
        at=at,
        certificate_id=certificate.pk,
        kind=kind,
        version_id=version_id,  # type: ignore[arg-type]
    )
    if "reason" in rules.sections_of(kind, draft.product_kind):
        told.setdefault("reason", "因业务需要办理本项登记。")
    return services.edit_application(by=holder, at=at, application_id=draft.pk, **told)


def reviewed(application: Application, *, at: datetime, by: Actor | None = None) -> Application:
    """A submitted application taken in and judged to hold in every point."""
    reviewer = by or cast.gu()
    services.accept_for_review(by=reviewer, at=at, application_id=application.pk)
    application = services.begin_review(by=reviewer, at=at, application_id=application.pk)
    for check in rules.checklist_of(application.kind, application.product_kind):
        if not check.is_automatic:
            services.record_finding(
                by=reviewer, at=at, application_id=application.pk, check_code=check.code, verdict="pass"
            )
    return application


def concluded(application: Application, *, at: datetime, by: Actor | None = None) -> Application:
    """A complete draft without notice, submitted by its registrant's author and decided."""
    services.submit(by=by or cast.lin(), at=at, application_id=application.pk)
    reviewed(application, at=at)
    return services.conclude(by=cast.gu(), at=at, application_id=application.pk)


def noticed(application: Application, *, at: datetime, by: Actor | None = None) -> Application:
    """A complete draft with notice, submitted, judged and shown to the public."""
    services.submit(by=by or cast.lin(), at=at, application_id=application.pk)
    reviewed(application, at=at)
    return services.pass_review(by=cast.gu(), at=at, application_id=application.pk)


def revoke(*, by: Actor, at: datetime, certificate_id: UUID, reason: str) -> None:
    """A whole revocation at one moment: opened and proposed by somebody, hearing waived, confirmed by an."""
    holder = Certificate.objects.select_related("holder").get(pk=certificate_id).holder
    found = services.open_revocation(by=by, at=at, certificate_id=certificate_id, grounds=reason)
    clerk = cast.person("clerk", (holder.name, holder.uscc, ()), cast.Role.ASSET_CLERK)
    services.waive_hearing(by=clerk, at=at, revocation_id=found.pk)
    services.propose_revocation(by=by, at=at, revocation_id=found.pk, reason=reason)
    services.confirm_revocation(by=an(), at=at, revocation_id=found.pk, reason=reason)


def cancel(*, by: Actor, at: datetime, certificate_id: UUID, reason: str) -> None:
    """A whole cancellation at one moment, reviewed by gu."""
    draft = services.draft_follow_up(
        by=by, at=at, certificate_id=certificate_id, kind="cancellation", reason=f"{reason}，申请注销登记。"
    )
    concluded(draft, at=at, by=by)


def after_notice(application: Application) -> datetime:
    """Ten in the morning of the day after a notice."""
    assert application.notice_until is not None
    return clock.end_of(application.notice_until) + timedelta(hours=10)


def moved(application: Application) -> Application:
    """The application as it is stored now."""
    application.refresh_from_db()
    return application


def client_of(actor: Actor) -> Client:
    """A browser signed in as that person."""
    assert actor.user is not None
    client = Client()
    client.force_login(actor.user)
    return client


@pytest.fixture
def registration() -> type[Registration]:
    return Registration
