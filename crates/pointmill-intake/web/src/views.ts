// Functions, what was refused, and the intake's own books.

import { api, type Refusal, type Status } from "./api";
import { fill, h, table } from "./dom";
import { bytes, integer, seconds, time } from "./format";
import { figures, functionsPanel } from "./panels";
import type { State } from "./state";

export async function functions(place: Element, state: State, open: (name: string) => void): Promise<void> {
  const { functions } = await api.functions({ from: state.from, to: state.to });
  if (!functions.length) {
    fill(place, h("h1", {}, "Functions"), h("p.quiet", {}, "No metric aws.lambda.enhanced.* has arrived. They come from ",
      h("code", {}, "pointmill forward"), " reading a function's logs, or from a wrapped handler."));
    return;
  }
  fill(place, h("h1", {}, "Functions"), functionsPanel(functions, "One line a function; Enter shows its duration", (f) => open(f.name)));
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
