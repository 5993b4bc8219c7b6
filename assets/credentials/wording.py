"""The sentences of a verification, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from assets.credentials.checking import Statement, Verdict
from assets.registry.states import CertificateState
from kernel.clock import SHANGHAI

Text = str | Promise

VERDICTS: Mapping[Verdict, tuple[Text, str, str]] = {
    Verdict.HOLDS: (_("相符"), "green", "check"),
    Verdict.FAILS: (_("不符"), "red", "x"),
    Verdict.UNTOLD: (_("此处无法判断"), "neutral", "circle-question-mark"),
}
"""Words, tone and icon of each verdict."""

LABELS: Mapping[str, Text] = {
    "number": _("编号校验位"),
    "known": _("登记机构有此证书"),
    "key": _("签发密钥在公布的公钥集中"),
    "signature": _("数字签名"),
    "issuer": _("签发者与密钥归属一致"),
    "unified_code": _("平台赋码校验位"),
    "content": _("内容与登记一致"),
    "document": _("文件与签发的文件一致"),
    "logged_document": _("文件的摘要已记入登记日志"),
    "period": _("在有效期内"),
    "revocation": _("未被撤销、注销或取代（状态列表）"),
    "suspension": _("效力未中止（状态列表）"),
    "state": _("登记机构此刻的记录为有效"),
    "base": _("所依据的证书此刻有效"),
    "log_head": _("登记日志的树头签名"),
    "inclusion": _("收录于登记日志"),
    "logged_state": _("日志最后一次记载为有效"),
    "manifest": _("数据清单"),
    "file": _("数据文件与清单一致"),
    "extra": _("清单之外的文件"),
    "root_hash": _("数据的根哈希与证书一致"),
    "label": _("标注结果与叶子一致"),
    "annotation": _("标注在版本的标注树中"),
    "annotations": _("标注树与数据清单一致"),
    "item": _("原始条目在数据清单中"),
    "certified": _("证书登记的就是这个版本与这棵标注树"),
}

REASONS: Mapping[str, Text] = {
    "mistyped": _("校验位不对，可能抄错了字符。"),
    "no_keys": _("没有公钥集，无法核对签名。"),
    "by_key": _("密钥 %(key)s"),
    "unknown_key": _("密钥 %(key)s 不在公布的公钥集中。"),
    "changed_after_signing": _("内容在签名之后被改动，或不是登记机构签发。"),
    "other_issuer": _("凭证写的签发者与密钥的归属不同。"),
    "no_period": _("没有写明有效期。"),
    "ahead": _("有效期尚未开始。"),
    "over": _("有效期已经届满。"),
    "no_status": _("凭证没有这一状态位。"),
    "no_list": _("手头没有这份状态列表：%(url)s"),
    "list_not_signed": _("状态列表的签名或用途不对。"),
    "list_unreadable": _("状态列表无法解读。"),
    "bit_set": _("状态列表（%(at)s）中该位已置位。"),
    "list_stale": _("状态列表（%(at)s）已过期，请重新下载。"),
    "bit_clear": _("依据 %(at)s 签署的状态列表。"),
    "head_unreadable": _("无法解读树头。"),
    "no_proof": _("没有树头或包含证明；签发一分钟后即可取得。"),
    "proof_unreadable": _("无法解读包含证明。"),
    "proof_broken": _("第 %(index)s 条的证明算不到这个树根。"),
    "not_in_log": _("日志里没有这份签名文本。"),
    "in_log": _("第 %(index)s 条，树的大小 %(size)s。"),
    "logged_state": _("日志记载的状态：%(state)s。"),
    "manifest_unreadable": _("不是本平台的数据清单，或清单损坏。"),
    "manifest_read": _("%(count)s 个文件，根哈希 %(root)s"),
    "no_manifest": _("没有 manifest.json，改由全部文件计算根哈希。"),
    "missing": _("缺少 %(path)s"),
    "changed": _("%(path)s 的内容被改动"),
    "more_files": _("另有 %(count)s 个文件不符。"),
    "all_files": _("%(count)s 个文件逐个核对无误。"),
    "not_covered": _("%(count)s 个文件不在登记范围内：%(paths)s"),
    "no_certificate": _("没有可比对的证书。算得根哈希 %(root)s"),
    "data_unknown": _("没有证书登记过根哈希 %(root)s"),
    "other_data": _("数据与证书登记的不同。算得根哈希 %(root)s"),
    "differs": _("不一致之处：%(members)s"),
    "not_known": _("登记机构没有签发过这样的证书。"),
    "now": _("当前状态：%(state)s。"),
    "base": _("证书 %(number)s：%(state)s。"),
    "other_document": _("文件的 SHA-256 与签发时不同。"),
    "document_not_in_log": _("登记日志中还没有这份证书文件的摘要。"),
    "same_document": _("SHA-256 %(digest)s…"),
    "no_result": _("证明中只有标注结果的摘要，没有结果本身。"),
    "other_label": _("标注结果的摘要与叶子不同，内容被改动。"),
    "in_tree": _("第 %(index)s 条，共 %(count)s 条。"),
    "not_in_tree": _("第 %(index)s 条算不到这个树根，叶子或路径被改动。"),
    "other_tree": _("标注树与清单记载的不同（%(count)s 条，树根 %(root)s）。"),
    "no_manifest_here": _("数据清单太大，没有随证明附上；请用数据包核对。"),
    "other_item": _("清单中没有这一条目，或摘要不同：%(path)s"),
    "no_credential": _("这个版本还没有证书。根哈希 %(root)s"),
    "other_version": _("凭证登记的是别的版本，不是根哈希 %(root)s"),
    "data_known": _("根哈希登记在证书 %(number)s 之下。"),
    "too_large": _("解压后超过 %(limit)s，请下载后用命令 qingshu verify 核对。"),
}


def label_of(statement: Statement) -> Text:
    """What was looked at."""
    return LABELS[statement.code]


def reason_of(statement: Statement) -> str:
    """What is to be said about it; empty when the verdict says all."""
    if not statement.reason:
        return ""
    values: dict[str, Any] = {name: str(value) for name, value in statement.values.items()}
    if values.get("state") in CertificateState.values:
        values["state"] = CertificateState(values["state"]).label
    if "at" in values:
        moment = datetime.fromisoformat(values["at"]).astimezone(SHANGHAI)
        values["at"] = f"{moment:%Y-%m-%d %H:%M}"
    return str(REASONS[statement.reason]) % values
