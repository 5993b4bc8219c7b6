"""Addresses of the books."""

from django.urls import path

from settlement.ledger import pages

app_name = "ledger"
urlpatterns = [
    path("", pages.index, name="index"),
    path("accounts/", pages.accounts, name="accounts"),
    path("accounts/<uuid:account_id>/", pages.statement, name="statement"),
    path("entries/<uuid:entry_id>/", pages.entry, name="entry"),
]
