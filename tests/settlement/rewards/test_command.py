"""`qingshu decide` and `qingshu policy`: the rules alone, on the command line, with their exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from config import cli
from embedded.errors import ExitCode
from settlement.rewards import engine, measures, rules, scenarios
from tests.settlement.rewards.facts import facts


def written(folder: Path, case: engine.Facts) -> str:
    path = folder / "facts.json"
    path.write_text(json.dumps(case.document, ensure_ascii=False), encoding="utf-8")
    return str(path)


def test_a_case_is_decided_to_the_same_bytes_as_in_the_product(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = facts(680_000_000)
    assert cli.main(["decide", "data_product_trading", written(tmp_path, case), "--json"]) == ExitCode.OK
    assert capsys.readouterr().out.strip().encode() == rules.decide("data_product_trading", case).bytes


def test_the_trace_is_told_in_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["decide", "data_product_trading", written(tmp_path, facts(499_999_999))]) == ExitCode.OK
    said = capsys.readouterr().out
    assert "[DOES NOT HOLD]" in said
    assert "short of ¥5,000,000.00 by ¥0.01" in said
    assert "revenue_threshold = ¥5,000,000.00 (article 3(1), from 2024-01-01)" in said


def test_a_reading_is_chosen_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = written(tmp_path, facts(499_000_000, vat_fen=29_940_000))
    chosen = ["--interpretation", "tax=including_vat", "--json"]
    assert cli.main(["decide", "data_product_trading", case, *chosen]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["amount_fen"] == 5_289_400


@pytest.mark.parametrize("measure", measures.CARDS)
def test_a_newcomer_begins_with_an_example_that_is_granted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], measure: str
) -> None:
    assert cli.main(["policy", "example", measure]) == ExitCode.OK
    path = tmp_path / "facts.json"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    assert cli.main(["decide", measure, str(path), "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["outcome"] == "granted"


def test_missing_facts_have_their_own_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        cli.main(["decide", "data_product_trading", written(tmp_path, facts(None))]) == ExitCode.CHECK_FAILED
    )
    assert "undetermined" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["decide", "housing", "{facts}"], "There is no measure housing; there are: park_operator"),
        (
            ["decide", "headquarters", "{facts}"],
            "these are not qingshu.facts/1 facts of headquarters; see: qingshu policy example headquarters.",
        ),
        (["decide", "data_product_trading", "{facts}", "--version", "2030"], "There is no version 2030"),
        (["decide", "data_product_trading", "{facts}", "--interpretation", "tax"], "question=reading"),
        (["decide", "data_product_trading", "{facts}", "--interpretation", "tax=maybe"], "tax = maybe"),
        (["decide", "data_product_trading", "/no/such/file"], "cannot be read as JSON"),
        (["policy", "show", "housing"], "There is no measure housing"),
    ],
)
def test_what_cannot_be_decided_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    path = written(tmp_path, facts(1))
    assert cli.main([path if each == "{facts}" else each for each in arguments]) == ExitCode.USAGE
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("measure", measures.CARDS)
def test_a_card_is_printed_with_all_that_it_rests_on(
    measure: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["policy", "show", measure]) == ExitCode.OK
    said = capsys.readouterr().out
    card = measures.CARDS[measure]
    for words in (
        card.title.zh,
        *(step.clause.text.en for step in card.steps),
        *(spec.name for spec in card.facts),
    ):
        assert words in said


def test_shapes_are_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    for name in (*measures.CARDS, "decision"):
        assert cli.main(["policy", "schema", name]) == ExitCode.OK
        assert json.loads(capsys.readouterr().out)["$schema"].endswith("2020-12/schema")


def test_scenarios_are_run_and_a_failing_one_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["policy", "test"]) == ExitCode.OK
    count = sum(len(scenarios.of(measure)) for measure in measures.CARDS)
    assert f"共 {count} 个情景，{count} 个相符。" in capsys.readouterr().out
    assert cli.main(["policy", "test", "--language", "en"]) == ExitCode.OK
    assert f"{count} of {count} scenarios hold." in capsys.readouterr().out
    wrong = tmp_path / "headquarters.scenarios.yaml"
    text = scenarios.path_of("headquarters").read_text(encoding="utf-8")
    wrong.write_text(text.replace('amount: "3,000,000.00"', 'amount: "1.00"', 1), encoding="utf-8")
    monkeypatch.setattr(scenarios, "path_of", lambda _measure: wrong)
    assert cli.main(["policy", "test", "headquarters"]) == ExitCode.CHECK_FAILED
    said = capsys.readouterr().out
    assert "不符  headquarters：符合规定的总部企业获得落户奖三百万元" in said
    assert "amount：应为 ¥1.00，实为 ¥3,000,000.00" in said
    assert cli.main(["policy", "test", "headquarters", "--language", "en"]) == ExitCode.CHECK_FAILED
    said = capsys.readouterr().out
    assert "FAILS  headquarters: A headquarters that meets the rules gets three million" in said
    assert "amount: expected ¥1.00, found ¥3,000,000.00" in said
