// The page in a browser, against a real server under load: page_test.mjs CACHECTL PAGE_DIRECTORY [SCREENSHOT_DIRECTORY]
//
// Skipped (exit code 77, with the reason) where there is no chromium, or the packages of PAGE_DIRECTORY/package.json are
// not installed: `./run browser` installs both.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [cachectl, pageDirectory, screenshots] = process.argv.slice(2);
const token = "a-token-for-this-test";
const patience = 20000;

function skip(why) {
  console.log(`skipped: ${why}`);
  process.exit(77);
}

const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
if (!chromium) skip("there is no chromium; ./run browser installs it");
const require = createRequire(join(pageDirectory, "package.json"));
let playwright;
let axe;
try {
  playwright = require("playwright-core");
  axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
} catch {
  skip(`the packages of ${pageDirectory}/package.json are not installed; ./run browser installs them`);
}

// What was vendored is what the lock file names.
for (const [vendored, original] of [["uplot.js", "uPlot.iife.min.js"], ["uplot.css", "uPlot.min.css"]]) {
  assert.deepEqual(
    readFileSync(join(pageDirectory, "vendor", vendored)),
    readFileSync(join(pageDirectory, "node_modules/uplot/dist", original)),
    `vendor/${vendored} is not uplot's ${original}: ./run page`,
  );
}

const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

