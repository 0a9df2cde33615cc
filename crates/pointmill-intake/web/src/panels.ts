// The parts that the page and the self-contained report share: a chart over time with its legend, the shape,
// contexts, functions.

import type { Group, LambdaFunction, Maybe, QueryAnswer, Shape, Top } from "./api";
import { type Chart, COLORS, color, histogram, type Line, quantileCurve, timeChart } from "./chart";
import { h, table } from "./dom";
import { integer, money, number, percent, seconds, tagText } from "./format";

/** Groups that get a line; the legend lists them all. */
export const GROUPS_DRAWN = 8;

const DASHES = [undefined, [6, 4], [2, 3], [8, 3, 2, 3]];

/** Counts and rates have an axis of their own: they are no values of the metric. */
export function unitOf(agg: string, kind: string, unit: string): string {
  if (agg === "count" && kind !== "count") return "values a step";
  if (agg === "rate") return "a second";
  return unit || (kind === "count" ? "sum" : "value");
}

export interface Drawn { element: HTMLElement; charts: Chart[] }

/** Lines of the groups, the colour saying which group, or which aggregation if there is one group only. */
export function overTime(answer: QueryAnswer, zoom?: (from: number, to: number) => void, pick?: (group: Group) => void): Drawn {
  const groups = answer.groups.slice(0, GROUPS_DRAWN);
  const alone = groups.length <= 1;
  const lines: Line[] = [];
  groups.forEach((group, g) => answer.aggs.forEach((agg, a) => {
    const values: Maybe[] = group.series?.[agg] ?? [];
    const dash = alone ? undefined : DASHES[a % DASHES.length];
    lines.push({
      label: alone ? agg : `${agg} ${tagText(group.tags)}`, color: color(alone ? a : g), values,
      unit: unitOf(agg, answer.kind, answer.unit), ...(dash ? { dash } : {}),
    });
  }));
  const chart = timeChart(`${answer.aggs.join(", ")} of ${answer.metric} over time, ${groups.length} groups`, answer.times, lines, zoom);
  const legend = table<Group>(
    answer.by.length ? `${integer(answer.groups_total)} groups by ${answer.by.join(", ")}, ${Math.min(groups.length, COLORS)} drawn` : "Everything together",
    [
      { title: answer.by.join(", ") || "tags", cell: (group) => h("span.swatch", {}, tagText(group.tags)), sort: (group) => tagText(group.tags) },
      ...answer.aggs.map((agg) => ({ title: agg, number: true, cell: (group: Group) => number(group.total[agg]), sort: (group: Group) => group.total[agg] ?? null })),
      { title: "contexts", number: true, hint: "distinct sets of tags", cell: (group) => integer(group.contexts), sort: (group) => group.contexts },
    ],
    answer.groups,
    pick,
    (group) => {
      const i = answer.groups.indexOf(group);
      return alone || i >= GROUPS_DRAWN ? undefined : color(i);
    },
  );
  const keys = alone || answer.aggs.length > 1
    ? h("p.keys", {}, ...answer.aggs.map((agg, a) => {
      const key = h("span.key", {}, agg);
      key.style.setProperty("--mark", alone ? color(a) : "var(--muted)");
      if (!alone && a > 0) key.classList.add(`dash-${a % DASHES.length}`);
      return key;
    }))
    : null;
  return { element: h("div", {}, chart.element, keys, legend), charts: [chart] };
}

/** Histogram and quantile curve; null for what has no distribution. */
export function shapeOf(shape: Shape): Drawn | null {
  if (!shape.count || !shape.histogram.length) return null;
  const bars = histogram(`Histogram of ${shape.metric}: ${shape.histogram.length} bars between ${number(shape.min)} and ${number(shape.max)}`, shape.histogram);
  const curve = quantileCurve(`Quantiles of ${shape.metric}: median ${number(shape.quantiles.find((at) => at.q >= 0.5)?.value)}`, shape.quantiles);
  return {
    element: h("div.pair", {}, h("section", {}, h("h3", {}, "Histogram"), bars.element), h("section", {}, h("h3", {}, "Quantiles"), curve.element)),
    charts: [bars, curve],
  };
}

/** A row of figures with their names. */
export function figures(list: [string, string][]): HTMLElement {
  return h("dl.figures", {}, ...list.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

type Context = Top["contexts"][number];

export function contextsTable(top: Top, pick?: (row: Context) => void): HTMLElement {
  return table<Context>(`Top contexts by ${top.order}, of ${integer(top.total)}`, [
    { title: "tags", cell: (row) => h("span.wrap", {}, row.tags.join(", ") || "no tags"), sort: (row) => row.tags.join() },
    ...top.aggs.map((name) => ({ title: name, number: true, cell: (row: Context) => number(row.values[name]), sort: (row: Context) => row.values[name] ?? null })),
  ], top.contexts, pick);
}

/** What enhanced metrics say of each function. */
export function functionsPanel(functions: LambdaFunction[], caption: string, open?: (f: LambdaFunction) => void): HTMLElement {
  const sum = (of: (f: LambdaFunction) => number) => functions.reduce((all, f) => all + of(f), 0);
  const warn = (n: number, whole: number) => (n > 0 ? h("span.bad", { title: percent(n, whole) }, integer(n)) : "0");
  return h("div", {},
    figures([["functions", integer(functions.length)], ["invocations", integer(sum((f) => f.invocations))], ["errors", integer(sum((f) => f.errors))],
      ["cold starts", integer(sum((f) => f.cold_starts))], ["estimated cost", money(sum((f) => f.estimated_cost_usd ?? 0))]]),
    table<LambdaFunction>(caption, [
      { title: "function", cell: (f) => f.name, sort: (f) => f.name },
      { title: "invocations", number: true, cell: (f) => integer(f.invocations), sort: (f) => f.invocations },
      { title: "errors", number: true, cell: (f) => warn(f.errors, f.invocations), sort: (f) => f.errors },
      { title: "cold starts", number: true, cell: (f) => integer(f.cold_starts), sort: (f) => f.cold_starts },
      { title: "p50", number: true, hint: "duration", cell: (f) => seconds(f.duration_s.p50), sort: (f) => f.duration_s.p50 },
      { title: "p95", number: true, hint: "duration", cell: (f) => seconds(f.duration_s.p95), sort: (f) => f.duration_s.p95 },
      { title: "p99", number: true, hint: "duration", cell: (f) => seconds(f.duration_s.p99), sort: (f) => f.duration_s.p99 },
      { title: "billed", number: true, hint: "sum of billed durations", cell: (f) => seconds(f.billed_s), sort: (f) => f.billed_s },
      {
        title: "memory", number: true, hint: "largest used, of what is set", sort: (f) => f.memory_used_mb.max,
        cell: (f) => {
          const used = f.memory_used_mb.max, set = f.memory_size_mb;
          const text = `${number(used)} / ${number(set)} MB`;
          return used !== null && set ? h("span", {}, text, h("meter", { min: 0, max: set, high: 0.9 * set, value: used, title: percent(used, set) })) : text;
        },
      },
      { title: "timeouts", number: true, cell: (f) => warn(f.timeouts, f.invocations), sort: (f) => f.timeouts },
      { title: "out of memory", number: true, cell: (f) => warn(f.out_of_memory, f.invocations), sort: (f) => f.out_of_memory },
      { title: "cost", number: true, hint: "estimated, over the time shown", cell: (f) => money(f.estimated_cost_usd), sort: (f) => f.estimated_cost_usd },
    ], functions, open));
}
