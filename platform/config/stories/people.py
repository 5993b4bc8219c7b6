"""The invented organizations and people of the demo city; every one is marked 示例."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from stdnum.cn import uscc

from accounts.models import User
from notifications import services as notifications
from organizations import services as organizations
from organizations.models import Membership, Organization, Park
from organizations.permissions import Actor
from organizations.services.profiles import Particulars
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

PASSWORD = "qingshu-demo-2026"
PARK = "清远数字经济园区（示例）"


@dataclass(frozen=True, slots=True)
class Firm:
    """An invented organization: names, place codes, kinds and one digital-economy class."""

    key: str
    name: str
    name_en: str
    place: str
    serial: int
    kinds: tuple[Kind, ...]
    industry: str = "0304"

    @property
    def uscc(self) -> str:
        """A well-formed code for an invented firm, with its right check character."""
        head = "11" if Kind.DEPARTMENT in self.kinds or Kind.AUDITOR in self.kinds else "91"
        body = f"{head}{self.place}MADEM{self.serial:04d}"
        return body + str(uscc.calc_check_digit(body))


ANNOTATION, BUYER = Kind.ANNOTATION_FIRM, Kind.BUYER
FIRMS = [
    Firm("qinglan", "清蓝数据标注（示例）有限公司", "Qinglan Data Annotation (demo) Co.", "441802", 1, (ANNOTATION,)),
    Firm("beijiang", "北江云标（示例）有限公司", "Beijiang Cloud Labels (demo) Co.", "441802", 2, (ANNOTATION, BUYER)),
    Firm("feixia", "飞霞智标（示例）有限公司", "Feixia Smart Labels (demo) Co.", "441803", 3, (ANNOTATION,)),
    Firm("lianjiang", "连江数据（示例）有限公司", "Lianjiang Data (demo) Co.", "441882", 4, (ANNOTATION,)),
    Firm("yingshi", "英石语料（示例）有限公司", "Yingshi Corpora (demo) Co.", "441881", 5, (ANNOTATION, BUYER)),
    Firm("bijia", "笔架山标注服务（示例）有限公司", "Bijia Annotation Services (demo) Co.", "441802", 6, (ANNOTATION, BUYER)),
    Firm("fengcheng", "凤城语料（示例）有限公司", "Fengcheng Corpora (demo) Co.", "441802", 7, (ANNOTATION,)),
    Firm("yunshan", "云山智能（示例）有限公司", "Yunshan Intelligence (demo) Co.", "440100", 8, (BUYER,), "0305"),
    Firm("nanling", "南岭智驾（示例）有限公司", "Nanling Driving (demo) Co.", "440100", 9, (BUYER,), "0301"),
    Firm("zhushui", "珠水医疗科技（示例）有限公司", "Zhushui Medical (demo) Co.", "440100", 10, (BUYER,), "0301"),
    Firm("lingnan", "岭南商贸服务（示例）有限公司", "Lingnan Commerce (demo) Co.", "440600", 11, (BUYER,), "0402"),
    Firm("hetong", "合通数据经纪（示例）有限公司", "Hetong Data Brokers (demo) Co.", "441802", 12, (Kind.BROKER,), "0406"),
    Firm("base", "数据交易清远服务基地（示例）", "Qingyuan Service Base (demo)", "441802", 13, (Kind.EXCHANGE_OPERATOR,), "0406"),
    Firm("park", "清远数字经济园区运营（示例）有限公司", "Qingyuan Digital Park Operations (demo) Co.", "441803", 14, (Kind.PARK_OPERATOR,)),
    Firm("bureau", "政务服务和数据管理部门（示例）", "Government Services and Data Bureau (demo)", "441800", 15, (Kind.DEPARTMENT,), "0305"),
    Firm("audit", "审计单位（示例）", "Audit Office (demo)", "441800", 16, (Kind.AUDITOR,), "0305"),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """An invented person: sign-in, name, organization and roles; `shown` lists them at start."""

    key: str
    name: str
    firm: str
    roles: tuple[Role, ...]
    shown: str = ""

    @property
    def email(self) -> str:
        return f"{self.key}@demo.qingshu.example"


PEOPLE = [
    Person("lin", "林一（示例）", "qinglan", (Role.ADMINISTRATOR,), "annotation firm 数据标注企业"),
    Person("mei", "梅二（示例）", "qinglan", (Role.ANNOTATOR,), "annotator 标注员"),
    Person("tao", "陶三（示例）", "qinglan", (Role.QUALITY_REVIEWER,), "quality reviewer 质检员"),
    Person("zhou", "周四（示例）", "yunshan", (Role.ADMINISTRATOR,), "buyer 数据买方"),
    Person("gu", "顾五（示例）", "base", (Role.REGISTRATION_REVIEWER, Role.LISTING_REVIEWER, Role.FIRST_REVIEWER), "exchange operator 服务基地审核员"),
    Person("ding", "丁六（示例）", "base", (Role.ADMINISTRATOR,), "exchange administrator 服务基地管理员"),
    Person("qian", "钱十五（示例）", "base", (Role.FINANCE,), "exchange finance 服务基地财务"),
    Person("qinglan-finance", "财务（示例）", "qinglan", (Role.FINANCE,)),
    # An important dataset needs a second reviewer and a committee of three who are not the reviewers.
    *(
        Person(f"base-{key}", f"{name}（示例）", "base", (Role.REGISTRATION_REVIEWER,))
        for key, name in (("hao", "郝十一"), ("luo", "罗十二"), ("xu", "许十三"))
    ),
    Person("shen", "沈七（示例）", "bureau", (Role.SECOND_REVIEWER,), "department reviewer 主管部门复审员"),
    Person("fang", "方十四（示例）", "bureau", (Role.FINANCE,), "department finance 主管部门财务"),
    Person("yan", "严八（示例）", "audit", (Role.AUDITOR,), "auditor 审计员"),
    Person("hong", "洪九（示例）", "hetong", (Role.ADMINISTRATOR,), "data broker 数据经纪人"),
    Person("pei", "裴十（示例）", "park", (Role.ADMINISTRATOR,), "park operator 园区运营"),
    *(
        Person(f"{firm}-lead", f"{label}负责人（示例）", firm, (Role.ADMINISTRATOR,))
        for firm, label in (
            ("beijiang", "北江"), ("feixia", "飞霞"), ("lianjiang", "连江"), ("yingshi", "英石"), ("bijia", "笔架山"),
            ("fengcheng", "凤城"), ("nanling", "南岭"), ("zhushui", "珠水"), ("lingnan", "岭南"),
        )
    ),
    *(
        Person(f"{firm}-{part}", f"{label}（示例）", firm, roles)
        for firm in ("beijiang", "feixia", "lianjiang", "yingshi", "bijia", "fengcheng")
        for part, label, roles in (
            ("annotator", "标注员甲", (Role.ANNOTATOR,)),
            ("annotator2", "标注员乙", (Role.ANNOTATOR,)),
            ("reviewer", "质检员", (Role.QUALITY_REVIEWER,)),
        )
    ),
    Person("qinglan-annotator2", "标注员乙（示例）", "qinglan", (Role.ANNOTATOR,)),
]  # fmt: skip
BY_KEY = {firm.key: firm for firm in FIRMS}


def settle(at: datetime) -> None:
    """Make every organization and person that is not there yet; running it again changes nothing.

    Organizations register and are verified through the product's services, the service base first: it
    verifies all others. Accounts and memberships are set up as an installation does.
    """
    park, _made = Park.objects.get_or_create(
        name=PARK, defaults={"name_en": "Qingyuan Digital Economy Park (demo)", "place": "441803"}
    )
    for firm in sorted(FIRMS, key=lambda firm: firm.key != "base"):
        if not Organization.objects.filter(uscc=firm.uscc).exists():
            _register(firm, park, at)
        for person in PEOPLE:
            if person.firm == firm.key:
                _join(person)


@transaction.atomic
def _register(firm: Firm, park: Park, at: datetime) -> None:
    installer = Actor.system("安装")
    registered = organizations.register_organization(
        by=installer, at=at, uscc=firm.uscc, is_demo=True,
        particulars=Particulars(
            name=firm.name, name_en=firm.name_en, kinds=firm.kinds, registered_place=firm.place, tax_place=firm.place,
            industry_digital=firm.industry, industry_gb="6550" if ANNOTATION in firm.kinds else "6450",
            park_id=park.pk if firm.place == park.place else None, legal_representative="示例人",
            contact_name="示例联系人", contact_phone="0763-3366123",
        ),
    )  # fmt: skip
    organizations.submit_verification(by=installer, at=at, organization_id=registered.pk)
    by = installer if firm.key == "base" else actor("gu")
    organizations.approve_verification(by=by, at=at, organization_id=registered.pk, remark="材料齐全")


def _join(person: Person) -> None:
    user = User.objects.filter(email=person.email).first()
    if user is None:
        user = User.objects.create_user(person.email, PASSWORD, name=person.name)
    Membership.objects.get_or_create(
        user=user,
        organization=organization(person.firm),
        defaults={"roles": [role.value for role in person.roles]},
    )


def organization(key: str) -> Organization:
    """The organization of that key."""
    return Organization.objects.get(uscc=BY_KEY[key].uscc)


def actor(key: str) -> Actor:
    """The person of that key, acting for their organization."""
    person = next(person for person in PEOPLE if person.key == key)
    membership = Membership.objects.select_related("user", "organization").get(
        user__email=person.email, organization__uscc=BY_KEY[person.firm].uscc
    )
    return Actor.of(membership)


def read_up(at: datetime) -> None:
    """Everybody has read what two years of trade told them; only what comes after is new."""
    for person in PEOPLE:
        notifications.mark_all_read(by=actor(person.key), at=at)


def sign_ins() -> list[dict[str, str]]:
    """The sign-ins shown to whoever starts the demo: role, e-mail, organization, password."""
    return [
        {
            "role": person.shown,
            "email": person.email,
            "organization": BY_KEY[person.firm].name,
            "password": PASSWORD,
        }
        for person in PEOPLE
        if person.shown
    ]
