"""Addresses of pay runs and slips."""

from django.urls import path

from settlement.payruns import pages

app_name = "payruns"
urlpatterns = [
    path("", pages.runs, name="list"),
    path("slips/", pages.slips, name="slips"),
    path("slips/<uuid:slip_id>/", pages.slip, name="slip"),
    path("account/", pages.account, name="account"),
    path("<uuid:run_id>/", pages.run, name="run"),
    path("<uuid:run_id>/submit/", pages.submit, name="submit"),
    path("<uuid:run_id>/approve/", pages.approve, name="approve"),
    path("<uuid:run_id>/send-back/", pages.send_back, name="send_back"),
    path("<uuid:run_id>/cancel/", pages.cancel, name="cancel"),
    path("<uuid:run_id>/file/", pages.file, name="file"),
    path("<uuid:run_id>/items/<uuid:item_id>/return/", pages.return_item, name="return_item"),
]
