"""`qingshu decide` and `qingshu policy`: the rules on their own, without settings, database or server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from embedded.errors import ExitCode, InstallationError
from settlement.rewards import engine, measures, rules, scenarios
from settlement.rewards.engine import shapes
from settlement.rewards.engine.decisions import NoSuchReading
from settlement.rewards.engine.texts import Text, shown, yuan

MARKS = {"met": "holds", "not_met": "DOES NOT HOLD", "unknown": "not known", "stated": "stated"}


SEE = "qingshu policy example"


class NotDecided(InstallationError):
    """Facts, measure, version or reading that the rules do not accept."""

    exit_code = ExitCode.USAGE


def card_of(measure: str) -> engine.Measure:
    """The card by its name; NotDecided names those there are."""
    if measure not in measures.CARDS:
        raise NotDecided(f"There is no measure {measure}; there are: {', '.join(measures.CARDS)}.")
    return measures.CARDS[measure]


def version_of(measure: str, name: str) -> engine.PolicyVersion:
    """A version of the measure's parameters ("" is the current one); NotDecided names those there are."""
    name = name or measures.CURRENT_VERSION
    known = [version.name for version in measures.versions_of(card_of(measure).id)]
    if name not in known:
        raise NotDecided(f"There is no version {name} of {measure}; there are: {', '.join(known)}.")
    return measures.version_of(measure, name)


def readings_of(chosen: Sequence[str]) -> dict[str, str]:
    """`question=reading` pairs as given on the command line."""
    pairs = [each.partition("=") for each in chosen]
    for name, sign, option in pairs:
        if not (name and sign and option):
            raise NotDecided(f"{name or '?'}: a reading is given as question=reading.")
    return {name: option for name, _sign, option in pairs}


def decided(measure: str, path: Path, *, version: str, interpretation: Mapping[str, str]) -> engine.Decision:
    """Decide the facts in a JSON file ("-" is the standard input)."""
    card_of(measure)
    found = version_of(measure, version)
    try:
        text = (
            Path("/dev/stdin").read_text(encoding="utf-8")
            if str(path) == "-"
            else path.read_text(encoding="utf-8-sig")
        )
        document = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise NotDecided(f"{path} cannot be read as JSON: {error}.") from error
    if not isinstance(document, dict):
        raise NotDecided(f"{path} is no JSON object.")
    try:
        return rules.decide(
            measure, engine.Facts(document), version=found.name, interpretation=interpretation
        )
    except (engine.FactsInvalid, NoSuchReading, engine.UndefinedParameter) as error:
        told = (
            f"{error}." if not isinstance(error, engine.FactsInvalid) else f"{error}; see: {SEE} {measure}."
        )
        raise NotDecided(told) from error


def example(measure: str) -> dict[str, Any]:
    """The facts of the first scenario of a measure that is decided: something to begin with."""
    card_of(measure)
    told = next(each for each in scenarios.of(measure) if each.expected["outcome"] == "granted")
    return dict(told.facts.document)


def exit_code(decision: engine.Decision) -> ExitCode:
    """0 when decided either way; 8 when facts are missing."""
    return ExitCode.CHECK_FAILED if decision.outcome == engine.Outcome.UNDETERMINED else ExitCode.OK


def trace_lines(decision: engine.Decision) -> Iterator[str]:
    """The whole trace for a person: each step, what it read, the arithmetic, the conclusion."""
    document = decision.document
    yield f"{document['title']['en']} (article {document['article']}), year {document['year']}, {document['policy_version']}"
    for step in document["steps"]:
        yield f"{step['number']:>2}. {step['title']['en']}  [{MARKS[step['verdict']]}]"
        yield f"    article {step['article']}: {step['clause']['en']}"
        yield f"    found: {step['found']['en']}; required: {step['requirement']['en']}"
        for line in step["lines"]:
            exact = f" (exactly {line['exact']} fen)" if line["exact"] else ""
            yield f"      {line['label']['en']:<34} {line['shown']:>20}{exact}"
        for row in step["parameters"]:
            note = ", assumed" if row["is_assumption"] else ""
            value = row["value"] if row["unit"] != "fen" else yuan(row["value"])
            yield f"      {row['name']} = {value} (article {row['article']}, from {row['effective_from']}{note})"
        if step["change"]:
            yield f"    {step['change']['en']}"
    yield f"{document['outcome']}: {yuan(document['amount_fen'])}"
    yield document["sentence"]["en"]
    yield f"facts {document['facts_sha256'][:16]}, decision {decision.sha256[:16]}"


def card_lines(measure: str, version: str) -> Iterator[str]:
    """The card as a lawyer reads it: clauses, parameters, facts with who verifies them, open questions."""
    card, found = card_of(measure), version_of(measure, version)
    day = found.first_day

    def value(name: str) -> Text:
        row = found.at(name, day)
        return shown(row.value, row.unit)

    yield f"{card.id}: {card.title.zh} / {card.title.en}"
    yield f"article {card.article}; {card.department.en}; version {found.name} ({found.label.en})"
    yield card.summary.filled(value).en
    yield ""
    for number, step in enumerate(card.steps, 1):
        yield f"{number:>2}. {step.title.zh} {step.title.en}"
        yield f"    article {step.clause.article}: {step.clause.text.en}"
    yield ""
    yield "Parameters"
    for row in found.parameters:
        until = f" to {row.effective_to}" if row.effective_to else ""
        note = f"; assumed: {row.note.en}" if row.is_assumption else ""
        yield f"  {row.name} = {shown(row.value, row.unit).en} (article {row.article}, from {row.effective_from}{until}{note})"
    yield "Facts"
    for spec in card.facts:
        by = f"; verified by {spec.verifier_name.en}" if spec.verifier_name else ""
        yield f"  {spec.name} ({spec.unit}): {spec.label.en}; from {spec.source.en}{by}"
    yield "Open questions (the first reading is the default)"
    for question in card.questions:
        readings = "; ".join(f"{option.name}: {option.label.en}" for option in question.options)
        yield f"  {question.name}: {question.label.en}. {readings}"
    yield f"Fair competition: {card.competition.en}"


def tested(wanted: Sequence[str]) -> list[dict[str, Any]]:
    """Run the scenarios of the measures (all when none is named): measure, sentence and problems in both languages."""
    found = []
    for measure in wanted or list(measures.CARDS):
        card_of(measure)
        try:
            found += [
                {
                    "measure": measure,
                    "name": each.name.plain(),
                    "problems": [problem.plain() for problem in scenarios.problems(each)],
                }
                for each in scenarios.of(measure)
            ]
        except (OSError, scenarios.NotAScenario) as error:
            raise NotDecided(f"{error}.") from error
    return found


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of a measure's facts, or of decisions for `decision`."""
    return shapes.of_decision() if name == "decision" else shapes.of_facts(card_of(name))
