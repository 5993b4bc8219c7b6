from django.urls import path

from settlement.milestones import pages

app_name = "milestones"
urlpatterns = [
    path("<uuid:milestone_id>/fund/", pages.fund, name="fund"),
    path("contracts/<str:number>/fund/", pages.fund_all, name="fund_all"),
]
