"""The documents, judged by the field's own readers."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import urllib.request
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import rdflib
from rdflib.compare import isomorphic

from assets.datasets.models import DatasetVersion
from assets.exports import selectors, services
from assets.exports.metadata import croissant, dcat, documents, frictionless, provenance
from assets.exports.metadata.told import Column, Facts, FileFact, FileGroup, Step, Table
from documents import objects
from tests import cast
from tests.assets.conftest import LABELS, TEXTS, sealed_version
from tests.assets.exports import scenes
from tests.cast import NOON

pytestmark = [
    pytest.mark.django_db,
    # the official readers' own calls of rdflib
    pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib.*"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:mlcroissant.*"),
]

ABOVE = Facts(
    certificate_number="QY-0001",
    certificate_url="https://data.example/verify/QY-0001/",
    licence="仅限内部训练使用",
    page="https://data.example/catalogue/1/",
    publisher="清远服务基地（示例）",
    keywords=("旅游",),
    use_cases=("训练情感识别模型",),
    steps=(
        Step("certificate-1", "资产登记", "Registration", NOON, "QY-0001", "清远服务基地（示例）"),
        Step("sale-1", "成交", "Sale", NOON + timedelta(days=1), "DD-0001"),
    ),
)


def unpacked(version: DatasetVersion, folder: Path) -> Path:
    """The whole-folder export of a version, as a buyer has it after unpacking."""
    export = services.produce(version_id=version.pk, format="folder", at=NOON, advance=lambda _count: None)
    with zipfile.ZipFile(io.BytesIO(objects.get(export.object_key))) as archive:
        archive.extractall(folder)
    return folder


def loaded(folder: Path) -> Any:
    """The folder's Croissant document as the official library reads it."""
    import mlcroissant

    return mlcroissant.Dataset(jsonld=folder / croissant.FILE_NAME)


