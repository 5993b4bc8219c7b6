"""Reading the registry: what a viewer sees, how a review stands, what anyone may verify."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from annotation.projects.models import GuidelineVersion, Item, Project
from annotation.projects.states import ProjectState
from annotation.work.models import Review, Task
from assets.datasets.models import DatasetVersion
from assets.datasets.states import VersionState
from assets.profiles import wording as profile_words
from assets.profiles.rules.grading import strictest
from assets.profiles.selectors import NearDuplicates, profile_of, suggestion_of
from assets.profiles.states import Level
from assets.registry import rules
from assets.registry.models import (
    Application,
    Certificate,
    CommitteeSeat,
    CorrectionLetter,
    Finding,
    Licence,
    Objection,
    ReviewAssignment,
    Revocation,
)
from assets.registry.permissions import AGREE, APPLY, CONTROL_CERTIFICATES, REVIEW, VIEW_REGISTRY, VOTE
from assets.registry.states import (
    OF_DOCUMENTS,
    OPEN_OBJECTIONS,
    OPEN_REVOCATIONS,
    OPEN_STATES,
    ApplicationState,
    CertificateState,
    CheckVerdict,
    Classification,
    Outcome,
    RegistrationKind,
    ReviewerRole,
)
from kernel import clock
from kernel.errors import NotFound
from kernel.models import Transition
from kernel.wording import listed
from organizations.models import Membership, Organization
from organizations.permissions import Actor
from organizations.states import OrganizationKind
from web.desk import Figure, Todo
from web.finding import Hit

Text = str | Promise
AT_AUTHORITY = (
    ApplicationState.SUBMITTED,
    ApplicationState.ACCEPTED_FOR_REVIEW,
    ApplicationState.COMPLIANCE_REVIEW,
    ApplicationState.PUBLIC_NOTICE,
    ApplicationState.UNDER_OBJECTION,
)
"""States in which the authority has something to do, now or when a clock ends."""
PANEL_STATES = (ApplicationState.COMPLIANCE_REVIEW, ApplicationState.PUBLIC_NOTICE)
"""States in which a second opinion or a vote may be outstanding."""
ACTIVE = (CertificateState.VALID, CertificateState.SUSPENDED)
"""States of a certificate that stands in the register for its thing."""
ACCEPTED_PROJECTS = (ProjectState.ACCEPTED, ProjectState.CLOSED)


# --- what a viewer sees -------------------------------------------------------------------------


def parameters_on(day: date) -> rules.Parameters:
    """The registry's parameters in force on a day: the platform's row, then the dated rows of the settings."""
    base = replace(
        rules.PARAMETERS[0],
        notice_working_days=settings.REGISTRATION_NOTICE_WORKING_DAYS,
        validity_years=settings.REGISTRATION_VALIDITY_YEARS,
    )
    rows = [base, *rules.PARAMETERS[1:]]
    for told in sorted(settings.REGISTRATION_PARAMETERS, key=lambda row: str(row["since"])):
        row: dict[str, Any] = {**told, "since": date.fromisoformat(str(told["since"]))}
        rows.append(replace(rows[-1], **row))
    return rules.parameters_of(rows, day)


def _scope(viewer: Actor, own: Q, authority: Q) -> Q | None:
    """Rows of the own organization, and those that authority or auditors see; None for nobody."""
    if viewer.is_system:
        return Q()
    found: Q | None = None
    if viewer.can(VIEW_REGISTRY):
        found = Q() if OrganizationKind.AUDITOR in viewer.kinds else own
    if viewer.can(REVIEW):
        found = authority if found is None else found | authority
    if viewer.can(VOTE) and viewer.user is not None and not viewer.can(REVIEW):
        seated = CommitteeSeat.objects.filter(member=viewer.user).values("application")
        voted = Q(pk__in=seated)
        found = voted if found is None else found | voted
    return found


def applications_visible_to(viewer: Actor) -> QuerySet[Application]:
    """The registrant's own and those it is the other party of; what was ever submitted for reviewers;
    what they vote on for committee members; everything for auditors."""
    own = Q(registrant=viewer.organization) | Q(other=viewer.organization)
    scope = _scope(viewer, own, Q(submitted_at__isnull=False))
    if scope is None:
        return Application.objects.none()
    return Application.objects.select_related(
        "registrant", "version__dataset", "project", "reviewer", "other", "subject"
    ).filter(scope)


def certificates_visible_to(viewer: Actor) -> QuerySet[Certificate]:
    """The holder's own; all for reviewers and auditors."""
    scope = None
    if viewer.is_system or viewer.can(REVIEW):
        scope = Q()
    elif viewer.can(VIEW_REGISTRY):
        scope = Q() if OrganizationKind.AUDITOR in viewer.kinds else Q(holder=viewer.organization)
    if scope is None:
        return Certificate.objects.none()
    return Certificate.objects.select_related("holder", "version__dataset", "project").filter(scope)


