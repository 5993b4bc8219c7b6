"""The OpenAPI document of `/v1/` is whole and true, and whatever is drawn from it is answered without a fault of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.money import Money
from settlement.merchant import services
from settlement.merchant.models import Charge, Event
from settlement.merchant.rules import public_id
from settlement.merchant.v1 import describing
from tests import cast
from tests.settlement.merchant import shop

EXAMPLES = 6


def operations() -> list[Any]:
    found = schemathesis.openapi.from_dict(describing.document()).get_all_operations()
    return [each.ok() for each in found]


def test_the_document_stands_beside_the_other_one_and_names_every_address(client: Client) -> None:
    answer = client.get("/api/openapi-v1.json")
    assert answer.status_code == 200
    document = answer.json()
    assert document == json.loads(json.dumps(describing.document()))
    assert document["openapi"] == "3.1.0"
    told = {(path, verb.upper()) for path, verbs in document["paths"].items() for verb in verbs}
    assert told == {(path, verb) for path, works in describing.addresses() for verb in works}
    assert ("/v1/transfers/{id}/reversals/{reversal}", "POST") in told
    names = [verb["operationId"] for verbs in document["paths"].values() for verb in verbs.values()]
    assert len(set(names)) == len(names) == len(operations()) > 50


@pytest.fixture
def key() -> str:
    return shop.key_of(cast.lin())


@pytest.fixture
def own() -> dict[str, str]:
    """Public ids of things that are there, by the first part of their address."""
    given: dict[str, Any] = {"by": cast.lin(), "at": cast.NOON}
    shop.pay_account()
    intent = shop.sale(9_000)
    charge = Charge.objects.get(intent=intent)
    refund = services.refund_charge(**given, charge_id=charge.pk, amount=Money(10))
    customer = services.create_customer(**given, name="云山（示例）")
    other = cast.organization(cast.BEIJIANG)
    transfer = services.create_transfer(**given, destination_id=other.pk, amount=Money(900))
    reversal = services.reverse_transfer(**given, transfer_id=transfer.pk, amount=Money(9))
    payout = services.create_payout(**given, amount=Money(100))
    endpoint, _secret = services.create_endpoint(
        **given, url="https://example.cn/hook", enabled_events=["charge.succeeded"]
    )
    rows = {
        "accounts": ("acct", other.pk), "balance_transactions": ("txn", charge.entry_id),
        "charges": ("ch", charge.pk), "customers": ("cus", customer.pk),
        "events": ("evt", Event.objects.latest("pk").pk), "payment_intents": ("pi", intent.pk),
        "payment_methods": ("pm", shop.card().pk), "payouts": ("po", payout.pk), "refunds": ("re", refund.pk),
        "reversal": ("trr", reversal.pk), "test_helpers": ("cus", customer.pk),
        "transfers": ("tr", transfer.pk), "webhook_endpoints": ("we", endpoint.pk),
    }  # fmt: skip
    return {name: public_id(prefix, found) for name, (prefix, found) in rows.items()}  # type: ignore[arg-type]


def pairs(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """What was drawn as form fields with brackets."""
    if isinstance(value, dict):
        for part, each in value.items():
            yield from pairs(each, f"{name}[{part}]" if name else str(part))
    elif isinstance(value, list):
        for each in value:
            yield from pairs(each, f"{name}[]")
    else:
        plain = {True: "true", False: "false", None: ""}
        yield name, plain[value] if value is None or isinstance(value, bool) else str(value)


def encoded(value: Any) -> str:
    return urlencode(list(pairs(value)) if isinstance(value, dict) else [], errors="replace")


def sent(key: str, method: str, path: str, fields: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    """The answer to one request; everything is taken back."""
    cache.clear()
    told = {"Authorization": f"Bearer {key}", **headers}
    with transaction.atomic():
        if method == "POST":
            answer = Client(raise_request_exception=False).generic(
                method, path, encoded(fields), content_type=describing.FORM, headers=told
            )
        else:
            query = encoded(fields)
            answer = Client(raise_request_exception=False).generic(
                method, path, headers=told, query_params=None if not query else dict(pairs(fields))
            )
        transaction.set_rollback(True)
    return answer.status_code, json.loads(answer.content)


def addressed(path: str, own: dict[str, str]) -> str:
    first = "test_helpers" if "test_helpers" in path else path.split("/")[2]
    return path.replace("{id}", own.get(first, "x")).replace("{reversal}", own["reversal"])


@pytest.mark.django_db
def test_no_field_that_the_document_tells_is_unknown_to_its_address(key: str, own: dict[str, str]) -> None:
    examples = {
        "object": {"gte": "1"}, "array": ["data"], "boolean": "true", "integer": "10",
    }  # fmt: skip
    unknown = []
    for path, works in describing.addresses():
        for method, work in works.items():
            taken = describing.document()["paths"][path][method.lower()]
            if method == "POST":
                told = taken["requestBody"]["content"][describing.FORM]["schema"]["properties"]
            else:
                told = {each["name"]: each["schema"] for each in taken["parameters"] if each["in"] == "query"}
            for field, schema in told.items():
                value = schema.get("enum", [examples.get(schema.get("type", ""), "x")])[0]
                _status, answer = sent(key, method, addressed(path, own), {field: value})
                if answer.get("error", {}).get("code") == "parameter_unknown":
                    unknown.append((method, path, work.__name__, answer["error"]["param"]))
    allowed = {"created", "payment_method_data", "card", "bank_transfer"}  # the group, with another member
    assert [each for each in unknown if each[3] not in allowed and each[3] != "gte"] == []


@pytest.mark.django_db
def test_no_request_to_v1_is_answered_with_a_fault_of_ours(key: str, own: dict[str, str]) -> None:
    faults: list[Any] = []
    counted = {200: 0, 400: 0}

    def asked(operation: Any) -> None:
        strategy = st.one_of(
            operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode
        )

        @settings(
            max_examples=EXAMPLES, derandomize=True, database=None, deadline=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=strategy, is_own=st.booleans())
        def send(case: Any, is_own: bool) -> None:
            drawn = dict(case.path_parameters or {})
            path = addressed(operation.path, own) if is_own else operation.path
            for name, value in drawn.items():
                path = path.replace(f"{{{name}}}", str(value).replace("/", "_") or "x")
            fields = case.body if case.method == "POST" else case.query
            status, told = sent(key, case.method, path, fields, **{"Idempotency-Key": "drawn"})
            counted[status] = counted.get(status, 0) + 1
            if status >= 500 or not ({"object", "error"} & set(told)):
                faults.append((case.method, path, fields, status))

        send()

    for operation in operations():
        asked(operation)
    assert faults == []
    assert min(counted[200], counted[400]) > 20, counted
