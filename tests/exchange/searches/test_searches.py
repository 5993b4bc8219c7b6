"""Saved searches: whose they are, what is new in them, and that nothing is told twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from exchange.catalogue.models import Product
from exchange.catalogue.searching import read_wanted
from exchange.searches import selectors, services, tasks
from exchange.searches.events import SearchMatched
from exchange.searches.models import SavedSearch, SearchMatch
from kernel import clock, events
from kernel.errors import InvalidInput, NotFound
from organizations.models import Membership
from organizations.permissions import Actor
from tests import cast
from tests.cast import NOON
from tests.exchange import market

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def saved(*, by: Actor | None = None, text: str = "道路", name: str = "道路数据", **kept: str) -> SavedSearch:
    return services.save_search(
        by=by or cast.zhou(),
        at=NOON,
        wanted=read_wanted(text, {"industry": ["transport"]}),
        name=name,
        **kept,
    )


def road(number: int, at_hours: int = 1) -> Product:
    return market.listed(
        title=f"道路目标检测 {number}", industry="transport", name=f"道路{number}", at=NOON + at_hours * HOUR
    )


def told(heard: list[events.Event]) -> list[int]:
    return [event.count for event in heard if isinstance(event, SearchMatched)]


def run(hours: int) -> int:
    with clock.moved_to(NOON + hours * HOUR):
        return int(tasks.tell_new_matches())


def test_each_product_is_told_once_per_search(nobody_listens: list[events.Event]) -> None:
    road(0, at_hours=-1)  # was there before
    search = saved()
    assert run(1) == 0
    road(1), road(2)
    market.listed(title="商品评论", industry="commerce", name="评论", at=NOON + HOUR)
    assert (run(2), run(2), run(3)) == (2, 0, 0)
    road(3, at_hours=4)
    assert run(5) == 1
    assert told(nobody_listens) == [2, 1]
    assert SearchMatch.objects.filter(search=search).count() == 3


def test_a_daily_search_gathers_until_the_next_day(nobody_listens: list[events.Event]) -> None:
    saved(news="daily")
    road(1)
    assert run(2) == 1
    road(2, at_hours=3)
    assert (run(4), run(6)) == (0, 0)
    road(3, at_hours=7)
    assert run(24) == 2
    assert told(nobody_listens) == [1, 2]


def test_a_run_that_dies_half_way_tells_nothing_twice_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saved()
    road(1)
    with monkeypatch.context() as patch:
        patch.setattr(services, "announce", lambda event: (_ for _ in ()).throw(RuntimeError("gone")))
        assert run(2) == 0
    assert not SearchMatch.objects.exists()
    assert (run(2), run(2)) == (1, 0)


def test_what_is_new_counts_from_ones_own_last_look() -> None:
    search = saved(sharing="organization")
    colleague = cast.person("qian", cast.YUNSHAN, cast.Role.PURCHASER)
    road(1)
    run(2)
    (mine,), (shared,) = selectors.searches_with_news(cast.zhou()), selectors.searches_with_news(colleague)
    assert (mine.new_count, shared.new_count) == (1, 1)
    services.look_at(by=cast.zhou(), at=NOON + 3 * HOUR, search_id=search.pk)
    (mine,), (shared,) = selectors.searches_with_news(cast.zhou()), selectors.searches_with_news(colleague)
    assert (mine.new_count, shared.new_count) == (0, 1)


def test_searches_are_their_owners_and_shared_ones_are_read_by_colleagues() -> None:
    own, shared = saved(), saved(name="共享", sharing="organization")
    colleague = cast.person("qian", cast.YUNSHAN, cast.Role.PURCHASER)
    assert set(selectors.searches_visible_to(cast.zhou())) == {own, shared}
    assert set(selectors.searches_visible_to(colleague)) == {shared}
    for stranger in (cast.lin(), Actor.anonymous()):
        assert not selectors.searches_visible_to(stranger).exists()
        with pytest.raises(NotFound):
            services.forget_search(by=stranger, at=NOON, search_id=shared.pk)
    with pytest.raises(NotFound):
        services.stop_news(by=colleague, at=NOON, search_id=own.pk)
    with pytest.raises(services.NotTheOwner):
        services.forget_search(by=colleague, at=NOON, search_id=shared.pk)
    assert SavedSearch.objects.count() == 2
    services.forget_search(by=cast.zhou(), at=NOON, search_id=own.pk)
    assert SavedSearch.objects.get() == shared


def test_stopped_searches_and_those_of_people_who_left_tell_nothing() -> None:
    stopped, left = saved(), saved(by=cast.person("qian", cast.YUNSHAN, cast.Role.PURCHASER))
    services.stop_news(by=cast.zhou(), at=NOON, search_id=stopped.pk)
    services.stop_news(by=cast.zhou(), at=NOON, search_id=stopped.pk)
    Membership.objects.filter(user=left.owner).update(ended_at=NOON)
    road(1)
    assert run(2) == 0
    assert selectors.searches_with_news(cast.zhou()).get().new_count == 1  # counted all the same


def test_products_the_owner_may_not_see_are_no_news() -> None:
    saved()
    hidden = road(1)
    Product.objects.filter(pk=hidden.pk).update(state="suspended")
    assert run(2) == 0
    Product.objects.filter(pk=hidden.pk).update(state="listed")
    assert run(3) == 1


def test_saving_refuses_what_makes_no_sense() -> None:
    saved()
    with pytest.raises(services.NameTaken):
        saved(name="  道路数据 ")
    with pytest.raises(services.NothingToSave):
        services.save_search(by=cast.zhou(), at=NOON, wanted=read_wanted("", {}), name="全部")
    with pytest.raises(services.NoOrganization):
        saved(by=Actor.anonymous())
    for field, wrong in (
        ("name", {"name": " "}),
        ("sharing", {"sharing": "world"}),
        ("news", {"news": "hourly"}),
    ):
        with pytest.raises(InvalidInput) as refused:
            saved(**{"name": "另一个", **wrong})
        assert refused.value.field == field
    assert SavedSearch.objects.count() == 1


def test_from_the_catalogue_to_a_saved_search_and_back() -> None:
    client = Client()
    client.force_login(cast.zhou().user)
    road(1, at_hours=-1)
    page = client.get("/catalogue/", {"q": "道路", "industry": "transport"}).content.decode()
    assert "/searches/new/?q=%E9%81%93%E8%B7%AF&amp;industry=transport" in page
    form = {"name": "道路", "sharing": "own", "news": "daily", "idempotency_key": "k1"}
    for _twice in range(2):
        answer = client.post("/searches/new/?q=道路&industry=transport", form)
        assert (answer.status_code, answer.url) == (302, "/searches/")
    search = SavedSearch.objects.get()
    assert search.wanted == {"text": "道路", "chosen": {"industry": ["transport"]}, "sort": "relevance"}
    assert "道路" in client.get("/searches/").content.decode()
    opened = client.post(f"/searches/{search.pk}/act/", {"step": "open"})
    assert opened.url == "/catalogue/?q=%E9%81%93%E8%B7%AF&industry=transport"
    assert "保存搜索" not in Client().get("/catalogue/", {"q": "道路"}).content.decode()
