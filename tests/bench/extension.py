"""Times of the companion extension: python -m tests.bench.extension [chromium|firefox]

Click to rule in force; saved edit to rule in force in an open browser, at once and after 75 idle seconds; 5,000 denied
sites; what a page pays at document start. Times in ms, by the browser's clock; of edits by the machine's.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.engines.companion import BROWSERS, Api, Browser, pair, until

POLICY = "version: 1\nsites:\n  rant.test: {javascript: deny}\n"
ROUNDS = 15
PAGE = "<!doctype html><title>page</title><p>" + "Something to read. " * 50
API = "const b = globalThis.browser ?? chrome, dnr = b.declarativeNetRequest;"
# from the click until the rule is there, seen by asking again and again; the reload is the page's own
CLICK = (
    API
    + """
const began = performance.now();
document.querySelector('[data-key=javascript] [data-value=%s]').click();
for (;;) {
  const rules = await dnr.getSessionRules();
  if (rules.some(rule => rule.action.type === '%s')) return performance.now() - began;
}
"""
)
SEEN = (
    API
    + """
for (const end = Date.now() + 30000; Date.now() < end;) {
  const rules = await dnr.getDynamicRules();
  if (rules.some(rule => rule.condition.requestDomains?.includes('%s'))) return Date.now();
}
return 0;
"""
)
RELOAD = (
    API
    + """
const { live } = await b.storage.local.get('live');
const took = [];
for (let round = 0; round < 5; round++) {
  await dnr.updateDynamicRules({ removeRuleIds: (await dnr.getDynamicRules()).map(rule => rule.id) });
  const began = performance.now();
  await dnr.updateDynamicRules({ addRules: live.dynamic });
  took.push(performance.now() - began);
}
return took;
"""
)
START = "(page => page.domContentLoadedEventEnd - page.responseEnd)(performance.getEntriesByType('navigation')[0])"
GUARDS = API + "return await b.scripting.getRegisteredContentScripts()"


def told(name: str, values: list[float]) -> None:
    """Print one figure."""
    ordered = sorted(values)
    print(
        f"{name:<55} median {statistics.median(ordered):7.1f}  worst {ordered[-1]:7.1f}  ({len(ordered)})", flush=True
    )


def says(api: Api, text: str) -> bool:
    return text in api.text()


def clicks(browser: Browser, api: Api) -> None:
    took = []
    for _ in range(ROUNDS):
        for value, action in (("deny", "modifyHeaders"), ("allow", "allow")):
            took.append(float(browser.popup(CLICK % (value, action))))
            until("the file", partial(says, api, f"fine.test: {{javascript: {value}"))
            time.sleep(0.5)
    told("click to rule in force", took)


def edits(browser: Browser, api: Api, name: str, rounds: int, idle: float) -> None:
    took = []
    for number in range(rounds):
        host = f"edit-{int(idle)}-{number}.test"
        time.sleep(idle)
        began = time.time() * 1000
        api.write(POLICY + f"  {host}: {{javascript: deny}}\n")
        took.append(float(browser.popup(SEEN % host)) - began)
    told(name, took)


def start(browser: Browser, api: Api) -> None:
    """A denied page with the script at document start and without it, in turn."""
    api.write(POLICY)
    until("the guard", lambda: len(browser.popup(GUARDS)) == 1)
    took: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(ROUNDS):
        for guarded in (True, False):
            if not guarded:
                browser.popup(API + "b.storage.session.set({guards: await b.scripting.getRegisteredContentScripts()});"
                              "await b.scripting.unregisterContentScripts()")  # fmt: skip
            browser.visit("http://rant.test/")
            took[guarded].append(float(browser.page(START)))
            if not guarded:
                browser.popup(API + "await b.scripting.registerContentScripts("
                              "(await b.storage.session.get('guards')).guards)")  # fmt: skip
    for guarded, values in took.items():
        told(f"a denied page, last byte to DOMContentLoaded, guard {'on' if guarded else 'off'}", values)


def many(browser: Browser, api: Api, count: int) -> None:
    def loads() -> list[float]:
        found = []
        for _ in range(ROUNDS):
            browser.visit("http://plain.test/")
            found.append(float(browser.page(START)))
        return found

    api.write(POLICY)
    time.sleep(2)
    told("an untouched page from its last byte to DOMContentLoaded, 1 site", loads())
    began = time.time() * 1000
    api.write(POLICY + "".join(f"  site-{number}.test: {{javascript: deny}}\n" for number in range(count)))
    seen = float(browser.popup(SEEN % f"site-{count - 1}.test"))
    told(f"saved edit with {count:,} denied sites to rule in force", [seen - began])
    told(f"{count:,} denied sites: the browser takes the rules", [float(each) for each in browser.popup(RELOAD)])
    rules = browser.popup(API + "return (await dnr.getDynamicRules()).length")
    scripts = API + "return (await b.scripting.getRegisteredContentScripts()).map(each => each.matches.length)"
    until("guards", lambda: browser.popup(scripts) == [count + 1])
    print(f"{count:,} denied sites are {rules} rules", flush=True)
    told(f"an untouched page from its last byte to DOMContentLoaded, {count:,} sites", loads())
    browser.visit(f"http://site-{count - 1}.test/")
    assert browser.page("document.title") == "page"


def main() -> None:
    for which in sys.argv[1:] or list(BROWSERS):
        print(which)
        api = Api(Path(tempfile.mkdtemp()), POLICY)
        browser = BROWSERS[which]()
        try:
            for host in ("fine", "plain", "rant", "site-4999"):
                browser.web.pages[f"http://{host}.test/"] = PAGE
            browser.visit("http://fine.test/")
            pair(browser, api)
            clicks(browser, api)
            edits(browser, api, "saved edit to rule in force", ROUNDS, 1)
            edits(browser, api, "the same after 75 s in which nothing happened", 2, 75)
            start(browser, api)
            many(browser, api, 5000)
        finally:
            browser.end()
            api.stop()


if __name__ == "__main__":
    main()
