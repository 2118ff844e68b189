// The way to blockctl: one address, one token.

export const browser = globalThis.browser ?? globalThis.chrome;
export const ADDRESS = "http://127.0.0.1:5380";

/** blockctl said no. `status` 0: it did not answer at all. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Return {address, token, device}; token is missing before pairing. */
export async function account() {
  const kept = await browser.storage.local.get(["address", "token", "device"]);
  return { ...kept, address: kept.address || ADDRESS };
}

/** Ask blockctl. `body` is sent as JSON. Throws Refused. */
export async function ask(method, path, body, { signal, seconds = 10, pairing } = {}) {
  const { address, token } = pairing ?? (await account());
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const stop = AbortSignal.any([AbortSignal.timeout(seconds * 1000), ...(signal ? [signal] : [])]);
  let answer, data;
  try {
    answer = await fetch(address + path, {
      method, headers, signal: stop, body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer",
    });
    data = answer.headers.get("content-type")?.includes("json") ? await answer.json() : null;
  } catch {
    throw new Refused(0, "blockctl is not running.");
  }
  if (!answer.ok) throw new Refused(answer.status, said(data) ?? `blockctl answered ${answer.status}.`);
  return data;
}

function said(data) {
  const text = data?.error?.message ?? data?.error ?? data?.detail ?? data?.message;
  return typeof text === "string" ? text : undefined;
}

/** Take a token for a code; return the device's name. The address is tried before it is kept. Throws Refused. */
export async function pair(address, code, name) {
  const pairing = { address: address.trim().replace(/\/+$/, "") || ADDRESS };
  const { token, device } = await ask("POST", "/v1/pair", { code: code.replace(/\D/g, ""), name }, { pairing });
  await browser.storage.local.set({ address: pairing.address, token, device });
  return device;
}
