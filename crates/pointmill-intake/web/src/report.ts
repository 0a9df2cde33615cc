// The self-contained report: the same charts over data that lies in the page itself.

import "uplot/dist/uPlot.min.css";
import "./style.css";
import type { QueryAnswer, Shape } from "./api";
import type { Chart } from "./chart";
import { fill, h } from "./dom";
import { integer, number, time } from "./format";
import { figures, overTime, shapeOf } from "./panels";

interface Report { title: string; made: number; version: string; items: { answer: QueryAnswer; shape: Shape | null }[] }

const report = JSON.parse(document.getElementById("data")!.textContent!) as Report;
let charts: Chart[] = [];

function draw(): void {
  charts.forEach((chart) => chart.remove());
  charts = [];
  document.title = report.title;
  fill(document.getElementById("app")!, h("main", {}, h("h1", {}, report.title),
    h("p.quiet", {}, `Made ${time(report.made)} by pointmill ${report.version}.`),
    ...report.items.map(({ answer, shape }) => {
      const lines = answer.times.length > 1 ? overTime(answer) : overTime({ ...answer, times: [] });
      const form = shape && shapeOf(shape);
      charts.push(...lines.charts, ...(form ? form.charts : []));
      return h("section", {}, h("h2", {}, answer.metric), h("span.badge", {}, answer.kind),
        shape ? figures([["values", integer(shape.count)], ["avg", number(shape.avg)], ["min", number(shape.min)], ["max", number(shape.max)], ["sum", number(shape.sum)], ["contexts", integer(shape.contexts)]]) : null,
        h("div.panel", {}, lines.element), form ? h("div.panel", {}, form.element) : null);
    })));
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
draw();
