"""Reading annotation projects, each time for one viewer."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from annotation.projects.models import (
    Batch,
    GuidelineExample,
    GuidelineQuestion,
    GuidelineVersion,
    Project,
    QualityPlan,
)
from annotation.projects.permissions import ACCEPT, RUN, VIEW
from annotation.projects.rules import QualityTerms
from annotation.projects.states import ProjectState
from kernel.errors import NotFound
from organizations.models import Organization
from organizations.permissions import Actor
from organizations.states import OrganizationKind
from web.finding import Hit


def projects_visible_to(viewer: Actor) -> QuerySet[Project]:
    """The firm's own projects, those its organization commissioned (once published), all for auditors.

    Nothing without the permission: annotators see their tasks, not the project.
    """
    rows = Project.objects.select_related("firm", "client")
    if viewer.is_system:
        return rows
    if not viewer.can(VIEW):
        return rows.none()
    if OrganizationKind.AUDITOR in viewer.kinds:
        return rows
    hidden = [ProjectState.DRAFT, ProjectState.CANCELLED]
    commissioned = Q(client=viewer.organization_id) & ~Q(state__in=hidden)
    return rows.filter(Q(firm=viewer.organization_id) | commissioned)


def project_for(viewer: Actor, project_id: UUID) -> Project:
    """One project; NotFound when the viewer may not see it."""
    found = projects_visible_to(viewer).filter(pk=project_id).first()
    if found is None:
        raise NotFound
    return found


def with_counts(rows: QuerySet[Project]) -> QuerySet[Project]:
    """The same projects, each with `item_count`."""
    return rows.annotate(item_count=Count("items"))


def latest_guideline(project: Project) -> GuidelineVersion | None:
    """The guideline in force."""
    return project.guidelines.order_by("-version").first()


def guidelines_of(project: Project) -> QuerySet[GuidelineVersion]:
    """Every guideline version, the newest first."""
    return project.guidelines.select_related("published_by").order_by("-version")


def examples_of(guideline: GuidelineVersion | None) -> list[GuidelineExample]:
    """The examples of a guideline version in their order, with their items."""
    if guideline is None:
        return []
    return list(guideline.examples.select_related("item").order_by("ordinal"))


def questions_of(project: Project) -> QuerySet[GuidelineQuestion]:
    """Every question about the guideline, the newest first, with who asked and answered."""
    rows = project.questions.select_related("asked_by", "answered_by", "item", "included_in")
    return rows.order_by("-asked_at", "-pk")


def answers_of_project(project: Project) -> list[GuidelineQuestion]:
    """The answered questions, the newest first: what everybody who works on the project reads."""
    return list(questions_of(project).filter(answered_at__isnull=False))


def plan_in_force(project: Project) -> QualityPlan | None:
    """The quality plan that counts now; None when the project never had one."""
    return project.quality_plans.select_related("review_firm").order_by("-version").first()


def terms_of(project: Project) -> QualityTerms:
    """What the project's work goes by now: its plan in force, or the terms of a project without one."""
    plan = plan_in_force(project)
    if plan is None:
        return QualityTerms()
    return QualityTerms(
        overlap=plan.overlap,
        lease_minutes=plan.lease_minutes,
        review_share_bp=plan.review_share_bp,
        has_second_review=plan.has_second_review,
        review_firm_id=plan.review_firm_id,
        attempt_limit=plan.attempt_limit,
        idle_minutes=plan.idle_minutes,
        salt=str(plan.pk),
    )


def plans_naming_reviewers() -> QuerySet[QualityPlan]:
    """The plans in force that give the review to another organization than the labelling firm."""
    newer = QualityPlan.objects.filter(project=OuterRef("project"), version__gt=OuterRef("version"))
    return QualityPlan.objects.filter(~Exists(newer), review_firm__isnull=False)


def plans_reviewed_by(organization_id: UUID | None) -> QuerySet[QualityPlan]:
    """The plans in force under which that organization's people review other firms' work."""
    return plans_naming_reviewers().filter(review_firm=organization_id)


def review_firms_of(firm_id: UUID | None) -> QuerySet[Organization]:
    """Who may review a firm's work instead of the firm itself: every other verified annotation firm."""
    rows = Organization.objects.filter(
        verification="verified", kinds__contains=[OrganizationKind.ANNOTATION_FIRM.value]
    )
    return rows.filter(~Q(pk=firm_id)).order_by("name")


def batches_of(project: Project) -> QuerySet[Batch]:
    """Every import, the newest first, each with its `item_count`."""
    rows = project.batches.select_related("imported_by").annotate(item_count=Count("items"))
    return rows.order_by("-ordinal")


def clients_for(viewer: Actor) -> QuerySet[Organization]:
    """Organizations that may commission work: every verified one but the viewer's own."""
    own = viewer.organization_id
    rows = Organization.objects.filter(verification="verified").order_by("name")
    return rows if own is None else rows.exclude(pk=own)


def sees_inside(viewer: Actor, project: Project) -> bool:
    """Whether the viewer may know who works on the project and what it pays: its firm, and auditors."""
    return viewer.belongs_to(project.firm_id) or OrganizationKind.AUDITOR in viewer.kinds


def may_run(viewer: Actor, project: Project) -> bool:
    """Whether the viewer leads this project for its firm."""
    return viewer.can(RUN) and viewer.belongs_to(project.firm_id)


def may_accept(viewer: Actor, project: Project) -> bool:
    """Whether the viewer is the one who accepts or sends back this project once it is delivered.

    The client if there is one; else someone of the firm who did not hand it over.
    """
    if not viewer.can(ACCEPT) or not viewer.belongs_to(project.client_id or project.firm_id):
        return False
    return bool(project.client_id) or viewer.is_system or viewer.user_id != project.delivered_by_id


def find_projects(viewer: Actor, text: str) -> list[Hit]:
    """Projects by number or words of the title, for the site's search."""
    rows = projects_visible_to(viewer).filter(Q(number__iexact=text) | Q(title__icontains=text))
    return [
        Hit(
            title=project.title,
            url=reverse("projects:detail", args=[project.pk]),
            detail=project.get_state_display(),
            number=project.number,
            is_exact=project.number == text.upper(),
        )
        for project in rows.order_by("-pk")[:10]
    ]
