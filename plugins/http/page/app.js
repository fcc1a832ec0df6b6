// app.js: asks for the token, then looks every two seconds (at what changes slowly, every ten).

import { Refused, call, hasToken, health, methods, setToken } from "./api.js";
import { addChart } from "./charts.js";
import { element, find, showTable } from "./dom.js";
import * as format from "./format.js";
import { Live } from "./live.js";
import { listenToForms, showLocks, showSessions } from "./people.js";
import { showQueues } from "./queues.js";

// A test or a screen on a wall may look at another pace: /?every=5000
const everyMs = Math.max(500, Number(new URLSearchParams(location.search).get("every")) || 2000);
const fiveMinutes = 300;
const live = new Live(Math.ceil((fiveMinutes * 1000) / everyMs));
let can = new Set();
let turn = 0;
let timer = 0;

const charts = {};
function addCharts() {
  const seconds = fiveMinutes;
  const percents = (figure) => `${Math.round(figure)} %`;
  charts.hits = addChart(find("chart-hits"), { name: "Hit rate", seconds, lines: ["hits"], tick: percents, range: [0, 105], spans: true });
  charts.calls = addChart(find("chart-calls"), { name: "Calls per second", seconds, lines: ["calls", "errors"], tick: format.count });
  charts.latency = addChart(find("chart-latency"), { name: "Latency", seconds, lines: ["median", "99th percentile"], tick: (figure) => String(Math.round(figure * 1000) / 1000), least: 0.01, spans: true });
  charts.day = addChart(find("chart-day"), { name: "Hit rate of 24 hours", seconds: 86400, lines: ["hits"], tick: percents, range: [0, 105], spans: true });
}

function tell(text) {
  find("notice").textContent = text;
}

function showHealth(state) {
  const pill = find("health");
  const kinds = { healthy: "good", degraded: "warn" };
  pill.className = `pill ${kinds[state.status] ?? "bad"}`;
  pill.textContent = state.reason ? `${state.status}: ${state.reason}` : state.status;
  if (state.message) pill.title = state.message;
  else pill.removeAttribute("title");
}

function showTiles(state, types, server) {
  const sum = { hits: 0, total: 0 };
  for (const type of Object.values(types)) {
    sum.hits += type.hits;
    sum.total += type.total;
  }
  const memory = server?.memory ?? {};
  const tiles = [
    ["Hit rate, 24 h", sum.total === 0 ? "–" : format.percent(sum.hits / sum.total), `${format.count(sum.total)} reads`],
    ["Calls per second", format.count(live.calls.at(-1) ?? 0), ""],
    ["Latency, 99th", format.milliseconds(live.p99.findLast((each) => each !== null)), ""],
    ["Round trip", format.milliseconds(state.latency_ms), ""],
    ["Memory", format.bytes(memory.used_bytes), memory.max_bytes ? `${format.percent(memory.fraction)} of ${format.bytes(memory.max_bytes)}` : "no limit"],
    ["Commands per second", format.count(server?.commands?.per_second), ""],
    ["Clients", format.count(server?.clients?.connected), ""],
    ["Keys", format.count(server?.keyspace?.keys), ""],
  ];
  find("tiles").replaceChildren(
    ...tiles.map(([name, figure, more]) => element("div", {}, element("dt", {}, name), element("dd", {}, figure, more ? element("small", {}, more) : null))),
  );
}

function showTypes(types, regions) {
  const columns = [{ name: "Type" }, { name: "Hits", number: true }, { name: "Misses", number: true }, { name: "Hit rate", number: true }, { name: "Loads here", number: true }, { name: "Failed here", number: true }];
  const rows = Object.entries(types).sort(([, a], [, b]) => b.total - a.total).slice(0, 200).map(([name, type]) => {
    const meter = element("meter", { min: 0, max: 1, low: 0.5, optimum: 1, value: type.hit_rate, "aria-label": `Hit rate of ${name}` });
    const region = regions[name];
    return [name, format.count(type.hits), format.count(type.misses), element("span", {}, meter, format.percent(type.hit_rate)),
      region ? format.count(region.loads) : "–", region ? { text: format.count(region.failures), bad: region.failures > 0 } : "–"];
  });
  showTable(find("type-table"), "Hits and misses by type", columns, rows, "Nothing has been read through the cache yet.");
}

function showServers(server) {
  const columns = [{ name: "Server" }, { name: "Role" }, { name: "Up" }, { name: "Memory", number: true }, { name: "Clients", number: true }, { name: "Commands/s", number: true }, { name: "Keys", number: true }, { name: "Evicted", number: true }, { name: "Replicas", number: true }];
  const rows = (server?.servers ?? []).map((each, i) => [
    `${each.product} ${each.version}${each.port ? `, port ${each.port}` : server.servers.length > 1 ? `, ${i}` : ""}`,
    each.replication.role, format.duration(each.uptime_s),
    each.memory.max_bytes ? `${format.bytes(each.memory.used_bytes)} of ${format.bytes(each.memory.max_bytes)}` : format.bytes(each.memory.used_bytes),
    format.count(each.clients.connected), format.count(each.commands.per_second), format.count(each.keyspace.keys),
    { text: format.count(each.keyspace.evicted), bad: false }, format.count(each.replication.replicas),
  ]);
  showTable(find("server-table"), "Servers", columns, rows, "No server answers.");
}

