"""Every write of delivery."""

from exchange.delivery.services.accesses import noted
from exchange.delivery.services.delivering import (
    CertificateRevoked,
    deliver,
    document_for,
    hand_out_format,
    hand_out_link,
    make_format,
)
from exchange.delivery.services.entitlements import (
    AlreadyClaimed,
    NoSample,
    NotFree,
    claim,
    end_expired,
    end_refunded,
    follow_contract,
    follow_new_version,
    open_for_order,
    resume,
    suspend,
    suspend_revoked,
    tell_ending,
    tell_quota,
)
from exchange.delivery.services.gates import (
    AccessEnded,
    EntitlementEnded,
    EntitlementSuspended,
    NotOpen,
    OnlyByCalls,
    may_use,
    require_open,
    require_own,
)
from exchange.delivery.services.keys import (
    KeyLimit,
    TicketExpired,
    TicketOfAnother,
    TicketUsed,
    TokenExpired,
    TokenOfAnother,
    TokenRevoked,
    TokenUnknown,
    create_credential,
    create_token,
    issue_ticket,
    read_token,
    redeem_ticket,
    revoke_key,
    secret_of,
)
from exchange.delivery.services.marking import mark
from exchange.delivery.services.metering import (
    QuotaUsedUp,
    RequestIdReused,
    Usage,
    close_month,
    metered,
    require_quota,
    usage_of,
)
from exchange.delivery.services.replacing import NotCertified, NotNewer, replace, require_fit
from exchange.delivery.services.tracing import Evidence, Traced, trace

__all__ = [
    "AccessEnded", "AlreadyClaimed", "CertificateRevoked", "EntitlementEnded", "EntitlementSuspended", "Evidence", "KeyLimit",
    "NoSample", "NotCertified", "NotFree", "NotNewer", "NotOpen", "OnlyByCalls", "QuotaUsedUp", "RequestIdReused", "TicketExpired",
    "TicketOfAnother", "TicketUsed", "TokenExpired", "TokenOfAnother", "TokenRevoked", "TokenUnknown", "Traced",
    "Usage", "claim", "close_month", "create_credential", "create_token", "deliver", "document_for", "end_expired",
    "end_refunded", "follow_contract", "follow_new_version", "hand_out_format", "hand_out_link", "issue_ticket", "make_format", "mark",
    "may_use", "metered", "noted", "open_for_order", "read_token", "redeem_ticket", "replace", "require_fit", "require_open", "require_own",
    "require_quota", "resume", "revoke_key", "secret_of", "suspend", "suspend_revoked",
    "tell_ending", "tell_quota", "trace", "usage_of",
]  # fmt: skip
