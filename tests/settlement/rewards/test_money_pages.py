"""The pages of notices, budgets, batches, payments and recoveries, walked as people click through them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kernel import clock
from organizations.permissions import Actor
from settlement.revenue import services as revenue
from settlement.rewards import services
from settlement.rewards.models import (
    ApprovalBatch,
    BudgetLine,
    Claim,
    Disbursement,
    PayeeAccount,
    Payment,
    PublicObjection,
    RecoveryCase,
)
from settlement.rewards.states import ClaimState
from tests import cast
from tests.sessions import confirm_identity
from tests.settlement import trades
from tests.settlement.merchant.shop import key_of
from tests.settlement.rewards import steps
from tests.settlement.rewards.test_money import claim_of, reworked

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_march() -> Iterator[None]:
    cache.clear()
    with clock.moved_to(steps.MARCH):
        yield


def signed_in(who: Callable[[], Actor], *, is_confirmed: bool = True) -> Client:
    client = Client(headers={"accept-language": "zh-hans"})
    user = who().user
    assert user is not None
    client.force_login(user)
    if is_confirmed:
        confirm_identity(client)
    return client


def shown(client: Client, name: str, *arguments: object) -> str:
    page = client.get(reverse(f"rewards:{name}", args=arguments))
    assert page.status_code == 200, (name, page.status_code)
    return str(page.content.decode())


def sent(client: Client, page: str, /, *arguments: object, **told: str) -> int:
    key = {"idempotency_key": f"{page}{arguments}{sorted(told)}"}
    return client.post(reverse(f"rewards:{page}", args=arguments), {**key, **told}).status_code


def test_money_from_the_budget_to_the_bank_and_back_by_clicking() -> None:
    shen, fang, lin = signed_in(cast.shen), signed_in(cast.ruan), signed_in(cast.lin)
    told = {
        "title": "2025 年度奖励", "measures": "data_product_trading", "year": "2025", "fiscal_year": "2026",
        "amount": "100000.00", "rule": "in_order", "source": "示例〔2026〕1 号", "reason": "年初安排",
    }  # fmt: skip
    assert sent(fang, "new_budget", **{**told, "amount": "lots"}) == 422
    assert sent(fang, "new_budget", **told) == 302
    line = BudgetLine.objects.get()
    notice = {
        "title": "申报通知", "measures": "data_product_trading", "year": "2025",
        "opens_at": "2026-01-05T09:00", "closes_at": "2026-03-16T00:00", "budget": str(line.pk),
    }  # fmt: skip
    assert sent(shen, "publish", **{**notice, "closes_at": "2025-01-01T00:00"}) == 422
    assert sent(shen, "publish", **notice) == 302
    claim = claim_of()
    assert "可以拨付" in shown(fang, "disbursements")
    assert "68,000.00" in shown(shen, "budget", line.number)
    assert sent(shen, "propose", line.number) == 302
    batch = ApprovalBatch.objects.get()
    assert "您是提出人" in shown(shen, "batch", batch.number)
    assert sent(shen, "approve_batch", batch.number) == 403
    assert sent(fang, "approve_batch", batch.number) == 302
    assert sent(fang, "approve_batch", batch.number) == 409
    assert sent(lin, "payee", bank="示例银行", account_number="12") == 422
    assert sent(lin, "payee", bank="示例银行", account_number="6222020000001234567") == 302
    assert "6222****4567" in shown(lin, "payee")
    assert sent(fang, "prepare") == 302
    assert sent(fang, "prepare") == 302  # the same key: the same file
    file = Disbursement.objects.get()
    answer = fang.get(reverse("rewards:file", args=[file.number]))
    assert hashlib.sha256(answer.content).hexdigest() == file.file_sha256
    assert sent(fang, "approve_disbursement", file.number) == 403
    assert sent(shen, "approve_disbursement", file.number) == 302
    payment = Payment.objects.get()
    assert sent(fang, "settle", payment.pk, outcome="paid", reference="") == 422
    assert sent(fang, "settle", payment.pk, outcome="paid", reference="R1") == 302
    assert "已拨付" in shown(lin, "claim", claim.number)
    assert "68,000.00" in shown(Client(), "awards")
    trades.sale("1000.00")  # an unrelated change of the year: 10 yuan more
    reworked(claim)
    assert "重新核定的差额" in shown(shen, "claim", claim.number)
    assert "+¥10.00" in shown(shen, "recoveries")


def unconfirmed(who: Callable[[], Actor], name: str, *arguments: object, **told: str) -> None:
    """Who has not shown again who it is, is asked first, and led back to a page afterwards."""
    client = signed_in(who, is_confirmed=False)
    address = reverse(f"rewards:{name}", args=arguments)
    answer = client.post(address, {"idempotency_key": "u", **told})
    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/accounts/reauthenticate/"), name
    back = parse_qs(urlsplit(answer["Location"]).query)["next"][0]
    assert client.get(back).status_code == 200, name


def test_award_money_moves_only_for_who_has_just_confirmed_who_they_are() -> None:
    order = trades.sale("6800000.00")
    firm = cast.organization(cast.QINGLAN)
    claim = services.draft_claim(by=Actor.system("测试"), at=steps.DRAFTED, firm_id=firm.pk, year=2025)
    steps.announced(claim)
    line = BudgetLine.objects.get()
    unconfirmed(cast.shen, "propose", line.number)
    assert not ApprovalBatch.objects.exists()
    batch = services.propose_batch(by=cast.shen(), at=steps.NOTICE_OVER, line_id=line.pk)
    unconfirmed(cast.ruan, "approve_batch", batch.number)
    unconfirmed(cast.lin, "payee", bank="示例银行", account_number="6222020000001234567")
    assert not PayeeAccount.objects.exists()
    services.approve_batch(by=cast.ruan(), at=steps.NOTICE_OVER, batch_id=batch.pk)
    services.set_payee_account(
        by=cast.lin(), at=steps.PAID, bank="示例银行清远分行", account_number="6222020000001234567"
    )
    unconfirmed(cast.ruan, "prepare")
    file = services.prepare_disbursement(by=cast.ruan(), at=steps.PAID)
    unconfirmed(cast.shen, "approve_disbursement", file.number)
    file.refresh_from_db()
    assert file.state == "prepared"
    services.approve_disbursement(by=cast.shen(), at=steps.PAID, disbursement_id=file.pk)
    services.enter_receipt(
        by=cast.ruan(), at=steps.PAID, payment_id=file.payments.get().pk, reference="回单 R7"
    )
    trades.refund(order, "6800000.00", at=steps.MARCH)
    reworked(claim)
    told = {"cause": "退款", "due_on": "2026-04-30"}
    unconfirmed(cast.shen, "recover", claim.number, **told)
    assert not RecoveryCase.objects.exists()
    assert sent(signed_in(cast.shen), "recover", claim.number, **told) == 302
    case = RecoveryCase.objects.get()
    unconfirmed(cast.ruan, "confirm_recovery", case.number)
    case.refresh_from_db()
    assert case.state == "opened"


def test_over_the_api_a_browser_confirms_too_and_a_key_with_the_right_stands_for_itself() -> None:
    claim_of()
    line = BudgetLine.objects.get()
    batch = services.propose_batch(by=cast.shen(), at=steps.NOTICE_OVER, line_id=line.pk)
    address = f"/api/rewards/batches/{batch.number}/approve"
    asked = {"content_type": "application/json", "headers": {"Idempotency-Key": "a"}}
    answer = signed_in(cast.ruan, is_confirmed=False).post(address, "{}", **asked)
    assert (answer.status_code, answer.json()["title"]) == (403, "identity_not_confirmed")
    batch.refresh_from_db()
    assert batch.state == "proposed"
    head = cast.person("head", cast.BUREAU)  # who hands out the department's keys
    key = key_of(head, "rewards.see_funds", "rewards.approve")
    asked["headers"] = {"Idempotency-Key": "a", "Authorization": f"Bearer {key}"}
    assert Client().post(address, "{}", **asked).json()["state"] == "approved"


def test_the_second_approver_reads_every_claim_that_the_batch_and_the_recovery_link_to() -> None:
    claim = claim_of()
    shen, fang = signed_in(cast.shen), signed_in(cast.ruan)
    assert sent(shen, "propose", BudgetLine.objects.get().number) == 302
    page = shown(fang, "batch", ApprovalBatch.objects.get().number)
    address = reverse("rewards:claim", args=[claim.number])
    assert address in page
    assert fang.get(address).status_code == 200
    assert fang.get(reverse("rewards:audit", args=[claim.number])).status_code == 200
    assert sent(fang, "replay", claim.number) == 403  # reads, and decides nothing on it


def test_a_recovery_by_clicking() -> None:
    order = trades.sale("6800000.00")
    firm = cast.organization(cast.QINGLAN)
    claim = steps.announced(
        services.draft_claim(by=Actor.system("测试"), at=steps.DRAFTED, firm_id=firm.pk, year=2025)
    )
    steps.awarded(claim)
    steps.paid()
    trades.refund(order, "800000.00", at=steps.MARCH)
    reworked(claim)
    shen, fang, lin = signed_in(cast.shen), signed_in(cast.ruan), signed_in(cast.lin)
    told = {"cause": "二月退款", "due_on": "2026-04-30"}
    assert "¥8,000.00" in shown(shen, "recover", claim.number)
    assert sent(shen, "recover", claim.number, **{**told, "due_on": "2026-03-05"}) == 422
    assert sent(shen, "recover", claim.number, **told) == 302
    case = RecoveryCase.objects.get()
    assert lin.get(reverse("rewards:recovery", args=[case.number])).status_code == 404  # not confirmed yet
    assert sent(shen, "confirm_recovery", case.number) == 403
    assert sent(fang, "confirm_recovery", case.number) == 302
    assert "六十日" in shown(lin, "recovery", case.number)
    assert sent(lin, "enter_return", case.number, amount="8000.00", reference="B1") == 403
    assert sent(fang, "enter_return", case.number, amount="9000.00", reference="B1") == 422
    assert sent(fang, "enter_return", case.number, amount="8000.00", reference="B1") == 302
    claim.refresh_from_db()
    assert claim.state == ClaimState.RECOVERED


def lifting_stands_open() -> tuple[Claim, RecoveryCase]:
    """A confirmed recovery of 68,000 whose facts have come back before the firm paid."""
    order = trades.sale("6800000.00")
    firm = cast.organization(cast.QINGLAN)
    claim = steps.announced(
        services.draft_claim(by=Actor.system("测试"), at=steps.DRAFTED, firm_id=firm.pk, year=2025)
    )
    steps.awarded(claim)
    steps.paid()

    def ruled(*, is_excluded: bool) -> None:
        revenue.rule_on_trade(
            by=cast.gu(), at=steps.MARCH, order_id=order.pk, code="circular", is_excluded=is_excluded, reason="资金回流"
        )  # fmt: skip
        reworked(claim)

    ruled(is_excluded=True)
    case = services.open_recovery(
        by=cast.shen(), at=steps.MARCH, claim_id=claim.pk, cause="认定循环", due_on=date(2026, 4, 30)
    )
    services.confirm_recovery(by=cast.ruan(), at=steps.MARCH, case_id=case.pk)
    ruled(is_excluded=False)
    return claim, RecoveryCase.objects.get()


def test_a_recovery_whose_facts_came_back_is_lifted_by_clicking() -> None:
    claim, case = lifting_stands_open()
    shen, fang, lin = signed_in(cast.shen), signed_in(cast.ruan), signed_in(cast.lin)
    assert "可提出撤销尚欠的 ¥68,000.00" in shown(shen, "recovery", case.number)
    assert "提出撤销追回" not in shown(lin, "recovery", case.number)
    assert sent(lin, "propose_lift", case.number, reason="x") == 403
    assert sent(shen, "propose_lift", case.number, reason=" ") == 422
    assert sent(shen, "propose_lift", case.number, reason="认定已撤销") == 302
    assert "须由另一人核定" in shown(shen, "recovery", case.number)
    assert sent(shen, "lift_recovery", case.number) == 403
    assert "提出撤销 ¥68,000.00" in shown(fang, "recovery", case.number)
    assert sent(fang, "keep_recovery", case.number, reason="再核") == 302
    assert sent(shen, "propose_lift", case.number, reason="认定已撤销") == 302
    assert sent(fang, "lift_recovery", case.number) == 302
    claim.refresh_from_db()
    assert claim.state == ClaimState.DISBURSED
    assert "已撤销" in shown(lin, "recovery", case.number)
    assert "缴回奖励" not in lin.get("/").content.decode()


def test_a_recovery_whose_facts_came_back_is_lifted_over_the_api() -> None:
    _claim, case = lifting_stands_open()

    def post(who: Callable[[], Actor], verb: str, **told: object) -> tuple[int, dict[str, object]]:
        answer = signed_in(who).post(
            f"/api/rewards/recoveries/{case.number}/{verb}", told, content_type="application/json",
            headers={"Idempotency-Key": verb},
        )  # fmt: skip
        return answer.status_code, answer.json()

    assert post(cast.lin, "propose-lift", reason="x")[0] == 403
    assert post(cast.shen, "propose-lift", reason="认定已撤销")[1]["state"] == "lifting"
    assert post(cast.shen, "lift")[0] == 403
    status, told = post(cast.ruan, "lift")
    assert (status, told["state"], told["lifted_fen"], told["outstanding_fen"]) == (
        200,
        "lifted",
        6_800_000,
        0,
    )


def test_a_recovery_over_the_api() -> None:
    order = trades.sale("6800000.00")
    firm = cast.organization(cast.QINGLAN)
    claim = steps.announced(
        services.draft_claim(by=Actor.system("测试"), at=steps.DRAFTED, firm_id=firm.pk, year=2025)
    )
    steps.awarded(claim)
    steps.paid()
    trades.refund(order, "800000.00", at=steps.MARCH)
    reworked(claim)
    shen, ruan, lin = signed_in(cast.shen), signed_in(cast.ruan), signed_in(cast.lin)

    def post(client: Client, address: str, **told: object) -> tuple[int, dict[str, object]]:
        answer = client.post(
            f"/api/rewards/{address}", told, content_type="application/json",
            headers={"Idempotency-Key": f"{address}{sorted(told.items())}"},
        )  # fmt: skip
        return answer.status_code, answer.json()

    asked = {"cause": "二月退款", "due_on": "2026-04-30"}
    assert post(lin, f"claims/{claim.number}/recoveries", **asked)[0] == 403
    status, told = post(shen, f"claims/{claim.number}/recoveries", **asked)
    assert (status, told["state"], told["amount_fen"]) == (201, "opened", 800_000)
    assert post(shen, f"claims/{claim.number}/recoveries", **asked)[1] == told  # once
    case = f"recoveries/{told['number']}"
    assert lin.get(f"/api/rewards/{case}").status_code == 404  # not confirmed yet
    assert post(shen, f"{case}/confirm")[0] == 403
    assert post(ruan, f"{case}/confirm")[1]["state"] == "confirmed"
    assert post(lin, f"{case}/receipts", amount_fen=800_000, reference="B1")[0] == 403
    assert post(ruan, f"{case}/receipts", amount_fen=900_000, reference="B1")[0] == 422
    assert post(ruan, f"{case}/receipts", amount_fen=300_000, reference="B1")[1]["outstanding_fen"] == 500_000
    assert post(ruan, f"{case}/receipts", amount_fen=500_000, reference="B2")[1]["outstanding_fen"] == 0
    assert [each["state"] for each in lin.get("/api/rewards/recoveries").json()] == ["paid"]


def test_the_list_of_recoveries_takes_the_same_queries_for_one_and_for_several() -> None:
    due = date(2026, 4, 30)
    system = Actor.system("测试")
    shen = signed_in(cast.shen)

    def recovery(seller: Callable[[], Actor]) -> None:
        order = trades.sale("6800000.00", seller=seller)
        firm = seller().organization
        assert firm is not None
        claim = services.draft_claim(by=system, at=steps.DRAFTED, firm_id=firm.pk, year=2025)
        steps.awarded(steps.announced(claim, firm=seller()))
        steps.paid(firm=seller())
        trades.refund_by(seller(), order, "800000.00", at=steps.MARCH)
        reworked(claim)
        services.open_recovery(by=cast.shen(), at=steps.MARCH, claim_id=claim.pk, cause="退款", due_on=due)

    def asked() -> tuple[int, list[int]]:
        with CaptureQueriesContext(connection) as seen:
            found = shen.get("/api/rewards/recoveries").json()
        return len(seen), [each["outstanding_fen"] for each in found]

    recovery(cast.lin)
    asked()
    one, shown_one = asked()
    recovery(cast.he)
    several, shown_several = asked()
    assert (shown_one, shown_several) == ([800_000], [800_000, 800_000])
    assert several == one


def test_anybody_objects_to_an_announced_claim_but_not_without_end() -> None:
    claim = claim_of()
    with clock.moved_to(datetime(2026, 1, 14, 4, 0, tzinfo=UTC)):
        visitor = Client()
        assert claim.number in shown(visitor, "notices")
        assert "68,000.00" in shown(visitor, "announced", claim.number)
        told = {"name": "市民", "contact": "0763-0000000"}
        assert sent(visitor, "announced", claim.number, **told, statement=" ") == 422
        for number in range(4):
            assert sent(visitor, "announced", claim.number, **told, statement=f"第 {number} 条") == 302
        assert sent(visitor, "announced", claim.number, **told, statement="第五条") == 302
        assert sent(visitor, "announced", claim.number, **told, statement="第六条") == 429
        assert PublicObjection.objects.count() == 5
        assert "第五条" not in shown(signed_in(cast.lin), "claim", claim.number)
        assert "第五条" in shown(signed_in(cast.shen), "claim", claim.number)
        said = PublicObjection.objects.first()
        assert said is not None
        assert sent(signed_in(cast.gu), "answer_public", claim.number, said.pk, reasons="x") == 403
        assert sent(signed_in(cast.shen), "answer_public", claim.number, said.pk, reasons="不属实") == 302
    assert (
        Client().get(reverse("rewards:announced", args=[claim.number])).status_code == 404
    )  # the notice is over


@pytest.mark.parametrize("name", ["budgets", "disbursements", "new_budget", "publish"])
def test_firms_and_strangers_see_no_funds(name: str) -> None:
    for who in (cast.lin, cast.mei, cast.zhou, cast.gu):
        assert signed_in(who).get(reverse(f"rewards:{name}")).status_code == 403
    assert Client().get(reverse(f"rewards:{name}")).status_code == 302


def test_the_auditor_sees_all_and_moves_nothing() -> None:
    claim = claim_of()
    line = BudgetLine.objects.get()
    yan = signed_in(cast.yan)
    for name, arguments in (
        ("budgets", []),
        ("budget", [line.number]),
        ("disbursements", []),
        ("recoveries", []),
    ):
        shown(yan, name, *arguments)
    for name in ("propose", "change_budget", "change_rule"):
        assert sent(yan, name, line.number) == 403
    assert sent(yan, "reopen", claim.number, reason="x") == 403
    assert Claim.objects.get().state == ClaimState.IN_NOTICE


def test_the_statement_is_a_pdf_of_the_same_bytes_each_time() -> None:
    claim = claim_of()
    lin = signed_in(cast.lin)
    first, second = (lin.get(reverse("rewards:sheet", args=[claim.number])).content for _ in range(2))
    assert first.startswith(b"%PDF-")
    assert first == second
    assert signed_in(cast.he).get(reverse("rewards:sheet", args=[claim.number])).status_code == 404


def test_the_public_register_goes_on_page_after_page_and_tells_its_whole_total(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("settlement.rewards.funds.AWARDS_A_PAGE", 1)
    trades.sale("6800000.00")
    trades.sale("5200000.00", seller=cast.he)
    for firm, who in ((cast.QINGLAN, cast.lin), (cast.BEIJIANG, cast.he)):
        drafted = services.draft_claim(
            by=Actor.system("奖励测算"), at=steps.DRAFTED, firm_id=cast.organization(firm).pk, year=2025
        )
        steps.announced(drafted, firm=who())
    steps.batch()
    numbers, address = [], "/rewards/awards/"
    while address:
        context = client.get(address).context
        assert context["total_fen"] == 12_000_000
        numbers += [row["award"].number for row in context["rows"]]
        address = f"/rewards/awards/?after={context['page'].after}" if context["page"].after else ""
    assert sorted(numbers) == sorted(Claim.objects.values_list("number", flat=True))
    first = client.get("/api/rewards/awards?limit=1").json()
    second = client.get(f"/api/rewards/awards?limit=1&cursor={first['next']}").json()
    told = [*first["items"], *second["items"]]
    assert ({row["amount_fen"] for row in told}, second["next"]) == ({6_800_000, 5_200_000}, None)
