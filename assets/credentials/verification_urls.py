"""Public verification, under its own short address (it stands in every QR code)."""

from django.urls import path

from assets.credentials import verification_pages

app_name = "verification"
urlpatterns = [
    path("", verification_pages.verify, name="verify"),
    path("<str:number>/", verification_pages.verify_number, name="number"),
]
