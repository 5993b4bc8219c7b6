from django.urls import path

from exchange.dataspace.pages import members, overview, progress, spaces

app_name = "dataspace"
urlpatterns = [
    path("", spaces.spaces, name="spaces"),
    path("new/", spaces.apply, name="apply"),
    path("pilot/", overview.pilot, name="pilot"),
    path("<uuid:space_id>/", spaces.space, name="space"),
    path("<uuid:space_id>/edit/", spaces.edit, name="edit"),
    path("<uuid:space_id>/decide/", spaces.decide, name="decide"),
    path("<uuid:space_id>/moves/<slug:space_move>/", spaces.move, name="move"),
    path("<uuid:space_id>/members/", members.members, name="members"),
    path("<uuid:space_id>/members/invite/", members.invite, name="invite"),
    path("members/<uuid:member_id>/end/", members.end, name="end_member"),
    path("<uuid:space_id>/rules/", members.rules_page, name="rules"),
    path("<uuid:space_id>/rules/new/", members.publish, name="publish"),
    path("<uuid:space_id>/leave/", members.leave, name="leave"),
    path("<uuid:space_id>/products/", members.products, name="products"),
    path("products/<uuid:shared_id>/take/", members.take, name="take"),
    path("<uuid:space_id>/progress/", progress.progress, name="progress"),
    path("<uuid:space_id>/milestones/new/", progress.plan, name="plan"),
    path("milestones/<uuid:milestone_id>/report/", progress.report, name="report"),
    path("milestones/<uuid:milestone_id>/decide/", progress.decide_milestone, name="decide_milestone"),
    path("<uuid:space_id>/results/new/", progress.result, name="result"),
    path("<uuid:space_id>/landings/new/", progress.landing, name="landing"),
    path("landings/<uuid:landing_id>/decide/", progress.decide_landing, name="decide_landing"),
    path("<uuid:space_id>/evidence/<uuid:evidence_id>/", progress.evidence, name="evidence"),
]
