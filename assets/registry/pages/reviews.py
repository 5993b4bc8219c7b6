"""Pages of the authority: the queue, the review with its clocks, hand-over, second opinion, committee."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assets.datasets.models import DatasetVersion
from assets.datasets.rules import MISMATCHES
from assets.datasets.selectors import Provenance, provenance_of
from assets.profiles.selectors import evidence_of
from assets.registry import rules, selectors, services
from assets.registry.forms import CommitteeForm, OpinionForm, ReviewerForm, VoteForm
from assets.registry.models import Application
from assets.registry.pages.registrations import answers_of, stages_of, thing_of
from assets.registry.permissions import CERTIFY, MANAGE_REVIEWS, REVIEW, VOTE
from assets.registry.states import ApplicationState, CheckVerdict, Classification, ReviewerRole
from gateway.api import actor
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.wording import listed
from web import charts
from web.answers import page_or_fragment
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Evidence, Fact, Link, Option, RuleStep


@login_required
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """What the authority must do, by deadline: applications, and beside them objections and revocations."""
    viewer = actor(request)
    viewer.require(REVIEW)
    today = clock.business_date(clock.now())
    page = paginate(selectors.review_queue(viewer), request.GET, order=("due_on", "id"))
    context = {
        "page": page,
        "rows": [(row, (row.due_on - today).days if row.due_on else None) for row in page],
        "turns": rules.TURNS,
        "parameters": selectors.parameters_on(today),
        "objections": selectors.open_objections(viewer)[:20],
        "revocations": selectors.open_revocations(viewer)[:20],
        "today": today,
    }
    return page_or_fragment(request, "registry/queue.html", "registry/queue_list.html", context)


VERDICT_OPTIONS = [
    Option(CheckVerdict.PASS, CheckVerdict.PASS.label),
    Option(CheckVerdict.FAIL, CheckVerdict.FAIL.label, gettext_lazy("须写明哪里不符合、如何补正")),
    Option(CheckVerdict.NOT_APPLICABLE, CheckVerdict.NOT_APPLICABLE.label),
]
DECISIONS = {
    "accept": gettext_lazy("受理"),
    "pass": gettext_lazy("通过，进入公示"),
    "conclude": gettext_lazy("通过，准予登记"),
    "return": gettext_lazy("退回补正"),
    "reject": gettext_lazy("不予登记"),
}
PHRASES = [
    gettext_lazy("材料齐全，来源与权利清楚，同意登记。"),
    gettext_lazy("请逐批补充来源授权文件，并说明许可期限。"),
    gettext_lazy("应用场景过于笼统，请写明使用单位、业务环节和解决的问题。"),
]


def _facts_by_check(application: Application) -> dict[str, Any]:
    version, other = application.version, application.other
    differences = selectors.differences(application)
    found: dict[str, Any] = {
        "subject": f"{application.registrant.display_name} · {application.registrant.uscc}",
        "integrity": thing_of(application),
        "use_case": application.use_case,
        "source": application.source_statement,
        "rights": selectors.shown("rights", application.rights),
        "parties": application.arrangement,
        "classification": selectors.grading_of(application).words or "--",
        "personal_information": _("见登记材料"),
        "quality": next(
            (
                answer["value"]
                for answer in answers_of(application)
                if answer["label"] == rules.SECTIONS["quality"]
            ),
            "--",
        ),
        "legal": application.legal_statement,
        "difference": _("%(count)s 处不同，见“与上次登记的差异”") % {"count": len(differences)},
        "clerical": application.reason,
        "agreement": f"{other.display_name} · {other.uscc}" if other else "--",
        "licence": f"{application.scope} · {application.licence_until or '--'}",
        "consequences": application.reason,
    }
    if version is not None:
        found["integrity"] = _("%(files)s 个文件，根哈希 %(hash)s…") % {
            "files": version.file_count,
            "hash": version.root_hash[:12],
        }
        found["personal_information"] = _("样例 %(rows)s 行，字段 %(fields)s 个") % {
            "rows": len(version.sample),
            "fields": len(version.dictionary),
        }
    return found


def _evidence(application: Application, code: str) -> Sequence[Evidence]:
    version = application.version
    platform, upload = str(_("平台记录")), str(_("登记主体填写"))
    own = [Evidence(_("申请内容"), upload, application.number, source="upload")]
    subject = Evidence(
        _("单位认证"), platform, application.registrant.get_verification_display(), icon="building-2"
    )
    if code == "subject":
        return [subject]
    if code == "difference":
        return [Evidence(_("逐项比对"), platform, "", "#differences", icon="git-branch")]
    if code == "agreement" and application.agreed_at is not None:
        signed = f"{application.agreed_by} · {application.agreed_sha256[:16]}…"
        return [Evidence(_("双方确认"), platform, signed, icon="file-check")]
    if version is None:
        return own
    sample = Evidence(_("样例"), platform, "", "#sample", icon="table")
    project = version.project.number if version.project else ""
    found: dict[str, list[Evidence]] = {
        "integrity": [Evidence(_("封版清单"), platform, version.root_hash, icon="package-check")],
        "source": [Evidence(_("血缘"), platform, project, "#lineage", icon="git-branch")],
        "personal_information": [
            sample,
            Evidence(_("字段字典"), platform, "", "#dictionary", icon="list"),
        ],
        "quality": [sample, Evidence(_("标签分布"), platform, "", "#labels", icon="chart-bar")],
    }
    return found.get(code) or own


def _steps(application: Application, stands: list[selectors.CheckStand]) -> list[dict[str, Any]]:
    facts = _facts_by_check(application)
    words = {CheckVerdict.PASS: "ok", CheckVerdict.NOT_APPLICABLE: "done", CheckVerdict.FAIL: "no"}
    steps = []
    for number, stand in enumerate(stands, start=1):
        check = stand.check
        state = "waiting" if stand.is_open else words[CheckVerdict(stand.verdict)]
        if state == "ok" and not check.is_automatic:
            state = "done"
        verdict = CheckVerdict(stand.verdict).label if stand.verdict else _("待判断")
        step = RuleStep(
            key=check.code,
            number=number,
            title=check.title,
            fact=_cut(str(facts[check.code])),
            verdict=verdict,
            state=state,
            clause=check.requirement,
            article=check.article,
            evidence=_evidence(application, check.code),
        )
        steps.append(
            {
                "step": step,
                "stand": stand,
                "fact": facts[check.code],
                "is_long": len(str(facts[check.code])) > 60,
                "field": f"verdict-{check.code}",
            }
        )
    return steps


def _cut(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def _choices(application: Application, faults: list[str]) -> list[Option]:
    """What the authority may decide now."""
    state = application.state
    back = Option("return", DECISIONS["return"], _("一次性列出全部需要补正的事项"))
    if state == ApplicationState.SUBMITTED:
        return [Option("accept", _("受理")), back]
    if state == ApplicationState.ACCEPTED_FOR_REVIEW:
        return [Option("begin", _("开始合规审查")), back]
    if state != ApplicationState.COMPLIANCE_REVIEW:
        return []
    is_blocked = bool(faults) or bool(selectors.still_needed(application))
    has_notice = rules.KINDS[application.kind].has_notice
    first = "pass" if has_notice else "conclude"
    return [
        Option(first, DECISIONS[first], is_disabled=is_blocked),
        back,
        Option("reject", DECISIONS["reject"]),
    ]


def _version_context(application: Application) -> dict[str, Any]:
    """Sample, dictionary, lineage and labels of a dataset version; little for other things."""
    version = application.version
    if version is None:
        return {"dictionary": [], "work": None if application.project is None else _work(application)}
    is_english = get_language() == "en"
    others = selectors.versions_registered_by_others(application)
    evidence = evidence_of(version.pk, declared=application.classification or None, among=others)
    return {
        "evidence": evidence,
        "alike": selectors.alike_rows(evidence.near_duplicates if evidence else None),
        "provenance": (provenance := provenance_of(version)),
        "annotated": _annotated(version, provenance),
        "label_chart": _label_chart(version.label_counts),
        "dictionary": [
            {**row, "words": (is_english and row.get("description_en")) or row["description"]}
            for row in version.dictionary
        ],
    }


def _annotated(version: DatasetVersion, chain: Provenance) -> list[Fact]:
    """What annotation adds to the dossier of a version: batches, guidelines, results, reviews, the tree of labels."""
    if not chain.task_count:
        return []
    guidelines = listed(f"v{number}" for number in chain.guideline_versions) or "--"
    facts = [
        Fact(
            _("批次"),
            _("%(batches)s 批，%(items)s 条")
            % {"batches": chain.batch_count, "items": f"{chain.item_count:,}"},
        ),
        Fact(_("标注规范"), guidelines),
        Fact(_("标注结果"), _("%(tasks)s 条通过质检") % {"tasks": f"{chain.task_count:,}"}),
        Fact(
            _("质检"),
            _("%(reviews)s 次，退回 %(returned)s 次")
            % {"reviews": f"{chain.review_count:,}", "returned": f"{chain.return_count:,}"},
        ),
    ]
    if version.annotation_root:
        told = _("%(count)s 条，树根 %(root)s…") % {
            "count": f"{version.annotation_count:,}", "root": version.annotation_root[:16],
        }  # fmt: skip
        facts.append(Fact(_("标注树"), told))
    return facts


def _work(application: Application) -> list[Fact]:
    assert application.project is not None, "asked for a project's work"
    work = selectors.work_of(application.project, application.arrangement)
    client = application.project.client
    return [
        Fact(_("标注企业"), application.project.firm.display_name),
        Fact(_("委托方"), client.display_name if client else _("本单位自行立项")),
        Fact(
            _("范围"),
            _("%(items)s 条原始数据，%(tasks)s 个任务")
            % {"items": f"{work.item_count:,}", "tasks": f"{work.task_count:,}"},
        ),
        Fact(
            _("验收"),
            _("%(accepted)s 条通过，%(day)s 验收")
            % {"accepted": f"{work.accepted_count:,}", "day": work.accepted_on},
        ),
        Fact(
            _("质检"),
            _("%(reviews)s 次，退回 %(returned)s 次")
            % {"reviews": f"{work.review_count:,}", "returned": f"{work.returned_count:,}"},
        ),
        *[
            Fact(_("标注规范 v%(version)s") % {"version": version}, f"{digest[:16]}…")
            for version, digest in work.guidelines
        ],
    ]


def _panel_context(request: HttpRequest, application: Application) -> dict[str, Any]:
    """Hand-over, second opinion and committee, as far as the viewer may act."""
    viewer = actor(request)
    if not selectors.is_panel_open(application):
        return {"committee": selectors.committee_of(application)}
    is_lead = viewer.user_id == application.reviewer_id
    is_reviewed = application.state == ApplicationState.COMPLIANCE_REVIEW
    second = selectors.assignment_of(application, ReviewerRole.SECOND)
    people = [user for user in selectors.reviewers_for(application) if user.pk != application.reviewer_id]
    found: dict[str, Any] = {
        "committee": selectors.committee_of(application),
        "second": second,
        "needed": selectors.still_needed(application),
        "is_lead": is_lead,
    }
    others = [user for user in people if second is None or user.pk != second.reviewer_id]
    if is_reviewed and others and (is_lead or viewer.can(MANAGE_REVIEWS)):
        found["hand_over_form"] = ReviewerForm(people=others, prefix="hand")
    if selectors.effective_classification(application) == Classification.IMPORTANT:
        if is_lead and people:
            found["second_form"] = ReviewerForm(people=people, needs_reason=False, prefix="second")
        if is_lead and not found["committee"].seats:
            reviewing = {application.reviewer_id, second.reviewer_id if second else None}
            members = [user for user in selectors.members_for(application) if user.pk not in reviewing]
            found["committee_form"] = CommitteeForm(people=members, prefix="committee")
        if second is not None and second.reviewer_id == viewer.user_id:
            found["opinion_form"] = OpinionForm(prefix="opinion")
    return found


def _review_context(request: HttpRequest, application: Application) -> dict[str, Any]:
    viewer = actor(request)
    stands = selectors.standing(application)
    state = application.state
    is_reviewing = state == ApplicationState.COMPLIANCE_REVIEW
    faults = [
        f"{stand.check.title}：{stand.remark}" for stand in stands if stand.verdict == CheckVerdict.FAIL
    ]
    open_links = [Link(stand.check.title, f"#step-{stand.check.code}") for stand in stands if stand.is_open]
    today = clock.business_date(clock.now())
    turn = selectors.turn_of(application)
    return {
        "application": application,
        "thing": thing_of(application),
        "steps": _steps(application, stands),
        "done_count": sum(not stand.is_open for stand in stands),
        "total_count": len(stands),
        "fault_count": len(faults),
        "open_count": len(open_links),
        "is_reviewing": is_reviewing,
        "verdict_options": VERDICT_OPTIONS,
        "choices": _choices(application, faults),
        "selected": "return" if faults else "",
        "open_judgements": open_links if is_reviewing else [],
        "opinion": "\n".join(faults),
        "phrases": PHRASES,
        "stages": stages_of(application),
        "turn": turn,
        "history": selectors.history_of(application.pk, *application.objections.values_list("pk", flat=True)),
        "differences": selectors.differences(application),
        "letters": selectors.letters_of(application),
        "files": application.attachments.select_related("document"),
        "objections": application.objections.order_by("-pk"),
        "conclusion_facts": [
            Fact(_("登记主体"), application.registrant.display_name),
            Fact(_("主审"), application.reviewer or "--"),
            Fact(_("截止"), turn.until.isoformat() if turn.until else "--"),
        ],
        "grading": selectors.grading_of(application),
        "may_certify": viewer.can(CERTIFY)
        and state == ApplicationState.PUBLIC_NOTICE
        and not selectors.still_needed(application)
        and rules.notice_is_over(application.notice_until, today),
        "meta": [application.number, application.get_kind_display(), application.registrant.display_name],
        **_version_context(application),
        **_panel_context(request, application),
    }


def _label_chart(counts: dict[str, int]) -> Any:
    bars = [charts.Bar(label[:12], count) for label, count in list(counts.items())[:12]]
    return charts.distribution(bars, title=str(_("标签分布")), width=300, label_width=66) if bars else ""


def _review_subject(request: HttpRequest, application_id: UUID) -> Application:
    viewer = actor(request)
    application = selectors.application_for(viewer, application_id)
    viewer.require(REVIEW)
    return application


@login_required
@require_safe
def review(request: HttpRequest, application_id: UUID) -> HttpResponse:
    application = _review_subject(request, application_id)
    return render(request, "registry/review.html", _review_context(request, application))


@login_required
@require_POST
def judge(request: HttpRequest, application_id: UUID, check_code: str) -> HttpResponse:
    """Record a verdict on one point."""
    application = _review_subject(request, application_id)
    try:
        services.record_finding(
            by=actor(request),
            at=clock.now(),
            application_id=application.pk,
            check_code=check_code,
            verdict=request.POST.get(f"verdict-{check_code}", ""),
            remark=request.POST.get("remark", ""),
        )
    except InvalidInput as refusal:
        context = _review_context(request, application)
        context |= {
            "judge_error": str(refusal),
            "judge_code": check_code,
            "judge_remark": request.POST.get("remark", ""),
        }
        return render(request, "registry/review.html", context, status=422)
    address = reverse("registry:review", args=[application.pk])
    return redirect(f"{address}#step-{check_code}")


_SHOWN = (
    services.BeyondFirstLetter,
    services.ChecksOpen,
    services.CoreData,
    services.LetterIncomplete,
    services.MoreNeeded,
    services.ReasonMissing,
    InvalidInput,
)
"""Refusals that the review page itself shows, beside the decision."""


@login_required
@require_POST
def decide(request: HttpRequest, application_id: UUID) -> HttpResponse:
    """Accept, begin, pass, return or reject."""
    application = _review_subject(request, application_id)
    by, at, key = actor(request), clock.now(), application.pk
    decision, opinion = request.POST.get("decision", ""), request.POST.get("opinion", "")
    try:
        if decision == "accept":
            services.accept_for_review(by=by, at=at, application_id=key)
        elif decision == "begin":
            services.begin_review(by=by, at=at, application_id=key)
        elif decision == "pass":
            services.pass_review(by=by, at=at, application_id=key, reason=opinion)
        elif decision == "conclude":
            services.conclude(by=by, at=at, application_id=key, reason=opinion)
        elif decision == "return":
            new_facts = request.POST.get("new_facts", "")
            services.return_(by=by, at=at, application_id=key, reason=opinion, new_facts=new_facts)
        elif decision == "reject":
            services.reject(by=by, at=at, application_id=key, reason=opinion)
        else:
            raise InvalidInput(field="decision", reason=_("请选择一项决定。"))
    except _SHOWN as refusal:
        context = _review_context(request, application)
        context |= {"error": str(refusal), "opinion": opinion, "selected": decision}
        return render(request, "registry/review.html", context, status=refusal.status)
    messages.success(request, _("已办理。"))
    return redirect("registry:review", application.pk)


@login_required
@require_POST
def rehash(request: HttpRequest, application_id: UUID) -> HttpResponse:
    """Re-hash the version from the store."""
    application = _review_subject(request, application_id)
    check = services.check_integrity(by=actor(request), at=clock.now(), application_id=application.pk)
    if check.is_intact:
        words = _("已复算 %(files)s 个文件，全部与封版时一致。")
        messages.success(request, words % {"files": f"{check.checked_count:,}"})
    else:
        named = "；".join(f"{m.path}：{MISMATCHES[m.code]}" for m in check.mismatches[:5])
        messages.error(
            request,
            _("复算发现 %(count)s 处不一致：%(named)s") % {"count": len(check.mismatches), "named": named},
        )
    return redirect("registry:review", application.pk)


@login_required
@require_POST
def certify(request: HttpRequest, application_id: UUID) -> HttpResponse:
    application = _review_subject(request, application_id)
    certificate = services.certify(by=actor(request), at=clock.now(), application_id=application.pk)
    messages.success(request, _("已签发证书 %(number)s。") % {"number": certificate.number})
    return redirect("registry:certificate", certificate.number)


# --- review by several --------------------------------------------------------------------------


def _uuids(values: Sequence[str]) -> list[UUID]:
    return [UUID(value) for value in values]


def _do_panel(request: HttpRequest, application: Application, act: str) -> forms.Form | None:
    """One act of the panel; the form with its errors if something is wrong, None once it is done."""
    by, at, key = actor(request), clock.now(), application.pk
    people, members = selectors.reviewers_for(application), selectors.members_for(application)
    made: dict[str, forms.Form] = {
        "hand": ReviewerForm(request.POST, people=people, prefix="hand"),
        "second": ReviewerForm(request.POST, people=people, needs_reason=False, prefix="second"),
        "committee": CommitteeForm(request.POST, people=members, prefix="committee"),
        "opinion": OpinionForm(request.POST, prefix="opinion"),
    }
    form = made.get(act)
    if form is None:
        raise InvalidInput(field="act", reason=_("请选择一项办理。"))
    if not form.is_valid():
        return form
    told = form.cleaned_data
    try:
        if act == "hand":
            services.hand_over(
                by=by, at=at, application_id=key, reviewer_id=UUID(told["reviewer"]), reason=told["reason"]
            )
        elif act == "second":
            services.assign_second(by=by, at=at, application_id=key, reviewer_id=UUID(told["reviewer"]))
        elif act == "committee":
            services.convene(by=by, at=at, application_id=key, member_ids=_uuids(told["members"]))
        else:
            services.give_opinion(
                by=by,
                at=at,
                application_id=key,
                concurs=told["concurs"] == "yes",
                opinion=told["opinion"],
            )
    except (InvalidInput, services.ReasonMissing, services.AlreadyConvened) as refusal:
        show_refusal(form, refusal)
        return form
    return None


@login_required
@require_POST
def panel(request: HttpRequest, application_id: UUID, act: str) -> HttpResponse:
    """Hand over the lead, ask a second reviewer, convene the committee, give the second opinion."""
    application = _review_subject(request, application_id)
    wrong = _do_panel(request, application, act)
    if wrong is not None:
        names = {
            "hand": "hand_over_form",
            "second": "second_form",
            "committee": "committee_form",
            "opinion": "opinion_form",
        }
        told = [str(error) for errors in wrong.errors.values() for error in errors]
        context = _review_context(request, application) | {names[act]: wrong, "panel_error": "；".join(told)}
        return render(request, "registry/review.html", context, status=422)
    messages.success(request, _("已办理。"))
    return redirect("registry:review", application.pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def vote(request: HttpRequest, application_id: UUID) -> HttpResponse:
    """A committee member reads the application and votes."""
    viewer = actor(request)
    application = selectors.application_for(viewer, application_id)
    viewer.require(VOTE)
    committee = selectors.committee_of(application)
    seat = next((one for one in committee.seats if one.member_id == viewer.user_id), None)
    if seat is None:
        raise NotFound
    form = VoteForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        try:
            services.vote(
                by=viewer,
                at=clock.now(),
                application_id=application.pk,
                is_in_favour=told["is_in_favour"] == "yes",
                reason=told["reason"],
            )
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("您的表决已记录。"))
            return redirect("registry:vote", application.pk)
    context = {
        "application": application,
        "form": form,
        "seat": seat,
        "has_voted": hasattr(seat, "vote"),
        "is_open": selectors.is_panel_open(application),
        "committee": committee,
        "answers": answers_of(application),
        "stands": selectors.standing(application),
        "meta": [application.number, application.get_kind_display(), application.registrant.display_name],
    }
    return render(request, "registry/vote.html", context, status=422 if form.is_bound else 200)
