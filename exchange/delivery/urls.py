from django.urls import path

from exchange.delivery import pages

app_name = "delivery"
urlpatterns = [
    path("<uuid:order_id>/", pages.delivery, name="delivery"),
    path("<uuid:order_id>/deliver/", pages.deliver, name="deliver"),
    path("<uuid:order_id>/checksums.txt", pages.checksums, name="checksums"),
    path("<uuid:order_id>/formats/<str:code>/make/", pages.make_format, name="make_format"),
    path("<uuid:order_id>/formats/<str:code>/", pages.download_format, name="download_format"),
    path("<uuid:order_id>/metadata/<str:name>", pages.metadata, name="metadata"),
    path("<uuid:order_id>/files/<int:file_id>/", pages.download, name="download"),
]
