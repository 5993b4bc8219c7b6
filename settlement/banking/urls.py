"""Addresses of reconciliation and bank statements."""

from django.urls import path

from settlement.banking import pages

app_name = "banking"
urlpatterns = [
    path("", pages.orders, name="orders"),
    path("export/", pages.export, name="export"),
    path("orders/<uuid:order_id>/", pages.order, name="order"),
    path("orders/<uuid:order_id>/book/", pages.book, name="book"),
    path("lines/", pages.lines, name="lines"),
    path("lines/<uuid:bank_line_id>/", pages.line, name="line"),
    path("lines/<uuid:bank_line_id>/match/", pages.match, name="match"),
    path("matches/<uuid:bank_match_id>/end/", pages.end_match, name="end_match"),
    path("pay-runs/", pages.pay_runs, name="pay_runs"),
    path("pay-runs/<uuid:run_id>/match/", pages.match_run, name="match_run"),
    path("imports/", pages.imports, name="imports"),
    path("imports/template.<str:code>", pages.template, name="template"),
    path("imports/<uuid:bank_import_id>/", pages.dry_run, name="import"),
    path("imports/<uuid:bank_import_id>/confirm/", pages.confirm, name="confirm"),
]
