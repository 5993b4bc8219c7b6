"""Public verification of vouchers, under its own short address (it stands in every QR code)."""

from django.urls import path

from exchange.filings import verification_pages

app_name = "vouchers"
urlpatterns = [
    path("", verification_pages.verify, name="verify"),
    path("<str:number>/", verification_pages.verify_number, name="number"),
]
