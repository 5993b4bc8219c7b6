from django.urls import path

from exchange.trading import pages

app_name = "trading"
urlpatterns = [
    path("", pages.orders, name="orders"),
    path("new/", pages.new, name="new"),
    path("new/<uuid:plan_id>/", pages.place, name="place"),
    path("supplements/<uuid:supplement_id>/", pages.supplement, name="supplement"),
    path("supplements/<uuid:supplement_id>/sign/", pages.sign_supplement, name="sign_supplement"),
    path("supplements/<uuid:supplement_id>/end/", pages.end_supplement, name="end_supplement"),
    path("<uuid:order_id>/", pages.order, name="order"),
    path("<uuid:order_id>/contract/", pages.contract, name="contract"),
    path("<uuid:order_id>/contract/policy/", pages.policy, name="policy"),
    path("<uuid:order_id>/contract/document/", pages.document, name="document"),
    path("<uuid:order_id>/supplements/new/", pages.new_supplement, name="new_supplement"),
    path("<uuid:order_id>/sign/", pages.sign, name="sign"),
    path("<uuid:order_id>/accept/", pages.accept, name="accept"),
    path("<uuid:order_id>/cancel/", pages.cancel, name="cancel"),
]
