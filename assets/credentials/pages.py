"""Public pages and documents: a certificate's credential, the status lists, our DID document."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import http_date
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import condition, require_http_methods, require_safe

from assets.credentials import proofs, rules, selectors, services
from assets.credentials.forms import AnnotationForm
from assets.credentials.services import LIST_TTL
from assets.datasets.selectors import may_see_original, must_say_why, version_for
from assets.transparency import drawing
from assets.transparency import rules as tree
from assets.transparency import selectors as log
from gateway.api import actor
from kernel import clock
from kernel.errors import InvalidInput
from web.parts import Fact, LineageStep


@require_safe
@cache_control(public=True, max_age=300)
def did_document(request: HttpRequest) -> JsonResponse:
    """`/.well-known/did.json`: our did:web document."""
    return JsonResponse(selectors.did_document(), content_type="application/did+json")


@require_safe
def detail(request: HttpRequest, number: str) -> HttpResponse:
    """A certificate's credential: what it says, where its status stands, where the log holds it."""
    credential = selectors.credential_for(number)
    subject = credential.claims["credentialSubject"]
    status = credential.claims["credentialStatus"]
    context = {
        "credential": credential,
        "certificate": credential.certificate,
        "proofs": log.inclusions_of(credential.certificate.number),
        "told": json.dumps(credential.claims, ensure_ascii=False, indent=2),
        "lists": [(row["statusPurpose"], selectors.list_name(row["statusListCredential"])) for row in status],
        "facts": [
            Fact(_("平台赋码"), credential.unified_code, _("本平台自编，不是官方编码；随资产终身不变")),
            Fact(_("资产名称"), subject["name"]),
            Fact(_("签发者"), credential.claims["issuer"]["id"]),
            Fact(_("资产标识"), subject["id"]),
            Fact(_("签发密钥"), credential.key_id),
            Fact(_("状态位"), credential.status_index),
        ],
    }
    return render(request, "credentials/credential.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def annotation(request: HttpRequest, version_id: UUID) -> HttpResponse:
    """One label of a version and its way up to the log; a POST hands out the proof with the label itself."""
    viewer = actor(request)
    version = version_for(viewer, version_id)
    form = AnnotationForm(request.POST or request.GET or None)
    proof = None
    if form.is_bound and form.is_valid():
        told = form.cleaned_data
        row, copy = told["row"], (told["answer"] or 1) - 1
        try:
            if request.method == "POST":
                made = services.prove_annotation(
                    by=viewer,
                    at=clock.now(),
                    version_id=version_id,
                    row=row,
                    copy=copy,
                    reason=told["reason"],
                )
                return _proof_file(made)
            proof = proofs.proof_for(viewer, version_id, row, copy)
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        except proofs.NoAnnotationTree as refusal:
            form.add_error(None, str(refusal))
    context = {
        "version": version,
        "form": form,
        "proof": proof,
        "must_say_why": must_say_why(viewer),
        "may_see": may_see_original(viewer, version),
        **(_chain(proof) if proof else {}),
    }
    return render(request, "credentials/annotation.html", context, status=422 if form.errors else 200)


def _proof_file(proof: proofs.Proof) -> HttpResponse:
    body = json.dumps(proof.as_json(), ensure_ascii=False, indent=1)
    response = HttpResponse(body, content_type="application/json; charset=utf-8")
    name = f"{proof.version.dataset.number}-v{proof.version.version}-{proof.leaf['row']}-proof.json"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _chain(proof: proofs.Proof) -> dict[str, Any]:
    """The stations from the item to the log's head, and the drawing of the path."""
    leaf, version, held = proof.leaf, proof.version, proof.credential
    digest = tree.leaf_hash(proof.leaf_text.encode())
    steps = tree.inclusion_steps(digest, proof.index, version.annotation_count, proof.path)
    guided = _("规范 v%(version)s") % {"version": leaf["guideline_version"] or "--"}
    batch = _("%(project)s 第 %(batch)s 批") % {"project": leaf["project"], "batch": leaf["batch"]}
    place = _("第 %(index)s 条，共 %(count)s 条") % {
        "index": f"{proof.index + 1:,}", "count": f"{version.annotation_count:,}",
    }  # fmt: skip
    stations = [
        LineageStep(_("原始条目"), "file", (leaf["item"], f"{leaf['item_sha256'][:12]}…")),
        LineageStep(_("标注提交"), "pencil-ruler", (guided, f"{leaf['submission_sha256'][:12]}…")),
        LineageStep(_("批次"), "database", (batch,)),
        LineageStep(_("标注树"), "git-fork", (place, f"{version.annotation_root[:12]}…")),
        LineageStep(
            _("数据集版本"),
            "package-check",
            (str(version), f"{version.root_hash[:12]}…"),
            reverse("datasets:version", args=[version.dataset_id, version.version]),
        ),
    ]
    if held:
        number = held.certificate.number
        stations.append(
            LineageStep(_("登记证书"), "stamp", (number,), reverse("credentials:detail", args=[number]))
        )
    if proof.head:
        told = _("树的大小 %(size)s") % {"size": f"{proof.head.size:,}"}
        stations.append(
            LineageStep(
                _("登记日志树头"),
                "list-tree",
                (told, f"{proof.head.root_hash[:12]}…"),
                reverse("transparency:log"),
            )
        )
    return {
        "stations": stations,
        "drawing": drawing.proof_svg(digest, steps, _("从这条标注到标注树根的路径")),
        "leaf": json.dumps(leaf, ensure_ascii=False, indent=2),
        "reaches": (steps[-1][2] if steps else digest).hex() == version.annotation_root,
    }


@require_safe
def token(request: HttpRequest, number: str) -> HttpResponse:
    """The credential as a signed JWT (W3C VC-JOSE-COSE)."""
    credential = selectors.credential_for(number)
    response = HttpResponse(credential.token, content_type=rules.JWT_MEDIA_TYPE)
    response["Content-Disposition"] = f'attachment; filename="{credential.certificate.number}.vc.jwt"'
    return response


@require_safe
def document(request: HttpRequest, number: str) -> HttpResponse:
    """The same content without its signature, for reading."""
    credential = selectors.credential_for(number)
    body = json.dumps(credential.claims, ensure_ascii=False, indent=2)
    return HttpResponse(body, content_type=rules.MEDIA_TYPE)


def _etag(request: HttpRequest, name: str) -> str:
    return f'"{rules.sha256_of(selectors.status_list(name).token)[:32]}"'


@require_safe
@condition(etag_func=_etag)
def status(request: HttpRequest, name: str) -> HttpResponse:
    """A status list as a signed credential; it may be kept for five minutes."""
    held = selectors.status_list(name)
    response = HttpResponse(held.token, content_type=rules.JWT_MEDIA_TYPE)
    response["Cache-Control"] = f"public, max-age={int(LIST_TTL.total_seconds())}"
    response["Last-Modified"] = http_date(held.signed_at.timestamp())
    return response
