// One metric: controls, lines over time, shape, top contexts.

import { api, type Metric, type Selection, type TagKey } from "./api";
import type { Chart } from "./chart";
import { append, fill, h } from "./dom";
import { count, integer, number, time } from "./format";
import { contextsTable, figures, overTime, shapeOf } from "./panels";
import { DEFAULT_AGG, type State } from "./state";

const AGGS: Record<string, string[]> = {
  distribution: ["p50", "p75", "p90", "p95", "p99", "p99.9", "avg", "min", "max", "count", "sum", "rate"],
  histogram: ["p50", "p75", "p90", "p95", "p99", "p99.9", "avg", "min", "max", "count", "sum", "rate"],
  count: ["sum", "rate", "avg", "min", "max"],
  gauge: ["last", "avg", "min", "max"],
};

const RANGES: [string, string][] = [["", "All data"], ["-15m", "15 min"], ["-1h", "1 h"], ["-6h", "6 h"], ["-1d", "1 day"], ["-7d", "7 days"]];

export function defaultAgg(kind: string): string[] {
  return kind === "count" ? ["sum"] : kind === "gauge" ? ["last"] : DEFAULT_AGG;
}

export class MetricView {
  readonly element = h("div.metric");
  private readonly head = h("header.head");
  private readonly controls = h("form.controls", { onsubmit: (event) => event.preventDefault() });
  private readonly lines = h("section.panel", { "aria-label": "Over time" });
  private readonly shape = h("section.panel", { "aria-label": "Shape" });
  private readonly top = h("section.panel", { "aria-label": "Top contexts" });
  private charts: Chart[] = [];
  private tags: TagKey[] = [];
  private shown = "";
  private abort = new AbortController();

  constructor(private readonly change: (part: Partial<State>) => void) {
    append(this.element, [this.head, this.controls, this.lines, this.shape, this.top]);
  }

  remove(): void {
    this.abort.abort();
    this.charts.forEach((chart) => chart.remove());
    this.charts = [];
  }

  async show(state: State, metric: Metric | undefined): Promise<void> {
    this.abort.abort();
    const abort = (this.abort = new AbortController());
    const kind = state.kind || metric?.kind || "distribution";
    const agg = state.agg.length ? state.agg : defaultAgg(kind);
    const selection: Selection = { metric: state.metric, filter: state.filter, from: state.from, to: state.to, ...(state.kind ? { kind: state.kind } : {}) };
    if (this.shown !== state.metric) {
      this.shown = state.metric;
      this.tags = [];
      fill(this.lines, h("p.quiet", {}, "Reading…"));
      fill(this.shape);
      fill(this.top);
      void api.tags(state.metric, abort.signal).then((answer) => { this.tags = answer.tags; this.drawControls(state, kind, agg); }, () => undefined);
    }
    this.drawHead(state, metric, kind);
    this.drawControls(state, kind, agg);
    const hasShape = kind === "distribution" || kind === "histogram";
    // The first chart does not wait for the others.
    const answer = await api.query(selection, agg, state.by, 50, abort.signal);
    if (abort.signal.aborted) return;
    const old = this.charts;
    this.charts = [];
    if (!answer.groups.length) {
      fill(this.lines, h("p.quiet", {}, "Nothing matches: no context of this metric has these tags in this time. ",
        h("button", { type: "button", onclick: () => this.change({ filter: "", from: "", to: "" }) }, "Show everything")));
    } else {
      const drawn = overTime(answer, (from, to) => this.change({ from: String(from), to: String(to) }), (group) => this.narrow(state, group.tags));
      this.charts.push(...drawn.charts);
      fill(this.lines, drawn.element, h("p.note", {}, `${count(answer.contexts, "context")}, ${count(answer.points, "stored point")} merged in ${number(answer.elapsed_ms)} ms; `,
        answer.step ? `a step is ${answer.step} s. ` : "", "Drag to zoom in time."));
    }
    old.forEach((chart) => chart.remove());
    const [shape, top] = await Promise.all([
      hasShape ? api.shape(selection, abort.signal) : null,
      api.top(selection, hasShape ? ["count", "avg", "p50", "p95", "p99", "max"] : AGGS[kind] ?? ["avg"], abort.signal),
    ]);
    if (abort.signal.aborted) return;
    const drawn = shape && shapeOf(shape);
    if (shape && drawn) {
      this.charts.push(...drawn.charts);
      fill(this.shape, figures([["values", integer(shape.count)], ["avg", number(shape.avg)], ["min", number(shape.min)], ["max", number(shape.max)], ["sum", number(shape.sum)]]), drawn.element);
    } else fill(this.shape);
    fill(this.top, contextsTable(top, (row) => this.change({ filter: row.tags.join(",") })));
  }

