"""The same request has one effect and one answer; other content is refused; refusals are not kept."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from django.db import connections
from django.test import Client

from gateway import services
from gateway.models import GivenAnswer
from kernel.errors import InvalidInput
from kernel.records import new_id
from organizations.models import Invitation
from tests.cast import lin, zhou

THREADS = 16


def invite(client: Any, email: str = "x@example.cn", key: str | None = "k1", **headers: str) -> Any:
    given = {"idempotency-key": key} if key is not None else {}
    body = {"email": email, "roles": ["annotator"]}
    return client.post(
        "/api/organizations/invitations", body, content_type="application/json", headers={**given, **headers}
    )


@pytest.fixture
def signed_in(client: Any, db: None) -> Any:
    client.force_login(lin().user)
    return client


@pytest.mark.django_db(transaction=True)
def test_sixteen_threads_with_one_key_have_one_effect() -> None:
    user = lin().user

    def send(_number: int) -> tuple[int, str, str]:
        try:
            client = Client()
            client.force_login(user)
            answer = invite(client)
            return answer.status_code, answer.content.decode(), answer.get("Idempotent-Replayed", "")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(send, range(THREADS)))
    assert {answer[:2] for answer in answers} == {(201, answers[0][1])}
    assert sorted(answer[2] for answer in answers) == [""] + ["true"] * (THREADS - 1)
    assert Invitation.objects.count() == 1
    assert GivenAnswer.objects.count() == 1


def test_the_same_request_again_gets_the_same_answer(signed_in: Any) -> None:
    first, second = invite(signed_in), invite(signed_in)
    assert (first.content, first.status_code) == (second.content, second.status_code)
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert invite(signed_in, key="k2").json()["id"] != first.json()["id"]


def test_other_content_under_the_key_is_refused(signed_in: Any) -> None:
    invite(signed_in)
    answer = invite(signed_in, email="y@example.cn")
    assert (answer.status_code, answer.json()["title"]) == (409, "idempotency_key_reused")
    assert answer["Content-Type"] == "application/problem+json"
    assert Invitation.objects.count() == 1


def test_a_refusal_is_not_kept_so_the_key_may_be_tried_again(signed_in: Any) -> None:
    assert invite(signed_in, email="lin@example.cn").status_code == 409  # already a member
    assert not GivenAnswer.objects.exists()
    assert invite(signed_in).status_code == 201


def test_keys_of_two_callers_do_not_meet(signed_in: Any) -> None:
    first = invite(signed_in)
    signed_in.force_login(zhou().user)
    second = invite(signed_in)
    assert second.status_code == 201
    assert first.json()["id"] != second.json()["id"]


@pytest.mark.parametrize("key", [None, "", "k" * 201])
def test_a_missing_or_endless_key_is_refused(signed_in: Any, key: str | None) -> None:
    answer = invite(signed_in, key=key)
    assert (answer.status_code, answer.json()["title"]) == (422, "idempotency_key_missing")
    assert answer.json()["field"] == "Idempotency-Key"


@pytest.mark.django_db
def test_work_that_raises_leaves_nothing_behind() -> None:
    caller: UUID = new_id()

    def breaks() -> services.Answer:
        lin()
        raise InvalidInput(reason="no")

    with pytest.raises(InvalidInput):
        services.answer_once(caller=caller, key="k", fingerprint="f", work=breaks)
    with pytest.raises(services.KeyMissing):
        services.answer_once(caller=caller, key="", fingerprint="f", work=breaks)
    answer: services.Answer = (201, "application/json", json.dumps({"a": "清"}))
    assert services.answer_once(caller=caller, key="k", fingerprint="f", work=lambda: answer) == (
        answer,
        False,
    )
    assert services.answer_once(caller=caller, key="k", fingerprint="f", work=breaks) == (answer, True)


def test_broken_json_and_wrong_shapes_are_problems(signed_in: Any) -> None:
    send: Any = lambda body, kind: signed_in.post(  # noqa: E731
        "/api/organizations/invitations", body, content_type=kind, headers={"idempotency-key": "z"}
    )
    for body in (
        b"{",
        b"[]",
        b"null",
        b'{"email": 1}',
        b"\xff\xfe",
        b'{"email":"a@b.cn","roles":"annotator"}',
    ):
        answer = send(body, "application/json")
        assert 400 <= answer.status_code < 500, body
        assert answer["Content-Type"] == "application/problem+json", body
    assert not GivenAnswer.objects.exists()


def test_the_openapi_document_is_served(client: Any, db: None) -> None:
    answer = client.get("/api/openapi.json")
    assert answer.status_code == 200
    assert "/api/organizations/me" in answer.json()["paths"]
