/** The rules of a category: each with a name, a condition and its actions, in order. */
import { actionsEditor } from "./actions.js";
import { criteriaEditor } from "./criteria.js";
import { addButton, faultLines, faultsAt, h, iconButton, text } from "./dom.js";
import { textInput } from "./values.js";

/** An id that no rule of the list has yet. */
export function freshId(stem, taken) {
  for (let n = 1; ; n += 1) if (!taken.includes(`${stem}_${n}`)) return `${stem}_${n}`;
}

export function rulesEditor(rules, onchange, { faults = {}, path = "rules", stem = "rule" } = {}) {
  const list = structuredClone(rules ?? []);
  const host = h("div", { class: "stack", role: "group", "aria-label": text("rules") });
  const changed = () => onchange(list);
  const move = (i, by) => {
    const [taken] = list.splice(i, 1);
    list.splice(i + by, 0, taken);
    changed();
    redraw(i + by);
  };
  const redraw = (focus) => {
    host.replaceChildren(...list.map(box), h("div", { class: "edits" }, addButton(text("add_rule"), () => {
      list.push({ id: freshId(stem, list.map((rule) => rule.id)), then: [] });
      changed();
      redraw(list.length - 1);
    })));
    if (focus !== undefined) (host.children[focus]?.querySelector("input") ?? host.querySelector("button"))?.focus();
  };

  function box(rule, i) {
    const set = (name) => (value) => {
      rule[name] = value;
      if (value === null || value === "") delete rule[name];
      changed();
    };
    const at = `${path}[${i}]`;
    return h("section", { class: "subcard", "aria-label": rule.name || rule.id },
      h("div", { class: "row" },
        textInput(text("rule_name"), rule.name, set("name"), { placeholder: rule.id, class: "input s grow" }),
        h("span", { class: "row tight edits" },
          iconButton("up", text("earlier"), () => move(i, -1), { disabled: i === 0 }),
          iconButton("down", text("later"), () => move(i, 1), { disabled: i === list.length - 1 }),
          iconButton("trash", text("remove_rule"), () => {
            list.splice(i, 1);
            changed();
            redraw(Math.max(0, i - 1));
          }))),
      h("h3", {}, text("if")), criteriaEditor(rule.when, set("when"), { faults, path: `${at}.when` }),
      h("h3", {}, text("then")), actionsEditor(rule.then, set("then"), { faults, path: `${at}.then` }),
      faultLines(faultsAt(faults, at).concat(faultsAt(faults, `${at}.id`))));
  }

  redraw();
  return host;
}
