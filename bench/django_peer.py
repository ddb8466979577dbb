"""The personal list as a reasonable Django team would write it, over the same tables.

It is spared what the product does on top: PINs are not sealed, HTML is not sanitised, no plain text is made of the
instructions, no rights of templates are metered. It keeps no rendered texts.
"""

from __future__ import annotations

from typing import Any

import django
import jwt
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import models
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from jinja2.sandbox import ImmutableSandboxedEnvironment
from sqlalchemy import make_url

from addin_host import settings as environment
from addin_host.domain.fields import BY_NAME
from addin_host.flows import bearer
from addin_host.store.secrets import SecretBox, read_keys
from bench.stock import HOST

_SETTINGS = environment.load()
_KEY = SecretBox(read_keys(_SETTINGS.key_file)).derived(bearer.PURPOSE)[0]
_PIN = "258036"

settings.configure(
    DEBUG=False,
    SECRET_KEY="bench",
    ALLOWED_HOSTS=[HOST],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": make_url(_SETTINGS.database_url).database,
            "CONN_MAX_AGE": None,
        }
    },
    USE_TZ=True,
)
django.setup()


class EndUser(models.Model):
    primary_email_address = models.CharField(max_length=100)

    class Meta:
        app_label, managed, db_table = "peer", False, "end_user"


class Conference(models.Model):
    name = models.CharField(max_length=250)
    description = models.CharField(max_length=250)
    service_type = models.CharField(max_length=32)
    sealed_pin = models.CharField(max_length=250, null=True)
    sealed_guest_pin = models.CharField(max_length=250, null=True)
    allow_guests = models.BooleanField()
    primary_owner_email_address = models.CharField(max_length=100)

    class Meta:
        app_label, managed, db_table = "peer", False, "conference"


class ConferenceAlias(models.Model):
    conference = models.ForeignKey(Conference, models.CASCADE, related_name="aliases")
    alias = models.CharField(max_length=250)
    view_order = models.IntegerField()

    class Meta:
        app_label, managed, db_table, ordering = "peer", False, "conference_alias", ["view_order"]


_JINJA = {
    kind: ImmutableSandboxedEnvironment(autoescape=kind == "html_template")
    for kind in ("html_template", "text_template")
}
_TEMPLATES = {
    part: _JINJA[BY_NAME[f"personal_vmr_{part}_template"].kind].from_string(
        BY_NAME[f"personal_vmr_{part}_template"].default
    )
    for part in ("name", "description", "location", "instructions")
}


def personal_vmrs(request: HttpRequest) -> HttpResponse:
    try:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, _KEY, algorithms=["HS256"], audience="integration:1", issuer="addin-host")
        user = EndUser.objects.get(id=int(claims["sub"]))
    except (KeyError, ValueError, jwt.InvalidTokenError, EndUser.DoesNotExist):
        return JsonResponse({"error": "sign in"}, status=401)
    owned = Conference.objects.annotate(owner=Lower("primary_owner_email_address")).filter(
        owner=user.primary_email_address.lower(), service_type__in=["conference", "lecture", "two_stage_dialing"]
    )
    vmrs = [_rendered(vmr) for vmr in owned.order_by("name").prefetch_related("aliases")[:500]]
    return JsonResponse(vmrs, safe=False)


def _rendered(vmr: Any) -> dict[str, Any]:
    aliases = [row.alias for row in vmr.aliases.all()]
    values = {
        "addin_server_domain": HOST,
        "name": vmr.name,
        "description": vmr.description,
        "service_type": vmr.service_type,
        "allow_guests": vmr.allow_guests,
        "owners_email": vmr.primary_owner_email_address,
        "pin": _PIN if vmr.sealed_pin else "",
        "guest_pin": _PIN if vmr.sealed_guest_pin else "",
        "aliases": aliases,
        "domain_aliases": [alias for alias in aliases if "@" in alias],
        "numeric_aliases": [alias for alias in aliases if alias.isdigit()],
        "other_aliases": [alias for alias in aliases if "@" not in alias and not alias.isdigit()],
    }
    return {"id": vmr.id} | {part: template.render(values).strip() for part, template in _TEMPLATES.items()}


urlpatterns = [path("api/client/v2/msexchange_schedulers/1/personal_vmrs", personal_vmrs)]
application = get_wsgi_application()
