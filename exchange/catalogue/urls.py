from django.urls import path

from exchange.catalogue import pages

app_name = "catalogue"
urlpatterns = [
    path("", pages.catalogue, name="list"),
    path("review/", pages.queue, name="queue"),
    path("review/<str:number>/", pages.review, name="review"),
    path("review/<str:number>/control/", pages.control, name="control"),
    path("<str:number>/", pages.product, name="product"),
]
