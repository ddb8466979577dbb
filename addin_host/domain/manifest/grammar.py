"""What a mail add-in manifest may hold, as three tables: base, overrides 1.0 and 1.1 (design/outlook.md 1.1, 1.2).

One line per element: `KEY @attribute:kind … =kind-of-text > children in order`. A child, or an attribute's name, ends
in `?` (may be absent), `+` (one or more) or `*` (any number). KEY is the element's name, with its xsi:type in brackets
where the type decides, and with its parent in front where the place decides. Kinds are explained in values.py;
`{A|B}` is a choice, `resid-KIND` refers to a resource of that kind, and `any` is not looked into.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

XSI = "http://www.w3.org/2001/XMLSchema-instance"
BASIC_TYPES = "http://schemas.microsoft.com/office/officeappbasictypes/1.0"

_BASE = """
OfficeApp[MailApp] > Id AlternateId? Version ProviderName DefaultLocale DisplayName Description IconUrl? \
    HighResolutionIconUrl? SupportUrl? AppDomains? Hosts Requirements FormSettings Permissions? Rule \
    DisableEntityHighlighting? VersionOverrides?
Id =uuid
AlternateId =short
Version =version
ProviderName =short
DefaultLocale =locale
DisplayName @DefaultValue:short > Override*
DisplayName/Override @Locale:locale @Value:short
Description @DefaultValue:long > Override*
Description/Override @Locale:locale @Value:long
IconUrl @DefaultValue:url > Override*
HighResolutionIconUrl @DefaultValue:url > Override*
SupportUrl @DefaultValue:url > Override*
Override @Locale:locale @Value:url
AppDomains > AppDomain+
AppDomain =origin
Hosts > Host
Host @Name:{Mailbox}
Requirements > Sets
Sets @DefaultMinVersion?:set-version > Set+
Set @Name:set-name @MinVersion?:set-version
FormSettings > Form+
Form[ItemRead] > DesktopSettings TabletSettings? PhoneSettings?
Form[ItemEdit] > DesktopSettings TabletSettings? PhoneSettings?
Form[ItemRead]/DesktopSettings > SourceLocation RequestedHeight?
Form[ItemRead]/TabletSettings > SourceLocation RequestedHeight?
DesktopSettings > SourceLocation
TabletSettings > SourceLocation
PhoneSettings > SourceLocation
SourceLocation @DefaultValue:url > Override*
RequestedHeight =height
Permissions ={Restricted|ReadItem|ReadWriteItem|ReadWriteMailbox}
Rule[ItemIs] @ItemType:{Message|Appointment} @FormType:{Read|Edit|ReadOrEdit} @ItemClass?:text @IncludeSubClasses?:bool
Rule[RuleCollection] @Mode:{And|Or} > Rule+
DisableEntityHighlighting =bool
"""

_ROOT_1_0 = """
VersionOverrides[VersionOverridesV1_0] > Description? Requirements? Hosts Resources VersionOverrides?
"""

_OVERRIDES = """
Description @resid:resid-long
Requirements > bt:Sets
bt:Sets @DefaultMinVersion?:set-version > bt:Set+
bt:Set @Name:set-name @MinVersion?:set-version
Hosts > Host
Host[MailHost] > DesktopFormFactor?
DesktopFormFactor > FunctionFile? ExtensionPoint+
FunctionFile @resid:resid-url
DesktopFormFactor/ExtensionPoint[MessageReadCommandSurface] > OfficeTab* CustomTab*
DesktopFormFactor/ExtensionPoint[MessageComposeCommandSurface] > OfficeTab* CustomTab*
DesktopFormFactor/ExtensionPoint[AppointmentOrganizerCommandSurface] > OfficeTab* CustomTab*
DesktopFormFactor/ExtensionPoint[AppointmentAttendeeCommandSurface] > OfficeTab* CustomTab*
OfficeTab @id:{TabDefault} > Group+
CustomTab @id:id > Group+ Label
Group @id:id > Label Control+
Group/Control[Button] @id:id > Label Supertip Icon Action
Group/Control[Menu] @id:id > Label Supertip Icon Items
Items > Item+
Item @id:id > Label Supertip Icon? Action
Label @resid:resid-short
Supertip > Title Description
Title @resid:resid-short
Icon > bt:Image+
bt:Image @size:pixels @resid:resid-image
Action[ShowTaskpane] > SourceLocation
Action[ExecuteFunction] > FunctionName
SourceLocation @resid:resid-url
FunctionName =function
Resources > bt:Images? bt:Urls? bt:ShortStrings? bt:LongStrings?
bt:Images > bt:Image+
bt:Urls > bt:Url+
bt:ShortStrings > bt:String+
bt:LongStrings > bt:String+
bt:Images/bt:Image @id:resource @DefaultValue:url > bt:Override*
bt:Urls/bt:Url @id:resource @DefaultValue:url > bt:Override*
bt:ShortStrings/bt:String @id:resource @DefaultValue:short > bt:Override*
bt:LongStrings/bt:String @id:resource @DefaultValue:long > bt:Override*
bt:Override @Locale:locale @Value:as-default
"""

_ADDED_IN_1_1 = """
VersionOverrides[VersionOverridesV1_1] > Description? Requirements? Hosts Resources WebApplicationInfo? \
    EquivalentAddins? ConnectedServiceControls? ExtendedPermissions?
