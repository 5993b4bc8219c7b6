"""Addresses of payments; an order's money is found by the order's id."""

from django.urls import path

from settlement.payments import pages

app_name = "payments"
urlpatterns = [
    path("", pages.payments, name="list"),
    path("refunds/", pages.refunds, name="refunds"),
    path("earnings/", pages.earnings, name="earnings"),
    path("<uuid:order_id>/", pages.detail, name="detail"),
    path("<uuid:order_id>/pay/", pages.pay, name="pay"),
    path("<uuid:order_id>/refund/", pages.refund, name="refund"),
]
