"""An integration as the rest of the house reads it: one frozen value per stored version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from addin_host.domain.service_account import is_used

OFFICE_JS = "https://appsforoffice.microsoft.com/lib/1/hosted/office.js"


@dataclass(frozen=True, slots=True)
class Integration:
    """One configured integration.

    `values` holds every field of the table except secrets and the icon; `origin` is the public scheme, host and port
    that all addresses are built from; `version` rises with every save.
    """

    id: int
    version: int
    values: Mapping[str, Any]
    origin: str
    icon_hash: str = ""
    secrets_set: frozenset[str] = field(default_factory=frozenset)

    def __getitem__(self, name: str) -> Any:
        """Return one field's value by its name in the table."""
        return self.values[name]

    @property
    def uuid(self) -> str:
        """The stable identity, used as the add-in's id in the manifest."""
        return str(self.values["uuid"])

    @property
    def fqdn(self) -> str:
        """The host name of the add-in content, in lower case."""
        return str(self.values["addin_server_domain"]).lower()

    @property
    def base_url(self) -> str:
        """Where the add-in of this integration lives, without a trailing slash."""
        return f"{self.origin}/api/client/v2/msexchange_schedulers/{self.id}"

    @property
    def pane_url(self) -> str:
        """The task pane's address, the manifest's first SourceLocation, which Exchange's tokens are made out to."""
        return f"{self.base_url}/pane"

    @property
    def application_id_uri(self) -> str:
        """The Application ID URI that Office's single sign-on asks tokens for: host name and application."""
        return f"api://{self.fqdn}/{self['addin_application_id']}"

    @property
    def office_js_url(self) -> str:
        """The address that Office.js is loaded from."""
        return str(self["office_js_url"]) if self["use_custom_add_in_sources"] else OFFICE_JS

    @property
    def script_urls(self) -> tuple[str, ...]:
        """Scripts that are loaded before Office.js."""
        return self.lines("additional_add_in_script_sources") if self["use_custom_add_in_sources"] else ()

    @property
    def style_urls(self) -> tuple[str, ...]:
        """Style sheets that are loaded before ours."""
        return (
            (str(self["microsoft_fabric_url"]), str(self["microsoft_fabric_components_url"]))
            if self["use_custom_add_in_sources"]
            else ()
        )

    @property
    def uses_service_account(self) -> bool:
        """Whether its mailbox is read as a service account that signs in over OAuth."""
        return is_used(self.values)

    def lines(self, name: str) -> tuple[str, ...]:
        """Return the entries of a field that holds one entry per line, blank lines dropped."""
        return tuple(line.strip() for line in str(self[name] or "").splitlines() if line.strip())


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address, as browsers write an origin."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
