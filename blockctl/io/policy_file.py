"""The policy file: where it is, its text, and changes to it that lose nothing.

A change happens under a lock that other blockctl processes heed, and reaches the disk whole or not at all.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from blockctl.model.diagnostic import BlockctlError, Origin, WorldError
from blockctl.model.policy import MAX_CHARACTERS

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

MAX_BYTES = MAX_CHARACTERS
LOCK_SECONDS = 10.0
NAME = "policy.yaml"


def policy_path(option: Path | None) -> Path:
    """Return where the policy is: the option, else $BLOCKCTL_POLICY, else in the user's config folder."""
    if option is not None:
        return option
    named = os.environ.get("BLOCKCTL_POLICY")
    return Path(named).expanduser() if named else _folder("XDG_CONFIG_HOME", ".config", "APPDATA") / NAME


def state_path(option: Path | None) -> Path:
    """Return where blockctl keeps what it can make again: the option, $BLOCKCTL_STATE, the user's state folder."""
    if option is not None:
        return option
    named = os.environ.get("BLOCKCTL_STATE")
    return Path(named).expanduser() if named else _folder("XDG_STATE_HOME", ".local/state", "LOCALAPPDATA")


def _folder(variable: str, below_home: str, windows: str) -> Path:
    named = os.environ.get(variable, "")
    if named.startswith("/"):  # the XDG specification: a relative path is to be ignored
        return Path(named) / "blockctl"
    if sys.platform == "darwin":
        return _home() / "Library/Application Support/blockctl"
    if sys.platform == "win32" and os.environ.get(windows):
        return Path(os.environ[windows]) / "blockctl"
    return _home() / below_home / "blockctl"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise WorldError("this user has no home folder", "name the files: --policy FILE --state DIR") from error


def read_text(path: Path) -> str:
    """Return the policy's text, its line ends and its BOM as they are. Raises BlockctlError when there is none."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # what others write into may be waited for for good
            raise BlockctlError(f"cannot read the policy {path}: it is no file", "use --policy FILE")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        if path.with_name(f".{path.name}.icloud").exists():  # what iCloud Drive leaves of a file that it took away
            raise WorldError(f"{path} is in iCloud only", f"`brctl download '{path}'` brings it here") from error
        raise BlockctlError(f"there is no policy at {path}", _init_hint(path)) from error
    except OSError as error:
        reason = "it is a folder" if isinstance(error, IsADirectoryError) else error.strerror or str(error)
        hint = "name the file in it" if isinstance(error, IsADirectoryError) else "give yourself the right to read it"
        raise BlockctlError(f"cannot read the policy {path}: {reason}", f"{hint}, or use --policy FILE") from error
    return decode(data, str(path))


def decode(data: bytes, file: str) -> str:
    """Return the text of these bytes. Raises BlockctlError for what is too large or not UTF-8."""
    if len(data) > MAX_BYTES:
        size = f"the policy has more than {MAX_BYTES / 1e6:,.0f} MB"
        raise BlockctlError(f"{file}: P001 {size}", "long lists of hosts belong in `lists:`")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BlockctlError(f"{file}: P001 the file is UTF-16", "save it as UTF-8")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        line = before.count("\n") + 1
        origin = Origin(file, line, len(before) - before.rfind("\n"))
        byte = f"the byte 0x{data[error.start]:02X} is not UTF-8"
        raise BlockctlError(f"{origin}: P001 {byte}", "save the file as UTF-8") from error


def edit(path: Path, change: Callable[[str], str]) -> bool:
    """Replace the policy's text by what `change` makes of it; False when it makes the same.

    Only one process at a time does this, so no change is lost. Raises WorldError when the file cannot be written;
    the old one is then whole.
    """
    real = _real(path)
    with locked(real):
        text = read_text(real)
        changed = change(text)
        if changed == text:
            return False
        replace_file(real, changed.encode("utf-8"))
        return True


def create(path: Path, text: str) -> None:
    """Write a new policy. Raises BlockctlError when there is one already."""
    if os.path.lexists(path):
        raise BlockctlError(f"{path} exists, and is left as it is", "edit it, or name another with --policy FILE")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path):
            if os.path.lexists(path):  # another process was quicker
                raise BlockctlError(f"{path} exists, and is left as it is", "edit it, or use --policy FILE")
            replace_file(path, text.encode("utf-8"))
    except OSError as error:
        raise WorldError(f"cannot write {path}: {error.strerror or error}", _rights_hint(path)) from error


def replace_file(path: Path, data: bytes, *, private: bool = False) -> None:
    """Put these bytes in a file's place, on the disk before it counts; mode and owner stay.

    `private`: nobody else may read it, whoever might before.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    except OSError as error:
        raise WorldError(f"cannot write beside {path}: {error.strerror or error}", _rights_hint(path)) from error
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if not private:  # as `mkstemp` makes it
                _keep_rights(new, path)
            os.fsync(file.fileno())
        new.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        new.unlink(missing_ok=True)
        reason = error.strerror or str(error)
        raise WorldError(f"cannot write {path}: {reason}", "the file is as it was") from error
    except BaseException:
        new.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file: a file beside it, which is gone afterwards. Raises WorldError after 10 seconds."""
    lock = path.with_name(f".{path.name}.lock")
    until = time.monotonic() + LOCK_SECONDS
    while (handle := _try_lock(lock)) is None:
        if time.monotonic() > until:
            hint = "wait for it to end" if fcntl else f"if none is running, delete {lock}"
            raise WorldError(f"another blockctl is changing {path}", hint)
        time.sleep(0.01)
    try:
        yield
    finally:
        if fcntl is None:
            os.close(handle)
            lock.unlink(missing_ok=True)
        else:  # removed while it is held: whoever waits for it sees that it is gone and makes another
            lock.unlink(missing_ok=True)
            os.close(handle)


def _try_lock(lock: Path) -> int | None:
    """Return the open lock file, None while another process has it."""
    exclusive = os.O_EXCL if fcntl is None else 0
    try:
        handle = os.open(lock, os.O_CREAT | os.O_RDWR | exclusive, 0o600)
    except FileExistsError:
        return None
    except OSError as error:
        if fcntl is None and isinstance(error, PermissionError) and lock.exists():
            return None  # Windows refuses while the other is deleting it
        reason = error.strerror or str(error)
        raise WorldError(f"cannot write in {lock.parent}: {reason}", _rights_hint(lock.parent / NAME)) from error
    if fcntl is None:
        return handle
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(handle), os.stat(lock)):  # noqa: PTH116 - os.stat beside os.fstat
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(handle)
    return None


def _real(path: Path) -> Path:
    """Follow symlinks, so that a link into a synchronised folder stays one."""
    try:
        return path.resolve(strict=True)
    except FileNotFoundError as error:
        raise BlockctlError(f"there is no policy at {path}", _init_hint(path)) from error
    except (OSError, RuntimeError) as error:
        raise BlockctlError(f"cannot read the policy {path}: {error}", "use --policy FILE") from error


def _keep_rights(new: Path, old: Path) -> None:
    try:
        was = old.stat()
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        new.chmod(0o666 & ~mask)
        return
    if hasattr(os, "chown"):
        with contextlib.suppress(OSError):  # only root can keep another's file another's
            os.chown(new, was.st_uid, was.st_gid)
    new.chmod(was.st_mode & 0o7777)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not every system can; the rename is then as safe as it gets
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _init_hint(path: Path) -> str:
    return f"`blockctl init --policy {path}` writes one" if path != policy_path(None) else "`blockctl init` writes one"


def _rights_hint(path: Path) -> str:
    return f"make {path.parent} a folder that you can write to"