def application_for(viewer: Actor, application_id: UUID) -> Application:
    """One visible application; NotFound otherwise."""
    found = applications_visible_to(viewer).filter(pk=application_id).first()
    if found is None:
        raise NotFound
    return found


def review_queue(viewer: Actor) -> QuerySet[Application]:
    """What the authority must do, the nearest deadline first (order by `due_on`, `id`)."""
    if not viewer.can(REVIEW):
        return Application.objects.none()
    return applications_visible_to(viewer).filter(state__in=AT_AUTHORITY).exclude(due_on=None)


def certificate_by_number(number: str) -> Certificate | None:
    """The certificate of a number, whoever asks: everything a certificate says is public."""
    if "\x00" in number:
        return None
    rows = Certificate.objects.select_related("holder", "version__dataset", "project", "application")
    return rows.filter(number=number.strip().upper()).first()


def registrable_versions(viewer: Actor) -> QuerySet[DatasetVersion]:
    """Sealed versions of the own firm without an open application or a certificate in force."""
    if not viewer.can(APPLY):
        return DatasetVersion.objects.none()
    taken = _registered("version")
    rows = DatasetVersion.objects.select_related("dataset").filter(
        dataset__firm=viewer.organization, state=VersionState.SEALED
    )
    return rows.exclude(pk__in=taken[0]).exclude(pk__in=taken[1]).order_by("-sealed_at")


def _registered(name: str) -> tuple[QuerySet[Any, Any], QuerySet[Any, Any]]:
    """Versions or projects on their way to a certificate, and those that have one in force."""
    there = {f"{name}__isnull": False}
    applied = Application.objects.filter(state__in=OPEN_STATES, **there).values(name)
    certified = Certificate.objects.filter(state__in=ACTIVE, **there).values(name)
    return applied, certified


def registrable_projects(viewer: Actor) -> QuerySet[Project]:
    """Accepted annotation projects of the own firm without an open application or a certificate in force."""
    if not viewer.can(APPLY):
        return Project.objects.none()
    applied, certified = _registered("project")
    rows = Project.objects.filter(firm=viewer.organization, state__in=ACCEPTED_PROJECTS)
    return rows.exclude(pk__in=applied).exclude(pk__in=certified).order_by("-accepted_at")


def successor_versions(certificate: Certificate) -> list[DatasetVersion]:
    """Sealed versions of the certificate's dataset that a change may register: its own, and unregistered ones."""
    if certificate.version is None:
        return []
    applied, certified = _registered("version")
    rows = DatasetVersion.objects.select_related("dataset").filter(
        dataset=certificate.version.dataset_id, state=VersionState.SEALED
    )
    free = ~Q(pk__in=applied) & ~Q(pk__in=certified)
    return list(rows.filter(free | Q(pk=certificate.version_id)).order_by("-version"))


@dataclass(frozen=True, slots=True)
class LetterPoint:
    """One point of a correction letter: its title, what the reviewer found, the section that answers it."""

    title: str | Promise
    remark: str
    section: str


@dataclass(frozen=True, slots=True)
class SentLetter:
    """A correction letter as its readers see it."""

    letter: CorrectionLetter
    points: list[LetterPoint]


def letters_of(application: Application) -> list[SentLetter]:
    """The correction letters, newest first, each point with the finding that stood when the letter was sent."""
    letters = list(application.letters.order_by("-ordinal"))
    findings = list(application.findings.order_by("found_at", "pk")) if letters else []
    sections = rules.sections_of(application.kind, application.product_kind)
    found = []
    for letter in letters:
        remarks = {
            each.check_code: each.remark for each in findings if each.found_at <= letter.sent_at
        }  # the last one of a code stands
        points = [
            LetterPoint(rules.CHECKS[code].title, remarks.get(code, ""), code if code in sections else "")
            for code in letter.points
        ]
        found.append(SentLetter(letter, points))
    return found


def history_of(*subjects: UUID) -> list[Transition]:
    """Every move of some things, oldest first."""
    return list(Transition.objects.filter(subject_id__in=subjects).order_by("at", "id"))


def verification_url(number: str) -> str:
    """The public address that a QR code leads to."""
    return f"{settings.SITE_URL}/verify/{number}/"


# --- grade --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Grading:
    """How an application's data are graded: as declared, and in effect; why the second is stricter.

    Both are empty before a grade is declared. `reasons` are in the reader's language, empty when the
    declaration stands.
    """

    declared: str
    effective: str
    reasons: tuple[str, ...] = ()

    @property
    def label(self) -> Text:
        """The grade in effect."""
        return Classification(self.effective).label if self.effective else ""

    @property
    def words(self) -> str:
        """The grade in effect, and what was declared when that was less strict."""
        if self.effective == self.declared:
            return str(self.label)
        return _("申报 %(declared)s，按扫描从严为 %(effective)s：%(reasons)s") % {
            "declared": Classification(self.declared).label,
            "effective": self.label,
            "reasons": " ".join(self.reasons),
        }


