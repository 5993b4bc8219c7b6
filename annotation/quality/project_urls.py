"""Addresses under /projects/<id>/quality/; `annotation.projects.urls` includes them."""

from django.urls import path

from annotation.quality import pages

urlpatterns = [
    path("", pages.board, name="quality"),
    path("measure/", pages.measure, name="quality_measure"),
    path("gold/", pages.gold, name="quality_gold"),
    path("gold/take/", pages.take, name="quality_take"),
    path("gold/import/", pages.import_, name="quality_import"),
    path("gold/new/", pages.new_gold, name="quality_gold_new"),
    path("gold/<uuid:item_id>/", pages.gold_item, name="quality_gold_item"),
    path("gold/<uuid:item_id>/retire/", pages.retire, name="quality_retire"),
    path("contests/<uuid:contest_id>/<slug:move>/", pages.decide, name="quality_decide"),
    path("plan/", pages.plan, name="quality_plan"),
    path("people/", pages.people, name="quality_people"),
    path("people/<uuid:qualification_id>/<slug:move>/", pages.standing, name="quality_standing"),
    path("adjudication/", pages.adjudication, name="quality_adjudication"),
    path("adjudication/<uuid:item_id>/", pages.adjudicate, name="quality_adjudicate"),
]
