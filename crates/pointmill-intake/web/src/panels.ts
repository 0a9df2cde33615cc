// The parts that the page and the self-contained report share: a chart over time with its legend, and the shape.

import type { Group, Maybe, QueryAnswer, Shape } from "./api";
import { type Chart, COLORS, color, histogram, type Line, quantileCurve, timeChart } from "./chart";
import { h, table } from "./dom";
import { integer, number, tagText } from "./format";

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
