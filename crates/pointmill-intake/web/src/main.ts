// The intake's page: a list of metrics, one of them drawn; functions, refusals, status. Everything shown comes from /v1.

import "uplot/dist/uPlot.min.css";
import "./style.css";
import { ApiError, api, key, listen, type Metric } from "./api";
import { fill, h } from "./dom";
import { integer } from "./format";
import { MetricView } from "./metric";
import { read, type State, type View, VIEWS, write } from "./state";
import { functions, refused, status } from "./views";

const DURATION = "aws.lambda.enhanced.duration";
const HELP: [string, string][] = [["/", "search metrics"], ["↑ ↓, j k", "next and previous metric"], ["1 to 4", "metrics, functions, refused, status"], ["s", "split by"], ["f", "filter"], ["l", "live on and off"], ["t", "dark and light"], ["Esc", "leave a field, zoom out"], ["?", "this list"]];

let state: State = read(location.hash);
let metrics: Metric[] = [];
let live = true;
let refusals = 0;

const search = h("input", { id: "search", type: "search", placeholder: "Search metrics ( / )", "aria-label": "Search metrics", autocomplete: "off", spellcheck: "false", oninput: () => drawList() });
const list = h("ul.list", { "aria-label": "Metrics" });
const main = h("main", { tabindex: -1 });
const tabs = h("nav.tabs", { "aria-label": "Views" });
const liveButton = h("button.live", { type: "button", onclick: () => toggleLive() });
const themeButton = h("button", { type: "button", "aria-label": "Dark or light", title: "Dark or light (t)", onclick: () => toggleTheme() }, "◐");
const message = h("div.message", { role: "alert", hidden: true });
const help = h("dialog.help", {}, h("h2", {}, "Keys"), h("dl", {}, ...HELP.map(([k, what]) => h("div", {}, h("dt", {}, h("kbd", {}, k)), h("dd", {}, what)))), h("form", { method: "dialog" }, h("button", {}, "Close")));
let metricView: MetricView | undefined;

function start(): void {
  const theme = localStorage.getItem("pointmill.theme");
  if (theme) document.documentElement.dataset["theme"] = theme;
  const app = document.getElementById("app")!;
  fill(app,
    h("header.bar", {}, h("a.brand", { href: "#" }, "pointmill intake"), tabs, h("span.grow"), liveButton, themeButton,
      h("button", { type: "button", "aria-label": "Keys", title: "Keys (?)", onclick: () => help.showModal() }, "?")),
    message,
    h("div.body", {}, h("aside", {}, search, list), main), help);
  addEventListener("hashchange", () => { state = read(location.hash); void show(); });
  addEventListener("keydown", onKey);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw());
  drawLive(false);
  void refresh();
  listen((update) => {
    if (update.refused !== undefined && update.refused !== refusals) { refusals = update.refused; drawTabs(); }
    if (live) soon();
  }, (yes) => { drawLive(yes); if (yes) void refresh(); });
}

/** Asked to redraw often, it does so at most once a second and never twice at once. */
let waiting = false;
let busy = false;
function soon(): void {
  if (waiting) return;
  waiting = true;
  setTimeout(() => {
    waiting = false;
    if (busy || document.hidden) return;
    void refresh();
  }, 1000);
}

async function refresh(): Promise<void> {
  busy = true;
  try {
    metrics = (await api.metrics()).metrics;
    say("");
  } catch (error) {
    fail(error);
  }
  drawList();
  await show();
  busy = false;
}

function change(part: Partial<State>): void {
  const next = write({ ...state, ...part });
  if (next === location.hash || (next === "#" && !location.hash)) void show();
  else location.hash = next;
}

/** Counts what was asked to be shown: an answer that comes late must not cover what was chosen since. */
let turn = 0;

async function show(): Promise<void> {
  const mine = ++turn;
  drawTabs();
  document.title = `${state.view === "metrics" ? state.metric || "metrics" : state.view} · pointmill intake`;
  if (state.view !== "metrics") {
    metricView?.remove();
    metricView = undefined;
  }
  try {
    if (state.view === "metrics") return await showMetric();
    const place = h("div");
    if (state.view === "functions") await functions(place, state, (name) => change({ view: "metrics", metric: DURATION, kind: "", agg: [], by: "", filter: `functionname:${name}` }));
    else if (state.view === "refused") await refused(place);
    else await status(place);
    if (mine === turn) fill(main, place);
  } catch (error) {
    fail(error);
  }
}

/** How points come here. */
function ways(origin: string): string {
  return `# the points of a file
pointmill replay --url ${origin} --name flight.delay \\
    --value delay_min --time unix_s flights.csv.gz

# a program with one of Datadog's libraries
DD_API_KEY=local DATADOG_HOST=${origin} your-program

# DogStatsD, of an intake that was started with --dogstatsd 127.0.0.1:8125
echo 'my.latency:12|d|#env:dev' > /dev/udp/127.0.0.1/8125`;
}

