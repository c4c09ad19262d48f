/** Elements, and the vocabulary that the page brings along for its builders. */
let known = null;

export function vocabulary() {
  known ??= JSON.parse(document.getElementById("vocabulary")?.textContent ?? "{}");
  return known;
}

export const text = (key) => vocabulary().text?.[key] ?? key;

/** An element with properties (`class`, `on…` handlers, attributes; false and null are left out) and children. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((each) => each !== null && each !== false && each !== undefined));
  return element;
}

export function icon(name, small = true) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", small ? "i s" : "i");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${vocabulary().icons}#${name}`);
  svg.append(use);
  return svg;
}

export function iconButton(name, label, onclick, more = {}) {
  return h("button", { type: "button", class: "btn quiet icon", "aria-label": label, title: label, onclick, ...more }, icon(name));
}

export function addButton(label, onclick) {
  return h("button", { type: "button", class: "btn quiet", onclick }, icon("plus"), label);
}

export function toggle(label, title, pressed, onchange) {
  const button = h("button", { type: "button", class: "toggle", "aria-pressed": String(pressed), title, onclick: () => {
    const now = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(now));
    onchange(now);
  } }, label);
  return button;
}

export function select(label, options, value, onchange, more = {}) {
  const all = options.some(([each]) => each === value) ? options : [[value, value || "–"], ...options];
  return h("select", { class: "input s", "aria-label": label, onchange: (event) => onchange(event.target.value), ...more },
    all.map(([each, shown]) => h("option", { value: each, selected: each === value }, shown)));
}

/** A list of suggestions that any input of the page may name. */
export function suggestions(id, options) {
  if (!document.getElementById(id)) {
    document.body.append(h("datalist", { id }, options.map(([value, shown]) => h("option", { value, label: shown || null }))));
  }
  return id;
}

export const attributeList = () => suggestions("list-attributes", vocabulary().attributes.map((a) => [a.name, a.label === a.name ? "" : a.label]));
export const skillList = () => suggestions("list-skills", vocabulary().skills.map((s) => [s, ""]));
export const groupList = () => suggestions("list-groups", vocabulary().groups.map((g) => [g, ""]));
export const agentList = () => suggestions("list-agents", vocabulary().agents);

/** What is wrong at a path, or below it where the part has no place of its own for it. */
export function faultsAt(faults, path, below = false) {
  return Object.entries(faults)
    .filter(([field]) => field === path || (below && (field.startsWith(`${path}.`) || field.startsWith(`${path}[`))))
    .map(([, message]) => message);
}

export function faultLines(messages) {
  return messages.map((message) => h("p", { class: "fault", role: "alert" }, icon("alert"), message));
}