def grading_of(application: Application) -> Grading:
    """The strictest of what was declared and what the version's profile suggests.

    Without a version, or before its profile is made, the declaration stands. A kind of registration that
    does not ask for the grade never lowers the one on its certificate.
    """
    declared = application.classification
    if not declared or application.version_id is None:
        return Grading(declared, declared)
    found = [(Level(declared), list[str]())]
    profile = profile_of(application.version_id)
    if profile is not None:
        suggestion = suggestion_of(profile, None)
        found.append((suggestion.level, [profile_words.reason(each) for each in suggestion.reasons]))
    if application.subject is not None and "classification" not in rules.KINDS[application.kind].sections:
        held = Level(application.subject.claims["certificate"]["classification"])
        found.append((held, [_("原证书的分级是“%(level)s”。") % {"level": Classification(held).label}]))
    effective = strictest(level for level, _reasons in found)
    if effective == declared:
        return Grading(declared, declared)
    reasons = [reason for level, told in found for reason in told if level == effective]
    return Grading(declared, effective.value, tuple(reasons))


def effective_classification(application: Application) -> str:
    """The grade an application is reviewed and certified by: the strictest of declared and suggested."""
    return grading_of(application).effective


# --- completeness and review --------------------------------------------------------------------


_SETTLED = (RegistrationKind.CHANGE, RegistrationKind.CORRECTION)
"""Kinds that must change something of what the certificate says."""


def is_fixed(application: Application) -> bool:
    """Whether the thing that is registered can no longer change."""
    if application.project is not None:
        return application.project.state in ACCEPTED_PROJECTS and application.project.guidelines.exists()
    version = application.version
    return version is None or (version.state == VersionState.SEALED and len(version.root_hash) == 64)


def versions_registered_by_others(application: Application) -> QuerySet[DatasetVersion]:
    """Registered versions of other firms: what an application's content is compared with."""
    rows = DatasetVersion.objects.filter(certificates__state__in=ACTIVE)
    return rows.exclude(dataset__firm=application.registrant_id).distinct()


def party(organization: Organization) -> rules.Party:
    """An organization as certificates name it."""
    return rules.Party(organization.name, organization.name_en, organization.uscc)


def work_of(project: Project, arrangement: str) -> rules.Work:
    """An annotation project as a certificate names it: scope, guidelines, acceptance, parties."""
    tasks = Task.objects.filter(project=project).aggregate(
        every=Count("pk"), accepted=Count("pk", filter=Q(state="accepted"))
    )
    reviews = Review.objects.filter(submission__task__project=project).aggregate(
        every=Count("pk"), returned=Count("pk", filter=Q(verdict="return"))
    )
    guidelines = GuidelineVersion.objects.filter(project=project).order_by("version")
    assert project.accepted_at is not None, "only an accepted project is registered"
    return rules.Work(
        number=project.number,
        title=project.title,
        modality=project.modality,
        item_count=Item.objects.filter(project=project).count(),
        task_count=tasks["every"],
        accepted_count=tasks["accepted"],
        review_count=reviews["every"],
        returned_count=reviews["returned"],
        accepted_on=clock.business_date(project.accepted_at),
        guidelines=[(g.version, hashlib.sha256(g.body.encode()).hexdigest()) for g in guidelines],
        firm=party(project.firm),
        client=party(project.client) if project.client else None,
        arrangement=arrangement,
    )


