// Three charts over uPlot. Colours come from the style sheet, so that dark and light follow it.

import uPlot from "uplot";
import type { Bar, Maybe } from "./api";
import { integer, number, time } from "./format";

export const COLORS = 8;

export function color(i: number): string {
  return variable(`--series-${(i % COLORS) + 1}`);
}

function variable(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const FONT = "12px system-ui, sans-serif";

function axis(extra: Partial<uPlot.Axis> = {}): uPlot.Axis {
  const grid = { stroke: variable("--grid"), width: 1 };
  return { stroke: variable("--muted"), font: FONT, grid, ticks: grid, ...extra };
}

const numbers = (_: uPlot, splits: (number | null)[]) => splits.map((v) => (v === null ? "" : number(v)));

// Labels of the time axis, by the seconds between two: the usual one, and what is below it where a year, a day or
// an hour begins. As everywhere on the page: 24 hours, the year first.
const DAY = "\n{YYYY}-{MM}-{DD}";
const TIMES = [
  [365 * 86400, "{YYYY}", null, null, null, null, null, null, 1],
  [28 * 86400, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [86400, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", DAY, null, DAY, null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", DAY, null, DAY, null, null, null, 1],
] satisfies (string | number | null)[][];

/** How far the axis reaches before and behind a single time, in seconds. */
const AROUND = 60;

export interface Line { label: string; color: string; dash?: number[]; values: Maybe[]; unit: string }

/** A chart that fits its place, and is taken out with it. */
export interface Chart { element: HTMLElement; remove: () => void; highlight?: (i: number | null) => void }

function mount(label: string, height: number, options: Omit<uPlot.Options, "width" | "height">, data: uPlot.AlignedData): Chart & { plot: uPlot } {
  const element = document.createElement("div");
  element.className = "chart";
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", label);
  const plot = new uPlot({ ...options, width: 600, height }, data, element);
  const fit = new ResizeObserver(() => {
    const width = Math.floor(element.clientWidth);
    if (width > 0 && width !== plot.width) plot.setSize({ width, height });
  });
  fit.observe(element);
  return { element, plot, remove: () => { fit.disconnect(); plot.destroy(); } };
}

/** A box beside the cursor with what `text` says of the index. */
function tooltip(text: (plot: uPlot, i: number) => Node[] | null): uPlot.Plugin {
  const box = document.createElement("div");
  box.className = "tip";
  return {
    hooks: {
      init: (u) => { u.over.appendChild(box); },
      setCursor: (u) => {
        const i = u.cursor.idx;
        const lines = i === null || i === undefined || (u.cursor.left ?? -1) < 0 ? null : text(u, i);
        box.hidden = !lines;
        if (!lines) return;
        box.replaceChildren(...lines);
        const right = u.cursor.left! > u.over.clientWidth / 2;
        box.style.left = right ? "" : `${u.cursor.left! + 14}px`;
        box.style.right = right ? `${u.over.clientWidth - u.cursor.left! + 14}px` : "";
      },
    },
  };
}

function row(text: string, mark?: string): HTMLElement {
  const line = document.createElement("div");
  if (mark) {
    const dot = document.createElement("i");
    dot.style.background = mark;
    line.append(dot);
  }
  line.append(text);
  return line;
}

/** Values over time. Dragging chooses a stretch of time. */
export function timeChart(label: string, times: number[], lines: Line[], zoom?: (from: number, to: number) => void): Chart {
  // More than one unit: counts on the right, values on the left.
  const scales = new Map(lines.map((line) => [line.unit, 0]));
  const units = [...scales.keys()];
  const sparse = times.length < 40;
  const chart = mount(label, 300, {
    cursor: { drag: { x: Boolean(zoom), y: false, setScale: false }, focus: { prox: 24 }, points: { size: 6 } },
    focus: { alpha: 0.25 },
    legend: { show: false },
    series: [{}, ...lines.map((line): uPlot.Series => ({
      label: line.label, stroke: line.color, width: 1.5, scale: line.unit, spanGaps: true,
      points: { show: sparse, size: 4 }, ...(line.dash ? { dash: line.dash } : {}),
    }))],
    scales: { x: { time: true, ...(times.length === 1 ? { range: [times[0]! - AROUND, times[0]! + AROUND] as uPlot.Range.MinMax } : {}) }, ...Object.fromEntries(units.map((unit) => [unit, { range: padded }])) },
    axes: [axis({ values: TIMES as unknown as uPlot.Axis.Values }), ...units.slice(0, 2).map((unit, i): uPlot.Axis => axis({
      scale: unit, side: i === 0 ? 3 : 1, size: 64, values: numbers, label: unit, labelFont: FONT, labelSize: 18,
      grid: i === 0 ? { stroke: variable("--grid"), width: 1 } : { show: false },
    }))],
    hooks: {
      setSelect: [(u) => {
        if (u.select.width < 4) return;
        const from = Math.floor(u.posToVal(u.select.left, "x"));
        const to = Math.ceil(u.posToVal(u.select.left + u.select.width, "x"));
        u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        if (to > from) zoom?.(from, to);
      }],
    },
    plugins: [tooltip((u, i) => {
      const seen = lines
        .map((line, k) => ({ line, value: (u.data[k + 1] as Maybe[])[i] ?? null }))
        .filter((at): at is { line: Line; value: number } => at.value !== null)
        .sort((a, b) => b.value - a.value);
      if (!seen.length) return null;
      return [row(time(u.data[0]![i]!)), ...seen.slice(0, 12).map(({ line, value }) => row(`${number(value)}  ${line.label}`, line.color))];
    })],
  }, [times, ...lines.map((line) => line.values)]);
  return { ...chart, highlight: (i) => chart.plot.setSeries(i === null ? null : i + 1, { focus: true }) };
}

/** A little air above and below; flat lines get some too. */
function padded(_: uPlot, min: number | null, max: number | null): uPlot.Range.MinMax {
  if (min === null || max === null) return [0, 1];
  const air = (max - min) * 0.08 || Math.abs(max) * 0.1 || 1;
  return [min >= 0 && min < 0.4 * max ? 0 : min - air, max + air];
}

/** Bars of a histogram; their edges are given, equal in width or not. */
export function histogram(label: string, bars: Bar[]): Chart {
  // Bars stand side by side by number; the axis shows their edges.
  const at = bars.map((_, i) => i);
  const blue = color(0);
  const edge = (i: number) => (i < bars.length ? bars[i]?.from : bars[bars.length - 1]?.to);
  const chart = mount(label, 240, {
    cursor: { drag: { x: false, y: false }, points: { show: false } },
    legend: { show: false },
    series: [{}, { label: "count", stroke: blue, fill: `${blue}99`, paths: uPlot.paths.bars!({ size: [1, 64], align: 1 }), points: { show: false } }],
    scales: { x: { time: false, range: [0, Math.max(1, bars.length)] }, y: { range: (_u, _min, max) => [0, (max ?? 1) * 1.05 || 1] } },
    axes: [axis({ incrs: [1, 2, 3, 5, 6, 10, 15, 20], space: 70, values: (_, splits) => splits.map((i) => number(edge(i) ?? null)) }), axis({ size: 64, values: numbers })],
    plugins: [tooltip((_, i) => {
      const bar = bars[i];
      return bar ? [row(`${number(bar.from)} to ${number(bar.to)}`), row(`${integer(bar.count)} values`, blue)] : null;
    })],
  }, [at, bars.map((bar) => bar.count)]);
  return chart;
}

/** Value by quantile. Towards 1 the axis is stretched, each nine as wide as the one before. */
export function quantileCurve(label: string, quantiles: { q: number; value: number }[]): Chart {
  const stretch = (q: number) => -Math.log10(Math.max(1e-5, 1 - q));
  const marks = [0, 0.5, 0.9, 0.99, 0.999, 0.9999];
  const blue = color(0);
  const list = quantiles.filter((at, i) => i === 0 || stretch(at.q) > stretch(quantiles[i - 1]!.q));
  return mount(label, 240, {
    cursor: { drag: { x: false, y: false } },
    legend: { show: false },
    series: [{}, { label: "value", stroke: blue, width: 1.5, fill: `${blue}22`, points: { show: false } }],
    scales: { x: { time: false, range: (_u, _min, max) => [0, max ?? 4] }, y: { range: padded } },
    axes: [axis({ splits: () => marks.map(stretch), values: () => marks.map((q) => `p${Number((100 * q).toPrecision(6))}`) }), axis({ size: 64, values: numbers })],
    plugins: [tooltip((_, i) => {
      const at = list[i];
      return at ? [row(`p${Number((100 * at.q).toPrecision(6))}`), row(number(at.value), blue)] : null;
    })],
  }, [list.map((at) => stretch(at.q)), list.map((at) => at.value)]);
}
