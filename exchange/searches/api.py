"""Saved searches as JSON."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Status

from exchange.catalogue.searching import read_wanted
from exchange.searches import services
from exchange.searches.schemas import SavedSearchIn, SavedSearchOut
from exchange.searches.selectors import searches_with_news
from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock

router = Router()


@router.get("/searches", response=Page[SavedSearchOut])
def list_searches(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> Page[SavedSearchOut]:
    """The caller's saved searches and those shared in the organization, with what is new."""
    found, following = cursor_page(searches_with_news(actor(request)), cursor=cursor, limit=limit)
    return Page[SavedSearchOut](items=[SavedSearchOut.of(each) for each in found], next=following)


@router.post("/searches", response={201: SavedSearchOut})
@idempotent
def post_search(request: HttpRequest, body: SavedSearchIn) -> SavedSearchOut:
    """Keep a search."""
    made = services.save_search(
        by=actor(request), at=clock.now(), wanted=read_wanted(body.text, body.chosen, body.sort),
        name=body.name, sharing=body.sharing, news=body.news,
    )  # fmt: skip
    return SavedSearchOut.of(made)


@router.post("/searches/{search_id}/look", response=SavedSearchOut)
@idempotent
def post_look(request: HttpRequest, search_id: UUID) -> SavedSearchOut:
    """The caller has seen the results."""
    return SavedSearchOut.of(services.look_at(by=actor(request), at=clock.now(), search_id=search_id))


@router.post("/searches/{search_id}/silence", response=SavedSearchOut)
@idempotent
def post_silence(request: HttpRequest, search_id: UUID) -> SavedSearchOut:
    """Stop the notices."""
    return SavedSearchOut.of(services.stop_news(by=actor(request), at=clock.now(), search_id=search_id))


@router.post("/searches/{search_id}/removal", response={204: None})
@idempotent
def post_removal(request: HttpRequest, search_id: UUID) -> Status[None]:
    """Forget the search."""
    services.forget_search(by=actor(request), at=clock.now(), search_id=search_id)
    return Status(204, None)
