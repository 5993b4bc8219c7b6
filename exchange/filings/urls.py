from django.urls import path

from exchange.filings.pages import exports, outside, past, register

app_name = "filings"
urlpatterns = [
    path("", register.register, name="register"),
    path("export/", register.export, name="export"),
    path("exports/", exports.exports, name="exports"),
    path("exports/make/", exports.make, name="make_export"),
    path("exports/<uuid:export_id>/<str:code>/", exports.download, name="download_export"),
    path("outside/", outside.queue, name="outside"),
    path("outside/<uuid:row_id>/retry/", outside.retry, name="retry_outside"),
    path("outside/reconcile/", outside.reconcile, name="reconcile"),
    path("outside/reconciliations/<uuid:reconciliation_id>/", outside.reconciliation, name="reconciliation"),
    path("past/", past.imports, name="imports"),
    path("past/template.<str:code>", past.template, name="template"),
    path("past/<uuid:import_id>/", past.dry_run, name="import"),
    path("past/<uuid:import_id>/confirm/", past.confirm, name="confirm_import"),
    path("order/<uuid:order_id>/", register.of_order, name="of_order"),
    path("<uuid:filing_id>/", register.voucher, name="voucher"),
    path("<uuid:filing_id>/document/", register.document, name="document"),
    path("<uuid:filing_id>/token/", register.token, name="token"),
]
