"""Addresses under /label-studio/."""

from django.urls import path

from annotation.servers import pages

app_name = "servers"
urlpatterns = [
    path("", pages.server_list, name="list"),
    path("new/", pages.new, name="new"),
    path("media/<str:token>/", pages.media, name="media"),
    path("hints/<uuid:link_id>/", pages.hint, name="hint"),
    path("links/<uuid:link_id>/", pages.link_page, name="link"),
    path("links/<uuid:link_id>/issue/", pages.issue, name="issue"),
    path("links/<uuid:link_id>/exchange/", pages.exchange, name="exchange"),
    path("links/<uuid:link_id>/sweep/", pages.sweep, name="sweep"),
    path("links/<uuid:link_id>/pause/", pages.pause, name="pause"),
    path("links/<uuid:link_id>/resume/", pages.resume, name="resume"),
    path("links/<uuid:link_id>/close/", pages.close, name="close"),
    path("links/<uuid:link_id>/resend/", pages.resend, name="resend"),
    path("links/<uuid:link_id>/expire/", pages.expire, name="expire"),
    path("results/<uuid:annotation_id>/retry/", pages.retry, name="retry"),
    path("<uuid:server_id>/", pages.server_page, name="server"),
    path("<uuid:server_id>/check/", pages.check, name="check"),
    path("<uuid:server_id>/token/", pages.token, name="token"),
    path("<uuid:server_id>/retire/", pages.retire, name="retire"),
    path("<uuid:server_id>/connect/", pages.connect, name="connect"),
]
