"""Whatever is sent to settlement's API is answered: drawn by schemathesis from its own description, never a 5xx."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.api import api
from kernel import clock
from organizations.permissions import Actor
from settlement.rewards.models import BudgetLine, Claim, Payment
from tests import cast
from tests.sessions import confirm_identity
from tests.settlement import trades
from tests.settlement.banking.statements import qian
from tests.settlement.rewards import steps
from tests.settlement.rewards.test_money import claim_of

EXAMPLES = 4
SECTIONS = ("rewards", "revenue", "risk", "ledger", "payments", "invoices", "reconciliation", "pay-runs")
SIGNED_IN: tuple[Callable[[], Actor], ...] = (cast.lin, cast.shen, cast.gu, qian)


def described() -> Any:
    return schemathesis.openapi.from_dict(api.get_openapi_schema())


def operations() -> list[Any]:
    found = [each.ok() for each in described().get_all_operations()]
    return [each for each in found if each.path.removeprefix("/api/").split("/")[0] in SECTIONS]


def _own(claim: Claim) -> dict[str, str]:
    """Things that are there, so that what is drawn gets further than to 'not found'."""
    return {
        "number": claim.number,
        "measure": claim.measure,
        "line_number": BudgetLine.objects.get().number,
        "reward_payment_id": str(Payment.objects.get().pk),
        "firm_id": str(claim.firm_id),
    }


@pytest.mark.django_db
def test_no_request_is_answered_with_a_fault_of_ours() -> None:
    claim = claim_of()
    steps.awarded(claim)
    steps.paid()
    own, faults = _own(claim), []
    assert len(operations()) > 60, "the sections of settlement are described"
    trades.sale("100.00")

    def asked(operation: Any) -> None:
        strategy = st.one_of(
            operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode
        )

        @settings(
            max_examples=EXAMPLES, derandomize=True, database=None, deadline=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=strategy, which=st.integers(0, len(SIGNED_IN) - 1), is_own=st.booleans())
        def send(case: Any, which: int, is_own: bool) -> None:
            if is_own:
                case.path_parameters = {**(case.path_parameters or {}), **_among(own, case)}
            told = _sent(clients[which], case)
            if told >= 500:
                faults.append((case.method, case.formatted_path, case.query, case.body, told))

        send()

    with clock.moved_to(steps.MARCH):
        clients = [_client(who) for who in SIGNED_IN]
        for operation in operations():
            asked(operation)
    assert faults == []


def _among(own: dict[str, str], case: Any) -> dict[str, str]:
    return {name: own[name] for name in (case.path_parameters or {}) if name in own}


def _client(who: Callable[[], Actor]) -> Client:
    client = Client(raise_request_exception=False)
    user = who().user
    assert user is not None
    client.force_login(user)
    confirm_identity(client)
    return client


def _sent(client: Client, case: Any) -> int:
    """The status of one request; everything is taken back."""
    cache.clear()
    given = case.as_transport_kwargs(base_url="http://testserver")
    body = given.get("json", given.get("data"))
    headers = {
        str(name): str(value)
        for name, value in (given.get("headers") or {}).items()
        if str(name).lower() not in ("cookie", "authorization", "content-length")
    }
    with transaction.atomic():
        answer = client.generic(
            case.method, case.formatted_path.split("?")[0], _bytes(body), content_type="application/json",
            headers={**headers, "Idempotency-Key": "drawn"}, query_params=dict(given.get("params") or {}),
        )  # fmt: skip
        transaction.set_rollback(True)
    return answer.status_code


def _bytes(body: Any) -> bytes:
    if body is None or not isinstance(body, (dict, list, str, int, float, bool, bytes)):
        return b""
    return body if isinstance(body, bytes) else json.dumps(body).encode("utf-8", "surrogatepass")
