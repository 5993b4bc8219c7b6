from django.urls import path

from exchange.acceptance import pages

app_name = "acceptance"
urlpatterns = [
    path("orders/<uuid:order_id>/", pages.inspection, name="inspection"),
    path("orders/<uuid:order_id>/accept/", pages.accept, name="accept"),
    path("orders/<uuid:order_id>/complain/", pages.complain, name="complain"),
    path("complaints/", pages.complaints, name="complaints"),
    path("disputes/", pages.disputes, name="disputes"),
    path("complaints/<uuid:complaint_id>/", pages.complaint, name="complaint"),
    path("complaints/<uuid:complaint_id>/defects/", pages.add_defect, name="add_defect"),
    path("complaints/<uuid:complaint_id>/answer/", pages.answer, name="answer"),
    path("complaints/<uuid:complaint_id>/accept/", pages.accept_offer, name="accept_offer"),
    path("complaints/<uuid:complaint_id>/decline/", pages.decline_offer, name="decline_offer"),
    path("complaints/<uuid:complaint_id>/withdraw/", pages.withdraw, name="withdraw"),
    path("complaints/<uuid:complaint_id>/escalate/", pages.escalate, name="escalate"),
    path("complaints/<uuid:complaint_id>/statements/", pages.state_evidence, name="state"),
    path("complaints/<uuid:complaint_id>/replacement/", pages.replace, name="replace"),
    path("complaints/<uuid:complaint_id>/ruling/", pages.ruling, name="ruling"),
    path("complaints/<uuid:complaint_id>/confirmation/", pages.confirm, name="confirm"),
    path("complaints/<uuid:complaint_id>/files/<uuid:document_id>/", pages.file, name="file"),
]
