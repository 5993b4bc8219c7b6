"""Who may do what: one table of permissions, each granted to roles in kinds of organization.

Every app declares its own permissions in its `permissions.py` with `permission(...)`; they all end
in REGISTRY. Which objects a viewer sees comes from selectors, never from here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from kernel.errors import NotAllowed
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

if TYPE_CHECKING:
    from accounts.models import User
    from organizations.models import Membership, Organization

ANY_KIND = frozenset(Kind)


@dataclass(frozen=True, slots=True)
class Permission:
    """A named right and who holds it: members with one of `roles` in an organization of one of `kinds`.

    Administrators hold every permission that their organization's kinds allow.
    """

    code: str
    label: str | Promise
    kinds: frozenset[Kind]
    roles: frozenset[Role]


REGISTRY: dict[str, Permission] = {}


def permission(
    code: str, label: str | Promise, *, kinds: Collection[Kind] = ANY_KIND, roles: Collection[Role] = ()
) -> Permission:
    """Declare a permission once; `code` is `things.verb`."""
    assert code not in REGISTRY, f"permission {code} is declared twice"
    found = Permission(code, label, frozenset(kinds), frozenset(roles) | {Role.ADMINISTRATOR})
    REGISTRY[code] = found
    return found


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person as a member of one organization, a program with a key, or the system.

    `scopes` narrows an API key to the listed permission codes; None means no narrowing.
    """

    user: User | None = None
    organization: Organization | None = None
    roles: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    scopes: frozenset[str] | None = None
    name: str = ""
    is_system: bool = False

    @classmethod
    def system(cls, name: str) -> Actor:
        """The platform itself (a task, the demo, an automatic rule); may do everything."""
        return cls(name=name, is_system=True)

    @classmethod
    def anonymous(cls) -> Actor:
        """A visitor who has not signed in; holds no permission."""
        return cls()

    @classmethod
    def of(cls, membership: Membership) -> Actor:
        """A person acting for the organization of one membership."""
        return cls(
            user=membership.user,
            organization=membership.organization,
            roles=frozenset(membership.roles),
            kinds=frozenset(membership.organization.kinds),
        )

    @property
    def user_id(self) -> UUID | None:
        return self.user.pk if self.user else None

    @property
    def organization_id(self) -> UUID | None:
        return self.organization.pk if self.organization else None

    @property
    def label(self) -> str:
        """Name for logs and timelines: person · organization, key name, or the system part.

        It is written into records, so it is the same whatever language the person reads in.
        """
        if self.is_system:
            return f"系统 · {self.name}"
        parts = [
            self.name or (str(self.user) if self.user else ""),
            self.organization.name if self.organization else "",
        ]
        return " · ".join(part for part in parts if part) or "访客"

    @property
    def is_signed_in(self) -> bool:
        return self.user is not None or self.scopes is not None

    def can(self, wanted: Permission) -> bool:
        """Whether this actor holds the permission in its present organization."""
        if self.is_system:
            return True
        if self.scopes is not None and wanted.code not in self.scopes:
            return False
        return bool(self.kinds & wanted.kinds) and bool(self.roles & wanted.roles)

    def require(self, wanted: Permission) -> None:
        """Raise NotAllowed (403) unless the actor holds the permission."""
        if not self.can(wanted):
            raise NotAllowed(permission=wanted.label, organization=str(self.organization or "—"))

    def belongs_to(self, organization_id: UUID | None) -> bool:
        """Whether the actor acts for that organization (the system acts for all)."""
        return self.is_system or (organization_id is not None and self.organization_id == organization_id)


MANAGE_MEMBERS = permission("members.manage", _("管理成员与邀请"))
MANAGE_KEYS = permission("api_keys.manage", _("管理 API 密钥"))
EDIT_ORGANIZATION = permission("organizations.edit", _("维护单位资料并提交认证"))
VERIFY_ORGANIZATIONS = permission(
    "organizations.verify",
    _("审核单位认证"),
    kinds={Kind.EXCHANGE_OPERATOR},
    roles={Role.REGISTRATION_REVIEWER},
)
