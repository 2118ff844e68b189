"""Policies of every layout, for property tests: the same content written in many ways."""

from __future__ import annotations

from hypothesis import strategies as st

SITES = ("a.example", "b.a.example", "news.example", "xn--bcher-kva.example", "192.0.2.1", "[::1]", "nas")
HOSTS = ("cdn.example", "x.cdn.example", "ads.example", "a.example")
MOMENTS = ("2020-01-01T00:00:00Z", "2036-12-01T12:00:00Z", "2021-05-05 12:00+02:00")
NOTES = ("plain", '"quoted: \\u00e9 #x"', "'it''s'")
COMMENTS = ("", "", "", "  # why", " # x: {y}, [z]")

comment = st.sampled_from(COMMENTS)


@st.composite
def host_items(draw: st.DrawFn, hosts: tuple[str, ...]) -> list[str]:
    items = []
    for host in hosts:
        form = draw(st.integers(0, 3))
        until, note = draw(st.sampled_from(MOMENTS)), draw(st.sampled_from(NOTES))
        items.append(
            (host, f'"{host}"', f"{{host: {host}, until: {until}}}", f"{{ note: {note}, host: {host} }}")[form]
        )
    return items


@st.composite
def lists_of_hosts(draw: st.DrawFn, indent: int) -> list[tuple[str, str]]:
    """Return `allow` and `deny` keys with values; a block value begins with a line break."""
    hosts = draw(st.lists(st.sampled_from(HOSTS), unique=True, max_size=4))
    cut = draw(st.integers(0, len(hosts)))
    entries = []
    for key, names in (("allow", hosts[:cut]), (draw(st.sampled_from(("deny", "block"))), hosts[cut:])):
        if names or draw(st.booleans()):
            entries.append((key, draw(sequences(tuple(names), indent))))
    return entries


@st.composite
def sequences(draw: st.DrawFn, names: tuple[str, ...], indent: int) -> str:
    items = draw(host_items(names))
    form = draw(st.integers(0, 3)) if indent else draw(st.integers(0, 1))
    if not items:
        return draw(st.sampled_from(("[]", "[ ]", "~", ""))) if indent else "[]"
    if form == 0:
        return f"[{', '.join(items)}]"
    if form == 1:
        return f"[ {' , '.join(items)}, ]"
    pad = " " * (indent + draw(st.sampled_from((0, 2))))
    if form == 2:
        return "".join(f"\n{pad}- {item}{draw(comment)}" for item in items)
    lines = "".join(f"{pad}  {item},{draw(comment)}\n" for item in items)
    return f"[{draw(comment)}\n{lines}{pad}]"


@st.composite
def settings(draw: st.DrawFn, indent: int) -> list[tuple[str, str]]:
    entries = draw(lists_of_hosts(indent))
    for key, values in (
        ("javascript", ("allow", "deny", '"first-party"', "block")),
        ("blocking", ("on", "off", "'no'")),
        ("scroll", ("unlock",)),
        ("until", MOMENTS),
        ("note", (*NOTES, *(("|\n" + " " * (indent + 2) + "two\n" + " " * (indent + 2) + "lines",) if indent else ()))),
        ("hide", ('[".x", "#y"]',)),
    ):
        if draw(st.booleans()):
            entries.append((key, draw(st.sampled_from(values))))
    return list(draw(st.permutations(entries)))


@st.composite
def sites(draw: st.DrawFn) -> str:
    names = draw(st.lists(st.sampled_from(SITES), unique=True, max_size=4))
    if not names:
        return draw(st.sampled_from(("sites: {}\n", "sites:\n", "sites: ~  # none\n", "sites: { }  # none\n", "")))
    keys = [f'"{name}"' if name.startswith("[") else name for name in names]
    if draw(st.integers(0, 3)) == 0:
        entries = [f"{key}: {_flow(draw(settings(0)))}" for key in keys]
        gap = draw(st.sampled_from((", ", " ,\n  ", ", # c\n    ")))
        return f"sites: {{{gap.join(entries)}{draw(st.sampled_from(('', ',', ' ')))}}}{draw(comment)}\n"
    text = f"sites:{draw(comment)}\n"
    pad = " " * draw(st.sampled_from((1, 2, 4)))
    for key in keys:
        text += draw(st.sampled_from(("", "", f"{pad}# of the next\n", "\n")))
        if draw(st.booleans()):
            text += f"{pad}{key}: {_flow(draw(settings(0)))}{draw(comment)}\n"
            continue
        entries = draw(settings(len(pad) + 2))
        text += f"{pad}{key}:{'' if entries else draw(st.sampled_from(('', ' {}')))}{draw(comment)}\n"
        for name, value in entries:
            end = "" if value.startswith(("\n", "|")) or not value else draw(comment)
            text += f"{pad}  {name}:{'' if value.startswith(chr(10)) else ' '}{value}{end}\n"
        text += draw(st.sampled_from(("", "", f"{pad}  # the last\n")))
    return text


def _flow(entries: list[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in entries) + "}"


@st.composite
def hosts(draw: st.DrawFn) -> str:
    if draw(st.booleans()):
        return draw(st.sampled_from(("hosts:\n", "hosts: {}\n", "", "hosts: {}  # none\n")))
    if draw(st.booleans()):
        return f"hosts: {_flow(draw(lists_of_hosts(0)))}{draw(comment)}\n"
    text = "hosts:\n"
    for key, value in draw(lists_of_hosts(2)):
        text += f"  {key}:{'' if value.startswith(chr(10)) else ' '}{value}\n"
    return text


@st.composite
def resolver(draw: st.DrawFn) -> str:
    """Return a `resolver` section, mostly one with groups whose hosts may have lapsed."""
    if draw(st.booleans()):
        return draw(st.sampled_from(("", "resolver: {answer: 'null', records: {nas.home.arpa: 192.168.1.9}}\n")))
    text = "resolver:\n  cache: {size: 16MB}  # c\n  groups:\n"
    for number, name in enumerate(draw(st.lists(st.sampled_from(("kids", "tv")), min_size=1, unique=True))):
        clients = ("clients", f"[10.0.0.{number}]")
        schedule = ("schedule", "[{days: mon-fri, from: '20:00', to: '07:00', deny: all}]")
        if draw(st.booleans()):
            entries = [clients, *draw(lists_of_hosts(0)), schedule]
            text += f"    {name}: {_flow(entries)}{draw(comment)}\n"
            continue
        text += f"    {name}:{draw(comment)}\n"
        for key, value in draw(st.permutations([clients, *draw(lists_of_hosts(6)), schedule])):
            text += f"      {key}:{'' if value.startswith(chr(10)) else ' '}{value}\n"
    return text


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Return a policy's text without a fault, at least without one that is an error."""
    parts = [
        draw(sites()),
        draw(hosts()),
        draw(resolver()),
        draw(st.sampled_from(("", "protect: [my-bank.example]\n", "lists:\n  - {name: a, path: b}\n  # - c\n"))),
        draw(st.sampled_from(("", "# a comment of its own\n", "\n\n"))),
    ]
    text = (
        draw(st.sampled_from(("", "# the policy\n", "---\n"))) + "version: 1\n" + "".join(draw(st.permutations(parts)))
    )
    if draw(st.integers(0, 4)) == 0:
        text = text.removesuffix("\n")
    elif draw(st.integers(0, 4)) == 0:
        text += draw(st.sampled_from(("...\n", "\n\n", "# the end")))
    if draw(st.integers(0, 3)) == 0:
        text = text.replace("\n", "\r\n")
    return ("\ufeff" if draw(st.integers(0, 5)) == 0 else "") + text
