"""Reading the registry: what a viewer sees, how a review stands, what anyone may verify."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import jwt
from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from assets.datasets.models import DatasetVersion
from assets.datasets.states import VersionState
from assets.registry import rules
from assets.registry.models import Application, Certificate, Finding
from assets.registry.permissions import APPLY, REVIEW, VIEW_REGISTRY
from assets.registry.states import (
    OPEN_STATES,
    ApplicationState,
    CertificateState,
    CheckVerdict,
    Outcome,
)
from kernel import clock, numbers
from kernel.errors import NotFound
from kernel.models import Transition
from organizations.permissions import Actor
from organizations.states import OrganizationKind
from signing import services as signing
from web.desk import Figure, Todo
from web.finding import Hit

Text = str | Promise
AT_AUTHORITY = (
    ApplicationState.SUBMITTED,
    ApplicationState.ACCEPTED_FOR_REVIEW,
    ApplicationState.COMPLIANCE_REVIEW,
    ApplicationState.PUBLIC_NOTICE,
    ApplicationState.UNDER_OBJECTION,
)
"""States in which the authority has something to do, now or when a clock ends."""


# --- what a viewer sees -------------------------------------------------------------------------


def _scope(viewer: Actor, own: Q, authority: Q) -> Q | None:
    """Rows of the own organization, and those that authority or auditors see; None for nobody."""
    if viewer.is_system:
        return Q()
    found: Q | None = None
    if viewer.can(VIEW_REGISTRY):
        found = Q() if OrganizationKind.AUDITOR in viewer.kinds else own
    if viewer.can(REVIEW):
        found = authority if found is None else found | authority
    return found


def applications_visible_to(viewer: Actor) -> QuerySet[Application]:
    """The registrant's own; what was ever submitted for reviewers; everything for auditors."""
    scope = _scope(viewer, Q(registrant=viewer.organization), Q(submitted_at__isnull=False))
    if scope is None:
        return Application.objects.none()
    return Application.objects.select_related("registrant", "version__dataset", "reviewer").filter(scope)


def certificates_visible_to(viewer: Actor) -> QuerySet[Certificate]:
    """The holder's own; all for reviewers and auditors."""
    scope = _scope(viewer, Q(holder=viewer.organization), Q())
    if scope is None:
        return Certificate.objects.none()
    return Certificate.objects.select_related("holder", "version__dataset").filter(scope)


def application_for(viewer: Actor, application_id: UUID) -> Application:
    """One visible application; NotFound otherwise."""
    found = applications_visible_to(viewer).filter(pk=application_id).first()
    if found is None:
        raise NotFound
    return found


def review_queue(viewer: Actor) -> QuerySet[Application]:
    """What the authority must do, the nearest deadline first (order by `due_on`, `id`)."""
    if not viewer.can(REVIEW):
        return Application.objects.none()
    return applications_visible_to(viewer).filter(state__in=AT_AUTHORITY).exclude(due_on=None)


def certificate_by_number(number: str) -> Certificate | None:
    """The certificate of a number, whoever asks: everything a certificate says is public."""
    rows = Certificate.objects.select_related("holder", "version__dataset", "application")
    return rows.filter(number=number.strip().upper()).first()


def registrable_versions(viewer: Actor) -> QuerySet[DatasetVersion]:
    """Sealed versions of the own firm without an open application or a certificate in force."""
    if not viewer.can(APPLY):
        return DatasetVersion.objects.none()
    taken = Application.objects.filter(state__in=OPEN_STATES).values("version")
    certified = Certificate.objects.filter(state__in=("valid", "suspended")).values("version")
    rows = DatasetVersion.objects.select_related("dataset").filter(
        dataset__firm=viewer.organization, state=VersionState.SEALED
    )
    return rows.exclude(pk__in=taken).exclude(pk__in=certified).order_by("-sealed_at")


def history_of(*subjects: UUID) -> list[Transition]:
    """Every move of some things, oldest first."""
    return list(Transition.objects.filter(subject_id__in=subjects).order_by("at", "id"))


def verification_url(number: str) -> str:
    """The public address that a QR code leads to."""
    return f"{settings.SITE_URL}/verify/{number}/"


# --- completeness and review --------------------------------------------------------------------


def completeness(application: Application) -> list[rules.Missing]:
    """What the application lacks before it can be submitted."""
    return rules.completeness(
        rules.Dossier(
            title=application.title,
            use_case=application.use_case,
            source_statement=application.source_statement,
            rights=application.rights,
            classification=application.classification,
            legal_statement=application.legal_statement,
            is_sealed=application.version.state == VersionState.SEALED,
            is_verified=application.registrant.is_verified,
        )
    )


