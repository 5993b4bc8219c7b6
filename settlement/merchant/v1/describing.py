"""The OpenAPI document of `/v1/`: paths and verbs from the addresses, fields from the table below.

A test asks every address with every field told here, and holds that none is unknown to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from settlement.merchant import rules
from settlement.merchant.shapes import API_VERSION
from settlement.merchant.states import (
    GIVEN_REASONS,
    CaptureMethod,
    MethodType,
    PayoutState,
    RefundReason,
)

FORM = "application/x-www-form-urlencoded"
Schema = dict[str, Any]


def _text(most: int = 500, **more: Any) -> Schema:
    return {"type": "string", "maxLength": most, **more}


def _id(prefix: str) -> Schema:
    return {"type": "string", "pattern": f"^{prefix}_[0-9a-f]{{32}}$"}


def _one_of(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


def _group(**members: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": members}


_AMOUNT = {"type": "integer", "minimum": 0, "maximum": rules.LARGEST_AMOUNT, "description": "Fen."}
_TEXTS = {"type": "array", "items": _text(60), "maxItems": 20}
_CARD = _group(token=_text(60, description="A test card: tok_visa, pm_card_chargeDeclined, ..."))
FIELDS: Mapping[str, Schema] = {
    "amount": _AMOUNT,
    "amount_to_capture": _AMOUNT,
    "bank_transfer": _group(type=_one_of("cn_bank_transfer")),
    "cancellation_reason": _one_of(*GIVEN_REASONS),
    "capture_method": _one_of(*CaptureMethod.values),
    "card": _CARD,
    "charge": _id("ch"),
    "confirm": {"type": "boolean"},
    "currency": _one_of(rules.CURRENCY),
    "customer": _id("cus"),
    "created": _group(**{name: {"type": "integer", "minimum": 0} for name in ("gt", "gte", "lt", "lte")}),
    "description": _text(1000),
    "destination": {"type": "string", "pattern": "^(acct|ba)_[0-9a-f]{32}$"},
    "disabled": {"type": "boolean"},
    "email": _text(320),
    "enabled_events": _TEXTS,
    "ending_before": _text(60),
    "expand": _TEXTS,
    "funding_type": _one_of("bank_transfer"),
    "limit": {"type": "integer", "minimum": 1, "maximum": 100},
    "metadata": {"type": "object", "additionalProperties": _text(), "maxProperties": 50},
    "method": _one_of("standard"),
    "name": _text(200),
    "payment_intent": _id("pi"),
    "payment_method": _text(60, description="pm_... of the account, or a test card's token."),
    "payment_method_data": _group(type=_one_of(*MethodType.values), card=_CARD),
    "payment_method_types": {"type": "array", "items": _one_of(*MethodType.values)},
    "payout": _id("po"),
    "phone": _text(40),
    "reason": _one_of(*RefundReason.values),
    "receipt_email": _text(320),
    "reference": _text(60),
    "source": _text(60),
    "source_type": _one_of("card", "bank_account"),
    "starting_after": _text(60),
    "statement_descriptor": _text(22),
    "status": _one_of(*PayoutState.values),
    "transfer_group": _text(120),
    "type": _text(60),
    "types": _TEXTS,
    "url": _text(500, description="A public https address."),
}
_WORDS = "description statement_descriptor receipt_email transfer_group metadata"
_PERSON = "name email phone description metadata"
# Fields by the function that reads them; `!` must be given. Every list also takes those of `_LISTED`.
_TAKES: Mapping[str, str] = {
    "apply_customer_balance": "currency",
    "attach": "customer!",
    "balance_transactions": "payout source",
    "cancel_intent": "cancellation_reason",
    "capture_intent": "amount_to_capture",
    "charges": "customer payment_intent",
    "confirm_intent": "payment_method payment_method_data",
    "create_customer": _PERSON,
    "create_endpoint": "url! enabled_events! description metadata",
    "create_intent": "amount! currency! capture_method confirm customer payment_method payment_method_data"
    f" payment_method_types {_WORDS}",
    "create_method": "type! card metadata",
    "create_payout": "amount! currency! method source_type destination description statement_descriptor metadata",
    "create_refund": "charge payment_intent amount reason metadata",
    "create_transfer": "amount! currency! destination! description transfer_group metadata",
    "customers": "email",
    "events": "type types",
    "fund": "amount! currency! reference",
    "funding_instructions": "currency! funding_type bank_transfer",
    "intents": "customer",
    "methods": "customer type",
    "payouts": "status",
    "refunds": "charge payment_intent",
    "reverse_transfer": "amount description metadata",
    "transfers": "destination transfer_group",
    "update_customer": _PERSON,
    "update_endpoint": "url enabled_events disabled description metadata",
    "update_intent": f"amount currency customer payment_method payment_method_data {_WORDS}",
    "update_payout": "metadata",
    "update_refund": "metadata",
    "update_reversal": "metadata",
    "update_transfer": "description metadata",
}
_LISTED = "created ending_before limit starting_after"
_LISTS = frozenset(
    (
        "balance_transactions", "cash_balance_transactions", "charges", "customers", "endpoints", "events",
        "external_accounts", "intents", "methods", "payouts", "refunds", "reversals", "transfers",
    )
)  # fmt: skip


def fields_of(name: str) -> dict[str, bool]:
    """The fields that a function takes; True for those that must be given."""
    told = f"{_TAKES.get(name, '')} {_LISTED if name in _LISTS else ''} expand".split()
    return {field.rstrip("!"): field.endswith("!") for field in told}


def addresses() -> Iterator[tuple[str, Mapping[str, Callable[..., Any]]]]:
    """Every address with its functions by verb; the last one, for what is not there, is left out."""
    from settlement.merchant.v1.urls import urlpatterns

    for pattern in urlpatterns[:-1]:
        route = str(pattern.pattern).replace("<str:thing>", "{id}").replace("<str:reversal>", "{reversal}")
        yield f"/v1/{route}", pattern.callback.works  # type: ignore[attr-defined]


_ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["type", "message"],
            "properties": {name: {"type": "string"} for name in ("type", "code", "message", "param")},
        }
    },
}
_THING: Schema = {
    "type": "object",
    "required": ["object"],
    "properties": {"id": {"type": "string"}, "object": {"type": "string"}},
}
_LIST: Schema = {
    "type": "object",
    "required": ["object", "data", "has_more", "url"],
    "properties": {
        "object": {"const": "list"},
        "url": {"type": "string"},
        "has_more": {"type": "boolean"},
        "data": {"type": "array", "items": {"$ref": "#/components/schemas/thing"}},
    },
}


def _operation(verb: str, path: str, name: str, words: str) -> Schema:
    fields = fields_of(name)
    if path.startswith("/v1/customers/"):
        fields.pop("customer", None)  # the address names it
    taken = {field: FIELDS[field] for field in sorted(fields)}
    parameters = [
        {"name": part, "in": "path", "required": True, "schema": {"type": "string"}}
        for part in re.findall(r"{(\w+)}", path)
    ]
    told: Schema = {
        "operationId": f"{verb.lower()}_{name}_{len(parameters)}",
        "summary": words.strip().splitlines()[0] if words.strip() else name.replace("_", " "),
        "parameters": parameters,
        "responses": {
            "200": _answer("list" if name in _LISTS else "thing", "Done."),
            "default": _answer("error", "Refused; `code` and `param` say why and where."),
        },
    }
    if verb == "POST":
        needed = sorted(field for field, is_needed in fields.items() if is_needed)
        body: Schema = {"type": "object", "additionalProperties": False, "properties": taken}
        if needed:
            body["required"] = needed
        told["requestBody"] = {"required": bool(needed), "content": {FORM: {"schema": body}}}
        parameters.append(
            {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 255}}
        )
    else:
        parameters += [
            {"name": field, "in": "query", "style": "deepObject", "explode": True, "schema": schema}
            for field, schema in taken.items()
        ]
    return told


def _answer(schema: str, words: str) -> Schema:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": words, "content": content}


@cache
def document() -> Schema:
    """The whole document, OpenAPI 3.1; worked out once."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "清数 Qingshu payments",
            "version": API_VERSION,
            "description": "Stripe's shapes: form fields with bracket nesting, amounts in fen, lists by cursor.",
        },
        "security": [{"key": []}],
        "paths": {
            path: {
                verb.lower(): _operation(verb, path, work.__name__, work.__doc__ or "")
                for verb, work in works.items()
            }
            for path, works in addresses()
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {"thing": _THING, "list": _LIST, "error": _ERROR},
        },
    }


@require_GET
def openapi(request: HttpRequest) -> JsonResponse:
    """The document, for anyone."""
    return JsonResponse(document(), json_dumps_params={"ensure_ascii": False})
