// api.js: calls over HTTP, with the token of this tab.

let token = sessionStorage.getItem("token") ?? "";

export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status; // HTTP's
    this.code = code; // "NOT_FOUND"
  }
}

export function hasToken() {
  return token !== "";
}

export function setToken(given) {
  token = given;
  if (given === "") sessionStorage.removeItem("token");
  else sessionStorage.setItem("token", given);
}

async function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (token !== "") headers.Authorization = `Bearer ${token}`;
  return fetch(path, { ...options, headers, cache: "no-store", signal: AbortSignal.timeout(15000) });
}

async function answerOf(response) {
  const body = await response.json();
  if (body.error) throw new Refused(response.status, body.error.status, body.error.message);
  return body.result;
}

// The methods that can be called.
export async function methods() {
  return new Set(await answerOf(await ask("/api/methods")));
}

export async function call(method, args = {}) {
  const response = await ask(`/api/call/${method}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(args),
  });
  return answerOf(response);
}

// Unhealthy is an answer, too.
export async function health() {
  return (await ask("/health")).json();
}
