from django.urls import path

from exchange.delivery import pages

app_name = "delivery"
urlpatterns = [
    path("", pages.ours, name="ours"),
    path("trace/", pages.trace, name="trace"),
    path("claims/<uuid:plan_id>/", pages.claim, name="claim"),
    path("products/<str:number>/marking/", pages.marking, name="marking"),
    path("entitlements/<uuid:entitlement_id>/", pages.entitlement, name="entitlement"),
    path("entitlements/<uuid:entitlement_id>/keys/", pages.create_key, name="create_key"),
    path("entitlements/<uuid:entitlement_id>/tickets/", pages.create_ticket, name="create_ticket"),
    path("entitlements/<uuid:entitlement_id>/suspend/", pages.suspend, name="suspend"),
    path("entitlements/<uuid:entitlement_id>/resume/", pages.resume, name="resume"),
    path("keys/<uuid:key_id>/revoke/", pages.revoke_key, name="revoke_key"),
    path("once/<str:secret>/", pages.ticket, name="ticket"),
    path("<uuid:order_id>/", pages.delivery, name="delivery"),
    path("<uuid:order_id>/deliver/", pages.deliver, name="deliver"),
    path("<uuid:order_id>/checksums.txt", pages.checksums, name="checksums"),
    path("<uuid:order_id>/formats/<str:code>/make/", pages.make_format, name="make_format"),
    path("<uuid:order_id>/formats/<str:code>/", pages.download_format, name="download_format"),
    path("<uuid:order_id>/metadata/<str:name>", pages.metadata, name="metadata"),
    path("<uuid:order_id>/files/<int:file_id>/", pages.download, name="download"),
]
