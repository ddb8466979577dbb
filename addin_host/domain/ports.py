"""What the flows ask of the outside world. Gateways implement these; app.py wires them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from addin_host.domain.checks import Step, Verdict
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Mailboxes
from addin_host.domain.rooms import Platforms
from addin_host.domain.text import Remark, TemplateProblem


@dataclass(frozen=True, slots=True)
class Person:
    """Who a provider says has signed in (design/outlook.md 4.6).

    `path` is the way in (AZURE, ADFS, EXCHANGE, SSO, NAA); `subject` never changes for this person at this issuer;
    `email` is the address claim, which links a user once and decides nothing afterwards: blank where there is none.
    """

    path: str
    issuer: str
    subject: str
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """What is remembered between leaving for the provider and coming back. Every value is random and single use."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str


class IdentityProvider(Protocol):
    """Who an organizer is: by the authorization-code flow with PKCE in the dialog, or by a token that Outlook gave."""

    def authorization_url(self, integration: Integration, pending: PendingSignIn) -> str:
        """Return the address to send the browser to. Raises Misconfigured. Makes no outbound call."""
        ...

    def redeem(
        self, integration: Integration, pending: PendingSignIn, *, code: str, issuer: str | None, client_secret: str
    ) -> Person:
        """Exchange the code and verify the tokens. `issuer` is the `iss` response parameter when one was sent.

        Raises Refused (the tokens do not hold), Upstream (the provider does not answer) or Misconfigured.
        """
        ...

    def person_of(self, integration: Integration, token: str) -> Person:
        """Return whom an identity token from Outlook names, of a kind that the integration accepts.

        Raises Refused (it does not hold), Upstream (its keys cannot be had at the moment) or Misconfigured.
        """
        ...


@dataclass(frozen=True, slots=True)
class AdminProvider:
    """The OpenID Connect provider of the administrators, as the platform settings name it.

    `role_claim` is the claim that lists roles; dots lead into nested claims where no claim has the whole name.
    """

    issuer: str
    client_id: str
    scopes: str
    role_claim: str
    is_internal: bool = False
    ca_bundle: str = ""
    web_proxy: str = ""


@dataclass(frozen=True, slots=True)
class AdminPerson:
    """Which administrator a provider says has signed in; `subject` never changes for this person at this issuer."""

    issuer: str
    subject: str
    login: str
    name: str
    email: str
    roles: tuple[str, ...]


class AdminIdentity(Protocol):
    """The authorization-code flow with PKCE for administrators. `again` asks for a proof of this very moment."""

    def authorization_url(self, provider: AdminProvider, pending: PendingSignIn, *, again: bool) -> str:
        """Return the address to send the browser to. Raises Upstream or Misconfigured."""
        ...

    def redeem(
        self,
        provider: AdminProvider,
        pending: PendingSignIn,
        *,
        code: str,
        issuer: str | None,
        client_secret: str,
        again: bool,
    ) -> AdminPerson:
        """Exchange the code and verify the ID token; errors as for `IdentityProvider.redeem`."""
        ...


@dataclass(frozen=True, slots=True)
class TemplateCandidate:
    """A template that an administrator wants to save. `must_print` names a variable that its output must show."""

    source: str
    kind: str
    variables: tuple[str, ...]
    must_print: str | None = None


class TemplateTrial(Protocol):
    """Renders administrators' templates where they can do no harm, before they are accepted."""

    def __call__(self, candidates: Sequence[TemplateCandidate]) -> list[TemplateProblem | None]:
        """Return for each template what is wrong with it, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Installation:
    """How this installation is recognised from outside: the version of its static files, and the answer to a question.

    `proof` returns what the installation answers to a random nonce; nobody without its key can. `admin_host` is the
    host that administrators are meant to use, when one is set. `has_nested_library`: NAA tokens can be asked for.
    """

    assets_version: str
    proof: Callable[[str], str]
    admin_host: str = ""
    has_nested_library: bool = False


class Probing(Protocol):
    """The outward checks of one run; it remembers what the other servers said about the time."""

    def probe(self, step: Step) -> Verdict:
        """Carry a check out. It ends within `checks.STEP_SECONDS`, and raises nothing for what others do wrong."""
        ...


class Probes(Protocol):
    """Looks at an integration's neighbours from here."""

    def open(self, integration: Integration, *, web_proxy: str, installation: Installation) -> Probing:
        """Begin a run; nothing is called yet."""
        ...


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where messages are handed in. `security` is STARTTLS, TLS or NONE; no password is sent with NONE."""

    host: str
    port: int
    security: str
    username: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in plain text."""

    sender: str
    to: tuple[str, ...]
    subject: str
    text: str


class Mail(Protocol):
    """Hands messages to a mail server."""

    def send(self, server: MailServer, letter: Letter) -> None:
        """Hand a message in. Raises Upstream or Misconfigured."""
        ...


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook: its address, whether that may be inside the network, and the key that its messages are signed with."""

    url: str
    internal: bool = False
    key: str = ""
    web_proxy: str = ""


class Webhook(Protocol):
    """Posts to a webhook."""

    def post(self, hook: Hook, body: Mapping[str, Any]) -> None:
        """Post a JSON object. Raises Upstream or Misconfigured."""
        ...


@dataclass(frozen=True, slots=True)
class ServiceAccess:
    """What a sign-in service gave for a service account; access is for `seconds` from now.

    `refresh_token` is blank where the one before stays good; `names` are those that the service gives the account.
    """

    token: str
    seconds: int
    refresh_token: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceClient:
    """What an integration's application shows the sign-in service besides its settings."""

    secret: str = ""
    web_proxy: str = ""


class ServiceAccounts(Protocol):
    """Signing in as a service account that reads a mailbox, and renewing its access (scheduling.md section 12)."""

    def authorization_url(self, integration: Integration, pending: PendingSignIn) -> str:
        """Return the address to sign in at. Raises Misconfigured. Makes no outbound call."""
        ...

    def redeem(
        self, integration: Integration, pending: PendingSignIn, client: ServiceClient, *, code: str, issuer: str | None
    ) -> ServiceAccess:
        """Exchange the code; errors as for `IdentityProvider.redeem`."""
        ...

    def refresh(self, integration: Integration, client: ServiceClient, *, refresh_token: str) -> ServiceAccess:
        """Renew the access. Raises MailboxTrouble (SIGN_IN_NEEDED when the account has to sign in) or Misconfigured."""
        ...


@dataclass(frozen=True, slots=True)
class Outside:
    """What the flows reach beyond the sign-in services."""

    probes: Probes
    mail: Mail
    webhook: Webhook
    mailboxes: Mailboxes
    platforms: Platforms
    service_accounts: ServiceAccounts


@dataclass(frozen=True, slots=True)
class UnsavedText:
    """A text as it is being typed, and the values to print; `kind` is html_template, text_template or static_html."""

    source: str
    kind: str
    variables: tuple[str, ...]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RenderedText:
    """What became of it: sanitised `html` (blank for text templates), or a `problem`; `remarks` are about its HTML."""

    html: str = ""
    plain: str = ""
    problem: Remark | None = None
    remarks: tuple[Remark, ...] = ()


class TemplateRendering(Protocol):
    """Renders administrators' unsaved templates where they can do no harm."""

    def __call__(self, texts: Sequence[UnsavedText]) -> list[RenderedText]:
        """Return for each text what it becomes, in a few seconds at most, whatever they hold."""
        ...
