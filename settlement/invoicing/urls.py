"""Addresses of invoices."""

from django.urls import path

from settlement.invoicing import fee_pages, pages

app_name = "invoicing"
urlpatterns = [
    path("", pages.invoices, name="list"),
    path("wishes/", pages.wishes, name="wishes"),
    path("wishes/<uuid:wish_id>/withdraw/", pages.withdraw_wish, name="withdraw_wish"),
    path("orders/<uuid:order_id>/", pages.order, name="order"),
    path("orders/<uuid:order_id>/issue/", pages.issue, name="issue"),
    path("orders/<uuid:order_id>/wish/", pages.wish, name="wish"),
    path("fees/", fee_pages.fees, name="fees"),
    path("fees/orders/<uuid:order_id>/", fee_pages.order, name="fee_order"),
    path("fees/orders/<uuid:order_id>/issue/", fee_pages.issue, name="issue_fee"),
    path("fees/<uuid:fee_invoice_id>/file/", fee_pages.file, name="fee_file"),
    path("fees/<uuid:fee_invoice_id>/credit/", fee_pages.credit, name="credit_fee"),
    path("fees/<uuid:fee_invoice_id>/void/", fee_pages.void, name="void_fee"),
    path("<uuid:invoice_id>/", pages.invoice, name="invoice"),
    path("<uuid:invoice_id>/file/", pages.file, name="file"),
    path("<uuid:invoice_id>/credit/", pages.credit, name="credit"),
    path("<uuid:invoice_id>/void/", pages.void, name="void"),
]
