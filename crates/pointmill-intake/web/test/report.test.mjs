// `pointmill report --html` in headless Chromium: a file on its own, opened by file://, with the numbers of the table.
//
// Needs POINTMILL, CHROMIUM and SHOTS, as page.test.mjs.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { chromium } from "playwright-core";

const { POINTMILL, CHROMIUM, SHOTS } = process.env;
const FLIGHTS = path.resolve(import.meta.dirname, "../../../../testdata/flights-2001-01.csv.gz");
const QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
// Answers, script and style together.
const BYTES_MAX = 9_000_000;

let folder, browser, page;
const errors = [];
const asked = [];

before(async () => {
  mkdirSync(SHOTS, { recursive: true });
  folder = mkdtempSync(path.join(tmpdir(), "pointmill-report-"));
  browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET });
  const context = await browser.newContext({ viewport: { width: 1400, height: 1000 }, colorScheme: "light", reducedMotion: "reduce", offline: true });
  page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (line) => { if (line.type() === "error") errors.push(line.text()); });
  page.on("request", (request) => { if (!/^(data:|file:.*\.html)/.test(request.url())) asked.push(request.url()); });
});

after(async () => {
  await browser?.close();
  if (folder) rmSync(folder, { recursive: true });
});

/** Makes a page; the rows that the same run printed. */
function report(name, ...args) {
  const file = path.join(folder, name);
  const out = execFileSync(POINTMILL, ["report", "--html", file, "--format", "json", ...args], { encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "pipe"] });
  const { size } = statSync(file);
  assert.ok(size < BYTES_MAX, `${size} bytes`);
  return { address: pathToFileURL(file).href, size, rows: JSON.parse(out).rows };
}

const shot = (name) => page.screenshot({ path: path.join(SHOTS, `${name}.png`), fullPage: true });
const SCALES = { k: 1e3, M: 1e6, G: 1e9 };
const read = (shown) => Number(shown.replaceAll(/[\s\u2009\u202f]|[kMG]$/g, "").replace("−", "-")) * (SCALES[shown.at(-1)] ?? 1);
const near = (shown, wanted, what) => assert.ok(Math.abs(read(shown) - wanted) <= 1e-3 * Math.abs(wanted), `${what}: ${shown}, not ${wanted}`);

test("flights by origin: every number shown is the table's", async () => {
  // A tenth of the month, in the file's order: it begins with the first days.
  const some = path.join(folder, "flights.csv");
  writeFileSync(some, gunzipSync(readFileSync(FLIGHTS)).toString().split("\n").slice(0, 20_001).join("\n"));
  const made = report("flights.html", "--name", "flight.delay", "--value", "delay_min", "--time", "unix_s", "--tags", "origin,destination", "--by", "origin", "--percentiles", "50,95,99,99.9", some);
  await page.goto(made.address);
  await page.locator("h1", { hasText: "flights.csv" }).waitFor();
  await page.getByText("Only the tags origin are kept").waitFor();
  const chips = page.getByRole("group", { name: "Aggregations" });
  for (const chip of ["count", "avg", "min", "max", "p99.9"]) await chips.getByRole("button", { name: chip, exact: true }).click();
  const table = page.locator(".panel table").first();
  const heads = await table.locator("thead th").allTextContents();
  const rows = await table.locator("tbody tr").all();
  assert.equal(rows.length, 50);
  const columns = heads.map((head) => head.trim());
  for (const name of ["p50", "p95", "p99", "p99.9", "count", "avg", "min", "max"]) assert.ok(columns.includes(name), `${name} in ${columns}`);
  for (const row of rows) {
    const cells = await row.locator("td").allTextContents();
    const wanted = made.rows.find((found) => found.tags[0] === cells[0]);
    assert.ok(wanted, cells[0]);
    columns.forEach((name, i) => { if (/^(p\d|count|avg|min|max)/.test(name)) near(cells[i], wanted[name] ?? wanted.percentiles[name], `${cells[0]} ${name}`); });
  }
  const figures = await page.locator(".figures dd").allTextContents();
  assert.equal(Number(figures[0].replaceAll(/\D/g, "")), made.rows.reduce((all, row) => all + row.count, 0));
  assert.equal(await page.locator(".chart canvas").count(), 3);
  await shot("report-light");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.locator(".chart canvas").nth(2).waitFor();
  const [ground, text] = await page.evaluate(() => ["backgroundColor", "color"].map((name) => getComputedStyle(document.body)[name]));
  const light = (color) => color.match(/\d+/g).map(Number).reduce((a, b) => a + b, 0);
  assert.ok(light(ground) < 150 && light(text) > 500, `${ground} ${text}`);
  await shot("report-dark");
  await page.emulateMedia({ colorScheme: "light" });
});

test("more than fits is left out and said, every metric is there", async () => {
  const lines = [];
  for (let metric = 0; metric < 60; metric++) {
    for (let i = 0; i < 600; i++) lines.push(`m${metric}.latency:${1 + ((i * 7919 + metric) % 1000)}|d|#host:h${i % 60},zone:z${i % 7},shard:s${i % 11},user:u${i}|T${1_700_000_000 + i * 100}`);
  }
  const file = path.join(folder, "big.dogstatsd");
  writeFileSync(file, lines.join("\n"));
  const made = report("big.html", file);
  await page.goto(made.address);
  await page.getByText("Only the 50 metrics with the most values of 60 are shown").waitFor();
  await page.getByText(/\d+ splits by a tag are left out/).waitFor();
  assert.equal(await page.locator("section h2").count(), 50);
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: path.join(SHOTS, "report-big.png") });
});

test("counts and gauges, names that are no HTML, and an empty input", async () => {
  const file = path.join(folder, "odd.dogstatsd");
  writeFileSync(file, ["hits:3|c|#</script><script>window.broken=1</script>|T1700000000", "hits:4|c|#b:1|T1700000100", "level:5|g|T1700000000", "level:7|g|T1700000100", "</script>x:1|d"].join("\n"));
  await page.goto(report("odd.html", file).address);
  await page.locator("h2", { hasText: "hits" }).waitFor();
  assert.equal(await page.evaluate(() => window.broken), undefined);
  const total = page.locator("section", { has: page.locator("h2", { hasText: "hits" }) }).locator("table").first().locator("tbody td").nth(1);
  assert.equal(await total.textContent(), "7");
  writeFileSync(file, "\n");
  await page.goto(report("empty.html", file).address);
  await page.getByText("There was no point in the input").waitFor();
});

test("nothing was asked of a network, and no error was logged", () => {
  assert.deepEqual(asked, []);
  assert.deepEqual(errors, []);
});
