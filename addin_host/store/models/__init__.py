"""The tables. Rows stay in flows and store; what crosses a floor is a frozen value."""

from addin_host.store.models.accounts import (
    AccountRow,
    AdminSessionRow,
    AdminSignInRow,
    ApiUserRow,
    FailureRow,
    SetupLinkRow,
)
from addin_host.store.models.declared import Model, UtcDateTime
from addin_host.store.models.directory import (
    ConferenceAliasRow,
    ConferenceRow,
    EndUserRow,
    IdentityProviderGroupRow,
    ImportJobRow,
    IvrThemeRow,
    UserSubjectRow,
)
from addin_host.store.models.integration import (
    ExchangeDomainRow,
    IntegrationRow,
    IntegrationSecretRow,
    ManifestDownloadRow,
    PreviewDraftRow,
    UsageRow,
)
from addin_host.store.models.platform import (
    AlarmRow,
    AuditRow,
    CheckRunRow,
    IdempotencyRow,
    MarkRow,
    PlatformSettingRow,
    RequestCountRow,
)
from addin_host.store.models.scheduling import ScheduledAliasRow, SeenTokenRow, TagKeyRow
from addin_host.store.models.signin import DialogSessionRow, PendingSignInRow, SignInResultRow

__all__ = [
    "AccountRow",
    "AdminSessionRow",
    "AdminSignInRow",
    "AlarmRow",
    "ApiUserRow",
    "AuditRow",
    "CheckRunRow",
    "ConferenceAliasRow",
    "ConferenceRow",
    "DialogSessionRow",
    "EndUserRow",
    "ExchangeDomainRow",
    "FailureRow",
    "IdempotencyRow",
    "IdentityProviderGroupRow",
    "ImportJobRow",
    "IntegrationRow",
    "IntegrationSecretRow",
    "IvrThemeRow",
    "ManifestDownloadRow",
    "MarkRow",
    "Model",
    "PendingSignInRow",
    "PlatformSettingRow",
    "PreviewDraftRow",
    "RequestCountRow",
    "ScheduledAliasRow",
    "SeenTokenRow",
    "SetupLinkRow",
    "SignInResultRow",
    "TagKeyRow",
    "UsageRow",
    "UserSubjectRow",
    "UtcDateTime",
]
