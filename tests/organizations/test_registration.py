"""An organization registers, is verified by others, and anew when what was checked changes."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from audit.models import AuditEvent
from kernel.errors import InvalidInput, NotAllowed, SelfReview
from kernel.models import Transition
from kernel.states import MoveNotAllowed
from organizations import rules, selectors, services
from organizations.models import Organization
from organizations.permissions import Actor
from organizations.services.profiles import (
    KindNotSelfDeclared,
    OrganizationExists,
    Particulars,
    SignInFirst,
    VerificationPending,
)
from organizations.services.verifications import VerificationIncomplete
from organizations.states import Role
from tests.cast import NOON, gu, lin, mei, zhou

pytestmark = pytest.mark.django_db
USCC = "91441802MA50000080"


def newcomer() -> Actor:
    return Actor(user=User.objects.create_user("new@example.cn", "long-enough-password", name="新人"))


def told(**changes: Any) -> Particulars:
    return Particulars(
        **{
            "name": "新城数据（示例）有限公司",
            "kinds": ["annotation_firm"],
            "registered_place": "441802",
            "tax_place": "441802",
            "industry_digital": "0304",
            "industry_gb": "6550",
            "legal_representative": "示例人",
            "contact_name": "示例人",
            "contact_phone": "0763-3366123",
            **changes,
        }
    )


def good_uscc() -> str:
    from stdnum.cn import uscc

    body = "91441802MA5000008"
    return body + uscc.calc_check_digit(body)


def registered(by: Actor, **changes: Any) -> tuple[Organization, Actor]:
    organization = services.register_organization(
        by=by, at=NOON, uscc=good_uscc(), particulars=told(**changes)
    )
    return organization, Actor.of(organization.memberships.get())


def test_the_registering_person_becomes_administrator_and_it_is_recorded() -> None:
    organization, admin = registered(newcomer())
    assert admin.roles == {Role.ADMINISTRATOR.value}
    assert organization.verification == "unverified"
    event = AuditEvent.objects.get(subject_id=organization.pk)
    assert (event.action, event.detail["uscc"]) == ("organizations.register", good_uscc())


@pytest.mark.parametrize(
    "wrong",
    ["", "91441802MA5000008O", "9144", good_uscc()[:-1] + "1", "统一社会信用代码"],
)
def test_a_code_with_a_wrong_form_or_check_character_is_refused_at_its_field(wrong: str) -> None:
    if wrong == good_uscc():
        wrong = good_uscc()[:-1] + "2"
    with pytest.raises(InvalidInput) as refused:
        services.register_organization(by=newcomer(), at=NOON, uscc=wrong, particulars=told())
    assert refused.value.field == "uscc"
    assert not Organization.objects.exists()


def test_a_code_is_registered_once() -> None:
    registered(newcomer())
    other = Actor(user=User.objects.create_user("b@example.cn", "long-enough-password", name="乙"))
    with pytest.raises(OrganizationExists):
        services.register_organization(by=other, at=NOON, uscc=good_uscc().lower(), particulars=told())


@pytest.mark.parametrize("kind", ["exchange_operator", "department", "auditor"])
def test_nobody_gives_themselves_a_kind_with_powers_of_office(kind: str) -> None:
    with pytest.raises(KindNotSelfDeclared):
        registered(newcomer(), kinds=["buyer", kind])
    system = Actor.system("set-up")
    made = services.register_organization(
        by=system, at=NOON, uscc=good_uscc(), particulars=told(kinds=[kind])
    )
    assert made.kinds == [kind]
    assert not made.memberships.exists()


def test_a_visitor_cannot_register() -> None:
    with pytest.raises(SignInFirst):
        registered(Actor.anonymous())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "一"),
        ("kinds", []),
        ("registered_place", "000000"),
        ("tax_place", ""),
        ("industry_digital", "0101"),
        ("industry_gb", "abc"),
        ("contact_phone", "12"),
    ],
)
def test_each_particular_is_checked_at_its_field(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        registered(newcomer(), **{field: value})
    assert refused.value.field == field


def test_verification_names_what_is_missing() -> None:
    organization, admin = registered(newcomer(), legal_representative="", contact_phone="")
    assert selectors.missing_particulars(organization) == ["legal_representative", "contact_phone"]
    with pytest.raises(VerificationIncomplete) as refused:
        services.submit_verification(by=admin, at=NOON, organization_id=organization.pk)
    assert "法定代表人、联系电话" in str(refused.value)


def test_submit_and_approve_leave_two_moves_and_a_time() -> None:
    organization, admin = registered(newcomer())
    services.submit_verification(by=admin, at=NOON, organization_id=organization.pk)
    assert list(selectors.verifications_visible_to(gu())) == [organization]
    assert not selectors.verifications_visible_to(lin()).exists()
    approved = services.approve_verification(by=gu(), at=NOON, organization_id=organization.pk, remark="相符")
    assert (approved.is_verified, approved.verified_at) == (True, NOON)
    moves = Transition.objects.filter(subject_id=organization.pk).order_by("recorded_at")
    assert [(m.move, m.reason) for m in moves] == [("submit", ""), ("approve", "相符")]
    with pytest.raises(MoveNotAllowed):
        services.approve_verification(by=gu(), at=NOON, organization_id=organization.pk)


def test_returning_needs_a_reason_and_opens_the_particulars_again() -> None:
    organization, admin = registered(newcomer())
    services.submit_verification(by=admin, at=NOON, organization_id=organization.pk)
    with pytest.raises(VerificationPending):
        services.edit_organization(by=admin, at=NOON, organization_id=organization.pk, particulars=told())
    with pytest.raises(InvalidInput):
        services.return_verification(by=gu(), at=NOON, organization_id=organization.pk, reason=" ")
    services.return_verification(by=gu(), at=NOON, organization_id=organization.pk, reason="名称不符")
    services.edit_organization(
        by=admin, at=NOON, organization_id=organization.pk, particulars=told(name="新名（示例）")
    )
    assert (
        services.submit_verification(by=admin, at=NOON, organization_id=organization.pk).verification
        == "submitted"
    )


def test_only_verifiers_decide_and_never_on_an_organization_they_belong_to() -> None:
    organization, admin = registered(newcomer())
    services.submit_verification(by=admin, at=NOON, organization_id=organization.pk)
    with pytest.raises(NotAllowed):
        services.approve_verification(by=admin, at=NOON, organization_id=organization.pk)
    reviewer = gu()
    assert reviewer.user is not None
    organization.memberships.create(user=reviewer.user, roles=["annotator"], ended_at=NOON)
    with pytest.raises(SelfReview):
        services.approve_verification(by=reviewer, at=NOON, organization_id=organization.pk)


def test_a_verified_organization_is_verified_anew_only_when_what_was_checked_changes() -> None:
    admin = lin()
    assert admin.organization is not None
    same = {
        "name": admin.organization.name,
        "kinds": list(admin.organization.kinds),
        "registered_place": "441802",
        "tax_place": "441802",
    }
    kept = services.edit_organization(
        by=admin,
        at=NOON,
        organization_id=admin.organization.pk,
        particulars=told(**same, contact_name="另一人"),
    )
    assert (kept.is_verified, kept.contact_name) == (False, "另一人")
    # The legal representative was empty and is told now: that is part of what is verified.
    assert Transition.objects.get(subject_id=kept.pk).move == "reopen"


def test_the_operators_own_kind_survives_an_edit() -> None:
    from tests.cast import BASE, person

    admin = person("chen", BASE)
    assert admin.organization is not None
    saved = services.edit_organization(
        by=admin, at=NOON, organization_id=admin.organization.pk, particulars=told(kinds=["buyer"])
    )
    assert saved.kinds == ["buyer", "exchange_operator"]


def test_members_without_the_role_and_strangers_do_not_edit() -> None:
    from kernel.errors import NotFound

    firm = lin().organization
    assert firm is not None
    with pytest.raises(NotAllowed):
        services.edit_organization(by=mei(), at=NOON, organization_id=firm.pk, particulars=told())
    with pytest.raises(NotFound):
        services.edit_organization(by=zhou(), at=NOON, organization_id=firm.pk, particulars=told())


def test_reference_data_knows_qingyuan_and_its_neighbours() -> None:
    inside = ["441800", "441802", "441803", "441821", "441823", "441825", "441826", "441881", "441882"]
    assert all(rules.in_qingyuan(code) and rules.is_place(code) for code in inside)
    assert not any(rules.in_qingyuan(code) for code in ("440100", "44180", "4418021", "", "44180x"))
    assert rules.place_choices()[0][0] == "441800"
    assert rules.place_name("440100") == "广东省广州市"
    assert rules.place_name("999999") == "999999"
    assert len([code for code, _name in rules.place_choices() if code.endswith("0000")]) == 34
    assert len(rules.digital_industry_choices()) == 5 + 5 + 7 + 9


def test_roles_offered_are_those_of_use_in_the_kind() -> None:
    assert Role.ADMINISTRATOR in rules.useful_roles(["buyer"])
    assert Role.AUDITOR not in rules.useful_roles(["buyer"])
    assert Role.AUDITOR in rules.useful_roles(["auditor"])
    assert Role.REGISTRATION_REVIEWER in rules.useful_roles(["exchange_operator"])