async function eventually(what, holds) {
  const until = Date.now() + patience;
  for (;;) {
    const found = await holds().catch((error) => error);
    if (found && !(found instanceof Error)) return found;
    if (Date.now() > until) throw new Error(`waited in vain until ${what}: ${found}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const directory = mkdtempSync(join(tmpdir(), "cachecore-page-"));
const port = await freePort();
const origin = `http://127.0.0.1:${port}`;
const config = join(directory, "config.json");
writeFileSync(
  config,
  JSON.stringify({
    url: `embedded://${directory}/redis`,
    plugins: {
      http: { listen: `127.0.0.1:${port}`, token, allow: ["kv.*", "cache.*", "monitor.*", "queue.*", "session.*", "lock.*"] },
      monitor: { flush_ms: 100, slow_ms: 1, alerts: { hit_rate_calls: 1000000 } },
    },
  }),
);
const server = spawn(cachectl, ["--config", config, "core.log"], { stdio: ["ignore", "inherit", "inherit"] });

async function call(method, args) {
  const response = await fetch(`${origin}/api/call/${method}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify(args),
  });
  const body = await response.json();
  if (body.error) throw new Error(`${method}: ${body.error.message}`);
  return body.result;
}

let loading = true;
async function load() {
  const types = ["products", "prices", "user profiles", "search"];
  for (let i = 0; loading; i++) {
    await call("kv.set", { key: `k${i % 50}`, value: "v" });
    await Promise.all(Array.from({ length: 8 }, (_, n) => call("kv.get", { key: `k${(i + n) % 50}` }).catch(() => null)));
    await call("monitor.record", { type: types[i % types.length], hits: 40 + ((i * 7) % 23), misses: 3 + (i % 5) });
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function makeData(has) {
  if (has("queue.push")) {
    for (const queue of ["mail", "reports"]) for (let i = 0; i < 5; i++) await call("queue.push", { queue, payload: { to: `user${i}@example.com`, template: "welcome" } });
    await call("queue.push", { queue: "mail", payload: { to: "nobody@example.com" }, options: { max_attempts: 1, priority: 9 } });
    const [job] = await call("queue.claim", { queues: ["mail"], count: 1, wait_ms: 1000 });
    await call("queue.fail", { job: job.job, error: "the server of example.com does not know nobody" });
  }
  if (has("session.create")) {
    for (let i = 0; i < 2; i++) await call("session.create", { user_id: "ada", attributes: { device: i ? "phone" : "laptop" } });
  }
  if (has("lock.acquire")) await call("lock.acquire", { name: "nightly-report", lease_ms: 60000, wait_ms: 0 });
}

const faults = [];
async function accessible(page, where) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  for (const each of found.violations) {
    if (["serious", "critical"].includes(each.impact)) faults.push(`${where}: ${each.id}: ${each.nodes.map((node) => node.html).join(" ").slice(0, 300)}`);
  }
}

async function picture(page, name) {
  if (!screenshots) return;
  mkdirSync(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `${name}.png`) });
}

let browser;
try {
  await eventually("the server answers", async () => (await fetch(`${origin}/health`)).ok);
  const response = await fetch(`${origin}/api/methods`, { headers: { Authorization: `Bearer ${token}` } });
  const { result: methods } = await response.json();
  const has = (name) => methods.includes(name);
  await makeData(has);
  const loaded = load();

  browser = await playwright.chromium.launch({ executablePath: chromium, args: ["--no-sandbox", "--disable-gpu"] });
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: "light" });
  const said = [];
  let refused = 0;
  page.on("pageerror", (error) => said.push(String(error)));
  page.on("console", (message) => {
    if (!["error", "warning"].includes(message.type())) return;
    // The browser itself says so of the request with the wrong token.
    if (message.text().includes("401")) refused++;
    else said.push(message.text());
  });

  // The token is asked for; all by keyboard.
  await page.goto(`${origin}/?every=500`);
  await page.locator("#gate").waitFor();
  assert.equal(await page.locator("#board").isVisible(), false);
  await accessible(page, "gate");
  await page.keyboard.type("not the token");
  await page.keyboard.press("Enter");
  await page.getByText("That is not the token.").waitFor();
  await page.keyboard.type(token);
  await page.keyboard.press("Enter");
  await page.locator("#board").waitFor();
  assert.equal(refused, 1);
  await page.getByRole("status").filter({ hasText: "healthy" }).waitFor();

  // The charts move.
  const points = async (id) => Number((await page.locator(`#${id}`).getAttribute("data-points")) ?? 0);
  const drawn = () => page.locator("#chart-calls canvas").evaluate((canvas) => canvas.toDataURL());
  await eventually("the charts have begun", async () => (await points("chart-calls")) >= 1);
  const before = await points("chart-calls");
  const picture_before = await drawn();
  await eventually("the charts move", async () => (await points("chart-calls")) > before && (await drawn()) !== picture_before);
  await eventually("calls are seen", async () => /calls [1-9]/.test(await page.locator("#chart-calls").getAttribute("aria-label")));
  await page.getByRole("rowheader", { name: "products" }).waitFor();
  await eventually("the day is drawn", async () => (await points("chart-day")) >= 1);

  // A dead job is looked at and run again.
  if (has("queue.push")) {
    await page.getByRole("button", { name: "Jobs of mail" }).click();
    await page.getByText("the server of example.com does not know nobody").click();
    await page.getByText("nobody@example.com", { exact: false }).last().waitFor();
    await picture(page, "queue");
    await page.getByRole("button", { name: "Replay", exact: false }).last().click();
    await page.getByText("1 job of mail will run again.").waitFor();
    assert.equal((await call("queue.counts", { queue: "mail" })).dead, 0);
    await page.getByRole("button", { name: "Close" }).click();
  } else {
    await page.getByText("The plugin queue is not loaded.").waitFor();
  }

  // A session is ended.
  if (has("session.create")) {
    await page.getByLabel("User", { exact: true }).fill("ada");
    await page.locator("#session-form").getByRole("button").click();
    await page.getByRole("button", { name: /^End session/ }).first().click();
    await page.getByText("The session has ended.").waitFor();
    assert.equal(await call("session.count", { user_id: "ada" }), 1);
  } else {
    await page.getByText("The plugin session is not loaded.").waitFor();
  }
  if (has("lock.acquire")) {
    await page.getByLabel("Name of a lock").fill("nightly-report");
    await page.locator("#lock-form").getByRole("button").click();
    await page.getByRole("rowheader", { name: "nightly-report" }).waitFor();
  } else {
    await page.getByText("The plugin lock is not loaded.").waitFor();
  }

  // Light, dark, on a phone. Pictures are taken of charts that have something to show.
  if (screenshots) await eventually("there is enough for a picture", async () => (await points("chart-calls")) >= 24);
  for (const [name, colorScheme, width, height] of [
    ["light", "light", 1280, 900],
    ["dark", "dark", 1280, 900],
    ["phone", "light", 390, 844],
    ["phone-dark", "dark", 390, 844],
  ]) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height });
    await page.evaluate(() => scrollTo(0, 0));
    await eventually("the page fits", async () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await accessible(page, name);
    await picture(page, name);
  }
  assert.deepEqual(faults, []);
  assert.deepEqual(said, []);

  loading = false;
  await loaded;
  console.log("ok");
} finally {
  loading = false;
  await browser?.close();
  server.kill("SIGTERM");
  await new Promise((resolve) => (server.exitCode !== null || server.signalCode !== null ? resolve() : server.once("exit", resolve)));
  rmSync(directory, { recursive: true, force: true });
}
