"""The pilot agreement: signed by both sides over its hash; the second signature begins the pilot."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.pilots import rules
from exchange.pilots.events import PilotBegan
from exchange.pilots.models import Agreement, Pilot, Signature
from exchange.pilots.permissions import SIGN_AS_BROKER, SIGN_AS_OPERATOR
from exchange.pilots.selectors import pilots_visible_to
from exchange.pilots.states import IN_FORCE, PILOT, Party, PilotState
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce
from organizations.permissions import Actor


class AlreadySigned(Refusal):
    """Each side signs once."""

    code = "pilot_already_signed"
    message = _("%(party)s已签署过这份协议，等待对方签署。")


class OtherText(Refusal):
    """The signer read another text than the agreement's."""

    code = "pilot_other_text"
    message = _("签署的文本摘要与协议不一致，请重新打开协议全文核对后再签。")


class WrongSide(Refusal):
    """This step belongs to the other side."""

    code = "pilot_wrong_side"
    message = _("这一步由%(party)s办理，您的单位在本试点中不是%(party)s。")
    status = 403


class SigningOver(Refusal):
    """The days for signing have passed."""

    code = "pilot_signing_over"
    message = _("签署期限已过，本次入选不再签约。需要参加试点请在下一批次申报。")


class AlreadyInPilot(Refusal):
    """One pilot of a type at a time."""

    code = "already_in_pilot"
    message = _("该单位已有同类型的试点 %(number)s 在进行，不能重复开始。")


def locked_pilot(pilot_id: UUID) -> Pilot:
    """The pilot, locked until the transaction ends; NotFound if there is none."""
    rows = Pilot.objects.select_for_update(of=("self",)).select_related("organization", "operator")
    found = rows.filter(pk=pilot_id).order_by("pk").first()
    if found is None:
        raise NotFound
    return found


def seen_pilot(by: Actor, pilot_id: UUID) -> Pilot:
    """The pilot under lock; NotFound unless the actor may see it."""
    found = locked_pilot(pilot_id)
    if not pilots_visible_to(by).filter(pk=pilot_id).exists():
        raise NotFound
    return found


def _party(pilot: Pilot, by: Actor) -> Party:
    return Party.OPERATOR if by.organization_id == pilot.operator_id else Party.BROKER


def _require_side(pilot: Pilot, by: Actor, party: Party) -> None:
    side = pilot.operator_id if party is Party.OPERATOR else pilot.organization_id
    if not by.belongs_to(side):
        raise WrongSide(party=party.label)
    by.require(SIGN_AS_OPERATOR if party is Party.OPERATOR else SIGN_AS_BROKER)


@transaction.atomic
def sign_agreement(*, by: Actor, at: datetime, pilot_id: UUID, text_sha256: str) -> Pilot:
    """Sign for the actor's side the text with that hash; the second side's signature begins the pilot.

    The caller has let the person confirm who they are. Raises OtherText, AlreadySigned, SigningOver, WrongSide.
    """
    pilot = seen_pilot(by, pilot_id)
    party = _party(pilot, by)
    _require_side(pilot, by, party)
    PILOT.check(pilot, "begin")
    if at >= pilot.sign_by:
        raise SigningOver
    agreement = Agreement.objects.get(pilot=pilot)
    if text_sha256 != agreement.text_sha256:
        raise OtherText(field="text_sha256")
    signed = set(agreement.signatures.values_list("party", flat=True))
    if party.value in signed:
        raise AlreadySigned(party=party.label)
    Signature(
        agreement=agreement,
        party=party,
        organization_id=by.organization_id or pilot.organization_id,
        signed_by=by.user,
        signer_label=by.label[:200],
        text_sha256=agreement.text_sha256,
        signed_at=at,
    ).save(force_insert=True)
    record(
        by=by, at=at, action="pilots.sign", subject=pilot,
        detail={"party": party.value, "agreement": agreement.number, "text_sha256": agreement.text_sha256},
    )  # fmt: skip
    if len(signed | {party.value}) == len(Party):
        _begin(pilot, by, at)
    return pilot


def _begin(pilot: Pilot, by: Actor, at: datetime) -> None:
    rows = Pilot.objects.filter(organization=pilot.organization_id, type=pilot.type, state__in=IN_FORCE)
    running = rows.exclude(pk=pilot.pk).first()
    if running is not None:
        raise AlreadyInPilot(number=running.number)
    pilot.began_at, pilot.until = at, rules.years_after(at, pilot.term_years)
    PILOT.move(pilot, "begin", by=by, at=at, update_fields=["began_at", "until"])
    announce(PilotBegan(at=at, pilot_id=pilot.pk, organization_id=pilot.organization_id, by=by))


@transaction.atomic
def decline_pilot(*, by: Actor, at: datetime, pilot_id: UUID, reason: str) -> Pilot:
    """End a pilot that was not signed: the broker does not want it, or its days for signing have passed.

    The operator may only do so after those days.
    """
    pilot = seen_pilot(by, pilot_id)
    party = _party(pilot, by)
    _require_side(pilot, by, party)
    PILOT.check(pilot, "decline")
    assert pilot.state == PilotState.UNSIGNED, "only an unsigned pilot is declined"
    if party is Party.OPERATOR and at < pilot.sign_by:
        raise WrongSide(party=Party.BROKER.label)
    if len(reason.strip()) < 4:
        raise InvalidInput(field="reason", reason=_("请写明放弃的理由。"))
    pilot.ended_at = at
    PILOT.move(pilot, "decline", by=by, at=at, reason=reason.strip(), update_fields=["ended_at"])
    record(by=by, at=at, action="pilots.decline", subject=pilot, detail={"reason": reason.strip()})
    return pilot
