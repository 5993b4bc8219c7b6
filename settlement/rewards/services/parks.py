"""Parks and the firms in them, recognised by the department from a day on, with evidence; taken back with a reason.

The park's row is the lock of everything that is said about it.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from audit.services import record
from documents.models import Document
from documents.states import DocumentState
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce as tell
from organizations import rules as places
from organizations.models import Organization, Park
from organizations.permissions import Actor
from settlement.rewards import recognitions
from settlement.rewards.events import ParkApplied, ParkDecided
from settlement.rewards.models import Claim, ParkRecognition
from settlement.rewards.permissions import APPLY_FOR_PARK, RECOGNISE_PARKS
from settlement.rewards.services.claims import refresh_draft
from settlement.rewards.services.declarations import OfficeMissing, OtherOffice
from settlement.rewards.services.guards import require_stranger
from settlement.rewards.services.recoveries import review_granted
from settlement.rewards.states import PARK_RECOGNITION, RecognitionState


class ParkApplicationOpen(Refusal):
    """One application of a firm for a park is looked at at a time."""

    code = "park_application_open"
    message = _("贵单位对“%(park)s”已有一份申请待认定；如需更改，请先撤回。")


class ParkRecognised(Refusal):
    """The days overlap with a recognition that holds."""

    code = "park_recognised"
    message = _("与自 %(from_on)s 起的认定时间重叠。请改用不重叠的起止日，或先撤销原认定。")


class ParkNotRecognised(Refusal):
    """A firm is recognised in a park that is recognised itself on its first day."""

    code = "park_not_recognised"
    message = _("“%(park)s”在 %(day)s 未经认定。请核对园区和起始日，或先认定园区。")
    status = 422


def locked_park(park_id: UUID) -> Park:
    """The park under lock; NotFound when there is none."""
    found = Park.objects.select_for_update(of=("self",)).filter(pk=park_id).first()
    if found is None:
        raise NotFound
    return found


def _locked(recognition_id: UUID) -> ParkRecognition:
    park_id = ParkRecognition.objects.filter(pk=recognition_id).values_list("park_id", flat=True).first()
    if park_id is None:
        raise NotFound
    locked_park(park_id)
    rows = ParkRecognition.objects.select_for_update(of=("self",)).select_related("park", "firm")
    return rows.get(pk=recognition_id)


def _require_office(by: Actor) -> None:
    office = recognitions.office()
    if office is None:
        raise OfficeMissing(source=recognitions.RECOGNISER.zh)
    if not by.belongs_to(office.organization_id):
        raise OtherOffice(office=office.organization.name)


def _evidence(by: Actor, document_id: UUID) -> Document:
    found = Document.objects.filter(
        Q(organization_id=by.organization_id), pk=document_id, state=DocumentState.STORED
    ).first()
    if found is None:
        raise InvalidInput(field="document", reason=_("请上传一份本单位的证明材料。"))
    return found


def _require_days(from_on: date, until_on: date | None, at: datetime) -> None:
    if from_on.year < 2000 or from_on > clock.business_date(at):
        raise InvalidInput(field="from_on", reason=_("起始日应为今天或以前的日子。"))
    if until_on is not None and until_on <= from_on:
        raise InvalidInput(field="until_on", reason=_("失效日应晚于起始日；长期有效的不填。"))


def _require_free(park: Park, firm_id: UUID | None, from_on: date, until_on: date | None) -> None:
    """No recognition of the same firm in the same park holds on any of these days."""
    rows = ParkRecognition.objects.filter(
        park=park, firm=firm_id, state__in=[RecognitionState.RECOGNISED, RecognitionState.REVOKED]
    )
    for each in rows.order_by("from_on", "pk"):
        is_empty = each.ends_on is not None and each.ends_on <= each.from_on
        starts_before = until_on is None or each.from_on < until_on
        if not is_empty and starts_before and (each.ends_on is None or from_on < each.ends_on):
            raise ParkRecognised(field="from_on", from_on=each.from_on.isoformat())


def _decided(
    found: ParkRecognition, move: str, *, by: Actor, at: datetime, reason: str, more: tuple[str, ...] = ()
) -> None:
    """Take the department's move, write it down, tell the firm, and let the statements that read it follow."""
    found.recogniser, found.decided_at, found.reason = by.organization, at, reason
    changed = ["recogniser", "decided_at", "reason", *more]
    PARK_RECOGNITION.move(found, move, by=by, at=at, reason=reason, update_fields=changed)
    detail = {
        "park": found.park.name, "firm": found.firm.name if found.firm else "", "reason": reason,
        "from_on": found.from_on.isoformat(), "ends_on": found.ends_on.isoformat() if found.ends_on else "",
    }  # fmt: skip
    record(by=by, at=at, action=f"rewards.{move}_park", subject=found, detail=detail)
    tell(ParkDecided(at=at, recognition_id=found.pk, by=by))


