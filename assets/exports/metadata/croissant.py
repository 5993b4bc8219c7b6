"""Croissant 1.1 (https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html) with its RAI vocabulary.

Addresses are relative: lay the document beside the files of the version and load it from there. The context is the
one the specification gives, but plain texts are Chinese here. A region of the annotation becomes one member of the list `result`, with a sub-field
for each value its control can give.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from assets.datasets.rules import ROWS_PATH
from assets.exports.metadata.told import (
    NO_FACTS,
    PLATFORM,
    Column,
    Facts,
    Table,
    Told,
    moment,
    pretty,
)

CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
RAI_CONFORMS_TO = "http://mlcommons.org/croissant/RAI/1.0"
FILE_NAME = "croissant.json"

CONTEXT: dict[str, Any] = {
    "@language": "zh-Hans",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}

_TYPES = {
    "string": "sc:Text", "integer": "sc:Integer", "number": "sc:Float", "boolean": "sc:Boolean",
    "date": "sc:Date", "datetime": "sc:DateTime", "list": "sc:Text",
}  # fmt: skip
_TEXT, _NUMBER, _WHOLE = "sc:Text", "sc:Float", "sc:Integer"

# control → (value name, type, shape of the list it holds)
_VALUES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "rectanglelabels": (
        *((name, _NUMBER, "") for name in ("x", "y", "width", "height", "rotation")),
        ("rectanglelabels", _TEXT, "-1"),
    ),
    "polygonlabels": (("points", _NUMBER, "-1,2"), ("polygonlabels", _TEXT, "-1")),
    "labels": (("start", _WHOLE, ""), ("end", _WHOLE, ""), ("text", _TEXT, ""), ("labels", _TEXT, "-1")),
    "choices": (("choices", _TEXT, "-1"),),
    "textarea": (("text", _TEXT, "-1"),),
}


def _words(chinese: str, english: str) -> dict[str, str]:
    return {"zh-Hans": chinese, **({"en": english} if english else {})}


def _kept(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value not in ("", None, [], {}, ())}


def _distribution(told: Told) -> Iterator[dict[str, Any]]:
    tables = {table.path: table.media_type for table in told.tables}
    for file in told.files:
        yield {
            "@type": "cr:FileObject",
            "@id": file.path,
            "name": file.path,
            "contentUrl": file.path,
            "contentSize": f"{file.size} B",
            "encodingFormat": tables.get(file.path, file.media_type),
            "sha256": file.sha256,
        }
    for place, group in enumerate(told.groups, start=1):
        yield {
            "@type": "cr:FileSet",
            "@id": f"files-{place}",
            "name": f"files-{place}",
            "description": _words(
                f"{group.count} 个文件；逐个的 SHA-256 见清单（根哈希 {told.root_hash}）。",
                f"{group.count} files; the manifest with root hash {told.root_hash} holds the SHA-256 of each.",
            ),
            "encodingFormat": group.media_type,
            "includes": group.pattern,
        }


def _region(told: Told, parent: str, source: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The sub-fields of one region: its kind and names, and every value a control of this version gives."""
    values: dict[str, tuple[str, str]] = {}
    for control in told.controls:
        for name, kind, shape in _VALUES.get(control, ()):
            known = values.get(name)
            values[name] = (kind, shape or (known[1] if known else ""))
    found = [
        *((name, f"$.{name}", _TEXT, "") for name in ("type", "from_name", "to_name")),
        *((name, f"$.value.{name}", kind, shape) for name, (kind, shape) in values.items()),
    ]
    return [
        {
            "@type": "cr:Field",
            "@id": f"{parent}/{name}",
            "name": name,
            "dataType": kind,
            **({"isArray": True, "arrayShape": shape} if shape else {}),
            "source": {**source, "transform": {"jsonPath": path}},
        }
        for name, path, kind, shape in found
    ]


