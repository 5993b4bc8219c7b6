"""What anyone may verify: a number, a signed text, a certificate file against what the registry holds."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import jwt
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from assets.registry import rules
from assets.registry.fingerprints import fingerprint
from assets.registry.models import Certificate, Licence
from assets.registry.selectors import certificate_by_number, licence_by_number, standing_of_licence
from assets.registry.states import Outcome
from kernel import numbers
from kernel.wording import listed
from signing import services as signing

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that was checked, and whether it holds."""

    label: Text
    holds: bool
    detail: Text = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of a verification. `certificate` or `licence` is what the registry holds, when it holds one."""

    outcome: Outcome
    words: Text
    proofs: Sequence[Proof] = ()
    certificate: Certificate | None = None
    differing: Sequence[str] = field(default_factory=tuple)
    licence: Licence | None = None

    @property
    def is_valid(self) -> bool:
        return self.outcome == Outcome.VALID

    @property
    def claims(self) -> Mapping[str, Any]:
        return self.certificate.claims["certificate"] if self.certificate else {}

    @property
    def licence_claims(self) -> Mapping[str, Any]:
        return self.licence.claims["licence"] if self.licence else {}


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
LICENCE_WORDS: Mapping[Outcome, Text] = {
    Outcome.VALID: gettext_lazy("许可有效：在期限内，所依据的证书有效。使用不得超出登记的范围。"),
    Outcome.NOT_YET_VALID: gettext_lazy("许可已登记，但期限尚未开始。"),
    Outcome.EXPIRED: gettext_lazy("许可的期限已过，或所依据的证书已过有效期。"),
    Outcome.ALTERED: WORDS[Outcome.ALTERED],
    Outcome.UNKNOWN: gettext_lazy("登记机构没有登记过这样的许可。请核对编号，或向提供方索取原始文件。"),
}
LICENCE_WITHOUT_GROUND = gettext_lazy("许可所依据的证书此刻无效，许可随之失去依据，请勿据此使用。")
MAXIMUM_BYTES = 5 * 1024 * 1024
"""Files above this size are not verified; our own certificates have about a hundred kilobytes."""
_NUMBER = re.compile(r"ZS-\d{4}-\d{7}-[0-9A-Z]")
_LICENCE_NUMBER = re.compile(r"XK-\d{4}-\d{7}-[0-9A-Z]")
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
TYPE = "certificate+jwt"
LICENCE_TYPE = "licence+jwt"


def _unknown(words: Text = "") -> Verdict:
    return Verdict(Outcome.UNKNOWN, words or WORDS[Outcome.UNKNOWN])


def type_of(token: str) -> str:
    """What a token says it is; nothing of it is trusted yet."""
    try:
        return str(jwt.get_unverified_header(token).get("typ", ""))
    except jwt.PyJWTError:
        return ""


def _signed_claims(token: str, type_: str = TYPE) -> dict[str, Any] | None:
    """What a token of ours says, without the issuer; None when its signature does not hold."""
    try:
        if type_of(token) != type_:
            return None
        found = signing.verify(token)
    except (signing.SignatureInvalid, jwt.PyJWTError):
        return None
    return {name: value for name, value in found.items() if name != "iss"}


def _fingerprint(certificate: Certificate) -> str:
    """What identifies the registered thing: a version's own root hash, else what was signed of it."""
    if certificate.version is not None:
        return certificate.version.root_hash
    return fingerprint(certificate.claims["certificate"])


def _registry_proofs(certificate: Certificate) -> list[Proof]:
    """Whether what the registry holds is what was signed."""
    signed = _signed_claims(certificate.token)
    held = certificate.claims
    told = held["certificate"]
    is_same = signed == held
    names_it = (
        told["number"] == certificate.number
        and fingerprint(told) == _fingerprint(certificate)
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
    if _LICENCE_NUMBER.fullmatch(wanted):
        return _licence_number(wanted, on)
    certificate = certificate_by_number(wanted)
    if certificate is not None:
        return _verdict(certificate, on)
    if _NUMBER.fullmatch(wanted) and not numbers.is_valid(wanted):
        return _unknown(_("编号的校验位不对，可能抄错了一个字符。请核对后重试。"))
    return _unknown()


def verify_token(token: str, *, on: date) -> Verdict:
    """What holds of a certificate, or of a licence, in JWS form."""
    if type_of(token) == LICENCE_TYPE:
        return _licence_token(token, on)
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


# --- licences -----------------------------------------------------------------------------------


def _licence_proofs(licence: Licence) -> list[Proof]:
    """Whether the registry's row is what was signed."""
    signed, told = _signed_claims(licence.token, LICENCE_TYPE), licence.claims["licence"]
    names_it = (
        told["number"] == licence.number
        and told["scope"] == licence.scope
        and told["certificate"] == licence.certificate.number
        and told["valid_from"] == licence.valid_from.isoformat()
        and told["valid_until"] == licence.valid_until.isoformat()
    )
    return [
        Proof(_("登记机构的数字签名"), signed is not None),
        Proof(_("登记内容与签名内容一致"), signed == licence.claims and names_it),
    ]


def outcome_of_base(licence: Licence, on: date) -> tuple[Certificate, Outcome]:
    """The certificate a licence rests on, through change, transfer and renewal, and what holds of it on a day."""
    base = standing_of_licence(licence)
    return base, rules.outcome_of(base.state, base.valid_from, base.valid_until, on)


def _licence_verdict(
    licence: Licence, on: date, *, proofs: Sequence[Proof] = (), differing: Sequence[str] = ()
) -> Verdict:
    base, ground = outcome_of_base(licence, on)
    every = [*proofs, *_licence_proofs(licence)]
    is_sound = all(proof.holds for proof in every)
    label = _("所依据的证书 %(number)s 有效") % {"number": base.number}
    every.append(Proof(label, ground == Outcome.VALID, ground.label))
    if not is_sound:
        outcome = Outcome.ALTERED
    elif ground != Outcome.VALID:
        outcome = ground
    else:
        outcome = rules.outcome_of("valid", licence.valid_from, licence.valid_until, on)
    words = LICENCE_WORDS.get(outcome, LICENCE_WITHOUT_GROUND)
    return Verdict(outcome, words, every, differing=differing, licence=licence)


def _licence_number(number: str, on: date) -> Verdict:
    licence = licence_by_number(number)
    if licence is not None:
        return _licence_verdict(licence, on)
    if not numbers.is_valid(number):
        return _unknown(_("编号的校验位不对，可能抄错了一个字符。请核对后重试。"))
    return _unknown(LICENCE_WORDS[Outcome.UNKNOWN])


def _licence_token(token: str, on: date) -> Verdict:
    signed = _signed_claims(token, LICENCE_TYPE)
    number = signed.get("jti") if signed is not None else _claimed_number(token)
    licence = licence_by_number(str(number or ""))
    if licence is None:
        return _unknown(LICENCE_WORDS[Outcome.UNKNOWN])
    different = rules.differing(signed, licence.claims) if signed is not None else []
    proofs = [Proof(_("您提交的签名"), signed is not None and not different)]
    return _licence_verdict(licence, on, proofs=proofs, differing=different)


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
            _("不一致之处：%(members)s") % {"members": listed(different)} if different else "",
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
