"""Every write on organizations, members, invitations and API keys."""

from organizations.services.keys import create_api_key, revoke_api_key
from organizations.services.members import (
    accept_invitation,
    change_roles,
    end_membership,
    invite,
    withdraw_invitation,
)
from organizations.services.profiles import edit_organization, register_organization
from organizations.services.verifications import (
    approve_verification,
    return_verification,
    submit_verification,
)

__all__ = [
    "accept_invitation",
    "approve_verification",
    "change_roles",
    "create_api_key",
    "edit_organization",
    "end_membership",
    "invite",
    "register_organization",
    "return_verification",
    "revoke_api_key",
    "submit_verification",
    "withdraw_invitation",
]
