"""Deploying an integration: its manifest, and what became of the one that was downloaded."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from jinja2 import Template
from sqlalchemy.orm import Session

from addin_host.domain.access import Caller, Permission
from addin_host.domain.deploy import Download, Verdict, judge
from addin_host.domain.errors import Reason, Refused
from addin_host.domain.integration import Integration
from addin_host.domain.manifest import (
    Change,
    errors,
    fact_at,
    manifest_changes,
    manifest_version,
    needs_deploying,
    too_long_labels,
)
from addin_host.flows import audit
from addin_host.flows.audit import Subject
from addin_host.flows.manifest import Judged, judge_manifest, print_manifest
from addin_host.store.models import ManifestDownloadRow
from addin_host.store.upsert import upsert

_VERSION = re.compile("<Version>([0-9.]{1,23})</Version>")


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know about the manifest; `field` is the one to change, when there is one."""

    message: str
    is_error: bool
    field: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Deployable:
    """An integration's manifest as it is now, and against the one that was downloaded last."""

    file: str
    version: str
    remarks: Sequence[Remark]
    verdict: Verdict
    last: Download | None
    changes: Sequence[Change]

    @property
    def is_usable(self) -> bool:
        """Whether the manifest may be downloaded."""
        return not any(remark.is_error for remark in self.remarks)


def deployable(session: Session, template: Template, integration: Integration) -> Deployable:
    """Return what the page about deploying tells of an integration."""
    judged = judge_manifest(template, integration)
    row = session.get(ManifestDownloadRow, integration.id)
    last = _download_of(row) if row else None
    changes = manifest_changes(row.manifest.encode(), judged.xml) if row else []
    return Deployable(
        file=file_name(integration),
        version=manifest_version(integration.version),
        remarks=[*_remarks(judged), *_cut_labels(integration)],
        verdict=judge(usable=judged.is_usable, last=last, changes=changes),
        last=last,
        changes=changes,
    )


def _download_of(row: ManifestDownloadRow) -> Download:
    return Download(row.downloaded_at, row.downloaded_by, version_in(row.manifest))


def version_in(manifest: str) -> str:
    """Return the Version that a manifest of ours says."""
    found = _VERSION.search(manifest)
    return found[1] if found else ""


def still_deployed(template: Template, integration: Integration, downloaded: str) -> bool:
    """Whether a manifest that was downloaded says all that Outlook should know now. Nothing is checked, so it is quick.

    Raises Misconfigured when the template cannot be used.
    """
    now = print_manifest(template, integration)
    if _VERSION.sub("", now.decode()) == _VERSION.sub("", downloaded):
        return True
    return not needs_deploying(manifest_changes(downloaded.encode(), now))


def _remarks(judged: Judged) -> Iterator[Remark]:
    severe = set(errors(judged.findings))
    for finding in judged.findings:
        fact = fact_at(judged.xml, finding)
        yield Remark(finding.message, finding in severe, fact.field if fact else "", fact.label if fact else "")


def _cut_labels(integration: Integration) -> Iterator[Remark]:
    for cut in too_long_labels(integration):
        yield Remark(str(cut).removeprefix(f"{cut.label}: "), False, cut.field, cut.label)


def file_name(integration: Integration) -> str:
    """Return a name for the downloaded manifest that tells the integration and the version, in plain letters."""
    plain = unicodedata.normalize("NFKD", str(integration["name"])).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-") or f"integration-{integration.id}"
    return f"{name}-{manifest_version(integration.version)}.xml"


def usable_manifest(template: Template, integration: Integration) -> bytes:
    """Return the manifest. Raises Refused when Outlook would not take it."""
    judged = judge_manifest(template, integration)
    if not judged.is_usable:
        found = "\n".join(str(finding) for finding in errors(judged.findings))
        raise Refused(Reason.CONFLICT, f"Outlook would refuse this manifest. Correct this first:\n{found}")
    return judged.xml


def download(session: Session, template: Template, integration: Integration, *, caller: Caller, now: datetime) -> bytes:
    """Return the manifest and remember that it was downloaded. Raises Refused when Outlook would not take it."""
    caller.require(Permission.SEE_INTEGRATIONS)
    caller.require_reach(integration.id)
    xml = usable_manifest(template, integration)
    remembered = {
        "downloaded_at": now,
        "downloaded_by": caller.name[:250],
        "version": integration.version,
        "manifest": xml.decode(),
    }
    upsert(session, ManifestDownloadRow, {"integration_id": integration.id}, remembered, remembered)
    subject = Subject("integration", integration.id, str(integration["name"]), integration.id)
    version = manifest_version(integration.version)
    audit.record(session, caller, "download manifest", subject, now=now, after={"version": version})
    return xml
