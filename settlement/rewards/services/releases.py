"""Releasing a version of the rules: one person proposes what the files are now, another one releases it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce as tell
from kernel.numbers import new_number
from kernel.wording import listed
from organizations.permissions import Actor
from settlement.rewards import measures, releases, selectors
from settlement.rewards.events import RulesMoved
from settlement.rewards.models import ReleaseApproval, ReleaseNews, RuleRelease
from settlement.rewards.permissions import RELEASE_RULES
from settlement.rewards.services.guards import locked_claim, require_other_person
from settlement.rewards.services.recoveries import review_released

SHOWN = 3


class ScenariosFail(Refusal):
    """Rules whose sentences do not hold are not released."""

    code = "scenarios_fail"
    message = _("有 %(count)s 个情景测试不符，不能发布：%(names)s。请先更正参数、规则或情景。")


class AlreadyReleased(Refusal):
    """The files are what was released last."""

    code = "already_released"
    message = _("现行文件与已发布的 %(number)s 相同，不需要再次发布。")


class ReleaseStale(Refusal):
    """The files are no longer what was proposed."""

    code = "release_stale"
    message = _("提出之后规则文件已有变化，请按现行文件重新提出发布。")


def locked_release(release_id: UUID) -> RuleRelease:
    """The proposal, locked until the transaction ends; NotFound when there is none."""
    found = RuleRelease.objects.select_for_update(of=("self",)).filter(pk=release_id).first()
    if found is None:
        raise NotFound
    return found


def _require_green() -> int:
    count, failing = releases.tried()
    if failing:
        raise ScenariosFail(count=len(failing), names=listed(failing[:SHOWN]))
    return count


def _require_new(content: str) -> None:
    last = selectors.last_release()
    if last is not None and last.content_sha256 == content:
        raise AlreadyReleased(number=last.number)


@transaction.atomic
def propose_release(
    *, by: Actor, at: datetime, note: str, version: str = measures.CURRENT_VERSION
) -> RuleRelease:
    """Register what the files of a version are now, for another person to release. Proposing the same twice gives one.

    Raises ScenariosFail, AlreadyReleased, InvalidInput.
    """
    by.require(RELEASE_RULES)
    if not any(name == version for _measure, name in measures.VERSIONS):
        raise InvalidInput(field="version", reason=_("没有这个版本。"))
    if not note.strip():
        raise InvalidInput(field="note", reason=_("请写明本次发布的内容和依据。"))
    content = releases.content_sha256(version)
    _require_new(content)
    known = RuleRelease.objects.filter(content_sha256=content, approval=None).order_by("-pk").first()
    if known is not None:
        return known
    release = RuleRelease.objects.create(
        number=new_number("GZ", at),
        version=version,
        code_version=measures.CODE_VERSION,
        files=releases.files_of(version),
        content_sha256=content,
        scenario_count=_require_green(),
        note=note.strip(),
        proposed_by=by.user,
        proposer_label=by.label[:200],
        proposed_at=at,
    )
    record(by=by, at=at, action="rewards.propose_release", subject=release, detail=_told(release))
    return release


@transaction.atomic
def approve_release(*, by: Actor, at: datetime, release_id: UUID) -> RuleRelease:
    """Another person releases what was proposed; decisions from now on name it, and supplements that wait are worked
    out anew.

    Raises SamePerson, ReleaseStale when the files changed since, ScenariosFail, AlreadyReleased.
    """
    release = locked_release(release_id)
    by.require(RELEASE_RULES)
    require_other_person(by, release.proposed_by_id)
    _require_new(release.content_sha256)
    if releases.content_sha256(release.version) != release.content_sha256:
        raise ReleaseStale
    _require_green()
    ReleaseApproval.objects.create(
        release=release, approved_by=by.user, approver_label=by.label[:200], approved_at=at
    )
    record(by=by, at=at, action="rewards.approve_release", subject=release, detail=_told(release))
    review_released(by=by, at=at)
    from settlement.rewards.tasks import tell_release as task

    transaction.on_commit(task.delay)
    return release


def tell_release(*, at: datetime) -> int:
    """Tell the firms with whom a statement lies what the release in force makes of it, in yuan; how many were told.

    Each claim is a transaction of its own, told once for a release; running again tells nobody twice. Nothing is
    decided anew: the firm does that, looks, and confirms.
    """
    release = selectors.running_release()
    if release is None:
        return 0
    waiting = list(selectors.statements_under_other_rules(release).values_list("pk", flat=True))
    return sum(_tell_firm(claim_id, at=at) for claim_id in waiting)


@transaction.atomic
def _tell_firm(claim_id: UUID, *, at: datetime) -> bool:
    claim = locked_claim(claim_id)
    change = selectors.rules_change_of(claim) if claim.state in selectors.WITH_FIRM else None
    if change is None:
        return False
    news, is_new = ReleaseNews.objects.get_or_create(
        claim=claim,
        release=change.release,
        defaults={"former_fen": change.former_fen, "now_fen": change.now_fen, "told_at": at},
    )
    if not is_new:
        return False
    by = Actor.system("规则发布")
    detail = {"release": change.release.number, "former_fen": change.former_fen, "now_fen": change.now_fen}
    record(
        by=by, at=at, action="rewards.tell_release", subject=news, detail={"claim": claim.number, **detail}
    )
    tell(
        RulesMoved(
            at=at, claim_id=claim.pk, firm_id=claim.firm_id, by=by, release_number=change.release.number,
            former_fen=change.former_fen, now_fen=change.now_fen,
        )
    )  # fmt: skip
    return True


def _told(release: RuleRelease) -> dict[str, object]:
    return {
        "number": release.number,
        "version": release.version,
        "content_sha256": release.content_sha256,
        "scenario_count": release.scenario_count,
        "note": release.note,
    }
