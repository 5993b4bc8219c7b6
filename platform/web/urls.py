from django.urls import path
from django.views.i18n import set_language

from web import pages

app_name = "web"
urlpatterns = [
    path("", pages.home, name="home"),
    path("desk/", pages.work_desk, name="desk"),
    path("todos/", pages.todos, name="todos"),
    path("find/", pages.find, name="find"),
    path("me/", pages.me, name="me"),
    path("help/", pages.help_page, name="help"),
    path("accessibility/", pages.accessibility, name="accessibility"),
    path("privacy/", pages.privacy, name="privacy"),
    path("language/", set_language, name="language"),
    path("type-size/", pages.type_size, name="type_size"),
    path("design/", pages.design, name="design"),
    path("healthz", pages.healthz, name="healthz"),
    path("readyz", pages.readyz, name="readyz"),
    path("metrics", pages.prometheus, name="metrics"),
    path("robots.txt", pages.robots, name="robots"),
]
