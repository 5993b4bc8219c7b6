"""Every role × every route: who gets what, held in a file that a reviewer can read and compare.

Regenerate with `QINGSHU_WRITE_MATRIX=1 .venv/bin/pytest tests/architecture/test_routes.py` and read the change.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from assets.registry.models import Licence
from audit.models import AuditEvent
from kernel.models import Transition
from kernel.money import Money
from settlement.ledger.models import Entry
from tests import cast
from tests.assets.conftest import Registration, concluded
from tests.assets.registry.test_kinds import licence_draft
from tests.cast import NOON
from tests.exchange.brokers import brokerage
from tests.exchange.dataspace import spacing
from tests.exchange.pilots import pilotage
from tests.sessions import confirm_identity
from tests.world import World, build

MATRIX = Path(__file__).with_name("route_matrix.txt")
NOBODY = UUID("018f0000-0000-7000-8000-000000000000")
SKIPPED = re.compile(r"^(i18n/|accounts/(?!me)|static/)")  # allauth's and Django's own pages
PARTS = 4
RECORDS = (AuditEvent, Transition, Entry)
ROLES = {"anonymous": None, **{who.__name__: who for who in cast.EVERYONE}}


def routes() -> Iterator[tuple[str, str, list[str]]]:
    """Each route: its pattern, the name of its page, the names of its arguments."""

    def walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[tuple[str, str, list[str]]]:
        for pattern in patterns:
            whole = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, whole)
            else:
                yield whole, pattern.name or "", re.findall(r"<(?:\w+:)?(\w+)>", whole)

    for whole, name, arguments in walk(get_resolver().url_patterns, ""):
        if not SKIPPED.match(whole):
            yield whole, name, arguments


def open_proceedings(world: World) -> dict[str, UUID | str]:
    """What stands open beside the world's own things: an upload, an objection, a revocation, a licence, a log with
    a head."""
    from assets.registry import services as registry
    from assets.transparency import services as log
    from assets.uploads import services as uploads
    from exchange.catalogue import services as catalogue
    from exchange.catalogue.searching import read_wanted
    from exchange.demands import services as demands
    from exchange.reviews import services as reviews
    from exchange.searches import services as searches

    later = NOON + timedelta(days=60)
    lapsing = Registration().certified()
    objection = registry.file_objection(
        by=cast.he(), at=later, certificate_id=world.certificate.pk, interest="本公司是其中部分评论的权利人。",
        statement="其中两百条评论取自本公司网站，未经许可。", signed_name="He",
    )  # fmt: skip
    revocation = registry.open_revocation(
        by=cast.gu(), at=later, certificate_id=lapsing.pk, grounds="来源证明系伪造。"
    )
    complaint = _complained(world, later)
    request, supplement = _dealing(world, later)
    product, order = world.product, world.order
    question = catalogue.ask(by=cast.he(), at=later, product_id=product.pk, text="是否按月更新？")
    invitation = catalogue.invite(by=world.team.lead, at=later, product_id=product.pk, uscc=cast.BEIJIANG[1])
    revision = catalogue.propose(by=world.team.lead, at=later, product_id=product.pk, summary="另一句")
    catalogue.submit_revision(by=world.team.lead, at=later, revision_id=revision.pk)
    review = reviews.write_review(by=cast.zhou(), at=later, order_id=order.pk, stars=4, text="标签准确。")
    demand = demands.draft_demand(
        by=cast.zhou(), at=later, title="评论情感数据", description="训练客服质检模型。", industry="education",
        deadline=later + timedelta(days=9_000), contact_name="周四", contact_phone="0763-3366123",
    )  # fmt: skip
    demands.publish_demand(by=cast.zhou(), at=later, demand_id=demand.pk)
    answer = demands.submit_answer(
        by=cast.lin(), at=later, demand_id=demand.pk, product_number=world.product.number
    )
    search = searches.save_search(by=cast.zhou(), at=later, wanted=read_wanted("评论", {}), name="评论")
    upload = uploads.open_upload(by=cast.lin(), at=later, dataset_id=world.version.dataset_id)
    concluded(licence_draft(Registration().certified(), date(2027, 5, 1)), at=later)
    log.seal(at=later)
    return {
        "objection_id": objection.pk,
        "revocation_id": revocation.pk,
        "upload_id": upload.pk,
        "demand": demand.number,
        "answer_id": answer.pk,
        "search_id": search.pk,
        "licence": Licence.objects.get().number,
        **pilotage.proceedings(),
        "complaint_id": complaint,
        **_of_the_register(world),
        "request_id": request,
        "supplement_id": supplement,
        "question_id": question.pk,
        "invitation_id": invitation.pk,
        "revision_id": revision.pk,
        "review_id": review.pk,
        **brokerage.proceedings(),
        **spacing.proceedings(),
        **_of_money(world, later),
        **_merchant(later),
        **_watched(world, later),
        **_rewarded(),
    }


def _of_money(world: World, at: datetime) -> dict[str, UUID | str]:
    """An invoice, a wish for another, a matched bank line, a paid run with its slip."""
    from settlement.banking import services as banking
    from settlement.invoicing import fees
    from settlement.invoicing import services as invoicing
    from settlement.payruns import services as payruns
    from tests.settlement.banking.statements import imported, qian, row
    from tests.settlement.invoicing.sheets import invoiced, sheet
    from tests.settlement.payruns.runs import APRIL, MARCH, fang, told_account

    invoice = invoiced(world.order, 106_000, at=at)
    fee = fees.issue_fee_invoice(
        by=qian(), at=at, order_id=world.order.pk, kind="special", sheet=sheet(100, on=at.date())
    )
    wish = invoicing.wish_invoice(by=cast.zhou(), at=at, order_id=world.order.pk, kind="special")
    [line] = imported(row())
    match = banking.match_line(by=qian(), at=at, line_id=line.pk, kind="receipt", target_id=world.order.pk)
    told_account("mei")
    run = payruns.draw_up(by=cast.lin(), at=APRIL, month=MARCH)
    payruns.submit(by=cast.lin(), at=APRIL, run_id=run.pk)
    payruns.approve(by=fang(), at=APRIL, run_id=run.pk)
    payruns.pay(at=APRIL, run_id=run.pk)
    item = run.items.get()
    return {
        "invoice_id": invoice.pk, "fee_invoice_id": fee.pk, "wish_id": wish.pk, "bank_line_id": line.pk, "bank_match_id": match.pk,
        "bank_import_id": line.source_id, "run_id": run.pk, "item_id": item.pk, "slip_id": item.pk,
        "form": "hledger",
    }  # fmt: skip


def _rewarded() -> dict[str, UUID | str]:
    """A notice with its budget, and another firm's claim that was paid and is to be paid back."""
    from settlement.rewards import services as rewards
    from settlement.rewards.models import ApprovalBatch, BudgetLine, Payment
    from tests.settlement import trades
    from tests.settlement.rewards import steps

    order = trades.sale("6000000.00", seller=cast.he)
    firm_id = order.supplier_id
    claim = rewards.draft_claim(by=cast.gu(), at=steps.DRAFTED, firm_id=firm_id, year=2025)
    steps.awarded(steps.announced(claim, firm=cast.he()))
    steps.paid(firm=cast.he())
    rewards.reopen(by=cast.shen(), at=steps.MARCH, claim_id=claim.pk, reason="核查")
    rewards.uphold(by=cast.ruan(), at=steps.MARCH, claim_id=claim.pk, reason="不变")
    trades.refund_by(cast.he(), order, "500000.00", at=steps.MARCH)
    case = rewards.open_recovery(
        by=cast.ruan(), at=steps.MARCH, claim_id=claim.pk, cause="退款", due_on=date(2026, 4, 30)
    )
    payment = Payment.objects.select_related("disbursement").get()
    return {
        "notice_number": steps.notice().number, "line_number": BudgetLine.objects.get().number,
        "batch_number": ApprovalBatch.objects.get().number, "file_number": payment.disbursement.number,
        "reward_payment_id": payment.pk, "case_number": case.number,
    }  # fmt: skip


