"""The first page: everything at one glance."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import urlsplit

from flask import Blueprint, render_template

from addin_host.domain.chart import bars, ceiling_of
from addin_host.domain.integration import OFFICE_JS
from addin_host.flows.overview import Overview, overview
from addin_host.flows.usage import Happening
from addin_host.store import revision
from addin_host.web.access import caller
from addin_host.web.admission import needs
from addin_host.web.headers import page_kind
from addin_host.web.services import services

blueprint = Blueprint("admin_dashboard", __name__, url_prefix="/admin")

_WIDTH, _HEIGHT = 600, 120
_SERIES = ((Happening.SIGN_IN, "Sign-ins"), (Happening.INSERTION, "Insertions"))


@blueprint.get("/")
@page_kind("admin")
@needs(None)
def page() -> str:
    """Answer with the dashboard of the administrator who asks."""
    host = services()
    with host.database.read() as db:
        found = overview(
            db,
            caller=caller(),
            template=host.manifest_template,
            deployment=host.deployment,
            now=host.now(),
        )
    series = [[day[kind] for day in found.days] for kind, _label in _SERIES]
    return render_template(
        "admin/dashboard/page.html",
        found=found,
        now=host.now(),
        bars=bars(series, width=_WIDTH, height=_HEIGHT),
        width=_WIDTH,
        height=_HEIGHT,
        top=ceiling_of(max(map(max, series))),
        totals=[(label, sum(numbers)) for (_kind, label), numbers in zip(_SERIES, series, strict=True)],
        refusals=sum(day[Happening.REFUSAL] for day in found.days),
        kinds=Happening,
        versions=_versions(found),
    )


def _versions(found: Overview) -> list[tuple[str, str]]:
    return [
        ("addin-host", _program()),
        ("Database schema", revision.NEEDED),
        ("Python", platform.python_version()),
        ("Database", found.database),
        ("Office.js from", ", ".join(_office_sources(found))),
    ]


@cache
def _program() -> str:
    try:
        return version("addin-host")
    except PackageNotFoundError:
        return "not installed as a package"


def _office_sources(found: Overview) -> list[str]:
    if services().deployment.stand_in:
        return ["the demo's stand-in"]
    addresses = [line.integration.office_js_url for line in found.integrations] or [OFFICE_JS]
    return list(dict.fromkeys(urlsplit(address).netloc for address in addresses))
