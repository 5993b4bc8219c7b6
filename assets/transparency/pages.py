"""The public pages of the log: its latest head, its entries, and the proof of each entry."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from assets.transparency import drawing, rules, selectors
from assets.transparency.services import MERGE_DELAY
from kernel.errors import NotFound
from web.answers import page_or_fragment
from web.paging import paginate
from web.parts import Fact

KINDS = {
    "certificate.issued": gettext_lazy("证书签发"),
    "certificate.document": gettext_lazy("证书文件签发"),
    "certificate.suspended": gettext_lazy("效力中止"),
    "certificate.resumed": gettext_lazy("效力恢复"),
    "certificate.changed": gettext_lazy("登记变更"),
    "certificate.transferred": gettext_lazy("登记转移"),
    "certificate.renewed": gettext_lazy("证书续展"),
    "certificate.expired": gettext_lazy("证书到期"),
    "certificate.cancelled": gettext_lazy("证书注销"),
    "certificate.revoked": gettext_lazy("证书撤销"),
}
SIDES = {"left": gettext_lazy("左"), "right": gettext_lazy("右")}


@require_safe
def log(request: HttpRequest) -> HttpResponse:
    """The latest head and the entries, newest first; `?q=` narrows to one number."""
    head = selectors.heads().order_by("-size", "-at").first()
    wanted = request.GET.get("q", "").strip().upper()[:60]
    rows = selectors.entries()
    if wanted:
        rows = rows.filter(entry__subject=wanted)
    page = paginate(rows, request.GET, order=("-index",))
    context = {
        "head": head,
        "page": page,
        "kinds": KINDS,
        "wanted": wanted,
        "merge_seconds": int(MERGE_DELAY.total_seconds()),
    }
    return page_or_fragment(request, "transparency/log.html", "transparency/log_list.html", context)


@require_safe
def entry(request: HttpRequest, number: int) -> HttpResponse:
    """One entry: its text, and the proof that it stands under the latest signed head."""
    head = selectors.latest_head()
    if number >= head.size:
        raise NotFound
    found = selectors.inclusion(number)
    place = found.place
    leaf = bytes.fromhex(place.leaf_hash)
    steps = rules.inclusion_steps(leaf, place.index, found.size, found.path)
    reached = steps[-1][2] if steps else leaf
    is_true = rules.leaf_hash(place.entry.leaf.encode()) == leaf and reached.hex() == head.root_hash
    context = {
        "place": place,
        "head": head,
        "kind": KINDS.get(place.entry.kind, place.entry.kind),
        "told": json.dumps(json.loads(place.entry.leaf), ensure_ascii=False, indent=2),
        "steps": [(SIDES[side], sibling, result) for side, sibling, result in steps],
        "drawing": drawing.proof_svg(leaf, steps, _("从这一条到树根的证明路径")),
        "is_true": is_true,
        "facts": [
            Fact(_("序号"), place.index),
            Fact(_("叶哈希"), place.leaf_hash),
            Fact(_("树的大小"), f"{found.size:,}"),
            Fact(_("树根"), head.root_hash),
        ],
    }
    return render(request, "transparency/entry.html", context)


@require_safe
def head_token(request: HttpRequest) -> HttpResponse:
    """The latest signed head as a compact JWS, to be kept by whoever wants to hold the registry to it."""
    head = selectors.latest_head()
    response = HttpResponse(head.token, content_type="application/jwt")
    response["Content-Disposition"] = f'attachment; filename="tree-head-{head.size}.jwt"'
    response["Cache-Control"] = "no-cache"
    return response
