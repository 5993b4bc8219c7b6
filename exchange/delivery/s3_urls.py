from django.urls import path

from exchange.delivery import s3

urlpatterns = [
    path("", s3.gateway, name="s3"),
    path("<str:bucket>", s3.gateway, name="s3_bucket"),
    path("<str:bucket>/", s3.gateway, name="s3_bucket_slash"),
    path("<str:bucket>/<path:key>", s3.gateway, name="s3_object"),
]
