"""Pages and API of the risk watch: who sees what, filters, declarations, and that a form acts once."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from kernel.errors import InvalidInput, NotAllowed, NotFound
from organizations.permissions import Actor
from settlement.risk import services
from settlement.risk.models import Case, Finding, Holding, Trait
from tests import cast
from tests.settlement.risk import town

pytestmark = pytest.mark.django_db


def client_of(who: Callable[[], Actor]) -> Client:
    client = Client()
    client.force_login(who().user)  # type: ignore[arg-type]
    return client


def finding(firm: Callable[[], Actor] = town.jia, **kept: object) -> Finding:
    """A written-down finding, for pages that need no trades."""
    firm_id = firm().organization_id
    values = {
        "kind": "concentration", "year": 2025, "subject": "x", "score": 40, "amount_fen": 120_000_00,
        "figures": {"top_fen": 1, "year_fen": 2, "share_bp": 5_000, "size": 1}, "evidence_sha256": "0" * 64,
        "evidence": {"orders": [], "proofs": [], "parties": [str(firm_id)]}, "found_at": cast.NOON, "seen_at": cast.NOON,
    }  # fmt: skip
    return Finding.objects.create(firm_id=firm_id, **{**values, **kept})


@pytest.mark.parametrize(
    ("who", "board", "hearing"),
    [(cast.gu, 200, 404), (cast.shen, 200, 404), (cast.yan, 200, 404), (town.jia, 403, 200), (town.yi, 403, 404),
     (cast.mei, 403, 404)],
)  # fmt: skip
def test_reviewers_department_and_auditor_watch_and_a_firm_sees_its_own_hearing(
    who, board: int, hearing: int
) -> None:
    row = finding()
    case = services.open_case(by=town.ding(), at=cast.NOON, finding_ids=[row.pk], reason="需要核实。")
    client = client_of(who)
    for address in ("/risk/", "/risk/cases/", "/risk/parameters/"):
        assert client.get(address).status_code == board, address
    hidden = 404 if board == 403 else board
    for address in (f"/risk/findings/{row.pk}/", f"/risk/firms/{row.firm_id}/", f"/risk/cases/{case.pk}/"):
        assert client.get(address).status_code == hidden, address
    assert client.get(f"/risk/hearings/{case.pk}/").status_code == hearing
    for address in ("/api/risk/findings", "/api/risk/cases"):
        assert client.get(address).status_code == board
    assert client.get(f"/api/risk/cases/{case.pk}").status_code == hidden
    assert client.get(f"/api/risk/hearings/{case.pk}").status_code == hearing


def test_the_board_is_narrowed_by_signal_state_firm_score_and_amount() -> None:
    finding()
    finding(town.yi, kind="december", score=80, figures={"december_fen": 3, "year_fen": 4, "share_bp": 7_500})
    client = client_of(cast.gu)

    def firms(query: str) -> list[str]:
        page = client.get(f"/risk/?{query}")
        assert page.status_code == 200, query
        return [each.firm.name[0] for each in page.context["page"]]

    assert firms("") == ["乙", "甲"]
    assert firms("kind=december") == ["乙"]
    assert firms("state=closed") == []
    assert firms("score=41") == ["乙"]
    assert firms("name=甲") == ["甲"]
    assert firms("amount=120000.01") == []
    assert firms("year=2024") == []
    assert firms("year=abc&score=x&amount=y&kind=z&state=q") == ["乙", "甲"]


def test_a_case_opened_twice_with_one_form_is_one_case() -> None:
    row = finding()
    client, told = (
        client_of(town.ding),
        {"findings": [str(row.pk)], "reason": "需要核实。", "idempotency_key": "k1"},
    )
    first, again = (client.post(f"/risk/firms/{row.firm_id}/cases/", told) for _each in range(2))
    assert first.status_code == again.status_code == 302
    assert first.url == again.url
    assert Case.objects.count() == 1
    refused = client.post(
        f"/risk/firms/{row.firm_id}/cases/", {"reason": "需要核实。", "idempotency_key": "k2"}
    )
    assert refused.status_code == 422
    assert "请至少选择一个信号" in refused.content.decode()


def test_cases_over_the_api() -> None:
    row = finding()
    client = client_of(town.ding)

    def post(address: str, key: str, **body: object):
        return client.post(
            f"/api/risk/{address}",
            json.dumps(body),
            content_type="application/json",
            headers={"Idempotency-Key": key},
        )

    made = post("cases", "a", findings=[str(row.pk)], reason="需要核实。")
    assert made.status_code == 201
    case = made.json()["id"]
    assert post("cases", "a", findings=[str(row.pk)], reason="需要核实。").json()["id"] == case
    assert post("cases", "b", findings=[str(row.pk)], reason="需要核实。").json()["title"] == "finding_taken"
    assert post(f"cases/{case}/review", "c").json()["state"] == "in_review"
    shown = client.get(f"/api/risk/cases/{case}").json()["effect"]["digest"]
    told = {"outcome": "cleared", "text": "交易真实。", "citations": ["policy_3_1"]}
    assert post(f"cases/{case}/decisions", "d", shown="", **told).json()["title"] == "effect_outdated"
    decided = post(f"cases/{case}/decisions", "e", shown=shown, **told)
    assert (decided.status_code, decided.json()["state"]) == (201, "cleared")
    assert post(f"cases/{case}/reopening", "f", reason="新的线索。").json()["state"] == "reopened"
    (told_again,) = client.get("/api/risk/findings?state=in_case").json()["items"]
    assert told_again["figures"]["share_bp"] == 5_000


def test_a_firm_declares_holders_and_details_on_its_page() -> None:
    firm = town.jia().organization_id
    client = client_of(town.jia)
    partner = town.yi().organization_id
    told = {
        "holding-holder_name": "乙数据（示例）有限公司",
        "holding-holder_code": town.YI[1],
        "holding-share": "33.34",
    }
    assert (
        client.post(f"/risk/ownership/{firm}/holdings/", {**told, "idempotency_key": "k1"}).status_code == 302
    )
    holding = Holding.objects.get()
    assert (holding.share_bp, holding.holder_id, holding.source, holding.percent) == (
        3_334, partner, "firm", "33.34%",
    )  # fmt: skip
    again = client.post(f"/risk/ownership/{firm}/holdings/", {**told, "idempotency_key": "k2"})
    assert (again.status_code, Holding.objects.count()) == (422, 1)
    detail = {"detail-kind": "bank_account", "detail-value": "6222 0000 1234", "idempotency_key": "k3"}
    assert client.post(f"/risk/ownership/{firm}/details/", detail).status_code == 302
    page = client.get("/risk/ownership/").content.decode()
    assert "**********1234" in page
    assert "6222" not in page
    for address in (f"/risk/holdings/{holding.pk}/end/", f"/risk/details/{Trait.objects.get().pk}/end/"):
        assert client.post(address, {"idempotency_key": address}).status_code == 302
    holding.refresh_from_db()
    assert holding.ended_at is not None


def test_only_the_firm_and_the_operators_reviewers_declare() -> None:
    firm = town.jia().organization_id
    for who, refusal in ((town.yi, NotFound), (cast.shen, NotFound), (cast.yan, NotFound)):
        with pytest.raises(refusal):
            services.declare_holding(by=who(), at=cast.NOON, firm_id=firm, holder_name="王某", share_bp=100)
    clerk = cast.person("xiao", town.JIA, cast.Role.TRADER)
    with pytest.raises(NotAllowed):
        services.declare_holding(by=clerk, at=cast.NOON, firm_id=firm, holder_name="王某", share_bp=100)
    made = services.declare_holding(
        by=cast.gu(), at=cast.NOON, firm_id=firm, holder_name="王某", share_bp=100
    )
    assert made.source == "operator"
    with pytest.raises(NotFound):
        services.end_holding(by=town.yi(), at=cast.NOON, holding_id=made.pk)
    services.end_holding(by=town.jia(), at=cast.NOON, holding_id=made.pk)
    with pytest.raises(services.Ended):
        services.end_holding(by=town.jia(), at=cast.NOON, holding_id=made.pk)


@pytest.mark.parametrize(
    "wrong",
    [{"share_bp": 0}, {"share_bp": 10_001}, {"holder_name": " "}, {"holder_code": "91441802MA6000001X"},
     {"holder_code": town.JIA[1]}],
)  # fmt: skip
def test_a_wrong_declaration_is_refused_with_its_field(wrong: dict[str, object]) -> None:
    told = {"holder_name": "王某", "share_bp": 100, **wrong}
    with pytest.raises(InvalidInput):
        services.declare_holding(by=town.jia(), at=cast.NOON, firm_id=town.jia().organization_id, **told)
    assert Holding.objects.count() == 0


def test_shares_never_exceed_the_whole() -> None:
    firm = town.jia().organization_id
    services.declare_holding(by=town.jia(), at=cast.NOON, firm_id=firm, holder_name="王某", share_bp=6_000)
    with pytest.raises(InvalidInput):
        services.declare_holding(
            by=town.jia(), at=cast.NOON, firm_id=firm, holder_name="李某", share_bp=4_001
        )
    services.declare_holding(by=town.jia(), at=cast.NOON, firm_id=firm, holder_name="李某", share_bp=4_000)


def test_details_are_compared_whatever_their_spelling() -> None:
    firm = town.jia().organization_id
    services.declare_trait(by=town.jia(), at=cast.NOON, firm_id=firm, kind="phone", value="+86 138-0000-0001")
    assert Trait.objects.get().compared == "13800000001"
    with pytest.raises(services.Declared):
        services.declare_trait(
            by=town.jia(), at=cast.NOON, firm_id=firm, kind="phone", value="１３８ 0000 0001"
        )
    for kind, value in (("phone", "--"), ("fax", "1"), ("address", " ")):
        with pytest.raises(InvalidInput):
            services.declare_trait(by=town.jia(), at=cast.NOON, firm_id=firm, kind=kind, value=value)


def test_lists_take_the_same_queries_for_any_number_of_rows() -> None:
    client = client_of(cast.gu)

    def asked() -> dict[str, int]:
        found = {}
        for address in ("/risk/", "/risk/cases/", f"/risk/firms/{town.jia().organization_id}/?year=2025"):
            client.get(address)
            with CaptureQueriesContext(connection) as seen:
                assert client.get(address).status_code == 200
            found[address] = len(seen)
        return found

    def more(serial: int) -> None:
        finding(subject=f"a{serial}", evidence_sha256=f"{serial}a".rjust(64, "0"))
        row = finding(subject=f"b{serial}", evidence_sha256=f"{serial}b".rjust(64, "0"))
        services.open_case(by=town.ding(), at=cast.NOON, finding_ids=[row.pk], reason="需要核实。")

    more(1)
    few = asked()
    for serial in range(2, 5):
        more(serial)
    assert asked() == few
