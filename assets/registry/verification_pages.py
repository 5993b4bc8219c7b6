"""What the pages of a certificate and of its verification share: the throttle, the facts, the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from ninja.throttling import AnonRateThrottle

from assets.registry import rules, verification
from assets.registry.fingerprints import fingerprint
from assets.registry.models import Certificate, Licence
from assets.registry.states import Classification, Outcome
from kernel import clock
from kernel.errors import Refusal
from kernel.wording import listed
from web.parts import Fact


class TooManyChecks(Refusal):
    """One address asks too often."""

    code = "too_many_checks"
    message = gettext_lazy("查询过于频繁，请一分钟后再试。")
    status = 429


class _VerificationThrottle(AnonRateThrottle):
    """Thirty verifications a minute for each address, signed in or not."""

    scope = "verification"

    def get_cache_key(self, request: HttpRequest) -> str:
        return f"throttle_{self.scope}_{self.get_ident(request)}"


def throttle(request: HttpRequest) -> None:
    if not _VerificationThrottle("30/m").allow_request(request):
        raise TooManyChecks


TONES = {
    Outcome.VALID: "green",
    Outcome.SUSPENDED: "amber",
    Outcome.NOT_YET_VALID: "amber",
    Outcome.EXPIRED: "amber",
}
REPLACED = (Outcome.CHANGED, Outcome.TRANSFERRED, Outcome.RENEWED)


def _tone(outcome: Outcome) -> str:
    return TONES.get(outcome, "amber" if outcome in REPLACED else "red")


def verdict_context(verdict: verification.Verdict) -> dict[str, Any]:
    context: dict[str, Any] = {"verdict": verdict, "tone": _tone(verdict.outcome), "checked_at": clock.now()}
    if verdict.certificate is not None:
        context["facts"] = public_facts(verdict.certificate)
    if verdict.licence is not None:
        context["licence_facts"] = licence_facts(verdict.licence)
    return context


def _wrapped(digest: str) -> SafeString:
    """A digest that may break between groups of eight."""
    groups = format_html_join("", "{}<wbr>", ((digest[i : i + 8],) for i in range(0, len(digest), 8)))
    return format_html('<code class="hash" title="{}">{}</code>', digest, groups)


def _size(told: Mapping[str, Any]) -> str:
    """How much a certificate is about: samples, annotation results, or files."""
    asset, project = told.get("asset"), told.get("project")
    if asset:
        return _("%(rows)s 个样本，%(files)s 个文件") % {
            "rows": f"{asset['row_count']:,}",
            "files": f"{asset['file_count']:,}",
        }
    if project:
        return _("%(items)s 条原始数据，%(accepted)s 条标注通过验收") % {
            "items": f"{project['scope']['item_count']:,}",
            "accepted": f"{project['acceptance']['accepted_count']:,}",
        }
    return _("%(files)s 份登记材料") % {"files": len(told.get("files", []))}


def public_facts(certificate: Certificate) -> list[Fact]:
    """What a certificate says, in the reader's language."""
    told = certificate.claims["certificate"]
    level = Classification(told["classification"]).label if told["classification"] else "--"
    return [
        Fact(_("证书编号"), told["number"]),
        Fact(_("资产名称"), told["title"]),
        Fact(_("登记主体"), certificate.holder.display_name, told["holder"]["uscc"]),
        Fact(_("登记机构"), told["authority"]["name"]),
        Fact(_("资产类型"), rules.label_of_product_kind(told["product_kind"])),
        Fact(_("登记权利"), listed(rules.labels_of_rights(told["rights"]))),
        Fact(_("数据分级"), level),
        Fact(_("应用场景"), told["use_case"]),
        Fact(_("登记规模"), _size(told)),
        Fact(_("内容指纹（SHA-256）"), _wrapped(fingerprint(told))),
        Fact(_("有效期"), f"{told['valid_from']} — {told['valid_until']}"),
    ]


def licence_facts(licence: Licence) -> list[Fact]:
    """What the register says of a licence."""
    told = licence.claims["licence"]
    return [
        Fact(_("许可登记编号"), told["number"]),
        Fact(_("资产名称"), told["title"]),
        Fact(_("所涉证书"), told["certificate"]),
        Fact(_("许可方"), told["licensor"]["name"], told["licensor"]["uscc"]),
        Fact(_("被许可方"), told["licensee"]["name"], told["licensee"]["uscc"]),
        Fact(_("登记机构"), told["authority"]["name"]),
        Fact(_("许可范围"), told["scope"]),
        Fact(_("有效期"), f"{told['valid_from']} — {told['valid_until']}"),
    ]
