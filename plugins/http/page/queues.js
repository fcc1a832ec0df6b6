// queues.js: queues, and the jobs of one of them.

import { call } from "./api.js";
import { element, find, showTable } from "./dom.js";
import * as format from "./format.js";

const states = ["ready", "active", "delayed", "dead", "done"];
let chosen = null; // {queue, state}

export async function showQueues(can, tell) {
  const place = find("queue-table");
  if (!can.has("queue.names") || !can.has("queue.counts")) {
    showTable(place, "Queues", [], [], "The plugin queue is not loaded.");
    return;
  }
  const names = (await call("queue.names")).sort();
  const counts = await Promise.all(names.slice(0, 200).map((queue) => call("queue.counts", { queue })));
  const columns = [{ name: "Queue" }, ...states.map((name) => ({ name, number: true })), { name: "oldest ready", number: true }, { name: "", class: "actions" }];
  const rows = counts.map((held, i) => [
    names[i] + (held.paused ? " (paused)" : ""),
    ...states.map((state) => (state === "dead" ? { text: format.count(held.dead), bad: held.dead > 0 } : format.count(held[state]))),
    held.oldest_ready_ms ? format.duration(held.oldest_ready_ms / 1000) : "–",
    element("button", { type: "button", "data-keep": names[i], "aria-label": `Jobs of ${names[i]}`,
      on: { click: () => open(names[i], held.dead > 0 ? "dead" : "ready", can, tell) } }, "Jobs"),
  ]);
  showTable(place, "Queues", columns, rows, "No queue has been used yet.");
}

async function open(queue, state, can, tell) {
  chosen = { queue, state };
  await showJobs(can, tell);
  find("jobs").querySelector("h3").focus();
}

async function replay(ids, can, tell) {
  const { queue } = chosen;
  try {
    const replayed = await call("queue.replay_dead", ids ? { queue, ids } : { queue });
    tell(`${replayed} ${replayed === 1 ? "job" : "jobs"} of ${queue} will run again.`);
  } catch (error) {
    tell(`Not replayed: ${error.message}`);
  }
  await Promise.all([showJobs(can, tell), showQueues(can, tell)]);
}

async function showJobs(can, tell) {
  const { queue, state } = chosen;
  const place = find("jobs");
  let jobs = [];
  let failed = "";
  try {
    jobs = await call("queue.list", { queue, state, count: 100 });
  } catch (error) {
    failed = error.message;
  }
  const replays = state === "dead" && can.has("queue.replay_dead");
  const buttons = states.map((name) =>
    element("button", { type: "button", "aria-pressed": String(name === state), on: { click: () => open(queue, name, can, tell) } }, name),
  );
  const table = element("div");
  place.replaceChildren(
    element("div", { class: "toolbar" },
      element("h3", { tabindex: -1 }, `Jobs of ${queue}`),
      element("div", { class: "states", role: "group", "aria-label": "State" }, ...buttons),
      replays && jobs.length > 0 ? element("button", { type: "button", class: "main", on: { click: () => replay(null, can, tell) } }, "Replay all") : null,
      element("button", { type: "button", on: { click: () => { chosen = null; place.hidden = true; } } }, "Close")),
    table,
  );
  place.hidden = false;
  const columns = [{ name: "Job" }, { name: "Attempt", number: true }, { name: "Since" }, { name: "Content" }, ...(replays ? [{ name: "", class: "actions" }] : [])];
  const rows = jobs.map((job) => [
    element("span", { class: "mono" }, job.id),
    `${job.attempt ?? 0}${job.max_attempts ? ` of ${job.max_attempts}` : ""}`,
    format.time(job.ended_at ?? job.due_at ?? job.created_at),
    element("details", { "data-keep": job.id }, element("summary", {}, job.error || "Payload"), element("pre", {}, format.json(job.payload ?? null))),
    ...(replays ? [element("button", { type: "button", "aria-label": `Replay ${job.id}`, on: { click: () => replay([job.id], can, tell) } }, "Replay")] : []),
  ]);
  showTable(table, `Jobs of ${queue}, ${state}`, columns, rows, failed || `No job is ${state}.`);
}
