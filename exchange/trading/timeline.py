"""What happened to an order, as one timeline: trading's own part, and what the domains above add to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.utils.translation import gettext as _

from exchange.trading.models import Order, Supplement
from exchange.trading.selectors import supplements_of, transitions_of
from exchange.trading.states import SupplementState
from kernel.models import Transition
from organizations.permissions import Actor
from web.parts import Moment

Provider = Callable[[Actor, Order], Iterable[Moment]]
_providers: list[Provider] = []


def register(provider: Provider) -> None:
    """Let `provider` say what a viewer sees of an order's history; it takes a constant number of queries."""
    _providers.append(provider)


def moments_of(viewer: Actor, order: Order) -> list[Moment]:
    """Everything that happened to the order and that the viewer may see, oldest first."""
    moments = [*_own(order), *_supplements(supplements_of(order))]
    for provider in _providers:
        moments += provider(viewer, order)
    return sorted(moments, key=lambda moment: moment.at or order.placed_at)


def _own(order: Order) -> list[Moment]:
    moments = [Moment(_("提交订单"), order.placed_at, str(order.buyer))]
    moments += [
        Moment(
            _("%(party)s签署合同") % {"party": signature.get_party_display()},
            signature.signed_at,
            signature.signer_label,
        )
        for signature in order.contract.signatures.order_by("signed_at", "pk")
    ]
    return moments + [
        Moment(row.move_label, row.at, row.actor_label, row.reason) for row in transitions_of(order)
    ]


def _supplements(supplements: list[Supplement]) -> list[Moment]:
    moments = []
    ends = {
        row.subject_id: row
        for row in Transition.objects.filter(subject_id__in=[each.pk for each in supplements])
    }
    for each in supplements:
        named = {"kind": each.get_kind_display(), "number": each.number}
        title = _("提出补充合同（%(kind)s）%(number)s") % named
        moments.append(Moment(title, each.proposed_at, each.proposer_label, each.reason))
        for signature in each.signatures.all():
            told = {"party": signature.get_party_display(), "number": each.number}
            moments.append(
                Moment(_("%(party)s签署 %(number)s") % told, signature.signed_at, signature.signer_label)
            )
        end = ends.get(each.pk)
        if end is not None:
            reason = "" if each.state == SupplementState.IN_FORCE else end.reason
            moments.append(Moment(f"{end.move_label} {each.number}", end.at, end.actor_label, reason))
    return moments
