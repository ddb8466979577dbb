"""Sign-in at Entra, AD FS and OpenID Connect: the authorization-code flow over Authlib, verification over PyJWT."""

from addin_host.gateways.identity.administrators import AuthlibAdminIdentity
from addin_host.gateways.identity.sign_in import AuthlibIdentity

__all__ = ["AuthlibAdminIdentity", "AuthlibIdentity"]
