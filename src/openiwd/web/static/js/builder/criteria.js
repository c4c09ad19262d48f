/** The builder of criteria: groups (all, any; each may be negated) over conditions. Its value is the plain form. */
import { addButton, faultLines, faultsAt, h, iconButton, select, text, toggle, vocabulary } from "./dom.js";
import { attributeInput, attributeNamed, durationInput, listInput, plainInput, valueOrAttribute } from "./values.js";

const NO_VALUE = new Set(["isSet", "isNotSet"]);
const LISTED = new Set(["in", "notIn"]);
const FOLDED = new Set(["text", "list", "any"]);
const UNFOLDED = new Set(["lt", "le", "gt", "ge", "between", "before", "after", "olderThan", "withinBusinessTime", ...NO_VALUE]);

const group = (mode, parts, not = false) => ({ mode, parts, not });

/** The plain form as a tree whose root is a group, whatever it was. */
export function treeOf(criteria) {
  if (!criteria) return group("all", []);
  const node = nodeOf(criteria);
  return node.parts ? node : group("all", [node]);
}

function nodeOf(criteria) {
  if (criteria.not) {
    const inner = nodeOf(criteria.not);
    return inner.not ? group("all", [inner], true) : { ...inner, not: true };
  }
  for (const mode of ["all", "any"]) if (criteria[mode]) return group(mode, criteria[mode].map(nodeOf));
  const { attribute = "", operator: comparison = "eq", value, ignoreCase = false } = criteria;
  return { attribute, comparison, value, ignoreCase, not: false };
}

/** The plain form of a tree; null for a group without conditions. */
export function criteriaOf(node) {
  const plain = node.parts ? groupOf(node) : conditionOf(node);
  return plain && node.not ? { not: plain } : plain;
}

function groupOf(node) {
  const parts = node.parts.map(criteriaOf).filter(Boolean);
  if (parts.length > 1) return { [node.mode]: parts };
  return parts[0] ?? null;
}

function conditionOf(node) {
  const plain = { attribute: node.attribute, operator: node.comparison };
  if (!NO_VALUE.has(node.comparison) && node.value !== undefined) plain.value = node.value;
  if (node.ignoreCase) plain.ignoreCase = true;
  return plain;
}

/** Where each part of a group stands in the plain form. */
function placeOf(node, index, path) {
  const base = node.not ? `${path}.not` : path;
  const kept = node.parts.filter((part) => criteriaOf(part));
  return kept.length < 2 ? base : `${base}.${node.mode}[${kept.indexOf(node.parts[index])}]`;
}

