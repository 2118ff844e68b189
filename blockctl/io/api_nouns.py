"""What the web API takes and gives, as OpenAPI describes it. Times are ISO 8601 in UTC; null is what nobody said."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

JavaScript = Literal["allow", "deny", "first-party"]
Verdict = Literal["allow", "deny"]
Text = Annotated[str, Field(max_length=2000)]
Short = Annotated[str, Field(max_length=300)]
Duration = Annotated[str, Field(max_length=40, description="As in 30m, 1h, 1d, 1h30m.", examples=["1h"])]


class Asked(BaseModel):
    """What is sent: a key that nobody knows is an error, not ignored."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Told(BaseModel):
    """One thing that is wrong, and the way out."""

    code: str
    severity: str
    file: str
    line: int
    column: int
    message: str
    hint: str


class Wrong(BaseModel):
    """Why the answer is no."""

    message: str
    hint: str = ""
    diagnostics: list[Told] = []


class Fault(BaseModel):
    """The body of every answer that is no success."""

    error: Wrong


class Hello(BaseModel):
    """Who is there, and whether the one who asks is paired."""

    name: str
    version: str
    paired: bool
    device: str | None = None
    scopes: list[str] = []


class PairAsked(Asked):
    """A code that `blockctl pair` printed, and a name for this device."""

    code: Annotated[str, Field(min_length=1, max_length=64)]
    name: Annotated[str, Field(max_length=200)] = ""


class Paired(BaseModel):
    """The token for `Authorization: Bearer TOKEN`. It is told once."""

    token: str
    device: str
    scopes: list[str]


class DeviceTold(BaseModel):
    """A paired device."""

    name: str
    scopes: list[str]
    since: str
    used: str | None
    this: bool


class DevicesTold(BaseModel):
    """Every paired device."""

    devices: list[DeviceTold]


class CodeAsked(Asked):
    """A code for another device."""

    name: Annotated[str, Field(max_length=200)] = ""
    read_only: bool = False


class CodeTold(BaseModel):
    """A code that works once, and the addresses at which another device opens the page with it."""

    code: str
    until: str
    addresses: list[str]


class HostTold(BaseModel):
    """A host that is allowed or denied."""

    host: str
    verdict: Verdict
    until: str | None
    note: str
    site: str | None
    line: int


class PauseTold(BaseModel):
    """Whether everything is let through, and until when (null: until somebody ends it)."""

    in_force: bool
    until: str | None


class Source(BaseModel):
    """A place in the policy file."""

    file: str
    line: int


class Applied(BaseModel):
    """A key as it applies: by which entry, and its line (null: nobody wrote it)."""

    value: Any
    by: str
    line: int | None


class SiteTold(BaseModel):
    """What applies on a page of this host. `site` is the nearest entry that covers it, null when there is none."""

    host: str
    domain: str | None
    site: str | None
    javascript: JavaScript
    blocking: bool
    hosts: list[HostTold]
    hide: list[str]
    scroll: Literal["unlock"] | None
    note: str
    until: str | None
    paused: PauseTold
    source: Source | None
    applies: dict[str, Applied]
    words: list[str]
    revision: str


class Entry(BaseModel):
    """An entry of `sites:` as it is written."""

    site: str
    line: int
    javascript: JavaScript | None
    blocking: bool | None
    hosts: list[HostTold]
    hide: list[str]
    scroll: Literal["unlock"] | None
    until: str | None
    note: str


class SitesTold(BaseModel):
    """Every entry of `sites:`, and what applies to all others."""

    revision: str
    defaults: dict[str, Any]
    sites: list[Entry]


class SitePatch(Asked):
    """What to set; null resets a key. `for`: so long, what stood there then comes back; null: for good."""

    javascript: JavaScript | None = None
    blocking: bool | None = None
    hide: Annotated[list[Short], Field(max_length=200)] | None = None
    scroll: Literal["unlock"] | None = None
    note: Text | None = None
    for_: Annotated[Duration | None, Field(alias="for")] = None


class HostAsked(Asked):
    """A host to allow or deny, on one site or everywhere."""

    host: Short
    verdict: Verdict
    site: Short | None = None
    for_: Annotated[Duration | None, Field(alias="for")] = None
    note: Text | None = None


class HostsTold(BaseModel):
    """Hosts that are allowed or denied, everywhere (site is null) and on sites."""

    revision: str
    changed: bool | None = None
    hosts: list[HostTold]


class PauseAsked(Asked):
    """How long (null: until somebody ends it), and for which group of the resolver's (null: everybody)."""

    for_: Annotated[Duration | None, Field(alias="for")] = None
    group: Short | None = None


class PausesTold(PauseTold):
    """Everybody's pause, and those of groups."""

    groups: dict[str, PauseTold]
    revision: str


class Later(BaseModel):
    """What holds from a moment on, when something temporary is over."""

    at: str
    paused: bool
    dynamic: list[dict[str, Any]]
    modes: dict[str, Any]
    cosmetic: dict[str, Any]


class Rules(BaseModel):
    """The policy as declarativeNetRequest rules. `until`: when the first of `later` holds.

    `session` is empty: what lasts as long as the browser is the extension's own to add.
    """

    revision: str
    browser: str
    dynamic: list[dict[str, Any]]
    session: list[dict[str, Any]]
    modes: dict[str, Any]
    cosmetic: dict[str, Any]
    paused: PauseTold
    until: str | None
    later: list[Later]
    gaps: list[str]


class Changes(BaseModel):
    """The revision of the policy as it stands now."""

    revision: str
    changed: bool
