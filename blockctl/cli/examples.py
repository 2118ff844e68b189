"""Examples for the help of each command: a line to type, and what it does. A test reads each as the shell would."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "init": (("init --strategy js-allowlist", "scripts off, except where you say yes"),),
    "check": (("check", "every fault, with file, line and column"),),
    "set": (
        ("set rant.example javascript=deny", "no scripts there"),
        ("set shop.example blocking=off --for 1h", "lists do nothing there, for an hour"),
    ),
    "reset": (("reset shop.example", "as every other site again"),),
    "show": (("show shop.example", "what applies there, and which line says so"),),
    "allow": (("allow cdn.example --site news.example", "on that site only"),),
    "deny": (("deny telemetry.example", "everywhere, DNS included"),),
    "forget": (("forget telemetry.example", "neither allowed nor denied"),),
    "pause": (("pause 10m", "for everybody"), ("pause 1h --group kids", "for one group of devices")),
    "resume": (("resume", "all is blocked again"),),
    "why": (("why https://stats.example/x.js --site news.example", "the deciding line"),),
    "compile": (("compile", "every target"), ("compile safari --out rules", "one target, elsewhere")),
    "export": (("export ublock -o my-list.txt", "one output as a file"),),
    "plan": (("plan", "what `sync` would change"),),
    "sync": (("sync", "fetch what is due"), ("sync easylist --leave-out", "take a held update, all but the bad lines")),
    "rollback": (("rollback easylist", "the version before"),),
    "lists": (("lists", "the policy's"), ("lists --catalogue", "those we know")),
    "diff": (("diff easylist", "what the last update changed"),),
    "serve": (("serve", "until Ctrl-C; it follows the policy file"),),
    "up": (("up", "the first thing to type"), ("up --once", "without serving")),
    "profile": (
        ("profile -o home.mobileconfig --ssid Home", "a phone asks us at home"),
        ("profile -o mac.mobileconfig --exclude corp.example", "all but the office's names"),
    ),
    "log": (("log --blocked --since 1h", "what was blocked lately"), ("log -f", "goes on as it happens")),
    "stats": (("stats", "queries, the blocked share, top names"),),
    "doctor": (("doctor shop.example", "who keeps it from being found"),),
    "tidy": (("tidy", "what nobody needs any more"),),
    "fix": (("fix shop.example", "the fewest hosts that it needs"),),
    "watch": (("watch", "compile at each save of the policy"),),
    "publish": (("publish rpz --wait 1m", "until every secondary has it"),),
    "fidelity": (("fidelity --requests traffic.har", "what gaps mean for your own traffic"),),
    "merge": (("merge", "takes in the copies that a sync left behind"),),
    "completion": (("completion bash", "what bash needs"),),
    "service": (
        ("service install --dry-run", "what it would write and run"),
        ("service status", "does it run, and who asks it"),
        ("service dns on", "the whole system asks it"),
    ),
}


WIDE = 78  # columns of a help text


def examples(command: str) -> str | None:
    """Return the examples of a command as the end of its help, None where there are none."""
    lines = EXAMPLES.get(command)
    if not lines:
        return None
    width = max(len(line) for line, _ in lines)
    told = [f"  blockctl {line:<{width}}  {what}" for line, what in lines]
    if any(len(each) + 2 > WIDE for each in told):
        told = [f"  blockctl {line}\n      {what}" for line, what in lines]
    return "\b\n" + "\n".join(["Examples:", *told])  # \b: the lines stay as they are
