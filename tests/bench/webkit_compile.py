"""Let WebKit compile content blockers, each in turn, in this process; runs under the system's Python.

Arguments: files of JSON rules. Standard output: one JSON object, the CPU seconds that the compiling took (of all
threads, user and system), the peak memory in MB (of the process, its start included), the bytes that WebKit stores,
and the first error, "" when there is none.
"""

import json
import resource
import sys
import tempfile
import warnings
from pathlib import Path

import gi

warnings.simplefilter("ignore")
gi.require_version("WebKit2", "4.1")
from gi.repository import GLib, WebKit2  # noqa: E402


def compile_file(path: str, folder: str) -> str:
    """Compile one file; return WebKit's error, "" when there is none."""
    store = WebKit2.UserContentFilterStore.new(folder)
    loop, errors = GLib.MainLoop(), []

    def saved(_: object, result: object) -> None:
        try:
            store.save_finish(result)
        except GLib.Error as error:
            errors.append(error.message)
        loop.quit()

    store.save(Path(path).name, GLib.Bytes.new(Path(path).read_bytes()), None, saved)
    loop.run()
    return errors[0] if errors else ""


def main() -> None:
    """Compile what the arguments name."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    with tempfile.TemporaryDirectory() as folder:
        errors = [compile_file(path, folder) for path in sys.argv[1:]]
        stored = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    after = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
                "peak": after.ru_maxrss / 1024,
                "stored": stored,
                "error": next(filter(None, errors), ""),
            }
        )
    )


main()
