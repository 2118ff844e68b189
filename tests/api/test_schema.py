"""The schema and the server agree: schemathesis draws requests from the one and judges the other's answers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.serving import Api

SEED = 6
EXAMPLES = 25  # for each way to ask
# What takes long, or would end the session that asks.
LEFT_OUT = ("/v1/log/live", "/v1/lists/sync", "/v1/lists/accept", "/v1/devices", "/v1/changes")


def test_the_schema_is_kept(api: Api, tmp_path: Path) -> None:
    program = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("schemathesis is not here: pip install schemathesis")
    before = api.text
    words = [
        program, "run", f"{api.base}/openapi.json", "--header", f"Authorization: Bearer {api.token}",
        "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        "--phases", "examples,coverage,fuzzing", "--seed", str(SEED), "--max-examples", str(EXAMPLES),
        "--generation-database", "none", "--request-timeout", "60", "--workers", "1", "--no-color",
    ]  # fmt: skip
    for path in LEFT_OUT:
        words += ["--exclude-path", path]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    api.running.policy.write_text(before, encoding="utf-8")
    assert "Traceback" not in api.running.said()


def test_every_path_says_who_may_ask(api: Api) -> None:
    schema = api.call("GET", "/openapi.json").json()
    assert schema["components"]["securitySchemes"]
    for path, ways in schema["paths"].items():
        for method, way in ways.items():
            assert way["security"], f"{method} {path}"
            assert {"401", "403", "422"} <= set(way["responses"]), f"{method} {path}"
            assert way["summary"]
            assert way.get("description"), f"{method} {path}"
