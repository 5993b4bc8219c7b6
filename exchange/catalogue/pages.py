"""A product's page and the operator's review of listings."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from assets.datasets.models import DatasetVersion
from assets.datasets.selectors import diff_of, provenance_of
from assets.exports.metadata import croissant, dcat
from assets.exports.pages import document_response
from assets.profiles.selectors import dimension_evidence, profile_of
from assets.registry.rules import labels_of_rights
from assets.registry.selectors import verification_url
from documents.printing import qr_svg
from exchange.catalogue import rules, services
from exchange.catalogue.forms import QuestionForm
from exchange.catalogue.models import Plan, Product
from exchange.catalogue.opinions import opinions_of
from exchange.catalogue.permissions import ASK_QUESTIONS, EDIT_PRODUCTS, REVIEW_LISTINGS
from exchange.catalogue.selectors import (
    licence_policy_of,
    listed_count_of,
    listings_to_review,
    products_visible_to,
    questions_visible_to,
    revisions_to_review,
    sales_words,
    samples_of,
    snapshot_of,
    steps_of,
    told_plan,
    versions_of,
    visible_product,
    visible_revision,
)
from exchange.catalogue.states import Industry, ListingState, Ordering
from exchange.catalogue.ways import ways_of
from gateway.api import actor
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.models import Transition
from kernel.money import Money
from kernel.wording import listed
from organizations.permissions import Actor
from web import charts
from web.answers import page_or_fragment
from web.forms import show_refusal
from web.navigation import resolved
from web.paging import paginate
from web.parts import CertificateFace, Fact, Kpi, LineageStep, Link, Option

BAR_TONES = ("blue", "violet", "teal", "amber", "light", "neutral")
BARS_SHOWN = 8
MOST_QUESTIONS = 20
MOST_REVISIONS = 50


@require_GET
def product(request: HttpRequest, number: str) -> HttpResponse:
    """产品详情: samples first, then what is inside, where it comes from, what is allowed, how to buy."""
    viewer = actor(request)
    return _shown(request, viewer, visible_product(viewer, number), QuestionForm())


def _shown(request: HttpRequest, viewer: Actor, found: Product, form: QuestionForm) -> HttpResponse:
    version, plans = found.version, found.plans_offered  # type: ignore[attr-defined]
    samples, opinions = samples_of(version), opinions_of(viewer, found.pk)
    questions = list(questions_visible_to(viewer, found)[:MOST_QUESTIONS])
    quality = _quality(version)
    is_own = viewer.belongs_to(found.supplier_id) and viewer.can(EDIT_PRODUCTS)
    context: dict[str, Any] = {
        "product": found,
        "samples": samples,
        "stats": _stats(found),
        "tabs": _tabs(found, len(samples), bool(quality), opinions.count, len(questions)),
        "bars": _label_bars(version.label_counts),
        "bars_narrow": _label_bars(version.label_counts, width=300),
        "label_kinds": len(version.label_counts),
        "quality": quality,
        "dictionary": _dictionary(version.dictionary),
        "lineage": _lineage(found),
        "terms": rules.LICENCE_TERMS[found.licence],
        "needs": [(need["title"], Industry(need["industry"]).label) for need in found.needs],
        "versions": versions_of(found),
        **_offer(found, plans),
        "face": _certificate_face(found),
        "listed_count": sales_words(listed_count_of(found.supplier_id)),
        "is_own": is_own,
        "may_review": viewer.can(REVIEW_LISTINGS),
        "json_ld": _json_ld(found) if found.state == ListingState.LISTED else "",
        "documents": [(croissant.FILE_NAME, "Croissant"), (dcat.FILE_NAME, "DCAT 3")],
        "opinions": opinions,
        "ways": ways_of(viewer, found, request.build_absolute_uri("/").rstrip("/")),
        "questions": questions,
        "question_form": form,
        "may_ask": viewer.can(ASK_QUESTIONS)
        and not viewer.belongs_to(found.supplier_id)
        and found.state == ListingState.LISTED,
    }
    return render(request, "catalogue/product.html", context, status=422 if form.errors else 200)


def _offer(found: Product, plans: list[Plan]) -> dict[str, Any]:
    """The buy card: plans with their words, the lowest price chosen; what is free is claimed beside it."""
    paid = [plan for plan in plans if not plan.is_free]
    lowest = min(paid, key=lambda plan: plan.price_fen, default=None)
    worded = [(plan, rules.plan_words(rules.terms_in(told_plan(plan)))) for plan in plans]
    told = {
        plan.pk: " · ".join([plan.note or str(plan.get_kind_display()), *words]) for plan, words in worded
    }
    options = [Option(str(plan.pk), plan.name, told[plan.pk], str(Money(plan.price_fen))) for plan in paid]
    return {
        "plans": options,
        "free": [
            (plan, told[plan.pk], rules.may_claim(plan.kind, found.ordering))
            for plan in plans
            if plan.is_free and found.state == ListingState.LISTED
        ],
        "is_sellable": bool(paid),
        "chosen": str(lowest.pk) if lowest else "",
        "price": Money(lowest.price_fen) if lowest else None,
        "price_hint": _price_hint(len(paid)),
        "buy_url": resolved("trading:new") if found.state == ListingState.LISTED else "",
        "promises": [
            ("lock", _("资金由交易机构托管，验收后结算")),
            ("file-pen-line", _("双方在线签约，合同文本留存摘要")),
            ("rotate-ccw", _("7 天验收期，与说明不符可提出异议")),
            *(
                [("user-check", _("先提交用途申请，供方同意后下单"))]
                if found.ordering == Ordering.APPROVAL
                else []
            ),
        ],
    }


def _quality(version: DatasetVersion) -> dict[str, Any] | None:
    """The measured quality of a version, each figure with how it came about; None before it was measured."""
    profile = profile_of(version.pk)
    if profile is None:
        return None
    return {"dimensions": dimension_evidence(profile.told), "made_at": profile.made_at}


@require_POST
@login_required
def ask(request: HttpRequest, number: str) -> HttpResponse:
    """A question to the supplier, public once answered."""
    viewer = actor(request)
    found = visible_product(viewer, number)
    form = QuestionForm(request.POST)
    if form.is_valid():
        try:
            services.ask(by=viewer, at=clock.now(), product_id=found.pk, **form.cleaned_data)
        except (InvalidInput, services.TooManyQuestions) as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已提交，供方回答后公开。"))
            return redirect(reverse("catalogue:product", args=[number]) + "#questions")
    return _shown(request, viewer, found, form)


@require_POST
@login_required
def hide_question(request: HttpRequest, number: str, question_id: UUID) -> HttpResponse:
    """The operator takes a question out of sight."""
    viewer = actor(request)
    viewer.require(REVIEW_LISTINGS)
    visible_product(viewer, number)
    try:
        services.hide_question(
            by=viewer, at=clock.now(), question_id=question_id, reason=request.POST.get("reason", "")
        )
    except (InvalidInput, services.ReasonMissing) as refusal:
        messages.error(request, str(refusal))
    return redirect(reverse("catalogue:product", args=[number]) + "#questions")


@require_GET
def policy(request: HttpRequest, number: str) -> HttpResponse:
    """The licence as an ODRL 2.2 offer."""
    found = visible_product(actor(request), number)
    told = licence_policy_of(found)
    response = HttpResponse(
        json.dumps(told, ensure_ascii=False, indent=2) + "\n",
        content_type="application/ld+json; charset=utf-8",
    )
    response["Content-Disposition"] = f'attachment; filename="{found.number}-policy.jsonld"'
    return response


@require_GET
def metadata(request: HttpRequest, number: str, name: str) -> HttpResponse:
    """The version on sale as DCAT or Croissant."""
    found = visible_product(actor(request), number)
    if name not in (croissant.FILE_NAME, dcat.FILE_NAME):
        raise NotFound
    return document_response(found.version, name)


@require_GET
def compare(request: HttpRequest, number: str, older: int) -> HttpResponse:
    """What changed between an earlier version that was on sale here and the one on sale now."""
    found = visible_product(actor(request), number)
    known = {version.version: version for version in versions_of(found)}
    if older not in known or older == found.version.version:
        raise NotFound
    diff = diff_of(known[older], found.version)
    context = {
        "product": found,
        "diff": diff,
        "tiles": [
            Kpi(words, f"{diff.files.count(kind):,}", tone=tone)
            for kind, words, tone in (
                ("added", _("新增文件"), "up"),
                ("removed", _("移除文件"), "down"),
                ("changed", _("改动文件"), "warn"),
            )
        ],
        "labels": diff.labels[:48],
    }
    return render(request, "catalogue/compare.html", context)


def _price_hint(plan_count: int) -> str:
    return _("%(count)s 个方案 · 含税") % {"count": plan_count} if plan_count > 1 else _("含税")


def _stats(product: Product) -> list[Fact]:
    version = product.version
    labels = sum(version.label_counts.values())
    sealed = f"{clock.business_date(version.sealed_at):%Y-%m-%d}" if version.sealed_at else ""
    return [
        Fact(_("样本（条）"), f"{version.row_count:,}"),
        Fact(_("标签"), f"{labels:,}"),
        Fact(_("文件"), f"{version.file_count:,}"),
        Fact(_("数据版本"), f"v{version.version}", sealed),
    ]


def _tabs(
    product: Product, sample_count: int, is_measured: bool, opinion_count: int, question_count: int
) -> list[Link]:
    version = product.version
    return [
        Link(_("样例"), "#samples", sample_count, is_current=True),
        Link(_("里面有什么"), "#inside"),
        *([Link(_("质量"), "#quality")] if is_measured else []),
        Link(_("来源"), "#origin"),
        Link(_("字段字典"), "#dictionary", len(version.dictionary)),
        Link(_("使用许可"), "#licence"),
        Link(_("版本"), "#versions", f"v{version.version}"),
        Link(_("评价"), "#opinions", opinion_count),
        Link(_("问答"), "#questions", question_count),
    ]


def _label_bars(counts: dict[str, int], width: int = 360) -> charts.Drawing | str:
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    shown, rest = ranked[:BARS_SHOWN], ranked[BARS_SHOWN:]
    if rest:
        shown.append((_("其他 %(count)s 类") % {"count": len(rest)}, sum(number for _label, number in rest)))
    total = sum(counts.values())
    if not total:
        return ""
    bars = [
        charts.Bar(label[:8], number, _percent(number, total), BAR_TONES[i % len(BAR_TONES)])
        for i, (label, number) in enumerate(shown)
    ]
    return charts.distribution(bars, title=_("标签分布"), width=width)


def _percent(part: int, whole: int) -> str:
    permille = part * 1_000 // whole
    return f"{permille // 10}.{permille % 10}%"


def _dictionary(fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    is_english = (get_language() or "").startswith("en")
    rows = []
    for each in fields:
        described = (
            each.get("description_en")
            if is_english and each.get("description_en")
            else each.get("description", "")
        )
        filled = each.get("completeness_bp")
        shown = f"{filled // 100}.{filled % 100 // 10}%" if isinstance(filled, int) else "--"
        rows.append(
            {
                "name": each.get("name", ""),
                "type": each.get("type", ""),
                "description": described,
                "filled": shown,
            }
        )
    return rows


def _lineage(product: Product) -> list[LineageStep]:
    version, certificate = product.version, product.certificate
    origin = provenance_of(version)
    steps = []
    if origin.task_count:
        guidelines = listed(f"v{number}" for number in origin.guideline_versions)
        steps = [
            LineageStep(
                _("采集"),
                "database",
                [
                    _("%(count)s 个批次") % {"count": origin.batch_count},
                    _("%(count)s 条原始数据") % {"count": origin.item_count},
                ],
            ),
            LineageStep(
                _("标注"),
                "tags",
                [
                    _("%(count)s 条任务") % {"count": origin.task_count},
                    _("%(count)s 名标注员") % {"count": origin.annotator_count},
                ],
            ),
            LineageStep(
                _("质检"),
                "clipboard-check",
                [_("逐条质检通过"), _("规范 %(version)s") % {"version": guidelines or "--"}],
            ),
        ]
    sealed = f"{clock.business_date(version.sealed_at):%Y-%m-%d}" if version.sealed_at else "--"
    rights = certificate.application.rights
    return [
        *steps,
        LineageStep(_("封版"), "package", [sealed, f"SHA-256 {version.root_hash[:8]}…"]),
        LineageStep(_("确权"), "key-round", [str(label) for label in labels_of_rights(rights)[:2]]),
        LineageStep(
            _("登记"),
            "stamp",
            [f"{certificate.valid_from:%Y-%m-%d}", _("公示期满")],
            resolved_verification(certificate.number),
        ),
    ]


def resolved_verification(number: str) -> str:
    """The public verification page of a certificate on this site."""
    return verification_url(number).removeprefix(str(settings.SITE_URL))


def _certificate_face(product: Product) -> CertificateFace:
    certificate = product.certificate
    in_force = certificate.state == "valid"
    rights = " · ".join(str(label) for label in labels_of_rights(certificate.application.rights))
    return CertificateFace(
        number=certificate.number,
        facts=[
            Fact(_("登记主体"), str(certificate.holder)),
            Fact(_("权利类型"), rights or "--"),
            Fact(
                _("有效期"),
                _("%(first)s 至 %(final)s")
                % {"first": certificate.valid_from, "final": certificate.valid_until},
            ),
        ],
        url=resolved_verification(certificate.number),
        qr_svg=mark_safe(qr_svg(verification_url(certificate.number))),
        state="" if in_force else certificate.get_state_display(),
        tone="green" if in_force else "amber",
    )


def _json_ld(product: Product) -> SafeString:
    """schema.org Dataset as a data block; `<`, `>` and `&` are escaped, so no text can end the element."""
    version = product.version
    told = {
        "@context": "https://schema.org",
        "@type": "Dataset",
        "identifier": product.number,
        "name": product.title,
        "alternateName": product.title_en or None,
        "description": product.summary,
        "url": settings.SITE_URL + reverse("catalogue:product", args=[product.number]),
        "version": str(version.version),
        "datePublished": clock.business_date(product.listed_at).isoformat() if product.listed_at else None,
        "inLanguage": "zh-CN",
        "keywords": sorted(version.label_counts),
        "variableMeasured": [str(each.get("name", "")) for each in version.dictionary],
        "license": settings.SITE_URL + reverse("catalogue:product", args=[product.number]) + "#licence",
        "creator": {
            "@type": "Organization",
            "name": product.supplier.name,
            "identifier": product.supplier.uscc,
        },
        "isAccessibleForFree": False,
        "offers": [
            {"@type": "Offer", "name": plan.name, "price": Money(plan.price_fen).yuan, "priceCurrency": "CNY"}
            for plan in product.plans_offered  # type: ignore[attr-defined]
            if plan.buyer_id is None
        ],
        "sha256": version.root_hash,
    }
    text = json.dumps({name: value for name, value in told.items() if value is not None}, ensure_ascii=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return mark_safe(text)


# --- the operator's review ----------------------------------------------------------------------


@require_GET
@login_required
def queue(request: HttpRequest) -> HttpResponse:
    """上架审核队列: what was submitted first comes first; changes to what is listed beside it."""
    viewer = actor(request)
    page = paginate(listings_to_review(viewer), request.GET, order=("submitted_at", "id"))
    context = {"page": page, "revisions": list(revisions_to_review(viewer)[:MOST_REVISIONS])}
    return page_or_fragment(request, "catalogue/queue.html", "catalogue/queue_rows.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def review_change(request: HttpRequest, revision_id: UUID) -> HttpResponse:
    """变更审核: the difference line by line, the decision."""
    viewer = actor(request)
    viewer.require(REVIEW_LISTINGS)
    found = visible_revision(viewer, revision_id)
    error, status = "", 200
    if request.method == "POST":
        decision, opinion = request.POST.get("decision", ""), request.POST.get("opinion", "")
        decide = services.apply_revision if decision == "apply" else services.reject_revision
        try:
            decide(by=viewer, at=clock.now(), revision_id=found.pk, reason=opinion)
        except (services.ReasonMissing, services.RevisionOutdated, services.CertificateNotInForce) as refusal:
            error, status = str(refusal), refusal.status
        else:
            messages.success(request, _("变更已生效。") if decision == "apply" else _("变更已退回。"))
            return redirect("catalogue:queue")
    context = {
        "revision": found,
        "product": found.product,
        "changes": rules.changes(found.before, found.proposed),
        "transitions": list(Transition.objects.filter(subject_id=found.pk).order_by("at", "pk")),
        "choices": [
            Option("apply", _("通过并生效"), _("全部变更一次生效，已下的订单不变")),
            Option("reject", _("退回"), _("产品保持现状，供方可再提交变更")),
        ],
        "phrases": [_("变更与登记内容一致，同意生效。"), _("价格变化较大，请说明理由。")],
        "error": error,
        "opinion": request.POST.get("opinion", ""),
        "decision": request.POST.get("decision", "apply"),
    }
    return render(request, "catalogue/review_change.html", context, status=status)


DECISIONS = ("publish", "reject")


@require_http_methods(["GET", "POST"])
@login_required
def review(request: HttpRequest, number: str) -> HttpResponse:
    """上架审核: the facts, the task list as it stands today, the decision."""
    viewer = actor(request)
    viewer.require(REVIEW_LISTINGS)
    found = visible_product(viewer, number)
    error, status = "", 200
    if request.method == "POST":
        decision, opinion = request.POST.get("decision", ""), request.POST.get("opinion", "")
        decide = services.publish_listing if decision == "publish" else services.reject_listing
        try:
            decide(by=viewer, at=clock.now(), product_id=found.pk, reason=opinion)
        except services.ReasonMissing as refusal:
            error, status = str(refusal), refusal.status
        else:
            done = _("已上架：%(title)s") if decision == "publish" else _("已退回：%(title)s")
            messages.success(request, done % {"title": found.title})
            return redirect("catalogue:queue")
    at = clock.now()
    plans = found.plans_offered  # type: ignore[attr-defined]
    context = {
        "product": found,
        "plans": [(plan, rules.plan_words(rules.terms_in(told_plan(plan)))) for plan in plans],
        "steps": [(step, "") for step in steps_of(found, at)],
        "needs": [(need["title"], Industry(need["industry"]).label) for need in found.needs],
        "changes": rules.changes(found.decided, snapshot_of(found))
        if found.decided is not None and found.state == ListingState.SUBMITTED
        else None,
        "terms": rules.LICENCE_TERMS[found.licence],
        "samples": samples_of(found.version)[:4],
        "transitions": list(Transition.objects.filter(subject_id=found.pk).order_by("at", "pk")),
        "face": _certificate_face(found),
        "choices": [
            Option("publish", _("通过并上架"), _("立即对外可见、可购买")),
            Option("reject", _("退回"), _("供方修改后可再次提交")),
        ],
        "phrases": [
            _("样例与说明一致，证书有效，许可清楚，同意上架。"),
            _("请补充采集时间和方式。"),
            _("许可条款与登记的权利不一致，请更正。"),
        ],
        "error": error,
        "opinion": request.POST.get("opinion", ""),
        "decision": request.POST.get("decision", "publish"),
    }
    return render(request, "catalogue/review.html", context, status=status)


@require_POST
@login_required
def control(request: HttpRequest, number: str) -> HttpResponse:
    """The operator's hand on what is listed: suspend, relist, delist; each with a reason."""
    viewer = actor(request)
    viewer.require(REVIEW_LISTINGS)
    found = products_visible_to(viewer).filter(number=number).first()
    if found is None:
        raise NotFound
    move, reason, at = request.POST.get("move", ""), request.POST.get("reason", ""), clock.now()
    try:
        if move == "suspend":
            services.suspend_listing(by=viewer, at=at, product_id=found.pk, reason=reason)
        elif move == "relist":
            services.relist(by=viewer, at=at, product_id=found.pk, reason=reason)
        else:
            services.delist(by=viewer, at=at, product_id=found.pk, reason=reason)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        said = {"suspend": _("已暂停交易，供方已收到理由。"), "relist": _("已恢复上架。")}
        messages.success(request, said.get(move, _("已下架。")))
    return redirect("catalogue:review", number)