Host[MailHost] > Runtimes? DesktopFormFactor? MobileFormFactor?
Runtimes > Runtime+
Runtime @resid:resid-url @lifetime?:{short|long} > Override*
Runtime/Override @type:{javascript} @resid:resid-url
DesktopFormFactor > SupportsSharedFolders? FunctionFile? ExtensionPoint+
MobileFormFactor > FunctionFile? ExtensionPoint+
SupportsSharedFolders =bool
DesktopFormFactor/ExtensionPoint[LaunchEvent] > LaunchEvents SourceLocation
LaunchEvents > LaunchEvent+
LaunchEvent @Type:event @FunctionName:function @SendMode?:{PromptUser|SoftBlock|Block}
MobileFormFactor/ExtensionPoint[MobileOnlineMeetingCommandSurface] > Control
ExtensionPoint[MobileOnlineMeetingCommandSurface]/Control[MobileButton] @id:id > Label Icon Action
Control[MobileButton]/Icon[bt:MobileIconList] > bt:Image+
Icon[bt:MobileIconList]/bt:Image @size:pixels @scale:{1|2|3} @resid:resid-image
Action[ShowTaskpane] > SourceLocation SupportsPinning?
SupportsPinning =bool
WebApplicationInfo > Id Resource Scopes
Id =uuid
Resource =long
Scopes > Scope+
Scope =short
EquivalentAddins =any
ConnectedServiceControls =any
ExtendedPermissions =any
"""


@dataclass(frozen=True, slots=True)
class Particle:
    """A child's place in its parent: its name and how often it may stand there (`""`, `?`, `+` or `*`)."""

    name: str
    often: str

    @property
    def is_required(self) -> bool:
        """Whether at least one must be there."""
        return self.often in ("", "+")

    @property
    def may_repeat(self) -> bool:
        """Whether more than one may be there."""
        return self.often in ("+", "*")


@dataclass(frozen=True, slots=True)
class Shape:
    """What one element may hold. Attribute names and text map to their kind."""

    children: tuple[Particle, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    text: str = ""

    def position(self, name: str) -> int | None:
        """Return where among its siblings a child belongs, or None when it may not stand here."""
        return next((at for at, particle in enumerate(self.children) if particle.name == name), None)


@dataclass(frozen=True, slots=True)
class Scope:
    """One part of the manifest, with its own namespace and table; `nested` is the scope of its VersionOverrides."""

    name: str
    namespace: str
    root: str
    shapes: Mapping[str, Shape]
    nested: Scope | None = None

    def key_of(self, name: str, kind: str, parent: str) -> str | None:
        """Return the key of an element with this name and xsi:type (or `""`) below the parent of that key."""
        own = f"{name}[{kind}]" if kind else name
        place = parent.rpartition("/")[2]
        return next((key for key in (f"{place}/{own}", own) if key in self.shapes), None)

    def types_of(self, name: str) -> list[str]:
        """Return the xsi:types that this scope knows for an element, sorted; empty when it has none."""
        keys = (key.rpartition("/")[2] for key in self.shapes)
        return sorted({key[len(name) + 1 : -1] for key in keys if key.startswith(f"{name}[")})


def _particle(word: str) -> Particle:
    name = word.rstrip("?+*")
    return Particle(name, word[len(name) :])


def _row(line: str) -> tuple[str, Shape]:
    head, _, tail = line.partition(" > ")
    key, *words = head.split()
    pairs = [word[1:].split(":", 1) for word in words if word.startswith("@")]
    return key, Shape(
        children=tuple(_particle(word) for word in tail.split()),
        attributes={name.rstrip("?"): kind for name, kind in pairs},
        optional=frozenset(name.rstrip("?") for name, _ in pairs if name.endswith("?")),
        text=next((word[1:] for word in words if word.startswith("=")), ""),
    )


def _table(*texts: str) -> dict[str, Shape]:
    return dict(_row(line) for text in texts for line in text.strip().splitlines())


_NAMESPACE = "http://schemas.microsoft.com/office/"
V1_1 = Scope(
    "1.1",
    _NAMESPACE + "mailappversionoverrides/1.1",
    "VersionOverrides[VersionOverridesV1_1]",
    _table(_OVERRIDES, _ADDED_IN_1_1),
)
V1_0 = Scope(
    "1.0",
    _NAMESPACE + "mailappversionoverrides",
    "VersionOverrides[VersionOverridesV1_0]",
    _table(_ROOT_1_0, _OVERRIDES),
    nested=V1_1,
)
BASE = Scope("base", _NAMESPACE + "appforoffice/1.1", "OfficeApp[MailApp]", _table(_BASE), nested=V1_0)
