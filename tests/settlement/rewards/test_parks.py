"""Parks and the firms in them: recognised from a day on by the department in charge, read as of the year's last day."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.test import Client

from audit.models import AuditEvent
from kernel.errors import InvalidInput, NotAllowed, NotFound, SelfReview
from kernel.states import MoveNotAllowed
from organizations.models import Membership, Organization, Park
from organizations.permissions import Actor
from settlement.rewards import recognitions, selectors, services
from settlement.rewards.cases import Cases
from settlement.rewards.models import Award, Office, ParkRecognition
from settlement.rewards.states import ClaimState, RecognitionState
from tests import cast
from tests.settlement import trades
from tests.settlement.rewards import steps
from tests.settlement.rewards.test_money import at_once
from tests.settlement.rewards.test_notices import document

pytestmark = pytest.mark.django_db

AT = datetime(2026, 1, 8, 4, 0, tzinfo=UTC)
SYSTEM = Actor.system("奖励测算")
NAME = "清远数字经济园区（示例）"


def park(
    *,
    name: str = NAME,
    from_on: date = date(2024, 1, 1),
    until_on: date | None = None,
    by: Actor | None = None,
) -> ParkRecognition:
    """A park that the bureau recognised."""
    by = by or cast.shen()
    return services.recognise_park(
        by=by, at=AT, name=name, name_en="Park (demo)", place="441803", from_on=from_on, until_on=until_on,
        document_id=document(by).pk, reason="市政府批复",
    )  # fmt: skip


def applied(
    of: ParkRecognition,
    *,
    from_on: date = date(2025, 3, 1),
    until_on: date | None = None,
    by: Actor | None = None,
    at: datetime = AT,
) -> ParkRecognition:
    """清蓝's application to be recognised in the park."""
    by = by or cast.lin()
    return services.apply_for_park(
        by=by, at=at, park_id=of.park_id, from_on=from_on, until_on=until_on, document_id=document(by).pk,
        note="租赁合同见附件",
    )  # fmt: skip


def decided(
    found: ParkRecognition, *, is_recognised: bool = True, reason: str = "合同属实", at: datetime = AT
) -> ParkRecognition:
    return services.decide_park_application(
        by=cast.shen(), at=at, recognition_id=found.pk, is_recognised=is_recognised, reason=reason
    )


def revoked(found: ParkRecognition, from_on: date, *, at: datetime = AT) -> ParkRecognition:
    return services.revoke_park_recognition(
        by=cast.shen(), at=at, recognition_id=found.pk, from_on=from_on, reason="已搬离园区"
    )


def fact(year: int) -> dict[str, Any]:
    facts = selectors.gather_facts(cast.organization(cast.QINGLAN), year)
    found: dict[str, Any] = facts.document["facts"]["in_recognised_park"]
    return found


def in_park(year: int) -> bool:
    """Whether 清蓝 counts as in a recognised park; the whole-city run has to say the same."""
    found: bool = fact(year)["value"]
    assert (cast.organization(cast.QINGLAN).pk in Cases.of(year).in_parks) is found
    return found


# --- the fact as of the year's last day -----------------------------------------------------------


def test_a_park_that_the_firm_only_names_itself_proves_nothing() -> None:
    found = park()
    Organization.objects.filter(pk=cast.organization(cast.QINGLAN).pk).update(park=found.park)
    assert not in_park(2025)


def test_a_recognised_firm_counts_from_its_first_year_on_with_its_proof() -> None:
    found = applied(park())
    assert not in_park(2025)
    decided(found)
    assert [in_park(year) for year in (2024, 2025, 2026)] == [False, True, True]
    proof = fact(2025)["evidence"][-1]
    assert proof == {
        "kind": "park_recognition",
        "number": NAME,
        "id": str(found.pk),
        "label": "2025-03-01",
        "sha256": found.document.sha256,
    }
    assert [each["kind"] for each in fact(2024)["evidence"]] == ["organization"]


