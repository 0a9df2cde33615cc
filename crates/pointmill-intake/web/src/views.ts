// Functions, what was refused, and the intake's own books.

import { api, type LambdaFunction, type Refusal, type Status } from "./api";
import { fill, h, table } from "./dom";
import { bytes, integer, money, number, percent, seconds, time } from "./format";
import { figures } from "./panels";
import type { State } from "./state";

export async function functions(place: Element, state: State, open: (name: string) => void): Promise<void> {
  const { functions } = await api.functions({ from: state.from, to: state.to });
  if (!functions.length) {
    fill(place, h("h1", {}, "Functions"), h("p.quiet", {}, "No metric aws.lambda.enhanced.* has arrived. They come from ",
      h("code", {}, "pointmill forward"), " reading a function's logs, or from a wrapped handler."));
    return;
  }
  const sum = (of: (f: LambdaFunction) => number) => functions.reduce((all, f) => all + of(f), 0);
  const warn = (n: number, whole: number) => (n > 0 ? h("span.bad", { title: percent(n, whole) }, integer(n)) : "0");
  fill(place, h("h1", {}, "Functions"),
    figures([["functions", integer(functions.length)], ["invocations", integer(sum((f) => f.invocations))], ["errors", integer(sum((f) => f.errors))],
      ["cold starts", integer(sum((f) => f.cold_starts))], ["estimated cost", money(sum((f) => f.estimated_cost_usd ?? 0))]]),
    table<LambdaFunction>("One line a function; Enter shows its duration", [
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
    ], functions, (f) => open(f.name)));
}

export async function refused(place: Element): Promise<void> {
  const { total, by_cause, items } = await api.refused();
  if (!total) {
    fill(place, h("h1", {}, "Refused"), h("p.quiet", {}, "Nothing was refused: every body that arrived is stored."));
    return;
  }
  fill(place, h("h1", {}, "Refused"),
    figures([["in all", integer(total)], ...Object.entries(by_cause).map(([cause, n]): [string, string] => [cause, integer(n)])]),
    table<Refusal>(`The newest ${integer(items.length)}`, [
      { title: "time", cell: (r) => time(r.at), sort: (r) => r.at },
      { title: "route", cell: (r) => r.route, sort: (r) => r.route },
      { title: "cause", cell: (r) => h("span.bad", {}, r.cause), sort: (r) => r.cause },
      { title: "what to do", cell: (r) => h("span.wrap", {}, r.message) },
      { title: "where", cell: (r) => [r.field, r.offset === null ? "" : `byte ${r.offset}`].filter(Boolean).join(", ") || "–" },
      { title: "size", number: true, cell: (r) => bytes(r.bytes), sort: (r) => r.bytes },
      { title: "client", cell: (r) => r.client || "–", sort: (r) => r.client },
    ], items));
}

export async function status(place: Element): Promise<void> {
  const answer: Status = await api.status();
  const list = (title: string, values: Record<string, string | number | null>) => h("section.panel", {}, h("h2", {}, title),
    figures(Object.entries(values).map(([name, value]): [string, string] => {
      const shown = name.replaceAll("_", " ");
      if (name === "first" || name === "last") return [shown, typeof value === "number" ? time(value) : "–"];
      if (typeof value !== "number") return [shown, value || "–"];
      return [shown.replace(/ ?bytes/, "") || "size", name.includes("bytes") ? bytes(value) : integer(value)];
    })));
  fill(place, h("h1", {}, "Status"), list("Received", answer.received), list("Store", answer.store),
    list("Intake", { version: answer.version, "up for": seconds(answer.uptime_s), refused: answer.refused, faults: answer.faults, connections: answer.connections, dogstatsd: answer.dogstatsd ?? "off" }),
    h("p", {}, h("a", { href: "v1/openapi.json" }, "Description of the API")));
}
