"""Contracts: four kinds of text, the licence as ODRL, both hashed and signed; the PDF; tampering refused."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.utils import translation
from pypdf import PdfReader

from audit.models import AuditEvent
from documents import objects
from exchange.catalogue.models import Product
from exchange.delivery import services as delivery
from exchange.trading import policies, printing, rules
from exchange.trading import services as trading
from exchange.trading.models import Contract, ContractDocument, Order, Signature
from exchange.trading.states import Clause, ContractTemplate, Territory
from kernel.errors import NotFound
from kernel.money import Money
from tests import cast
from tests.cast import NOON
from tests.exchange import deals, market

TERMS = rules.Terms(
    contract_number="HT-2026-0000001-K", order_number="DD-2026-0000001-K", on=date(2026, 3, 2),
    supplier_name="清蓝", supplier_uscc="91441802MA5000001N", buyer_name="云山", buyer_uscc="91440101MA5000002T",
    product_number="CP-2026-0000001-K", product_title="评论", dataset_number="SJ-2026-0000001-K", version=1,
    root_hash="ab" * 32, file_count=4, row_count=1200, certificate_number="ZS-2026-0000001-K",
    plan_name="标准版", plan_kind="one_off", gross=Money(5_200_000), tax=Money(294_339), tax_rate_bp=600,
    licence="training", use_statement="训练客服质检模型", inspection_days=10,
)  # fmt: skip

# The words of the W3C's ODRL Vocabulary that our policies may use; all others must be of our profile.
ODRL_ACTIONS = {
    "use",
    "sell",
    "distribute",
    "grantUse",
    "aggregate",
    "attribute",
    "delete",
    "ensureExclusivity",
}
ODRL_OPERANDS = {"purpose", "spatial", "elapsedTime", "event"}
ODRL_OPERATORS = {"eq", "lteq", "gt", "isAnyOf"}


def actions(policy: dict[str, Any], kind: str) -> list[str]:
    return [rule["action"] for rule in policy.get(kind, [])]


def test_an_agreement_says_who_what_and_within_which_limits() -> None:
    terms = replace(TERMS, term_days=365, user_count=12, clauses=("delete_at_end", "named_staff"))
    policy = policies.policy_of(terms)
    assert policy["@context"][0] == "http://www.w3.org/ns/odrl.jsonld"
    assert (policy["@type"], policy["uid"]) == ("Agreement", "urn:qingshu:contract:HT-2026-0000001-K")
    assert policy["assigner"] == "urn:qingshu:uscc:91441802MA5000001N"
    assert policy["assignee"] == "urn:qingshu:uscc:91440101MA5000002T"
    assert policy["permission"][0] == {
        "target": "urn:qingshu:dataset:SJ-2026-0000001-K:1",
        "action": "use",
        "constraint": [
            {"leftOperand": "purpose", "operator": "eq", "rightOperand": "训练客服质检模型"},
            {"leftOperand": "spatial", "operator": "isAnyOf", "rightOperand": ["CN"]},
            {"leftOperand": "elapsedTime", "operator": "lteq",
             "rightOperand": {"@value": "P365D", "@type": "xsd:duration"}},
            {"leftOperand": "qs:userCount", "operator": "lteq", "rightOperand": 12},
        ],
        "duty": [{"action": "qs:registerStaff"}],
    }  # fmt: skip
    assert actions(policy, "prohibition") == [
        "sell", "distribute", "grantUse", "qs:reidentify", "qs:provideAbroad",
    ]  # fmt: skip
    assert actions(policy, "obligation") == ["delete"]


@pytest.mark.parametrize(
    ("licence", "clauses", "may", "must_not"),
    [
        ("internal", (), [], ["qs:trainOfferedModel"]),
        ("internal", ("no_training",), [], ["qs:trainModel"]),
        ("training", (), ["qs:trainModel"], []),
        ("commercial", (), ["qs:trainModel", "qs:shipDerived"], []),
    ],
)
def test_training_is_permitted_or_prohibited_never_both(
    licence: str, clauses: tuple[str, ...], may: list[str], must_not: list[str]
) -> None:
    policy = policies.policy_of(replace(TERMS, licence=licence, clauses=clauses))
    training = {"qs:trainModel", "qs:trainOfferedModel", "qs:shipDerived"}
    assert [each for each in actions(policy, "permission") if each in training] == may
    assert [each for each in actions(policy, "prohibition") if each in training] == must_not


@pytest.mark.parametrize("territory", Territory.values)
@pytest.mark.parametrize("licence", ["internal", "training", "commercial"])
def test_every_policy_speaks_odrl_and_every_rule_has_words(licence: str, territory: str) -> None:
    clauses = tuple(code for code in Clause.values if licence == "internal" or code != "no_training")
    policy = policies.policy_of(
        replace(TERMS, licence=licence, territory=territory, clauses=clauses, is_exclusive=True, user_count=3)
    )
    assert json.loads(policies.policy_text(policy)) == policy
    found = [(kind, rule) for kind in policies.KINDS for rule in policy.get(kind, [])]
    for _kind, rule in found:
        assert rule["target"].startswith("urn:qingshu:dataset:")
        for action in (rule["action"], *(duty["action"] for duty in rule.get("duty", []))):
            assert action in ODRL_ACTIONS or action.startswith("qs:")
        for limit in rule.get("constraint", []):
            assert limit["leftOperand"] in ODRL_OPERANDS or limit["leftOperand"].startswith("qs:")
            assert limit["operator"] in ODRL_OPERATORS
            assert "rightOperand" in limit
    is_permitted = "qs:provideAbroad" in actions(policy, "permission")
    assert is_permitted is (territory == "assessed")
    assert is_permitted is not ("qs:provideAbroad" in actions(policy, "prohibition"))
    worded = policies.in_words(policy)
    assert [(each.kind) for each in worded] == [kind for kind, _rule in found]
    assert all(str(each.action) for each in worded)


def test_rules_are_told_in_plain_words() -> None:
    terms = replace(TERMS, term_days=365, clauses=("delete_at_end", "incident_24h"), is_exclusive=True)
    with translation.override("zh-hans"):
        told = [
            f"{each.party}{each.label}{each.action}：{'；'.join(each.conditions)}"
            for each in policies.in_words(policies.policy_of(terms))
        ]
    assert told[0] == "需方可以使用数据：只用于：训练客服质检模型；只在中国境内；自交付起 365 天内"
    assert "需方不得转售数据：" in told
    assert told[-3:] == [
        "需方应当发生安全事件时通知供方：在 24 小时内",
        "需方应当删除全部数据和副本并出具证明：在使用结束之后；在 30 天内",
        "供方应当许可期内不再向他人提供该版本：",
    ]


@pytest.mark.parametrize(
    ("template", "title", "own_words"),
    [
        ("provision", "数据提供合同", "供方向需方提供数据产品"),
        ("entrusted_processing", "数据委托处理合同", "受托方不得转委托"),
        ("fusion_development", "数据融合开发合同", "各方投入的数据仍归各方"),
        ("intermediary", "数据中介合同", "中介方就数据的来源、登记、质量和限制如实报告"),
    ],
)
def test_each_national_kind_has_its_own_wording(template: str, title: str, own_words: str) -> None:
    terms = replace(TERMS, template=template, policy_sha256="cd" * 32, clauses=("no_linking",))
    text = rules.contract_text(terms)
    assert text.startswith(f"{title}\n")
    assert ContractTemplate(template).label == title
    for told in (own_words, "52,000.00", "2,943.39", "训练客服质检模型", "ab" * 32, "cd" * 32, "10 天",
                 "1. 需方不得将数据与其他来源的数据关联", "中国境内（不含港澳台地区）。"):  # fmt: skip
        assert told in text, told
    assert "{" not in text
    others = [rules.contract_text(replace(terms, template=each)) for each in ContractTemplate.values]
    assert len(set(others)) == 4


def test_the_text_names_the_policy_so_that_one_hash_holds_both() -> None:
    one, other = (rules.contract_text(replace(TERMS, policy_sha256=each * 64)) for each in "ab")
    assert rules.text_hash(one) != rules.text_hash(other)


@pytest.mark.django_db
def test_both_hashes_are_signed_and_fit_what_is_kept() -> None:
    order = market.contracted()
    contract = order.contract
    assert contract.policy_sha256 == hashlib.sha256(contract.policy.encode()).hexdigest()
    assert contract.policy_sha256 in contract.text
    assert json.loads(contract.policy)["qs:rootHash"] == f"sha256:{order.version.root_hash}"
    for signature in contract.signatures.all():
        assert (signature.text_sha256, signature.policy_sha256) == (
            contract.text_sha256,
            contract.policy_sha256,
        )


@pytest.mark.django_db
@pytest.mark.parametrize("column", ["text", "text_sha256", "policy", "policy_sha256"])
def test_raw_sql_changes_neither_text_nor_policy(column: str) -> None:
    contract = market.contracted().contract
    forgery = f"UPDATE trading_contract SET {column} = reverse({column}) WHERE id = %s"
    with (
        pytest.raises(ProgrammingError, match="Cannot update or delete"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(forgery, [contract.pk])
    for table in ("trading_signature", "trading_contract"):
        with (
            pytest.raises(ProgrammingError, match="Cannot update or delete"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"DELETE FROM {table}")


@pytest.mark.django_db
@pytest.mark.parametrize("column", ["text_sha256", "policy_sha256"])
def test_a_contract_with_other_hashes_than_its_own_is_not_kept(column: str) -> None:
    kept = market.placed().contract
    forged = Contract(
        number="HT-2026-9999999-X", order=market.placed(kept.order.product), text=kept.text,
        text_sha256=kept.text_sha256, policy=kept.policy, policy_sha256=kept.policy_sha256, drawn_up_at=NOON,
    )  # fmt: skip
    setattr(forged, column, "0" * 64)
    with pytest.raises((ProgrammingError, IntegrityError), match="hashes of its own"), transaction.atomic():
        forged.save(force_insert=True)


@pytest.mark.django_db
@pytest.mark.parametrize("column", ["text_sha256", "policy_sha256"])
def test_nobody_signs_another_text_or_policy(column: str) -> None:
    contract = market.placed().contract
    forged = Signature(
        contract=contract, party="buyer", organization=contract.order.buyer, signer_label="谁",
        text_sha256=contract.text_sha256, policy_sha256=contract.policy_sha256, signed_at=NOON,
    )  # fmt: skip
    setattr(forged, column, "0" * 64)
    with pytest.raises(ProgrammingError, match="what is signed"), transaction.atomic():
        forged.save(force_insert=True)


def words_of(pdf: bytes) -> str:
    """The text of a PDF, page by page."""
    return "".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


@pytest.mark.django_db
def test_the_pdf_is_made_once_and_holds_number_hashes_and_signatures() -> None:
    order = market.placed()
    with pytest.raises(printing.NotSigned):
        printing.issue_document(by=cast.zhou(), at=NOON, order_id=order.pk)
    order = deals.signed(order)
    with pytest.raises(NotFound):
        printing.issue_document(by=cast.he(), at=NOON, order_id=order.pk)
    with pytest.raises(trading.WrongSide):  # who looks on changes nothing
        printing.issue_document(by=cast.yan(), at=NOON, order_id=order.pk)
    made = printing.issue_document(by=cast.zhou(), at=NOON, order_id=order.pk)
    again = printing.issue_document(by=cast.lin(), at=NOON + timedelta(days=1), order_id=order.pk)
    assert made.pk == again.pk
    body = objects.get(made.object_key)
    assert body.startswith(b"%PDF-1.7")
    assert hashlib.sha256(body).hexdigest() == made.sha256
    order.refresh_from_db()
    assert printing.pdf(Order.objects.get(pk=order.pk)) == body
    text = re.sub(r"\s+", "", words_of(body))
    contract = order.contract
    for told in (contract.number, order.number, contract.text_sha256, contract.policy_sha256,
                 "数据提供合同", "双方签署", "Lin·清蓝数据标注（示例）有限公司", "转售数据"):  # fmt: skip
        assert told in text, told
    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        ContractDocument.objects.update(sha256="0" * 64)


@pytest.mark.django_db
def test_the_way_of_ordering_decides_whether_approval_is_needed() -> None:
    product = market.listed()
    trading.require_direct_sale(product, "instant")
    with pytest.raises(trading.ApprovalNeeded) as refused:
        trading.require_direct_sale(product, "approval")
    assert product.number in str(refused.value)
    assert (rules.needs_approval("instant"), rules.needs_approval("approval")) == (False, True)


@pytest.mark.django_db
def test_an_exclusive_licence_and_any_other_never_stand_together() -> None:
    product: Product = market.listed()
    exclusive = deals.negotiated(product, is_exclusive=True)
    assert "独占许可" in exclusive.contract.text
    with pytest.raises(trading.SoldExclusively):
        market.placed(product, by=cast.he())
    trading.cancel_order(by=cast.zhou(), at=NOON, order_id=exclusive.pk, reason="不再需要")
    market.placed(product, by=cast.he())
    with pytest.raises(trading.SoldExclusively):
        deals.negotiated(product, is_exclusive=True)


def _handed_over(order: Order) -> Order:
    trading.mark_paid(by=market.SYSTEM, at=NOON, order_id=order.pk)
    delivery.deliver(by=cast.lin(), at=NOON, order_id=order.pk)
    order.refresh_from_db()
    return order


@pytest.mark.django_db
def test_an_exclusive_licence_keeps_others_out_until_the_second_its_term_is_over() -> None:
    product: Product = market.listed()
    first = _handed_over(deals.negotiated(product, is_exclusive=True, term_days=30))
    assert first.delivered_at is not None
    over = first.delivered_at + timedelta(days=30)
    with pytest.raises(trading.SoldExclusively):
        market.placed(product, by=cast.he(), at=over - timedelta(seconds=1))
    market.placed(product, by=cast.he(), at=over)
    first.refresh_from_db()
    assert first.exclusivity_ended_at == over
    assert AuditEvent.objects.filter(action="orders.end_exclusivity").count() == 1
    with pytest.raises(trading.SoldExclusively):
        deals.negotiated(product, is_exclusive=True, at=over)


@pytest.mark.django_db
def test_after_an_exclusive_term_the_version_can_be_sold_exclusively_again() -> None:
    product: Product = market.listed()
    first = _handed_over(deals.negotiated(product, is_exclusive=True, term_days=30))
    assert first.delivered_at is not None
    over = first.delivered_at + timedelta(days=30)
    second = deals.negotiated(product, is_exclusive=True, term_days=30, at=over)
    assert (second.is_exclusive, second.exclusivity_ended_at) == (True, None)
    with pytest.raises(trading.SoldExclusively):
        market.placed(product, by=cast.he(), at=over)


@pytest.mark.django_db
def test_the_database_itself_allows_one_exclusive_order_of_a_version() -> None:
    product = market.listed()
    first, second = market.placed(product), market.placed(product)
    Order.objects.filter(pk=first.pk).update(is_exclusive=True)
    with pytest.raises(IntegrityError, match="order_one_exclusive"), transaction.atomic():
        Order.objects.filter(pk=second.pk).update(is_exclusive=True)