def _field(told: Told, table: Table, record_set: str, column: Column) -> dict[str, Any]:
    key = f"{record_set}/{column.name}"
    source = {"fileObject": {"@id": table.path}, "extract": {"column": column.name}}
    found: dict[str, Any] = {"@type": "cr:Field", "@id": key, "name": column.name}
    if column.words:
        found["description"] = _words(column.words, column.words_en)
    if column.kind == "object":
        return {**found, "isArray": True, "arrayShape": "-1", "subField": _region(told, key, source)}
    found["dataType"] = _TYPES[column.kind]
    if column.kind == "list":
        found |= {"isArray": True, "arrayShape": "-1"}
    return {**found, "source": source}


def _record_sets(told: Told) -> Iterator[dict[str, Any]]:
    for table in told.tables:
        name = "rows" if table.path == ROWS_PATH else re.sub(r"\W+", "-", table.path).strip("-")
        columns = [column for column in table.columns if column.kind != "object" or told.controls]
        found: dict[str, Any] = {"@type": "cr:RecordSet", "@id": name, "name": name}
        if table.path == ROWS_PATH and any(column.name == "id" for column in columns):
            found["key"] = {"@id": "rows/id"}
            found["description"] = _words("每行一个样本。", "One sample per row.")
        yield {**found, "field": [_field(told, table, name, column) for column in columns]}


def _rai(told: Told, facts: Facts) -> dict[str, Any]:
    steps = told.steps
    collected = [f"{batch.source}（{batch.licence}）" for batch in told.batches]
    timeframe = [moment(batch.imported_at) for batch in told.batches if batch.imported_at]
    guided = "、".join(f"v{number}" for number in steps.guideline_versions)
    is_annotated = bool(steps.annotators)
    return {
        "rai:dataCollection": "；".join(collected),
        "rai:dataCollectionTimeFrame": sorted({timeframe[0], timeframe[-1]}) if timeframe else [],
        "rai:dataAnnotationProtocol": (
            [f"标注规范 {guided or '--'}（项目 {steps.project_number}），逐条质检后验收。"]
            if is_annotated
            else []
        ),
        "rai:dataAnnotationPlatform": [PLATFORM] if is_annotated else [],
        "rai:annotationsPerItem": str(steps.most_per_item) if is_annotated else "",
        "rai:annotatorDemographics": (
            [f"{len(steps.annotators)} 名标注员，以代号记录，不含个人信息。"] if is_annotated else []
        ),
        "rai:dataUseCases": list(facts.use_cases),
        "rai:dataLimitations": list(facts.limitations),
    }


def _citation(told: Told) -> str:
    key = f"{told.number}-v{told.version}".lower()
    year = told.published_on[:4]
    name = told.name_en or told.name
    return (
        f"@dataset{{{key}, title={{{name}}}, author={{{told.firm}}}, year={{{year}}}, version={{{told.version}}},"
        f" note={{SHA-256 {told.root_hash}}}}}"
    )


def document(told: Told, facts: Facts = NO_FACTS) -> dict[str, Any]:
    """The JSON-LD document of a version."""
    licence = [each for each in (facts.licence_url or facts.licence,) if each] or told.licences
    identifiers = [
        f"{told.number}-v{told.version}",
        *([facts.certificate_number] if facts.certificate_number else []),
    ]
    return _kept(
        {
            "@context": CONTEXT,
            "@type": "sc:Dataset",
            "conformsTo": [CONFORMS_TO, RAI_CONFORMS_TO],
            "name": _words(told.name, told.name_en),
            "description": _words(told.description or told.name, told.name_en),
            "identifier": identifiers,
            "url": facts.page or told.urn,
            "version": f"{told.version}.0.0",
            "datePublished": told.published_on,
            "license": licence,
            "creator": {"@type": "sc:Organization", "name": told.firm, "identifier": told.firm_code},
            "publisher": {"@type": "sc:Organization", "name": facts.publisher or told.firm},
            "citeAs": _citation(told),
            "keywords": list(dict.fromkeys([told.modality, *facts.keywords, *told.labels[:20]])),
            "sameAs": facts.certificate_url,
            "distribution": list(_distribution(told)),
            "recordSet": list(_record_sets(told)),
            **_rai(told, facts),
        }
    )


def render(told: Told, facts: Facts = NO_FACTS) -> bytes:
    """The document as bytes."""
    return pretty(document(told, facts))
