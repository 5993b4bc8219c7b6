"""Organizations, their members, invitations and API keys."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from kernel.records import Record
from kernel.states import StateField
from organizations.states import VERIFICATION, OrganizationKind, Role, VerificationState


class Park(Record):
    """A digital-economy park (policy article 2); from when to when it is recognised is told by settlement.rewards."""

    name = models.CharField(_("园区名称"), max_length=120, unique=True)
    name_en = models.CharField(_("英文名称"), max_length=160, blank=True)
    place = models.CharField(_("所在地行政区划代码"), max_length=6)

    class Meta:
        verbose_name = _("园区")
        verbose_name_plural = _("园区")

    def __str__(self) -> str:
        is_english = bool(self.name_en) and (translation.get_language() or "").startswith("en")
        return self.name_en if is_english else self.name


class Organization(Record):
    """A legal person on the platform.

    `uscc`: unified social credit code (GB 32100-2015), checked. `registered_place` and `tax_place`: six-digit
    administrative codes (Qingyuan is 4418xx). `industry_digital`: class of the digital-economy
    classification (2021), e.g. "0304"; `industry_gb`: GB/T 4754, e.g. "6550".
    """

    name = models.CharField(_("单位名称"), max_length=120)
    name_en = models.CharField(_("英文名称"), max_length=160, blank=True)
    uscc = models.CharField(_("统一社会信用代码"), max_length=18, unique=True)
    kinds = ArrayField(
        models.CharField(max_length=32, choices=OrganizationKind.choices),
        verbose_name=_("单位类型"),
        default=list,
    )
    registered_place = models.CharField(_("注册地"), max_length=6)
    tax_place = models.CharField(_("税务登记地"), max_length=6)
    industry_digital = models.CharField(_("数字经济分类"), max_length=4, blank=True)
    industry_gb = models.CharField(_("国民经济行业"), max_length=5, blank=True)
    park = models.ForeignKey(Park, models.PROTECT, null=True, blank=True, verbose_name=_("所在园区"))
    legal_representative = models.CharField(_("法定代表人"), max_length=80, blank=True)
    contact_name = models.CharField(_("联系人"), max_length=80, blank=True)
    contact_phone = models.CharField(_("联系电话"), max_length=20, blank=True)
    verification = StateField(states=VerificationState, verbose_name=_("认证状态"))
    verified_at = models.DateTimeField(_("认证时间"), null=True, blank=True)
    is_demo = models.BooleanField(_("示例单位"), default=False)

    class Meta:
        verbose_name = _("单位")
        verbose_name_plural = _("单位")
        constraints = [
            VERIFICATION.constraint(),
            models.CheckConstraint(
                condition=~models.Q(verification="verified") | models.Q(verified_at__isnull=False),
                name="organization_verified_has_time",
            ),
        ]

    def __str__(self) -> str:
        return self.display_name

    @property
    def display_name(self) -> str:
        """The name in the reader's language, where there is one."""
        return (
            self.name_en
            if self.name_en and (translation.get_language() or "").startswith("en")
            else self.name
        )

    def is_kind(self, kind: OrganizationKind) -> bool:
        return kind.value in self.kinds

    @property
    def is_verified(self) -> bool:
        return bool(self.verification == VerificationState.VERIFIED)

    @property
    def kind_labels(self) -> list[str]:
        return [str(OrganizationKind(kind).label) for kind in self.kinds]


class Membership(Record):
    """A person's place in an organization, with roles; ended rather than deleted."""

    user = models.ForeignKey(
        "accounts.User", models.PROTECT, related_name="memberships", verbose_name=_("成员")
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="memberships", verbose_name=_("单位")
    )
    roles = ArrayField(
        models.CharField(max_length=32, choices=Role.choices), verbose_name=_("角色"), default=list
    )
    ended_at = models.DateTimeField(_("离开时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("成员")
        verbose_name_plural = _("成员")
        constraints = [
            models.UniqueConstraint(fields=["user", "organization"], name="membership_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.organization}"

    @property
    def role_labels(self) -> list[str]:
        return [str(Role(role).label) for role in self.roles]


class Invitation(Record):
    """An offer of membership sent by e-mail; the secret itself is not stored, only its SHA-256."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="invitations")
    email = models.EmailField(_("电子邮箱"))
    roles = ArrayField(models.CharField(max_length=32, choices=Role.choices), verbose_name=_("角色"))
    token_sha256 = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+", null=True)
    expires_at = models.DateTimeField(_("有效期至"))
    accepted_at = models.DateTimeField(_("接受时间"), null=True, blank=True)
    withdrawn_at = models.DateTimeField(_("撤回时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("邀请")
        verbose_name_plural = _("邀请")

    def __str__(self) -> str:
        return f"{self.email} → {self.organization}"


class ApiKey(Record):
    """A program's key for one organization, narrowed to permission codes; only its hash is stored."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="api_keys")
    name = models.CharField(_("名称"), max_length=80)
    prefix = models.CharField(_("前缀"), max_length=16, unique=True)
    secret_sha256 = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=64), verbose_name=_("权限范围"))
    created_by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    expires_at = models.DateTimeField(_("有效期至"))
    revoked_at = models.DateTimeField(_("吊销时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("API 密钥")
        verbose_name_plural = _("API 密钥")

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
