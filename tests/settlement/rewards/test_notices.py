"""Notices, drafting for everybody, declared facts, objections of firm and public."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from audit.models import AuditEvent
from documents.models import Document
from documents.states import DocumentState
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound, SelfReview
from kernel.money import Money
from organizations.models import Membership, Organization
from organizations.permissions import Actor
from settlement.rewards import selectors, services
from settlement.rewards.blocks import _checks, register_block
from settlement.rewards.models import (
    ApplicationNotice,
    Award,
    BudgetLine,
    Claim,
    Declaration,
    DraftRun,
    Objection,
    Office,
    PublicObjection,
)
from settlement.rewards.selectors import MEASURE
from settlement.rewards.states import ClaimState, DeclarationState, Outcome
from tests import cast
from tests.sessions import confirm_identity
from tests.settlement import trades
from tests.settlement.rewards import steps, subsidy
from tests.settlement.rewards.steps import DRAFTED, NEW_YEAR

pytestmark = pytest.mark.django_db


@pytest.fixture
def with_subsidy() -> Iterator[None]:
    with subsidy.offered():
        yield


def drafted(net: str = "6800000.00") -> Claim:
    trades.sale(net)
    system = Actor.system("奖励测算")
    firm_id = cast.organization(cast.QINGLAN).pk
    return services.draft_claim(by=system, at=DRAFTED, firm_id=firm_id, year=2025)


# --- notices ------------------------------------------------------------------------------------


def test_a_firm_confirms_only_within_the_half_open_window() -> None:
    claim = drafted()
    with pytest.raises(services.NoNoticeOpen):
        services.confirm(by=cast.lin(), at=DRAFTED, claim_id=claim.pk)
    notice = steps.notice()
    for at in (notice.opens_at - timedelta(seconds=1), notice.closes_at):
        with pytest.raises(services.NoNoticeOpen):
            services.confirm(by=cast.lin(), at=at, claim_id=claim.pk)
    confirmed = services.confirm(by=cast.lin(), at=notice.opens_at, claim_id=claim.pk)
    assert (confirmed.application_notice_id, confirmed.confirmed_at) == (notice.pk, notice.opens_at)


def test_a_claim_returned_after_the_window_may_still_be_confirmed() -> None:
    claim, notice = drafted(), steps.notice()
    services.confirm(by=cast.lin(), at=DRAFTED, claim_id=claim.pk)
    services.return_(by=cast.gu(), at=DRAFTED, claim_id=claim.pk, reason="请补充")
    later = notice.closes_at + timedelta(days=3)
    assert services.confirm(by=cast.lin(), at=later, claim_id=claim.pk).state == ClaimState.CONFIRMED


def test_a_measure_and_year_stand_in_one_notice() -> None:
    line, notice = steps.budget(), steps.notice()
    given = {
        "by": cast.shen(), "at": NEW_YEAR, "title": "又一份", "measures": [MEASURE], "year": 2025,
        "opens_at": NEW_YEAR, "closes_at": NEW_YEAR + timedelta(days=9), "budget_id": line.pk,
    }  # fmt: skip
    with pytest.raises(services.NoticeStands):
        services.publish_notice(**given)
    services.withdraw_notice(by=cast.shen(), at=NEW_YEAR, notice_id=notice.pk, reason="预算有误")
    assert services.publish_notice(**given).state == "published"
    assert ApplicationNotice.objects.count() == 2


def test_a_notice_under_which_firms_have_acted_stays() -> None:
    claim, notice = drafted(), steps.notice()
    services.confirm(by=cast.lin(), at=DRAFTED, claim_id=claim.pk)
    with pytest.raises(services.NoticeUsed):
        services.withdraw_notice(by=cast.shen(), at=DRAFTED, notice_id=notice.pk, reason="撤回")


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("measures", {"measures": ["weather"]}),
        ("title", {"title": "  "}),
        ("closes_at", {"closes_at": NEW_YEAR}),
        ("opens_at", {"opens_at": datetime(2025, 12, 1, tzinfo=UTC)}),
        ("budget", {"budget_id": uuid4()}),
    ],
)
def test_what_a_notice_refuses(field: str, wrong: dict[str, object]) -> None:
    given = {
        "title": "通知", "measures": [MEASURE], "year": 2025, "opens_at": NEW_YEAR,
        "closes_at": NEW_YEAR + timedelta(days=9), "budget_id": steps.budget().pk,
    }  # fmt: skip
    with pytest.raises(InvalidInput) as refusal:
        services.publish_notice(by=cast.shen(), at=NEW_YEAR, **{**given, **wrong})
    assert refusal.value.field == field
    assert ApplicationNotice.objects.count() == 0


def test_only_the_department_opens_notices_and_drafts_for_all() -> None:
    notice = steps.notice()
    for who in (cast.lin, cast.gu, cast.yan, cast.he):
        with pytest.raises(NotAllowed):
            services.withdraw_notice(by=who(), at=NEW_YEAR, notice_id=notice.pk, reason="x")
        with pytest.raises(NotAllowed):
            services.queue_drafts(by=who(), at=DRAFTED, notice_id=notice.pk)


def test_all_firms_are_drafted_once_and_a_cut_off_run_goes_on() -> None:
    trades.sale("6800000.00")
    trades.sale("5200000.00", seller=cast.he)
    cast.zhou()
    notice, job = steps.notice(), uuid4()
    run = services.draft_run(notice_id=notice.pk, job_id=job)
    assert services.draft_next(at=DRAFTED, run_id=run.pk, size=1) == 1
    again = services.draft_run(notice_id=notice.pk, job_id=job)
    assert again.pk == run.pk
    while services.draft_next(at=DRAFTED, run_id=run.pk, size=1):
        pass
    run.refresh_from_db()
    kinds = ["annotation_firm", "buyer", "exchange_operator"]  # who may hold a claim
    firms = Organization.objects.filter(kinds__overlap=kinds).count()
    assert (run.drafted_count, run.drafted_count + run.passed_count) == (2, firms)
    amounts = sorted(Claim.objects.values_list("decision__amount_fen", flat=True))
    assert amounts == [5_200_000, 6_800_000]
    second = services.draft_run(notice_id=notice.pk, job_id=uuid4())
    while services.draft_next(at=DRAFTED, run_id=second.pk, size=50):
        pass
    assert Claim.objects.count() == 2
    assert DraftRun.objects.count() == 2


def test_the_job_drafts_and_says_where_to_look() -> None:
    from jobs import services as jobs
    from jobs.models import Job
    from kernel import clock

    trades.sale("6800000.00")
    notice = steps.notice()
    job = services.queue_drafts(by=cast.shen(), at=DRAFTED, notice_id=notice.pk)
    with clock.moved_to(DRAFTED):
        assert jobs.run(job_id=job.pk, at=DRAFTED) == "succeeded"
    found = Job.objects.get(pk=job.pk)
    assert found.result["drafted"] == 1
    assert found.result_url == f"/rewards/notices/{notice.number}/"


def test_nothing_is_drafted_outside_the_window() -> None:
    notice = steps.notice()
    with pytest.raises(services.WindowNotOpen):
        services.queue_drafts(by=cast.shen(), at=notice.closes_at, notice_id=notice.pk)


# --- declarations -------------------------------------------------------------------------------


def document(who: Actor) -> Document:
    return Document.objects.create(
        organization=who.organization, purpose="evidence", name="完税证明.pdf", media_type="application/pdf",
        size=10, sha256="a" * 64, object_key=f"documents/{uuid4()}", created_at=DRAFTED,
        state=DocumentState.STORED,
    )  # fmt: skip


def declare(fact: str, value: object, *, who: Actor | None = None) -> Declaration:
    who = who or cast.lin()
    return services.declare(
        by=who, at=DRAFTED, measure=subsidy.ID, year=2025, fact=fact, value=value,
        document_ids=[document(who).pk],
    )  # fmt: skip


def verify(found: Declaration, *, by: Actor | None = None) -> Declaration:
    return services.verify_declaration(
        by=by or cast.shen(), at=DRAFTED, declaration_id=found.pk, is_verified=True
    )


def test_the_day_of_a_verification_is_that_of_the_city(with_subsidy: None) -> None:
    found = declare("is_recognised", True)
    after_midnight = datetime(2026, 1, 31, 17, 30, tzinfo=UTC)
    services.verify_declaration(by=cast.shen(), at=after_midnight, declaration_id=found.pk, is_verified=True)
    facts = selectors.gather_facts(cast.organization(cast.QINGLAN), 2025, measure=subsidy.ID)
    (proof,) = facts.document["facts"]["is_recognised"]["evidence"]
    assert proof["label"] == "2026-02-01"


def test_only_verified_facts_count_and_a_later_one_leads_to_a_new_draft(with_subsidy: None) -> None:
    firm = cast.organization(cast.QINGLAN)
    verify(declare("is_recognised", True))
    increase = declare("increase_fen", 80_000_000)
    claim = services.draft_claim(by=cast.lin(), at=DRAFTED, firm_id=firm.pk, year=2025, measure=subsidy.ID)
    assert claim.decision is not None
    assert claim.decision.outcome == Outcome.UNDETERMINED
    assert [each["name"] for each in claim.decision.trace["missing"]] == ["increase_fen"]
    verify(increase)
    claim.refresh_from_db()
    assert (claim.decision.outcome, claim.decision.amount_fen) == (Outcome.GRANTED, 800_000)
    (proof,) = claim.decision.facts["facts"]["increase_fen"]["evidence"]
    assert (proof["kind"], proof["number"]) == ("declaration", cast.BUREAU[0])
    verify(declare("increase_fen", 90_000_000))
    claim.refresh_from_db()
    assert claim.decision.amount_fen == 900_000
    increase.refresh_from_db()
    assert increase.state == DeclarationState.SUPERSEDED


def test_the_card_says_which_office_verifies(with_subsidy: None) -> None:
    tax = cast.person("tax", ("税务部门（示例）", "11441800MB50000085", (cast.Kind.DEPARTMENT,)))
    assert tax.organization_id is not None
    services.name_office(by=cast.shen(), at=DRAFTED, source="市税务局", organization_id=tax.organization_id)
    found = declare("increase_fen", 100)
    with pytest.raises(services.OtherOffice, match="税务部门"):
        verify(found)
    assert verify(found, by=tax).verifier_id == tax.organization_id
    with pytest.raises(InvalidInput):
        services.name_office(by=cast.gu(), at=DRAFTED, source="气象局", organization_id=tax.organization_id)
    with pytest.raises(InvalidInput):
        services.name_office(
            by=cast.shen(), at=DRAFTED, source="市税务局", organization_id=cast.organization(cast.BASE).pk
        )


def test_nobody_verifies_a_fact_before_an_office_is_named_for_it(with_subsidy: None) -> None:
    Office.objects.all().delete()
    found = declare("increase_fen", 100)
    with pytest.raises(services.OfficeMissing, match="市税务局"):
        verify(found)
    found.refresh_from_db()
    assert found.state == DeclarationState.DECLARED


def test_no_department_makes_itself_the_verifier_and_the_operator_none_of_its_own_claims(
    with_subsidy: None,
) -> None:
    science = cast.person("qi", ("科技局（示例）", "11441800MB5000007X", (cast.Kind.DEPARTMENT,)))
    assert science.organization_id is not None
    of_all = {"at": DRAFTED, "source": "市科技局", "organization_id": science.organization_id}
    of_the_venue = {**of_all, "source": "市税务局"}  # it verifies what article 3(2) asks
    with pytest.raises(NotAllowed):
        services.name_office(by=science, **of_all)
    with pytest.raises(SelfReview):
        services.name_office(by=science, **of_the_venue)
    with pytest.raises(services.OperatorClaims):
        services.name_office(by=cast.gu(), **of_the_venue)
    gu = cast.gu()
    place = Membership.objects.create(user=gu.user, organization=science.organization, roles=[])
    with pytest.raises(SelfReview):
        services.name_office(by=gu, **of_all)
    named = Office.objects.values_list("organization", flat=True).filter(source__in=["市税务局", "市科技局"])
    assert set(named) == {cast.shen().organization_id}
    place.ended_at = DRAFTED
    place.save()
    services.name_office(by=gu, **of_all)
    services.name_office(by=cast.shen(), **of_the_venue)
    assert set(named.all()) == {science.organization_id}


def test_the_only_department_names_itself_until_another_one_joins() -> None:
    Office.objects.all().delete()
    shen = cast.shen()
    assert shen.organization_id is not None
    assert shen.organization is not None
    told = {"at": DRAFTED, "source": "市税务局", "organization_id": shen.organization_id}
    Organization.objects.exclude(pk=shen.organization_id).filter(
        kinds__contains=[cast.Kind.DEPARTMENT.value]
    ).update(kinds=[cast.Kind.AUDITOR.value])
    for who, refusal in ((cast.gu, services.OperatorClaims), (cast.lin, NotAllowed), (cast.ruan, NotAllowed)):
        with pytest.raises(refusal):
            services.name_office(by=who(), **told)
    services.name_office(by=shen, **told)
    assert Office.objects.get(source="市税务局").organization_id == shen.organization_id
    assert AuditEvent.objects.get(action="rewards.name_office").detail["is_only_department"] is True
    cast.person("qi", ("科技局（示例）", "11441800MB5000007X", (cast.Kind.DEPARTMENT,)))
    with pytest.raises(SelfReview):
        services.name_office(by=shen, **told)


def signed_in(who: Actor) -> Client:
    client = Client(headers={"accept-language": "zh-hans"})
    assert who.user is not None
    client.force_login(who.user)
    confirm_identity(client)
    return client


def test_the_operator_names_offices_on_a_page_and_others_only_read(with_subsidy: None) -> None:
    Office.objects.all().delete()
    tax = cast.person("tax", ("税务部门（示例）", "11441800MB50000085", (cast.Kind.DEPARTMENT,)))
    assert tax.organization_id is not None
    told = {"source": "市税务局", "organization": str(tax.organization_id), "idempotency_key": "1"}
    assert signed_in(cast.shen()).post("/rewards/offices/", {**told, "source": "市科技局"}).status_code == 422
    assert signed_in(cast.ruan()).post("/rewards/offices/", told).status_code == 403
    assert signed_in(cast.lin()).get("/rewards/offices/").status_code == 403
    assert not Office.objects.exists()
    gu = signed_in(cast.gu())
    assert gu.post("/rewards/offices/", told).status_code == 422  # it claims what the tax bureau verifies
    assert gu.post("/rewards/offices/", {**told, "source": "市科技局"}).status_code == 302
    assert Office.objects.get().organization_id == tax.organization_id
    page = gu.get("/rewards/offices/").content.decode()
    assert "税务部门（示例）" in page
    assert "未指定" in page
    wrong = {**told, "source": "市科技局", "organization": str(cast.organization(cast.BASE).pk)}
    assert gu.post("/rewards/offices/", wrong).status_code == 422
    read = signed_in(cast.yan()).get("/rewards/offices/").content.decode()
    assert "税务部门（示例）" in read
    assert "<select" not in read.split("<main", 1)[1]


def test_facts_are_declared_and_verified_over_the_api(with_subsidy: None) -> None:
    lin, shen = signed_in(cast.lin()), signed_in(cast.shen())

    def post(client: Client, address: str, payload: object, key: str) -> Any:
        return client.post(
            f"/api/rewards/{address}", json.dumps(payload), content_type="application/json",
            headers={"Idempotency-Key": key},
        )  # fmt: skip

    given = {
        "measure": subsidy.ID, "year": 2025, "fact": "increase_fen", "value": 80_000_000,
        "documents": [str(document(cast.lin()).pk)],
    }  # fmt: skip
    with clock.moved_to(DRAFTED):
        first = post(lin, "declarations", given, "1")
        assert (first.status_code, first.json()["state"]) == (201, "declared")
        assert post(lin, "declarations", given, "1")["Idempotent-Replayed"] == "true"
        assert Declaration.objects.count() == 1
        assert post(lin, "declarations", given, "2").status_code == 409
        one = f"declarations/{first.json()['id']}"
        assert signed_in(cast.he()).get(f"/api/rewards/{one}").status_code == 404
        assert post(lin, f"{one}/verdict", {"is_verified": True}, "3").status_code == 403
        assert post(shen, f"{one}/verdict", {"is_verified": False}, "4").status_code == 422
        verified = post(shen, f"{one}/verdict", {"is_verified": True}, "5")
        assert (verified.status_code, verified.json()["state"]) == (200, "verified")
        assert post(lin, f"{one}/withdraw", {}, "6").status_code == 409
        [listed] = lin.get("/api/rewards/declarations").json()["items"]
        assert (listed["id"], listed["value"]) == (first.json()["id"], 80_000_000)


def test_what_a_declaration_refuses(with_subsidy: None) -> None:
    lin, mine = cast.lin(), document(cast.lin())
    given = {"by": lin, "at": DRAFTED, "measure": subsidy.ID, "year": 2025, "fact": "increase_fen",
             "value": 100, "document_ids": [mine.pk]}  # fmt: skip
    for field, wrong in (
        ("fact", {"fact": "prior_awards"}),
        ("fact", {"measure": MEASURE, "fact": "receipts_fen"}),
        ("year", {"year": 2027}),
        ("value", {"value": "many"}),
        ("value", {"value": None}),
        ("documents", {"document_ids": []}),
        ("documents", {"document_ids": [document(cast.he()).pk]}),
    ):
        with pytest.raises(InvalidInput) as refusal:
            services.declare(**{**given, **wrong})
        assert refusal.value.field == field
    with pytest.raises(NotAllowed):
        services.declare(**{**given, "by": cast.mei()})
    services.declare(**given)
    with pytest.raises(services.DeclarationOpen):
        services.declare(**given)
    assert Declaration.objects.count() == 1


def test_a_refusal_says_why_and_nobody_verifies_for_their_own_firm(with_subsidy: None) -> None:
    found = declare("increase_fen", 100)
    for who, refusal in ((cast.lin, NotAllowed), (cast.gu, NotAllowed), (cast.yan, NotAllowed)):
        with pytest.raises(refusal):
            verify(found, by=who())
    shen = cast.shen()
    place = Membership.objects.create(user=shen.user, organization=found.firm, roles=[])
    with pytest.raises(SelfReview):
        verify(found, by=shen)
    place.ended_at = DRAFTED
    place.save()
    with pytest.raises(InvalidInput):
        services.verify_declaration(by=shen, at=DRAFTED, declaration_id=found.pk, is_verified=False)
    refused = services.verify_declaration(
        by=shen, at=DRAFTED, declaration_id=found.pk, is_verified=False, reason="证明与申报不符"
    )
    assert (refused.state, refused.reason) == (DeclarationState.REFUSED, "证明与申报不符")
    with pytest.raises(NotFound):
        services.withdraw_declaration(by=cast.he(), at=DRAFTED, declaration_id=found.pk)


# --- objections of the firm ---------------------------------------------------------------------


def objected(*items: str) -> tuple[Claim, list[Objection]]:
    claim = drafted()
    steps.notice()
    found = [
        services.object_(by=cast.lin(), at=DRAFTED, claim_id=claim.pk, item=item, statement=f"{item} 有误")
        for item in items
    ]
    claim.refresh_from_db()
    return claim, found


def answer(objection: Objection, *, accepted: bool) -> None:
    services.answer_objection(
        by=cast.gu(), at=DRAFTED, objection_id=objection.pk, is_accepted=accepted, reasons="已核对原始凭证"
    )


def test_each_item_is_answered_and_none_accepted_leaves_the_dissent_on_record() -> None:
    claim, (first, second) = objected("revenue", "amount")
    answer(first, accepted=False)
    claim.refresh_from_db()
    assert claim.state == ClaimState.OBJECTED
    answer(second, accepted=False)
    claim.refresh_from_db()
    assert (claim.state, claim.decision_id) == (ClaimState.DRAFTED, first.decision_id)
    claim = services.confirm(by=cast.lin(), at=DRAFTED, claim_id=claim.pk)
    assert claim.state == ClaimState.CONFIRMED
    assert claim.objections.count() == 2


def test_an_accepted_item_leads_to_a_new_statement() -> None:
    claim, (first, second) = objected("revenue", "amount")
    answer(first, accepted=True)
    answer(second, accepted=False)
    claim.refresh_from_db()
    assert claim.state == ClaimState.DRAFTED
    assert claim.decision_id != first.decision_id


def test_an_objection_is_answered_once_by_the_exchange_with_reasons() -> None:
    _claim, (first,) = objected("revenue")
    for who in (cast.lin, cast.shen, cast.yan, cast.he):
        with pytest.raises(NotAllowed):
            services.answer_objection(
                by=who(), at=DRAFTED, objection_id=first.pk, is_accepted=True, reasons="同意"
            )
    with pytest.raises(InvalidInput):
        services.answer_objection(
            by=cast.gu(), at=DRAFTED, objection_id=first.pk, is_accepted=True, reasons=" "
        )
    answer(first, accepted=False)
    with pytest.raises(services.AlreadyAnswered):
        answer(first, accepted=True)


def test_one_item_is_not_objected_to_twice_at_once() -> None:
    claim, _found = objected("revenue")
    with pytest.raises(InvalidInput):
        services.object_(by=cast.lin(), at=DRAFTED, claim_id=claim.pk, item="revenue", statement="再次")


# --- blocks and the public ----------------------------------------------------------------------


def test_an_open_finding_blocks_the_second_review() -> None:
    claim = drafted()
    steps.notice()
    services.confirm(by=cast.lin(), at=DRAFTED, claim_id=claim.pk)
    services.first_review(by=cast.gu(), at=DRAFTED, claim_id=claim.pk)
    open_ones = ["循环交易线索 FX-1 未办结"]
    held = list(_checks)
    register_block(lambda found: open_ones if found.pk == claim.pk else [])
    try:
        with pytest.raises(services.ReviewBlocked, match="FX-1"):
            services.second_review(by=cast.shen(), at=DRAFTED, claim_id=claim.pk)
        open_ones.clear()
        assert (
            services.second_review(by=cast.shen(), at=DRAFTED, claim_id=claim.pk).state
            == ClaimState.SECOND_REVIEWED
        )
    finally:
        _checks[:] = held


def said(claim: Claim, text: str = "该公司与买方为同一控制人", *, at: datetime = DRAFTED) -> PublicObjection:
    return services.object_publicly(
        by=Actor.anonymous(), at=at, claim_id=claim.pk, name="市民甲（示例）", contact="0763-0000000",
        statement=text,
    )  # fmt: skip


def test_a_public_objection_is_answered_before_anybody_approves() -> None:
    claim = steps.announced(drafted())
    found = said(claim)
    assert said(claim).pk == found.pk  # a second click
    with pytest.raises(services.NothingReady):
        steps.batch()
    for who in (cast.lin, cast.gu, cast.yan, cast.ruan):
        with pytest.raises(NotAllowed):
            services.answer_public_objection(
                by=who(), at=DRAFTED, objection_id=found.pk, is_upheld=False, reasons="不属实"
            )
    services.answer_public_objection(
        by=cast.shen(), at=DRAFTED, objection_id=found.pk, is_upheld=False, reasons="查无股权关系"
    )
    steps.batch()
    assert Award.objects.get().claim_id == claim.pk


def test_an_upheld_objection_sends_the_claim_back() -> None:
    claim = steps.announced(drafted())
    services.answer_public_objection(
        by=cast.shen(), at=DRAFTED, objection_id=said(claim).pk, is_upheld=True, reasons="属实，请说明"
    )
    claim.refresh_from_db()
    assert claim.state == ClaimState.RETURNED


def test_objections_are_taken_until_the_final_day() -> None:
    claim = steps.announced(drafted())
    final = datetime(2026, 1, 19, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai
    said(claim, at=final)
    with pytest.raises(services.NoticeOver):
        said(claim, "另一条", at=final + timedelta(minutes=1))
    with pytest.raises(InvalidInput):
        said(claim, "  ")


def test_only_the_department_that_leads_a_measure_opens_its_budget_and_notice() -> None:
    science = cast.person("qi", ("科技局（示例）", "11441800MB5000007X", (cast.Kind.DEPARTMENT,)))
    assert science.organization_id is not None
    services.name_office(by=cast.gu(), at=DRAFTED, source="市科技局", organization_id=science.organization_id)

    def budget(by: Actor, *wanted: str) -> BudgetLine:
        return services.make_budget(
            by=by, at=steps.NEW_YEAR, title="预算（示例）", measures=wanted, year=2025, fiscal_year=2026,
            rule="in_order", amount=Money(100), source="示例", reason="年度预算",
        )  # fmt: skip

    with pytest.raises(services.OtherLead, match="政务服务数据管理部门"):
        budget(science, "data_product_trading")
    with pytest.raises(services.OtherLead, match="科技局"):
        budget(cast.ruan(), "high_tech_enterprise", "data_product_trading")
    Office.objects.filter(source="市人力资源社会保障局").delete()
    with pytest.raises(services.LeadMissing, match="市人力资源社会保障局"):
        budget(cast.ruan(), "internship")
    assert not BudgetLine.objects.exists()
    line = budget(science, "high_tech_enterprise")
    given = {
        "at": steps.NEW_YEAR, "title": "通知（示例）", "measures": ["high_tech_enterprise"], "year": 2025,
        "opens_at": steps.NEW_YEAR, "closes_at": DRAFTED, "budget_id": line.pk,
    }  # fmt: skip
    services.name_office(
        by=cast.gu(), at=DRAFTED, source="市科技局", organization_id=cast.organization(cast.BUREAU).pk
    )
    with pytest.raises(services.OtherLead):  # no longer
        services.publish_notice(by=science, **given)
