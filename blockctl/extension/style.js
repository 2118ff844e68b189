// On sites where the policy hides something or gives scrolling back: the background puts the style in, out of the page's reach.
(globalThis.browser ?? globalThis.chrome).runtime.sendMessage({ do: "style" });
