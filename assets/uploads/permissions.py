"""Who uploads dataset files: those who make datasets. API keys need the same scopes."""

from __future__ import annotations

from assets.datasets.permissions import MANAGE_DATASETS, VIEW_DATASETS

UPLOAD_FILES = MANAGE_DATASETS
VIEW_UPLOADS = VIEW_DATASETS
