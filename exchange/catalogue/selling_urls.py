from django.urls import path

from exchange.catalogue import pages_selling as pages

app_name = "selling"
urlpatterns = [
    path("", pages.products, name="products"),
    path("new/", pages.choose, name="choose"),
    path("new/<uuid:certificate_id>/", pages.draft, name="draft"),
    path("<str:number>/", pages.product, name="product"),
    path("<str:number>/wording/", pages.wording, name="wording"),
    path("<str:number>/licence/", pages.licence, name="licence"),
    path("<str:number>/plans/", pages.plans, name="plans"),
    path("<str:number>/plans/<uuid:plan_id>/withdraw/", pages.withdraw_plan, name="withdraw_plan"),
    path("<str:number>/check/", pages.check, name="check"),
    path("<str:number>/delist/", pages.delist, name="delist"),
]