def _complained(world: World, at: datetime) -> UUID:
    """Another order of the same plan, delivered and complained about."""
    from exchange.acceptance import services as acceptance
    from exchange.delivery import services as delivery
    from exchange.trading import services as trading
    from settlement.payments import services as payments

    seller, buyer = world.team.lead, cast.zhou()
    order = trading.place_order(by=buyer, at=at, plan_id=world.plan.pk, use_statement="训练本公司模型")
    for who in (buyer, seller):
        trading.sign_contract(by=who, at=at, order_id=order.pk)
    payments.pay_order(by=buyer, at=at, order_id=order.pk)
    delivery.deliver(by=seller, at=at, order_id=order.pk)
    defects = [acceptance.Reported(kind="missing", text="清单中的第三个文件没有交付。")]
    return acceptance.file_complaint(by=buyer, at=at, order_id=order.pk, defects=defects).pk


def _merchant(at: datetime) -> dict[str, UUID]:
    """A payment outside any order, a payout that waits for approvals, an endpoint with an event."""
    from settlement.merchant import services as merchant
    from settlement.merchant.models import Event
    from tests.settlement.merchant import shop

    shop.pay_account()
    endpoint, _secret = merchant.create_endpoint(
        by=cast.lin(), at=at, url="https://hook.example.cn/", enabled_events=["*"]
    )
    shop.sale(6_000_000)
    payout = merchant.create_payout(by=cast.lin(), at=at, amount=Money(5_000_001))
    event = Event.objects.order_by("-pk")[0]
    return {"payout_id": payout.pk, "endpoint_id": endpoint.pk, "event_id": event.pk}