def _follow(found: ParkRecognition, *, since: date, at: datetime) -> None:
    """Statements and awards of the years from a day on that read the fact follow it."""
    system, cause = Actor.system("奖励测算"), f"园区认定有变化：{found.park.name}"
    firms = [found.firm_id] if found.firm_id else sorted(
        set(
            ParkRecognition.objects.filter(park=found.park, firm__isnull=False)
            .exclude(decided_at=None)
            .values_list("firm_id", flat=True)
        )
    )  # fmt: skip
    list(
        Organization.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=firms).order_by("pk")
    )
    for firm_id in firms:
        claims = Claim.objects.select_for_update(of=("self",)).select_related("firm", "decision")
        known = list(claims.filter(firm=firm_id, year__gte=since.year, decision__isnull=False).order_by("pk"))
        for claim in known:
            refresh_draft(claim, by=system, at=at)
        for year in sorted({claim.year for claim in known}):
            assert firm_id is not None, "a statement has a firm"
            review_granted(by=system, at=at, firm_id=firm_id, year=year, cause=cause)


@transaction.atomic
def recognise_park(
    *,
    by: Actor,
    at: datetime,
    name: str,
    place: str,
    from_on: date,
    document_id: UUID,
    reason: str,
    name_en: str = "",
    until_on: date | None = None,
) -> ParkRecognition:
    """Recognise a digital-economy park (article 2) from a day on; a park of that name is entered when there is none.

    Raises OfficeMissing, OtherOffice, ParkRecognised, InvalidInput, NotAllowed.
    """
    name = name.strip()
    if not 2 <= len(name) <= 120:
        raise InvalidInput(field="name", reason=_("园区名称应为 2 至 120 个字。"))
    if not places.is_place(place):
        raise InvalidInput(field="place", reason=_("请选择六位行政区划代码。"))
    by.require(RECOGNISE_PARKS)
    _require_office(by)
    Park.objects.bulk_create([Park(name=name, name_en=name_en.strip(), place=place)], ignore_conflicts=True)
    park = locked_park(Park.objects.values_list("pk", flat=True).get(name=name))
    _require_days(from_on, until_on, at)
    _require_reason(reason)
    document = _evidence(by, document_id)
    _require_free(park, None, from_on, until_on)
    found = ParkRecognition.objects.create(
        park=park, from_on=from_on, until_on=until_on, document=document, applied_by=by.user,
        applicant_label=by.label[:200], applied_at=at,
    )  # fmt: skip
    _decided(found, "recognise", by=by, at=at, reason=reason.strip())
    _follow(found, since=from_on, at=at)
    return found


