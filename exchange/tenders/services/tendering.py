"""The buyer's side before the award: a tender from draft to its end, and answers to questions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext

from annotation.labelstudio.rules import ConfigRefused
from annotation.projects.rules import (
    CheckedItem,
    RawItem,
    UploadRefused,
    check,
    config_for,
    is_storable,
    safe_name,
)
from annotation.projects.states import Modality
from annotation.quality import sampling
from audit.services import record
from documents import objects
from exchange.catalogue.states import TaskType
from exchange.demands.states import DemandVisibility
from exchange.tenders import rules
from exchange.tenders.events import TenderAnswered, TenderAsked, TenderEnded, TenderPublished
from exchange.tenders.models import Bid, Tender, TenderInvitation, TenderItem, TenderQuestion
from exchange.tenders.permissions import BID, POST_TENDERS
from exchange.tenders.selectors import bidders_for, tenders_visible_to
from exchange.tenders.services.refusals import (
    AlreadyAnswered,
    BidsClosed,
    NobodyInvited,
    NotTheirTurn,
    OwnTender,
    TenderLocked,
    TooEarly,
)
from exchange.tenders.states import BID as BID_MOVES
from exchange.tenders.states import IN_THE_RUNNING, TENDER, TenderState
from exchange.trading.states import Party
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.events import announce
from kernel.numbers import new_number
from organizations.permissions import Actor

WORDING = (
    "title", "brief", "task", "modality", "labeling_config", "guideline", "source", "licence", "item_count",
    "lot_count", "aql_percent", "limiting_percent", "budget_fen", "due_on", "deadline", "visibility",
)  # fmt: skip
MOST_FEN = 10**13
MOST_WORK = 10**7
NEEDED = ("title", "brief", "guideline", "source", "licence")
LIMITS = {"title": 120, "brief": 4_000, "guideline": 50_000, "source": 500, "licence": 200}


def locked_tender(tender_id: UUID) -> Tender:
    """The tender under lock with its buyer; NotFound when there is none."""
    rows = Tender.objects.select_for_update(of=("self",), no_key=True).filter(pk=tender_id)
    found = rows.select_related("buyer").first()
    if found is None:
        raise NotFound
    return found


def own_tender(by: Actor, tender_id: UUID) -> Tender:
    """The buyer's tender under lock: 404 when the actor does not see it, 403 when it is another's."""
    tender = locked_tender(tender_id)
    if not by.belongs_to(tender.buyer_id):
        if not tenders_visible_to(by).filter(pk=tender_id).exists():
            raise NotFound
        raise NotTheirTurn(side=Party.BUYER.label)
    by.require(POST_TENDERS)
    return tender


def require_open(tender: Tender, at: datetime) -> None:
    """Raise unless bids are taken now."""
    if tender.state != TenderState.PUBLISHED:
        TENDER.check(tender, "close")
    if at >= tender.deadline:
        raise BidsClosed(deadline=f"{tender.deadline.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}")


# --- wording ------------------------------------------------------------------------------------------


def _checked(values: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The wording with texts stripped; InvalidInput or ConfigRefused name the field and the remedy."""
    kept: dict[str, Any] = {
        name: value.strip() if isinstance(value, str) else value for name, value in values.items()
    }
    for name in NEEDED:
        text = kept[name]
        if not text or len(text) > LIMITS[name] or not is_storable(text):
            reason = gettext("请填写，最多 %(limit)s 个字。") % {"limit": LIMITS[name]}
            raise InvalidInput(field=name, reason=reason)
    for name, choices in (("task", TaskType), ("modality", Modality), ("visibility", DemandVisibility)):
        if kept[name] not in choices.values:
            raise InvalidInput(field=name, reason=gettext("请从给出的选项中选择。"))
    try:
        kept["labeling_config"] = config_for(kept["modality"], kept["labeling_config"]).xml
    except ConfigRefused as refusal:
        refusal.field = "labeling_config"
        raise
    _check_numbers(kept)
    if kept["deadline"] <= at:
        raise InvalidInput(field="deadline", reason=gettext("投标截止时间应晚于现在。"))
    if kept["due_on"] <= clock.business_date(kept["deadline"]):
        raise InvalidInput(field="due_on", reason=gettext("期望完成日期应晚于投标截止。"))
    return kept


