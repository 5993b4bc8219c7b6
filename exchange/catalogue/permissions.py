"""Who keeps products and who reviews listings."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

EDIT_PRODUCTS = permission(
    "products.edit",
    _("维护数据产品并提交上架"),
    kinds={Kind.ANNOTATION_FIRM, Kind.BROKER},
    roles={Role.TRADER, Role.ASSET_CLERK},
)
MARK_COPIES = permission(
    "products.mark_copies",
    _("设置副本标记"),
    kinds={Kind.ANNOTATION_FIRM, Kind.BROKER},
    roles={Role.TRADER},
)
REVIEW_LISTINGS = permission(
    "listings.review",
    _("审核产品上架"),
    kinds={Kind.EXCHANGE_OPERATOR},
    roles={Role.LISTING_REVIEWER},
)
SEE_ALL_PRODUCTS = permission(
    "products.see_all",
    _("查看全部数据产品"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.DEPARTMENT, Kind.AUDITOR},
    roles={
        Role.LISTING_REVIEWER,
        Role.REGISTRATION_REVIEWER,
        Role.FIRST_REVIEWER,
        Role.SECOND_REVIEWER,
        Role.AUDITOR,
    },
)
ASK_QUESTIONS = permission(
    "questions.ask",
    _("向供方提问"),
    kinds={Kind.BUYER, Kind.ANNOTATION_FIRM, Kind.BROKER},
    roles={Role.PURCHASER, Role.TRADER, Role.PROJECT_LEAD, Role.ASSET_CLERK},
)