@dataclass(frozen=True, slots=True)
class CheckStand:
    """How one point of the checklist stands: judged by the platform, by a person, or not yet."""

    check: rules.Check
    verdict: str
    remark: Text = ""
    finding: Finding | None = None

    @property
    def holds(self) -> bool:
        return self.verdict in (CheckVerdict.PASS, CheckVerdict.NOT_APPLICABLE)

    @property
    def is_open(self) -> bool:
        return not self.verdict


def _automatic(check: rules.Check, application: Application) -> CheckStand:
    if check.code == "subject":
        holds = application.registrant.is_verified
        remark = gettext_lazy("单位已认证") if holds else gettext_lazy("单位尚未通过认证")
    else:
        assert check.code == "integrity", f"no automatic judgement for {check.code}"
        version = application.version
        holds = version.state == VersionState.SEALED and len(version.root_hash) == 64
        remark = gettext_lazy("版本已封版，根哈希在册") if holds else gettext_lazy("版本未封版或已撤回")
    return CheckStand(check, CheckVerdict.PASS if holds else CheckVerdict.FAIL, remark)


def standing(application: Application) -> list[CheckStand]:
    """Every point of the checklist, in order; verdicts from before the latest submission don't count."""
    since = application.submitted_at
    rows = (
        Finding.objects.filter(application=application).select_related("reviewer").order_by("found_at", "id")
    )
    latest = {row.check_code: row for row in rows if since is not None and row.found_at >= since}
    found = []
    for check in rules.CHECKLIST:
        row = latest.get(check.code)
        if check.is_automatic:
            found.append(_automatic(check, application))
        else:
            found.append(CheckStand(check, row.verdict if row else "", row.remark if row else "", row))
    return found


