"""Reading imports, stores, models and proposals, each time for one viewer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from annotation.intake.models import Intake, IntakeRow, Predictor, PredictorVersion, Proposal, Storage
from annotation.intake.outside import Bucket, Key
from annotation.intake.permissions import CONNECT
from annotation.intake.rules import Cost, fields_in, masked_item
from annotation.intake.sealing import opened
from annotation.intake.states import NearChoice, PersonalChoice, PredictorState, ProposalSource
from annotation.labelstudio.importing import LOSSES
from annotation.projects.models import Item, Project
from annotation.projects.rules import config_for
from annotation.projects.selectors import project_for, projects_visible_to, sees_inside, terms_of
from kernel.errors import NotFound
from kernel.money import Money
from organizations.permissions import Actor

PREDICT_JOB = "intake.predict"
PAIRS_SHOWN = 20
SHOWN_TEXT = 120


def inside(viewer: Actor, project_id: UUID) -> Project:
    """A project whose raw data the viewer may know: its firm, and auditors; NotFound otherwise."""
    project = project_for(viewer, project_id)
    if not sees_inside(viewer, project):
        raise NotFound
    return project


def intakes_visible_to(viewer: Actor) -> QuerySet[Intake]:
    """Imports into projects that the viewer sees from inside, the newest first."""
    rows = Intake.objects.select_related("project", "storage", "created_by", "decided_by", "job", "batch")
    if viewer.is_system:
        return rows
    projects = projects_visible_to(viewer)
    if "auditor" not in viewer.kinds:
        projects = projects.filter(firm=viewer.organization_id)
    return rows.filter(project__in=projects.values("pk")).order_by("-pk")


def intake_for(viewer: Actor, intake_id: UUID) -> Intake:
    """One import; NotFound when the viewer may not see it."""
    found = intakes_visible_to(viewer).filter(pk=intake_id).first()
    if found is None:
        raise NotFound
    return found


def intakes_of(project: Project) -> QuerySet[Intake]:
    """The imports of a project, the newest first, each with its `file_count`."""
    rows = project.intakes.select_related("created_by", "batch", "storage")
    return rows.annotate(file_count=Count("files")).order_by("-pk")


def storages_visible_to(viewer: Actor) -> QuerySet[Storage]:
    """The buckets that the viewer's firm has connected and not ended; secrets are never shown."""
    if not viewer.can(CONNECT):
        return Storage.objects.none()
    return Storage.objects.filter(firm=viewer.organization_id, ended_at=None).order_by("name")


def bucket_of(intake: Intake) -> Bucket:
    """The open bucket that an import reads from. Raises AddressRefused."""
    assert intake.storage is not None
    return bucket_in(intake.storage)


def bucket_in(storage: Storage) -> Bucket:
    """A firm's bucket, opened with its secret. Raises AddressRefused."""
    secret = opened(storage.sealed_secret)
    return Bucket(Key(storage.endpoint, storage.bucket, storage.region, storage.access_key, secret))


# --- what a dry run says ------------------------------------------------------------------------------


def copies_of(project: Project) -> int:
    """How many people label each item of the project."""
    return terms_of(project).overlap


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows that are nearly the same, shown masked."""

    percent: int
    one: str
    other: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would be imported under each choice, and what labelling it pays."""

    cost: Cost
    without_near: Cost


def chosen_rows(intake: Intake, near: str, personal: str) -> QuerySet[IntakeRow]:
    """The rows that become items under these choices, in their order."""
    rows = intake.rows.filter(is_repeat=False, known_item=None)
    if near == NearChoice.LEAVE_OUT:
        rows = rows.filter(alike=None)
    if personal == PersonalChoice.LEAVE_OUT:
        rows = rows.filter(personal={})
    return rows.order_by("ordinal")


def outlook_of(intake: Intake) -> Outlook:
    """What all new items cost, and what they cost without near-duplicates."""
    project = intake.project
    copies, price = copies_of(project), Money(project.task_price_fen)
    fresh, near = int(intake.found.get("fresh", 0)), int(intake.found.get("near", 0))
    return Outlook(Cost(fresh, copies, price), Cost(fresh - near, copies, price))


def pairs_of(intake: Intake) -> list[Pair]:
    """Some near-duplicates to look at, the least alike first."""
    field = config_for(intake.project.modality, intake.project.labeling_config).fields[0]
    rows = intake.rows.filter(alike__isnull=False).select_related("alike__item")
    return [
        Pair(row.alike_percent, _shown(row, field), _shown(row.alike, field) if row.alike else "")
        for row in rows.order_by("alike_percent", "ordinal")[:PAIRS_SHOWN]
    ]


def _shown(row: IntakeRow, field: str) -> str:
    text = row.text or (row.item.text if row.item_id and row.item else "")
    if not text:
        return str(row)
    masked = masked_item(text, row.media_type, field)
    return " / ".join(fields_in(masked, row.media_type, field).values())[:SHOWN_TEXT]


def losses_of(intake: Intake) -> list[tuple[str, int]]:
    """What the source had that the config cannot hold, in words, the most frequent first."""
    told: Mapping[str, int] = intake.found.get("losses", {})
    rows = [(str(LOSSES[code]), count) for code, count in told.items() if code in LOSSES]
    return sorted(rows, key=lambda row: -row[1])


# --- proposals --------------------------------------------------------------------------------------

_FIRST = (ProposalSource.LABELS, ProposalSource.MODEL, ProposalSource.PREDICTIONS)


def proposal_for(item: Item) -> Proposal | None:
    """The starting point of an item: labels that people made elsewhere, else the newest prediction; None without any."""
    rows = list(item.proposals.order_by("-made_at", "-pk")[:50])
    return min(rows, key=lambda row: _FIRST.index(ProposalSource(row.source)), default=None)


def proposals_of(item_ids: Iterable[UUID]) -> dict[UUID, Proposal]:
    """The starting points of several items by item, in one query."""
    found: dict[UUID, Proposal] = {}
    for row in Proposal.objects.filter(item__in=list(item_ids)).order_by("made_at", "pk"):
        former, own = found.get(row.item_id), _FIRST.index(ProposalSource(row.source))
        if former is None or own <= _FIRST.index(ProposalSource(former.source)):
            found[row.item_id] = row
    return found


# --- models -----------------------------------------------------------------------------------------


def predictors_of(project: Project) -> QuerySet[Predictor]:
    """The project's models, each with its `proposal_count`."""
    return project.predictors.select_related("job").annotate(proposal_count=Count("proposals")).order_by("pk")


def predictor_for(viewer: Actor, predictor_id: UUID) -> Predictor:
    """One model; NotFound when the viewer may not see its project from inside."""
    found = Predictor.objects.select_related("project").filter(pk=predictor_id).first()
    if found is None:
        raise NotFound
    inside(viewer, found.project_id)
    return found


def versions_of(project: Project) -> QuerySet[PredictorVersion]:
    """What the project's models learnt, the newest first."""
    rows = PredictorVersion.objects.filter(predictor__project=project).select_related("predictor")
    return rows.order_by("-made_at", "-pk")


def active_predictors() -> QuerySet[Predictor]:
    """Every model that is in use, for the beat."""
    return Predictor.objects.filter(Q(state=PredictorState.ACTIVE)).order_by("pk")


def proposals_in(project: Project) -> QuerySet[Proposal]:
    """Every starting point of a project's items."""
    return Proposal.objects.filter(item__project=project)
