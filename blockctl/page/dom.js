// Elements by one function; texts are always texts, whatever a list or a page put into them.

export function make(name, attributes = {}, ...inside) {
  const svg = ["svg", "rect", "title"].includes(name);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...inside.flat(2).filter((each) => each !== null && each !== undefined && each !== ""));
  return made;
}

export const at = (selector) => document.querySelector(selector);

export function tell(text) {
  at("#told").textContent = text;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => (at("#told").textContent = ""), 6000);
}

// A button that works while its promise does, and tells what went wrong.
export function button(text, action, attributes = {}) {
  const made = make("button", { type: "button", ...attributes, onclick: async () => {
    made.disabled = true;
    try {
      await action();
    } catch (error) {
      tell(error.message);
    }
    made.disabled = false;
  } }, text);
  return made;
}

export function choice(legend, options, chosen, choose) {
  const buttons = options.map(([value, text]) =>
    button(text, () => choose(value), { "aria-pressed": String(value === chosen) }));
  return make("fieldset", {}, make("legend", {}, legend), buttons);
}

export function when(text) {
  if (!text) return "";
  const moment = new Date(text);
  const today = moment.toDateString() === new Date().toDateString();
  return today ? moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
    : moment.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

export const count = (number) => (number ?? 0).toLocaleString();
