"""The page: the files of `blockctl/page/`, as they are."""

from __future__ import annotations

import hashlib
import mimetypes
from importlib.resources import files

from fastapi import APIRouter, Request, Response

from blockctl.io.api_desk import DeclinedError

routes = APIRouter()
TYPES = {".js": "text/javascript", ".webmanifest": "application/manifest+json", ".svg": "image/svg+xml"}
FIRST = "index.html"


@routes.api_route("/", methods=["GET", "HEAD"])
@routes.api_route("/{name}", methods=["GET", "HEAD"])
async def get_file(request: Request, name: str = FIRST) -> Response:
    """Return a file of the page; only names that are there in the folder."""
    folder = files("blockctl").joinpath("page")
    found = next((each for each in folder.iterdir() if each.name == name), None) if folder.is_dir() else None
    if found is None or not found.is_file() or name.startswith((".", "_")) or name.endswith(".py"):
        raise DeclinedError(404, "there is no such thing")
    data = found.read_bytes()
    tag = f'"{hashlib.sha256(data).hexdigest()[:20]}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    ending = f".{name.rpartition('.')[2]}"
    return Response(data, media_type=TYPES.get(ending) or mimetypes.guess_type(name)[0], headers=headers)