@pytest.mark.parametrize(
    ("from_on", "until_on", "expected"),
    [
        (date(2025, 12, 31), None, True),
        (date(2025, 1, 1), date(2025, 12, 31), False),
        (date(2025, 1, 1), date(2026, 1, 1), True),
        (date(2026, 1, 1), None, False),
    ],
)
def test_a_recognition_is_half_open_and_read_on_the_last_day_of_the_year(
    from_on: date, until_on: date | None, expected: bool
) -> None:
    decided(applied(park(), from_on=from_on, until_on=until_on))
    assert in_park(2025) is expected


def test_a_revocation_ends_it_from_its_day_and_leaves_the_years_before() -> None:
    found = decided(applied(park(), from_on=date(2024, 2, 1)))
    revoked(found, date(2025, 7, 1))
    assert [in_park(year) for year in (2024, 2025)] == [True, False]


def test_a_revocation_from_the_first_day_is_as_if_it_had_never_been() -> None:
    found = decided(applied(park(), from_on=date(2024, 2, 1)))
    revoked(found, date(2024, 2, 1))
    assert not in_park(2024)


def test_with_the_park_its_firms_lose_recognition() -> None:
    whole = park()
    decided(applied(whole))
    revoked(whole, date(2025, 11, 1))
    assert not in_park(2025)


def test_a_refused_or_withdrawn_application_counts_for_nothing() -> None:
    whole = park()
    decided(applied(whole), is_recognised=False, reason="合同未盖章")
    services.withdraw_park_application(by=cast.lin(), at=AT, recognition_id=applied(whole).pk)
    assert not in_park(2025)


# --- decisions ------------------------------------------------------------------------------------


def drafted(industry: str = "0101") -> Any:
    """The statement of a firm that is in scope by its park only."""
    trades.sale("6800000.00")
    Organization.objects.filter(pk=cast.organization(cast.QINGLAN).pk).update(
        industry_digital=industry, kinds=["buyer"]
    )
    return services.draft_claim(
        by=SYSTEM, at=steps.DRAFTED, firm_id=cast.organization(cast.QINGLAN).pk, year=2025
    )


def test_a_statement_that_lies_with_the_firm_follows_the_recognition() -> None:
    claim = drafted()
    assert claim.decision.outcome == "not_eligible"
    decided(applied(park()), at=steps.DRAFTED)
    claim.refresh_from_db()
    assert (claim.decision.outcome, claim.decision.amount_fen) == ("granted", 6_800_000)


def test_a_past_decision_replays_the_same_bytes_and_a_revocation_reopens_the_award() -> None:
    found = decided(applied(park()))
    claim = drafted()
    award = steps.awarded(steps.announced(claim))
    before = selectors.replay(award.decision_id)
    assert before.is_same
    revoked(found, date(2025, 3, 1), at=steps.NOTICE_OVER)
    claim.refresh_from_db()
    assert claim.state == ClaimState.REOPENED
    assert (claim.decision.outcome, claim.decision.amount_fen) == ("not_eligible", 0)
    after = selectors.replay(award.decision_id)
    assert (after.is_same, after.replayed_sha256) == (True, before.stored_sha256)


def test_a_revocation_that_changes_no_amount_leaves_the_award() -> None:
    found = decided(applied(park()))
    trades.sale("6800000.00")
    claim = services.draft_claim(
        by=SYSTEM, at=steps.DRAFTED, firm_id=cast.organization(cast.QINGLAN).pk, year=2025
    )
    steps.awarded(steps.announced(claim))
    revoked(found, date(2025, 3, 1), at=steps.NOTICE_OVER)
    claim.refresh_from_db()
    assert claim.state == ClaimState.APPROVED
    assert Award.objects.count() == 1


# --- who, twice, overlapping, at once --------------------------------------------------------------


