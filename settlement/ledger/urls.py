"""Addresses of the books."""

from django.urls import path

from settlement.ledger import pages

app_name = "ledger"
urlpatterns = [
    path("", pages.index, name="index"),
    path("accounts/", pages.accounts, name="accounts"),
    path("accounts/<uuid:account_id>/", pages.statement, name="statement"),
    path("prove/", pages.prove, name="prove"),
    path("closes/", pages.closes, name="closes"),
    path("journal/<str:form>/", pages.journal, name="journal"),
    path("entries/<uuid:entry_id>/", pages.entry, name="entry"),
]
