"""Progress of a space: milestones with evidence, results, landed projects."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from documents.models import Document
from documents.states import DocumentState
from exchange.dataspace import rules
from exchange.dataspace.events import LandingClaimed, LandingDecided, MilestoneDecided, MilestoneReported
from exchange.dataspace.models import Landing, Milestone, Result, Space
from exchange.dataspace.permissions import DECIDE
from exchange.dataspace.selectors import landing_for, milestone_for
from exchange.dataspace.services.members import NotRunning, require_leader, require_running, said
from exchange.dataspace.services.products import locked_space
from exchange.dataspace.states import LANDING, MILESTONE, UNDECIDED, Place, ResultKind, SpaceState
from kernel import clock
from kernel.errors import InvalidInput, Refusal, SelfReview
from kernel.events import announce
from kernel.money import Money
from kernel.numbers import new_number
from kernel.records import new_id
from organizations.permissions import Actor


class EvidenceMissing(Refusal):
    """What is claimed rests on a file."""

    code = "space_evidence_missing"
    message = _("请上传证明材料，或选择本单位已上传的文件。")
    status = 422


def _evidence(space: Space, document_id: UUID | None) -> Document | None:
    """A stored file of the leader; EvidenceMissing when it is not one of those."""
    if document_id is None:
        return None
    rows = Document.objects.filter(organization=space.leader_id, state=DocumentState.STORED)
    found = rows.filter(pk=document_id).first()
    if found is None:
        raise EvidenceMissing(field="file")
    return found


def _named(text: str, field: str) -> str:
    text = text.strip()
    if not 2 <= len(text) <= 120:
        raise InvalidInput(field=field, reason=_("请填写 2 到 120 个字。"))
    return text


@transaction.atomic
def plan_milestone(
    *, by: Actor, at: datetime, space_id: UUID, title: str, target: str, due_on: date
) -> Milestone:
    """The leader sets a milestone while the application is open or the space runs; it never changes afterwards."""
    space = locked_space(by, space_id)
    require_leader(space, by)
    if space.state not in (*UNDECIDED, SpaceState.ACTIVE):
        raise NotRunning(state=space.get_state_display())
    today = clock.business_date(at)
    if not today <= due_on <= today + timedelta(days=rules.FURTHEST_DAYS):
        raise InvalidInput(field="due_on", reason=_("期限应在今天到五年之间。"))
    if space.milestones.count() >= rules.MOST_MILESTONES:
        raise InvalidInput(field="title", reason=_("一个空间最多 40 个里程碑。"))
    made = Milestone(
        space=space, title=_named(title, "title"), target=said(target, "target"), due_on=due_on, planned_at=at
    )
    made.save(force_insert=True)
    record(
        by=by, at=at, action="dataspaces.plan_milestone", subject=space,
        detail={"title": made.title, "due_on": due_on.isoformat()},
    )  # fmt: skip
    return made


def _locked_milestone(by: Actor, milestone_id: UUID) -> Milestone:
    space = locked_space(by, milestone_for(by, milestone_id).space_id)
    found = Milestone.objects.select_for_update(of=("self",), no_key=True).get(pk=milestone_id)
    found.space = space
    return found


@transaction.atomic
def report_milestone(
    *, by: Actor, at: datetime, milestone_id: UUID, report: str, document_id: UUID | None
) -> Milestone:
    """The leader reports a milestone as reached, with a file as evidence. Raises EvidenceMissing, NotRunning."""
    milestone = _locked_milestone(by, milestone_id)
    require_leader(milestone.space, by)
    MILESTONE.check(milestone, "report")
    require_running(milestone.space)
    document = _evidence(milestone.space, document_id)
    if document is None:
        raise EvidenceMissing(field="file")
    milestone.report, milestone.document, milestone.reported_at = said(report, "report"), document, at
    MILESTONE.move(milestone, "report", by=by, at=at, reason=milestone.report,
                   update_fields=["report", "document", "reported_at"])  # fmt: skip
    record(
        by=by, at=at, action="dataspaces.report_milestone", subject=milestone.space,
        detail={"title": milestone.title, "sha256": document.sha256},
    )  # fmt: skip
    announce(MilestoneReported(at=at, milestone_id=milestone.pk, by=by))
    return milestone


@transaction.atomic
def decide_milestone(*, by: Actor, at: datetime, milestone_id: UUID, move: str, reason: str) -> Milestone:
    """The operator confirms, sends back or drops a milestone (`move`), with the reason."""
    milestone = _locked_milestone(by, milestone_id)
    by.require(DECIDE)
    if not by.is_system and by.belongs_to(milestone.space.leader_id):
        raise SelfReview
    if move not in ("confirm", "send_back", "drop"):
        raise InvalidInput(field="move", reason=_("请选择核验结论。"))
    MILESTONE.check(milestone, move)
    reason = said(reason)
    milestone.decided_at = at
    MILESTONE.move(milestone, move, by=by, at=at, reason=reason, update_fields=["decided_at"])
    record(
        by=by, at=at, action=f"dataspaces.{move}_milestone", subject=milestone.space,
        detail={"title": milestone.title, "reason": reason},
    )  # fmt: skip
    announce(MilestoneDecided(at=at, milestone_id=milestone.pk, move=move, by=by))
    return milestone


@transaction.atomic
def record_result(
    *,
    by: Actor,
    at: datetime,
    space_id: UUID,
    kind: str,
    title: str,
    statement: str,
    reached_on: date,
    document_id: UUID | None = None,
) -> Result:
    """The leader records what came out of the space; it stays as written."""
    space = locked_space(by, space_id)
    require_leader(space, by)
    require_running(space)
    if kind not in ResultKind.values:
        raise InvalidInput(field="kind", reason=_("请选择成果类型。"))
    if reached_on > clock.business_date(at):
        raise InvalidInput(field="reached_on", reason=_("日期不能晚于今天。"))
    if space.results.count() >= rules.MOST_RECORDS:
        raise InvalidInput(field="title", reason=_("一个空间最多登记 500 项。"))
    made = Result(
        space=space,
        kind=kind,
        title=_named(title, "title"),
        statement=said(statement, "statement"),
        reached_on=reached_on,
        document=_evidence(space, document_id),
        recorded_by=by.user,
    )
    made.save(force_insert=True)
    record(by=by, at=at, action="dataspaces.record_result", subject=space, detail={"title": made.title})
    return made


@transaction.atomic
def claim_landing(
    *,
    by: Actor,
    at: datetime,
    space_id: UUID,
    title: str,
    firm: str,
    place: str,
    amount: Money,
    landed_on: date,
    statement: str,
    document_id: UUID | None,
) -> Landing:
    """The leader claims that the space brought a project to Qingyuan; the operator is to verify it.

    Raises EvidenceMissing, NotRunning, InvalidInput.
    """
    space = locked_space(by, space_id)
    require_leader(space, by)
    require_running(space)
    if place not in Place.values:
        raise InvalidInput(field="place", reason=_("请选择落地的县（市、区）。"))
    if not 0 < amount.fen <= rules.MOST_FEN:
        raise InvalidInput(field="amount", reason=_("金额应大于零。"))
    if landed_on > clock.business_date(at):
        raise InvalidInput(field="landed_on", reason=_("日期不能晚于今天。"))
    if space.landings.count() >= rules.MOST_RECORDS:
        raise InvalidInput(field="title", reason=_("一个空间最多登记 500 项。"))
    document = _evidence(space, document_id)
    if document is None:
        raise EvidenceMissing(field="file")
    made = Landing(
        id=new_id(), number=new_number("LD", at), space=space, title=_named(title, "title"),
        firm=_named(firm, "firm"), place=place, amount_fen=amount.fen, landed_on=landed_on,
        statement=said(statement, "statement"), document=document, claimed_by=by.user, claimed_at=at,
    )  # fmt: skip
    made.save(force_insert=True)
    record(
        by=by, at=at, action="dataspaces.claim_landing", subject=made,
        detail={"space": space.number, "amount_fen": amount.fen, "sha256": document.sha256},
    )  # fmt: skip
    announce(LandingClaimed(at=at, landing_id=made.pk, by=by))
    return made


@transaction.atomic
def decide_landing(*, by: Actor, at: datetime, landing_id: UUID, is_verified: bool, opinion: str) -> Landing:
    """The operator verifies a landed project against its evidence, or does not; the author never does."""
    space = locked_space(by, landing_for(by, landing_id).space_id)
    landing = Landing.objects.select_for_update(of=("self",), no_key=True).get(pk=landing_id)
    landing.space = space
    by.require(DECIDE)
    if not by.is_system and by.belongs_to(space.leader_id):
        raise SelfReview
    move = "verify" if is_verified else "refuse"
    LANDING.check(landing, move)
    landing.opinion, landing.decided_by, landing.decided_at = said(opinion, "opinion"), by.user, at
    LANDING.move(landing, move, by=by, at=at, reason=landing.opinion,
                 update_fields=["opinion", "decided_by", "decided_at"])  # fmt: skip
    record(
        by=by, at=at, action=f"dataspaces.{move}_landing", subject=landing,
        detail={"space": space.number, "amount_fen": landing.amount_fen, "opinion": landing.opinion},
    )  # fmt: skip
    announce(LandingDecided(at=at, landing_id=landing.pk, by=by))
    return landing