def test_only_the_department_in_charge_recognises() -> None:
    whole = park()
    found = applied(whole)
    other = cast.person("ke", ("科技部门（示例）", "11441800MB5000007D", (cast.Kind.DEPARTMENT,)))
    for who, refusal in ((cast.lin(), NotAllowed), (cast.gu(), NotAllowed), (other, services.OtherOffice)):
        with pytest.raises(refusal):
            services.decide_park_application(by=who, at=AT, recognition_id=found.pk, is_recognised=True)
        with pytest.raises(refusal):
            services.revoke_park_recognition(
                by=who, at=AT, recognition_id=whole.pk, from_on=date(2025, 1, 1), reason="不再符合"
            )
        with pytest.raises(refusal):
            park(name="另一园区", by=who)
    Office.objects.filter(source=recognitions.RECOGNISER.zh).delete()
    with pytest.raises(services.OfficeMissing, match="市政务服务数据管理局"):
        decided(found)
    found.refresh_from_db()
    assert (found.state, found.decided_at) == (RecognitionState.APPLIED, None)
    assert not Park.objects.filter(name="另一园区").exists()


def test_nobody_recognises_a_firm_they_belong_to() -> None:
    found = applied(park())
    Membership.objects.create(
        user=cast.shen().user, organization=cast.organization(cast.QINGLAN), roles=["finance"]
    )
    with pytest.raises(SelfReview):
        decided(found)


def test_only_the_firm_itself_withdraws_and_only_before_the_decision() -> None:
    found = applied(park())
    with pytest.raises(NotFound):
        services.withdraw_park_application(by=cast.he(), at=AT, recognition_id=found.pk)
    with pytest.raises(NotAllowed):
        services.withdraw_park_application(by=cast.mei(), at=AT, recognition_id=found.pk)
    decided(found)
    with pytest.raises(MoveNotAllowed):
        services.withdraw_park_application(by=cast.lin(), at=AT, recognition_id=found.pk)


def test_one_application_of_a_firm_for_a_park_waits_at_a_time() -> None:
    whole = park()
    applied(whole)
    with pytest.raises(services.ParkApplicationOpen, match="先撤回"):
        applied(whole, from_on=date(2025, 5, 1))
    applied(whole, by=cast.he())
    assert ParkRecognition.objects.filter(state=RecognitionState.APPLIED).count() == 2


def test_deciding_twice_is_refused() -> None:
    found = decided(applied(park()))
    with pytest.raises(MoveNotAllowed):
        decided(found)
    revoked(found, date(2025, 6, 1))
    with pytest.raises(MoveNotAllowed):
        revoked(found, date(2025, 7, 1))
    assert [move.move for move in recognitions.history_of(found)] == ["recognise", "revoke"]


def test_recognitions_of_a_firm_in_a_park_do_not_overlap() -> None:
    whole = park()
    found = decided(applied(whole, from_on=date(2025, 3, 1), until_on=date(2025, 9, 1)))
    for from_on, until_on in ((date(2025, 8, 31), None), (date(2025, 1, 1), date(2025, 3, 2))):
        with pytest.raises(services.ParkRecognised, match="2025-03-01"):
            applied(whole, from_on=from_on, until_on=until_on)
    revoked(found, date(2025, 6, 1))
    decided(applied(whole, from_on=date(2025, 6, 1)))
    assert in_park(2025)


def test_a_park_is_recognised_once_for_the_same_days() -> None:
    first = park(until_on=date(2025, 1, 1))
    with pytest.raises(services.ParkRecognised):
        park(from_on=date(2024, 12, 31))
    second = park(from_on=date(2025, 1, 1))
    assert first.park_id == second.park_id
    assert Park.objects.count() == 1


def test_a_firm_is_not_recognised_in_a_park_before_the_park_itself() -> None:
    whole = park(from_on=date(2025, 4, 1))
    with pytest.raises(services.ParkNotRecognised, match="2025-03-31"):
        applied(whole, from_on=date(2025, 3, 31))
    found = applied(whole, from_on=date(2025, 4, 1))
    revoked(whole, date(2025, 4, 1))
    with pytest.raises(services.ParkNotRecognised):
        decided(found)


