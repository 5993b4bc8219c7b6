"""Models that label beforehand: learn from accepted work, propose, and let what they are unsure of come first."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from annotation.intake import services
from annotation.intake.learning import NotEnoughToLearn, TextClassifier, learnt
from annotation.intake.models import Predictor, PredictorVersion, Proposal
from annotation.intake.outside import AddressRefused, OutsideUnreachable
from annotation.intake.selectors import proposal_for, proposals_of
from annotation.projects.models import Item
from annotation.work import services as work
from annotation.work.models import Submission, Task
from jobs.models import Job
from kernel.errors import NotAllowed, NotFound
from tests.annotation import scenes
from tests.annotation.intake.imports import Counted
from tests.cast import NOON, he, mei, tao

pytestmark = pytest.mark.django_db

GOOD = [f"第{n}家店很好，{word}，下次还来" for n in range(6) for word in ("味道好", "服务热情", "价格公道")]
BAD = [f"第{n}家店太差，{word}，再也不来" for n in range(6) for word in ("味道差", "服务冷淡", "价格虚高")]


def labelled(
    count: int = 36, more: tuple[str, ...] = ("味道好，服务热情", "味道差，服务冷淡", "今天星期一")
) -> Any:
    """A project of which `count` texts are accepted as they deserve, and some wait."""
    known = [text for pair in zip(GOOD, BAD, strict=True) for text in pair][:count]
    project = scenes.opened([*known, *more])
    user = mei().user
    assert user is not None
    by_text = {task.item.text: task for task in Task.objects.filter(project=project).select_related("item")}
    tasks = work.assign_tasks(
        by=scenes.qin(), at=NOON, project_id=project.pk, annotator_id=user.pk, count=count
    )
    assert {task.pk for task in tasks} == {by_text[text].pk for text in known}
    for task in tasks:
        word = "正面" if "很好" in task.item.text else "负面"
        work.submit(by=mei(), at=NOON, task_id=task.pk, result=scenes.sentiment(word))
        work.review(by=tao(), at=NOON, task_id=task.pk, verdict="accept")
    return project


def built_in(project: Any) -> Predictor:
    return services.add_predictor(
        by=scenes.qin(), at=NOON, project_id=project.pk, kind="built_in", name="情感"
    )


def test_the_classifier_learns_and_is_the_same_again() -> None:
    texts, labels = GOOD + BAD, ["正面"] * len(GOOD) + ["负面"] * len(BAD)
    model = learnt(texts, labels)
    guesses = model.guesses(["这家店很好，味道好", "太差，味道差"])
    assert [guess.label for guess in guesses] == ["正面", "负面"]
    assert all(0.5 < guess.score < 1 for guess in guesses)
    again = TextClassifier.from_bytes(learnt(texts, labels).to_bytes())
    told = [(guess.label, round(guess.score, 4)) for guess in again.guesses(["味道"])]
    assert told == [(guess.label, round(guess.score, 4)) for guess in model.guesses(["味道"])]


@pytest.mark.parametrize("labels", [["正面"] * 36, ["正面", "负面"]])
def test_too_little_teaches_nothing(labels: list[str]) -> None:
    with pytest.raises(NotEnoughToLearn):
        learnt((GOOD + BAD)[: len(labels)], labels)


def test_accepted_work_becomes_starting_points_and_what_is_unsure_comes_first() -> None:
    project = labelled()
    predictor = built_in(project)
    told = services.predict(at=NOON, predictor_id=predictor.pk, progress=Counted())
    assert (told["proposals"], told["refused"]) == (3, 0)
    waiting = {item.text: item for item in Item.objects.filter(tasks__state="ready")}
    starts = proposals_of([item.pk for item in waiting.values()])
    words = {text: starts[item.pk].result[0]["value"]["choices"] for text, item in waiting.items()}
    assert (words["味道好，服务热情"], words["味道差，服务冷淡"]) == (["正面"], ["负面"])
    version = PredictorVersion.objects.get()
    assert (version.trained_count, version.right_count == version.tested_count) == (36, True)
    assert version.tested_count > 0
    first = work.claim_task(by=mei(), at=NOON, project_id=project.pk)
    assert first.item.text == "今天星期一"
    assert first.priority == max(Task.objects.values_list("priority", flat=True))
    assert Submission.objects.filter(task=first).count() == 0


def test_a_second_run_of_the_same_model_proposes_nothing_twice() -> None:
    predictor = built_in(labelled())
    services.predict(at=NOON, predictor_id=predictor.pk, progress=Counted())
    told = services.predict(at=NOON, predictor_id=predictor.pk, progress=Counted())
    assert (told["proposals"], Proposal.objects.count(), PredictorVersion.objects.count()) == (0, 3, 1)


def test_a_model_learns_again_when_enough_more_was_accepted(settings: Any) -> None:
    settings.INTAKE_RETRAIN_EVERY = 30
    project = labelled(34)
    predictor = built_in(project)
    assert services.retrain_due(at=NOON) == 1
    Job.objects.update(state="succeeded")
    Predictor.objects.filter(pk=predictor.pk).update(trained_count=34)
    assert services.retrain_due(at=NOON) == 0
    settings.INTAKE_RETRAIN_EVERY = 0
    assert services.retrain_due(at=NOON) == 1
    assert services.retrain_due(at=NOON) == 0  # one run at a time


def test_a_model_without_teachers_says_so() -> None:
    predictor = built_in(scenes.opened())
    with pytest.raises(services.TooLittleAccepted):
        services.predict(at=NOON, predictor_id=predictor.pk, progress=Counted())


def test_the_built_in_model_needs_a_single_choice_about_a_text() -> None:
    with pytest.raises(services.NotClassifiable):
        built_in(scenes.opened_images())


def test_only_the_lead_sets_models_up_and_runs_them() -> None:
    project = labelled()
    predictor = built_in(project)
    with pytest.raises(NotAllowed):
        services.start_run(by=tao(), at=NOON, predictor_id=predictor.pk)
    for stranger in (mei, he):
        with pytest.raises(NotFound):
            services.start_run(by=stranger(), at=NOON, predictor_id=predictor.pk)


# --- over HTTP, in Label Studio's shapes --------------------------------------------------------------


class Model(BaseHTTPRequestHandler):
    """A server as Label Studio's ML backends are."""

    asked: list[tuple[str, Any, str | None]] = []
    word = "正面"

    def do_GET(self) -> None:
        self._answer({"status": "UP", "model_class": "Test"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, body, self.headers.get("Authorization")))
        if self.path == "/setup":
            self._answer({"model_version": "m-7"})
            return
        results = [
            {
                "result": [{**scenes.sentiment(self.word)[0], "id": "p"}],
                "score": 0.2 * task["id"],
                "model_version": "m-7",
            }
            for task in body["tasks"]
        ]
        self._answer({"results": results})

    def _answer(self, told: Any) -> None:
        sent = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_words: Any) -> None:
        return


