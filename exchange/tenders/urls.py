from django.urls import path

from exchange.tenders import pages, pages_engagements

app_name = "tenders"
urlpatterns = [
    path("", pages.hall, name="list"),
    path("new/", pages.new, name="new"),
    path("mine/", pages.mine, name="mine"),
    path("bids/", pages.bids, name="bids"),
    path("contracts/", pages_engagements.engagements, name="engagements"),
    path("contracts/<str:number>/", pages_engagements.engagement, name="engagement"),
    path("contracts/<str:number>/text/", pages_engagements.contract, name="contract"),
    path("contracts/<str:number>/sign/", pages_engagements.sign, name="sign"),
    path("contracts/<str:number>/step/", pages_engagements.step, name="step"),
    path("contracts/<str:number>/rate/", pages_engagements.rate, name="rate"),
    path("lots/<uuid:milestone_id>/deliver/", pages_engagements.deliver, name="deliver"),
    path("lots/<uuid:milestone_id>/inspect/", pages_engagements.inspect, name="inspect"),
    path("<str:number>/", pages.tender, name="tender"),
    path("<str:number>/edit/", pages.edit, name="edit"),
    path("<str:number>/move/", pages.move, name="move"),
    path("<str:number>/ask/", pages.ask, name="ask"),
    path("<str:number>/bid/", pages.bid, name="bid"),
    path("<str:number>/bid/step/", pages.bid_step, name="bid_step"),
    path("<str:number>/bid/samples/<int:ordinal>/", pages.sample, name="sample"),
    path("<str:number>/compare/", pages.compare, name="compare"),
    path("<str:number>/shortlist/", pages.shortlist, name="shortlist"),
]
