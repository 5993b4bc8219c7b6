"""Models that label beforehand: set up, learn from accepted work, propose, and say what they are unsure of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.intake.events import ItemsRanked
from annotation.intake.learning import MOST_EXAMPLES, NotEnoughToLearn, TextClassifier, learnt
from annotation.intake.models import Predictor, PredictorVersion, Proposal
from annotation.intake.outside import OutsideUnreachable, checked_address
from annotation.intake.permissions import CONNECT
from annotation.intake.predicting import (
    TASKS_AT_ONCE,
    Backend,
    BuiltIn,
    MlBackend,
    Predicted,
    Task,
    choice_of,
    label_in,
    labelling,
)
from annotation.intake.rules import fields_in
from annotation.intake.sealing import opened, sealed
from annotation.intake.selectors import PREDICT_JOB, active_predictors, inside
from annotation.intake.services.checking import Watcher
from annotation.intake.services.locking import locked_predictor
from annotation.intake.states import PREDICTOR, PredictorKind, PredictorState, ProposalSource
from annotation.labelstudio.rules import LabelingConfig, digest_of, validate_result
from annotation.projects.models import Item, Project
from annotation.projects.permissions import RUN
from annotation.projects.rules import config_for, is_storable
from annotation.projects.selectors import may_run
from audit.services import record
from documents import objects
from jobs import services as jobs
from jobs.models import Job
from jobs.states import JobState
from kernel.errors import InvalidInput, NotAllowed, Refusal
from kernel.events import announce
from organizations.permissions import Actor

NAME_LIMIT, TOKEN_LIMIT = 60, 400
TEST_SHARE = 5
"""One accepted text in so many is kept back to see how well a model does."""
INCOMPLETE = "required_missing"


class NotClassifiable(Refusal):
    """The built-in model answers a single choice about a text."""

    code = "predictor_needs_choice"
    message = gettext_lazy(
        "内置模型只能用于“一段文本、一个单选”的配置。请改用 Label Studio ML 后端，或调整标注配置。"
    )
    status = 422


class TooLittleAccepted(Refusal):
    """A model learns from accepted work; there is not enough yet."""

    code = "predictor_too_little"
    message = gettext_lazy("通过质检的结果还不够训练：至少 10 条，且不止一种标签。完成更多任务后再试。")


class AlreadyRunning(Refusal):
    """One run at a time."""

    code = "predictor_running"
    message = gettext_lazy("这个模型正在运行，请等它完成。")


def _require_lead(by: Actor, project: Project) -> None:
    by.require(RUN)
    if not may_run(by, project):
        raise NotAllowed(permission=RUN.label, organization=str(by.organization or "—"))


def add_predictor(
    *,
    by: Actor,
    at: datetime,
    project_id: UUID,
    kind: str,
    name: str,
    address: str = "",
    token: str = "",
    is_ordering: bool = True,
) -> Predictor:
    """Set up a model for a project; a server is asked for its health and told the config first.

    Raises NotClassifiable, AddressRefused, OutsideUnreachable, InvalidInput.
    """
    project = inside(by, project_id)
    _require_lead(by, project)
    cleaned = " ".join(name.split())
    if not 1 <= len(cleaned) <= NAME_LIMIT or not is_storable(cleaned):
        raise InvalidInput(field="name", reason=_("请填写，最多 %(limit)s 个字。") % {"limit": NAME_LIMIT})
    version = ""
    if kind == PredictorKind.BUILT_IN:
        if choice_of(config_for(project.modality, project.labeling_config)) is None:
            raise NotClassifiable(field="kind")
        address = token = ""
    elif kind == PredictorKind.HTTP:
        by.require(CONNECT)
        if len(token) > TOKEN_LIMIT or not is_storable(token):
            raise InvalidInput(field="token", reason=_("最多 %(limit)s 个字。") % {"limit": TOKEN_LIMIT})
        address = checked_address(address, settings.INTAKE_MODEL_HOSTS, field="address")
        backend = MlBackend(address, token.strip(), _uid(project), project.labeling_config)
        if not backend.health():
            raise OutsideUnreachable(field="address", address=address, reason="/health")
        backend.set_up()
        version = backend.version
    else:
        raise InvalidInput(field="kind", reason=_("请选择模型的种类。"))
    return _kept(by, at, project, kind, cleaned, (address, token.strip(), version), is_ordering=is_ordering)


@transaction.atomic
def _kept(
    by: Actor,
    at: datetime,
    project: Project,
    kind: str,
    name: str,
    told: tuple[str, str, str],
    *,
    is_ordering: bool,
) -> Predictor:
    if project.predictors.filter(name=name, state=PredictorState.ACTIVE).exists():
        raise InvalidInput(field="name", reason=_("项目已有同名的模型，请换一个名称。"))
    address, token, version = told
    predictor = Predictor.objects.create(
        project=project,
        kind=kind,
        name=name,
        address=address,
        sealed_token=sealed(token) if token else "",
        is_ordering=is_ordering,
        version=version,
        created_by=by.user,
        created_at=at,
    )
    detail = {"project": project.pk, "kind": kind, "name": name, "address": address}
    record(by=by, at=at, action="predictors.add", subject=predictor, detail=detail)
    return predictor


def _uid(project: Project) -> str:
    return f"{project.pk}.{int(project.created_at.timestamp())}"


@transaction.atomic
def start_run(*, by: Actor, at: datetime, predictor_id: UUID) -> Predictor:
    """Queue a run: the model learns from what was accepted since, then proposes for every item that waits."""
    predictor = locked_predictor(predictor_id)
    inside(by, predictor.project_id)
    _require_lead(by, predictor.project)
    PREDICTOR.check(predictor, "end")
    if predictor.job is not None and predictor.job.state in (JobState.QUEUED, JobState.RUNNING):
        raise AlreadyRunning
    _queue(by, at, predictor)
    record(by=by, at=at, action="predictors.run", subject=predictor)
    return predictor


def _queue(by: Actor, at: datetime, predictor: Predictor) -> Job:
    title = _("预标注：%(project)s") % {"project": predictor.project.title}
    job = jobs.queue(by=by, at=at, kind=PREDICT_JOB, title=title, arguments={"predictor": str(predictor.pk)})
    predictor.job = job
    predictor.save(update_fields=["job"])
    return job


@transaction.atomic
def set_active(*, by: Actor, at: datetime, predictor_id: UUID, is_active: bool) -> Predictor:
    """Take a model out of use, or into use again."""
    predictor = locked_predictor(predictor_id)
    inside(by, predictor.project_id)
    _require_lead(by, predictor.project)
    name = predictor.project.predictors.filter(name=predictor.name, state=PredictorState.ACTIVE)
    if is_active and name.exclude(pk=predictor_id).exists():
        raise InvalidInput(field="name", reason=_("项目已有同名的模型，请换一个名称。"))
    move = "resume" if is_active else "end"
    PREDICTOR.move(predictor, move, by=by, at=at)
    record(by=by, at=at, action=f"predictors.{move}", subject=predictor)
    return predictor


def retrain_due(*, at: datetime) -> int:
    """Queue a run of every built-in model for whose project enough more was accepted; how many."""
    count = 0
    for found in active_predictors().filter(kind=PredictorKind.BUILT_IN):
        accepted = labelling().accepted_count(found.project_id)
        if accepted < found.trained_count + settings.INTAKE_RETRAIN_EVERY:
            continue
        with transaction.atomic():
            predictor = locked_predictor(found.pk)
            if predictor.job is not None and predictor.job.state in (JobState.QUEUED, JobState.RUNNING):
                continue
            by = Actor(organization=predictor.project.firm, name="intake", is_system=True)
            _queue(by, at, predictor)
            count += 1
    return count


# --- a run ------------------------------------------------------------------------------------------


def predict(*, at: datetime, predictor_id: UUID, progress: Watcher) -> dict[str, Any]:
    """Learn, then propose for the items that wait and have nothing of this version yet, a step at a time.

    Raises TooLittleAccepted, OutsideUnreachable. Answers that the config does not allow are counted, not kept.
    """
    predictor = Predictor.objects.select_related("project").get(pk=predictor_id)
    project = predictor.project
    config = config_for(project.modality, project.labeling_config)
    backend = (
        _built_in(predictor, config, at) if predictor.kind == PredictorKind.BUILT_IN else _server(predictor)
    )
    waiting = list(labelling().waiting(project.pk))
    progress.start(len(waiting))
    kept, refused, reasons = 0, 0, set[str]()
    stream = iter(waiting)
    while chunk := list(islice(stream, TASKS_AT_ONCE)):
        told = _propose(predictor, backend, config, chunk, at)
        kept, refused = kept + told.kept, refused + told.refused
        reasons |= set(told.reasons)
        progress.advance(len(chunk))
    _note_version(predictor, backend, at)
    return {
        "version": backend.version,
        "proposals": kept,
        "refused": refused,
        "reasons": sorted(reasons)[:5],
        "url": reverse("projects:predictors", args=[project.pk]),
    }


def _server(predictor: Predictor) -> Backend:
    token = opened(predictor.sealed_token) if predictor.sealed_token else ""
    project = predictor.project
    backend = MlBackend(predictor.address, token, _uid(project), project.labeling_config)
    backend.set_up()
    return backend


def _built_in(predictor: Predictor, config: LabelingConfig, at: datetime) -> Backend:
    """The classifier of everything accepted so far; the last one when nothing was added."""
    control = choice_of(config)
    if control is None:
        raise NotClassifiable
    texts, labels = [], []
    for example in labelling().accepted(predictor.project_id, MOST_EXAMPLES):
        label = label_in(example.result, control)
        if label is not None and example.text:
            texts.append(example.text)
            labels.append(label)
    version = f"v{labelling().accepted_count(predictor.project_id)}-{_digest(texts, labels)}"
    former = predictor.versions.filter(version=version).first()
    if former is not None:
        classifier = TextClassifier.from_bytes(objects.get(former.object_key))
    else:
        classifier = _learn(predictor, texts, labels, version, at)
    return BuiltIn(classifier, control, config.objects[0].field, version)


def _digest(texts: Sequence[str], labels: Sequence[str]) -> str:
    told = hashlib.sha256()
    for text, label in zip(texts, labels, strict=True):
        told.update(f"{label}\x00{text}\x00".encode())
    return told.hexdigest()[:8]


def _learn(
    predictor: Predictor, texts: Sequence[str], labels: Sequence[str], version: str, at: datetime
) -> TextClassifier:
    try:
        classifier = learnt(texts, labels)
    except NotEnoughToLearn as little:
        raise TooLittleAccepted from little
    tested, right = _tested(texts, labels)
    stored = objects.put(f"models/{predictor.pk}", classifier.to_bytes(), "application/octet-stream")
    with transaction.atomic():
        locked = locked_predictor(predictor.pk)
        PredictorVersion.objects.create(
            predictor=locked,
            version=version,
            trained_count=len(texts),
            tested_count=tested,
            right_count=right,
            object_key=stored.key,
            made_at=at,
        )
        locked.version, locked.trained_count = version, labelling().accepted_count(predictor.project_id)
        locked.save(update_fields=["version", "trained_count"])
        by = Actor.system("intake")
        detail = {"version": version, "texts": len(texts), "tested": tested, "right": right}
        record(by=by, at=at, action="predictors.learn", subject=locked, detail=detail)
    return classifier


def _tested(texts: Sequence[str], labels: Sequence[str]) -> tuple[int, int]:
    """How many texts that a model had not seen it labels as people did; the same texts are kept back every time."""
    is_kept_back = [hashlib.sha256(text.encode()).digest()[0] % TEST_SHARE == 0 for text in texts]
    rest = [n for n, kept_back in enumerate(is_kept_back) if not kept_back]
    held = [n for n, kept_back in enumerate(is_kept_back) if kept_back]
    try:
        classifier = learnt([texts[n] for n in rest], [labels[n] for n in rest])
    except NotEnoughToLearn:
        return 0, 0
    guesses = classifier.guesses([texts[n] for n in held])
    return len(held), sum(guess.label == labels[n] for guess, n in zip(guesses, held, strict=True))


@dataclass(frozen=True, slots=True)
class _Step:
    kept: int
    refused: int
    reasons: tuple[str, ...] = ()


def _propose(
    predictor: Predictor, backend: Backend, config: LabelingConfig, item_ids: Sequence[UUID], at: datetime
) -> _Step:
    """Ask about some items, keep what answers the config, and say what is unsure; in one transaction."""
    mine = Proposal.objects.filter(predictor=predictor, item__in=item_ids)
    done = set(mine.filter(model_version=backend.version).values_list("item_id", flat=True))
    items = [item for item in Item.objects.filter(pk__in=item_ids).order_by("ordinal") if item.pk not in done]
    if not items:
        return _Step(0, 0)
    tasks = [Task(item.pk, _fields(item, config)) for item in items]
    answers = list(zip(items, tasks, backend.predict(tasks), strict=True))
    rows: list[Proposal] = []
    reasons: list[str] = []
    for item, task, answer in answers:
        if answer is None:
            continue
        problems = _problems(config, item, task, answer)
        if problems:
            reasons.append(problems[0])
        else:
            rows.append(_row(predictor, backend.version, item, answer, at))
    with transaction.atomic():
        Proposal.objects.bulk_create(rows, ignore_conflicts=True)
        ranks = tuple(_ranks(rows))
        if predictor.is_ordering and ranks:
            announce(ItemsRanked(at=at, project_id=predictor.project_id, ranks=ranks))
    return _Step(len(rows), len(reasons), tuple(reasons))


def _ranks(rows: Sequence[Proposal]) -> Iterator[tuple[UUID, int]]:
    for row in rows:
        if row.score is not None:
            yield row.item_id, round((1 - row.score) * 1_000)


def _fields(item: Item, config: LabelingConfig) -> dict[str, str]:
    shown = config.objects[0]
    if shown.kind == "text":
        return fields_in(item.text, item.media_type, shown.field)
    return {
        shown.field: objects.signed_link(item.object_key, file_name=item.name, media_type=item.media_type)
    }


def _problems(config: LabelingConfig, item: Item, task: Task, answer: Predicted) -> list[str]:
    """Why an answer cannot be a starting point; one that leaves a question open can."""
    size = (item.width, item.height) if item.width and item.height else None
    found = validate_result(config, task.fields, answer.result, size)
    return [problem.told for problem in found if problem.code != INCOMPLETE]


def _row(predictor: Predictor, version: str, item: Item, answer: Predicted, at: datetime) -> Proposal:
    return Proposal(
        item=item,
        source=ProposalSource.MODEL,
        model_version=version,
        result=answer.result,
        result_sha256=digest_of(answer.result),
        score=answer.score,
        predictor=predictor,
        made_at=at,
    )


@transaction.atomic
def _note_version(predictor: Predictor, backend: Backend, at: datetime) -> None:
    """The version of a server's predictions, once."""
    locked = locked_predictor(predictor.pk)
    if locked.version != backend.version:
        locked.version = backend.version
        locked.save(update_fields=["version"])
    if locked.kind == PredictorKind.HTTP and backend.version:
        PredictorVersion.objects.get_or_create(
            predictor=locked, version=backend.version, defaults={"made_at": at}
        )
