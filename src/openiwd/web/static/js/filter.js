/**
 * The filter builder: groups and conditions as inputs, and the filter tree that they stand for. What it sends is judged
 * by the server; a fault is shown beside the part that it names, and everything stays as it was typed.
 */
import { load } from "./load.js";
import { isBusy, isTyping } from "./shortcut.js";

const CHECK_MS = 400;
const DEEPEST = 3;
const SPAN = /^now\s*([+-])\s*((?:\d+[dhms])+)$/;
const UNITS = { d: 86400, h: 3600, m: 60, s: 1 };
const LOCAL = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?$/;
let data = null;

const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== null));
  return element;
};
const option = (value, text, chosen) => make("option", { value, textContent: text, selected: value === chosen });
const known = (name) => data.attributes.find((each) => each.name === name);
const named = (element, label) => {
  element.setAttribute("aria-label", label);
  return element;
};

// From the tree ------------------------------------------------------------------------------------------------------

function grouped(node) {
  if (!node || typeof node !== "object" || Object.keys(node).length === 0) return { mode: "all", nodes: [] };
  if (Array.isArray(node.all)) return { mode: "all", nodes: node.all };
  if (Array.isArray(node.any)) return { mode: "any", nodes: node.any };
  if (node.not) {
    const inner = node.not;
    return { mode: "none", nodes: Array.isArray(inner.any) ? inner.any : [inner] };
  }
  return { mode: "all", nodes: [node] };
}

const isGroup = (node) => Boolean(node && (node.all || node.any || node.not));

/** How the builder asks for what a condition says: relative dates have operators of their own here. */
function asked(node) {
  const { operator, value } = node;
  const attribute = known(node.attribute);
  if (attribute?.type === "date") {
    if (operator === "between" && Array.isArray(value)) {
      const [low, high] = value.map(String);
      if (high === "now" && SPAN.test(low)) return { operator: "withinLast", value: low.replace(SPAN, "$2") };
      if (low === "now" && SPAN.test(high)) return { operator: "withinNext", value: high.replace(SPAN, "$2") };
    }
    if (["after", "gt", "ge"].includes(operator) && SPAN.test(value) && value.includes("+")) {
      return { operator: "laterThan", value: value.replace(SPAN, "$2") };
    }
    if (["before", "lt", "le"].includes(operator)) {
      if (value === "now") return { operator: "olderThan", value: "0m" };
      if (SPAN.test(value) && value.includes("-")) return { operator: "olderThan", value: value.replace(SPAN, "$2") };
    }
    if (["lt", "le"].includes(operator)) return { operator: "before", value };
    if (["gt", "ge"].includes(operator)) return { operator: "after", value };
  }
  if (attribute?.type === "choice" && operator === "eq") return { operator: "in", value: [value] };
  if (attribute?.type === "choice" && operator === "ne") return { operator: "notIn", value: [value] };
  return { operator, value };
}

// Inputs -------------------------------------------------------------------------------------------------------------

function input(type, value, label) {
  const element = make("input", { type, className: "input s", value: value ?? "", autocomplete: "off" });
  if (type === "number") element.step = "any";
  return named(element, label);
}

/** A date and time as its own input has it; what was said otherwise (`now-2d`, with a zone) is shown as it is. */
const moment = (value, label) => input(!value || LOCAL.test(value) ? "datetime-local" : "text", value, label);

/** A duration as one number of its largest unit that divides it: `1d6h` are 30 hours. None for what has seconds. */
function inOneUnit(text) {
  if (/^\d+[dhm]$/.test(text)) return [text.slice(0, -1), text.at(-1)];
  if (!/^(\d+[dhms])+$/.test(text)) return null;
  const seconds = [...text.matchAll(/(\d+)([dhms])/g)].reduce((sum, [, amount, unit]) => sum + Number(amount) * UNITS[unit], 0);
  const unit = ["d", "h", "m"].find((each) => seconds % UNITS[each] === 0);
  return unit ? [String(seconds / UNITS[unit]), unit] : null;
}

function span(value) {
  const parts = inOneUnit(String(value || "4h"));
  if (!parts) {
    const whole = input("text", value, data.texts.value);
    return { elements: [whole], read: () => whole.value };
  }
  const [amount, unit] = parts;
  const number = named(make("input", { type: "number", min: 0, step: 1, className: "input s amount", value: amount }), data.texts.amount);
  const units = named(make("select", { className: "input s unit" }, ...["m", "h", "d"].map((u) => option(u, data.texts[u], unit))), data.texts.unit);
  return { elements: [number, units], read: () => `${Math.max(0, Math.round(Number(number.value)))}${units.value}` };
}

function pair(type, value) {
  const [low, high] = Array.isArray(value) ? value : [];
  const [from, to] = [[low, data.texts.from], [high, data.texts.to]].map(([each, label]) =>
    type === "date" ? moment(each, label) : input(type, each, label));
  const read = (each) => (type === "number" ? numberOf(each.value) : each.value);
  return { elements: [from, to], read: () => [read(from), read(to)] };
}