async function showMetric(): Promise<void> {
  if (!state.metric) {
    const first = [...metrics].sort((a, b) => b.values - a.values)[0];
    if (!first) {
      metricView?.remove();
      metricView = undefined;
      fill(main, h("h1", {}, "No metrics yet"), h("p", {}, "Send some here and they appear by themselves:"),
        h("pre", {}, ways(location.origin)));
      return;
    }
    history.replaceState(null, "", write({ ...state, metric: first.name }));
    state = read(location.hash);
    drawList();
  }
  if (!metricView) {
    metricView = new MetricView(change);
    fill(main, metricView.element);
  }
  await metricView.show(state, metrics.find((m) => m.name === state.metric && (!state.kind || m.kind === state.kind)));
}

function matching(): Metric[] {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  return metrics.filter((m) => words.every((word) => m.name.toLowerCase().includes(word)));
}

function drawList(): void {
  const found = matching();
  const shown = found.slice(0, 500);
  fill(list, ...shown.map((m) => h("li", {}, h("a", {
    href: write({ ...state, view: "metrics", metric: m.name, kind: m.kind, agg: [], by: "", filter: "" }),
    "aria-current": m.name === state.metric && (!state.kind || state.kind === m.kind) && state.view === "metrics" ? "true" : undefined,
  }, h("span.name", {}, m.name), h("span.quiet", {}, `${m.kind} · ${integer(m.contexts)}`)))),
    found.length > shown.length ? h("li.quiet", {}, `and ${integer(found.length - shown.length)} more: search`) : null,
    metrics.length && !found.length ? h("li.quiet", {}, "No metric has these words in its name") : null);
}

function drawTabs(): void {
  const title = (view: View) => (view === "refused" && refusals ? `refused ${integer(refusals)}` : view);
  fill(tabs, ...VIEWS.map((view, i) => h("a", {
    href: write({ ...state, view }), "aria-current": state.view === view ? "page" : undefined, title: `key ${i + 1}`, class: view === "refused" && refusals ? "bad" : "",
  }, title(view))));
}

let reachable = false;
function drawLive(yes = reachable): void {
  reachable = yes;
  liveButton.setAttribute("aria-pressed", String(live));
  liveButton.dataset["state"] = !yes ? "off" : live ? "live" : "paused";
  fill(liveButton, !yes ? "not connected" : live ? "live" : "paused");
}

function toggleLive(): void {
  live = !live;
  drawLive();
  if (live) void refresh();
}

function toggleTheme(): void {
  const dark = document.documentElement.dataset["theme"] === "dark" || (!document.documentElement.dataset["theme"] && matchMedia("(prefers-color-scheme: dark)").matches);
  const next = dark ? "light" : "dark";
  document.documentElement.dataset["theme"] = next;
  localStorage.setItem("pointmill.theme", next);
  redraw();
}

/** Charts take their colours when they are made. */
function redraw(): void {
  metricView?.remove();
  metricView = undefined;
  void show();
}

function fail(error: unknown): void {
  if (error instanceof DOMException && error.name === "AbortError") return;
  if (error instanceof ApiError && error.status === 403) return askKey();
  say(error instanceof Error ? error.message : String(error));
}

function say(text: string): void {
  message.hidden = !text;
  fill(message, text);
}

function askKey(): void {
  const input = h("input", { type: "password", id: "key", autocomplete: "off" });
  message.hidden = false;
  fill(message, h("form", { onsubmit: ((event: Event) => { event.preventDefault(); key.set(input.value); void refresh(); }) as EventListener },
    h("label", {}, "This intake was started with a key: ", input), h("button", {}, "Use it")));
  input.focus();
}

function step(by: number): void {
  const found = matching();
  const at = found.findIndex((m) => m.name === state.metric && (!state.kind || m.kind === state.kind));
  const next = found[Math.min(found.length - 1, Math.max(0, at + by))];
  if (!next) return;
  change({ view: "metrics", metric: next.name, kind: next.kind, agg: [], by: "", filter: "" });
  queueMicrotask(() => { drawList(); list.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" }); });
}

function onKey(event: KeyboardEvent): void {
  const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  if (typing) {
    if (event.key === "Escape") (event.target as HTMLElement).blur();
    if (event.target === search && (event.key === "ArrowDown" || event.key === "ArrowUp")) { step(event.key === "ArrowDown" ? 1 : -1); event.preventDefault(); }
    if (event.target === search && event.key === "Enter") { const first = matching()[0]; if (first) { change({ view: "metrics", metric: first.name, kind: first.kind, agg: [], by: "", filter: "" }); search.blur(); } }
    return;
  }
  const focus = (id: string) => document.getElementById(id)?.focus();
  const actions: Record<string, () => void> = {
    "/": () => focus("search"), s: () => focus("by"), f: () => focus("filter"), l: toggleLive, t: toggleTheme, "?": () => help.showModal(),
    j: () => step(1), k: () => step(-1), Escape: () => (state.from || state.to ? change({ from: "", to: "" }) : undefined),
  };
  VIEWS.forEach((view, i) => { actions[String(i + 1)] = () => change({ view }); });
  if (event.target === document.body || event.target === main) Object.assign(actions, { ArrowDown: () => step(1), ArrowUp: () => step(-1) });
  const action = actions[event.key];
  if (action) { event.preventDefault(); action(); }
}

start();