async function showAlerts() {
  const alerts = await call("monitor.alerts");
  find("alerts").hidden = alerts.length === 0;
  find("alert-list").replaceChildren(
    ...alerts.map((each) => element("li", { class: each.severity }, element("b", {}, each.severity), each.message)),
  );
}

async function showSlow() {
  const slow = await call("monitor.slow", { count: 20 });
  showTable(find("slow-calls"), "Slow calls", [{ name: "Method" }, { name: "Took", number: true }, { name: "When" }, { name: "Status" }],
    slow.calls.map((each) => [each.method, format.milliseconds(each.took_us / 1000), format.time(each.at_ms), each.status]), "No call was slow.");
  showTable(find("slow-commands"), "Slow commands", [{ name: "Command" }, { name: "Key" }, { name: "Took", number: true }, { name: "When" }],
    slow.servers.map((each) => [each.command, element("span", { class: "mono" }, each.key), format.milliseconds(each.took_us / 1000), format.time(each.at_ms)]), "No command was slow.");
}

async function showDay(types) {
  const names = Object.entries(types).sort(([, a], [, b]) => b.total - a.total).slice(0, 20).map(([name]) => name);
  const slices = new Map();
  for (const history of await Promise.all(names.map((type) => call("monitor.history", { type })))) {
    for (const slice of history) {
      const sum = slices.get(slice.at_ms) ?? { hits: 0, total: 0 };
      sum.hits += slice.hits;
      sum.total += slice.hits + slice.misses;
      slices.set(slice.at_ms, sum);
    }
  }
  const times = [...slices.keys()].sort((a, b) => a - b);
  charts.day([times.map((ms) => ms / 1000), times.map((ms) => (100 * slices.get(ms).hits) / Math.max(slices.get(ms).total, 1))]);
}

// What fails alone is said, and the rest is shown.
async function part(run) {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Refused && error.status === 401) throw error;
    tell(error.message);
    return null;
  }
}

async function look() {
  const state = await health();
  showHealth(state);
  const stats = await part(() => call("core.stats"));
  const away = state.status === "unhealthy";
  const types = (away ? null : await part(() => call("monitor.stats"))) ?? {};
  const server = away ? null : await part(() => call("monitor.server"));
  const regions = can.has("cache.stats") ? ((await part(() => call("cache.stats")))?.regions ?? {}) : {};
  if (stats !== null && !away) live.look(Date.now(), stats, types);
  charts.hits([live.times, live.hitRate]);
  charts.calls([live.times, live.calls, live.errors]);
  charts.latency([live.times, live.p50, live.p99]);
  showTiles(state, types, server);
  showTypes(types, regions);
  showServers(server);
  if (away) return;
  await part(() => showQueues(can, tell));
  await part(() => showLocks(can));
  if (turn % 5 === 0) {
    await part(showAlerts);
    await part(showSlow);
    await part(() => showDay(types));
    await part(() => showSessions(can, tell));
  }
  turn++;
}

function gate(message = "") {
  clearTimeout(timer);
  find("board").hidden = true;
  find("leave").hidden = true;
  find("gate").hidden = false;
  find("gate-error").textContent = message;
  find("token").value = "";
  find("token").focus();
}

async function again() {
  const began = Date.now();
  try {
    if (!document.hidden) await look();
  } catch (error) {
    if (error instanceof Refused && error.status === 401) {
      setToken("");
      gate("The token is not accepted any more.");
      return;
    }
    showHealth({ status: "not reachable" });
  }
  timer = setTimeout(again, Math.max(250, everyMs - (Date.now() - began)));
}

async function enter() {
  can = await methods();
  find("gate").hidden = true;
  find("board").hidden = false;
  find("leave").hidden = false;
  turn = 0;
  await again();
}

async function start() {
  addCharts();
  listenToForms(() => can, tell);
  find("gate-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    setToken(find("token").value);
    try {
      await enter();
    } catch (error) {
      setToken("");
      gate(error instanceof Refused && error.status === 401 ? "That is not the token." : error.message);
    }
  });
  find("leave").addEventListener("click", () => {
    setToken("");
    gate();
  });
  showHealth(await health().catch(() => ({ status: "not reachable" })));
  if (!hasToken()) {
    gate();
    return;
  }
  try {
    await enter();
  } catch (error) {
    setToken("");
    gate(error instanceof Refused && error.status === 401 ? "" : error.message);
  }
}

start();
