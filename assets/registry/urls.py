from django.urls import path
from django.views.generic import RedirectView

from assets.registry import pages

app_name = "registry"
urlpatterns = [
    path("", pages.registrations, name="list"),
    path("new/", pages.new_application, name="new"),
    path(
        "verify/", RedirectView.as_view(pattern_name="verification:verify", query_string=True), name="verify"
    ),
    path("versions/<uuid:version_id>/", pages.of_version, name="of_version"),
    path("review/", pages.queue, name="queue"),
    path("review/<uuid:application_id>/", pages.review, name="review"),
    path("review/<uuid:application_id>/checks/<slug:check_code>/", pages.judge, name="judge"),
    path("review/<uuid:application_id>/decision/", pages.decide, name="decide"),
    path("review/<uuid:application_id>/rehash/", pages.rehash, name="rehash"),
    path("review/<uuid:application_id>/certify/", pages.certify, name="certify"),
    path("certificates/<str:number>/", pages.certificate_page, name="certificate"),
    path("certificates/<str:number>/certificate.pdf", pages.certificate_pdf, name="pdf"),
    path("certificates/<str:number>/certificate.json", pages.certificate_json, name="json"),
    path("certificates/<str:number>/certificate.jwt", pages.certificate_token, name="token"),
    path("certificates/<str:number>/move/", pages.move_certificate, name="move"),
    path("<uuid:application_id>/", pages.application_page, name="application"),
    path("<uuid:application_id>/check/", pages.check_answers, name="check"),
    path("<uuid:application_id>/withdraw/", pages.withdraw, name="withdraw"),
    path("<uuid:application_id>/<slug:key>/", pages.section, name="section"),
]
