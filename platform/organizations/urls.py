from django.urls import path

from organizations import pages

app_name = "organizations"
urlpatterns = [
    path("", pages.detail, name="detail"),
    path("new/", pages.create, name="create"),
    path("edit/", pages.edit, name="edit"),
    path("submit/", pages.submit, name="submit"),
    path("switch/", pages.switch, name="switch"),
    path("members/", pages.members, name="members"),
    path("members/invite/", pages.invite, name="invite"),
    path("members/<uuid:membership_id>/roles/", pages.roles, name="roles"),
    path("members/<uuid:membership_id>/end/", pages.end, name="end_membership"),
    path("invitations/<uuid:invitation_id>/withdraw/", pages.withdraw, name="withdraw"),
    path("invitations/<str:token>/", pages.accept, name="accept"),
    path("keys/", pages.api_keys, name="api_keys"),
    path("keys/<uuid:key_id>/revoke/", pages.revoke, name="revoke_key"),
    path("verifications/", pages.verifications, name="verifications"),
    path("verifications/<uuid:organization_id>/", pages.verification, name="verification"),
]