export function criteriaEditor(criteria, onchange, { faults = {}, path = "when", label = text("criteria") } = {}) {
  const root = treeOf(criteria);
  const host = h("div", { class: "criteria", role: "group", "aria-label": label });
  const changed = () => onchange(criteriaOf(root));
  const redraw = (focus) => {
    host.replaceChildren(groupBox(root, null, path));
    changed();
    if (focus) host.querySelector(`[data-node="${focus}"]`)?.focus();
  };
  let serial = 0;
  const numbers = new WeakMap();
  const numberOf = (node) => {
    if (!numbers.has(node)) numbers.set(node, ++serial);
    return numbers.get(node);
  };

  function groupBox(node, parent, at) {
    const modes = [["all", text("all_of")], ["any", text("any_of")], ["not all", text("not_all_of")], ["not any", text("none_of")]];
    const head = node.parts.length > 1 || node.not || parent
      ? h("div", { class: "row criteria-head" },
          select(text("how"), modes, `${node.not ? "not " : ""}${node.mode}`, (picked) => {
            node.not = picked.startsWith("not ");
            node.mode = picked.replace("not ", "");
            changed();
          }, { class: "input s mode", "data-node": numberOf(node) }),
          parent && iconButton("x", text("remove_group"), () => removeFrom(parent, node)))
      : null;
    const own = faultsAt(faults, at).concat(faultsAt(faults, `${at}.${node.mode}`));
    return h("div", { class: "criteria-group" }, head, faultLines(own),
      node.parts.length === 0 && !parent ? h("p", { class: "faint" }, text("always")) : null,
      node.parts.map((part, i) => (part.parts ? groupBox(part, node, placeOf(node, i, at)) : conditionRow(part, node, placeOf(node, i, at)))),
      h("div", { class: "row tight edits" },
        addButton(text("add_condition"), () => addTo(node, { attribute: "", comparison: "eq", value: undefined, ignoreCase: false, not: false })),
        addButton(text("add_group"), () => addTo(node, group(node.mode === "all" ? "any" : "all", [{ attribute: "", comparison: "eq", value: undefined, ignoreCase: false, not: false }])))));
  }

  function addTo(node, part) {
    node.parts.push(part);
    redraw(numberOf(part.parts ? part.parts[0] : part));
  }

  function removeFrom(parent, part) {
    parent.parts.splice(parent.parts.indexOf(part), 1);
    redraw(parent.parts.length ? numberOf(parent.parts.at(-1)) : numberOf(parent));
  }

  function conditionRow(node, parent, at) {
    const row = h("div", { class: "condition" });
    let family = attributeNamed(node.attribute).family;
    const draw = () => {
      const attribute = attributeNamed(node.attribute);
      ({ family } = attribute);
      const offered = vocabulary().comparisons[family];
      const names = offered.includes(node.comparison) ? offered : [node.comparison, ...offered];
      row.querySelector(".condition-rest")?.remove();
      row.append(h("span", { class: "condition-rest contents" },
        select(text("comparison"), names.map((name) => [name, vocabulary().comparisonText[name]]), node.comparison, (picked) => {
          const listed = LISTED.has(picked);
          if (listed !== Array.isArray(node.value) && node.value !== undefined) node.value = listed ? [node.value] : node.value[0];
          node.comparison = picked;
          if (NO_VALUE.has(picked)) node.value = undefined;
          if (UNFOLDED.has(picked)) node.ignoreCase = false;
          changed();
          draw();
          row.querySelector(".condition-rest select").focus();
        }, { class: "input s comparison" }),
        valueOf(node, attribute),
        FOLDED.has(family) && !UNFOLDED.has(node.comparison)
          ? toggle("Aa", text("ignore_case"), node.ignoreCase, (now) => {
              node.ignoreCase = now;
              changed();
            })
          : null,
        toggle(text("not"), text("not_hint"), node.not, (now) => {
          node.not = now;
          changed();
        }),
        iconButton("x", text("remove_condition"), () => removeFrom(parent, node))));
    };
    row.append(attributeInput(text("attribute"), node.attribute, (name) => {
      node.attribute = name;
      changed();
      if (attributeNamed(name).family !== family || attributeNamed(name).allowed.length) draw();
    }, { "data-node": numberOf(node), placeholder: vocabulary().example ?? "data.…" }));
    draw();
    return h("div", {}, row, faultLines(faultsAt(faults, node.not ? `${at}.not` : at, true)));
  }

  function valueOf(node, attribute) {
    const set = (value) => {
      node.value = value;
      changed();
    };
    const label = text("value");
    if (NO_VALUE.has(node.comparison)) return h("span", { class: "grow" });
    if (LISTED.has(node.comparison)) return listInput(label, node.value, attribute, set);
    if (node.comparison === "withinBusinessTime") return select(label, vocabulary().calendars.slice(1), node.value ?? "", set);
    if (node.comparison === "olderThan") return durationInput(label, node.value, set);
    if (node.comparison === "between") {
      const pair = Array.isArray(node.value) ? [...node.value] : [undefined, undefined];
      const half = (i) => (value) => {
        pair[i] = value;
        set([...pair]);
      };
      return h("span", { class: "either" }, plainInput(text("from"), pair[0], attribute, half(0)), plainInput(text("to"), pair[1], attribute, half(1)));
    }
    const single = attribute.family === "list" ? { family: "text", allowed: attribute.allowed } : attribute;
    return valueOrAttribute(label, node.value, single, set);
  }

  host.append(groupBox(root, null, path));
  return host;
}
