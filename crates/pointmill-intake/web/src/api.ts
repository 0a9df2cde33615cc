// What the intake answers; openapi.json is the description of it.

export type Kind = "distribution" | "histogram" | "count" | "gauge";
export type Maybe = number | null;

export interface Metric {
  name: string; kind: Kind; unit: string; contexts: number; points: number; values: number; first: number; last: number;
}
export interface Group {
  tags: Record<string, string | null>; contexts: number; total: Record<string, Maybe>; series?: Record<string, Maybe[]>;
}
export interface QueryAnswer {
  metric: string; kind: Kind; unit: string; from: number; to: number; step: Maybe; aggs: string[]; by: string[]; times: number[];
  groups: Group[]; groups_total: number; contexts: number; points: number; elapsed_ms: number;
}
export interface Bar { from: number; to: number; count: number }
export interface Shape {
  metric: string; kind: Kind; unit: string; from: number; to: number; contexts: number; count: number; min: Maybe; max: Maybe;
  sum: number; avg: Maybe; histogram: Bar[]; quantiles: { q: number; value: number }[];
}
export interface TagKey { key: string; total: number; contexts: number; values: { value: string | null; contexts: number }[] }
export interface Top { aggs: string[]; order: string; total: number; contexts: { tags: string[]; values: Record<string, Maybe> }[] }
export interface Percentiles { count: number; avg: Maybe; p50: Maybe; p95: Maybe; p99: Maybe; max: Maybe }
export interface LambdaFunction {
  name: string; tags: string[]; invocations: number; errors: number; cold_starts: number; timeouts: number; out_of_memory: number;
  duration_s: Percentiles; init_duration_s: Percentiles; billed_s: Maybe;
  memory_used_mb: { avg: Maybe; p95: Maybe; max: Maybe }; memory_size_mb: Maybe; estimated_cost_usd: Maybe;
}
export interface Refusal {
  at: number; route: string; cause: string; message: string; field: string; offset: Maybe; bytes: number; client: string; entries: number;
}
export interface Status {
  version: string; uptime_s: number; interval_s: number; refused: number; faults: number; connections: number; dogstatsd: string | null;
  store: Record<string, string | number | null>; received: Record<string, number>;
}

/** An answer that is not a success. `status` 0: the intake cannot be reached. */
export class ApiError extends Error {
  constructor(readonly status: number, message: string) { super(message); }
}

const KEY = "pointmill.api_key";

/** The key that the visitor typed in, for this tab only. */
export const key = {
  get: (): string => sessionStorage.getItem(KEY) ?? "",
  set: (value: string): void => sessionStorage.setItem(KEY, value),
};

type Params = Record<string, string | number | undefined>;

function address(path: string, params: Params): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

async function request(path: string, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = key.get() ? { "DD-API-KEY": key.get() } : {};
  let response: Response;
  try {
    response = await fetch(path, { headers, signal: signal ?? null });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "the intake does not answer; is it still running?");
  }
  if (!response.ok) {
    let text = `${response.status} ${response.statusText}`;
    try {
      text = ((await response.json()) as { errors: string[] }).errors.join("; ");
    } catch { /* not JSON: the status line says it */ }
    throw new ApiError(response.status, text);
  }
  return response;
}

async function get<T>(path: string, params: Params, signal?: AbortSignal): Promise<T> {
  return (await (await request(address(path, params), signal)).json()) as T;
}

export interface Selection { metric: string; kind?: string; filter: string; from: string; to: string }

export const api = {
  metrics: (signal?: AbortSignal) => get<{ metrics: Metric[]; total: number }>("v1/metrics", { limit: 5000 }, signal),
  tags: (metric: string, signal?: AbortSignal) => get<{ tags: TagKey[] }>("v1/tags", { metric, limit: 500 }, signal),
  query: (s: Selection, agg: string[], by: string, limit: number, signal?: AbortSignal) =>
    get<QueryAnswer>("v1/query", { ...s, agg: agg.join(","), by, step: "auto", limit }, signal),
  shape: (s: Selection, signal?: AbortSignal) => get<Shape>("v1/shape", { ...s, bins: 60 }, signal),
  top: (s: Selection, agg: string[], signal?: AbortSignal) => get<Top>("v1/top", { ...s, agg: agg.join(","), limit: 20 }, signal),
  functions: (s: { from: string; to: string }, signal?: AbortSignal) => get<{ functions: LambdaFunction[] }>("v1/functions", s, signal),
  refused: (signal?: AbortSignal) =>
    get<{ total: number; by_cause: Record<string, number>; items: Refusal[] }>("v1/refused", { limit: 200 }, signal),
  status: (signal?: AbortSignal) => get<Status>("v1/status", {}, signal),
};

export interface Update { changed?: string[]; refused?: number }

/**
 * Server-sent events, read with fetch because EventSource cannot send the key in a header. Tries again
 * with growing pauses until stopped; `connected` hears of every change.
 */
export function listen(onUpdate: (update: Update) => void, connected: (yes: boolean) => void): () => void {
  const stop = new AbortController();
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  void (async () => {
    for (let failures = 0; !stop.signal.aborted; failures++) {
      try {
        const response = await request("v1/events", stop.signal);
        connected(true);
        failures = 0;
        const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
        let buffer = "";
        for (;;) {
          const { value, done } = await reader.read();
          if (done) break;
          buffer += value;
          const events = buffer.split(/\r?\n\r?\n/);
          buffer = events.pop()!;
          for (const event of events) {
            const data = event.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5)).join("\n");
            if (data) onUpdate(JSON.parse(data) as Update);
          }
        }
      } catch { /* told below, tried again */ }
      if (stop.signal.aborted) return;
      connected(false);
      await pause(Math.min(10_000, 500 * 2 ** failures));
    }
  })();
  return () => stop.abort();
}
