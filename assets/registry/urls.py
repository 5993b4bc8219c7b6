from django.urls import path
from django.views.generic import RedirectView

from assets.registry.pages import disputes, registrations, reviews

app_name = "registry"
urlpatterns = [
    path("", registrations.registrations, name="list"),
    path("new/", registrations.new_application, name="new"),
    path(
        "verify/", RedirectView.as_view(pattern_name="verification:verify", query_string=True), name="verify"
    ),
    path("versions/<uuid:version_id>/", registrations.of_version, name="of_version"),
    path("notices/", disputes.notices, name="notices"),
    path("notices/<uuid:application_id>/", disputes.notice, name="notice"),
    path("notices/<uuid:application_id>/object/", disputes.object_to_application, name="object"),
    path("objections/", disputes.objections, name="objections"),
    path("objections/<uuid:objection_id>/", disputes.objection, name="objection"),
    path("objections/<uuid:objection_id>/reply/", disputes.answer, name="answer"),
    path("objections/<uuid:objection_id>/decision/", disputes.judge_objection, name="judge_objection"),
    path(
        "objections/<uuid:objection_id>/withdraw/",
        disputes.withdraw_objection,
        name="withdraw_objection",
    ),
    path(
        "objections/<uuid:objection_id>/files/<uuid:document_id>/",
        disputes.objection_file,
        name="objection_file",
    ),
    path("revocations/<uuid:revocation_id>/", disputes.revocation, name="revocation"),
    path("revocations/<uuid:revocation_id>/hearing/", disputes.hearing, name="hearing"),
    path("revocations/<uuid:revocation_id>/waiver/", disputes.waive, name="waive"),
    path(
        "revocations/<uuid:revocation_id>/decision/",
        disputes.decide_revocation,
        name="decide_revocation",
    ),
    path("revocations/<uuid:revocation_id>/minutes/", disputes.minutes, name="minutes"),
    path("review/", reviews.queue, name="queue"),
    path("review/<uuid:application_id>/", reviews.review, name="review"),
    path("review/<uuid:application_id>/checks/<slug:check_code>/", reviews.judge, name="judge"),
    path("review/<uuid:application_id>/decision/", reviews.decide, name="decide"),
    path("review/<uuid:application_id>/rehash/", reviews.rehash, name="rehash"),
    path("review/<uuid:application_id>/certify/", reviews.certify, name="certify"),
    path("review/<uuid:application_id>/panel/<slug:act>/", reviews.panel, name="panel"),
    path("votes/<uuid:application_id>/", reviews.vote, name="vote"),
    path("certificates/<str:number>/", registrations.certificate_page, name="certificate"),
    path("certificates/<str:number>/apply/", registrations.follow_up, name="follow_up"),
    path("certificates/<str:number>/certificate.pdf", registrations.certificate_pdf, name="pdf"),
    path("certificates/<str:number>/certificate.json", registrations.certificate_json, name="json"),
    path("certificates/<str:number>/certificate.jwt", registrations.certificate_token, name="token"),
    path("licences/<str:number>/licence.jwt", registrations.licence_token, name="licence_token"),
    path("certificates/<str:number>/move/", registrations.move_certificate, name="move"),
    path(
        "certificates/<str:number>/object/",
        disputes.object_to_certificate,
        name="object_to_certificate",
    ),
    path("<uuid:application_id>/", registrations.application_page, name="application"),
    path("<uuid:application_id>/check/", registrations.check_answers, name="check"),
    path("<uuid:application_id>/withdraw/", registrations.withdraw, name="withdraw"),
    path("<uuid:application_id>/agree/", registrations.agree, name="agree"),
    path("<uuid:application_id>/elsewhere/", registrations.elsewhere, name="elsewhere"),
    path("<uuid:application_id>/files/<uuid:attachment_id>/", registrations.open_file, name="open_file"),
    path("<uuid:application_id>/files/<uuid:attachment_id>/remove/", registrations.detach, name="detach"),
    path("<uuid:application_id>/<slug:key>/", registrations.section, name="section"),
]