# --- public verification ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that was checked, and whether it holds."""

    label: Text
    holds: bool
    detail: Text = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of a verification. `certificate` is what the registry holds, when it holds one."""

    outcome: Outcome
    words: Text
    proofs: Sequence[Proof] = ()
    certificate: Certificate | None = None
    differing: Sequence[str] = field(default_factory=tuple)

    @property
    def is_valid(self) -> bool:
        return self.outcome == Outcome.VALID

    @property
    def claims(self) -> Mapping[str, Any]:
        return self.certificate.claims["certificate"] if self.certificate else {}


WORDS: Mapping[Outcome, Text] = {
    Outcome.VALID: gettext_lazy("证书有效。所登记的版本在有效期内，可以据此挂牌和交易。"),
    Outcome.NOT_YET_VALID: gettext_lazy("证书已签发，但有效期尚未开始。"),
    Outcome.EXPIRED: gettext_lazy("证书曾经有效，现已超过有效期。新的交易不能再以它为依据。"),
    Outcome.SUSPENDED: gettext_lazy("证书的效力已中止，登记机构正在核查。核查结束前请勿据此交易。"),
    Outcome.CHANGED: gettext_lazy("登记内容已变更，本证书由新证书取代。"),
    Outcome.TRANSFERRED: gettext_lazy("登记权利已转移，本证书由新证书取代。"),
    Outcome.RENEWED: gettext_lazy("证书已续展，本证书由新证书取代。"),
    Outcome.CANCELLED: gettext_lazy("持有人已主动注销本证书。"),
    Outcome.REVOKED: gettext_lazy("登记机构已撤销本证书，它不再有任何效力。"),
    Outcome.ALTERED: gettext_lazy(
        "您提交的内容与登记机构保存的不一致，请勿采信。下面列出登记机构保存的内容。"
    ),
    Outcome.UNKNOWN: gettext_lazy("登记机构没有签发过这样的证书。请核对编号，或向提供方索取原始文件。"),
}
MAXIMUM_BYTES = 5 * 1024 * 1024
"""Files above this size are not verified; our own certificates have about a hundred kilobytes."""
_NUMBER = re.compile(r"ZS-\d{4}-\d{7}-[0-9A-Z]")
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
TYPE = "certificate+jwt"


def _unknown(words: Text = "") -> Verdict:
    return Verdict(Outcome.UNKNOWN, words or WORDS[Outcome.UNKNOWN])


def _signed_claims(token: str) -> dict[str, Any] | None:
    """What a token of ours says, without the issuer; None when its signature does not hold."""
    try:
        if jwt.get_unverified_header(token).get("typ") != TYPE:
            return None
        found = signing.verify(token)
    except (signing.SignatureInvalid, jwt.PyJWTError):
        return None
    return {name: value for name, value in found.items() if name != "iss"}


def _registry_proofs(certificate: Certificate) -> list[Proof]:
    """Whether what the registry holds is what was signed."""
    signed = _signed_claims(certificate.token)
    held = certificate.claims
    told = held["certificate"]
    is_same = signed == held
    names_it = (
        told["number"] == certificate.number
        and told["asset"]["root_hash"] == certificate.version.root_hash
        and told["valid_from"] == certificate.valid_from.isoformat()
        and told["valid_until"] == certificate.valid_until.isoformat()
    )
    return [
        Proof(
            _("登记机构的数字签名"),
            signed is not None,
            _("密钥 %(key)s，公钥见 %(address)s")
            % {"key": certificate.key_id[:12], "address": "/.well-known/jwks.json"},
        ),
        Proof(_("登记内容与签名内容一致"), is_same and names_it),
    ]


def _verdict(
    certificate: Certificate, on: date, *, proofs: Sequence[Proof] = (), differing: Sequence[str] = ()
) -> Verdict:
    every = [*proofs, *_registry_proofs(certificate)]
    if not all(proof.holds for proof in every):
        outcome = Outcome.ALTERED
    else:
        outcome = rules.outcome_of(certificate.state, certificate.valid_from, certificate.valid_until, on)
    return Verdict(outcome, WORDS[outcome], every, certificate, differing)


def verify_number(number: str, *, on: date) -> Verdict:
    """What the registry says of a certificate number."""
    wanted = number.strip().upper()
    certificate = certificate_by_number(wanted)
    if certificate is not None:
        return _verdict(certificate, on)
    if _NUMBER.fullmatch(wanted) and not numbers.is_valid(wanted):
        return _unknown(_("编号的校验位不对，可能抄错了一个字符。请核对后重试。"))
    return _unknown()


def verify_token(token: str, *, on: date) -> Verdict:
    """What holds of a certificate in JWS form."""
    signed = _signed_claims(token)
    number = signed.get("jti") if signed is not None else _claimed_number(token)
    certificate = certificate_by_number(str(number or ""))
    if certificate is None:
        return _unknown()
    different = rules.differing(signed, certificate.claims) if signed is not None else []
    proofs = [Proof(_("您提交的签名"), signed is not None and not different)]
    return _verdict(certificate, on, proofs=proofs, differing=different)


def _claimed_number(token: str) -> str:
    """The number an unverified token claims, only to show what the registry really holds under it."""
    try:
        found = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        return ""
    return str(found.get("jti", ""))


def verify_json(body: Mapping[str, Any], *, on: date) -> Verdict:
    """What holds of a certificate in our JSON form: `claims` and `token` (either may stand alone)."""
    token, claims = body.get("token"), body.get("claims")
    if claims is None and "jti" in body:
        claims = body
    if isinstance(token, str) and not isinstance(claims, Mapping):
        return verify_token(token, on=on)
    if not isinstance(claims, Mapping):
        return _unknown(_("文件里没有证书内容。请上传从本平台下载的证书文件。"))
    certificate = certificate_by_number(str(claims.get("jti", "")))
    if certificate is None:
        return _unknown()
    different = rules.differing(dict(claims), certificate.claims)
    proofs = [
        Proof(
            _("您提交的内容与登记一致"),
            not different,
            _("不一致之处：%(members)s") % {"members": "、".join(different)} if different else "",
        )
    ]
    if isinstance(token, str):
        signed = _signed_claims(token)
        proofs.append(Proof(_("您提交的签名"), signed is not None and signed == certificate.claims))
    return _verdict(certificate, on, proofs=proofs, differing=different)


def verify_document(body: bytes, *, on: date) -> Verdict:
    """What holds of a certificate's PDF: it must be the very file that was issued."""
    digest = hashlib.sha256(body).hexdigest()
    rows = Certificate.objects.select_related("holder", "version__dataset", "application")
    certificate = rows.filter(document_sha256=digest).first()
    label = _("您提交的文件与签发的文件一致")
    if certificate is not None:
        return _verdict(certificate, on, proofs=[Proof(label, True, f"SHA-256 {digest[:16]}…")])
    named = _NUMBER.search(body.decode("latin-1"))
    claimed = certificate_by_number(named.group()) if named else None
    if claimed is None:
        return _unknown(_("这不是登记机构签发的证书文件，或它的编号无法辨认。请改用编号查询。"))
    return _verdict(claimed, on, proofs=[Proof(label, False, _("文件的 SHA-256 与签发时不同"))])


