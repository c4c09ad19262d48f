/** A decision table as a grid: a column for each condition, a row for each case, an empty cell for any value. */
import { actionsEditor } from "./actions.js";
import { addButton, faultLines, faultsAt, h, icon, iconButton, select, text, toggle, vocabulary } from "./dom.js";
import { attributeInput, attributeNamed, parsed, shown } from "./values.js";
import { actionWords } from "./words.js";

const PRESENCE = new Set(["isSet", "isNotSet"]);
const LISTED = new Set(["in", "notIn", "between"]);

/** The value of a cell from what is typed; null is any. */
function cellOf(typed, column) {
  const trimmed = typed.trim();
  if (trimmed === "" || trimmed === "*") return null;
  const { family } = attributeNamed(column.attribute);
  const comparison = column.operator ?? "eq"; // the comparison's name in the document
  if (PRESENCE.has(comparison)) return parsed(trimmed, "boolean");
  if (LISTED.has(comparison)) return trimmed.split(/[,;]/).map((part) => parsed(part.trim(), family)).filter((part) => part !== "");
  return parsed(trimmed, family === "list" ? "text" : family);
}

function typedOf(cell, column) {
  if (cell === null || cell === undefined) return "";
  const { family } = attributeNamed(column.attribute);
  return Array.isArray(cell) ? cell.map((each) => shown(each, family)).join(", ") : shown(cell, family);
}

