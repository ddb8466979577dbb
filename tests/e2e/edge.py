"""nginx as the tests run it: the shipped configuration with its values replaced, and the played hosts beside it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from .certificate import Certificate
from .processes import Server, listening
from .programs import HERE, MSAL, OFFICE_JS, program

SHIPPED = HERE.parents[1] / "deploy" / "nginx" / "addin-host.conf"
STATIC = HERE.parents[1] / "static"
ADDIN = "addin.example.test"
SAMPLE = "sample.example.test"
LOGIN = "login.example.test"
EXCHANGE = "exchange.example.test"
OUTLOOK = "outlook.office.com"
UNTRUSTED_OUTLOOK = "mail.example.test"
FOREIGN = "foreign.example.test"
MAILBOX = "mailbox.example.test"
CDN = "appsforoffice.microsoft.com"
AJAX = "ajax.aspnetcdn.com"
NAMES = (ADDIN, SAMPLE, LOGIN, EXCHANGE, OUTLOOK, UNTRUSTED_OUTLOOK, FOREIGN, MAILBOX, CDN, AJAX)


@dataclass(frozen=True, slots=True)
class Plan:
    """Where one nginx listens and what stands behind it. `login_port` is 0 when no provider is played.

    With `for_nodes` the policy service is opened as the shipped file says, for conference nodes on this machine.
    """

    folder: Path
    certificate: Certificate
    port: int
    http_port: int
    upstream: str
    static: Path = STATIC
    login_port: int = 0
    for_nodes: bool = False


def shipped(plan: Plan) -> str:
    """Return the shipped configuration with the seven values and the two ports replaced. Each must occur in it."""
    text = SHIPPED.read_text()
    for example, value in (
        ("addin.example.com", ADDIN),
        ("/etc/addin-host/tls/fullchain.pem", str(plan.certificate.chain)),
        ("/etc/addin-host/tls/privkey.pem", str(plan.certificate.key)),
        ("/opt/addin-host/static", str(plan.static)),
        ("unix:/run/addin-host/web.sock", plan.upstream),
        ("/var/cache/nginx/addin-host", str(plan.folder / "cache")),
        ("/var/log/nginx/addin-host", str(plan.folder / "addin-host")),
        ("listen 80;", f"listen 127.0.0.1:{plan.http_port};"),
        ("listen 443 ", f"listen 127.0.0.1:{plan.port} "),
    ):
        if example not in text:
            raise ValueError(f"{SHIPPED} no longer holds {example}")
        text = text.replace(example, value)
    if plan.for_nodes:
        text = _opened(text)
    # Machines without IPv6 refuse to listen there.
    return re.sub(r"listen \[::\].*;\n", "\n", text)


def _opened(text: str) -> str:
    """Take the # away before the location of the policy service, and let this machine in."""
    block = re.search(r"^    # location = /policy/(?:.*\n)(?:    #     .*\n)+    # }\n", text, re.MULTILINE)
    if block is None:
        raise ValueError(f"{SHIPPED} no longer says how the policy service is opened")
    opened = re.sub(r"^    # ", "    ", block[0], flags=re.MULTILINE)
    return text.replace(block[0], opened.replace("10.20.30.0/24", "127.0.0.1"))


def start(plan: Plan) -> Server:
    """Start nginx in `plan.folder`, as root or as an ordinary user."""
    configuration = plan.folder / "nginx.conf"
    configuration.write_text(_whole(plan))
    command = [program("nginx"), "-p", str(plan.folder), "-c", str(configuration), "-e", str(plan.folder / "error.log")]
    return Server(command, log=plan.folder / "nginx.log", ready=listening(plan.port))


def _whole(plan: Plan) -> str:
    temporary = "\n".join(
        f"{kind}_temp_path {plan.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""
{"user root;" if os.geteuid() == 0 else ""}
daemon off;
worker_processes 2;
pid {plan.folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
{temporary}
access_log off;
{_CONTENT_TYPES}
{shipped(plan)}
{_played(plan)}
}}
"""


_CONTENT_TYPES = """
types { text/html html; text/css css; text/javascript js; application/json json; image/svg+xml svg; image/png png; }
"""


def _played(plan: Plan) -> str:
    here = HERE / "outlook"
    hosts = [
        _host(plan, f"{OUTLOOK} {UNTRUSTED_OUTLOOK} {FOREIGN}", f"root {here};"),
        _host(plan, SAMPLE, f"root {here}/sample; location = /msal-browser.min.js {{ alias {MSAL}; }}"),
        # office.js asks for its parts with `crossorigin`, so a mirror must send the header as the CDN does. Both
        # spellings of the folder that it asks for when it does not trust a host.
        _host(
            plan,
            CDN,
            f"""
            add_header Access-Control-Allow-Origin *;
            location ~ ^/lib/1/hosted/AgaveErrorUX/(.*)$ {{ alias {OFFICE_JS}/agaveerrorux/$1; }}
            location /lib/1/hosted/ {{ alias {OFFICE_JS}/; }}""",
        ),
        _host(
            plan,
            AJAX,
            f"""
            add_header Access-Control-Allow-Origin *;
            location = /ajax/3.5/MicrosoftAjax.js {{ alias {here}/MicrosoftAjax.js; }}""",
        ),
    ]
    if plan.login_port:
        hosts.append(
            _host(
                plan,
                LOGIN,
                f"""
            location / {{
                proxy_pass http://127.0.0.1:{plan.login_port};
                proxy_set_header Host $http_host;
                proxy_set_header X-Forwarded-Proto https;
                proxy_set_header X-Forwarded-For $remote_addr;
                proxy_buffer_size 16k;
                proxy_buffers 8 16k;
            }}""",
            )
        )
    return "\n".join(hosts)


def _host(plan: Plan, names: str, content: str) -> str:
    return f"""
    server {{
        listen 127.0.0.1:{plan.port} ssl http2;
        server_name {names};
        ssl_certificate {plan.certificate.chain};
        ssl_certificate_key {plan.certificate.key};
        {content}
    }}"""
