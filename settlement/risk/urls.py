"""Addresses under /risk/."""

from __future__ import annotations

from django.urls import path

from settlement.risk import pages

app_name = "risk"
urlpatterns = [
    path("", pages.board, name="board"),
    path("parameters/", pages.settings, name="parameters"),
    path("firms/<uuid:firm_id>/", pages.firm, name="firm"),
    path("firms/<uuid:firm_id>/cases/", pages.open_case, name="open"),
    path("findings/<uuid:finding_id>/", pages.finding, name="finding"),
    path("cases/", pages.cases, name="cases"),
    path("cases/<uuid:case_id>/", pages.case, name="case"),
    path("cases/<uuid:case_id>/assign/", pages.assign, name="assign"),
    path("cases/<uuid:case_id>/begin/", pages.begin, name="begin"),
    path("cases/<uuid:case_id>/decision/", pages.decide, name="decide"),
    path("cases/<uuid:case_id>/reopening/", pages.reopen, name="reopen"),
    path("cases/<uuid:case_id>/files/<uuid:document_id>/", pages.file, name="file"),
    path("hearings/<uuid:case_id>/", pages.hearing, name="hearing"),
    path("hearings/<uuid:case_id>/answer/", pages.answer, name="answer"),
    path("ownership/", pages.own_declarations, name="ownership"),
    path("ownership/<uuid:firm_id>/", pages.declarations, name="ownership_of"),
    path("ownership/<uuid:firm_id>/holdings/", pages.declare_holding, name="declare_holding"),
    path("ownership/<uuid:firm_id>/details/", pages.declare_trait, name="declare_trait"),
    path("holdings/<uuid:holding_id>/end/", pages.end_holding, name="end_holding"),
    path("details/<uuid:trait_id>/end/", pages.end_trait, name="end_trait"),
]
