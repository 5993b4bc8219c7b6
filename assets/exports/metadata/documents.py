"""The documents by file name, with their media types: one place for pages, API and archives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from assets.exports.metadata import croissant, dcat, frictionless, provenance
from assets.exports.metadata.told import NO_FACTS, Facts, Told

JSON_LD = "application/ld+json"


@dataclass(frozen=True, slots=True)
class Document:
    """One metadata document: its file name, title, what it is for, media type, and how it is written."""

    name: str
    title: str
    words: str | Promise
    media_type: str
    write: Callable[[Told, Facts], bytes]


DOCUMENTS: dict[str, Document] = {
    each.name: each
    for each in (
        Document(croissant.FILE_NAME, "Croissant 1.1", _("机器学习数据集的描述，mlcroissant 可直接载入"), JSON_LD, croissant.render),
        Document(dcat.FILE_NAME, "DCAT 3", _("数据目录之间交换"), JSON_LD, dcat.render),
        Document(frictionless.FILE_NAME, "Frictionless Data Package 2", _("文件、字段与校验值"), "application/json", frictionless.render),
        Document(provenance.JSON_NAME, "PROV-O (JSON-LD)", _("来源链，供机器核查"), JSON_LD, provenance.render),
        Document(provenance.TURTLE_NAME, "PROV-O (Turtle)", _("来源链，同样内容的 Turtle"), "text/turtle", provenance.turtle),
    )
}  # fmt: skip


def write(name: str, told: Told, facts: Facts = NO_FACTS) -> bytes:
    """The bytes of one document; KeyError for a name that is none."""
    return DOCUMENTS[name].write(told, facts)
