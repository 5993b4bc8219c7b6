"""Addresses under /rewards/."""

from __future__ import annotations

from django.urls import path

from settlement.rewards import pages

app_name = "rewards"
urlpatterns = [
    path("", pages.index, name="index"),
    path("policy/", pages.policy, name="policy"),
    path("estimate/", pages.estimate, name="estimate"),
    path("rules/", pages.rule_list, name="rules"),
    path("rules/<slug:measure>/", pages.rule, name="rule"),
    path("rules/<slug:measure>/compare/", pages.compare, name="compare"),
    path("review/", pages.review, name="review"),
    path("draft/", pages.draft, name="draft"),
    path("<str:number>/", pages.claim, name="claim"),
    path("<str:number>/confirm/", pages.confirm, name="confirm"),
    path("<str:number>/object/", pages.objection, name="object"),
    path("<str:number>/redraft/", pages.redraft, name="redraft"),
    path("<str:number>/decide/", pages.decide, name="decide"),
    path("<str:number>/audit/", pages.audit, name="audit"),
    path("<str:number>/replay/", pages.replay, name="replay"),
]
