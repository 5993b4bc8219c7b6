"""The stretches of the main way, each through the product's own services: annotate, register, list, trade.

Journey and demo city both walk them; the caller gives people and times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from annotation.projects import guidelines, plans
from annotation.projects import services as projects
from annotation.projects.models import Project
from annotation.work import services as work
from annotation.work.models import Task
from assets.datasets import services as datasets
from assets.datasets.models import DatasetVersion
from assets.registry import rules as registry_rules
from assets.registry import services as registry
from assets.registry.models import Certificate
from config.stories import sources
from config.stories.sources import Text
from exchange.catalogue import services as catalogue
from exchange.catalogue.models import Plan, Product
from exchange.delivery import services as delivery
from exchange.trading import services as trading
from exchange.trading.models import Order
from exchange.trading.states import OrderState, Party
from kernel import clock
from kernel.money import Money
from organizations.permissions import Actor
from settlement.payments import services as payments

SENTIMENT_CONFIG = """<View>
  <Text name="text" value="$text"/>
  <Choices name="sentiment" toName="text" choice="single" required="true">
    <Choice value="正面"/>
    <Choice value="负面"/>
  </Choices>
</View>"""
GUIDELINE = """评论情感标注规范

1. 只看文字本身，不猜测作者身份。
2. 整体推荐、满意的，标“正面”；整体不推荐、不满意的，标“负面”。
3. 先扬后抑或先抑后扬的，以结论句为准。
"""


@dataclass(frozen=True, slots=True)
class Team:
    """Who does what in one firm: the lead, two annotators, the quality reviewer."""

    lead: Actor
    annotators: tuple[Actor, Actor]
    reviewer: Actor


def choice(value: str) -> list[dict[str, object]]:
    """A Label Studio result that chooses one sentiment."""
    return [
        {"from_name": "sentiment", "to_name": "text", "type": "choices", "value": {"choices": [value]}},
    ]


def annotate(
    team: Team, texts: Sequence[Text], *, title: str, price: Money, at: datetime, slips: Sequence[int] = ()
) -> Project:
    """A whole annotation project: config, guideline, import, labelling, review with returns, acceptance.

    `slips`: positions that are first labelled wrongly, sent back with a reason, and labelled again.
    """
    project = projects.create_project(
        by=team.lead, at=at, title=title, brief="判断每条评论整体上是正面还是负面。", modality="text",
        labeling_config=SENTIMENT_CONFIG, task_price=price, due_on=clock.business_date(at) + timedelta(days=20),
    )  # fmt: skip
    projects.publish_guideline(by=team.lead, at=at, project_id=project.pk, body=GUIDELINE)
    raw = [
        projects.RawItem(name=f"{i + 1:04d}.txt", body=text.body.encode(), media_type="text/plain")
        for i, text in enumerate(texts)
    ]
    projects.import_items(
        by=team.lead, at=at, project_id=project.pk, raw=raw,
        source=sources.describe_source(), licence=sources.LICENCE,
    )  # fmt: skip
    projects.open_project(by=team.lead, at=at, project_id=project.pk)
    half = (len(texts) + 1) // 2
    for annotator, count in zip(team.annotators, (half, len(texts) - half), strict=True):
        assert annotator.user is not None
        work.assign_tasks(
            by=team.lead, at=at, project_id=project.pk, annotator_id=annotator.user.pk, count=count
        )
    _label(team, project, texts, at + timedelta(days=1), set(slips))
    projects.deliver_project(by=team.lead, at=at + timedelta(days=6), project_id=project.pk)
    projects.accept_project(by=team.reviewer, at=at + timedelta(days=7), project_id=project.pk)
    return project


def label_twice(team: Team, texts: Sequence[Text], *, title: str, price: Money, at: datetime) -> Project:
    """A project under way with a quality plan: two blind labels per text, a question answered, work to review."""
    project = plans.create_planned_project(
        by=team.lead, at=at, plan={"overlap": 2, "lease_minutes": 240}, title=title,
        brief="两人互不可见地各标一遍，再由质检员逐条核对。", modality="text", labeling_config=SENTIMENT_CONFIG,
        task_price=price, due_on=clock.business_date(at) + timedelta(days=30),
    )  # fmt: skip
    projects.publish_guideline(by=team.lead, at=at, project_id=project.pk, body=GUIDELINE)
    raw = [
        projects.RawItem(name=f"{i + 1:04d}.txt", body=text.body.encode(), media_type="text/plain")
        for i, text in enumerate(texts)
    ]
    projects.import_items(
        by=team.lead, at=at, project_id=project.pk, raw=raw, source=sources.describe_source(),
        licence=sources.LICENCE,
    )  # fmt: skip
    projects.open_project(by=team.lead, at=at, project_id=project.pk)
    sentiments = {number: text.sentiment for number, text in enumerate(texts, 1)}
    for place, annotator in enumerate(team.annotators):
        moment = at + timedelta(days=1, hours=place)
        for number in range(len(texts) - 2 * place):
            task = work.claim_task(by=annotator, at=moment, project_id=project.pk)
            if (place, number) == (0, 1):
                asked = work.ask(by=annotator, at=moment, task_id=task.pk, question="反语算正面还是负面？")
                guidelines.answer_question(
                    by=team.lead, at=moment + timedelta(hours=3), project_id=project.pk,
                    question_id=asked.pk, answer="按作者的实际态度，反语的夸奖标“负面”。",
                )  # fmt: skip
            moment += timedelta(seconds=35 + 10 * place)
            answer = choice(sentiments[task.item.ordinal])
            work.submit(by=annotator, at=moment, task_id=task.pk, result=answer)
            if number % 2 == 0:
                verdict_at = moment + timedelta(hours=5)
                work.review(by=team.reviewer, at=verdict_at, task_id=task.pk, verdict="accept")
    return project


def _label(team: Team, project: Project, texts: Sequence[Text], at: datetime, slips: set[int]) -> None:
    by_user = {annotator.user_id: annotator for annotator in team.annotators}
    for task in Task.objects.filter(project=project).select_related("item").order_by("item__ordinal"):
        position = task.item.ordinal - 1
        right = texts[position].sentiment
        annotator = by_user[task.annotator_id]
        moment = at + timedelta(minutes=position)
        if position in slips:
            wrong = "负面" if right == "正面" else "正面"
            work.submit(by=annotator, at=moment, task_id=task.pk, result=choice(wrong))
            work.review(
                by=team.reviewer, at=moment + timedelta(days=1), task_id=task.pk, verdict="return",
                comment="结论句的态度与所选标签相反，请按规范第 3 条重看。",
            )  # fmt: skip
            work.resume(by=annotator, at=moment + timedelta(days=2), task_id=task.pk)
            moment += timedelta(days=2)
        work.submit(by=annotator, at=moment, task_id=task.pk, result=choice(right))
        work.review(
            by=team.reviewer,
            at=moment + timedelta(days=1, hours=2),
            task_id=task.pk,
            verdict="accept",
            comment="",
        )


def seal(
    team: Team, project: Project, *, name: str, name_en: str, description: str, at: datetime
) -> DatasetVersion:
    """Accepted work as a sealed dataset version."""
    dataset = datasets.create_dataset(
        by=team.lead, at=at, name=name, name_en=name_en, description=description, modality="text"
    )
    return datasets.seal_from_project(by=team.lead, at=at, dataset_id=dataset.pk, project_id=project.pk)


def register(
    team: Team, reviewer: Actor, version: DatasetVersion, *, title: str, use_case: str, at: datetime
) -> Certificate:
    """Registration from application to certificate, through compliance review and the public notice."""
    application = registry.draft_application(
        by=team.lead, at=at, version_id=version.pk, title=title, use_case=use_case,
        source_statement=sources.describe_source(), rights=["holding", "use", "operation"],
        classification="general", legal_statement="本单位自述：来源合法，不含个人信息与重要数据，权利无争议。",
    )  # fmt: skip
    registry.submit(by=team.lead, at=at, application_id=application.pk)
    registry.accept_for_review(by=reviewer, at=at + timedelta(days=1), application_id=application.pk)
    registry.begin_review(by=reviewer, at=at + timedelta(days=1), application_id=application.pk)
    for check in registry_rules.REVIEWED_CHECKS:
        registry.record_finding(
            by=reviewer, at=at + timedelta(days=2), application_id=application.pk, check_code=check.code,
            verdict="pass", remark="",
        )  # fmt: skip
    passed = registry.pass_review(by=reviewer, at=at + timedelta(days=2), application_id=application.pk)
    assert passed.notice_until is not None
    day_after = clock.end_of(passed.notice_until) + timedelta(hours=10)
    return registry.certify(by=reviewer, at=day_after, application_id=application.pk)


def cancel(team: Team, reviewer: Actor, certificate: Certificate, *, reason: str, at: datetime) -> None:
    """The holder gives a certificate up: application, review, end."""
    application = registry.draft_follow_up(
        by=team.lead, at=at, certificate_id=certificate.pk, kind="cancellation", reason=reason
    )
    registry.submit(by=team.lead, at=at, application_id=application.pk)
    registry.accept_for_review(by=reviewer, at=at, application_id=application.pk)
    registry.begin_review(by=reviewer, at=at, application_id=application.pk)
    registry.record_finding(
        by=reviewer, at=at, application_id=application.pk, check_code="consequences", verdict="pass"
    )
    registry.conclude(by=reviewer, at=at, application_id=application.pk)


def list_product(
    team: Team,
    reviewer: Actor,
    certificate: Certificate,
    *,
    title_en: str,
    summary: str,
    description: str,
    industry: str,
    plans: Sequence[tuple[str, Money]],
    at: datetime,
) -> tuple[Product, list[Plan]]:
    """A certified version offered in the catalogue with its plans."""
    product = catalogue.draft_product(
        by=team.lead, at=at, certificate_id=certificate.pk, title=certificate.title, title_en=title_en,
        summary=summary, description=description, industry=industry, licence="training",
    )  # fmt: skip
    made = [
        catalogue.add_plan(by=team.lead, at=at, product_id=product.pk, name=name, price=price)
        for name, price in plans
    ]
    catalogue.edit_product(
        by=team.lead, at=at, product_id=product.pk, personal_information="anonymised",
        has_no_important_data=True, is_source_lawful=True,
    )  # fmt: skip
    catalogue.set_contact(
        by=team.lead,
        at=at,
        product_id=product.pk,
        kind="business",
        name="商务部（示例）",
        phone="0763-0000000",
    )
    catalogue.submit_listing(by=team.lead, at=at, product_id=product.pk)
    catalogue.publish_listing(by=reviewer, at=at + timedelta(hours=3), product_id=product.pk)
    return product, made


def add_plan(team: Team, reviewer: Actor, product: Product, *, name: str, price: Money, at: datetime) -> Plan:
    """One more plan of a listed product: proposed, looked at, applied."""
    revision = catalogue.propose_plan(by=team.lead, at=at, product_id=product.pk, name=name, price=price)
    catalogue.submit_revision(by=team.lead, at=at, revision_id=revision.pk)
    catalogue.apply_revision(by=reviewer, at=at, revision_id=revision.pk)
    return Plan.objects.get(pk=revision.proposed["plans"][-1]["id"])


def trade(supplier: Actor, buyer: Actor, plan_id: UUID, *, use: str, at: datetime) -> Order:
    """One order from placing to completion: contract, payment, delivery, acceptance, release, filing."""
    return carry_on(supplier, buyer, trading.place_order(by=buyer, at=at, plan_id=plan_id, use_statement=use))


def carry_on(supplier: Actor, buyer: Actor, order: Order) -> Order:
    """Bring an order from wherever it stands to completion; a completed one stays as it is."""
    at = order.placed_at
    if order.state == OrderState.PLACED:
        signed = set(order.contract.signatures.values_list("party", flat=True))
        if Party.BUYER not in signed:
            order = trading.sign_contract(by=buyer, at=at + timedelta(minutes=20), order_id=order.pk)
        if Party.SUPPLIER not in signed:
            order = trading.sign_contract(by=supplier, at=at + timedelta(hours=2), order_id=order.pk)
    if order.state == OrderState.CONTRACTED:
        payments.pay_order(by=buyer, at=at + timedelta(hours=5), order_id=order.pk, method="pm_test_ok")
        order.state = OrderState.PAID
    if order.state == OrderState.PAID:
        delivery.deliver(by=supplier, at=at + timedelta(days=1), order_id=order.pk)
        order.state = OrderState.DELIVERED
    if order.state == OrderState.DELIVERED:
        trading.accept_order(by=buyer, at=at + timedelta(days=3), order_id=order.pk)
    return order


def shanghai(year: int, month: int, day: int, hour: int = 10) -> datetime:
    """A moment by the clock in Shanghai, in UTC."""
    return clock.start_of(date(year, month, day)) + timedelta(hours=hour)
