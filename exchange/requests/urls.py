from django.urls import path

from exchange.requests import pages

app_name = "requests"
urlpatterns = [
    path("", pages.requests, name="requests"),
    path("new/<uuid:plan_id>/", pages.new, name="new"),
    path("<uuid:request_id>/", pages.request, name="request"),
    path("<uuid:request_id>/approve/", pages.approve, name="approve"),
    path("<uuid:request_id>/refuse/", pages.refuse, name="refuse"),
    path("<uuid:request_id>/withdraw/", pages.withdraw, name="withdraw"),
    path("<uuid:request_id>/offers/", pages.offer, name="offer"),
    path("<uuid:request_id>/accept/", pages.accept, name="accept"),
    path("<uuid:request_id>/order/", pages.order, name="order"),
]
