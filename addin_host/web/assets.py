"""Static files under an address that changes with their content, so that they can be cached for ever.

The whole tree has one version: modules that import each other by relative address stay together.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from flask import Blueprint, Response, abort, send_from_directory

from addin_host.web.admission import Auth, admits
from addin_host.web.headers import page_kind

_FOREVER = "public, max-age=31536000, immutable"


def resources() -> Path:
    """Return the folder of templates, static files and manifests: inside the package when installed from a wheel."""
    package = Path(__file__).parent.parent
    packaged = package / "_resources"
    return packaged if packaged.is_dir() else package.parent


class Assets:
    """The static folder and its version: 12 hex digits over every name and content, both as they are at the start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._contents = _contents(folder)
        self.version = _version(self._contents)

    def url(self, path: str) -> str:
        """Return the address of a file below the folder."""
        return f"/static/{self.version}/{path}"

    def has(self, path: str) -> bool:
        """Whether the file was below the folder at the start. What is placed later is seen by the next start."""
        return path in self._contents

    def blueprint(self) -> Blueprint:
        """Return the route that serves them; in production nginx answers it from disk."""
        blueprint = Blueprint("assets", __name__)

        @blueprint.get("/static/<version>/<path:path>")
        @page_kind("static")
        @admits(Auth.PUBLIC)
        def file(version: str, path: str) -> Response:
            if len(version) != 12 or not set(version) <= set("0123456789abcdef"):
                abort(404)
            response = send_from_directory(self.folder, path, conditional=True)
            response.headers["Cache-Control"] = _FOREVER if version == self.version else "no-cache"
            return response

        return blueprint


def _contents(folder: Path) -> Mapping[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).digest() for path in files}


def _version(contents: Mapping[str, bytes]) -> str:
    total = sha256()
    for name, content in contents.items():
        total.update(name.encode() + b"\0" + content)
    return total.hexdigest()[:12]
