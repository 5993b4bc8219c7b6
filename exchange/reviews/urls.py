from django.urls import path

from exchange.reviews import pages

app_name = "reviews"
urlpatterns = [
    path("orders/<uuid:order_id>/", pages.write, name="write"),
    path("<uuid:review_id>/", pages.review, name="review"),
]
