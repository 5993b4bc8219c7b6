"""The named cast of every test: firms, people, and a journey as far as a test needs it.

All are invented and marked 示例.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from accounts.models import User
from organizations.models import Membership, Organization
from organizations.permissions import Actor
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # Monday 2 March 2026, 12:00 in Shanghai
PASSWORD = "correct-horse-battery-7"

# name, USCC with right check character, kinds
QINGLAN = ("清蓝数据标注（示例）有限公司", "91441802MA5000001N", (Kind.ANNOTATION_FIRM,))
YUNSHAN = ("云山智能（示例）有限公司", "91440101MA5000002T", (Kind.BUYER,))
BEIJIANG = ("北江数据（示例）有限公司", "91441881MA5000003A", (Kind.ANNOTATION_FIRM, Kind.BUYER))
BASE = ("清远服务基地（示例）", "91441800MA50000043", (Kind.EXCHANGE_OPERATOR,))
BUREAU = ("政务服务数据管理部门（示例）", "11441800MB5000005G", (Kind.DEPARTMENT,))
AUDIT_OFFICE = ("审计单位（示例）", "11441800MB5000006K", (Kind.AUDITOR,))

ALL_ROLES = tuple(Role)


def organization(cast: tuple[str, str, tuple[Kind, ...]]) -> Organization:
    """The organization of that name, made and verified on first use."""
    name, uscc, kinds = cast
    found, _made = Organization.objects.get_or_create(
        uscc=uscc,
        defaults={
            "name": name,
            "kinds": list(kinds),
            "registered_place": "441802",
            "tax_place": "441802",
            "industry_digital": "0304",
            "industry_gb": "6550",
            "verification": "verified",
            "verified_at": NOON - timedelta(days=400),
            "is_demo": True,
        },
    )
    return found


def person(name: str, cast: tuple[str, str, tuple[Kind, ...]], *roles: Role) -> Actor:
    """A person of that Latin name acting for the organization with the roles (administrator if none)."""
    user = User.objects.filter(email=f"{name}@example.cn").first()
    if user is None:
        user = User.objects.create_user(f"{name}@example.cn", PASSWORD, name=name.title())
    membership, _made = Membership.objects.get_or_create(
        user=user,
        organization=organization(cast),
        defaults={"roles": [role.value for role in (roles or (Role.ADMINISTRATOR,))]},
    )
    return Actor.of(membership)


def lin() -> Actor:
    """Administrator of the annotation firm 清蓝."""
    return person("lin", QINGLAN)


def mei() -> Actor:
    """Annotator of 清蓝."""
    return person("mei", QINGLAN, Role.ANNOTATOR)


def tao() -> Actor:
    """Quality reviewer of 清蓝."""
    return person("tao", QINGLAN, Role.QUALITY_REVIEWER)


def zhou() -> Actor:
    """Administrator of the buyer 云山."""
    return person("zhou", YUNSHAN)


def he() -> Actor:
    """Administrator of 北江, a firm that both annotates and buys."""
    return person("he", BEIJIANG)


def gu() -> Actor:
    """Reviewer at the exchange's service base: registration, listing and first review."""
    return person("gu", BASE, Role.REGISTRATION_REVIEWER, Role.LISTING_REVIEWER, Role.FIRST_REVIEWER)


def shen() -> Actor:
    """Second reviewer at the department."""
    return person("shen", BUREAU, Role.SECOND_REVIEWER)


def ruan() -> Actor:
    """Finance at the department: the second person where money moves."""
    return person("ruan", BUREAU, Role.FINANCE)


def yan() -> Actor:
    """Auditor."""
    return person("yan", AUDIT_OFFICE, Role.AUDITOR)


EVERYONE = (lin, mei, tao, zhou, he, gu, shen, yan)
