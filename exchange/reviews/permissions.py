"""Who writes reviews; suppliers answer with `products.edit`, the operator hides with `listings.review`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from exchange.trading.permissions import BUYERS
from organizations.permissions import permission
from organizations.states import Role

WRITE_REVIEWS = permission("reviews.write", _("评价买到的产品"), kinds=BUYERS, roles={Role.PURCHASER})
