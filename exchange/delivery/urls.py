from django.urls import path

from exchange.delivery import pages

app_name = "delivery"
urlpatterns = [
    path("<uuid:order_id>/", pages.delivery, name="delivery"),
    path("<uuid:order_id>/deliver/", pages.deliver, name="deliver"),
    path("<uuid:order_id>/checksums.txt", pages.checksums, name="checksums"),
    path("<uuid:order_id>/files/<int:file_id>/", pages.download, name="download"),
]
