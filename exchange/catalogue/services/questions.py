"""Questions about a product and their answers."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.catalogue.events import QuestionAnswered, QuestionAsked
from exchange.catalogue.models import Question
from exchange.catalogue.permissions import ASK_QUESTIONS, EDIT_PRODUCTS, REVIEW_LISTINGS
from exchange.catalogue.selectors import products_visible_to, questions_visible_to
from exchange.catalogue.services.listings import locked_product, require_reason
from exchange.catalogue.states import ListingState
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal
from kernel.events import announce
from organizations.permissions import Actor

MOST_OPEN = 5
"""Unanswered questions of one organization about one product."""
LEAST_LENGTH, MOST_QUESTION, MOST_ANSWER = 4, 500, 2_000


class NotVerified(Refusal):
    """Only who is known may ask in public."""

    code = "organization_not_verified"
    message = _("本单位还没有通过认证，不能提问。请先完成企业认证。")
    status = 403


class TooManyQuestions(Refusal):
    """The supplier answers first."""

    code = "too_many_questions"
    message = _("本单位对这个产品已有 5 个未回答的问题，请等供方回答后再问。")


class QuestionHidden(Refusal):
    """What the operator hid is closed."""

    code = "question_hidden"
    message = _("这个问题已被隐藏，不能再回答。")


def _text(field: str, text: str, most: int) -> str:
    found = text.strip()
    if not LEAST_LENGTH <= len(found) <= most or "\x00" in found:
        words = {"least": LEAST_LENGTH, "most": most}
        raise InvalidInput(field=field, reason=gettext("请用 %(least)s 到 %(most)s 个字写清楚。") % words)
    return found


@transaction.atomic
def ask(*, by: Actor, at: datetime, product_id: UUID, text: str) -> Question:
    """Ask the supplier of a listed product; shown to all once answered.

    The same open question again is the same one. Raises NotVerified, TooManyQuestions.
    """
    product = locked_product(product_id)
    if not products_visible_to(by).filter(pk=product.pk).exists():
        raise NotFound
    by.require(ASK_QUESTIONS)
    if by.organization is None or by.organization_id == product.supplier_id:
        raise InvalidInput(field="text", reason=gettext("供方不用向自己提问。"))
    if not by.organization.is_verified:
        raise NotVerified
    if product.state != ListingState.LISTED:
        raise InvalidInput(field="text", reason=gettext("产品目前不在售，不能提问。"))
    text = _text("text", text, MOST_QUESTION)
    waiting = Question.objects.filter(
        product=product, asker=by.organization, answered_at=None, hidden_at=None
    )
    same = waiting.filter(text=text).first()
    if same is not None:
        return same
    if waiting.count() >= MOST_OPEN:
        raise TooManyQuestions
    question = Question(product=product, asker=by.organization, asked_by=by.user, asked_at=at, text=text)
    question.save(force_insert=True)
    record(by=by, at=at, action="questions.ask", subject=question, detail={"product": product.number})
    announce(QuestionAsked(at=at, product_id=product.pk, question_id=question.pk, by=by))
    return question


def _locked(by: Actor, question_id: UUID) -> Question:
    rows = Question.objects.select_for_update(of=("self",), no_key=True).select_related("product")
    question = rows.filter(pk=question_id).first()
    if question is None or not questions_visible_to(by, question.product).filter(pk=question_id).exists():
        raise NotFound
    if not products_visible_to(by).filter(pk=question.product_id).exists():
        raise NotFound
    return question


@transaction.atomic
def answer_question(*, by: Actor, at: datetime, question_id: UUID, text: str) -> Question:
    """The supplier answers, or betters its answer; the log keeps every one."""
    question = _locked(by, question_id)
    if not by.belongs_to(question.product.supplier_id):
        raise NotAllowed(permission=EDIT_PRODUCTS.label, organization=str(by.organization or "—"))
    by.require(EDIT_PRODUCTS)
    if question.hidden_at is not None:
        raise QuestionHidden
    text = _text("text", text, MOST_ANSWER)
    if text == question.answer:
        return question
    is_first = question.answered_at is None
    question.answer, question.answered_by, question.answered_at = text, by.user, at
    question.save(update_fields=["answer", "answered_by", "answered_at"])
    record(by=by, at=at, action="questions.answer", subject=question, detail={"answer": text})
    if is_first:
        announce(QuestionAnswered(at=at, product_id=question.product_id, question_id=question.pk, by=by))
    return question


@transaction.atomic
def hide_question(*, by: Actor, at: datetime, question_id: UUID, reason: str) -> Question:
    """The operator takes a question with its answer out of sight, with a reason that both sides read."""
    question = _locked(by, question_id)
    by.require(REVIEW_LISTINGS)
    require_reason(reason)
    if len(reason) > 500:
        raise InvalidInput(field="reason", reason=gettext("最多 %(most)s 个字符。") % {"most": 500})
    if question.hidden_at is not None:
        return question
    question.hidden_at, question.hidden_by, question.hidden_reason = at, by.user, reason.strip()
    question.save(update_fields=["hidden_at", "hidden_by", "hidden_reason"])
    record(by=by, at=at, action="questions.hide", subject=question, detail={"reason": reason.strip()})
    return question