const numberOf = (text) => (text.trim() === "" ? null : Number(text));

function choices(attribute, value) {
  const chosen = new Set((Array.isArray(value) ? value : [value]).map(String));
  const options = [...attribute.options, ...[...chosen].filter((v) => v !== "undefined" && !attribute.options.some(([o]) => o === v)).map((v) => [v, v])];
  const list = make("div", { className: "choices" });
  list.setAttribute("role", "group");
  named(list, attribute.label);
  for (const [key, text] of options) {
    list.append(make("label", { className: "row check" }, make("input", { type: "checkbox", value: key, checked: chosen.has(key) }), make("span", { textContent: text })));
  }
  return { elements: [list], read: () => [...list.querySelectorAll("input:checked")].map((each) => each.value) };
}

/** The inputs for a value, and what they say. */
function editor(attribute, operator, value) {
  if (operator === "isSet" || operator === "isNotSet") return { elements: [], read: () => undefined };
  const type = attribute?.type ?? "raw";
  if (["withinLast", "withinNext", "olderThan", "laterThan"].includes(operator)) return span(value);
  if (type === "date") {
    if (operator === "between") return pair("date", value);
    const at = moment(value, data.texts.value);
    return { elements: [at], read: () => at.value };
  }
  if (type === "number") {
    if (operator === "between") return pair("number", value);
    const number = input("number", value, data.texts.value);
    return { elements: [number], read: () => numberOf(number.value) };
  }
  if (type === "boolean") {
    const select = named(make("select", { className: "input s" }, option("true", data.texts.yes, String(value ?? true)), option("false", data.texts.no, String(value ?? true))), data.texts.value);
    return { elements: [select], read: () => select.value === "true" };
  }
  if (type === "choice" && (operator === "in" || operator === "notIn")) return choices(attribute, value ?? []);
  if (operator === "in" || operator === "notIn") {
    const text = input("text", Array.isArray(value) ? value.join(", ") : value, data.texts.values_hint);
    text.placeholder = data.texts.values_hint;
    return { elements: [text], read: () => text.value.split(",").map((each) => each.trim()).filter(Boolean) };
  }
  if (type === "raw") {
    const raw = input("text", value === undefined ? "" : JSON.stringify(value), data.texts.raw);
    return { elements: [raw], read: () => parsed(raw.value) };
  }
  const text = input("text", value, data.texts.value);
  return { elements: [text], read: () => text.value };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function attributes(name) {
  const select = named(make("select", { className: "input s attribute" }), data.texts.attribute);
  for (const [group, text] of data.groups) {
    const found = data.attributes.filter((each) => each.group === group);
    if (found.length) select.append(make("optgroup", { label: text }, ...found.map((each) => option(each.name, each.label, name))));
  }
  if (name && !known(name)) select.append(option(name, name, name));
  return select;
}

function removal(label, element) {
  const button = named(make("button", { type: "button", className: "btn quiet icon remove" }), label);
  button.append("✕");
  button.addEventListener("click", () => {
    const next = element.nextElementSibling?.querySelector("select, input") ?? element.parentElement.closest(".group").querySelector("[data-add]");
    element.remove();
    next?.focus();
    changed();
  });
  return button;
}

function condition(node) {
  const row = make("div", { className: "condition" });
  const ignoresCase = node.ignoreCase;
  let present = { ...node, ...asked(node) };
  const chooser = attributes(present.attribute);
  const operators = named(make("select", { className: "input s operator" }), data.texts.operator);
  const values = make("div", { className: "values" });
  let edited = null;

  const paintValue = () => {
    edited = editor(known(chooser.value), operators.value, present.value);
    values.replaceChildren(...edited.elements);
  };
  const paintOperators = () => {
    const names = data.operators[known(chooser.value)?.type] ?? [];
    const all = present.operator && !names.includes(present.operator) ? [...names, present.operator] : names;
    operators.replaceChildren(...all.map((each) => option(each, data.operatorTexts[each] ?? each, present.operator)));
    paintValue();
  };
  chooser.addEventListener("change", () => {
    present = {};
    paintOperators();
  });
  operators.addEventListener("change", () => {
    const before = edited.read();
    const kept = Array.isArray(before) === ["in", "notIn", "between"].includes(operators.value) ? before : undefined;
    present = { value: operators.value === "withinLast" || typeof before === "string" ? before : kept, operator: operators.value };
    paintValue();
  });
  paintOperators();
  row.append(chooser, operators, values, removal(data.texts.remove, row));
  // What nobody has touched is sent as it came, even where the inputs cannot say it as finely.
  let isTouched = !node.operator;
  for (const kind of ["input", "change"]) row.addEventListener(kind, () => (isTouched = true));
  row.read = () => (isTouched ? written(chooser.value, operators.value, edited.read(), ignoresCase) : node);
  return row;
}

/** The condition as a search has it. */
function written(attribute, operator, value, ignoresCase) {
  const span = `${value}`;
  switch (operator) {
    case "withinLast":
      return { attribute, operator: "between", value: [`now-${span}`, "now"] };
    case "withinNext":
      return { attribute, operator: "between", value: ["now", `now+${span}`] };
    case "laterThan":
      return { attribute, operator: "after", value: `now+${span}` };
    case "isSet":
    case "isNotSet":
      return { attribute, operator };
    default: {
      const isText = known(attribute)?.type === "text" && ["contains", "startsWith", "endsWith"].includes(operator);
      return { attribute, operator, value, ...((ignoresCase ?? isText) ? { ignoreCase: true } : {}) };
    }
  }
}

function group(node, depth) {
  const { mode, nodes } = grouped(node);
  const box = make("fieldset", { className: "group" });
  const modes = named(make("select", { className: "input s mode" }, ...["all", "any", "none"].map((each) => option(each, data.texts[each], mode))), data.texts.match);
  const rows = make("div", { className: "rows" });
  const add = (element) => {
    rows.append(element);
    element.querySelector("select").focus();
    changed();
  };
  const more = make("button", { type: "button", className: "btn quiet", textContent: `+ ${data.texts.condition}` });
  more.dataset.add = "condition";
  more.addEventListener("click", () => add(condition({ attribute: data.attributes[0].name })));
  const nested = make("button", { type: "button", className: "btn quiet", textContent: `+ ${data.texts.group}` });
  nested.addEventListener("click", () => add(group({ any: [{ attribute: data.attributes[0].name }] }, depth + 1)));
  const legend = make("legend", { className: "vh", textContent: data.texts.match });
  const head = make("div", { className: "row tight" }, modes, make("span", { className: "faint", textContent: data.texts.of }));
  if (depth > 1) head.append(make("span", { className: "grow" }), removal(data.texts.remove_group, box));
  box.append(legend, head, rows, make("div", { className: "row tight" }, more, depth < DEEPEST ? nested : null));
  for (const part of nodes) rows.append(isGroup(part) ? group(part, depth + 1) : condition(part ?? {}));
  box.read = () => {
    const read = [...rows.children].map((each) => each.read());
    if (modes.value === "none") return { not: { any: read } };
    return { [modes.value]: read };
  };
  return box;
}

// The dialog ---------------------------------------------------------------------------------------------------------

let timer = null;

function changed() {
  clearTimeout(timer);
  timer = setTimeout(() => send(false), CHECK_MS);
}

function send(apply) {
  clearTimeout(timer);
  const form = document.getElementById("filter-builder");
  if (!form) return;
  const tree = document.getElementById("filter-tree").firstElementChild.read();
  const values = { filter: JSON.stringify(tree) };
  if (apply) values.apply = "1";
  load("POST", `/queue/filter${form.dataset.query}`, { target: "#filter-said", swap: "innerHTML", values }).then(mark);
}

/** Shows the part that the fault names: `filter.all[1].value` is the second row. */
function mark() {
  for (const each of document.querySelectorAll("#filter-tree .is-wrong")) each.classList.remove("is-wrong");
  const field = document.querySelector("#filter-said [data-field]")?.dataset.field;
  if (!field) return;
  let at = document.getElementById("filter-tree").firstElementChild;
  for (const [, n] of field.matchAll(/\[(\d+)\]/g)) {
    const rows = at.querySelector(":scope > .rows");
    if (!rows) break;
    at = rows.children[Number(n)] ?? at;
  }
  if (at.matches(".condition")) at.classList.add("is-wrong");
}

function begin() {
  const form = document.getElementById("filter-builder");
  if (!form || form.dataset.begun) return;
  form.dataset.begun = "true";
  data = JSON.parse(document.getElementById("filter-data").textContent);
  const root = group(data.tree, 1);
  const rows = root.querySelector(":scope > .rows");
  if (!rows.children.length) rows.append(condition({ attribute: data.attributes[0].name }));
  document.getElementById("filter-tree").replaceChildren(root);
  const parts = [...rows.children];
  const part = parts[Number(data.at)] ?? parts[0];
  ((data.at && part.querySelector(".values :is(input, select)")) || part.querySelector("select")).focus();
}

export function openFilter(at = "") {
  const list = document.getElementById("list");
  if (!list) return;
  const query = new URLSearchParams(list.dataset.query);
  query.set("at", at);
  load("GET", `/queue/filter?${query}`, { target: "#dialog", swap: "innerHTML" });
}

export function startFilter() {
  if (!document.getElementById("uq")) return;
  document.body.addEventListener("htmx:afterSettle", begin);
  document.addEventListener("input", (event) => {
    if (event.target.closest("#filter-tree")) changed();
  });
  document.addEventListener("change", (event) => {
    if (event.target.closest("#filter-tree")) changed();
  });
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "filter-builder") return;
    event.preventDefault();
    send(true);
  });
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-filter-at]");
    if (opener) return openFilter(opener.dataset.filterAt);
    if (!event.target.closest("#filter-empty")) return;
    document.getElementById("filter-tree").replaceChildren(group({}, 1));
    send(true);
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping() || isBusy()) return;
    if (event.key.toLowerCase() !== "f") return;
    event.preventDefault();
    openFilter();
  });
}