def _check_numbers(kept: dict[str, Any]) -> None:
    if not 1 <= kept["item_count"] <= MOST_WORK:
        raise InvalidInput(field="item_count", reason=gettext("标注数量应在 1 到 1000 万条之间。"))
    if not 1 <= kept["lot_count"] <= min(rules.MOST_LOTS, kept["item_count"]):
        reason = gettext("分批数应在 1 到 %(most)s 之间，且不多于标注数量。") % {"most": rules.MOST_LOTS}
        raise InvalidInput(field="lot_count", reason=reason)
    try:
        kept["aql_percent"] = sampling.aql_of(kept["aql_percent"])
    except InvalidInput as refusal:
        refusal.field = "aql_percent"
        raise
    limiting = kept.get("limiting_percent")
    if limiting is not None and not Decimal(0) < limiting <= Decimal(50):
        raise InvalidInput(
            field="limiting_percent", reason=gettext("极限质量应大于 0、不超过 50%，不用请留空。")
        )
    budget = kept.get("budget_fen")
    if budget is not None and not 0 < budget <= MOST_FEN:
        raise InvalidInput(field="budget_fen", reason=gettext("预算应大于零，面议请留空。"))


def _invite(tender: Tender, by: Actor, at: datetime, invited: Iterable[UUID]) -> list[str]:
    wanted = list(dict.fromkeys(invited))
    if len(wanted) > rules.MOST_INVITED:
        reason = gettext("最多邀请 %(most)s 家单位。") % {"most": rules.MOST_INVITED}
        raise InvalidInput(field="invited", reason=reason)
    firms = list(bidders_for(by).filter(pk__in=wanted))
    if len(firms) != len(wanted):
        raise InvalidInput(field="invited", reason=gettext("请从已认证的标注企业中选择。"))
    TenderInvitation.objects.bulk_create(
        [TenderInvitation(tender=tender, organization=firm, invited_at=at) for firm in firms]
    )
    return [firm.name for firm in firms]


def _checked_items(raw: Iterable[RawItem], tender: Tender, field: str) -> dict[str, CheckedItem]:
    fields = config_for(tender.modality, tender.labeling_config).fields
    found: dict[str, CheckedItem] = {}
    for item in raw:
        try:
            checked = check(item, tender.modality, fields)
        except UploadRefused as refusal:
            raise InvalidInput(field=field, reason=str(refusal)) from refusal
        found.setdefault(checked.raw.sha256, checked)
    return found


