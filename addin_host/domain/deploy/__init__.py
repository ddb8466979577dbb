"""What an administrator does outside of this program to bring an integration to people: in words and commands."""

from addin_host.domain.deploy.commands import Command, Setup, centralized_deployment, exchange_on_premises
from addin_host.domain.deploy.conditions import Condition, conditions
from addin_host.domain.deploy.powershell import quoted
from addin_host.domain.deploy.registration import Registration, registrations
from addin_host.domain.deploy.site import reverse_proxy_site
from addin_host.domain.deploy.verdict import Download, Verdict, judge

__all__ = [
    "Command",
    "Condition",
    "Download",
    "Registration",
    "Setup",
    "Verdict",
    "centralized_deployment",
    "conditions",
    "exchange_on_premises",
    "judge",
    "quoted",
    "registrations",
    "reverse_proxy_site",
]
