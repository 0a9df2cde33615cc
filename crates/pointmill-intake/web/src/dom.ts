// Elements from code. Texts only ever become text nodes: a metric may be called <script>.

type Child = Node | string | number | null | undefined | false;
type Props = { [name: string]: string | number | boolean | EventListener | undefined };

/** `h("a.link", { href }, "text")`: an element with class, attributes, `on…` listeners and children. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K | `${K}.${string}`, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name as K);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else element.setAttribute(key, String(value));
  }
  append(element, children);
  return element;
}

export function append(parent: Node, children: Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    parent.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

export function fill(parent: Element, ...children: Child[]): void {
  parent.textContent = "";
  append(parent, children);
}

export interface Column<T> {
  title: string;
  hint?: string;
  number?: boolean;
  cell: (row: T) => Child;
  /** What to sort by; without it the column does not sort. */
  sort?: (row: T) => number | string | null;
}

/** A table whose columns sort by a click or Enter on the heading. */
export function table<T>(caption: string, columns: Column<T>[], rows: T[], onRow?: (row: T) => void, mark?: (row: T) => string | undefined): HTMLElement {
  const body = h("tbody");
  const headings = columns.map((column) => h("th", { scope: "col", title: column.hint, class: column.number ? "number" : "" }));
  let sorted: { column: number; down: boolean } | undefined;

  const draw = () => {
    const list = [...rows];
    const by = sorted && columns[sorted.column]?.sort;
    if (by && sorted) {
      const sign = sorted.down ? -1 : 1;
      list.sort((a, b) => compare(by(a), by(b)) * sign);
    }
    fill(body, ...list.map((row) => {
      const line = h("tr", onRow ? { tabindex: 0, class: "pick", onclick: () => onRow(row), onkeydown: ((e: KeyboardEvent) => {
        if (e.key === "Enter") onRow(row);
      }) as EventListener } : {}, ...columns.map((column) => h("td", { class: column.number ? "number" : "" }, column.cell(row))));
      const color = mark?.(row);
      if (color) line.style.setProperty("--mark", color);
      return line;
    }));
    headings.forEach((heading, i) => heading.setAttribute("aria-sort", sorted?.column !== i ? "none" : sorted.down ? "descending" : "ascending"));
  };
  columns.forEach((column, i) => {
    const heading = headings[i]!;
    if (!column.sort) return fill(heading, column.title);
    fill(heading, h("button", { type: "button", onclick: () => {
      sorted = { column: i, down: sorted?.column === i ? !sorted.down : Boolean(column.number) };
      draw();
    } }, column.title));
  });
  draw();
  return h("div.scroll", { tabindex: 0, role: "region", "aria-label": caption }, h("table", {}, h("caption", {}, caption), h("thead", {}, h("tr", {}, ...headings)), body));
}

function compare(a: number | string | null, b: number | string | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
}
