"""Addresses under /revenue/."""

from __future__ import annotations

from django.urls import path

from settlement.revenue import pages

app_name = "revenue"
urlpatterns = [
    path("", pages.index, name="index"),
    path("lines.csv", pages.export, name="export"),
    path("yuan/", pages.yuan, name="yuan"),
    path("lines/<uuid:line_id>/", pages.line, name="line"),
]
