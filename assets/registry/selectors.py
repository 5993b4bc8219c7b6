"""Reading the registry: what a viewer sees, how a review stands, what anyone may verify."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from assets.datasets.models import DatasetVersion
from assets.datasets.states import VersionState
from assets.registry import rules
from assets.registry.models import Application, Certificate, Finding
from assets.registry.permissions import APPLY, REVIEW, VIEW_REGISTRY
from assets.registry.states import (
    OPEN_STATES,
    ApplicationState,
    CertificateState,
    CheckVerdict,
    Outcome,
)
from kernel import clock
from kernel.errors import NotFound
from kernel.models import Transition
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


# --- what a viewer sees -------------------------------------------------------------------------


def _scope(viewer: Actor, own: Q, authority: Q) -> Q | None:
    """Rows of the own organization, and those that authority or auditors see; None for nobody."""
    if viewer.is_system:
        return Q()
    found: Q | None = None
    if viewer.can(VIEW_REGISTRY):
        found = Q() if OrganizationKind.AUDITOR in viewer.kinds else own
    if viewer.can(REVIEW):
        found = authority if found is None else found | authority
    return found


def applications_visible_to(viewer: Actor) -> QuerySet[Application]:
    """The registrant's own; what was ever submitted for reviewers; everything for auditors."""
    scope = _scope(viewer, Q(registrant=viewer.organization), Q(submitted_at__isnull=False))
    if scope is None:
        return Application.objects.none()
    return Application.objects.select_related("registrant", "version__dataset", "reviewer").filter(scope)


def certificates_visible_to(viewer: Actor) -> QuerySet[Certificate]:
    """The holder's own; all for reviewers and auditors."""
    scope = _scope(viewer, Q(holder=viewer.organization), Q())
    if scope is None:
        return Certificate.objects.none()
    return Certificate.objects.select_related("holder", "version__dataset").filter(scope)


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
    rows = Certificate.objects.select_related("holder", "version__dataset", "application")
    return rows.filter(number=number.strip().upper()).first()


def registrable_versions(viewer: Actor) -> QuerySet[DatasetVersion]:
    """Sealed versions of the own firm without an open application or a certificate in force."""
    if not viewer.can(APPLY):
        return DatasetVersion.objects.none()
    taken = Application.objects.filter(state__in=OPEN_STATES).values("version")
    certified = Certificate.objects.filter(state__in=("valid", "suspended")).values("version")
    rows = DatasetVersion.objects.select_related("dataset").filter(
        dataset__firm=viewer.organization, state=VersionState.SEALED
    )
    return rows.exclude(pk__in=taken).exclude(pk__in=certified).order_by("-sealed_at")


def history_of(*subjects: UUID) -> list[Transition]:
    """Every move of some things, oldest first."""
    return list(Transition.objects.filter(subject_id__in=subjects).order_by("at", "id"))


def verification_url(number: str) -> str:
    """The public address that a QR code leads to."""
    return f"{settings.SITE_URL}/verify/{number}/"


# --- completeness and review --------------------------------------------------------------------


def completeness(application: Application) -> list[rules.Missing]:
    """What the application lacks before it can be submitted."""
    return rules.completeness(
        rules.Dossier(
            title=application.title,
            use_case=application.use_case,
            source_statement=application.source_statement,
            rights=application.rights,
            classification=application.classification,
            legal_statement=application.legal_statement,
            is_sealed=application.version.state == VersionState.SEALED,
            is_verified=application.registrant.is_verified,
        )
    )


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
    else:
        assert check.code == "integrity", f"no automatic judgement for {check.code}"
        version = application.version
        holds = version.state == VersionState.SEALED and len(version.root_hash) == 64
        remark = gettext_lazy("版本已封版，根哈希在册") if holds else gettext_lazy("版本未封版或已撤回")
    return CheckStand(check, CheckVerdict.PASS if holds else CheckVerdict.FAIL, remark)


def standing(application: Application) -> list[CheckStand]:
    """Every point of the checklist, in order; verdicts from before the latest submission don't count."""
    since = application.submitted_at
    rows = (
        Finding.objects.filter(application=application).select_related("reviewer").order_by("found_at", "id")
    )
    latest = {row.check_code: row for row in rows if since is not None and row.found_at >= since}
    found = []
    for check in rules.CHECKLIST:
        row = latest.get(check.code)
        if check.is_automatic:
            found.append(_automatic(check, application))
        else:
            found.append(CheckStand(check, row.verdict if row else "", row.remark if row else "", row))
    return found


# --- in force -----------------------------------------------------------------------------------


def is_valid_on(certificate: Certificate, on: date) -> bool:
    """Whether the certificate is in force on a day, as far as is known now (for listing and trading)."""
    return (
        rules.outcome_of(certificate.state, certificate.valid_from, certificate.valid_until, on)
        == Outcome.VALID
    )


# --- desk and search ----------------------------------------------------------------------------


def todos(viewer: Actor) -> list[Todo]:
    """Returned and unfinished applications for registrants; the queue by deadline for the authority."""
    found: list[Todo] = []
    if viewer.can(APPLY) and viewer.organization is not None:
        mine = Application.objects.filter(registrant=viewer.organization, state__in=("draft", "returned"))
        for row in mine.order_by(F("due_on").asc(nulls_last=True), "id")[:10]:
            is_returned = row.state == ApplicationState.RETURNED
            words = _("补正登记申请：%(title)s") if is_returned else _("完成登记申请：%(title)s")
            address = reverse("registry:application", args=[row.pk])
            found.append(
                Todo(
                    words % {"title": row.title},
                    address,
                    row.decision_reason[:60],
                    row.due_on,
                    "stamp",
                    "amber" if is_returned else "blue",
                )
            )
    if viewer.can(REVIEW) and not viewer.is_system:
        today = clock.business_date(clock.now())
        waiting = review_queue(viewer).exclude(state=ApplicationState.PUBLIC_NOTICE, due_on__gte=today)
        for row in waiting.order_by("due_on", "id")[:10]:
            found.append(
                Todo(
                    _("%(turn)s：%(title)s")
                    % {"turn": rules.TURNS[ApplicationState(row.state)], "title": row.title},
                    reverse("registry:review", args=[row.pk]),
                    row.registrant.display_name,
                    row.due_on,
                    "stamp",
                )
            )
    return found


def figures(viewer: Actor) -> list[Figure]:
    """Certificates in force for firms; what waits for the authority."""
    found: list[Figure] = []
    if viewer.can(VIEW_REGISTRY) and not viewer.is_system:
        valid = certificates_visible_to(viewer).filter(state=CertificateState.VALID).count()
        found.append(Figure(_("有效登记证书"), valid, url=reverse("registry:list")))
    if viewer.can(REVIEW) and not viewer.is_system:
        found.append(Figure(_("在办登记申请"), waiting_count(viewer), url=reverse("registry:queue")))
    return found


def waiting_count(viewer: Actor) -> int:
    """How many applications the authority has in hand."""
    return review_queue(viewer).count()


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