export function tableEditor(table, onchange, { faults = {} } = {}) {
  const columns = structuredClone(table?.columns ?? []);
  const rows = structuredClone(table?.rows ?? []);
  const host = h("div", { class: "table-builder" });
  let open = null;
  const changed = () => onchange({ columns, rows });
  const redraw = (focus) => {
    host.replaceChildren(grid(), h("div", { class: "row edits" },
      addButton(text("add_row"), () => insertRow(rows.length)),
      addButton(text("add_column"), addColumn),
      h("span", { class: "faint sm" }, icon("clip"), ` ${text("paste_hint")}`)),
      faultLines(faultsAt(faults, "columns").concat(faultsAt(faults, "rows"))));
    if (focus) host.querySelector(focus)?.focus();
    tellActions();
  };
  const cellName = (r, c) => `[data-cell="${r}-${c}"]`;

  function insertRow(at) {
    rows.splice(at, 0, { when: columns.map(() => null), then: [] });
    changed();
    redraw(cellName(at, 0));
  }

  function addColumn() {
    columns.push({ attribute: "", operator: "eq" }); // a condition without its attribute yet
    for (const row of rows) row.when.push(null);
    changed();
    redraw(`[data-column="${columns.length - 1}"]`);
  }

  function moved(list, from, by) {
    const [taken] = list.splice(from, 1);
    list.splice(from + by, 0, taken);
  }

  function columnHead(column, c) {
    const label = `${text("column")} ${c + 1}`;
    const rest = h("div", { class: "row tight" });
    const familyOf = () => attributeNamed(column.attribute).family;
    /** Changes the column; its cells are read again by what it is then. */
    const alter = (change) => {
      const typed = rows.map((row) => typedOf(row.when[c], column));
      change();
      rows.forEach((row, r) => (row.when[c] = cellOf(typed[r], column)));
      changed();
    };
    const drawRest = () => {
      const comparison = column.operator ?? "eq"; // the comparison's name in the document
      const offered = vocabulary().comparisons[familyOf()];
      const names = offered.includes(comparison) ? offered : [comparison, ...offered];
      rest.replaceChildren(
        select(`${label}, ${text("comparison")}`, names.map((name) => [name, vocabulary().comparisonText[name]]), comparison, (picked) => alter(() => (column.operator = picked))),
        ...(["text", "list", "any"].includes(familyOf()) ? [toggle("Aa", text("ignore_case"), column.ignoreCase ?? false, (now) => {
          column.ignoreCase = now;
          if (!now) delete column.ignoreCase;
          changed();
        })] : []));
    };
    drawRest();
    return h("th", { scope: "col" }, h("div", { class: "stack tight" },
      attributeInput(`${label}, ${text("attribute")}`, column.attribute, (name) => {
        const before = familyOf();
        alter(() => (column.attribute = name));
        if (familyOf() !== before) drawRest();
      }, { "data-column": c, placeholder: "data.…" }),
      rest,
      h("div", { class: "row tight edits" },
        iconButton("right", `${text("move_left")}, ${label}`, () => moveColumn(c, -1), { disabled: c === 0, class: "btn quiet icon flip" }),
        iconButton("right", `${text("move_right")}, ${label}`, () => moveColumn(c, 1), { disabled: c === columns.length - 1 }),
        iconButton("x", `${text("remove")}, ${label}`, () => {
          columns.splice(c, 1);
          for (const row of rows) row.when.splice(c, 1);
          changed();
          redraw();
        })),
      faultLines(faultsAt(faults, `columns[${c}]`, true))));
  }

  function moveColumn(c, by) {
    moved(columns, c, by);
    for (const row of rows) moved(row.when, c, by);
    changed();
    redraw(`[data-column="${c + by}"]`);
  }

  function cell(row, r, column, c) {
    const messages = faultsAt(faults, `rows[${r}].when[${c}]`, true);
    const { allowed = [] } = attributeNamed(column.attribute);
    const input = h("input", {
      class: "input s", type: "text", autocomplete: "off", "data-cell": `${r}-${c}`, placeholder: text("any"),
      "aria-label": `${text("row")} ${r + 1}, ${column.attribute || `${text("column")} ${c + 1}`}`,
      "aria-invalid": messages.length ? "true" : null, title: allowed.length ? allowed.join(", ") : null,
      value: typedOf(row.when[c], column),
      oninput: (event) => {
        row.when[c] = cellOf(event.target.value, column);
        changed();
      },
      onpaste: (event) => paste(event, r, c),
      onkeydown: (event) => keys(event, r, c),
    });
    return h("td", {}, input, faultLines(messages));
  }

  function keys(event, r, c) {
    if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      const by = event.key === "ArrowUp" ? -1 : 1;
      event.preventDefault();
      if (rows[r + by]) moveRow(r, by, cellName(r + by, c));
      return;
    }
    const next = { ArrowUp: [r - 1, c], ArrowDown: [r + 1, c], Enter: [r + 1, c] }[event.key];
    if (!next) return;
    event.preventDefault();
    host.querySelector(cellName(...next))?.focus();
  }

  /** What a spreadsheet copies: lines of cells with tabs between; goes in from this cell on. */
  function paste(event, r, c) {
    const copied = event.clipboardData.getData("text/plain").replace(/\r/g, "").replace(/\n$/, "");
    if (!/[\t\n]/.test(copied)) return;
    event.preventDefault();
    copied.split("\n").forEach((line, down) => {
      rows[r + down] ??= { when: columns.map(() => null), then: [] };
      line.split("\t").forEach((typed, across) => {
        if (columns[c + across]) rows[r + down].when[c + across] = cellOf(typed, columns[c + across]);
      });
    });
    changed();
    redraw(cellName(r, c));
  }

  function moveRow(r, by, focus) {
    moved(rows, r, by);
    if (open === r) open = r + by;
    changed();
    redraw(focus);
  }

  function bodyRow(row, r) {
    const messages = faultsAt(faults, `rows[${r}]`).concat(faultsAt(faults, `rows[${r}].when`));
    const line = h("tr", {},
      h("th", { scope: "row", class: "num faint" }, String(r + 1)),
      columns.map((column, c) => cell(row, r, column, c)),
      h("td", { class: "then" }, h("button", { type: "button", class: "btn quiet", "aria-expanded": String(open === r), "data-actions": r, onclick: () => {
        open = open === r ? null : r;
        redraw(`[data-actions="${r}"]`);
      } }, icon(open === r ? "down" : "edit"), h("span", { "data-told": r }, text("no_actions"))), faultLines(faultsAt(faults, `rows[${r}].then`, true).slice(0, open === r ? 0 : 3))),
      h("td", { class: "row-acts edits" },
        iconButton("up", `${text("earlier")}, ${text("row")} ${r + 1}`, () => moveRow(r, -1, `[data-actions="${r - 1}"]`), { disabled: r === 0 }),
        iconButton("down", `${text("later")}, ${text("row")} ${r + 1}`, () => moveRow(r, 1, `[data-actions="${r + 1}"]`), { disabled: r === rows.length - 1 }),
        iconButton("plus", `${text("add_below")}, ${text("row")} ${r + 1}`, () => insertRow(r + 1)),
        iconButton("trash", `${text("remove")}, ${text("row")} ${r + 1}`, () => {
          rows.splice(r, 1);
          open = null;
          changed();
          redraw(rows.length ? cellName(Math.min(r, rows.length - 1), 0) : "button");
        })));
    const span = columns.length + 3;
    const extra = [];
    if (messages.length) extra.push(h("tr", {}, h("td", { colspan: span }, faultLines(messages))));
    if (open === r) {
      extra.push(h("tr", { class: "row-actions" }, h("td", {}), h("td", { colspan: span - 1 }, actionsEditor(row.then, (then) => {
        row.then = then;
        changed();
        tellActions();
      }, { faults, path: `rows[${r}].then`, label: `${text("actions")}, ${text("row")} ${r + 1}` }))));
    }
    return [line, ...extra];
  }

  function grid() {
    return h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": text("table_grid") }, h("table", { class: "decision-grid" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, h("span", { class: "vh" }, text("row"))), columns.map(columnHead), h("th", { scope: "col" }, text("then")), h("td", {}))),
      h("tbody", {}, rows.length ? rows.flatMap(bodyRow) : h("tr", {}, h("td", { colspan: columns.length + 3, class: "faint" }, text("no_rows"))))));
  }

  const tellActions = () => actionWords(rows.map((row) => row.then), (told) => told.forEach((words, r) => {
    const place = host.querySelector(`[data-told="${r}"]`);
    if (place) place.textContent = words || text("no_actions");
  }));

  redraw();
  return host;
}
