from django.urls import path

from exchange.catalogue import pages, pages_search

app_name = "catalogue"
urlpatterns = [
    path("", pages_search.catalogue, name="list"),
    path("review/", pages.queue, name="queue"),
    path("review/changes/<uuid:revision_id>/", pages.review_change, name="review_change"),
    path("review/<str:number>/", pages.review, name="review"),
    path("review/<str:number>/control/", pages.control, name="control"),
    path("<str:number>/", pages.product, name="product"),
    path("<str:number>/policy.jsonld", pages.policy, name="policy"),
    path("<str:number>/metadata/<str:name>", pages.metadata, name="metadata"),
    path("<str:number>/versions/<int:older>/", pages.compare, name="compare"),
    path("<str:number>/questions/", pages.ask, name="ask"),
    path("<str:number>/questions/<uuid:question_id>/hide/", pages.hide_question, name="hide_question"),
]
