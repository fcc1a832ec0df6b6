// dom.js: making elements. Text is always set as text: nothing that comes from a cache is ever read as HTML.

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") for (const [event, run] of Object.entries(value)) made.addEventListener(event, run);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export const find = (id) => document.getElementById(id);

// Rows of cells; a cell is text, a number as text {number}, or an element. What has the focus keeps it where the table
// is drawn anew, by its `data-keep`.
export function showTable(place, caption, columns, rows, whenEmpty) {
  const kept = place.contains(document.activeElement) ? document.activeElement.dataset.keep : undefined;
  const opened = new Set([...place.querySelectorAll("details[open]")].map((each) => each.dataset.keep));
  if (rows.length === 0) {
    place.replaceChildren(element("p", { class: "empty" }, whenEmpty));
    return;
  }
  const head = element("tr", {}, ...columns.map((each) => element("th", { scope: "col", class: each.number && "number" }, each.name)));
  const body = rows.map((row) =>
    element("tr", {}, ...row.map((cell, i) => {
      const attributes = { class: [columns[i].number && "number", columns[i].class, cell?.bad && "bad"].filter(Boolean).join(" ") || null };
      const content = cell?.bad !== undefined ? cell.text : cell;
      return i === 0 ? element("th", { scope: "row", ...attributes }, content) : element("td", attributes, content ?? "");
    })),
  );
  const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
  place.replaceChildren(element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption }, table));
  for (const each of place.querySelectorAll("details")) if (opened.has(each.dataset.keep)) each.open = true;
  if (kept !== undefined) place.querySelector(`[data-keep="${CSS.escape(kept)}"]`)?.focus();
}