def _of_the_register(world: World) -> dict[str, UUID]:
    """An export, an issue on its way outside, a reconciled day, a checked file of past trades."""
    from exchange.filings import services as filings
    from exchange.filings.models import Reconciliation
    from tests.exchange.filings.tables import checked, csv_of, row

    day = NOON.date()
    export = filings.produce(by=cast.gu(), at=NOON, first=day, final=day)
    reconciliation = Reconciliation.objects.create(
        day=day, made_by="x", made_at=NOON, our_count=0, their_count=0, matched_count=0
    )
    return {
        "export_id": export.pk, "row_id": world.order.filing.outside.get().pk,
        "reconciliation_id": reconciliation.pk, "import_id": checked(csv_of([row()])).pk,
    }  # fmt: skip


def _watched(world: World, at: datetime) -> dict[str, UUID]:
    """A finding about the world's order in a case, and declarations of its firm."""
    from settlement.risk import services as risk
    from settlement.risk.models import Finding

    firm = world.team.lead.organization_id
    holding = risk.declare_holding(
        by=world.team.lead, at=at, firm_id=firm, holder_name="林某（示例）", share_bp=9_000
    )
    trait = risk.declare_trait(by=world.team.lead, at=at, firm_id=firm, kind="phone", value="0763-3366123")
    finding = Finding.objects.create(
        kind="concentration", firm_id=firm, year=2025, subject="x", score=40, amount_fen=1, evidence_sha256="0" * 64,
        figures={"top_fen": 1, "year_fen": 1, "share_bp": 10_000, "size": 1}, order_ids=[world.order.pk],
        evidence={"orders": [], "proofs": [], "parties": [str(firm)]}, found_at=at, seen_at=at,
    )  # fmt: skip
    ding = cast.person("ding", cast.BASE)
    case = risk.open_case(by=ding, at=at, finding_ids=[finding.pk], reason="只有一个买方，需要核实。")
    return {
        "finding_id": finding.pk, "case_id": case.pk, "holding_id": holding.pk, "trait_id": trait.pk, "firm_id": firm,
    }  # fmt: skip


def _dealing(world: World, at: datetime) -> tuple[UUID, UUID]:
    """An open request of the buyer, and an open supplement to the contract of the world's order."""
    from exchange.requests import services as requests
    from exchange.trading import supplements

    stated = requests.Stated(
        purpose="training", use_statement="训练本公司模型", place="own", people_count=3, is_training=True,
        is_abroad=False,
    )  # fmt: skip
    request = requests.ask(by=cast.zhou(), at=at, plan_id=world.plan.pk, stated=stated)
    supplement = supplements.propose_supplement(
        by=cast.zhou(), at=at, order_id=world.order.pk, kind="termination", reason="项目取消",
        ends_on=(at + timedelta(days=30)).date(),
    )  # fmt: skip
    return request.pk, supplement.pk


def example(world: World, route: str, argument: str) -> str:
    """A value for one argument of a route: the world's own object where there is one."""
    if argument in world.proceedings:
        return str(world.proceedings[argument])
    for part, kept in (("/licences/", "licence"), ("demands/", "demand")):
        if part in route and kept in world.proceedings:
            return str(world.proceedings[kept])
    from annotation.work.models import Task

    section = route.split("/")[1] if route.startswith("api/") else route.split("/", maxsplit=1)[0]
    if "deliveries/products/" in route:
        section = "catalogue"
    by_section = {
        "projects": world.project.pk, "annotation": world.project.pk,
        "tasks": Task.objects.filter(project=world.project).order_by("pk").first(),
        "datasets": world.version.dataset_id, "registry": world.certificate.application_id,
        "verify": world.certificate.number, "catalogue": world.product.number, "selling": world.product.number,
        "orders": world.order.pk, "deliveries": world.order.pk, "filings": world.order.filing.pk,
        "vouchers": world.order.filing.voucher_number, "payments": world.order.pk, "rewards": world.claim.number,
        "revenue": world.order.revenue_lines.get().pk, "data": world.product.number,
    }  # fmt: skip
    by_argument = {
        "number": by_section.get(section, world.certificate.number), "year": "2025", "plan_id": world.plan.pk,
        "measure": "data_product_trading",
        "order_id": world.order.pk, "version_id": world.version.pk, "certificate_id": world.certificate.pk,
        "filing_id": world.order.filing.pk, "claim_id": world.claim.pk, "product_id": world.product.pk,
        "application_id": world.certificate.application_id, "project_id": world.project.pk,
        "decision_id": world.claim.decision_id, "line_id": world.order.revenue_lines.get().pk,
        "dataset_id": world.version.dataset_id, "code": "csv", "name": "croissant.json",
        "entitlement_id": world.order.entitlement.pk, "bucket": world.order.number, "key": "rows.jsonl",
        "path": "rows.jsonl", "named": world.order.number, "secret": "none", "key_id": NOBODY,
    }  # fmt: skip
    if section == "registry" and argument == "number":
        return world.certificate.number
    if argument == "file_id":
        return str(world.version.files.order_by("pk").values_list("pk", flat=True)[0])
    if argument in ("newer", "older") or f"<int:{argument}>" in route:
        return "1"
    found = by_argument.get(argument, by_section.get(section, NOBODY))
    return str(getattr(found, "pk", found))


