from django.urls import path

from exchange.demands import pages

app_name = "demands"
urlpatterns = [
    path("", pages.hall, name="list"),
    path("new/", pages.new, name="new"),
    path("mine/", pages.mine, name="mine"),
    path("answers/", pages.answers, name="answers"),
    path("answers/<uuid:answer_id>/", pages.answer, name="answer"),
    path("answers/<uuid:answer_id>/act/", pages.act, name="act"),
    path("<str:number>/", pages.demand, name="demand"),
    path("<str:number>/edit/", pages.edit, name="edit"),
    path("<str:number>/move/", pages.move, name="move"),
    path("<str:number>/moderate/", pages.moderate, name="moderate"),
    path("<str:number>/respond/", pages.respond, name="respond"),
]
