from django.urls import path

from exchange.filings import pages

app_name = "filings"
urlpatterns = [
    path("", pages.register, name="register"),
    path("export/", pages.export, name="export"),
    path("order/<uuid:order_id>/", pages.of_order, name="of_order"),
    path("<uuid:filing_id>/", pages.voucher, name="voucher"),
]
