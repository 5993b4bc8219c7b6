"""Public verification, under its own short address (it stands in every QR code)."""

from django.urls import path

from assets.registry import verification_pages as pages

app_name = "verification"
urlpatterns = [
    path("", pages.verify, name="verify"),
    path("<str:number>/", pages.verify_number, name="number"),
]