def verify_file(body: bytes, *, on: date) -> Verdict:
    """What holds of an uploaded certificate: PDF, JSON or JWT."""
    if body.startswith(b"%PDF"):
        return verify_document(body, on=on)
    try:
        text = body.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        return _unknown(_("无法读取这个文件。请上传证书的 PDF、JSON 或 JWT 文件。"))
    if _TOKEN.fullmatch(text):
        return verify_token(text, on=on)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return _unknown(_("无法读取这个文件。请上传证书的 PDF、JSON 或 JWT 文件。"))
    return verify_json(found, on=on) if isinstance(found, dict) else _unknown()


def verify(presented: str, *, on: date) -> Verdict:
    """What the registry says of a number or a token."""
    text = presented.strip()
    return verify_token(text, on=on) if _TOKEN.fullmatch(text) else verify_number(text, on=on)


def is_valid_on(certificate: Certificate, on: date) -> bool:
    """Whether the certificate is in force on a day, as far as is known now (for listing and trading)."""
    return (
        rules.outcome_of(certificate.state, certificate.valid_from, certificate.valid_until, on)
        == Outcome.VALID
    )


# --- desk and search ----------------------------------------------------------------------------


def todos(viewer: Actor) -> list[Todo]:
    """Returned and unfinished applications for registrants; the queue by deadline for the authority."""
    found: list[Todo] = []
    if viewer.can(APPLY) and viewer.organization is not None:
        mine = Application.objects.filter(registrant=viewer.organization, state__in=("draft", "returned"))
        for row in mine.order_by(F("due_on").asc(nulls_last=True), "id")[:10]:
            is_returned = row.state == ApplicationState.RETURNED
            words = _("补正登记申请：%(title)s") if is_returned else _("完成登记申请：%(title)s")
            address = reverse("registry:application", args=[row.pk])
            found.append(
                Todo(
                    words % {"title": row.title},
                    address,
                    row.decision_reason[:60],
                    row.due_on,
                    "stamp",
                    "amber" if is_returned else "blue",
                )
            )
    if viewer.can(REVIEW) and not viewer.is_system:
        today = clock.business_date(clock.now())
        waiting = review_queue(viewer).exclude(state=ApplicationState.PUBLIC_NOTICE, due_on__gte=today)
        for row in waiting.order_by("due_on", "id")[:10]:
            found.append(
                Todo(
                    _("%(turn)s：%(title)s")
                    % {"turn": rules.TURNS[ApplicationState(row.state)], "title": row.title},
                    reverse("registry:review", args=[row.pk]),
                    row.registrant.display_name,
                    row.due_on,
                    "stamp",
                )
            )
    return found


def figures(viewer: Actor) -> list[Figure]:
    """Certificates in force for firms; what waits for the authority."""
    found: list[Figure] = []
    if viewer.can(VIEW_REGISTRY) and not viewer.is_system:
        valid = certificates_visible_to(viewer).filter(state=CertificateState.VALID).count()
        found.append(Figure(_("有效登记证书"), valid, url=reverse("registry:list")))
    if viewer.can(REVIEW) and not viewer.is_system:
        found.append(Figure(_("在办登记申请"), waiting_count(viewer), url=reverse("registry:queue")))
    return found


def waiting_count(viewer: Actor) -> int:
    """How many applications the authority has in hand."""
    return review_queue(viewer).count()


def public_figures() -> list[Figure]:
    """Certificates in force, for the home page."""
    return [Figure(_("有效登记证书"), Certificate.objects.filter(state=CertificateState.VALID).count())]


def find(viewer: Actor, text: str) -> list[Hit]:
    """Certificates (by their public number, for anyone) and visible applications, by number or title."""
    wanted = text.upper()
    hits = []
    public = certificate_by_number(wanted)
    if public is not None:
        hits.append(
            Hit(
                public.title,
                reverse("registry:certificate", args=[public.number]),
                _("登记证书"),
                public.number,
                True,
            )
        )
    certificates = certificates_visible_to(viewer).filter(title__icontains=text).exclude(number=wanted)
    for certificate in certificates.order_by("-pk")[:5]:
        address = reverse("registry:certificate", args=[certificate.number])
        hits.append(Hit(certificate.title, address, _("登记证书"), certificate.number))
    rows = applications_visible_to(viewer).filter(Q(number=wanted) | Q(title__icontains=text))
    for row in rows.order_by("-pk")[:5]:
        address = reverse("registry:application", args=[row.pk])
        hits.append(Hit(row.title, address, _("登记申请"), row.number, row.number == wanted))
    return hits
