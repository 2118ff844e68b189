"""What the formats are made of: random bytes alone would take days to spell `$denyallow=`."""

from __future__ import annotations

PIECES = (
    "||", "@@", "|", "^", "*", "$", "~", ",", "=", "/", "##", "#@#", "#?#", "#$#", "#%#", "$$", "!",
    "!#if ext_ublock", "!#if (env_firefox && !cap_html_filtering)", "!#else", "!#endif", "!#include x.txt", "! ",
    "# ", "\n", "\r\n", "\0", "\ufeff", " ", "\t", "\u200b", "\u00a0", "0.0.0.0 ", "::1 ", "127.0.0.1\t", "*.", ".",
    "ads.example", "com", "co.uk", "a" * 64, "b\u00fccher.example", "\u0430ds.example", "domain=", "from=",
    "third-party", "1p", "important", "badfilter", "denyallow=", "script", "document", "all", "removeparam=", "csp=",
    "redirect=", "redirect-rule=noop.js", "to=", "replace=/a/b/", "method=post", "dnstype=A", "dnsrewrite=",
    "client=", "header=", "popup", "match-case", "strict3p", "elemhide", "generichide", "[$path=/x]",
    "[Adblock Plus 2.0]", "! Title: uBlock", ":has-text(", ":style(", ":matches-path(", ":remove()", "+js(",
    "/^ads[0-9]+\\./", ".*", "address=/", "server=/", "local=/", "/#", 'local-zone: "', '" always_nxdomain',
    '" redirect', "local-data: ", "server:", "$TTL 60", "$ORIGIN x.", "@", " IN ", " CNAME .", " CNAME rpz-passthru.",
    " SOA a. b. ( 1 2 3 4 5 )", "SOA a. b. 1 2 3 4 5", " A 0.0.0.0", "; ", "version: 1", "sites:", "hosts:", "lists:",
    "targets:", "resolver:", "protect: [", "defaults: {", "deny: [", "allow: [", "hide: ['", "]", "{", "}", "  ",
    "- ", "? ", ": ", "javascript: deny", "first-party", "blocking: off", "until: 2030-01-01", "note: ",
    "scroll: unlock", "&a", "*a", "<<: ", "!!str ", "---", "...", "|-\n", ">\n", "'", '"', "<html>", "(", ")", "[",
    "\\", "?", "+", "{1,9}", "https://", "http://[::1]", "@", ":", "%E4", "xn--", "\n%\n",
)  # fmt: skip


def dictionary() -> str:
    """Return the pieces as libFuzzer reads a dictionary."""
    lines = ("".join(f"\\x{byte:02x}" for byte in piece.encode()) for piece in PIECES)
    return "".join(f'"{line}"\n' for line in lines)
