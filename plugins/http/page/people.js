// people.js: locks by name, sessions by user.

import { call } from "./api.js";
import { element, find, showTable } from "./dom.js";
import * as format from "./format.js";

let lockName = "";

export async function showLocks(can) {
  const place = find("lock-table");
  if (!can.has("lock.status")) {
    showTable(place, "Locks", [], [], "The plugin lock is not loaded.");
    find("lock-form").hidden = true;
    return;
  }
  const names = can.has("lock.names") ? (await call("lock.names")).map((each) => each.name ?? each) : [];
  if (lockName !== "" && !names.includes(lockName)) names.unshift(lockName);
  const found = await Promise.all(names.slice(0, 100).map((name) => call("lock.status", { name }).catch(() => null)));
  const columns = [{ name: "Lock" }, { name: "Mode" }, { name: "Holders", number: true }, { name: "Waiting", number: true }, { name: "Held by" }, { name: "Ends in", number: true }];
  const rows = found.map((status, i) => [
    names[i],
    status?.held ? status.mode : "free",
    format.count(status?.count ?? status?.holders?.length ?? 0),
    format.count(status?.waiting ?? 0),
    (status?.holders ?? []).map((each) => each.owner || (each.here ? "this process" : "another process")).join(", ") || "–",
    status?.holders?.length ? format.milliseconds(Math.min(...status.holders.map((each) => each.expires_in_ms))) : "–",
  ]);
  showTable(place, "Locks", columns, rows, can.has("lock.names") ? "No lock is held." : "Look one up by its name.");
}

let user = "";

async function endSession(handle, can, tell) {
  try {
    const ended = await call("session.destroy", { id_or_handle: handle });
    tell(ended ? "The session has ended." : "There was no such session any more.");
  } catch (error) {
    tell(`Not ended: ${error.message}`);
  }
  await showSessions(can, tell);
}

export async function showSessions(can, tell) {
  const place = find("session-table");
  if (!can.has("session.list")) {
    showTable(place, "Sessions", [], [], "The plugin session is not loaded.");
    find("session-form").hidden = true;
    return;
  }
  if (user === "") {
    showTable(place, "Sessions", [], [], "Look up the sessions of a user.");
    return;
  }
  const sessions = await call("session.list", { user_id: user });
  const ends = can.has("session.destroy");
  const columns = [{ name: "Session" }, { name: "Begun" }, { name: "Ends" }, { name: "Attributes" }, ...(ends ? [{ name: "", class: "actions" }] : [])];
  const rows = sessions.map((each) => [
    element("span", { class: "mono" }, `${String(each.handle).slice(0, 16)}…`),
    format.time(each.created_at_ms),
    format.time(each.expires_at_ms),
    element("details", { "data-keep": each.handle }, element("summary", {}, `${Object.keys(each.attributes ?? {}).length} attributes`), element("pre", {}, format.json(each.attributes ?? {}))),
    ...(ends ? [element("button", { type: "button", "data-keep": `end ${each.handle}`, "aria-label": `End session ${each.handle}`, on: { click: () => endSession(each.handle, can, tell) } }, "End")] : []),
  ]);
  showTable(place, `Sessions of ${user}`, columns, rows, `${user} has no session.`);
}

export function listenToForms(can, tell) {
  find("lock-form").addEventListener("submit", (event) => {
    event.preventDefault();
    lockName = find("lock-name").value;
    showLocks(can()).catch((error) => tell(error.message));
  });
  find("session-form").addEventListener("submit", (event) => {
    event.preventDefault();
    user = find("session-user").value;
    showSessions(can(), tell).catch((error) => tell(error.message));
  });
}
