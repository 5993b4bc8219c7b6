from django.urls import path

from exchange.brokers.pages import deals, mandates

app_name = "brokers"
urlpatterns = [
    path("", mandates.mine, name="mine"),
    path("deals/", deals.deals, name="deals"),
    path("board/", deals.board, name="board"),
    path("assess/<uuid:pilot_id>/<int:year>/", deals.assess, name="assess"),
    path("mandates/new/", mandates.offer, name="offer"),
    path("mandates/<uuid:mandate_id>/", mandates.mandate, name="mandate"),
    path("mandates/<uuid:mandate_id>/text/", mandates.sign, name="sign"),
    path("mandates/<uuid:mandate_id>/end/", mandates.end, name="end"),
    path("mandates/<uuid:mandate_id>/handover/", mandates.handover, name="handover"),
    path("mandates/<uuid:mandate_id>/match/", mandates.match, name="record_match"),
    path("matches/<uuid:match_id>/", deals.match, name="match"),
    path("matches/<uuid:match_id>/accept/", mandates.answer, name="accept"),
    path("matches/<uuid:match_id>/decline/", deals.decline, name="decline"),
    path("deals/<uuid:deal_id>/", deals.deal, name="deal"),
    path("deals/<uuid:deal_id>/confirm/", deals.confirm, name="confirm"),
    path("deals/<uuid:deal_id>/decline/", deals.decline_deal, name="decline_deal"),
    path("deals/<uuid:deal_id>/records/", deals.keep, name="keep"),
    path("deals/<uuid:deal_id>/rating/", deals.rate, name="rate"),
]