def test_bad_days_documents_and_reasons_are_refused_by_field() -> None:
    whole = park()
    tomorrow = AT.date() + timedelta(days=1)
    for told, field in (
        ({"from_on": tomorrow}, "from_on"),
        ({"until_on": date(2025, 3, 1)}, "until_on"),
        ({"document_id": document(cast.he()).pk}, "document"),
        ({"document_id": uuid4()}, "document"),
    ):
        given: dict[str, Any] = {"from_on": date(2025, 3, 1), "document_id": document(cast.lin()).pk, **told}
        with pytest.raises(InvalidInput) as refused:
            services.apply_for_park(by=cast.lin(), at=AT, park_id=whole.park_id, **given)
        assert refused.value.field == field
    found = applied(whole)
    with pytest.raises(InvalidInput) as refused:
        decided(found, is_recognised=False, reason=" ")
    assert refused.value.field == "reason"
    decided(found)
    for day in (date(2025, 2, 28), tomorrow):
        with pytest.raises(InvalidInput) as refused:
            revoked(found, day)
        assert refused.value.field == "from_on"


@pytest.mark.django_db(transaction=True)
def test_of_two_that_apply_or_decide_at_once_one_wins() -> None:
    whole, papers = park(), document(cast.lin()).pk
    firm, bureau = cast.lin(), cast.shen()

    def ask() -> object:
        return services.apply_for_park(
            by=firm, at=AT, park_id=whole.park_id, from_on=date(2025, 3, 1), document_id=papers
        )

    assert at_once(4, ask) == [services.ParkApplicationOpen] * 3
    found = ParkRecognition.objects.get(firm__isnull=False)

    def judge() -> object:
        return services.decide_park_application(by=bureau, at=AT, recognition_id=found.pk, is_recognised=True)

    assert at_once(4, judge) == [MoveNotAllowed] * 3
    assert AuditEvent.objects.filter(action="rewards.recognise_park", subject_id=found.pk).count() == 1


