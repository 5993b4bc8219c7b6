"""Every address of the site; each app keeps its own list."""

from __future__ import annotations

from django.urls import include, path

from signing import pages as signing_pages

urlpatterns = [
    path(".well-known/jwks.json", signing_pages.jwks, name="jwks"),
]
