"""The chain of a version as PROV-O (https://www.w3.org/TR/prov-o/), in JSON-LD and in Turtle.

Batches of raw data → annotation → review → sealing → the version; what upper domains add (certificate, sale)
follows. People are pseudonyms; the firm is named. Both forms say the same triples.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from assets.exports.metadata.told import NO_FACTS, BatchFact, Facts, Told, moment, pretty

JSON_NAME, TURTLE_NAME = "prov.jsonld", "prov.ttl"

PREFIXES = {
    "dcterms": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "prov": "http://www.w3.org/ns/prov#",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


@dataclass(frozen=True, slots=True)
class Literal:
    """A value with its language or its datatype."""

    value: str
    language: str = ""
    datatype: str = ""


@dataclass(frozen=True, slots=True)
class Ref:
    """The address of another node."""

    id: str


@dataclass(frozen=True, slots=True)
class Node:
    """A thing with its types and what is said of it, in order."""

    id: str
    types: tuple[str, ...]
    said: list[tuple[str, Literal | Ref]] = field(default_factory=list)


def _at(name: str, at: Any) -> list[tuple[str, Literal | Ref]]:
    return [(name, Literal(moment(at), datatype="xsd:dateTime"))] if at else []


def _title(chinese: str, english: str = "") -> list[tuple[str, Literal | Ref]]:
    found: list[tuple[str, Literal | Ref]] = [("dcterms:title", Literal(chinese, "zh-Hans"))]
    return [*found, ("dcterms:title", Literal(english, "en"))] if english else found


def _people(told: Told) -> Iterator[Node]:
    firm = Ref(f"{told.urn}#firm")
    yield Node(
        firm.id,
        ("prov:Agent", "prov:Organization"),
        [("foaf:name", Literal(told.firm)), ("dcterms:identifier", Literal(told.firm_code))],
    )
    for name in told.steps.annotators:
        yield Node(
            f"{told.urn}#annotator-{name}",
            ("prov:Agent", "prov:Person"),
            [("foaf:nick", Literal(name)), ("prov:actedOnBehalfOf", firm)],
        )


def _work(told: Told) -> Iterator[Node]:
    """Annotation and review, for versions that were annotated here."""
    steps, urn = told.steps, told.urn
    if not steps.annotators:
        return
    used: list[tuple[str, Literal | Ref]] = [
        ("prov:used", Ref(f"{urn}#batch-{batch.ordinal}")) for batch in told.batches
    ]
    guided: list[tuple[str, Literal | Ref]] = [
        ("prov:used", Ref(f"{urn}#guideline-{number}")) for number in steps.guideline_versions
    ]
    yield Node(
        f"{urn}#annotation",
        ("prov:Activity",),
        [
            *_title(f"标注（项目 {steps.project_number}）", f"Annotation (project {steps.project_number})"),
            *_at("prov:startedAtTime", steps.annotated_from), *_at("prov:endedAtTime", steps.annotated_to),
            *used, *guided,
            *(("prov:wasAssociatedWith", Ref(f"{urn}#annotator-{name}")) for name in steps.annotators),
        ],
    )  # fmt: skip
    yield Node(
        f"{urn}#labels",
        ("prov:Entity",),
        [*_title("标注结果", "Annotations"), ("prov:wasGeneratedBy", Ref(f"{urn}#annotation"))],
    )
    yield Node(
        f"{urn}#review",
        ("prov:Activity",),
        [
            *_title(f"质检（{steps.reviewer_count} 名质检员）", f"Review ({steps.reviewer_count} reviewers)"),
            *_at("prov:startedAtTime", steps.reviewed_from), *_at("prov:endedAtTime", steps.reviewed_to),
            ("prov:used", Ref(f"{urn}#labels")), ("prov:wasInformedBy", Ref(f"{urn}#annotation")),
            ("prov:wasAssociatedWith", Ref(f"{urn}#firm")),
        ],
    )  # fmt: skip
    for number in steps.guideline_versions:
        yield Node(
            f"{urn}#guideline-{number}",
            ("prov:Entity", "prov:Plan"),
            _title(f"标注规范 v{number}", f"Guideline v{number}"),
        )


def _above(told: Told, facts: Facts) -> Iterator[Node]:
    """What upper domains did with the version, one entity and one activity each."""
    for step in facts.steps:
        deed, thing = Ref(f"{told.urn}#{step.key}-deed"), Ref(f"{told.urn}#{step.key}")
        by: list[tuple[str, Literal | Ref]] = []
        if step.agent:
            agent = Ref(f"{told.urn}#{step.key}-agent")
            by = [("prov:wasAssociatedWith", agent)]
            yield Node(agent.id, ("prov:Agent",), [("foaf:name", Literal(step.agent))])
        yield Node(
            deed.id,
            ("prov:Activity",),
            [
                *_title(step.title, step.title_en),
                *_at("prov:endedAtTime", step.at),
                ("prov:used", Ref(told.urn)),
                *by,
            ],
        )
        number: list[tuple[str, Literal | Ref]] = (
            [("dcterms:identifier", Literal(step.number))] if step.number else []
        )
        yield Node(
            thing.id,
            ("prov:Entity",),
            [*_title(step.title, step.title_en), *number, ("prov:wasGeneratedBy", deed), ("prov:wasDerivedFrom", Ref(told.urn))],
        )  # fmt: skip


def _batch_title(batch: BatchFact) -> tuple[str, str]:
    chinese, english = f"原始数据第 {batch.ordinal} 批", f"Raw data, batch {batch.ordinal}"
    if not batch.item_count:
        return chinese, english
    return f"{chinese}，{batch.item_count} 条", f"{english}, {batch.item_count} items"


def nodes(told: Told, facts: Facts = NO_FACTS) -> Iterator[Node]:
    """The whole chain, from the raw batches to what became of the version."""
    urn = told.urn
    for batch in told.batches:
        yield Node(
            f"{urn}#batch-{batch.ordinal}",
            ("prov:Entity", "prov:Collection"),
            [
                *_title(*_batch_title(batch)),
                ("dcterms:source", Literal(batch.source)), ("dcterms:rights", Literal(batch.licence)),
                *_at("prov:generatedAtTime", batch.imported_at), ("prov:wasAttributedTo", Ref(f"{urn}#firm")),
            ],
        )  # fmt: skip
    yield from _people(told)
    yield from _work(told)
    informed: list[tuple[str, Literal | Ref]] = (
        [("prov:used", Ref(f"{urn}#labels")), ("prov:wasInformedBy", Ref(f"{urn}#review"))]
        if told.steps.annotators
        else []
    )
    batches = [Ref(f"{urn}#batch-{batch.ordinal}") for batch in told.batches]
    yield Node(
        f"{urn}#sealing",
        ("prov:Activity",),
        [
            *_title("封版", "Sealing"), *_at("prov:endedAtTime", told.sealed_at), *informed,
            *(("prov:used", batch) for batch in batches), ("prov:wasAssociatedWith", Ref(f"{urn}#firm")),
        ],
    )  # fmt: skip
    yield Node(
        urn,
        ("prov:Entity",),
        [
            *_title(f"{told.name} v{told.version}", f"{told.name_en} v{told.version}" if told.name_en else ""),
            ("dcterms:identifier", Literal(f"{told.number}-v{told.version}")),
            ("spdx:checksumValue", Literal(told.root_hash, datatype="xsd:hexBinary")),
            *_at("prov:generatedAtTime", told.sealed_at), ("prov:wasGeneratedBy", Ref(f"{urn}#sealing")),
            *(("prov:wasDerivedFrom", batch) for batch in batches), ("prov:wasAttributedTo", Ref(f"{urn}#firm")),
        ],
    )  # fmt: skip
    yield from _above(told, facts)


# --- JSON-LD and Turtle -------------------------------------------------------------------------


def _plain(value: Literal | Ref) -> Any:
    if isinstance(value, Ref):
        return {"@id": value.id}
    if value.language:
        return {"@value": value.value, "@language": value.language}
    return {"@value": value.value, "@type": value.datatype} if value.datatype else value.value


def json_document(told: Told, facts: Facts = NO_FACTS) -> dict[str, Any]:
    """The chain as JSON-LD."""
    graph = []
    for node in nodes(told, facts):
        found: dict[str, Any] = {"@id": node.id, "@type": list(node.types)}
        for name, value in node.said:
            found.setdefault(name, []).append(_plain(value))
        graph.append(found)
    return {"@context": PREFIXES, "@graph": graph}


def _term(value: Literal | Ref) -> str:
    if isinstance(value, Ref):
        return f"<{value.id}>"
    quoted = json.dumps(value.value, ensure_ascii=False)
    return quoted + (
        f"@{value.language}" if value.language else f"^^{value.datatype}" if value.datatype else ""
    )


def turtle(told: Told, facts: Facts = NO_FACTS) -> bytes:
    """The chain as Turtle."""
    lines = [f"@prefix {name}: <{address}> ." for name, address in PREFIXES.items()]
    for node in nodes(told, facts):
        said = [
            f"    a {', '.join(node.types)}",
            *(f"    {name} {_term(value)}" for name, value in node.said),
        ]
        lines += ["", f"<{node.id}>", " ;\n".join(said) + " ."]
    return ("\n".join(lines) + "\n").encode()


def render(told: Told, facts: Facts = NO_FACTS) -> bytes:
    """The chain as JSON-LD bytes."""
    return pretty(json_document(told, facts))