  private narrow(state: State, tags: Record<string, string | null>): void {
    const chosen = Object.entries(tags).filter(([, value]) => value !== null).map(([key, value]) => `${key}:${value}`);
    if (chosen.length) this.change({ filter: [...(state.filter ? [state.filter] : []), ...chosen].join(","), by: "" });
  }

  private drawHead(state: State, metric: Metric | undefined, kind: string): void {
    fill(this.head, h("h1", {}, state.metric), h("span.badge", {}, kind),
      metric ? h("span.quiet", {}, `${count(metric.contexts, "context")} · ${count(metric.values, "value")} · ${time(metric.first)} to ${time(metric.last)}${metric.unit ? ` · ${metric.unit}` : ""}`) : null);
  }

  private drawControls(state: State, kind: string, agg: string[]): void {
    // While somebody types, leave the field to them.
    if (this.controls.contains(document.activeElement) && document.activeElement instanceof HTMLInputElement) return;
    const focused = document.activeElement instanceof HTMLElement && this.controls.contains(document.activeElement) ? document.activeElement.id : "";
    const chips = (AGGS[kind] ?? []).map((name) => h("button.chip", {
      type: "button", id: `agg-${name}`, "aria-pressed": String(agg.includes(name)),
      onclick: () => {
        const next = agg.includes(name) ? agg.filter((other) => other !== name) : [...agg, name];
        this.change({ agg: next.length ? next : defaultAgg(kind) });
      },
    }, name));
    const by = h("input", { id: "by", list: "tag-keys", value: state.by, placeholder: "tag keys, e.g. origin", autocomplete: "off", spellcheck: "false", onchange: () => this.change({ by: by.value.replace(/\s/g, "") }) });
    const filter = h("input", { id: "filter", list: "tag-values", value: state.filter, placeholder: "e.g. origin:ATL, env:*, !zone:b", autocomplete: "off", spellcheck: "false", onchange: () => this.change({ filter: filter.value.replace(/,\s+/g, ",").trim() }) });
    const range = h("select", { id: "range", onchange: () => this.change({ from: range.value, to: "" }) },
      ...RANGES.map(([value, name]) => h("option", { value, selected: state.from === value && !state.to }, name)),
      state.to || !RANGES.some(([value]) => value === state.from) ? h("option", { value: state.from, selected: true }, "Chosen stretch") : null);
    fill(this.controls,
      h("div.chips", { role: "group", "aria-label": "Aggregations" }, ...chips),
      h("label", {}, "Split by ", by), h("label", {}, "Filter ", filter), h("label", {}, "Time ", range),
      h("datalist", { id: "tag-keys" }, ...this.tags.map((tag) => h("option", { value: tag.key }, `${integer(tag.total)} values`))),
      h("datalist", { id: "tag-values" }, ...this.tags.flatMap((tag) => tag.values.slice(0, 200).map((v) => h("option", { value: v.value === null ? tag.key : `${tag.key}:${v.value}` })))));
    if (focused) document.getElementById(focused)?.focus();
  }
}
