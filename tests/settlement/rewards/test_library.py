"""规则库, 试算 and the comparison: what they say, to whom, and that they store nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kernel import clock
from settlement.rewards import measures, scenarios
from settlement.rewards.measures.outline import OUTLINE
from settlement.rewards.models import Claim
from tests import cast
from tests.settlement import trades
from tests.settlement.rewards import article6
from tests.settlement.rewards.article6 import HIGH_TECH
from tests.settlement.rewards.test_pages import body, signed_in
from tests.settlement.rewards.test_procedure import NOTICE_OVER

if TYPE_CHECKING:
    from tests.browsing import Visit

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_february_2026() -> Iterator[None]:
    with clock.moved_to(NOTICE_OVER):
        yield


def test_the_policy_page_lists_every_clause_with_its_rule_or_says_that_there_is_no_amount(
    client: Client,
) -> None:
    text = body(client.get(reverse("rewards:policy")))
    assert {each.article for each in OUTLINE} == {
        "1", "2", "3(1)", "3(2)", "3(3)", "4", "5", "6", "7(1)", "7(2)", "7(3)", "8", "9", "10", "11", "12",
    }  # fmt: skip
    for each in OUTLINE:
        assert each.text.zh in text
    assert {each.measure for each in OUTLINE} - {""} == set(measures.CARDS)
    for measure in measures.CARDS:
        assert reverse("rewards:rule", args=[measure]) in text
    assert text.count("不设金额") == sum(not each.measure for each in OUTLINE)


def test_the_library_lists_every_measure_with_its_tests(client: Client) -> None:
    text = body(client.get(reverse("rewards:rules")))
    for card in measures.CARDS.values():
        count = len(scenarios.of(card.id))
        assert card.title.zh in text
        assert f"{count}/{count}" in text


@pytest.mark.parametrize("measure", measures.CARDS)
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_a_card_shows_clause_rule_parameters_facts_scenarios_and_questions(
    client: Client, measure: str, language: str
) -> None:
    card = measures.CARDS[measure]
    with CaptureQueriesContext(connection) as seen:
        text = body(
            client.get(reverse("rewards:rule", args=[measure]), headers={"accept-language": language})
        )
    assert len(seen) == 0

    def said(each: Any) -> str:
        found: str = each.en if language == "en" else each.zh
        return found.replace("'", "&#x27;")

    for step in card.steps:
        assert said(step.clause.text) in text
    for row in measures.version_of(measure).parameters:
        assert said(row.label) in text
    for spec in card.facts:
        assert said(spec.label) in text
    for question in card.questions:
        assert all(said(option.label) in text for option in question.options)
    assert all(said(scenario.name) in text for scenario in scenarios.of(measure))
    assert said(card.competition) in text


def test_a_measure_that_there_is_not_is_not_found(client: Client) -> None:
    assert client.get(reverse("rewards:rule", args=["housing"])).status_code == 404
    assert client.get(reverse("rewards:estimate"), {"measure": "housing"}).status_code == 404
    assert client.get("/api/rewards/measures/housing").status_code == 404
    assert signed_in(cast.gu).get(reverse("rewards:compare", args=["nothing"])).status_code == 404


TRIALS: list[tuple[str, dict[str, str], str]] = [
    ("park_operator", {"is_park_operator": "yes", "contribution_fen": "3000000", "contribution_previous_fen": "1000000",
                       "keeps_to_use": "yes", "prior_awards": "0"}, "2,000,000.00"),
    ("exchange_venue", {"is_recognised_venue": "yes", "turnover_fen": "10000000", "contribution_fen": "500000",
                        "contribution_previous_fen": "200000", "prior_awards": "1"}, "300,000.00"),
    ("application_scenario", {"award_level": "national", "is_contractor": "yes", "contribution_fen": "500000",
                              "contribution_previous_fen": "200000", "scope": "04"}, "150,000.00"),
    ("headquarters", {"scope": "annotation", "is_recognised_headquarters": "yes", "meets_settlement_rules": "yes",
                      "prior_awards": "0"}, "3,000,000.00"),
    ("high_tech_enterprise", {"scope": "annotation", "is_high_tech": "yes", "prior_awards": "0"}, "300,000.00"),
    ("benchmark_high_tech", {"scope": "annotation", "is_benchmark": "yes", "prior_awards": "0"}, "1,000,000.00"),
    ("internship", {"scope": "annotation", "is_labour_dispatch": "no", "interns": "3", "months": "6", "paid": "2000"},
     "31,500.00"),
    ("data_product_trading", {"scope": "annotation", "certificate": "yes", "receipts": "6800000", "awards": "0"},
     "68,000.00"),
]  # fmt: skip


@pytest.mark.parametrize(("measure", "answers", "amount"), TRIALS, ids=[each[0] for each in TRIALS])
def test_the_trial_of_every_measure_answers_and_stores_nothing(
    client: Client, measure: str, answers: dict[str, str], amount: str
) -> None:
    address = reverse("rewards:estimate")
    assert client.get(address, {"measure": measure}).status_code == 200
    with CaptureQueriesContext(connection) as seen:
        page = client.get(address, {"measure": measure, "year": "2025", **answers})
    assert page.status_code == 200, body(page)
    assert amount in body(page)
    assert len(seen) == 0
    assert Claim.objects.count() == 0


def test_what_is_left_open_in_a_trial_is_named_with_who_would_prove_it(client: Client) -> None:
    asked = {"measure": "headquarters", "year": "2025", "scope": "02", "is_recognised_headquarters": "yes",
             "meets_settlement_rules": "", "prior_awards": "0"}  # fmt: skip
    assert "还缺少事实：是否符合落户奖条件" in body(client.get(reverse("rewards:estimate"), asked))
    assert client.get(reverse("rewards:estimate"), {**asked, "scope": "09"}).status_code == 422


def test_an_award_granted_before_ends_what_is_had_once(client: Client) -> None:
    asked = {"measure": "headquarters", "year": "2025", "scope": "annotation", "is_recognised_headquarters": "yes",
             "meets_settlement_rules": "yes", "prior_awards": "1"}  # fmt: skip
    assert "不再重复奖励" in body(client.get(reverse("rewards:estimate"), asked))


def test_only_offices_compare_and_they_see_who_gains() -> None:
    trades.sale("4900000.00")
    address = reverse("rewards:compare", args=["data_product_trading"])
    assert Client().get(address).status_code == 302
    assert signed_in(cast.lin).get(address).status_code == 403
    gu = signed_in(cast.gu)
    assert "方案甲" in body(gu.get(address))
    text = body(gu.get(address, {"year": 2025, "other_data_product_trading__tax": "including_vat"}))
    assert "51,940.00" in text
    assert "清蓝" in text
    same = body(gu.get(address, {"year": 2025}))
    assert "两种方案对每家企业的金额都相同" in same
    assert gu.get(address, {"year": 1999}).status_code == 422
    assert gu.get(address, {"year": 2025, "one_data_product_trading__tax": "sometimes"}).status_code == 422


def test_the_whole_policy_is_compared_on_one_page_and_by_the_api_and_the_command_alike() -> None:
    trades.sale("6000000.00")
    article6.verified(HIGH_TECH, 2025, "is_high_tech", True)
    article6.opened(HIGH_TECH, 2025)
    gu, address = signed_in(cast.gu), reverse("rewards:compare_all")
    assert signed_in(cast.lin).get(address).status_code == 403
    assert "比较两种方案" in body(gu.get(reverse("rewards:rules")))
    asked = {
        "year": 2025,
        "other_data_product_trading__reward_rate": "2%",
        "other_high_tech_enterprise__award_cap": "100000.00",
    }
    page = body(gu.get(address, asked))
    for figure in ("120,000.00", "100,000.00", "200,000.00", "high_tech_enterprise 2025"):
        assert figure in page, figure
    wrong = gu.get(address, {**asked, "other_data_product_trading__reward_rate": "two"})
    assert wrong.status_code == 422
    assert "请填写比例，例如 1.5%" in body(wrong)

    way = {
        "values": {"data_product_trading.reward_rate": "2%", "high_tech_enterprise.award_cap": "100000.00"}
    }
    found = gu.post(
        "/api/rewards/comparisons", json.dumps({"year": 2025, "other": way}), content_type="application/json"
    ).json()
    assert {row["measure"]: row["change_fen"] for row in found["changed"]} == {
        "data_product_trading": 6_000_000,
        "high_tech_enterprise": -20_000_000,
    }
    assert (found["total"]["one_fen"], found["total"]["other_fen"]) == (36_000_000, 22_000_000)
    told = StringIO()
    options = [f"--other-value={name}={value}" for name, value in way["values"].items()]
    call_command("rewards_compare", "2025", *options, "--json", stdout=told)
    assert json.loads(told.getvalue()) == found
    told = StringIO()
    call_command("rewards_compare", "2025", *options, stdout=told)
    assert "All measures" in told.getvalue()


@pytest.mark.parametrize(
    ("way", "field"),
    [
        ({"version": "2099"}, "version"),
        ({"interpretation": {"data_product_trading.tax": "sometimes"}}, "interpretation"),
        ({"interpretation": {"nothing.tax": "including_vat"}}, "interpretation"),
        ({"values": {"data_product_trading.annual_cap": "-1"}}, "values"),
        ({"values": {"data_product_trading.reward_rate": "1/0"}}, "values"),
        ({"values": {"data_product_trading.rounding": "1"}}, "values"),
    ],
)
def test_a_way_that_is_not_offered_is_refused_and_named(way: dict[str, Any], field: str) -> None:
    trades.sale("100.00")
    answer = signed_in(cast.gu).post(
        "/api/rewards/comparisons", json.dumps({"year": 2025, "one": way}), content_type="application/json"
    )
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_without_any_revenue_there_is_nothing_to_compare() -> None:
    text = body(signed_in(cast.shen).get(reverse("rewards:compare", args=["data_product_trading"])))
    assert "还没有企业有实际收入或经核实的申报" in text


# --- API ----------------------------------------------------------------------------------------


def test_the_api_decides_any_measure_and_publishes_the_shapes(client: Client) -> None:
    decision_shape = client.get("/api/rewards/decision-schema").json()
    for measure in measures.CARDS:
        case = dict(scenarios.of(measure)[0].facts.document)
        jsonschema.Draft202012Validator(
            client.get(f"/api/rewards/measures/{measure}/facts-schema").json()
        ).validate(case)
        answer = client.post(
            "/api/rewards/estimate", json.dumps({"facts": case}), content_type="application/json"
        )
        assert answer.status_code == 200
        assert answer.json()["measure"] == measure
        jsonschema.Draft202012Validator(decision_shape).validate(answer.json())
    assert [row["measure"] for row in client.get("/api/rewards/measures").json()] == list(measures.CARDS)
    assert client.get("/api/rewards/measures/internship").json()["version"] == "2023-12-draft"


# --- in a browser -------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("language", "width"), [("zh-hans", 1440), ("en", 390)])
def test_the_library_in_a_browser(live_chromium: Visit, language: str, width: int) -> None:
    trades.sale("4900000.00")
    trial = reverse("rewards:estimate")
    page = live_chromium.page(width=width, language=language)
    addresses = [
        reverse("rewards:policy"),
        reverse("rewards:rules"),
        reverse("rewards:rule", args=["data_product_trading"]),
        reverse("rewards:rule", args=["internship"]),
        f"{trial}?measure=internship",
        f"{trial}?measure=exchange_venue&year=2025&is_recognised_venue=yes&turnover_fen=12000000"
        "&contribution_fen=500000&contribution_previous_fen=200000&prior_awards=0",
    ]
    for address in addresses:
        assert live_chromium.faults(page, address, widths=(width,)) == []
    live_chromium.sign_in(page, cast.gu().user)
    compare = reverse("rewards:compare", args=["data_product_trading"])
    everything = reverse("rewards:compare_all")
    for address in (
        everything,
        compare,
        f"{compare}?year=2025&other_data_product_trading__tax=including_vat",
    ):
        assert live_chromium.faults(page, address, widths=(width,)) == []
