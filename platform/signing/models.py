"""Public halves of the signing keys, kept for ever so that old certificates still verify."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.records import Record


class PublishedKey(Record):
    """One published verification key. `kid` is the RFC 7638 thumbprint of `jwk`."""

    kid = models.CharField(_("密钥编号"), max_length=64, unique=True)
    algorithm = models.CharField(_("算法"), max_length=16)
    jwk = models.JSONField(_("公钥"))
    retired_at = models.DateTimeField(_("停用时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("公布的公钥")
        verbose_name_plural = _("公布的公钥")

    def __str__(self) -> str:
        return self.kid
