"""The ways in that need nothing but the machine, and what the demo and `serve` make of accounts."""

import json
import re
import socket
import urllib.request

from addin_host.app import wiring
from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.passwords import password_problem
from addin_host.flows import accounts, demo, passwords, setup_links
from addin_host.store.db import Database
from tests.cli.test_commands import answers, background, fetch, free_port, shell
from tests.conftest import a_record

__all__ = ["background", "shell"]


def database(shell):
    return Database(f"sqlite:///{shell.folder / 'addin-host.db'}", pool_size=2)


def account(shell, name):
    opened = database(shell)
    with opened.read() as session:
        row = accounts.find(session, name)
    opened.close()
    return row


def test_an_administrator_by_link(shell):
    shell("db", "upgrade")
    made = shell("create-admin", "kim", "--email", "kim@example.com").stdout
    token = re.search(r"http://localhost:8000/admin/setup\?token=([\w-]{43})\n", made)[1]
    assert account(shell, "KIM").role == "platform-admin"
    shell("platform", "set", "admin_address", "https://admin.example.com")
    again = shell("create-admin", "Kim").stdout
    assert "https://admin.example.com/admin/setup?token=" in again
    assert token not in again
    assert "may hold letters" in shell("create-admin", "k:m", expect=1).stderr


def test_an_administrator_by_password(shell):
    shell("db", "upgrade")
    done = shell("create-admin", "kim", "--password-stdin", typed="a lamp for tuesday\n")
    assert "lamp" not in done.output
    assert passwords.verify(account(shell, "kim").password_hash, "a lamp for tuesday")
    assert "12 to 256" in shell("create-admin", "kim", "--password-stdin", typed="short\n", expect=1).stderr
    assert passwords.verify(account(shell, "kim").password_hash, "a lamp for tuesday")


def test_break_glass_ends_delays_and_codes_and_keeps_the_role(shell):
    from addin_host.flows import throttle
    from addin_host.flows.throttle import Counted

    shell("db", "upgrade")
    shell("create-admin", "kim")
    opened, key = database(shell), throttle.account_key("kim")
    for _ in range(6):
        throttle.failed(opened, Counted(key, "net:10.0.0.0/24"), now=wiring().now())
    with opened.write() as session:
        row = accounts.find(session, "kim")
        row.role, row.sealed_totp = "viewer", "sealed"
    shell("create-admin", "kim")
    assert (account(shell, "kim").role, account(shell, "kim").sealed_totp) == ("viewer", "sealed")
    with opened.read() as session:
        throttle.require_open(session, Counted(key, ""), now=wiring().now())
    shell("create-admin", "kim", "--without-codes")
    assert account(shell, "kim").sealed_totp is None
    with opened.write() as session:
        accounts.find(session, "kim").enabled = False
    assert "is disabled" in shell("create-admin", "kim", expect=1).stderr
    opened.close()


def test_api_users(shell):
    shell("db", "upgrade")
    made = shell("api-user", "create", "terraform", "--role", "platform-admin", "--days", "30")
    token = made.stdout.strip()
    assert re.fullmatch(r"[\w-]{43}", token)
    assert "not shown again" in made.stderr
    assert "another API user" in shell("api-user", "create", "Terraform", "--role", "viewer", expect=1).stderr
    assert "Choose what" in shell("api-user", "create", "it", "--role", "integration-admin", expect=1).stderr
    no_such = shell("api-user", "create", "it", "--role", "integration-admin", "--integration", "9", expect=1)
    assert "no integration 9" in no_such.stderr
    shell("api-user", "create", "it", "--role", "root", expect=2)
    (listed,) = json.loads(shell("api-user", "list", "--json").stdout)
    assert (listed["name"], listed["role"], listed["state"], listed["used"]) == (
        "terraform",
        "platform-admin",
        "works",
        "never",
    )
    assert "terraform" in shell("api-user", "list").stdout
    assert token.encode() not in (shell.folder / "addin-host.db").read_bytes()
    assert "is revoked" in shell("api-user", "revoke", "TERRAFORM").stdout
    assert "no API user" in shell("api-user", "revoke", "terraform", expect=1).stderr
    assert "There are no API users" in shell("api-user", "list").stderr


def test_the_first_start_prints_a_link_and_later_ones_do_not(shell, background):
    shell("db", "upgrade")
    shell("integration", "import", shell.write(a_record()))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = background("serve", until=answers(f"{url}/readyz"), ADDIN_HOST_BIND=f"127.0.0.1:{port}")
    assert "No administrator yet" in server.stderr.readline()
    link = server.stderr.readline().strip()
    assert link.startswith(f"http://localhost:{port}/admin/setup?token=")
    assert b"Set up the first administrator" in fetch(link)[1]
    opened = database(shell)
    with opened.write() as session:
        from addin_host.domain.accounts import AccountDraft

        accounts.create(session, AccountDraft("kim"), caller=ON_THIS_MACHINE, now=wiring().now())
        assert setup_links.issue_first(session, now=wiring().now()) is None
    opened.close()


def start_demo(shell, background):
    port = free_port()
    demo_server = background("demo", "--port", str(port), until=answers(f"http://127.0.0.1:{port}/readyz"))
    return port, [demo_server.stdout.readline() for _ in range(7)][-1]


def test_the_demo_has_an_administrator_and_says_so(shell, background):
    port, line = start_demo(shell, background)
    assert line == f"administration     http://127.0.0.1:{port}/admin/   name: admin, password: look around here\n"
    page = urllib.request.urlopen(f"http://127.0.0.1:{port}/admin/signin", timeout=10)
    assert b"Sign in" in page.read()
    assert passwords.verify(account(shell, "admin").password_hash, demo.PASSWORD)
    assert password_problem(demo.PASSWORD, demo.ADMINISTRATOR) is None
    assert "everybody knows the password" in shell("serve", expect=1).stderr


def test_the_demo_refuses_a_database_with_accounts(shell):
    shell("db", "upgrade")
    shell("create-admin", "kim")
    assert "not the demo's" in shell("demo", "--port", str(free_port()), expect=1).stderr


def test_a_port_that_somebody_else_has_is_said_in_words(shell):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = shell("demo", "--port", str(port), expect=1).stderr
    assert f"Port {port} cannot be used" in refused
    assert "PORT=9000 make run" in refused
    assert not list(shell.folder.iterdir())
