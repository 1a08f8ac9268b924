"use strict";
// Sorts tables by the column whose header is pressed: first by the most useful
// direction, then by the other one, then in the original order.
function key(cell, isText) {
  if (isText) return cell.textContent.trim().toLowerCase();
  const value = cell.dataset.v;
  return value === undefined || value === "" ? null : Number(value);
}
function compared(a, b) {
  if (a === null || b === null) return (a === null) - (b === null);
  return typeof a === "string" ? a.localeCompare(b, undefined, {numeric: true}) : a - b;
}
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0], original = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = head.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      const isText = head.dataset.kind === "text";
      const order = isText ? ["ascending", "descending", "none"]
                           : ["descending", "ascending", "none"];
      const next = order[(order.indexOf(head.ariaSort) + 1) % 3];
      heads.forEach((other) => { if (other.ariaSort) other.ariaSort = "none"; });
      head.ariaSort = next;
      const sign = next === "descending" ? -1 : 1;
      const rows = [...original];
      if (next !== "none") rows.sort((a, b) => {
        const left = key(a.cells[column], isText), right = key(b.cells[column], isText);
        const known = left !== null && right !== null;
        return (known ? sign : 1) * compared(left, right);
      });
      body.append(...rows);
    });
  });
}
// Orders rows and columns of the confusion matrices alike.
const rules = {
  i: (a, b) => a.dataset.i - b.dataset.i,
  name: (a, b) => a.dataset.name.localeCompare(b.dataset.name),
  iou: (a, b) => compared(key({dataset: {v: a.dataset.iou}}, false),
                          key({dataset: {v: b.dataset.iou}}, false)),
  pixels: (a, b) => b.dataset.pixels - a.dataset.pixels,
};
const matrices = [...document.querySelectorAll("table.matrix")].map((table) => {
  const rows = [...table.tBodies[0].rows], head = table.tHead.rows[0];
  const columns = [...head.cells].slice(1);
  const cells = rows.map((row) => [...row.cells].slice(1));
  return {table, rows, head, columns, cells};
});
document.getElementById("order")?.addEventListener("change", (event) => {
  for (const {table, rows, head, columns, cells} of matrices) {
    const sorted = [...rows].sort(rules[event.target.value]);
    const places = sorted.map((row) => rows.indexOf(row));
    table.tBodies[0].append(...sorted);
    head.append(...places.map((place) => columns[place]));
    rows.forEach((row, k) => row.append(...places.map((place) => cells[k][place])));
  }
});
for (const {table, columns, rows, cells} of matrices) {
  const told = table.parentElement.parentElement.querySelectorAll(".told");
  const line = told[matrices.findIndex((one) => one.table === table)];
  table.addEventListener("mouseover", ({target}) => {
    const row = target.closest("tr");
    if (target.tagName !== "TD" || !target.dataset.n) return;
    const place = cells[rows.indexOf(row)].indexOf(target);
    const guess = columns[place].textContent.trim();
    const pixels = Number(target.dataset.n).toLocaleString("en-US");
    line.textContent = `${row.dataset.name}: ${pixels} pixels `
      + `(${target.textContent.trim()} %) are predicted as ${guess}.`;
  });
}
