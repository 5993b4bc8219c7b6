"""Addresses of merchants' payments and of the developers' page."""

from django.urls import path

from settlement.merchant import pages

app_name = "merchant"
urlpatterns = [
    path("", pages.payments, name="payments"),
    path("payouts/", pages.payouts, name="payouts"),
    path("payouts/account/", pages.bank_account, name="bank_account"),
    path("payouts/<uuid:payout_id>/", pages.payout, name="payout"),
    path("payouts/<uuid:payout_id>/approve/", pages.approve, name="approve"),
    path("payouts/<uuid:payout_id>/cancel/", pages.cancel, name="cancel"),
    path("payouts/<uuid:payout_id>/settle/", pages.settle, name="settle"),
    path("payouts/<uuid:payout_id>/fail/", pages.fail, name="fail"),
    path("developers/", pages.developers, name="developers"),
    path("developers/<uuid:endpoint_id>/", pages.endpoint, name="endpoint"),
    path("developers/<uuid:endpoint_id>/roll/", pages.roll, name="roll"),
    path("developers/<uuid:endpoint_id>/switch/", pages.switch, name="switch"),
    path("developers/<uuid:endpoint_id>/delete/", pages.delete, name="delete"),
    path("developers/<uuid:endpoint_id>/replay/<uuid:event_id>/", pages.replay, name="replay"),
]
