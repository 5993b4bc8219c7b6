from django.urls import path, register_converter
from django.urls.converters import StringConverter

from exchange.delivery import s3


class BucketConverter(StringConverter):
    """A number of an order or of a claim."""

    regex = r"(?:DD|QY)-\d{4}-\d{7,}-[0-9A-Z]"


register_converter(BucketConverter, "s3_bucket")

urlpatterns = [
    path("<s3_bucket:bucket>", s3.gateway, name="s3_root_bucket"),
    path("<s3_bucket:bucket>/", s3.gateway, name="s3_root_bucket_slash"),
    path("<s3_bucket:bucket>/<path:key>", s3.gateway, name="s3_root_object"),
]