def completeness(application: Application) -> list[rules.Missing]:
    """What the application lacks before it can be submitted."""
    version, subject = application.version, application.subject
    return rules.completeness(
        rules.Dossier(
            kind=application.kind,
            product_kind=application.product_kind,
            title=application.title,
            use_case=application.use_case,
            source_statement=application.source_statement,
            rights=application.rights,
            classification=application.classification,
            legal_statement=application.legal_statement,
            is_fixed=is_fixed(application),
            is_verified=application.registrant.is_verified,
            reason=application.reason,
            arrangement=application.arrangement,
            scope=application.scope,
            licence_until=application.licence_until,
            certificate_until=subject.valid_until if subject else None,
            has_other=application.other is not None and application.other.is_verified,
            has_agreed=application.agreed_at is not None,
            has_changed=application.kind in _SETTLED and bool(differences(application)),
            file_count=application.attachments.count() if application.product_kind in OF_DOCUMENTS else 0,
            sample_count=len(version.sample) if version else 0,
        )
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which an application departs from the registration before it."""

    label: Text
    before: object
    after: object


def differences(application: Application) -> list[Difference]:
    """What an application would change in what its certificate says; empty for an initial one."""
    subject = application.subject
    if subject is None:
        return []
    former = Application.objects.get(pk=subject.application_id)
    found = []
    for name, label in rules.DIFFERING.items():
        before, after = getattr(former, name), getattr(application, name)
        if before != after:
            found.append(Difference(label, shown(name, before), shown(name, after)))
    if application.kind == RegistrationKind.TRANSFER:
        found.append(Difference(gettext_lazy("持有人"), subject.holder, application.other or ""))
    if application.kind == RegistrationKind.CHANGE:
        found += _version_differences(subject.version, application.version)
    return found


def shown(name: str, value: Any) -> object:
    """A field of an application as people read it."""
    if name == "rights":
        return listed(rules.labels_of_rights(value))
    if name == "classification" and value:
        return Classification(value).label
    return value


def _version_differences(old: DatasetVersion | None, new: DatasetVersion | None) -> list[Difference]:
    """Version, size, files and labels of two versions, where they differ."""
    if old is None or new is None or old.pk == new.pk:
        return []
    pairs: list[tuple[Text, object, object]] = [
        (gettext_lazy("数据集版本"), f"v{old.version}", f"v{new.version}"),
        (gettext_lazy("样本数"), f"{old.row_count:,}", f"{new.row_count:,}"),
        (gettext_lazy("文件数"), f"{old.file_count:,}", f"{new.file_count:,}"),
        (gettext_lazy("字节数"), f"{old.byte_count:,}", f"{new.byte_count:,}"),
        (gettext_lazy("根哈希"), f"{old.root_hash[:16]}…", f"{new.root_hash[:16]}…"),
    ]
    for label in sorted({*old.label_counts, *new.label_counts}):
        before, after = old.label_counts.get(label, 0), new.label_counts.get(label, 0)
        pairs.append((_("标签“%(label)s”") % {"label": label}, f"{before:,}", f"{after:,}"))
    return [Difference(*pair) for pair in pairs if pair[1] != pair[2]]


def agreement_text(application: Application) -> str:
    """What the other party of a transfer or licence agrees to, word for word; its hash is kept."""
    assert application.subject is not None, "an agreement is about a certificate"
    lines = [
        RegistrationKind(application.kind).value,
        application.number,
        application.subject.number,
        application.registrant.uscc,
        application.other.uscc if application.other else "",
        application.reason,
        application.scope,
        application.licence_until.isoformat() if application.licence_until else "",
        ",".join(application.rights),
    ]
    return "\n".join(lines)


def agreement_hash(application: Application) -> str:
    """SHA-256 of the agreement's text."""
    return hashlib.sha256(agreement_text(application).encode()).hexdigest()


def follow_ups_for(viewer: Actor, certificate: Certificate, on: date) -> list[str]:
    """Which kinds of registration the holder may apply for now, under a certificate."""
    if not (viewer.can(APPLY) and viewer.belongs_to(certificate.holder_id)) or dispute_of(certificate):
        return []
    busy = set(certificate.follow_ups.filter(state__in=OPEN_STATES).values_list("kind", flat=True))
    is_busy = bool(busy - {RegistrationKind.LICENCE.value})
    found: list[str] = []
    if certificate.state == CertificateState.VALID and on <= certificate.valid_until:
        if not is_busy:
            found += ["change", "correction", "transfer", "cancellation"]
        found.append("licence")
    renewable = rules.is_renewable(certificate.valid_until, on, parameters_on(on))
    is_there = certificate.state in (CertificateState.VALID, CertificateState.EXPIRED)
    if renewable and is_there and not is_busy:
        found.append("renewal")
    return found


def dispute_of(certificate: Certificate) -> str:
    """The number of an open objection or revocation about a certificate; empty if there is none."""
    objection = Objection.objects.filter(certificate=certificate, state__in=OPEN_OBJECTIONS).first()
    if objection is not None:
        return objection.number
    revocation = Revocation.objects.filter(certificate=certificate, state__in=OPEN_REVOCATIONS).first()
    return revocation.number if revocation else ""


@dataclass(frozen=True, slots=True)
class AlikeRow:
    """A row of ours (0: the whole file) and its likest one in a version registered by another firm."""

    path: str
    row: int
    other: DatasetVersion
    other_row: int
    similarity_percent: int


def alike_rows(found: NearDuplicates | None) -> list[AlikeRow]:
    """The examples of a comparison with the versions they lie in, the likest first."""
    if found is None:
        return []
    wanted = {example.other_version_id for example in found.examples}
    versions = DatasetVersion.objects.select_related("dataset").in_bulk(wanted)
    return [
        AlikeRow(
            each.path, each.row, versions[each.other_version_id], each.other_row, each.similarity_percent
        )
        for each in found.examples
    ]


@dataclass(frozen=True, slots=True)
class CheckStand:
    """How one point of the checklist stands: judged by the platform, by a person, or not yet."""

    check: rules.Check
    verdict: str
    remark: Text = ""
    finding: Finding | None = None

    @property
    def holds(self) -> bool:
        return self.verdict in (CheckVerdict.PASS, CheckVerdict.NOT_APPLICABLE)

    @property
    def is_open(self) -> bool:
        return not self.verdict


def _automatic(check: rules.Check, application: Application) -> CheckStand:
    if check.code == "subject":
        holds = application.registrant.is_verified
        remark = gettext_lazy("单位已认证") if holds else gettext_lazy("单位尚未通过认证")
    elif check.code == "agreement":
        holds = application.agreed_at is not None and application.agreed_sha256 == agreement_hash(application)
        remark = (
            gettext_lazy("另一方已确认，文字未改动")
            if holds
            else gettext_lazy("另一方未确认，或确认后有改动")
        )
    else:
        assert check.code == "integrity", f"no automatic judgement for {check.code}"
        holds = is_fixed(application)
        remark = gettext_lazy("登记对象已固定，可以复核") if holds else gettext_lazy("登记对象未固定或已撤回")
    return CheckStand(check, CheckVerdict.PASS if holds else CheckVerdict.FAIL, remark)


def standing(application: Application) -> list[CheckStand]:
    """Every point of the checklist, in order; verdicts from before the latest submission don't count."""
    since = application.submitted_at
    rows = (
        Finding.objects.filter(application=application).select_related("reviewer").order_by("found_at", "id")
    )
    latest = {row.check_code: row for row in rows if since is not None and row.found_at >= since}
    found = []
    for check in rules.checklist_of(application.kind, application.product_kind):
        row = latest.get(check.code)
        if check.is_automatic:
            found.append(_automatic(check, application))
        else:
            found.append(CheckStand(check, row.verdict if row else "", row.remark if row else "", row))
    return found


@dataclass(frozen=True, slots=True)
class Committee:
    """How a committee's vote stands."""

    seats: Sequence[CommitteeSeat]
    voted_count: int
    in_favour_count: int

    @property
    def is_complete(self) -> bool:
        return bool(self.seats) and self.voted_count == len(self.seats)

    @property
    def is_carried(self) -> bool:
        return self.is_complete and rules.is_carried(self.in_favour_count, len(self.seats))


def committee_of(application: Application) -> Committee:
    """The committee convened since the latest submission, with its votes; empty seats if none."""
    since = application.submitted_at
    if since is None:
        return Committee((), 0, 0)
    rows = CommitteeSeat.objects.filter(application=application, convened_at__gte=since)
    seats = list(rows.select_related("member", "vote").order_by("convened_at", "id"))
    votes = [seat.vote for seat in seats if hasattr(seat, "vote")]
    return Committee(seats, len(votes), sum(vote.is_in_favour for vote in votes))


def assignment_of(application: Application, role: str) -> ReviewAssignment | None:
    """Who holds a role in the review now."""
    rows = ReviewAssignment.objects.filter(application=application, role=role, ended_at=None)
    return rows.select_related("reviewer").first()


def still_needed(application: Application) -> list[Text]:
    """What an important application needs besides the checklist before it passes; empty for general data."""
    if not rules.KINDS[application.kind].has_notice:
        return []
    if effective_classification(application) != Classification.IMPORTANT:
        return []
    second, committee = assignment_of(application, ReviewerRole.SECOND), committee_of(application)
    found: list[Text] = []
    if second is None or not second.concurs:
        found.append(gettext_lazy("复核人的同意意见"))
    if not committee.is_carried:
        found.append(gettext_lazy("合规委员会全体表决、过半数赞成"))
    return found


def is_panel_open(application: Application) -> bool:
    """Whether second opinion and votes are taken: during the review, and during the notice of data whose
    profile showed only then that they are important."""
    state = ApplicationState(application.state)
    if state == ApplicationState.PUBLIC_NOTICE:
        return bool(still_needed(application))
    return state == ApplicationState.COMPLIANCE_REVIEW


def reviewers_for(application: Application) -> list[User]:
    """People who may review an application: reviewers of an authority, none of them an interested party."""
    return _independent(REVIEW.kinds, REVIEW.roles, application)


def members_for(application: Application) -> list[User]:
    """People who may sit on the committee for an application."""
    return _independent(VOTE.kinds, VOTE.roles, application)


def _independent(kinds: Iterable[Any], roles: Iterable[Any], application: Application) -> list[User]:
    parties = [one for one in (application.registrant_id, application.other_id) if one]
    insiders = Membership.objects.filter(organization__in=parties, ended_at=None).values("user")
    rows = User.objects.filter(
        memberships__ended_at=None,
        memberships__organization__kinds__overlap=[str(kind.value) for kind in kinds],
        memberships__roles__overlap=[str(role.value) for role in roles],
        is_active=True,
    )
    authors = [one for one in (application.created_by_id, application.submitted_by_id) if one]
    return list(rows.exclude(pk__in=insiders).exclude(pk__in=authors).distinct().order_by("name", "pk"))


# --- whose turn ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn it is, and until when (inclusive; None: no deadline runs)."""

    words: Text = ""
    until: date | None = None


def turn_of(application: Application) -> Turn:
    """Whose turn it is with an application, as everybody may know; empty once it has ended."""
    if application.state == ApplicationState.UNDER_OBJECTION:
        open_ones = application.objections.filter(state__in=OPEN_OBJECTIONS)
        objection = open_ones.order_by(F("due_on").asc(nulls_last=True), "pk").first()
        if objection is not None:
            return Turn(rules.TURNS[objection.state], objection.due_on)
    is_asking = application.state == ApplicationState.DRAFT and application.other_id is not None
    if is_asking and application.agreed_at is None:
        return Turn(gettext_lazy("等待另一方确认"))
    is_mending = application.state == ApplicationState.RETURNED
    if is_mending and application.other_id is not None and application.agreed_at is None:
        return Turn(gettext_lazy("登记主体补正，并由另一方重新确认"), application.due_on)
    return Turn(rules.TURNS.get(application.state, ""), application.due_on)


# --- notices, objections, revocations -----------------------------------------------------------


def notices() -> QuerySet[Application]:
    """Applications that are shown to the public now (objected ones too), for anyone; order by `-pk`."""
    states = (ApplicationState.PUBLIC_NOTICE, ApplicationState.UNDER_OBJECTION)
    rows = Application.objects.filter(state__in=states)
    return rows.select_related("registrant", "version__dataset", "project", "other", "subject")


def notice(application_id: UUID) -> Application:
    """One application that is, or was, shown to the public; NotFound otherwise."""
    rows = Application.objects.filter(notice_from__isnull=False)
    found = (
        rows.select_related("registrant", "version__dataset", "project", "other", "subject")
        .filter(pk=application_id)
        .first()
    )
    if found is None:
        raise NotFound
    return found


def objections_visible_to(viewer: Actor) -> QuerySet[Objection]:
    """One's own; those against the own organization's registrations; all for reviewers and auditors."""
    rows = Objection.objects.select_related(
        "application__registrant",
        "certificate__holder",
        "objector",
        "organization",
        "replied_by",
        "decided_by",
    )
    is_auditor = viewer.can(VIEW_REGISTRY) and OrganizationKind.AUDITOR in viewer.kinds
    if viewer.is_system or viewer.can(REVIEW) or is_auditor:
        return rows
    if viewer.user is None:
        return rows.none()
    wanted = Q(objector=viewer.user)
    if viewer.organization is not None and viewer.can(VIEW_REGISTRY):
        own = viewer.organization
        wanted |= Q(organization=own) | Q(application__registrant=own) | Q(certificate__holder=own)
        wanted |= Q(application__other=own)
    return rows.filter(wanted)


def objection_for(viewer: Actor, objection_id: UUID) -> Objection:
    """One visible objection; NotFound otherwise."""
    found = objections_visible_to(viewer).filter(pk=objection_id).first()
    if found is None:
        raise NotFound
    return found


def open_objections(viewer: Actor) -> QuerySet[Objection]:
    """Objections that wait for somebody, the nearest deadline first."""
    rows = objections_visible_to(viewer).filter(state__in=OPEN_OBJECTIONS)
    return rows.order_by(F("due_on").asc(nulls_last=True), "pk")


def open_revocations(viewer: Actor) -> QuerySet[Revocation]:
    """Proceedings that wait for somebody, the nearest hearing first."""
    return revocations_visible_to(viewer).filter(state__in=OPEN_REVOCATIONS).order_by("hearing_on", "pk")


def respondent_id(objection: Objection) -> UUID:
    """The organization an objection is raised against."""
    if objection.application is not None:
        return objection.application.registrant_id
    assert objection.certificate is not None, "an objection is against one thing"
    return objection.certificate.holder_id


def revocations_visible_to(viewer: Actor) -> QuerySet[Revocation]:
    """Those about the own certificates; all for the authority and auditors."""
    rows = Revocation.objects.select_related(
        "certificate__holder", "objection", "opened_by", "proposed_by", "decided_by", "minutes"
    )
    is_auditor = viewer.can(VIEW_REGISTRY) and OrganizationKind.AUDITOR in viewer.kinds
    if viewer.is_system or viewer.can(CONTROL_CERTIFICATES) or is_auditor:
        return rows
    if not viewer.can(VIEW_REGISTRY):
        return rows.none()
    return rows.filter(certificate__holder=viewer.organization)


def revocation_for(viewer: Actor, revocation_id: UUID) -> Revocation:
    """One visible proceeding; NotFound otherwise."""
    found = revocations_visible_to(viewer).filter(pk=revocation_id).first()
    if found is None:
        raise NotFound
    return found


def licences_of(certificate: Certificate) -> list[Licence]:
    """Licences under a certificate or one before it in its line, the latest first."""
    first = certificate.origin_id or certificate.pk
    rows = Licence.objects.filter(Q(certificate__origin=first) | Q(certificate=first))
    return list(rows.select_related("licensee").order_by("-issued_at"))


def licence_by_number(number: str) -> Licence | None:
    """The licence of a number, whoever asks: the register of licences is public."""
    rows = Licence.objects.select_related("certificate", "licensee", "application__registrant")
    return rows.filter(number=number.strip().upper()).first()


def standing_of_licence(licence: Licence) -> Certificate:
    """The certificate that a licence rests on now: the latest of the line it was registered under."""
    return line_of(licence.certificate)[-1]


def line_of(certificate: Certificate) -> list[Certificate]:
    """Every certificate of a line, oldest first."""
    first = certificate.origin_id or certificate.pk
    rows = Certificate.objects.filter(Q(origin=first) | Q(pk=first)).select_related("application", "holder")
    return list(rows.order_by("issued_at", "pk"))


def is_valid_on(certificate: Certificate, on: date) -> bool:
    """Whether the certificate is in force on a day, as far as is known now (for listing and trading)."""
    return (
        rules.outcome_of(certificate.state, certificate.valid_from, certificate.valid_until, on)
        == Outcome.VALID
    )


# --- desk and search ----------------------------------------------------------------------------


def todos(viewer: Actor) -> list[Todo]:
    """Whatever of the registry waits for a viewer: to write, to agree, to answer, to review, to vote, to decide."""
    found: list[Todo] = []
    if viewer.is_system or viewer.user is None:
        return found
    if viewer.can(APPLY) and viewer.organization is not None:
        found += [*_own_todos(viewer), *_answers_due(viewer), *_endings(viewer)]
    if viewer.can(AGREE) and viewer.organization is not None:
        found += _agreements(viewer)
    if viewer.can(REVIEW):
        found += [*_desk_todos(viewer), *_disputes(viewer)]
    if viewer.can(VOTE):
        found += _votes(viewer)
    return found


def _own_todos(viewer: Actor) -> list[Todo]:
    mine = Application.objects.filter(registrant=viewer.organization, state__in=("draft", "returned"))
    found = []
    for row in mine.order_by(F("due_on").asc(nulls_last=True), "id")[:10]:
        is_returned = row.state == ApplicationState.RETURNED
        words = _("补正登记申请：%(title)s") if is_returned else _("完成登记申请：%(title)s")
        found.append(
            Todo(
                words % {"title": row.title},
                reverse("registry:application", args=[row.pk]),
                row.decision_reason[:60],
                row.due_on,
                "stamp",
                "amber" if is_returned else "blue",
            )
        )
    return found


def _answers_due(viewer: Actor) -> list[Todo]:
    """Objections to answer, and proceedings against an own certificate."""
    own = Q(application__registrant=viewer.organization) | Q(certificate__holder=viewer.organization)
    objections = Objection.objects.filter(own, state="accepted").order_by("due_on", "pk")[:10]
    found = [
        Todo(
            _("答复登记异议 %(number)s") % {"number": row.number},
            reverse("registry:objection", args=[row.pk]),
            row.statement[:60],
            row.due_on,
            "scale",
            "red",
        )
        for row in objections
    ]
    noticed = Revocation.objects.filter(certificate__holder=viewer.organization, state="noticed")
    for proceeding in noticed.order_by("hearing_on", "pk")[:10]:
        found.append(
            Todo(
                _("证书拟撤销，准备听证：%(number)s") % {"number": proceeding.number},
                reverse("registry:revocation", args=[proceeding.pk]),
                proceeding.grounds[:60],
                proceeding.hearing_on,
                "scale",
                "red",
            )
        )
    return found


def _endings(viewer: Actor) -> list[Todo]:
    """Own certificates in their renewal window that nobody is renewing yet."""
    today = clock.business_date(clock.now())
    last = today + timedelta(days=parameters_on(today).renewal_before_days)
    rows = Certificate.objects.filter(
        holder=viewer.organization, state=CertificateState.VALID, valid_until__range=(today, last)
    )
    rows = rows.exclude(follow_ups__kind=RegistrationKind.RENEWAL, follow_ups__state__in=OPEN_STATES)
    return [
        Todo(
            _("续展登记证书：%(title)s") % {"title": row.title},
            f"{reverse('registry:follow_up', args=[row.number])}?kind=renewal",
            row.number,
            row.valid_until,
            "award",
            "amber",
        )
        for row in rows.order_by("valid_until", "pk")[:10]
    ]


def _agreements(viewer: Actor) -> list[Todo]:
    rows = Application.objects.filter(
        other=viewer.organization, agreed_at=None, state__in=("draft", "returned")
    ).select_related("registrant")
    return [
        Todo(
            _("确认%(kind)s：%(title)s") % {"kind": row.get_kind_display(), "title": row.title},
            reverse("registry:application", args=[row.pk]),
            row.registrant.display_name,
            row.due_on,
            "file-check",
        )
        for row in rows.order_by("pk")[:10]
    ]


def _desk_todos(viewer: Actor) -> list[Todo]:
    today = clock.business_date(clock.now())
    waiting = review_queue(viewer).exclude(state=ApplicationState.PUBLIC_NOTICE, due_on__gte=today)
    found = [
        Todo(
            _("%(turn)s：%(title)s") % {"turn": rules.TURNS[row.state], "title": row.title},
            reverse("registry:review", args=[row.pk]),
            row.registrant.display_name,
            row.due_on,
            "stamp",
        )
        for row in waiting.order_by("due_on", "id")[:10]
    ]
    seconds = ReviewAssignment.objects.filter(
        reviewer=viewer.user,
        role=ReviewerRole.SECOND,
        ended_at=None,
        opinion_at=None,
        application__state__in=PANEL_STATES,
    ).select_related("application")
    for row in seconds.order_by("pk")[:10]:
        application = row.application
        found.append(
            Todo(
                _("复核重要数据：%(title)s") % {"title": application.title},
                f"{reverse('registry:review', args=[application.pk])}#panel",
                application.number,
                application.due_on,
                "scale",
            )
        )
    return found


def _disputes(viewer: Actor) -> list[Todo]:
    """Objections and proceedings in which the authority has the turn."""
    found = [
        Todo(
            _("%(turn)s：%(title)s") % {"turn": rules.TURNS[row.state], "title": row.number},
            reverse("registry:objection", args=[row.pk]),
            row.statement[:60],
            row.due_on,
            "scale",
        )
        for row in Objection.objects.filter(state__in=("filed", "answered")).order_by("due_on", "pk")[:10]
    ]
    if viewer.can(CONTROL_CERTIFICATES):
        rows = Revocation.objects.filter(state__in=OPEN_REVOCATIONS).order_by("hearing_on", "pk")[:10]
        found += [
            Todo(
                _("%(turn)s：%(title)s") % {"turn": rules.TURNS[row.state], "title": row.number},
                reverse("registry:revocation", args=[row.pk]),
                row.grounds[:60],
                row.hearing_on,
                "scale",
            )
            for row in rows
        ]
    return found


def _votes(viewer: Actor) -> list[Todo]:
    rows = CommitteeSeat.objects.filter(
        member=viewer.user,
        vote=None,
        application__state__in=PANEL_STATES,
        convened_at__gte=F("application__submitted_at"),
    ).select_related("application")
    return [
        Todo(
            _("对重要数据的登记表决：%(title)s") % {"title": row.application.title},
            reverse("registry:vote", args=[row.application_id]),
            row.application.number,
            row.application.due_on,
            "vote",
        )
        for row in rows.order_by("pk")[:10]
    ]


def figures(viewer: Actor) -> list[Figure]:
    """Certificates in force for firms; what waits for the authority."""
    found: list[Figure] = []
    if viewer.can(VIEW_REGISTRY) and not viewer.is_system:
        valid = certificates_visible_to(viewer).filter(state=CertificateState.VALID).count()
        found.append(Figure(_("有效登记证书"), valid, url=reverse("registry:list")))
    if viewer.can(REVIEW) and not viewer.is_system:
        found.append(Figure(_("在办登记申请"), review_queue(viewer).count(), url=reverse("registry:queue")))
    return found


def waiting(viewer: Actor) -> list[QuerySet[Any]]:
    """The applications that the authority has in hand, for the side navigation."""
    return [review_queue(viewer)]


def public_figures() -> list[Figure]:
    """Certificates in force, for the home page."""
    return [Figure(_("有效登记证书"), Certificate.objects.filter(state=CertificateState.VALID).count())]


def find(viewer: Actor, text: str) -> list[Hit]:
    """Certificates (by their public number, for anyone) and visible applications, by number or title."""
    wanted = text.upper()
    hits = []
    public = certificate_by_number(wanted)
    if public is not None:
        hits.append(
            Hit(
                public.title,
                reverse("registry:certificate", args=[public.number]),
                _("登记证书"),
                public.number,
                True,
            )
        )
    certificates = certificates_visible_to(viewer).filter(title__icontains=text).exclude(number=wanted)
    for certificate in certificates.order_by("-pk")[:5]:
        address = reverse("registry:certificate", args=[certificate.number])
        hits.append(Hit(certificate.title, address, _("登记证书"), certificate.number))
    rows = applications_visible_to(viewer).filter(Q(number=wanted) | Q(title__icontains=text))
    for row in rows.order_by("-pk")[:5]:
        address = reverse("registry:application", args=[row.pk])
        hits.append(Hit(row.title, address, _("登记申请"), row.number, row.number == wanted))
    return hits