def _replace_items(tender: Tender, samples: Sequence[RawItem], work: Sequence[RawItem]) -> int:
    """Put the tender's items in place of the former ones; equal content once, samples first. How many there are."""
    shown = _checked_items(samples, tender, "samples")
    others = {sha: item for sha, item in _checked_items(work, tender, "work").items() if sha not in shown}
    if len(shown) > rules.MOST_SAMPLES:
        reason = gettext("样题最多 %(most)s 条。") % {"most": rules.MOST_SAMPLES}
        raise InvalidInput(field="samples", reason=reason)
    if len(shown) + len(others) > min(rules.MOST_ITEMS, tender.item_count):
        reason = gettext("随招标上传的数据不能多于标注数量，且最多 %(most)s 条；其余在签约后导入项目。")
        raise InvalidInput(field="work", reason=reason % {"most": rules.MOST_ITEMS})
    tender.items.all().delete()
    rows = []
    for ordinal, (sha, item) in enumerate({**shown, **others}.items(), 1):
        key = "" if item.text else objects.put(f"tenders/{tender.pk}", item.raw.body, item.raw.media_type).key
        rows.append(
            TenderItem(
                tender=tender, ordinal=ordinal, is_sample=sha in shown, name=safe_name(item.raw.name),
                media_type=item.raw.media_type, sha256=sha, object_key=key, text=item.text, width=item.width,
                height=item.height,
            )
        )  # fmt: skip
    TenderItem.objects.bulk_create(rows)
    return len(rows)


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit log keeps: everything but the long texts, as plain values."""
    long = ("brief", "guideline", "labeling_config")
    return {
        name: str(value) if value is not None else None for name, value in values.items() if name not in long
    }


@transaction.atomic
def draft_tender(
    *,
    by: Actor,
    at: datetime,
    samples: Sequence[RawItem] = (),
    work: Sequence[RawItem] = (),
    invited: Iterable[UUID] = (),
    **wording: Any,
) -> Tender:
    """A new tender of the actor's organization; `wording` has the keys of WORDING. State: draft.

    `samples` are labelled by the bidders, `work` goes to the winner once it has signed. Raises NotAllowed,
    InvalidInput, ConfigRefused.
    """
    assert set(wording) <= set(WORDING), f"unknown: {set(wording) - set(WORDING)}"
    by.require(POST_TENDERS)
    if by.organization is None:
        raise NotAllowed(permission=POST_TENDERS.label, organization="—")
    kept = _checked(wording, at)
    tender = Tender(
        number=new_number("ZB", at), buyer=by.organization, created_by=by.user, created_at=at, **kept
    )
    tender.save(force_insert=True)
    names = _invite(tender, by, at, invited)
    count = _replace_items(tender, samples, work)
    detail = {**_told(kept), "invited": names, "items": count}
    record(by=by, at=at, action="tenders.draft", subject=tender, detail=detail)
    return tender


@transaction.atomic
def edit_tender(
    *,
    by: Actor,
    at: datetime,
    tender_id: UUID,
    samples: Sequence[RawItem] | None = None,
    work: Sequence[RawItem] | None = None,
    invited: Iterable[UUID] | None = None,
    **wording: Any,
) -> Tender:
    """Change a draft; what is left out stays, items are replaced together. Raises TenderLocked once published."""
    assert set(wording) <= set(WORDING), f"unknown: {set(wording) - set(WORDING)}"
    tender = own_tender(by, tender_id)
    if tender.state != TenderState.DRAFT:
        raise TenderLocked(state=tender.get_state_display())
    kept = _checked({**{name: getattr(tender, name) for name in WORDING}, **wording}, at)
    changed = {name: value for name, value in kept.items() if getattr(tender, name) != value}
    if {"modality", "labeling_config"} & changed.keys() and samples is None and tender.items.exists():
        raise InvalidInput(field="samples", reason=gettext("改了标注配置，请重新上传样题和数据。"))
    for name, value in changed.items():
        setattr(tender, name, value)
    if changed:
        tender.save(update_fields=list(changed))
    detail: dict[str, Any] = _told(changed)
    if invited is not None:
        tender.invitations.all().delete()
        detail["invited"] = _invite(tender, by, at, invited)
    if samples is not None or work is not None:
        detail["items"] = _replace_items(tender, samples or (), work or ())
    record(by=by, at=at, action="tenders.edit", subject=tender, detail=detail)
    return tender


# --- moves --------------------------------------------------------------------------------------------


@transaction.atomic
def publish_tender(*, by: Actor, at: datetime, tender_id: UUID) -> Tender:
    """Open a draft for bids: it has sample items, and invited firms when it is for them only."""
    tender = own_tender(by, tender_id)
    TENDER.check(tender, "publish")
    if tender.deadline <= at:
        raise InvalidInput(field="deadline", reason=gettext("投标截止时间应晚于现在。"))
    if not tender.items.filter(is_sample=True).exists():
        raise InvalidInput(field="samples", reason=gettext("请至少上传一条样题，投标单位要试标。"))
    invited = list(tender.invitations.order_by("pk").values_list("organization_id", flat=True))
    if tender.visibility == DemandVisibility.INVITED and not invited:
        raise NobodyInvited
    tender.published_at = at
    TENDER.move(tender, "publish", by=by, at=at, update_fields=["published_at"])
    record(by=by, at=at, action="tenders.publish", subject=tender)
    announce(TenderPublished(at=at, tender_id=tender.pk, invited=tuple(invited), by=by))
    return tender


@transaction.atomic
def withdraw_tender(*, by: Actor, at: datetime, tender_id: UUID) -> Tender:
    """Put a draft away."""
    return _end(own_tender(by, tender_id), "withdraw", by=by, at=at, reason="")


@transaction.atomic
def close_tender(*, by: Actor, at: datetime, tender_id: UUID, reason: str) -> Tender:
    """End a published tender without an award, with the reason for the bidders."""
    tender = own_tender(by, tender_id)
    TENDER.check(tender, "close")
    if not 2 <= len(reason.strip()) <= 500:
        raise InvalidInput(
            field="reason", reason=gettext("请用 2 到 500 个字写明终止的理由，投标单位能看到。")
        )
    return _end(tender, "close", by=by, at=at, reason=reason.strip())


@transaction.atomic
def expire_tender(*, at: datetime, tender_id: UUID) -> Tender:
    """End a tender that was not awarded in time; TooEarly before that."""
    tender = locked_tender(tender_id)
    TENDER.check(tender, "expire")
    if at < rules.decision_end(tender.deadline):
        raise TooEarly
    return _end(tender, "expire", by=Actor.system("招标到期"), at=at, reason="逾期未定标")


def locked_bids(tender: Tender) -> list[Bid]:
    """Every bid for a locked tender, under lock."""
    rows = Bid.objects.select_for_update(of=("self",), no_key=True).filter(tender=tender).order_by("pk")
    return list(rows.select_related("firm"))


def _end(tender: Tender, move: str, *, by: Actor, at: datetime, reason: str) -> Tender:
    TENDER.check(tender, move)
    ended = []
    for bid in locked_bids(tender):
        if bid.state in IN_THE_RUNNING:
            bid.outcome = reason
            BID_MOVES.move(bid, "decline", by=by, at=at, reason=reason, update_fields=["outcome"])
            ended.append(bid.pk)
    tender.ended_at = at
    TENDER.move(tender, move, by=by, at=at, reason=reason, update_fields=["ended_at"])
    record(by=by, at=at, action=f"tenders.{move}", subject=tender, detail={"reason": reason})
    announce(TenderEnded(at=at, tender_id=tender.pk, bids=tuple(ended), by=by))
    return tender


# --- questions ----------------------------------------------------------------------------------------


@transaction.atomic
def ask_question(*, by: Actor, at: datetime, tender_id: UUID, question: str) -> TenderQuestion:
    """A firm asks about a tender while bids are taken; the answer is for all, who asked for nobody."""
    tender = locked_tender(tender_id)
    if not tenders_visible_to(by).filter(pk=tender_id).exists():
        raise NotFound
    by.require(BID)
    if by.organization is None or by.belongs_to(tender.buyer_id):
        raise OwnTender
    require_open(tender, at)
    text = question.strip()
    if not 2 <= len(text) <= 1_000 or not is_storable(text):
        raise InvalidInput(field="question", reason=gettext("请用 2 到 1000 个字写明问题。"))
    made = TenderQuestion.objects.create(
        tender=tender, firm=by.organization, question=text, asked_by=by.user, asked_at=at
    )
    record(by=by, at=at, action="tenders.ask", subject=tender)
    announce(TenderAsked(at=at, question_id=made.pk, by=by))
    return made


@transaction.atomic
def answer_question(*, by: Actor, at: datetime, question_id: UUID, answer: str) -> TenderQuestion:
    """The buyer answers once, for all who may bid."""
    tender_id = TenderQuestion.objects.filter(pk=question_id).values_list("tender_id", flat=True).first()
    if tender_id is None:
        raise NotFound
    own_tender(by, tender_id)
    found = TenderQuestion.objects.get(pk=question_id)
    if found.answered_at is not None:
        raise AlreadyAnswered
    text = answer.strip()
    if not 1 <= len(text) <= 2_000 or not is_storable(text):
        raise InvalidInput(field="answer", reason=gettext("请用 1 到 2000 个字答复。"))
    found.answer, found.answered_at = text, at
    found.save(update_fields=["answer", "answered_at"])
    record(by=by, at=at, action="tenders.answer", subject=found.tender)
    announce(TenderAnswered(at=at, question_id=found.pk, by=by))
    return found
