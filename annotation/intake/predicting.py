"""Models as this product asks them: health, version, predictions. One built in, one over HTTP in Label Studio's shapes.

What `annotation.work` knows (accepted results, items that wait) is told by the functions given to `use`, because
that app stands above this one; `config/wiring.py` gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from annotation.intake.learning import TextClassifier
from annotation.intake.outside import OutsideUnreachable, asked
from annotation.labelstudio.importing.found import region
from annotation.labelstudio.kinds import CHOICES, Control
from annotation.labelstudio.rules import LabelingConfig

TASKS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Example:
    """An accepted result with the text it is about."""

    item_id: UUID
    text: str
    result: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Labelling:
    """What is known of a project's tasks: accepted results (the newest first), how many, items that wait for a person."""

    accepted: Callable[[UUID, int], Iterable[Example]]
    accepted_count: Callable[[UUID], int]
    waiting: Callable[[UUID], Iterable[UUID]]


_labelling: list[Labelling] = []


def use(source: Labelling) -> None:
    """Take what is known of tasks from here; called once by `config/wiring.py`."""
    _labelling[:] = [source]


def labelling() -> Labelling:
    """What was given to `use`."""
    assert _labelling, "config/wiring.py gives the source"
    return _labelling[0]


@dataclass(frozen=True, slots=True)
class Task:
    """One item as a model is asked about it: the fields that the config shows."""

    item_id: UUID
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Predicted:
    """A model's result of one task, and how sure it is (0 to 1; None: it does not say)."""

    result: list[dict[str, Any]]
    score: float | None


class Backend(Protocol):
    """A model that labels items beforehand."""

    @property
    def version(self) -> str:
        """Names what the predictions come from; changes when the model does."""

    def health(self) -> bool:
        """Whether it can be asked now."""

    def predict(self, tasks: Sequence[Task]) -> list[Predicted | None]:
        """An answer for each task, in order; None where it has none."""


def choice_of(config: LabelingConfig) -> Control | None:
    """The question that the built-in model answers: a single choice about one text."""
    if len(config.objects) != 1 or config.objects[0].kind != "text":
        return None
    single = (each for each in config.controls if each.kind == CHOICES and not each.is_multiple)
    return next((each for each in single if not each.is_per_region), None)


def label_in(result: Sequence[Mapping[str, Any]], control: Control) -> str | None:
    """What a result answers to that question."""
    for each in result:
        if each.get("from_name") == control.name:
            given = (each.get("value") or {}).get(CHOICES) or []
            return str(given[0]) if given else None
    return None


@dataclass(frozen=True)
class BuiltIn:
    """The product's own classifier, trained on accepted work."""

    classifier: TextClassifier
    control: Control
    field: str
    version: str

    def health(self) -> bool:
        return True

    def predict(self, tasks: Sequence[Task]) -> list[Predicted | None]:
        guesses = self.classifier.guesses([task.fields[self.field] for task in tasks])
        return [
            Predicted([region(self.control, 1, {CHOICES: [guess.label]})], round(guess.score, 6))
            for guess in guesses
        ]


@dataclass
class MlBackend:
    """A server that speaks the shapes of Label Studio's ML backends: /health, /setup, /predict."""

    address: str
    token: str
    project: str
    config: str
    version: str = ""
    _numbers: dict[int, UUID] = field(default_factory=dict)

    def health(self) -> bool:
        try:
            told = asked(self.address, "/health", self.token)
        except OutsideUnreachable:
            return False
        return isinstance(told, Mapping) and told.get("status") == "UP"

    def set_up(self) -> None:
        """Tell the model the project's config; its version becomes ours. Raises OutsideUnreachable."""
        body = {
            "project": self.project, "schema": self.config, "hostname": "", "access_token": "",
            "extra_params": "",
        }  # fmt: skip
        told = asked(self.address, "/setup", self.token, body)
        version = told.get("model_version") if isinstance(told, Mapping) else None
        self.version = str(version or "")[:100]

    def predict(self, tasks: Sequence[Task]) -> list[Predicted | None]:
        body = {
            "tasks": [{"id": number, "data": dict(task.fields)} for number, task in enumerate(tasks, 1)],
            "model_version": self.version,
            "project": self.project,
            "label_config": self.config,
            "params": {"login": None, "password": None, "context": None},
        }
        told = asked(self.address, "/predict", self.token, body)
        results = told.get("results") if isinstance(told, Mapping) else None
        if not isinstance(results, list) or len(results) != len(tasks):
            raise OutsideUnreachable(field="address", address=self.address, reason="results")
        if not self.version and isinstance(told.get("model_version"), str):
            self.version = told["model_version"][:100]
        return [_predicted(each) for each in results]


def _predicted(told: Any) -> Predicted | None:
    """One entry of `results`: a prediction, or a list whose first counts."""
    if isinstance(told, list):
        told = told[0] if told else None
    if not isinstance(told, Mapping) or not isinstance(told.get("result"), list) or not told["result"]:
        return None
    score = told.get("score")
    is_share = isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= 1
    return Predicted(list(told["result"]), float(score) if is_share and score is not None else None)
