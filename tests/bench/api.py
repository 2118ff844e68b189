"""How fast the web API answers, and what it takes: `python -m tests.bench.api [SITES]`.

A real `blockctl serve` on loopback; one connection that is kept, one request after the other, as a browser's extension
asks. Times are of this side: from the request's first byte to the answer's last.
"""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.api.serving import Api, serving

ROUNDS = 400
FEW = 20  # of what takes long
PATHS = {
    "hello": "/v1/hello",
    "site": "/v1/site?host=www.site77.example",
    "hosts": "/v1/hosts",
    "pause": "/v1/pause",
    "changes": "/v1/changes",
    "why": "/v1/why?url=ads.site5.example&site=news.example",
    "rules (304)": "/v1/rules/dnr?browser=chromium",
}


def policy(sites: int) -> str:
    """Return a policy with so many sites that deny JavaScript, and a hundred hosts."""
    lines = ["sites:", *(f"  site{number}.example: {{javascript: deny}}" for number in range(sites))]
    hosts = ", ".join(f"ads{number}.example" for number in range(100))
    return "\n".join([*lines, f"hosts: {{deny: [{hosts}]}}", "lists: [{name: starter, path: builtin:starter}]", ""])


def measure(api: Api, path: str) -> list[float]:
    """Return the times of one path in milliseconds, the first answers left out."""
    link = http.client.HTTPConnection("127.0.0.1", api.port, timeout=60)
    times = []
    headers = {"Authorization": f"Bearer {api.token}"}
    for number in range(5 + (ROUNDS if "why" not in path else FEW)):
        begun = time.perf_counter()
        link.request("GET", path, headers=headers)
        answer = link.getresponse()
        answer.read()
        if number >= 5:
            times.append((time.perf_counter() - begun) * 1000)
        if "rules" in path and answer.status == 200:
            headers["If-None-Match"] = answer.headers["etag"]
    return times


def saved(api: Api, number: int) -> tuple[float, float]:
    """Save the file with one site changed; return when a browser that waits knows it, and then has its rules, in ms."""
    known = api.call("GET", "/v1/changes").json()["revision"]
    fresh = api.running.policy.with_suffix(".new")
    fresh.write_text(api.text.replace("site7.example: {", f"site7.example: {{note: n{number}, ", 1), encoding="utf-8")
    with ThreadPoolExecutor(1) as waiting:
        news = waiting.submit(api.call, "GET", f"/v1/changes?revision={known}")
        time.sleep(0.5)
        begun = time.perf_counter()
        fresh.replace(api.running.policy)
        news.result()
    told = time.perf_counter()
    api.call("GET", "/v1/rules/dnr?browser=chromium")
    fresh.write_text(api.text.replace(f"note: n{number}, ", "", 1), encoding="utf-8")
    fresh.replace(api.running.policy)
    return (told - begun) * 1000, (time.perf_counter() - told) * 1000


def megabytes(process: int) -> float:
    """Return a process's own memory (PSS) as the kernel tells it."""
    text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("Pss:"))) / 1024


def main() -> None:
    """Print a table, and the memory of the resolver and of the API."""
    sites = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), policy(sites)) as api:
        print(f"{sites} sites; resolver {megabytes(api.running.process.pid):.0f} MB before anybody asks")
        begun = time.perf_counter()
        api.call("GET", "/v1/hello")
        print(f"first answer, with the start of the process: {time.perf_counter() - begun:.2f} s")
        api.pair()
        for name, path in PATHS.items():
            times = measure(api, path)
            late = sorted(times)[int(len(times) * 0.95)]
            print(f"{name:12} p50 {statistics.median(times):6.2f} ms   p95 {late:6.2f} ms")
        for text, body in (
            ("edit", {"javascript": "allow"}),
            ("edit for an hour", {"javascript": "deny", "for": "1h"}),
        ):
            begun = time.perf_counter()
            answer = api.call("PATCH", "/v1/site?host=site5.example", body)
            print(f"{text} (PATCH) {(time.perf_counter() - begun) * 1000:.0f} ms, status {answer.status}")
        news, rules = zip(*(saved(api, number) for number in range(6)), strict=True)
        print(
            f"a saved file: known after {statistics.median(news):.0f} ms, rules {statistics.median(rules):.0f} ms later"
        )
        rules = api.call("GET", "/v1/rules/dnr?browser=chromium").json()
        print(f"rules: {len(rules['dynamic'])}, {len(json.dumps(rules)) / 1024:.0f} kB")
        resolver = api.running.process.pid
        found = subprocess.run(["pgrep", "-P", str(resolver)], capture_output=True, text=True, check=True)
        print(f"memory: resolver {megabytes(resolver):.0f} MB, API {megabytes(int(found.stdout.split()[0])):.0f} MB")


if __name__ == "__main__":
    main()
