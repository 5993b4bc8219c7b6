"""The organization's pages: who sees them, what they say, a constant number of queries."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from organizations import services
from organizations.models import Membership, Organization
from organizations.states import Role
from tests.cast import BEIJIANG, NOON, QINGLAN, YUNSHAN, gu, lin, mei, organization, person, zhou
from tests.organizations.test_registration import good_uscc, newcomer, registered

pytestmark = pytest.mark.django_db

FORM = {
    "name": "新城数据（示例）有限公司",
    "kinds": ["annotation_firm", "buyer"],
    "registered_place": "441802",
    "tax_place": "441802",
    "industry_digital": "0304",
    "contact_phone": "0763-3366123",
}


def test_a_person_without_an_organization_is_led_to_register_one(client: Any) -> None:
    client.force_login(newcomer().user)
    for address in ("/organization/", "/organization/members/"):
        assert client.get(address)["Location"] == "/organization/new/"
    page = client.get("/organization/new/")
    assert page.status_code == 200
    refused = client.post("/organization/new/", {**FORM, "uscc": "123"})
    assert refused.status_code == 422
    assert "校验位" in refused.content.decode()
    assert "新城数据" in refused.content.decode()
    done = client.post("/organization/new/", {**FORM, "uscc": good_uscc()})
    assert done["Location"] == "/organization/"
    assert Organization.objects.get().kinds == ["annotation_firm", "buyer"]
    detail = client.get("/organization/").content.decode()
    assert "还缺 2 项" in detail  # legal representative and contact
    assert "/organization/submit/" not in detail


def test_verification_goes_through_the_operators_page(client: Any) -> None:
    firm, admin = registered(newcomer())
    client.force_login(admin.user)
    assert "/organization/submit/" in client.get("/organization/").content.decode()
    client.post("/organization/submit/")
    client.force_login(gu().user)
    assert firm.name in client.get("/organization/verifications/").content.decode()
    address = f"/organization/verifications/{firm.pk}/"
    assert client.get(address).status_code == 200
    refused = client.post(address, {"decision": "return", "opinion": ""})
    assert refused.status_code == 422
    assert "写明退回原因" in refused.content.decode()
    assert client.post(address, {"decision": "burn"}).status_code == 422
    assert client.post(address, {"decision": "approve"}).status_code == 302
    firm.refresh_from_db()
    assert firm.is_verified


def test_others_do_not_reach_the_operators_pages(client: Any) -> None:
    firm, _admin = registered(newcomer())
    client.force_login(lin().user)
    assert client.get("/organization/verifications/").status_code == 403
    assert client.get(f"/organization/verifications/{firm.pk}/").status_code == 404
    assert client.post(f"/organization/verifications/{firm.pk}/", {"decision": "approve"}).status_code == 404


def test_visitors_are_sent_to_sign_in(client: Any) -> None:
    for address in ("", "members/", "keys/", "verifications/", "new/", "edit/"):
        answer = client.get(f"/organization/{address}")
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/?next=")


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/catalogue/", "/catalogue/"),
        ("https://evil.example/", "/desk/"),
        ("//evil.example/", "/desk/"),
        ("/\\evil.example", "/desk/"),
        ("javascript:alert(1)", "/desk/"),
        ("", "/desk/"),
    ],
)
def test_switching_goes_back_on_this_site_only(client: Any, wanted: str, reached: str) -> None:
    he = person("he", BEIJIANG)
    assert he.user is not None
    second = Membership.objects.create(user=he.user, organization=organization(YUNSHAN), roles=["purchaser"])
    client.force_login(he.user)
    answer = client.post("/organization/switch/", {"organization": second.organization_id, "next": wanted})
    assert answer["Location"] == reached
    assert client.get("/api/organizations/me").json()["organization"]["id"] == str(second.organization_id)


def test_nobody_switches_to_an_organization_they_do_not_belong_to(client: Any) -> None:
    client.force_login(lin().user)
    for wanted in (str(organization(YUNSHAN).pk), "nonsense", ""):
        assert client.post("/organization/switch/", {"organization": wanted}).status_code == 404
    assert client.get("/organization/switch/").status_code == 405


def test_members_page_hides_addresses_from_members_who_do_not_manage(client: Any) -> None:
    lin()
    client.force_login(mei().user)
    page = client.get("/organization/members/").content.decode()
    assert "l***@example.cn" in page
    assert "lin@example.cn" not in page
    assert client.get("/organization/members/invite/").status_code == 403


def test_an_administrator_invites_changes_roles_and_lets_go_on_the_pages(client: Any) -> None:
    client.force_login(lin().user)
    member = Membership.objects.get(user=mei().user)
    assert (
        client.post(
            "/organization/members/invite/", {"email": "x@example.cn", "roles": ["annotator"]}
        ).status_code
        == 302
    )
    assert "x@example.cn" in client.get("/organization/members/").content.decode()
    address = f"/organization/members/{member.pk}/roles/"
    assert client.get(address).status_code == 200
    assert client.post(address, {}).status_code == 422
    assert client.post(address, {"roles": ["annotator", "quality_reviewer"]}).status_code == 302
    assert client.post(f"/organization/members/{member.pk}/end/").status_code == 302
    member.refresh_from_db()
    assert member.roles == ["annotator", "quality_reviewer"]
    assert member.ended_at is not None
    assert client.get(address).status_code == 404


def test_lists_take_the_same_number_of_queries_however_long(
    client: Any, django_assert_max_num_queries: Any
) -> None:
    client.force_login(lin().user)
    for number in range(12):
        person(f"p{number}", QINGLAN, Role.ANNOTATOR)
        services.invite(by=lin(), at=NOON, email=f"i{number}@example.cn", roles=["annotator"])
    with django_assert_max_num_queries(9):
        client.get("/organization/members/")


def test_the_api_tells_who_calls_and_pages_through_members(client: Any) -> None:
    lin(), mei(), zhou()
    client.force_login(lin().user)
    first = client.get("/api/organizations/members?limit=1").json()
    second = client.get(f"/api/organizations/members?limit=1&cursor={first['next']}").json()
    assert {first["items"][0]["user"]["name"], second["items"][0]["user"]["name"]} == {"Lin", "Mei"}
    assert second["next"] is None
    assert client.get("/api/organizations/members?limit=0").status_code == 422
    other = organization(YUNSHAN)
    assert client.get(f"/api/organizations/{other.pk}").status_code == 404


def test_users_of_the_api_invite_with_an_idempotency_key(client: Any) -> None:
    client.force_login(lin().user)
    body = {"email": "x@example.cn", "roles": ["annotator"]}
    send: Any = lambda **headers: client.post(  # noqa: E731
        "/api/organizations/invitations", body, content_type="application/json", headers=headers
    )
    assert send().status_code == 422
    first, second = send(idempotency_key="a"), send(idempotency_key="a")
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert User.objects.count() == 1
