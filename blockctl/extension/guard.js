// On denied pages only. Closes what a header leaves open, and notices a page that shows nothing without JavaScript.
(() => {
  const browser = globalThis.browser ?? globalThis.chrome;
  const root = document.documentElement;

  // Headers of ours never reach a page that a service worker makes; in Safari no extension changes any.
  const arrival = performance.getEntriesByType("navigation")[0];
  const isMade = arrival?.workerStart > 0;
  if (root && (isMade || browser.runtime.getURL("").startsWith("safari"))) {
    const head = document.createElementNS("http://www.w3.org/1999/xhtml", "head");
    const meta = document.createElementNS("http://www.w3.org/1999/xhtml", "meta");
    meta.httpEquiv = "Content-Security-Policy";
    meta.content = "script-src 'none'";
    head.append(meta);
    root.prepend(head); // in force from here on, and it stays in force
    head.remove();
  }
  // Once: where the worker stays all the same, as Safari lets nobody clear any, asking again would reload for ever.
  if (isMade && arrival.type !== "reload") browser.runtime.sendMessage({ do: "made by a worker" });

  if (window !== window.top) return;
  addEventListener("load", () => setTimeout(look, 300), { once: true });

  function look() {
    if (!isEmpty()) return;
    browser.runtime.sendMessage({ do: "empty" });
    offer();
  }

  function isEmpty() {
    const body = document.body;
    if (!body || body.innerText.trim().length > 40) return !body;
    const shows = (each) => {
      const { width, height } = each.getBoundingClientRect();
      return width >= 50 && height >= 50;
    };
    return ![...body.querySelectorAll("img, picture, video, iframe, object, embed, svg, form, input")].some(shows);
  }

  // One tap, in a tree of its own that the page's style cannot reach. Only a person's tap counts.
  function offer() {
    const place = document.createElement("div");
    place.style.cssText = "all: initial !important; position: fixed !important; inset: auto 0 0 0 !important;" +
      "z-index: 2147483647 !important; color-scheme: light dark !important";
    const line = place.attachShadow({ mode: "closed" }).appendChild(document.createElement("p"));
    line.style.cssText = "margin: 0; padding: 12px 16px; display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center;" +
      "font: 15px/1.4 system-ui, sans-serif; background: Canvas; color: CanvasText; border-top: 1px solid GrayText";
    line.append("This page shows nothing without JavaScript. ");
    for (const [words, act] of [["Allow it for this visit", allow], ["Leave it", () => place.remove()]]) {
      const button = line.appendChild(document.createElement("button"));
      button.style.cssText = "font: inherit; padding: 10px 16px; min-height: 44px; border-radius: 8px; cursor: pointer";
      button.textContent = words;
      button.addEventListener("click", (event) => event.isTrusted && act());
    }
    document.body.append(place);
  }

  function allow() {
    browser.runtime.sendMessage({ do: "allow this visit" });
  }
})();
