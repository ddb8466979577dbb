"""What the views are given by the composition root."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

import jinja2
from flask import current_app

from addin_host.domain.deployment import Deployment
from addin_host.domain.ports import (
    AdminIdentity,
    IdentityProvider,
    Installation,
    Outside,
    TemplateRendering,
    TemplateTrial,
)
from addin_host.flows import installation
from addin_host.flows.background import Background
from addin_host.flows.catalogue import Catalogue
from addin_host.flows.checks import Inspection
from addin_host.flows.personal_vmrs import RenderedVmrs
from addin_host.flows.scheduling.context import Scheduling
from addin_host.flows.tag_keys import TagKeys
from addin_host.flows.token_watch import TokenWatch
from addin_host.store.db import Database
from addin_host.store.secrets import SecretBox
from addin_host.web.assets import Assets

KEY = "addin_host"
MSAL = "vendor/msal-browser.min.js"  # placed by the installation (docs/sign-in.md), not part of the repository


@dataclass(frozen=True, slots=True)
class Services:
    """One frozen value per application; `bearer_keys` sign the pane's bearers, newest first.

    `checking` has threads of its own for the checks after a save: a program that saves a thousand integrations holds
    up nobody's import.
    """

    database: Database
    deployment: Deployment
    catalogue: Catalogue
    vmrs: RenderedVmrs
    box: SecretBox
    tag_keys: TagKeys
    bearer_keys: Sequence[bytes]
    identity: IdentityProvider
    admin_identity: AdminIdentity
    assets: Assets
    manifest_template: jinja2.Template
    trial: TemplateTrial
    rendering: TemplateRendering
    background: Background
    outside: Outside
    now: Callable[[], datetime]
    checking: Background = field(default_factory=lambda: Background(2))
    tokens: TokenWatch = field(default_factory=TokenWatch)

    @property
    def inspection(self) -> Inspection:
        """What the checks of integrations are carried out with."""
        return Inspection(
            database=self.database,
            box=self.box,
            deployment=self.deployment,
            probes=self.outside.probes,
            installation=self._installation(),
            trial=self.trial,
            manifest=self.manifest_template,
            open_mailbox=self.scheduling.open_mailbox,
            now=self.now,
            elapsed=time.monotonic,
        )

    @property
    def scheduling(self) -> Scheduling:
        """What the scheduling service works with."""
        return Scheduling(self.database, self.box, self.catalogue, self.tag_keys, self.outside, self.now)

    def _installation(self) -> Installation:
        proof, has_library = installation.prover(self.box), self.assets.has(MSAL)
        return Installation(self.assets.version, proof, has_nested_library=has_library)


def services() -> Services:
    """Return the services of the application that handles this request."""
    return cast(Services, current_app.extensions[KEY])
