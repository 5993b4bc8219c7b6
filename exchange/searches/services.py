"""Every write of saved searches: keeping, changing, forgetting, looking, telling what is new."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.catalogue.searching import Wanted, search_products
from exchange.searches.events import SearchMatched
from exchange.searches.models import SavedSearch, SearchLook, SearchMatch
from exchange.searches.selectors import MOST_SAVED, owner_of, searches_visible_to, wanted_of
from exchange.searches.states import News, Sharing
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce
from organizations.permissions import Actor

MOST_MET = 500
"""New products that one run notes for one search; the next run goes on."""


class NotTheOwner(Refusal):
    """Shared searches are used by all, changed by their owner."""

    code = "search_not_owner"
    message = _("这条搜索由%(owner)s保存并共享，只有本人可以修改或删除。")
    status = 403


class NameTaken(Refusal):
    """One name, one search."""

    code = "search_name_taken"
    message = _("您已有名为“%(name)s”的搜索，请换一个名称。")


class TooMany(Refusal):
    """There is an end to it."""

    code = "search_too_many"
    message = _("最多保存 %(most)s 条搜索，请先删除不用的。")


class NothingToSave(Refusal):
    """A search without words and choices finds everything."""

    code = "search_is_empty"
    message = _("请先输入搜索词或选择筛选条件，再保存。")
    status = 422


class NoOrganization(Refusal):
    """Searches belong to a member of an organization."""

    code = "search_needs_member"
    message = _("请先登录并加入单位，再保存搜索。")
    status = 403


def _checked(name: str, sharing: str, news: str) -> str:
    kept = " ".join(name.split())
    if not 1 <= len(kept) <= 60:
        raise InvalidInput(field="name", reason=gettext("请填写名称，最多 60 个字。"))
    if sharing not in Sharing.values:
        raise InvalidInput(field="sharing", reason=gettext("请从给出的选项中选择。"))
    if news not in News.values:
        raise InvalidInput(field="news", reason=gettext("请从给出的选项中选择。"))
    return kept


@transaction.atomic
def save_search(
    *,
    by: Actor,
    at: datetime,
    wanted: Wanted,
    name: str,
    sharing: str = Sharing.OWN,
    news: str = News.AT_ONCE,
) -> SavedSearch:
    """Keep a search under a name; what comes on sale from now on and matches is news.

    Raises NoOrganization, NothingToSave, NameTaken, TooMany, InvalidInput.
    """
    if by.user is None or by.organization is None:
        raise NoOrganization
    kept = _checked(name, sharing, news)
    if not wanted.is_narrowed:
        raise NothingToSave
    # Two at once of the same member wait for each other here.
    by.organization.memberships.select_for_update(no_key=True).filter(user=by.user).first()
    own = SavedSearch.objects.filter(owner=by.user, organization=by.organization)
    if own.filter(name=kept).exists():
        raise NameTaken(field="name", name=kept)
    if own.count() >= MOST_SAVED:
        raise TooMany(most=MOST_SAVED)
    search = SavedSearch.objects.create(
        owner=by.user, organization=by.organization, name=kept, wanted=wanted.kept(), sharing=sharing, news=news,
        saved_at=at,
    )  # fmt: skip
    record(by=by, at=at, action="searches.save", subject=search, detail={**wanted.kept(), "sharing": sharing})
    return search


def _own_search(by: Actor, search_id: UUID) -> SavedSearch:
    """The search under lock for its owner: 404 when it is not visible, 403 when a colleague shares it."""
    rows = SavedSearch.objects.select_for_update(of=("self",), no_key=True).select_related("owner")
    search = rows.filter(pk=search_id).first()
    if search is None or not searches_visible_to(by).filter(pk=search_id).exists():
        raise NotFound
    if search.owner_id != by.user_id:
        raise NotTheOwner(owner=str(search.owner))
    return search


@transaction.atomic
def change_search(
    *, by: Actor, at: datetime, search_id: UUID, name: str, sharing: str, news: str
) -> SavedSearch:
    """Rename a search, share it or not, choose how its news comes (`none` ends the notices)."""
    search = _own_search(by, search_id)
    kept = _checked(name, sharing, news)
    others = SavedSearch.objects.filter(owner=search.owner_id, organization=search.organization_id, name=kept)
    if others.exclude(pk=search.pk).exists():
        raise NameTaken(field="name", name=kept)
    search.name, search.sharing, search.news = kept, sharing, news
    search.save(update_fields=["name", "sharing", "news"])
    detail = {"name": kept, "sharing": sharing, "news": news}
    record(by=by, at=at, action="searches.change", subject=search, detail=detail)
    return search


@transaction.atomic
def stop_news(*, by: Actor, at: datetime, search_id: UUID) -> SavedSearch:
    """Tell the owner nothing more of this search; doing it again changes nothing."""
    search = _own_search(by, search_id)
    if search.news != News.NONE:
        search.news = News.NONE
        search.save(update_fields=["news"])
        record(by=by, at=at, action="searches.stop_news", subject=search)
    return search


@transaction.atomic
def forget_search(*, by: Actor, at: datetime, search_id: UUID) -> None:
    """Drop a saved search with all that it met."""
    search = _own_search(by, search_id)
    record(by=by, at=at, action="searches.forget", subject=search, detail=search.wanted)
    search.delete()


@transaction.atomic
def look_at(*, by: Actor, at: datetime, search_id: UUID) -> SavedSearch:
    """The viewer has seen the results: from now on only what comes later is new to it."""
    search = searches_visible_to(by).filter(pk=search_id).first()
    if search is None or by.user is None:
        raise NotFound
    SearchLook.objects.update_or_create(search=search, user=by.user, defaults={"looked_at": at})
    return search


@transaction.atomic
def tell_matches(*, at: datetime, search_id: UUID) -> int:
    """Note what came on sale since the search was saved and tell its owner; how many products were told now.

    Meeting, telling and its notice are one transaction and every product is met once per search, so that nothing is
    told twice, whenever this breaks off or runs again. A daily search gathers until the next business day.
    """
    rows = SavedSearch.objects.select_for_update(of=("self",), no_key=True).filter(pk=search_id)
    search = rows.first()
    owner = owner_of(search) if search else None
    if search is None or owner is None:
        return 0
    met = SearchMatch.objects.filter(search=search)
    found = search_products(wanted_of(search), owner).filter(listed_at__gt=search.saved_at, listed_at__lte=at)
    new = found.exclude(pk__in=met.values("product_id")).exclude(supplier_id=search.organization_id)
    SearchMatch.objects.bulk_create(
        [
            SearchMatch(search=search, product_id=key, met_at=at)
            for key in new.order_by("listed_at", "pk").values_list("pk", flat=True)[:MOST_MET]
        ],
        ignore_conflicts=True,
    )
    today = clock.business_date(at)
    is_due = search.news == News.AT_ONCE or (search.news == News.DAILY and search.digested_on != today)
    if not is_due:
        return 0
    waiting = list(met.filter(told_at=None).order_by("-pk").values_list("product_id", flat=True))
    if not waiting:
        return 0
    met.filter(told_at=None).update(told_at=at)
    search.digested_on = today
    search.save(update_fields=["digested_on"])
    announce(SearchMatched(at=at, search_id=search.pk, product_id=waiting[0], count=len(waiting)))
    return len(waiting)