def address(world: World, route: str, arguments: list[str]) -> str:
    path = route
    for argument in arguments:
        path = re.sub(
            rf"<(?:\w+:)?{argument}>", lambda _m, a=argument: example(world, route, a), path, count=1
        )
    return "/" + path.replace("^", "").replace("$", "").replace("\\Z", "")


def footprint() -> tuple[int, ...]:
    """How much is on record, in one statement: it is asked some five thousand times."""
    counted = ", ".join(f'(SELECT count(*) FROM "{model._meta.db_table}")' for model in RECORDS)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counted}")
        found: tuple[int, ...] = cursor.fetchone()
    return found


def client_of(role: str) -> Client:
    client = Client(raise_request_exception=False)
    who = ROLES[role]
    if who is not None:
        user = who().user
        assert user is not None
        client.force_login(user)
        confirm_identity(client)
    return client


def answers_of(role: str, client: Client, path: str, known: set[str], faults: list[str]) -> str:
    """GET and POST status of one address for one role; what should not be is added to `faults`.

    Everything is taken back, so each answer is given by the same world. `known` are the methods that the
    address does not have for anybody signed in: they are not asked for again.
    """
    cache.clear()
    media_type = "application/json" if path.startswith("/api/") else "text/plain"
    key = {"Idempotency-Key": f"{role}:{path}"}
    got = posted = 405
    before = after = ()
    with transaction.atomic():
        if "GET" not in known:
            got = client.get(path).status_code
        if "POST" not in known:
            before = footprint()
            posted = client.post(path, content_type=media_type, data="{}", headers=key).status_code
            after = footprint()
        transaction.set_rollback(True)
    if role != "anonymous":
        known |= {method for method, status in (("GET", got), ("POST", posted)) if status == 405}
    if (got >= 500 and path != "/readyz") or posted >= 500:
        faults.append(f"{role} {path}: {got}/{posted}")
    if posted >= 400 and after != before:
        faults.append(f"{role} POST {path}: refused with {posted}, but something was written")
    return f"{got}/{posted}"


@pytest.mark.django_db
@pytest.mark.parametrize("part", range(PARTS))
def test_every_role_gets_on_every_route_what_the_matrix_says(part: int) -> None:
    """In parts, so that several workers share them."""
    world = build()
    world.proceedings.update(open_proceedings(world))
    clients = {role: client_of(role) for role in ROLES}
    mine = sorted({(route, tuple(names)) for route, _name, names in routes()})[part::PARTS]
    told, faults = {}, []
    for route, arguments in mine:
        path = address(world, route, list(arguments))
        known: set[str] = set()
        answers = (answers_of(role, client, path, known, faults) for role, client in clients.items())
        told[route or "/"] = " ".join(answers)
    assert not faults, "\n".join(faults)
    held = _written(told, part) if os.environ.get("QINGSHU_WRITE_MATRIX") else _held()
    assert {route: held.get(route) for route in told} == told, (
        "the matrix changed: regenerate route_matrix.txt and read the difference"
    )
    assert set(held) == {route or "/" for route, _name, _names in routes()}, "a route has come or gone"


def _held() -> dict[str, str]:
    """The matrix as the file holds it: the answers by route."""
    lines = MATRIX.read_text("utf-8").splitlines()[1:]
    return {route: answers for route, _space, answers in (line.partition("  ") for line in lines)}


def _written(told: dict[str, str], part: int) -> dict[str, str]:
    """The file with this part's answers put in and gone routes taken out (run the parts in one process)."""
    found = _held() | told
    known = {route or "/" for route, _name, _names in routes()}
    lines = [
        f"{route}  {answers}"
        for route, answers in sorted(found.items(), key=lambda line: line[0].lstrip("/"))
        if route in known
    ]
    MATRIX.write_text(f"# route  GET/POST status for: {' '.join(ROLES)}\n" + "\n".join(lines) + "\n", "utf-8")
    return _held() if part == PARTS - 1 else found | dict.fromkeys(known - set(found), "")
