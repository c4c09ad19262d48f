/** The actions of a rule, in order: each does exactly one thing. */
import { addButton, faultLines, faultsAt, h, icon, iconButton, select, skillList, text, vocabulary } from "./dom.js";
import { levelSelect, requirementEditor, rows } from "./requirement.js";
import { attributeInput, attributeNamed, durationInput, textInput, valueOrAttribute } from "./values.js";

const NUMBER = { family: "integer" };
const START = {
  raiseBusinessValue: () => 10,
  setBusinessValue: () => 100,
  adjustPriority: () => 10,
  setDue: () => ({ after: "8h" }),
  addSkill: () => ({ skill: "", level: 1 }),
  setRequirement: () => ({}),
  setAttribute: () => ({ name: "", value: "" }),
  lookup: () => ({ table: vocabulary().tables[0]?.[0] ?? "", key: { attribute: "" }, into: {} }),
  hold: () => ({ reason: vocabulary().reasons[0]?.[0] ?? "" }),
  reject: () => "",
};
const KINDS = () => Object.keys(START).map((kind) => [kind, text(`action_${kind}`)]);
const kindOf = (action) => Object.keys(START).find((kind) => action[kind] !== undefined) ?? "raiseBusinessValue";
const wide = (label, control) => h("label", { class: "row tight" }, h("span", { class: "faint" }, label), control);

export function actionsEditor(actions, onchange, { faults = {}, path = "then", label = text("actions") } = {}) {
  const list = structuredClone(actions ?? []);
  const host = h("div", { class: "actions", role: "group", "aria-label": label });
  const changed = () => onchange(list);
  const redraw = (focus) => {
    host.replaceChildren(...list.map(line), h("div", { class: "edits" }, addButton(text("add_action"), () => {
      list.push({ raiseBusinessValue: 10 });
      changed();
      redraw(list.length - 1);
    })));
    if (focus !== undefined) (host.children[focus]?.querySelector("select") ?? host.querySelector("button"))?.focus();
  };
  const move = (i, by) => {
    const [taken] = list.splice(i, 1);
    list.splice(i + by, 0, taken);
    changed();
    redraw(i + by);
  };

  function line(action, i) {
    const kind = kindOf(action);
    const set = (value) => {
      list[i] = { [kind]: value };
      changed();
    };
    return h("div", {},
      h("div", { class: "action" },
        select(text("action"), KINDS(), kind, (picked) => {
          list[i] = { [picked]: START[picked]() };
          changed();
          redraw(i);
        }, { class: "input s kind" }),
        h("span", { class: "action-values" }, fields(kind, action[kind], set, `${path}[${i}].${kind}`)),
        h("span", { class: "row edits" },
          list.length > 1 ? iconButton("up", text("earlier"), () => move(i, -1), { disabled: i === 0 }) : null,
          list.length > 1 ? iconButton("down", text("later"), () => move(i, 1), { disabled: i === list.length - 1 }) : null,
          iconButton("x", text("remove_action"), () => {
            list.splice(i, 1);
            changed();
            redraw(Math.max(0, i - 1));
          }))),
      faultLines(faultsAt(faults, `${path}[${i}]`, kind !== "setRequirement")));
  }

  function fields(kind, value, set, at) {
    const part = (name) => (next) => {
      value = { ...value, [name]: next };
      if (next === undefined || next === "") delete value[name];
      set(value);
    };
    switch (kind) {
      case "setDue":
        return [
          durationInput(text("after"), value.after, part("after")),
          select(text("due_from"), [["now", text("after_now")], ["created", text("after_created")]], value.from ?? "now", part("from"), { class: "input s comparison" }),
          select(text("clock"), vocabulary().calendars, value.clock ?? "wall", part("clock"), { class: "input s comparison" }),
        ];
      case "addSkill":
        return [
          valueOrAttribute(text("skill"), value.skill, { family: "text" }, part("skill"), { list: skillList() }),
          h("span", { class: "faint" }, text("at_least")),
          typeof value.level === "object"
            ? valueOrAttribute(text("level"), value.level, NUMBER, part("level"))
            : levelSelect(text("level"), value.level, part("level")),
        ];
      case "setRequirement":
        return [requirementEditor(value, (next) => set(next ?? {}), { faults, path: at })];
      case "setAttribute":
        return [
          attributeInput(text("attribute"), value.name, part("name"), { placeholder: "data.…" }),
          h("span", { class: "faint" }, text("becomes")),
          valueOrAttribute(text("value"), value.value, attributeNamed(value.name), (next) => set({ name: value.name ?? "", value: next ?? null })),
        ];
      case "lookup":
        return lookupFields(value, part);
      case "hold":
        return [
          select(text("reason"), vocabulary().reasons, value.reason, part("reason"), { class: "input s comparison" }),
          wide(text("hold_for"), durationInput(text("hold_for"), value.until, part("until"))),
        ];
      case "reject":
        return [textInput(text("reason"), value, set, { placeholder: text("reason") })];
      default:
        return [valueOrAttribute(text(`action_${kind}`), value, NUMBER, (next) => set(next ?? ""))];
    }
  }

  function lookupFields(value, part) {
    const pairs = Object.entries(value.into ?? {}).map(([column, name]) => ({ column, name }));
    const changedPairs = () => part("into")(Object.fromEntries(pairs.filter((pair) => pair.column).map((pair) => [pair.column, pair.name])));
    const columns = vocabulary().tables.find(([name]) => name === value.table)?.[1] ?? [];
    const set = (pair, name) => (next) => {
      pair[name] = next;
      changedPairs();
    };
    return [
      select(text("table"), vocabulary().tables.map(([name]) => [name, name]), value.table, part("table"), { class: "input s comparison" }),
      h("span", { class: "faint" }, text("by_key")),
      valueOrAttribute(text("key"), value.key, { family: "text" }, part("key")),
      h("div", { class: "wide" }, rows(pairs, (pair) => [
        columns.length
          ? select(text("column"), [["", text("column")], ...columns.map((name) => [name, name])], pair.column, set(pair, "column"), { class: "input s comparison" })
          : textInput(text("column"), pair.column, set(pair, "column"), { placeholder: text("column") }),
        icon("right"),
        attributeInput(text("attribute"), pair.name, set(pair, "name"), { placeholder: "data.…" }),
      ], () => ({ column: "", name: "" }), text("add_column"), changedPairs)),
    ];
  }

  redraw();
  return host;
}
