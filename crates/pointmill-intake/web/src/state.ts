// What the page shows, kept in the address so that it can be shared, bookmarked and gone back to.

export type View = "metrics" | "functions" | "refused" | "status";

export interface State {
  view: View; metric: string; kind: string; agg: string[]; by: string; filter: string; from: string; to: string;
}

export const VIEWS: View[] = ["metrics", "functions", "refused", "status"];
export const DEFAULT_AGG = ["p50", "p95", "p99"];

export function read(hash: string): State {
  const params = new URLSearchParams(hash.replace(/^#/, ""));
  const text = (name: string) => params.get(name) ?? "";
  const view = VIEWS.find((v) => v === text("view")) ?? "metrics";
  const agg = text("agg").split(",").filter(Boolean);
  return { view, metric: text("metric"), kind: text("kind"), agg, by: text("by"), filter: text("filter"), from: text("from"), to: text("to") };
}

export function write(state: State): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) {
    const text = Array.isArray(value) ? value.join(",") : (value as string);
    if (text && !(name === "view" && text === "metrics")) params.set(name, text);
  }
  return "#" + params.toString();
}
