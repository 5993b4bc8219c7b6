"""Frictionless data package, version 2 (https://datapackage.org/standard/data-package/)."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from assets.exports.metadata.told import NO_FACTS, Column, Facts, FileFact, Told, moment, pretty

FILE_NAME = "datapackage.json"
PACKAGE = "https://datapackage.org/profiles/2.0/datapackage.json"
RESOURCE = "https://datapackage.org/profiles/2.0/dataresource.json"
SCHEMA = "https://datapackage.org/profiles/2.0/tableschema.json"

_TYPES = {"list": "array", "object": "array"}  # a list of regions is an array of objects


def _field(column: Column) -> dict[str, Any]:
    kind = _TYPES.get(column.kind, column.kind)
    found: dict[str, Any] = {"name": column.name, "type": kind}
    if column.words:
        found["description"] = " / ".join(filter(None, [column.words, column.words_en]))
    return found


def _names(files: list[FileFact]) -> dict[str, str]:
    """A name of a-z, 0-9, `.`, `_`, `-` for every path, each once."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for place, file in enumerate(files, start=1):
        name = re.sub(r"[^a-z0-9._-]+", "-", file.path.lower()).strip("-.") or f"file-{place}"
        while name in taken:
            name = f"{name}-{place}"
        taken.add(name)
        found[file.path] = name
    return found


def _resource(told: Told, name: str, file: FileFact) -> dict[str, Any]:
    table = next((table for table in told.tables if table.path == file.path), None)
    found: dict[str, Any] = {
        "$schema": RESOURCE,
        "name": name,
        "path": file.path,
        "format": PurePosixPath(file.path).suffix[1:].lower(),
        "mediatype": file.media_type,
        "bytes": file.size,
        "hash": f"sha256:{file.sha256}",
    }
    if file.media_type.startswith("text/") or table is not None:
        found["encoding"] = "utf-8"
    if table is not None:
        found["type"] = "table"
        found["schema"] = {"$schema": SCHEMA, "fields": [_field(column) for column in table.columns]}
    return found


def _licences(told: Told, facts: Facts) -> list[dict[str, str]]:
    if facts.licence_url:
        return [{"path": facts.licence_url, "title": facts.licence or facts.licence_url}]
    words = [facts.licence] if facts.licence else told.licences
    return [{"name": f"LicenseRef-{place}", "title": title} for place, title in enumerate(words, start=1)]


def document(told: Told, facts: Facts = NO_FACTS) -> dict[str, Any]:
    """The descriptor of a version; addresses are relative to it."""
    names = _names(list(told.files))
    found: dict[str, Any] = {
        "$schema": PACKAGE,
        "name": f"{told.number}-v{told.version}".lower(),
        "id": told.urn,
        "title": told.name,
        "description": told.description or told.name,
        "version": f"{told.version}.0.0",
        "created": moment(told.sealed_at),
        "homepage": facts.page,
        "keywords": list(dict.fromkeys([told.modality, *facts.keywords, *told.labels[:20]])),
        "contributors": [{"title": told.firm, "roles": ["creator", "publisher"]}],
        "sources": [{"title": batch.source} for batch in told.batches],
        "licenses": _licences(told, facts),
        "resources": [_resource(told, names[file.path], file) for file in told.files],
    }
    return {name: value for name, value in found.items() if value not in ("", [])}


def render(told: Told, facts: Facts = NO_FACTS) -> bytes:
    """The descriptor as bytes."""
    return pretty(document(told, facts))
