// The web API from this page: one token for this browser, told in a header, kept in its own storage.

const KEY = "blockctl.token";
export let token = localStorage.getItem(KEY) || "";

export class Declined extends Error {
  constructor(status, error) {
    const lines = (error.diagnostics ?? []).filter((each) => each.line).map((each) => `line ${each.line}: ${each.message}`);
    super([error.message, error.hint, ...lines.slice(0, 3)].filter(Boolean).join(": "));
    this.status = status;
  }
}

export async function call(method, path, body) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store" });
  } catch {
    throw new Declined(0, { message: "blockctl does not answer", hint: "is `blockctl serve` running?" });
  }
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  if (answer.status === 401) forget();
  throw new Declined(answer.status, said.error || { message: `status ${answer.status}` });
}

export async function pair(code, name) {
  const said = await call("POST", "/v1/pair", { code, name });
  token = said.token;
  localStorage.setItem(KEY, token);
}

export function forget() {
  token = "";
  localStorage.removeItem(KEY);
}

// Calls `each` with every event until `signal` ends it; the header keeps EventSource out.
export async function follow(path, signal, each) {
  const answer = await fetch(path, { headers: { authorization: `Bearer ${token}` }, signal, cache: "no-store" });
  if (!answer.ok) throw new Declined(answer.status, { message: "the log cannot be followed" });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ; ) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const data = event.split("\n").find((line) => line.startsWith("data: "));
      if (data) each(JSON.parse(data.slice(6)));
    }
  }
}
