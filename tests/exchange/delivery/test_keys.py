"""Ways in by programs: tokens, one-time links, files with ranges, the manifest, Croissant."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import timedelta

import pytest
from django.db import ProgrammingError, transaction
from django.test import Client

from exchange.delivery import selectors, services
from exchange.delivery.models import Access, AccessKey, Entitlement, Ticket
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound
from organizations.models import Membership
from tests import cast
from tests.cast import NOON
from tests.exchange.delivery import goods

pytestmark = pytest.mark.django_db
DAYS = timedelta(days=30)


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)


def bought() -> Entitlement:
    return goods.entitled(goods.product_of(goods.version_with(goods.FILES)))


def token_of(entitlement: Entitlement, name: str = "训练机") -> tuple[AccessKey, dict[str, str]]:
    key, text = services.create_token(
        by=cast.zhou(), at=NOON, entitlement_id=entitlement.pk, name=name, lifetime=DAYS
    )
    return key, {"Authorization": f"Bearer {text}"}


def test_a_token_reads_its_own_delivery_and_is_kept_as_a_hash_alone() -> None:
    entitlement = bought()
    key, headers = token_of(entitlement)
    secret = headers["Authorization"].rpartition(".")[2]
    assert key.secret_sha256 == goods.sha256(secret.encode())
    answer = Client().get(f"/api/deliveries/{entitlement.number}/manifest", headers=headers)
    version = selectors.version_in(entitlement)
    assert (answer.status_code, answer["ETag"]) == (200, f'"{version.root_hash}"')
    assert goods.sha256(answer.content) == version.root_hash
    assert [each["path"] for each in json.loads(answer.content)["entries"]] == sorted(
        goods.FILES, key=str.encode
    )
    access = Access.objects.get()
    assert (access.way, access.path, access.byte_count, access.key, access.user) == (
        "api", "manifest.json", len(answer.content), key, None,
    )  # fmt: skip
    assert (
        Client().get(f"/api/deliveries/{entitlement.order_id}/manifest", headers=headers).status_code == 200
    )


def test_a_token_of_another_delivery_unknown_expired_or_revoked_is_refused_with_its_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine, other = bought(), bought()
    key, headers = token_of(mine)
    path = f"/api/deliveries/{mine.number}/manifest"

    def refused(address: str = path, **shown: str) -> tuple[int, str]:
        answer = Client().get(address, headers=shown or headers)
        return answer.status_code, json.loads(answer.content)["title"]

    assert refused(f"/api/deliveries/{other.number}/manifest") == (403, "access_token_of_another")
    assert refused("/api/deliveries/DD-2026-9999999-X/manifest") == (404, "not_found")
    assert refused(Authorization="Bearer qt_no.no") == (401, "access_token_unknown")
    assert refused(Authorization=headers["Authorization"] + "x") == (401, "access_token_unknown")
    monkeypatch.setattr(clock, "now", lambda: NOON + DAYS)
    assert refused() == (401, "access_token_expired")
    monkeypatch.setattr(clock, "now", lambda: NOON)
    services.revoke_key(by=cast.zhou(), at=NOON, key_id=key.pk)
    services.revoke_key(by=cast.zhou(), at=NOON, key_id=key.pk)
    assert refused() == (401, "access_token_revoked")
    assert Access.objects.count() == 0


def test_a_token_dies_with_the_membership_of_its_maker_and_with_the_entitlement() -> None:
    entitlement = goods.entitled(
        goods.product_of(goods.version_with(goods.FILES)), "subscription", term_days=5
    )
    key, headers = token_of(entitlement)
    assert key.expires_at == NOON + timedelta(days=5)
    Membership.objects.filter(user=cast.zhou().user).update(ended_at=NOON)
    answer = Client().get(f"/api/deliveries/{entitlement.number}/manifest", headers=headers)
    assert answer.status_code == 401


def test_keys_are_made_by_the_buyers_own_people_with_the_role() -> None:
    entitlement = bought()
    clerk = cast.person("qin", cast.YUNSHAN, cast.Role.ASSET_CLERK)
    for who, refusal in ((cast.he(), NotFound), (clerk, NotAllowed), (cast.lin(), Exception)):
        with pytest.raises(refusal):
            services.create_token(by=who, at=NOON, entitlement_id=entitlement.pk, name="x", lifetime=DAYS)
    for name, lifetime in (("", DAYS), ("x", timedelta(0)), ("x", timedelta(days=367))):
        with pytest.raises(InvalidInput):
            services.create_token(
                by=cast.zhou(), at=NOON, entitlement_id=entitlement.pk, name=name, lifetime=lifetime
            )
    key, _headers = token_of(entitlement)
    with pytest.raises(NotFound):
        services.revoke_key(by=cast.he(), at=NOON, key_id=key.pk)
    for number in range(19):
        token_of(entitlement, f"机器 {number}")
    with pytest.raises(services.KeyLimit):
        token_of(entitlement)


def test_files_answer_ranges_by_the_books() -> None:
    entitlement = bought()
    _key, headers = token_of(entitlement)
    body, path = (
        goods.FILES["items/第 1 张.txt"],
        f"/api/deliveries/{entitlement.number}/files/items/第 1 张.txt",
    )
    etag = f'"{goods.sha256(body)}"'

    def asked(**more: str) -> tuple[int, bytes]:
        answer = Client().get(path, headers={**headers, **more})
        streamed = b"".join(answer.streaming_content) if answer.streaming else answer.content
        return answer.status_code, streamed

    assert asked() == (200, body)
    assert asked(Range="bytes=0-9") == (206, body[:10])
    assert asked(Range="bytes=2990-") == (206, body[2990:])
    assert asked(Range="bytes=-7") == (206, body[-7:])
    assert asked(Range="bytes=10-99999") == (206, body[10:])
    assert asked(Range="bytes=0-1,5-6") == (200, body)
    assert asked(Range="bytes=9-3") == (200, body)
    assert asked(Range="bytes=3000-")[0] == 416
    assert asked(**{"Range": "bytes=5-", "If-Range": etag}) == (206, body[5:])
    assert asked(**{"Range": "bytes=5-", "If-Range": '"other"'}) == (200, body)
    assert asked(**{"If-None-Match": etag})[0] == 304
    head = Client().head(path, headers=headers)
    assert (head.status_code, head["Content-Length"], head["ETag"], head.content) == (200, "3000", etag, b"")
    sizes = sorted(Access.objects.values_list("byte_count", flat=True))
    assert sizes == [7, 10, 10, 2990, 2995, 3000, 3000, 3000, 3000]
    for missing in ("items/none.txt", "../rows.jsonl", "items/../rows.jsonl"):
        answer = Client().get(f"/api/deliveries/{entitlement.number}/files/{missing}", headers=headers)
        assert answer.status_code == 404


def test_basic_works_for_programs_that_know_no_other_way_and_so_do_api_sessions() -> None:
    entitlement = bought()
    _key, headers = token_of(entitlement)
    token = headers["Authorization"].removeprefix("Bearer ")
    basic = {"Authorization": "Basic " + b64encode(f"token:{token}".encode()).decode()}
    path = f"/api/deliveries/{entitlement.number}/files/README.md"
    assert Client().get(path, headers=basic).status_code == 200
    client = Client()
    for who, status in ((cast.zhou, 200), (cast.he, 404), (cast.lin, 403), (cast.gu, 403)):
        client.force_login(who().user)
        assert client.get(path).status_code == status
    assert Client().get(path).status_code == 401
    assert Access.objects.count() == 2


def test_croissant_leads_to_the_same_files() -> None:
    entitlement = goods.entitled(goods.product_of(goods.reviews(3)))
    _key, headers = token_of(entitlement)
    told = json.loads(
        Client().get(f"/api/deliveries/{entitlement.number}/croissant.json", headers=headers).content
    )
    urls = {each["@id"]: each["contentUrl"] for each in told["distribution"] if "contentUrl" in each}
    base = f"http://testserver/api/deliveries/{entitlement.number}/files/"
    assert urls["rows.jsonl"] == f"{base}rows.jsonl"
    answer = Client().get(urls["items/000001.txt"].removeprefix("http://testserver"), headers=headers)
    assert b"".join(answer.streaming_content) == goods.sentence(0).encode()


def test_a_one_time_link_works_once_for_its_own_organization_and_for_a_program() -> None:
    entitlement = bought()
    ticket, secret = services.issue_ticket(
        by=cast.zhou(), at=NOON, entitlement_id=entitlement.pk, path="README.md"
    )
    assert secret not in Ticket.objects.values_list("secret_sha256", flat=True)
    client = Client()
    client.force_login(cast.he().user)
    assert client.get(f"/deliveries/once/{secret}/").status_code == 403
    assert client.head(f"/deliveries/once/{secret}/").status_code == 405
    first = Client().get(f"/deliveries/once/{secret}/")
    assert (first.status_code, b"".join(first.streaming_content)) == (200, b"# demo\n")
    assert Client().get(f"/deliveries/once/{secret}/").status_code == 410
    with pytest.raises(services.TicketUsed):
        services.redeem_ticket(by=cast.zhou(), at=NOON, secret=secret)
    assert Access.objects.get().way == "ticket"
    _ticket, late = services.issue_ticket(
        by=cast.zhou(), at=NOON, entitlement_id=entitlement.pk, path="README.md"
    )
    with pytest.raises(services.TicketExpired):
        services.redeem_ticket(by=cast.zhou(), at=NOON + timedelta(hours=24), secret=late)
    with pytest.raises(NotFound):
        services.redeem_ticket(by=cast.zhou(), at=NOON, secret="none")
    with pytest.raises(NotFound):
        services.issue_ticket(by=cast.zhou(), at=NOON, entitlement_id=entitlement.pk, path="../x")
    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        Ticket.objects.filter(pk=ticket.pk).update(expires_at=NOON)


def test_the_page_shows_a_secret_once_and_the_log_to_both_sides() -> None:
    entitlement = bought()
    client = Client()
    client.force_login(cast.zhou().user)
    page = f"/deliveries/entitlements/{entitlement.pk}/"
    made = client.post(f"{page}keys/", {"kind": "token", "name": "训练机", "days": "10"})
    key = AccessKey.objects.get()
    assert made.status_code == 201
    assert f"{key.prefix}." in made.content.decode()
    assert f"{key.prefix}." not in client.get(page).content.decode()
    assert "训练机" in client.get(page).content.decode()
    assert client.post(f"{page}keys/", {"kind": "s3", "name": "", "days": "10"}).status_code == 422
    link = client.post(f"{page}tickets/", {"path": "README.md"})
    assert "/deliveries/once/" in link.content.decode()
    assert client.post(f"{page}tickets/", {"path": "none"}).status_code == 404
    assert client.post(f"/deliveries/keys/{key.pk}/revoke/").status_code == 302
    client.force_login(cast.lin().user)
    client.get("/desk/")  # which shows what was said at the revocation
    assert "训练机" not in client.get(page).content.decode()
    assert client.post(f"{page}keys/", {"kind": "token", "name": "x", "days": "1"}).status_code == 403
    client.force_login(cast.he().user)
    assert client.get(page).status_code == 404