def plain(value: Any) -> Any:
    """Records with text instead of bytes."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {name.rpartition("/")[2]: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


# --- Croissant ----------------------------------------------------------------------------------


def test_mlcroissant_finds_no_fault_and_loads_the_rows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = unpacked(sealed_version(), tmp_path)
    with caplog.at_level(logging.WARNING):
        dataset = loaded(folder)
    assert not dataset.metadata.ctx.issues.errors
    assert not dataset.metadata.ctx.issues.warnings
    assert caplog.text == ""
    assert dataset.metadata.ctx.is_v1_1()
    found = [plain(record) for record in dataset.records("rows")]
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_bytes().splitlines()]
    assert [row["text"] for row in found] == list(TEXTS)
    assert [row["labels"] for row in found] == [[label] for label in LABELS]
    for name in (
        "id",
        "item",
        "item_name",
        "item_sha256",
        "text",
        "labels",
        "guideline_version",
        "annotator",
    ):
        assert [row[name] for row in found] == [row[name] for row in rows], name
    assert [row["result"] for row in found] == [
        [{"type": "choices", "from_name": "mood", "to_name": "text", "choices": [label]}] for label in LABELS
    ]


def test_a_buyer_unpacks_what_was_handed_over_and_loads_it(
    tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    version, buyer = sealed_version(), cast.zhou()
    with django_capture_on_commit_callbacks(execute=True):
        services.queue_export(by=buyer, at=NOON, version=version, format="folder", back="/orders/")
    made = selectors.export_of(version.pk, "folder")
    assert made is not None
    with urllib.request.urlopen(services.link_to(by=buyer, at=NOON, export=made)) as answer:
        zipfile.ZipFile(io.BytesIO(answer.read())).extractall(tmp_path)
    assert [plain(record["rows/labels"]) for record in loaded(tmp_path).records("rows")] == [
        [label] for label in LABELS
    ]


def test_boxes_load_through_croissant(tmp_path: Path) -> None:
    found = [plain(record) for record in loaded(unpacked(scenes.street(), tmp_path)).records("rows")]
    assert [row["annotator"] for row in found] == ["A001+A002", "A001"]
    assert found[0]["result"][:1] == [
        {
            "type": "rectanglelabels", "from_name": "box", "to_name": "image", "x": 10.0, "y": 20.0, "width": 30.0,
            "height": 40.0, "rotation": 90.0, "rectanglelabels": ["人"],
        }
    ]  # fmt: skip
    assert [len(row["result"]) for row in found] == [2, 0]


def test_croissant_names_every_file_with_its_hash_and_what_is_known_above(tmp_path: Path) -> None:
    version = sealed_version()
    told = croissant.document(selectors.told_of(version), ABOVE)
    assert told["conformsTo"][0] == "http://mlcommons.org/croissant/1.1"
    assert {each["@id"]: each["sha256"] for each in told["distribution"]} == dict(
        version.files.values_list("path", "sha256")
    )
    assert (told["datePublished"], told["version"], told["license"]) == (
        "2026-03-02",
        "1.0.0",
        ["仅限内部训练使用"],
    )
    assert told["identifier"] == [f"{version.dataset.number}-v1", "QY-0001"]
    assert told["rai:dataAnnotationProtocol"][0].startswith("标注规范 v1（项目 BZ")
    assert told["rai:annotationsPerItem"] == "1"
    assert told["rai:dataUseCases"] == ["训练情感识别模型"]
    assert "Mei" not in json.dumps(told)
    (tmp_path / "croissant.json").write_bytes(
        documents.write("croissant.json", selectors.told_of(version), ABOVE)
    )
    assert not loaded(tmp_path).metadata.ctx.issues.errors


def test_many_files_are_told_by_pattern_and_still_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "LISTED_FILES", 3)
    version = sealed_version()
    told = selectors.told_of(version)
    assert [file.path for file in told.files] == ["README.md", "annotations.leaves", "rows.jsonl"]
    assert told.groups == [FileGroup("items/*.txt", "text/plain", 4)]
    dataset = loaded(unpacked(version, tmp_path))
    assert not dataset.metadata.ctx.issues.errors
    assert len(list(dataset.records("rows"))) == 4


def test_tables_of_own_data_are_described_and_loaded(tmp_path: Path) -> None:
    from dataclasses import replace

    body = "编号,金额,城市\n1,2.5,清远\n2,3.5,英德\n".encode()
    (tmp_path / "数据").mkdir()
    (tmp_path / "数据/交易.csv").write_bytes(body)
    told = replace(
        selectors.told_of(sealed_version()),
        files=[FileFact("数据/交易.csv", len(body), hashlib.sha256(body).hexdigest(), "text/csv")],
        groups=[FileGroup("图片/**/*.png", "image/png", 3000)],
        tables=[
            Table("数据/交易.csv", "text/csv", [Column("编号", "integer"), Column("金额", "number"), Column("城市", "string")])
        ],
    )  # fmt: skip
    (tmp_path / "croissant.json").write_bytes(croissant.render(told))
    dataset = loaded(tmp_path)
    assert not dataset.metadata.ctx.issues.errors
    (name,) = [record_set.id for record_set in dataset.metadata.record_sets]
    assert [plain(record) for record in dataset.records(name)] == [
        {"编号": 1, "金额": 2.5, "城市": "清远"},
        {"编号": 2, "金额": 3.5, "城市": "英德"},
    ]


# --- DCAT, Frictionless, PROV-O -----------------------------------------------------------------

DCAT = rdflib.Namespace("http://www.w3.org/ns/dcat#")
PROV = rdflib.Namespace("http://www.w3.org/ns/prov#")
SPDX = rdflib.Namespace("http://spdx.org/rdf/terms#")
DCTERMS = rdflib.DCTERMS


def test_dcat_reads_as_rdf_with_checksums_of_every_file() -> None:
    version = sealed_version()
    graph = rdflib.Graph().parse(data=dcat.render(selectors.told_of(version), ABOVE), format="json-ld")
    dataset = rdflib.URIRef(f"urn:uuid:{version.pk}")
    assert (dataset, rdflib.RDF.type, DCAT.Dataset) in graph
    assert {str(value) for value in graph.objects(dataset, DCTERMS.title)} == {
        "酒店评论情感数据集",
        "Hotel reviews",
    }
    sums = {
        str(graph.value(each, DCTERMS.title)): str(
            graph.value(graph.value(each, SPDX.checksum), SPDX.checksumValue)
        )
        for each in graph.objects(dataset, DCAT.distribution)
        if graph.value(each, DCTERMS.identifier)
    }
    assert sums == dict(version.files.values_list("path", "sha256"))
    assert str(graph.value(dataset, DCTERMS.isReferencedBy)) == ABOVE.certificate_url


def test_a_hash_has_its_name_after_the_rfc() -> None:
    digest = hashlib.sha256(b"Hello World!").hexdigest()  # the example of RFC 6920, section 8.1
    assert dcat.hash_name(digest) == "ni:///sha-256;f4OxZX_x_FO5LcGBSKHWXfwtSx-j1ncoSt3SABJtkGk"


def test_frictionless_says_bytes_hash_and_fields() -> None:
    version = sealed_version()
    told = frictionless.document(selectors.told_of(version))
    assert told["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"
    resources = {each["path"]: each for each in told["resources"]}
    assert {path: (each["bytes"], each["hash"]) for path, each in resources.items()} == {
        file.path: (file.size, f"sha256:{file.sha256}") for file in version.files.all()
    }
    names = [each["name"] for each in told["resources"]]
    assert len(set(names)) == len(names)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-") for name in names)
    rows = resources["rows.jsonl"]
    assert (rows["type"], rows["format"], rows["encoding"]) == ("table", "jsonl", "utf-8")
    assert {field["name"]: field["type"] for field in rows["schema"]["fields"]} == {
        "id": "string", "item": "string", "item_name": "string", "item_sha256": "string", "text": "string",
        "labels": "array", "result": "array", "guideline_version": "integer", "annotator": "string",
    }  # fmt: skip
    assert told["licenses"] == [{"name": "LicenseRef-1", "title": "CC BY 4.0"}]


def test_the_chain_leads_from_the_sale_back_to_the_raw_batch() -> None:
    version = scenes.street()
    graph = rdflib.Graph().parse(data=provenance.turtle(selectors.told_of(version), ABOVE), format="turtle")
    urn = f"urn:uuid:{version.pk}"
    way = "prov:wasDerivedFrom|prov:wasGeneratedBy|prov:used|prov:wasAttributedTo|prov:wasAssociatedWith"
    found = graph.query(f"SELECT ?x WHERE {{ <{urn}#sale-1> ({way})+ ?x }}", initNs={"prov": PROV})
    reached = {str(row[0]).removeprefix(urn) for row in found}
    assert reached == {
        "", "#sale-1-deed", "#sealing", "#labels", "#annotation", "#batch-1", "#guideline-1", "#firm",
        "#annotator-A001", "#annotator-A002",
    }  # fmt: skip
    review = rdflib.URIRef(f"{urn}#review")
    assert (rdflib.URIRef(f"{urn}#sealing"), PROV.wasInformedBy, review) in graph
    assert str(graph.value(review, PROV.endedAtTime)) == "2026-03-02T04:00:00+00:00"


def test_both_forms_of_the_chain_say_the_same() -> None:
    told = selectors.told_of(sealed_version())
    turtle = rdflib.Graph().parse(data=provenance.turtle(told, ABOVE), format="turtle")
    json_ld = rdflib.Graph().parse(data=provenance.render(told, ABOVE), format="json-ld")
    assert len(turtle) > 40
    assert isomorphic(turtle, json_ld)


def test_no_document_names_a_person() -> None:
    told = selectors.told_of(sealed_version())
    for name in documents.DOCUMENTS:
        body = documents.write(name, told, ABOVE).decode()
        assert all(word not in body for word in ("Mei", "mei@", "Tao", str(cast.mei().user_id))), name
