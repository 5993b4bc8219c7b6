"""Uploads of dataset files: the session, where its files come from, the files, and the content kept."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from assets.datasets.models import Dataset, DatasetVersion
from assets.uploads import rules
from assets.uploads.states import UPLOAD, FileState, UploadState
from kernel.records import Record
from kernel.states import StateField

# What a sealed version came from never changes afterwards: it is the walk back to source and authorisation.
_FIXED_ONCE_SEALED = pgtrigger.Trigger(
    name="fixed_once_sealed",
    operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
    when=pgtrigger.Before,
    func="""
        IF (SELECT state FROM uploads_upload
            WHERE id = CASE WHEN TG_OP = 'INSERT' THEN NEW.upload_id ELSE OLD.upload_id END) = 'sealed' THEN
            RAISE EXCEPTION 'a sealed upload never changes';
        END IF;
        IF TG_OP = 'DELETE' THEN
            RETURN OLD;
        END IF;
        RETURN NEW;
    """,
)


class Upload(Record):
    """One session that brings files for the next version of a dataset; may last days and break off.

    `slot_count`: how many places under the session's own prefix in the store were given out; `job` is the
    work that checks and seals, `version` what became of it.
    """

    number = models.CharField(_("上传编号"), max_length=24, unique=True)
    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="uploads")
    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    created_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("创建时间"))
    touched_at = models.DateTimeField(_("最近活动"))
    slot_count = models.PositiveIntegerField(default=0)
    job = models.ForeignKey("jobs.Job", models.PROTECT, null=True, related_name="+")
    version = models.ForeignKey(DatasetVersion, models.PROTECT, null=True, related_name="uploads")
    state = StateField(states=UploadState)

    class Meta:
        verbose_name = _("数据上传")
        verbose_name_plural = _("数据上传")
        constraints = [
            UPLOAD.constraint(),
            models.CheckConstraint(
                condition=~models.Q(state="sealed") | models.Q(version__isnull=False),
                name="upload_sealed_has_version",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="sealed_fixed", operation=pgtrigger.Update, condition=pgtrigger.Q(old__state="sealed")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset.name} ({self.number})"

    @property
    def prefix(self) -> str:
        """Where the session's files wait in the store until they are checked."""
        return f"arriving/uploads/{self.pk}/"


class SourceBatch(Record):
    """Where some files of an upload come from and by what right they are used."""

    upload = models.ForeignKey(Upload, models.PROTECT, related_name="batches")
    ordinal = models.PositiveIntegerField(_("批次"))
    source = models.TextField(_("数据来源"))
    licence = models.CharField(_("来源许可"), max_length=200)
    is_self_produced = models.BooleanField(_("本单位自产"), default=False)
    authorisation = models.ForeignKey(
        "documents.Document", models.PROTECT, null=True, blank=True, related_name="+"
    )
    collected_from = models.DateField(_("采集起日"), null=True, blank=True)
    collected_to = models.DateField(_("采集止日"), null=True, blank=True)
    created_at = models.DateTimeField(_("创建时间"))

    class Meta:
        verbose_name = _("来源批次")
        verbose_name_plural = _("来源批次")
        constraints = [
            models.UniqueConstraint(fields=["upload", "ordinal"], name="source_batch_ordinal_once"),
            models.CheckConstraint(
                condition=~models.Q(source="") & ~models.Q(licence=""), name="source_batch_told"
            ),
            models.CheckConstraint(
                condition=models.Q(is_self_produced=True) | models.Q(authorisation__isnull=False),
                name="source_batch_authorised",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            _FIXED_ONCE_SEALED,
        ]

    def __str__(self) -> str:
        return f"{self.upload.number} #{self.ordinal}"


class StoredContent(Record):
    """Bytes that an organization holds, once; checked by the server and never replaced.

    Nothing is shared between organizations, so nobody learns by announcing a hash what another one holds.
    `readings`: what each reader (rules.Kind.reader) found in it, or the fault it found.
    """

    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    sha256 = models.CharField("SHA-256", max_length=64)
    size = models.BigIntegerField(_("字节数"))
    object_key = models.CharField(max_length=300)
    readings = models.JSONField(default=dict)
    created_at = models.DateTimeField(_("创建时间"))

    class Meta:
        verbose_name = _("已存内容")
        verbose_name_plural = _("已存内容")
        constraints = [
            models.UniqueConstraint(fields=["organization", "sha256"], name="content_once_per_organization")
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="bytes_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("organization", "sha256", "size", "object_key"),
            ),
        ]

    def __str__(self) -> str:
        return self.sha256


class UploadFile(models.Model):
    """One file of an upload. `slot` is its place under the upload's prefix, shared by equal content; 0 when the
    content is held already. `code` and `words` say why it was refused; `is_read`: it was looked into since it arrived.
    """

    upload = models.ForeignKey(Upload, models.PROTECT, related_name="files")
    batch = models.ForeignKey(SourceBatch, models.PROTECT, related_name="files")
    path = models.CharField(_("路径"), max_length=400)
    path_key = models.CharField(max_length=64)
    size = models.BigIntegerField(_("字节数"))
    sha256 = models.CharField("SHA-256", max_length=64)
    slot = models.PositiveIntegerField(default=0)
    parts_id = models.CharField(max_length=300, blank=True)
    content = models.ForeignKey(StoredContent, models.PROTECT, null=True, related_name="+")
    code = models.CharField(max_length=40, blank=True)
    words = models.JSONField(default=dict)
    is_read = models.BooleanField(default=False)
    state = models.CharField(_("状态"), max_length=16, choices=FileState.choices, default=FileState.ANNOUNCED)

    class Meta:
        verbose_name = _("上传文件")
        verbose_name_plural = _("上传文件")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=sorted(FileState.values)), name="upload_file_state_known"
            ),
            models.CheckConstraint(condition=models.Q(size__gt=0), name="upload_file_not_empty"),
            models.CheckConstraint(
                condition=~models.Q(state="verified") | models.Q(content__isnull=False),
                name="upload_file_verified_has_content",
            ),
            models.UniqueConstraint(fields=["upload", "path_key"], name="upload_path_once"),
        ]
        indexes = [
            models.Index(fields=["upload", "sha256"], name="upload_file_sha256"),
            models.Index(fields=["upload", "state", "id"], name="upload_file_state"),
            models.Index(fields=["upload", "path"], name="upload_file_path"),
        ]
        triggers = [_FIXED_ONCE_SEALED]

    def __str__(self) -> str:
        return self.path

    @property
    def waiting_key(self) -> str:
        """Where its bytes wait until they are checked."""
        return slot_key(self.upload_id, self.slot)

    @property
    def fault(self) -> str:
        """Why it was refused and what to do, in the reader's language."""
        return rules.sentence(self.code, self.words)


def slot_key(upload_id: object, slot: int) -> str:
    """The key of one place under an upload's prefix; keys sort as the slots do."""
    return f"arriving/uploads/{upload_id}/{slot:08d}"
