// Numbers and times as people read them.

import type { Maybe } from "./api";

const SUFFIXES: [number, string][] = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

/** Four figures: 1234567 → 1.235M, 0.00012345 → 1.234e-4. Nothing: an en dash. */
export function number(value: Maybe | undefined): string {
  if (value === null || value === undefined) return "–";
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e15)) return value.toExponential(3);
  for (const [from, suffix] of SUFFIXES) {
    if (size >= from) return trim(value / from) + suffix;
  }
  return trim(value);
}

function trim(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** Whole numbers in full, with thin spaces between thousands. */
export function integer(value: Maybe | undefined): string {
  if (value === null || value === undefined) return "–";
  return Math.round(value).toString().replace(/\B(?=(\d{3})+(?!\d))/g, "\u2009");
}

/** "1 context", "2 contexts". */
export function count(n: number, what: string): string {
  return `${integer(n)} ${what}${n === 1 ? "" : "s"}`;
}

export function money(value: Maybe): string {
  return value === null ? "–" : value >= 0.01 ? `$${value.toFixed(2)}` : `$${value.toPrecision(3)}`;
}

/** Seconds, in the unit in which they are a readable number. */
export function seconds(value: Maybe): string {
  if (value === null) return "–";
  if (value < 1e-3) return `${trim(value * 1e6)} µs`;
  if (value < 1) return `${trim(value * 1e3)} ms`;
  if (value < 120) return `${trim(value)} s`;
  return value < 7200 ? `${trim(value / 60)} min` : `${trim(value / 3600)} h`;
}

export function percent(part: number, whole: number): string {
  return whole > 0 ? `${trim((100 * part) / whole)} %` : "–";
}

export function bytes(value: number): string {
  return value >= 1e9 ? `${trim(value / 1e9)} GB` : value >= 1e6 ? `${trim(value / 1e6)} MB` : value >= 1e3 ? `${trim(value / 1e3)} kB` : `${value} B`;
}

const two = (n: number) => String(n).padStart(2, "0");

/** Local date and time of Unix seconds. */
export function time(unix: number): string {
  const d = new Date(unix * 1000);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

export function tagText(tags: Record<string, string | null>): string {
  const parts = Object.entries(tags).map(([key, value]) => (value === null ? `${key}: –` : `${key}:${value}`));
  return parts.length ? parts.join(", ") : "everything";
}
