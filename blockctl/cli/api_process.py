"""The web API's process: started by `serve`, with its sockets open. It brings the compiler and the commands to the API.

python -m blockctl.cli.api_process POLICY STATE --door=FD=PLACE... --certificate=FILE --key=FILE
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from blockctl.cli.api_backstage import Stage
from blockctl.io.api_server import door, serve
from blockctl.model.diagnostic import BlockctlError


def main(words: Sequence[str]) -> int:
    """Serve until the end; return 0, or the status of what is wrong."""
    policy, state = map(Path, [word for word in words if not word.startswith("--")])
    options = [word.removeprefix("--").partition("=") for word in words if word.startswith("--")]
    named = {key: value for key, _, value in options}
    doors = [door(value) for key, _, value in options if key == "door"]
    try:
        tls = named.get("certificate", ""), named.get("key", "")
        return serve(policy, state, doors, Stage(policy, state), tls)
    except BlockctlError as error:
        sys.stderr.write(f"web API: {error}" + (f" ({error.hint})" if error.hint else "") + "\n")
        return error.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
