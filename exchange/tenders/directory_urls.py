from django.urls import path

from exchange.tenders import pages_directory

app_name = "providers"
urlpatterns = [
    path("", pages_directory.firms, name="list"),
    path("<str:uscc>/", pages_directory.firm, name="firm"),
]
