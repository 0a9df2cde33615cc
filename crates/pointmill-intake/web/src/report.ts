// The self-contained report: the same charts over answers that lie in the page itself, each under the address that
// the page would have asked (src/site.rs makes them).

import "uplot/dist/uPlot.min.css";
import "./style.css";
import type { LambdaFunction, Metric, QueryAnswer, Shape, TagKey, Top } from "./api";
import type { Chart } from "./chart";
import { fill, h } from "./dom";
import { integer, number, time } from "./format";
import { defaultAgg } from "./metric";
import { contextsTable, figures, functionsPanel, overTime, shapeOf } from "./panels";

interface Report { title: string; made_at: number; version: string; by: string; notes: string[]; answers: Record<string, unknown> }

const report = JSON.parse(document.getElementById("data")!.textContent!) as Report;
const find = <T>(path: string): T | undefined => report.answers[path] as T | undefined;

/** The answer with some of its aggregations; all of them are in the file. */
function only(answer: QueryAnswer, aggs: string[]): QueryAnswer {
  return { ...answer, aggs: answer.aggs.filter((agg) => aggs.includes(agg)) };
}

class Item {
  readonly element = h("section");
  private readonly place: string;
  private aggs: string[];
  private by: string;
  private charts: Chart[] = [];

  constructor(private readonly metric: Metric) {
    this.place = `metric=${encodeURIComponent(metric.name)}&kind=${metric.kind}`;
    this.aggs = defaultAgg(metric.kind);
    this.by = find(this.address(report.by)) ? report.by : "";
    this.draw();
  }

  private address(by: string): string {
    return `/v1/query?${this.place}&step=auto${by ? `&by=${encodeURIComponent(by)}` : ""}`;
  }

  draw(): void {
    this.charts.forEach((chart) => chart.remove());
    this.charts = [];
    const whole = find<QueryAnswer>(this.address(this.by)) ?? find<QueryAnswer>(this.address(""));
    if (!whole) return;
    const keys = (find<{ tags: TagKey[] }>(`/v1/tags?${this.place}`)?.tags ?? []).map((tag) => tag.key).filter((key) => find(this.address(key)));
    const shape = find<Shape>(`/v1/shape?${this.place}`);
    const top = find<Top>(`/v1/top?${this.place}`);
    const lines = overTime(only(whole, this.aggs));
    const form = shape && shapeOf(shape);
    this.charts.push(...lines.charts, ...(form ? form.charts : []));
    const select = h("select", { onchange: () => { this.by = select.value; this.draw(); } },
      ...["", ...keys].map((key) => h("option", { value: key, selected: key === this.by }, key || "nothing")));
    fill(this.element, h("h2", {}, this.metric.name), h("span.badge", {}, this.metric.kind),
      h("div.controls", {},
        h("div.chips", { role: "group", "aria-label": "Aggregations" }, ...whole.aggs.map((agg) => h("button.chip", {
          type: "button", "aria-pressed": String(this.aggs.includes(agg)),
          onclick: () => {
            const next = this.aggs.includes(agg) ? this.aggs.filter((other) => other !== agg) : [...this.aggs, agg];
            this.aggs = next.length ? next : defaultAgg(this.metric.kind);
            this.draw();
          },
        }, agg))),
        keys.length ? h("label", {}, "Split by ", select) : null),
      shape ? figures([["values", integer(shape.count)], ["avg", number(shape.avg)], ["min", number(shape.min)], ["max", number(shape.max)], ["sum", number(shape.sum)], ["contexts", integer(shape.contexts)]]) : null,
      h("div.panel", {}, lines.element), form ? h("div.panel", {}, form.element) : null,
      top && top.total > 1 ? h("div.panel", {}, contextsTable(top)) : null);
  }
}

const list = find<{ metrics: Metric[] }>("/v1/metrics")?.metrics ?? [];
const functions = find<{ functions: LambdaFunction[] }>("/v1/functions")?.functions ?? [];
const items = list.map((metric) => new Item(metric));
fill(document.getElementById("app")!, h("main", {}, h("h1", {}, report.title),
  h("p.quiet", {}, `Made ${time(report.made_at)} by pointmill ${report.version}.`),
  ...report.notes.map((note) => h("p.quiet", {}, note)),
  list.length ? null : h("p", {}, "There was no point in the input."),
  functions.length ? h("section", {}, h("h2", {}, "Functions"), functionsPanel(functions, "One line a function")) : null, ...items.map((item) => item.element)));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => items.forEach((item) => item.draw()));
