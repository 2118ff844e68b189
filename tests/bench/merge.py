"""`blockctl merge` of two policies of 10,000 sites, each with edits of its own: whole commands, in fresh processes.

python -m tests.bench.merge [SITES [EDITS]]
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

from tests.bench.measure import BLOCKCTL, machine, measure

FORMS = (
    "  {site}: {{javascript: deny}}\n",
    "  # why {number}\n  {site}:\n    javascript: allow\n    allow: [cdn{number}.example, b.example]   # both\n",
    "  {site}: {{blocking: off, note: checkout breaks}}\n",
    "  {site}:\n    allow:\n      - a{number}.example\n      - {{host: b.example, until: 2036-12-01T12:00:00Z}}\n",
    "  {site}:\n    hide: ['.x{number}']\n    scroll: unlock\n",
)


def policy(sites: int) -> list[str]:
    """Return a policy as pieces of text: a head, and one piece for each site."""
    entries = [FORMS[number % len(FORMS)].format(number=number, site=f"s{number}.example") for number in range(sites)]
    return ["version: 1\n# mine\nsites:\n", *entries]


def edited(pieces: list[str], edits: int, seed: int) -> str:
    """Return the text with as many edits, spread over the file: entries changed, deleted and added."""
    draw = random.Random(seed)
    changed = list(pieces)
    for number in range(edits):
        at = draw.randrange(1, len(changed))
        form = draw.randrange(3)
        if form == 0:
            changed[at] = changed[at].replace("deny", "first-party").replace("b.example", f"e{seed}.example")
        elif form == 1:
            changed[at] = f"  new{seed}-{number}.example: {{blocking: off}}   # edit {number}\n{changed[at]}"
        else:
            changed[at] = ""
    return "".join(changed)


def main() -> None:
    """Print the figures."""
    sites, edits = (int(word) for word in (*sys.argv[1:], "10000", "200")[:2])
    pieces = policy(sites)
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = {"base": "".join(pieces), "ours": edited(pieces, edits, 1), "theirs": edited(pieces, edits, 2)}
        for file, text in texts.items():
            (folder / file).write_text(text)
        command = [*BLOCKCTL, "merge", *(folder / file for file in texts), "-o", folder / "merged"]
        found = measure(command, before=lambda: (folder / "merged").unlink(missing_ok=True))
        size = len(texts["base"]) / 1000
        print(f"merge of {sites:,} sites ({size:,.0f} kB), {edits} edits on each side: {found.cpu:.2f} s of CPU, "
              f"{found.wall:.2f} s, {found.peak:.0f} MB, status {found.status}")  # fmt: skip


if __name__ == "__main__":
    main()
