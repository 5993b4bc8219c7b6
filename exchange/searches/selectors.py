"""Which saved searches a viewer sees, and what is new in them."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Count, DateTimeField, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from exchange.catalogue.searching import Wanted, read_wanted
from exchange.searches.models import SavedSearch, SearchLook
from exchange.searches.states import Sharing
from kernel.errors import NotFound
from organizations.models import Membership
from organizations.permissions import Actor

MOST_SAVED = 50
"""Saved searches of one member in one organization."""


def searches_visible_to(viewer: Actor) -> QuerySet[SavedSearch]:
    """The viewer's own in its present organization, and those its colleagues share."""
    if viewer.organization_id is None or viewer.user_id is None:
        return SavedSearch.objects.none()
    shared = Q(sharing=Sharing.ORGANIZATION)
    rows = SavedSearch.objects.filter(organization_id=viewer.organization_id)
    return rows.filter(shared | Q(owner_id=viewer.user_id))


def searches_with_news(viewer: Actor) -> QuerySet[SavedSearch]:
    """With `new_count`: matches met since this viewer last looked (since saving, if it never did)."""
    look = SearchLook.objects.filter(search=OuterRef("pk"), user=viewer.user_id).values("looked_at")[:1]
    rows = searches_visible_to(viewer).select_related("owner")
    since = Coalesce(Subquery(look, output_field=DateTimeField()), F("saved_at"))
    return rows.annotate(since=since).annotate(
        new_count=Count("matches", filter=Q(matches__met_at__gt=F("since")))
    )


def visible_search(viewer: Actor, search_id: UUID) -> SavedSearch:
    """One saved search; NotFound when it is another's."""
    found = searches_visible_to(viewer).select_related("owner").filter(pk=search_id).first()
    if found is None:
        raise NotFound
    return found


def wanted_of(search: SavedSearch) -> Wanted:
    """What a saved search asks for today."""
    kept = search.wanted
    return read_wanted(kept["text"], kept["chosen"], kept["sort"])


def owner_of(search: SavedSearch) -> Actor | None:
    """The owner as an actor for the search's organization; None once they have left it."""
    rows = Membership.objects.select_related("user", "organization").filter(
        user=search.owner_id, organization=search.organization_id, ended_at=None, user__is_active=True
    )
    membership = rows.first()
    return Actor.of(membership) if membership else None


def search_ids() -> list[UUID]:
    """Every saved search, the oldest first."""
    return list(SavedSearch.objects.order_by("pk").values_list("pk", flat=True))
