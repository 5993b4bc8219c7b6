"""DCAT 3 (https://www.w3.org/TR/vocab-dcat-3/) as JSON-LD, with SPDX checksums.

A version is a `dcat:Dataset` in a series; each listed file a `dcat:Distribution`, named by its hash (RFC 6920), so
the same bytes have the same name everywhere.
"""

from __future__ import annotations

import base64
from typing import Any

from assets.exports.metadata.told import NO_FACTS, Facts, FileFact, Told, moment, pretty, texts

FILE_NAME = "dcat.jsonld"
_MEDIA_TYPES = "https://www.iana.org/assignments/media-types/"

CONTEXT: dict[str, Any] = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcterms": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "prov": "http://www.w3.org/ns/prov#",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def hash_name(sha256: str) -> str:
    """`ni:///sha-256;…` of a digest in hex."""
    told = base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode().rstrip("=")
    return f"ni:///sha-256;{told}"


def _checksum(sha256: str) -> dict[str, Any]:
    return {
        "@type": "spdx:Checksum",
        "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
        "spdx:checksumValue": {"@value": sha256, "@type": "xsd:hexBinary"},
    }


def _distribution(told: Told, file: FileFact) -> dict[str, Any]:
    return {
        "@id": f"{told.urn}#{file.path}",
        "@type": "dcat:Distribution",
        "dcterms:title": file.path,
        "dcterms:identifier": hash_name(file.sha256),
        "dcat:mediaType": {"@id": _MEDIA_TYPES + file.media_type},
        "dcat:byteSize": {"@value": str(file.size), "@type": "xsd:nonNegativeInteger"},
        "spdx:checksum": _checksum(file.sha256),
    }


def _whole(told: Told) -> dict[str, Any]:
    """All files of the version, known by its manifest."""
    return {
        "@id": f"{told.urn}#all",
        "@type": "dcat:Distribution",
        "dcterms:title": texts(f"全部 {told.file_count} 个文件", f"All {told.file_count} files"),
        "dcat:byteSize": {"@value": str(told.byte_count), "@type": "xsd:nonNegativeInteger"},
        "spdx:checksum": _checksum(told.root_hash),
    }


def document(told: Told, facts: Facts = NO_FACTS) -> dict[str, Any]:
    """The JSON-LD document of a version."""
    sealed = {"@value": moment(told.sealed_at), "@type": "xsd:dateTime"}
    firm = {"@type": "foaf:Organization", "foaf:name": told.firm, "dcterms:identifier": told.firm_code}
    publisher = {"@type": "foaf:Organization", "foaf:name": facts.publisher} if facts.publisher else firm
    licences: list[Any] = [{"@id": facts.licence_url}] if facts.licence_url else []
    rights = [facts.licence] if facts.licence else told.licences
    found: dict[str, Any] = {
        "@context": CONTEXT,
        "@id": told.urn,
        "@type": "dcat:Dataset",
        "dcterms:title": texts(told.name, told.name_en),
        "dcterms:description": texts(told.description or told.name, told.name_en),
        "dcterms:identifier": f"{told.number}-v{told.version}",
        "dcat:version": str(told.version),
        "dcat:inSeries": {
            "@id": f"urn:uuid:{told.dataset_id}",
            "@type": "dcat:DatasetSeries",
            "dcterms:title": texts(told.name, told.name_en),
            "dcterms:identifier": told.number,
        },
        "dcterms:issued": sealed,
        "dcterms:creator": firm,
        "dcterms:publisher": publisher,
        "dcterms:license": licences,
        "dcterms:rights": [
            {"@type": "dcterms:RightsStatement", "dcterms:description": words} for words in rights
        ],
        "dcterms:source": [batch.source for batch in told.batches],
        "dcat:keyword": list(dict.fromkeys([told.modality, *facts.keywords, *told.labels[:20]])),
        "dcat:landingPage": {"@id": facts.page} if facts.page else None,
        "dcterms:isReferencedBy": {"@id": facts.certificate_url} if facts.certificate_url else None,
        "dcat:distribution": [_whole(told), *(_distribution(told, file) for file in told.files)],
    }
    return {name: value for name, value in found.items() if value not in (None, [])}


def render(told: Told, facts: Facts = NO_FACTS) -> bytes:
    """The document as bytes."""
    return pretty(document(told, facts))