@transaction.atomic
def apply_for_park(
    *,
    by: Actor,
    at: datetime,
    park_id: UUID,
    from_on: date,
    document_id: UUID,
    until_on: date | None = None,
    note: str = "",
) -> ParkRecognition:
    """Ask that the actor's firm be recognised in a park from a day on, with one document.

    Raises ParkApplicationOpen, ParkRecognised, ParkNotRecognised, InvalidInput, NotFound, NotAllowed.
    """
    park = locked_park(park_id)
    by.require(APPLY_FOR_PARK)
    firm = by.organization
    if firm is None:
        raise NotFound
    _require_days(from_on, until_on, at)
    if not recognitions.parks_on(from_on).filter(pk=park.pk).exists():
        raise ParkNotRecognised(field="park", park=str(park), day=from_on.isoformat())
    document = _evidence(by, document_id)
    if ParkRecognition.objects.filter(park=park, firm=firm, state=RecognitionState.APPLIED).exists():
        raise ParkApplicationOpen(field="park", park=str(park))
    _require_free(park, firm.pk, from_on, until_on)
    found = ParkRecognition.objects.create(
        park=park, firm=firm, from_on=from_on, until_on=until_on, note=note.strip()[:500], document=document,
        applied_by=by.user, applicant_label=by.label[:200], applied_at=at,
    )  # fmt: skip
    detail = {"park": park.name, "from_on": from_on.isoformat(), "document": document.sha256}
    record(by=by, at=at, action="rewards.apply_for_park", subject=found, detail=detail)
    tell(ParkApplied(at=at, recognition_id=found.pk, by=by))
    return found


@transaction.atomic
def withdraw_park_application(*, by: Actor, at: datetime, recognition_id: UUID) -> ParkRecognition:
    """The firm takes an application back before it was decided. Raises MoveNotAllowed, NotFound, NotAllowed."""
    found = _locked(recognition_id)
    if found.firm_id is None or not by.belongs_to(found.firm_id):
        raise NotFound
    by.require(APPLY_FOR_PARK)
    PARK_RECOGNITION.move(found, "withdraw", by=by, at=at)
    record(by=by, at=at, action="rewards.withdraw_park", subject=found)
    return found


@transaction.atomic
def decide_park_application(
    *, by: Actor, at: datetime, recognition_id: UUID, is_recognised: bool, reason: str = ""
) -> ParkRecognition:
    """The department in charge recognises a firm in a park for the days it asked for, or refuses with the reason.

    A statement that still lies with the firm is worked out anew, an award that rests on the fact is looked at again.
    Raises OfficeMissing, OtherOffice, SelfReview, ParkRecognised, ParkNotRecognised, MoveNotAllowed, InvalidInput.
    """
    found = _locked(recognition_id)
    by.require(RECOGNISE_PARKS)
    _require_office(by)
    move = "recognise" if is_recognised else "refuse"
    PARK_RECOGNITION.check(found, move)
    assert found.firm_id is not None, "a park never waits: it is recognised as it is entered"
    require_stranger(by, found.firm_id)
    if not is_recognised:
        _require_reason(reason)
        _decided(found, move, by=by, at=at, reason=reason.strip())
        return found
    if not recognitions.parks_on(found.from_on).filter(pk=found.park_id).exists():
        raise ParkNotRecognised(park=str(found.park), day=found.from_on.isoformat())
    _require_free(found.park, found.firm_id, found.from_on, found.until_on)
    _decided(found, move, by=by, at=at, reason=reason.strip())
    _follow(found, since=found.from_on, at=at)
    return found


@transaction.atomic
def revoke_park_recognition(
    *, by: Actor, at: datetime, recognition_id: UUID, from_on: date, reason: str
) -> ParkRecognition:
    """Take a recognition of a firm or of a whole park back from a day on; the days before it stay as they were.

    From its first day: as if it had never been. Raises OfficeMissing, OtherOffice, SelfReview, MoveNotAllowed,
    InvalidInput, NotFound, NotAllowed.
    """
    found = _locked(recognition_id)
    by.require(RECOGNISE_PARKS)
    _require_office(by)
    PARK_RECOGNITION.check(found, "revoke")
    if found.firm_id is not None:
        require_stranger(by, found.firm_id)
    last = clock.business_date(at)
    if not found.from_on <= from_on <= last or (found.until_on is not None and from_on >= found.until_on):
        raise InvalidInput(field="from_on", reason=_("撤销起始日应在认定的有效期内，且不晚于今天。"))
    _require_reason(reason)
    found.revoked_from = from_on
    _decided(found, "revoke", by=by, at=at, reason=reason.strip(), more=("revoked_from",))
    _follow(found, since=from_on, at=at)
    return found


def _require_reason(reason: str) -> None:
    if not 2 <= len(reason.strip()) <= 2000:
        raise InvalidInput(field="reason", reason=_("请写明理由，2 至 2000 个字，企业会看到。"))
