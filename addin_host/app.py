"""The composition root: settings, database, gateways, blueprints, command line. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from flask import Flask
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from addin_host import logs, settings
from addin_host.cli import cli
from addin_host.cli.wiring import Wiring
from addin_host.domain.addresses import AddressPolicy
from addin_host.domain.deployment import Deployment
from addin_host.domain.ports import AdminIdentity, IdentityProvider, Outside
from addin_host.flows import bearer, platform, tag_keys
from addin_host.flows.background import Background
from addin_host.flows.catalogue import Catalogue
from addin_host.flows.manifest import manifest_environment
from addin_host.flows.personal_vmrs import RenderedVmrs
from addin_host.gateways.http import Outbound
from addin_host.gateways.identity import AuthlibAdminIdentity, AuthlibIdentity
from addin_host.gateways.memory import DemoIdentity
from addin_host.gateways.outside import no_outside, real_outside
from addin_host.gateways.rendering import LimitedRendering
from addin_host.gateways.trial import try_templates
from addin_host.settings import Settings
from addin_host.store import keys
from addin_host.store.db import Database
from addin_host.web import access, admin, errors, guard, headers, metrics, preview
from addin_host.web.assets import Assets, resources
from addin_host.web.doors import DOORS
from addin_host.web.kept import KeptAnswers
from addin_host.web.services import KEY, Services


@dataclass(frozen=True, slots=True)
class Composition:
    """What production (the defaults), the demo and the tests wire differently; None is the real thing."""

    deployment: Deployment = field(default_factory=Deployment)
    policy: AddressPolicy = field(default_factory=AddressPolicy)
    identity: IdentityProvider | None = None
    admin_identity: AdminIdentity | None = None
    outside: Outside | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def create_app(given: Settings | None = None, composition: Composition | None = None) -> Flask:
    """Return the WSGI application. Raises Misconfigured when the key or the schema is not usable."""
    run, composition, folder = given or settings.load(), composition or Composition(), resources()
    logs.configure(run.log_level)
    database = Database(run.database_url, pool_size=run.threads)
    box = keys.secret_box(run.key_file, database)
    policy, now, proxy = composition.policy, composition.now, partial(platform.web_proxy, database)
    services = Services(
        database=database,
        deployment=composition.deployment,
        catalogue=Catalogue(database, composition.deployment),
        vmrs=RenderedVmrs(database, box),
        box=box,
        tag_keys=tag_keys.TagKeys(database, box),
        bearer_keys=box.derived(bearer.PURPOSE),
        identity=composition.identity or AuthlibIdentity(Outbound(), web_proxy=proxy, policy=policy, now=now),
        admin_identity=composition.admin_identity or AuthlibAdminIdentity(Outbound(), policy=policy, now=now),
        assets=Assets(folder / "static"),
        manifest_template=manifest_environment(folder / "manifests").get_template("outlook-addin.xml"),
        trial=try_templates,
        rendering=LimitedRendering(),
        background=Background(),
        outside=composition.outside or real_outside(policy, now),
        now=now,
    )
    app = Flask("addin_host", static_folder=None, static_url_path="/static", template_folder=str(folder / "templates"))
    app.config.update(access.cookie_settings(services.deployment), SECRET_KEY=box.derived("flask")[0])
    app.extensions[KEY] = services
    app.jinja_env.globals["asset"] = services.assets.url
    _open_doors(app, services, composition)
    app.wsgi_app = KeptAnswers(app.wsgi_app, services.catalogue, metrics.install(app))  # type: ignore[method-assign]
    if count := run.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, count, count, count)  # type: ignore[method-assign]
    return app


def _open_doors(app: Flask, services: Services, composition: Composition) -> None:
    guard.install(app, services)
    access.raise_body_limit(app)
    csrf = CSRFProtect(app)
    for blueprint in (*DOORS, services.assets.blueprint()):
        app.register_blueprint(blueprint)
        csrf.exempt(blueprint)  # they know no cookie session: a bearer, a single-use state, or nothing
    if isinstance(composition.identity, DemoIdentity):
        app.register_blueprint(preview.make_blueprint(composition.identity))
    admin.register(app)
    access.install(app)
    errors.install(app)
    headers.install(app)


def main() -> None:
    """Run the command line."""
    cli(obj=wiring())


def wiring() -> Wiring:
    """Return what the commands work with."""
    return Wiring(settings.load, make_app=create_app, make_demo=_demo, trial=try_templates, now=Composition().now)


def _demo(given: Settings, origin: str) -> Flask:
    deployment = Deployment(origin=origin, stand_in="preview/office.js", framed_by_self=True)
    return create_app(given, Composition(deployment, identity=DemoIdentity(origin), outside=no_outside()))


if __name__ == "__main__":
    main()
