from django.urls import path

from assets.datasets import pages

app_name = "datasets"
urlpatterns = [
    path("", pages.dataset_list, name="list"),
    path("new/", pages.new_dataset, name="new"),
    path("<uuid:dataset_id>/", pages.detail, name="detail"),
    path("<uuid:dataset_id>/v<int:number>/", pages.detail, name="version"),
    path("<uuid:dataset_id>/seal/", pages.seal, name="seal"),
    path("<uuid:dataset_id>/versions/<int:newer>/diff/<int:older>/", pages.diff, name="diff"),
    path("<uuid:dataset_id>/diff/", pages.choose_diff, name="choose_diff"),
    path("files/<int:file_id>/", pages.file_detail, name="file"),
    path("versions/<uuid:version_id>/verify/", pages.verify, name="verify"),
    path("versions/<uuid:version_id>/withdraw/", pages.withdraw, name="withdraw"),
    path("versions/<uuid:version_id>/manifest.json", pages.manifest, name="manifest"),
    path("versions/<uuid:version_id>/files/<int:file_id>/", pages.download, name="download"),
]
