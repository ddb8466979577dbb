"""The outward checks of an integration, all over the one way out."""

from addin_host.gateways.probes.run import OutboundProbes, SilentProbes

__all__ = ["OutboundProbes", "SilentProbes"]
