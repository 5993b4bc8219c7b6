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
    path("<str:number>/compliance/", pages.compliance, name="compliance"),
    path("<str:number>/needs/", pages.needs, name="needs"),
    path("<str:number>/examples/", pages.examples, name="examples"),
    path("<str:number>/contacts/", pages.contacts, name="contacts"),
    path("<str:number>/access/", pages.access, name="access"),
    path(
        "<str:number>/access/<uuid:invitation_id>/withdraw/",
        pages.withdraw_invitation,
        name="withdraw_invitation",
    ),
    path("<str:number>/change/", pages.change, name="change"),
    path("<str:number>/change/drop/", pages.drop_change, name="drop_change"),
    path("<str:number>/change/version/<uuid:certificate_id>/", pages.move_version, name="move_version"),
    path("<str:number>/questions/<uuid:question_id>/", pages.answer, name="answer"),
    path("<str:number>/check/", pages.check, name="check"),
    path("<str:number>/delist/", pages.delist, name="delist"),
]
