"""The XML add-in manifest: what it prints for an integration, and the checker of any such file."""

from addin_host.domain.manifest.checker import check_manifest
from addin_host.domain.manifest.context import (
    CutLabel,
    cut_at_word,
    functions,
    is_on,
    manifest_context,
    manifest_version,
    too_long_labels,
)
from addin_host.domain.manifest.difference import (
    ON_SEND,
    PHONES,
    SIGN_ON,
    Change,
    Fact,
    fact_at,
    manifest_changes,
    needs_deploying,
)
from addin_host.domain.manifest.finding import Expected, Finding, errors
from addin_host.domain.manifest.reading import MAX_BYTES

__all__ = [
    "MAX_BYTES",
    "ON_SEND",
    "PHONES",
    "SIGN_ON",
    "Change",
    "CutLabel",
    "Expected",
    "Fact",
    "Finding",
    "check_manifest",
    "cut_at_word",
    "errors",
    "fact_at",
    "functions",
    "is_on",
    "manifest_changes",
    "manifest_context",
    "manifest_version",
    "needs_deploying",
    "too_long_labels",
]
