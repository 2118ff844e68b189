"""Lines that do something else than decide about requests: passed on as written, in AdGuard's words.

The list is to be added to AdGuard as a trusted one, for it leaves out every `$csp` of others. So what it heeds only
from trusted lists stays out of ours unless the policy says it: nobody's list gets more power by passing through here.
"""

from __future__ import annotations

import re

from blockctl.backends.adguard_words import NO_SELECTOR, SCRIPTLETS, WORDS, resource
from blockctl.backends.ublock_lines import (
    BAD_CSP,
    INLINE_STYLE,
    TRUSTED_SCRIPTLET,
    name_of,
    options_at,
    split_options,
)
from blockctl.model.rule import Cosmetic, CosmeticForm, Effect, Rule

HIDING = frozenset(("elemhide", "generichide", "specifichide"))
KINDS = frozenset((
    "document", "font", "image", "media", "object", "other", "ping", "script", "stylesheet", "subdocument", "websocket",
    "xmlhttprequest",
))  # fmt: skip
OPTIONS = HIDING | KINDS | {
    "all", "csp", "cookie", "denyallow", "domain", "first-party", "header", "important", "inline-font",
    "inline-script", "jsinject", "match-case", "method", "permissions", "popup", "redirect-rule", "removeparam",
    "third-party", "to",
}  # fmt: skip
APART = {  # what AdGuard's engine does not take beside an option
    "header": {"to", "denyallow", "method", "popup"},
    "removeparam": {"to", "denyallow", "method", "popup"},
    "permissions": {"to", "denyallow", "method", "popup", "third-party", "first-party", "match-case"},
}
SAFARI_OPTIONS = HIDING | {"jsinject"}
UNTRUSTED = frozenset(("replace", "removeheader", "uritransform", "urltransform", "urlskip"))
WHOLE_PAGE = frozenset(("urlblock", "genericblock", "content", "extension", "stealth"))
SILENT = frozenset(("reason", "collapse", "noop"))

_SEPARATOR = re.compile(r"#@?[?$%]{0,2}#")
_PATH_OF_UBO = re.compile(r":matches-path\(")
_PATH_ALONE = re.compile(r"#@?#(?::not\()?:matches-path\(\S*\)")
_HALF_REGEX = re.compile(r"/(?!.*/[a-z]*\Z)")
_SCRIPTLET_OF_UBO = re.compile(r"#@?#\+js\(\s*([^,)]*?)(?:\.js)?\s*[,)]")


def passed_on(rule: Rule, *, safari: bool) -> tuple[str, str]:
    """Return (line, "") or ("", reason) for a rule that has an action or needs what a Request does not carry."""
    if rule.action in UNTRUSTED:
        return "", "untrusted"
    if rule.action in WHOLE_PAGE:
        return "", "whole-page"
    at = options_at(rule.text)
    parts = [part for option in split_options(rule.text[at + 1 :]) if (part := _in_its_words(option))]
    names = {name_of(part) for part in parts}
    if safari:
        hosts = rule.host and names <= SAFARI_OPTIONS and len(names) == 1
        return (f"{rule.text[:at]}${parts[0]}", "") if hosts else ("", "popup" if "popup" in names else "action")
    if not names <= OPTIONS or (rule.action == "removeparam" and _HALF_REGEX.match(rule.value)):
        return "", "option"
    if "csp" in names and BAD_CSP.search(rule.value):
        return "", "csp-report"
    if any(name in names and names & others for name, others in APART.items()):
        return "", "together"
    if rule.action == "redirect-rule":
        return _with_resource(rule, rule.text[:at], parts)
    if rule.effect is Effect.ALLOW and "document" in names:  # there it would free the whole page
        if names & KINDS != {"document"}:
            return "", "together"
        parts = [*(part for part in parts if name_of(part) != "document"), "~subdocument"]
    elif rule.effect is Effect.ALLOW and names & HIDING and "subdocument" not in names:
        parts.append("~subdocument")  # such an exception would let frames of that host through
    return f"{rule.text[:at]}${','.join(parts)}", ""


def _in_its_words(option: str) -> str:
    """Return an option by AdGuard's name for it, "" when it says nothing."""
    name, assigned, value = option.strip().partition("=")
    bare = name.lstrip("~")
    if bare in SILENT or not bare.strip("_"):
        return ""
    return f"{name[: len(name) - len(bare)]}{WORDS.get(bare, bare)}{assigned}{value}"


def _with_resource(rule: Rule, pattern: str, parts: list[str]) -> tuple[str, str]:
    known = resource(rule.value).removeprefix("redirect=") if rule.value else ""
    if rule.value and not known:
        return "", "resource"
    kept = [part for part in parts if name_of(part) != "redirect-rule"]
    return f"{pattern}${','.join([*kept, f'redirect-rule={known}' if known else 'redirect-rule'])}", ""


def cosmetic_line(rule: Cosmetic, *, safari: bool) -> tuple[str, str]:
    """Return the line of a cosmetic rule, "" when there is none, and the reason why it is not all of it."""
    text = rule.text
    if rule.form is CosmeticForm.SCRIPTLET and (reason := _scriptlet_reason(rule)):
        return "", reason
    if NO_SELECTOR.search(text) and rule.form is not CosmeticForm.SCRIPTLET:
        return "", "selector"
    if safari and rule.form is CosmeticForm.HTML:
        return "", "html"
    of_path = any(need.startswith("path=") for need in rule.needs) and not text.startswith("[$")
    alone = rule.form is CosmeticForm.SCRIPTLET or _PATH_ALONE.search(text)
    if of_path and (safari or alone or not _PATH_OF_UBO.search(text)):
        return "", "path"
    if ">>" in text and (mark := _SEPARATOR.search(text)) and ">>" in text[: mark.start()]:
        return text[: mark.start()].replace(">>", "") + text[mark.start() :], "in-frames"
    return _plain_style(text) if text.endswith("}") else text, ""


def _scriptlet_reason(rule: Cosmetic) -> str:
    own = "%#" in rule.text and "//scriptlet(" not in rule.text
    if rule.effect is Effect.BLOCK and (own or TRUSTED_SCRIPTLET.search(rule.text)):
        return "untrusted"
    named = _SCRIPTLET_OF_UBO.search(rule.text)
    return "scriptlet" if "script:inject(" in rule.text or (named and named[1] in SCRIPTLETS) else ""


def _plain_style(text: str) -> str:
    """Return Adblock Plus' `##selector {declarations}` as AdGuard's `#$#selector { declarations }`."""
    match = INLINE_STYLE.fullmatch(text)
    if match is None:
        return text
    mark = match[1].replace("##", "#$#").replace("#@#", "#@$#").replace("#?#", "#$?#").replace("#@?#", "#@$?#")
    return f"{mark}{match[2]} {{ {match[3].strip()} }}"