@pytest.fixture
def server(settings: Any) -> Iterator[str]:
    settings.INTAKE_MODEL_HOSTS, settings.INTAKE_PRIVATE_ADDRESSES = ["127.0.0.1"], True
    Model.asked, Model.word = [], "正面"
    with HTTPServer(("127.0.0.1", 0), Model) as found:
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()
        thread.join()


def over_http(project: Any, address: str) -> Predictor:
    return services.add_predictor(
        by=scenes.qin(),
        at=NOON,
        project_id=project.pk,
        kind="http",
        name="外部",
        address=address,
        token="geheim",
    )


def test_a_label_studio_backend_is_asked_in_its_own_shapes(server: str) -> None:
    project = scenes.opened()
    predictor = over_http(project, server)
    assert (predictor.version, "geheim" in predictor.sealed_token) == ("m-7", False)
    told = services.predict(at=NOON, predictor_id=predictor.pk, progress=Counted())
    assert (told["proposals"], told["version"]) == (3, "m-7")
    (setup, *_more), (path, body, token) = Model.asked[0], Model.asked[-1]
    assert (setup, path, token) == ("/setup", "/predict", "Bearer geheim")
    assert body["tasks"][0] == {"id": 1, "data": {"text": scenes.REVIEWS[0]}}
    assert body["label_config"] == project.labeling_config
    start = proposal_for(Item.objects.get(ordinal=1))
    assert start is not None
    assert (start.source, start.score, start.model_version) == ("model", 0.2, "m-7")
    assert [task.priority for task in Task.objects.order_by("item__ordinal")] == [800, 600, 400]


def test_answers_that_the_config_does_not_know_are_counted_and_not_kept(server: str) -> None:
    Model.word = "中性"
    predictor = over_http(scenes.opened(), server)
    told = services.predict(at=NOON, predictor_id=predictor.pk, progress=Counted())
    assert (told["proposals"], told["refused"], Proposal.objects.count()) == (0, 3, 0)
    assert "中性" in told["reasons"][0]


def test_a_model_elsewhere_is_not_asked(server: str, settings: Any) -> None:
    settings.INTAKE_MODEL_HOSTS = ["models.example.cn"]
    with pytest.raises(AddressRefused):
        over_http(scenes.opened(), server)
    settings.INTAKE_MODEL_HOSTS = ["127.0.0.1"]
    with pytest.raises(OutsideUnreachable):
        over_http(scenes.opened(), "http://127.0.0.1:9")
    assert Model.asked == []
