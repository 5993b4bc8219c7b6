from django.urls import path

from exchange.trading import pages

app_name = "trading"
urlpatterns = [
    path("", pages.orders, name="orders"),
    path("new/", pages.new, name="new"),
    path("new/<uuid:plan_id>/", pages.place, name="place"),
    path("<uuid:order_id>/", pages.order, name="order"),
    path("<uuid:order_id>/contract/", pages.contract, name="contract"),
    path("<uuid:order_id>/sign/", pages.sign, name="sign"),
    path("<uuid:order_id>/accept/", pages.accept, name="accept"),
    path("<uuid:order_id>/cancel/", pages.cancel, name="cancel"),
]
