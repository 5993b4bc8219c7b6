"""Pages of exports: the formats of a version, its metadata, its chain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from assets.datasets.models import DatasetVersion
from assets.datasets.permissions import MANAGE_DATASETS
from assets.datasets.selectors import version_for
from assets.datasets.states import VersionState
from assets.exports import selectors, services
from assets.exports.facts import facts_of
from assets.exports.formats import lossnotes
from assets.exports.formats.kinds import FORMATS, Format, Unfit
from assets.exports.formats.losses import LossReport
from assets.exports.metadata import documents
from assets.exports.metadata.told import Facts, Told
from assets.exports.models import Export
from gateway.api import actor
from jobs.pages import face
from kernel import clock
from kernel.errors import NotFound, Refusal
from kernel.wording import listed
from web.answers import redirect_once
from web.parts import Fact, LineageStep

PREVIEW = 3_000  # characters of a document shown on the page


def document_response(version: DatasetVersion, name: str) -> HttpResponse:
    """One metadata document as a download; NotFound for a name that is none or a version not sealed yet."""
    if name not in documents.DOCUMENTS or version.state == VersionState.BUILDING:
        raise NotFound
    body = documents.write(name, selectors.told_of(version), facts_of(version))
    response = HttpResponse(body, content_type=f"{documents.DOCUMENTS[name].media_type}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _lineage(version: DatasetVersion, told: Told, facts: Facts) -> list[LineageStep]:
    """The chain as it is drawn; the PROV-O documents say the same."""
    steps = told.steps
    items = sum(batch.item_count for batch in told.batches)
    found = []
    if told.batches:
        words = _("%(batches)s 批") % {"batches": len(told.batches)}
        if items:
            words = _("%(batches)s 批，%(items)s 条") % {"batches": len(told.batches), "items": f"{items:,}"}
        found.append(LineageStep(_("原始数据"), "database", (words, told.batches[0].source[:40])))
    if steps.annotators:
        guided = listed(f"v{number}" for number in steps.guideline_versions) or "--"
        people = _("%(people)s 名标注员") % {"people": len(steps.annotators)}
        found.append(
            LineageStep(_("标注"), "pencil-ruler", (people, _("规范 %(versions)s") % {"versions": guided}))
        )
        reviewers = _("%(people)s 名质检员") % {"people": steps.reviewer_count}
        found.append(LineageStep(_("质检验收"), "clipboard-check", (reviewers,)))
    sealed = _("第 %(version)s 版") % {"version": version.version}
    address = reverse("datasets:version", args=[version.dataset_id, version.version])
    found.append(LineageStep(_("封版"), "package-check", (sealed, f"{version.root_hash[:12]}…"), address))
    is_english = (get_language() or "").startswith("en")
    found += [
        LineageStep(step.title_en if is_english else step.title, step.icon, (step.number,), step.url)
        for step in facts.steps
    ]
    return found


SNIPPETS = (
    {
        "title": "mlcroissant",
        "text": (
            'import mlcroissant as mlc\n\ndataset = mlc.Dataset("croissant.json")\n'
            'for record in dataset.records("rows"):\n    print(record["rows/id"], record["rows/labels"])\n'
        ),
    },
    {
        "title": "pandas",
        "text": 'import pandas as pd\n\nrows = pd.read_json("rows.jsonl", lines=True, dtype=False)\n',
    },
    {
        "title": "DuckDB",
        "text": (
            "SELECT label, count(*)\nFROM (SELECT unnest(labels) AS label FROM 'rows.jsonl')\nGROUP BY label;\n"
        ),
    },
)
"""Lines to copy, for someone who has unpacked the whole folder of an annotated version."""


@dataclass(frozen=True, slots=True)
class FormatFace:
    """One row of the table of formats, with the addresses that make it and hand it out."""

    offer: selectors.Offer
    make_url: str
    download_url: str

    @property
    def kind(self) -> Format:
        return self.offer.kind

    @property
    def export(self) -> Export | None:
        return self.offer.export

    @property
    def unfit(self) -> Unfit | None:
        return self.offer.unfit

    @property
    def state(self) -> str:
        return self.offer.state

    @property
    def loss(self) -> str:
        """What the made export keeps, in one line; "" before it is made."""
        told = self.export.losses if self.export else None
        return lossnotes.summary(LossReport.of_json(told)) if told else ""


@dataclass(frozen=True, slots=True)
class LossFace:
    """What one format keeps, ready to be shown."""

    title: str
    report: LossReport

    @property
    def summary(self) -> str:
        return lossnotes.summary(self.report)

    @property
    def lines(self) -> list[lossnotes.Line]:
        return lossnotes.lines_of(self.report)

    @property
    def measured(self) -> str:
        counts = {"count": f"{self.report.row_count:,}", "all": f"{self.report.all_rows:,}"}
        return _("实测 %(count)s 条，共 %(all)s 条") % counts


def format_faces(
    offers: Iterable[selectors.Offer], subject_id: UUID, *, make: str, download: str
) -> list[FormatFace]:
    """The rows of `exports/formats.html`; `make` and `download` name routes that take the subject and a code."""
    return [
        FormatFace(
            offer,
            reverse(make, args=[subject_id, offer.kind.code]),
            reverse(download, args=[subject_id, offer.kind.code]),
        )
        for offer in offers
    ]


def _context(request: HttpRequest, version: DatasetVersion) -> dict[str, Any]:
    viewer = actor(request)
    told, facts = selectors.told_of(version), facts_of(version)
    may_make = viewer.can(MANAGE_DATASETS) and viewer.belongs_to(version.dataset.firm_id)
    offers = selectors.offers(viewer, version)
    previews = []
    for document in documents.DOCUMENTS.values():
        text = document.write(told, facts).decode()
        previews.append(
            {
                "document": document,
                "text": text[:PREVIEW],
                "is_cut": len(text) > PREVIEW,
                "size": len(text.encode()),
            }
        )
    return {
        "version": version,
        "dataset": version.dataset,
        "formats": format_faces(offers, version.pk, make="exports:make", download="exports:download"),
        "jobs": [face(offer.job) for offer in offers if offer.job and offer.state in ("making", "failed")],
        "may_make": may_make,
        "is_open": selectors.is_open(version),
        "lineage_steps": _lineage(version, told, facts),
        "previews": previews,
        "snippets": SNIPPETS if version.project_id else (),
        "facts": [
            Fact(_("样本数"), f"{version.row_count:,}"),
            Fact(_("文件数"), f"{version.file_count:,}"),
            Fact(_("根哈希"), f"{version.root_hash[:16]}…"),
        ],
        "meta": [version.dataset.number, f"v{version.version}", version.dataset.firm.display_name],
    }  # fmt: skip


@login_required
@require_safe
def version_exports(request: HttpRequest, version_id: UUID) -> HttpResponse:
    """The formats, metadata and chain of one version."""
    version = version_for(actor(request), version_id)
    if version.state == VersionState.BUILDING:
        raise NotFound
    return render(request, "exports/version.html", _context(request, version))


@login_required
@require_safe
def losses(request: HttpRequest, version_id: UUID) -> HttpResponse:
    """What each format keeps of a version, before one is chosen."""
    version = version_for(actor(request), version_id)
    if version.state == VersionState.BUILDING:
        raise NotFound
    found = selectors.losses_of(version)
    context = {
        "version": version,
        "dataset": version.dataset,
        "faces": [LossFace(str(FORMATS[code].title), report) for code, report in found.items()],
        "meta": [version.dataset.number, f"v{version.version}", version.dataset.firm.display_name],
    }
    return render(request, "exports/losses.html", context)


@login_required
@require_safe
def metadata(request: HttpRequest, version_id: UUID, name: str) -> HttpResponse:
    """One metadata document."""
    return document_response(version_for(actor(request), version_id), name)


@login_required
@require_POST
def make(request: HttpRequest, version_id: UUID, code: str) -> HttpResponse:
    """Have one export written; the page then shows how far it is."""
    viewer = actor(request)
    version = version_for(viewer, version_id)
    address = reverse("exports:version", args=[version.pk])

    def work() -> str:
        found = services.make(by=viewer, at=clock.now(), version_id=version.pk, format=code)
        if isinstance(found, Export):
            messages.info(request, _("这个格式已经生成，可以下载。"))
        return address

    try:
        return redirect_once(request, work)
    except (services.FormatUnfit, services.VersionNotOpen) as refusal:
        return _refused(request, refusal, address)


def _refused(request: HttpRequest, refusal: Refusal, address: str) -> HttpResponse:
    messages.error(request, str(refusal))
    return redirect(address)


@login_required
@require_POST
def download(request: HttpRequest, version_id: UUID, code: str) -> HttpResponse:
    """A recorded download of one export by a short-lived link."""
    viewer = actor(request)
    version = version_for(viewer, version_id)
    try:
        link = services.hand_out(by=viewer, at=clock.now(), version_id=version.pk, format=code)
    except services.NotMade as refusal:
        return _refused(request, refusal, reverse("exports:version", args=[version.pk]))
    return HttpResponseRedirect(link)