def test_what_was_applied_for_never_changes_and_nothing_is_deleted() -> None:
    found = decided(applied(park()))
    for work in (
        lambda: ParkRecognition.objects.filter(pk=found.pk).update(from_on=date(2020, 1, 1)),
        lambda: ParkRecognition.objects.filter(pk=found.pk).delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            work()


# --- pages and API --------------------------------------------------------------------------------


def signed_in(who: Actor) -> Client:
    client = Client()
    client.force_login(who.user)  # type: ignore[arg-type]
    return client


def paper() -> SimpleUploadedFile:
    return SimpleUploadedFile("合同.pdf", b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n", "application/pdf")


def test_the_firm_applies_and_the_department_decides_on_the_pages() -> None:
    whole, firm, bureau = park(), signed_in(cast.lin()), signed_in(cast.shen())
    assert "申请入驻认定" in firm.get("/rewards/parks/").content.decode()
    answer = firm.post(
        "/rewards/parks/apply/", {"park": whole.park_id, "from_on": "2025-03-01", "file": paper()}
    )
    found = ParkRecognition.objects.get(firm__isnull=False)
    assert (answer.status_code, answer["Location"]) == (302, f"/rewards/parks/{found.pk}/")
    assert "撤回申请" in firm.get(answer["Location"]).content.decode()
    assert cast.QINGLAN[0] in bureau.get("/rewards/parks/").content.decode()
    page = bureau.get(f"/rewards/parks/{found.pk}/").content.decode()
    assert "予以认定" in page
    decide = f"/rewards/parks/{found.pk}/decide/"
    assert bureau.post(decide, {"decision": "refuse", "opinion": ""}).status_code == 422
    assert bureau.post(decide, {"decision": "recognise", "opinion": "属实"}).status_code == 302
    revoke = f"/rewards/parks/{found.pk}/revoke/"
    assert bureau.post(revoke, {"from_on": "2025-02-01", "reason": "搬离"}).status_code == 422
    assert bureau.post(revoke, {"from_on": "2025-08-01", "reason": "搬离"}).status_code == 302
    found.refresh_from_db()
    assert (found.state, found.revoked_from) == (RecognitionState.REVOKED, date(2025, 8, 1))
    assert "搬离" in firm.get(f"/rewards/parks/{found.pk}/").content.decode()


def test_a_firm_sees_parks_and_itself_and_not_the_others() -> None:
    whole = park()
    found = applied(whole)
    other = signed_in(cast.he())
    assert cast.QINGLAN[0] not in other.get("/rewards/parks/").content.decode()
    assert other.get(f"/rewards/parks/{whole.pk}/").status_code == 200
    for path in ("", "decide/", "withdraw/", "revoke/", "evidence/"):
        method = other.get if path in ("", "revoke/") else other.post
        assert method(f"/rewards/parks/{found.pk}/{path}").status_code == 404
    assert other.post(f"/rewards/parks/{whole.pk}/evidence/").status_code == 403
    assert other.get("/rewards/parks/recognise/").status_code == 403
    firm = signed_in(cast.lin())
    assert firm.post(f"/rewards/parks/{found.pk}/decide/", {"decision": "recognise"}).status_code == 403
    assert firm.get(f"/rewards/parks/{found.pk}/revoke/").status_code == 403
    assert signed_in(cast.mei()).get("/rewards/parks/apply/").status_code == 403
    assert Client().get("/rewards/parks/").status_code == 302


def test_the_list_takes_as_many_queries_for_many_rows_as_for_one(
    django_assert_max_num_queries: Any,
) -> None:
    whole, bureau = park(), signed_in(cast.shen())
    applied(whole)
    bureau.get("/rewards/parks/")
    with django_assert_max_num_queries(60) as first:
        bureau.get("/rewards/parks/")
    applied(whole, by=cast.he())
    for name in ("甲园区", "乙园区", "丙园区"):
        park(name=name)
    with django_assert_max_num_queries(60) as second:
        bureau.get("/rewards/parks/")
    assert len(second) == len(first)


def post(client: Client, path: str, body: dict[str, Any], *, key: str) -> Any:
    return client.post(
        f"/api/rewards/parks{path}",
        json.dumps(body),
        content_type="application/json",
        headers={"Idempotency-Key": key},
    )


def test_the_api_recognises_applies_decides_and_revokes_once_per_key() -> None:
    bureau, firm = signed_in(cast.shen()), signed_in(cast.lin())
    body = {
        "name": NAME, "place": "441803", "from_on": "2024-01-01", "reason": "市政府批复",
        "document": str(document(cast.shen()).pk),
    }  # fmt: skip
    made = post(bureau, "", body, key="p1")
    assert (made.status_code, made.json()["state"], made.json()["firm"]) == (201, "recognised", None)
    assert post(bureau, "", body, key="p1").json() == made.json()
    refused = post(bureau, "", body, key="p2")
    assert (refused.status_code, refused.json()["title"], refused.json()["field"]) == (
        409, "park_recognised", "from_on",
    )  # fmt: skip
    wish = {
        "park": made.json()["park"], "from_on": "2025-03-01", "document": str(document(cast.lin()).pk)
    }  # fmt: skip
    asked = post(firm, "/applications", wish, key="a1")
    assert (asked.status_code, asked.json()["state"]) == (201, "applied")
    assert post(firm, "/applications", wish, key="a1").json() == asked.json()
    assert ParkRecognition.objects.count() == 2
    one = UUID(asked.json()["id"])
    assert post(firm, f"/{one}/verdict", {"is_recognised": True}, key="v0").status_code == 403
    given = post(bureau, f"/{one}/verdict", {"is_recognised": True}, key="v1")
    assert (given.status_code, given.json()["state"]) == (200, "recognised")
    ended = post(bureau, f"/{one}/revoke", {"from_on": "2025-09-01", "reason": "搬离"}, key="r1")
    assert (ended.status_code, ended.json()["revoked_from"]) == (200, "2025-09-01")
    assert post(firm, f"/{one}/withdraw", {}, key="w1").status_code == 409
    assert {row["id"] for row in firm.get("/api/rewards/parks").json()["items"]} == {
        str(one), made.json()["id"],
    }  # fmt: skip
    assert firm.get(f"/api/rewards/parks/{one}").json()["state"] == "revoked"
    assert signed_in(cast.he()).get(f"/api/rewards/parks/{one}").status_code == 404
    assert post(bureau, f"/{made.json()['id']}/verdict", {"is_recognised": True}, key="v2").status_code == 404
