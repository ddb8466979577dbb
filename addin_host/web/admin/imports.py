"""Importing a file into the directory: preview, progress, report."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("admin_imports", __name__, url_prefix="/admin/imports")
