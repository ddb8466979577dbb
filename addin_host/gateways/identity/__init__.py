"""Sign-in at Entra and AD FS: the authorization-code flow over Authlib, token verification over PyJWT."""

from addin_host.gateways.identity.sign_in import AuthlibIdentity

__all__ = ["AuthlibIdentity"]
