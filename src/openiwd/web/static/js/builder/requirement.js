/** Skills, requested agents and groups, and how the demand relaxes while the item waits. */
import { addButton, faultLines, faultsAt, groupList, h, iconButton, select, skillList, text } from "./dom.js";
import { agentsInput, durationInput, listInput, textInput } from "./values.js";

const LEVELS = Array.from({ length: 10 }, (_, i) => [String(i + 1), String(i + 1)]);

/** The object without what is empty; null when nothing is left. */
function filled(values) {
  const kept = Object.entries(values).filter(([, value]) => value !== undefined && value !== "" && value !== false && !(Array.isArray(value) && !value.length));
  return kept.length ? Object.fromEntries(kept) : null;
}

export const levelSelect = (label, value, onchange) => select(label, LEVELS, String(value ?? 1), (picked) => onchange(Number(picked)), { class: "input s short" });

export const skillInput = (label, value, onchange) => textInput(label, value, (typed) => onchange(typed.trim()), { list: skillList() });

/** Rows of a list that can be added to and shortened. */
export function rows(values, draw, make, addLabel, onchange, { faults = {}, path = "" } = {}) {
  const host = h("div", { class: "builder-rows" });
  const redraw = (focus) => {
    host.replaceChildren(
      ...values.map((value, i) => h("div", {},
        h("div", { class: "builder-row" }, draw(value, i), iconButton("x", text("remove"), () => {
          values.splice(i, 1);
          onchange();
          redraw(Math.max(0, i - 1));
        })), faultLines(faultsAt(faults, `${path}[${i}]`, true)))),
      h("div", { class: "edits" }, addButton(addLabel, () => {
        values.push(make());
        onchange();
        redraw(values.length - 1);
      })));
    if (focus !== undefined) (host.children[focus]?.querySelector("input, select") ?? host.querySelector("button"))?.focus();
  };
  redraw();
  return host;
}

const checkbox = (label, checked, onchange) => h("label", { class: "row check" }, h("input", { type: "checkbox", checked, onchange: (event) => onchange(event.target.checked) }), h("span", {}, label));
const labelled = (label, control) => h("div", { class: "field" }, h("span", {}, label), control);

export function requirementEditor(requirement, onchange, { faults = {}, path = "requirement" } = {}) {
  const value = { skills: [], agents: [], groups: [], excluded: [], ...structuredClone(requirement ?? {}) };
  const changed = () => onchange(filled({ ...value, skills: value.skills.filter((each) => each.skill) }));
  const set = (name) => (next) => {
    value[name] = next;
    changed();
  };
  const own = Object.entries(faults).filter(([field]) => field.startsWith(path) && !field.startsWith(`${path}.skills`)).map(([, message]) => message);
  return h("div", { class: "stack" },
    labelled(text("skills"), rows(value.skills, (each) => [
      skillInput(text("skill"), each.skill, (next) => {
        each.skill = next;
        changed();
      }),
      h("span", { class: "faint" }, text("at_least")),
      levelSelect(text("level"), each.level, (next) => {
        each.level = next;
        changed();
      }),
    ], () => ({ skill: "", level: 1 }), text("add_skill"), changed, { faults, path: `${path}.skills` })),
    labelled(text("requested_agents"), agentsInput(text("requested_agents"), value.agents, set("agents"))),
    checkbox(text("agents_only"), value.agentsOnly, set("agentsOnly")),
    labelled(text("requested_groups"), listInput(text("requested_groups"), value.groups, { family: "text" }, set("groups"), { list: groupList() })),
    checkbox(text("groups_only"), value.groupsOnly, set("groupsOnly")),
    h("label", { class: "field" }, h("span", {}, text("prefer_for")), durationInput(text("prefer_for"), value.preferFor, set("preferFor"))),
    labelled(text("excluded"), agentsInput(text("excluded"), value.excluded, set("excluded"))),
    faultLines(own));
}

export function relaxationEditor(steps, onchange, { faults = {}, path = "relaxation" } = {}) {
  const kindOf = (step) => (step.dropSkill !== undefined ? "dropSkill" : step.group !== undefined ? "group" : "skill");
  const values = structuredClone(steps ?? []).map((step) => ({ ...step, kind: kindOf(step) }));
  const changed = () => onchange(values.map(({ kind, after, dropSkill, skill, level, group }) => (
    kind === "dropSkill" ? { after, dropSkill: dropSkill ?? "" } : kind === "group" ? { after, group: group ?? "" } : { after, skill: skill ?? "", level: level ?? 1 })));
  const set = (each, name) => (next) => {
    each[name] = next;
    changed();
  };
  const rest = (each) => {
    if (each.kind === "dropSkill") return [skillInput(text("skill"), each.dropSkill, set(each, "dropSkill"))];
    if (each.kind === "group") return [textInput(text("group"), each.group, set(each, "group"), { list: groupList() })];
    return [skillInput(text("skill"), each.skill, set(each, "skill")), h("span", { class: "faint" }, text("to")), levelSelect(text("level"), each.level, set(each, "level"))];
  };
  return rows(values, (each) => {
    const more = h("span", { class: "contents" }, rest(each));
    return [
      h("span", { class: "faint" }, text("after")),
      durationInput(text("after"), each.after, set(each, "after")),
      select(text("step"), [["skill", text("lower")], ["dropSkill", text("drop")], ["group", text("widen")]], each.kind, (picked) => {
        each.kind = picked;
        changed();
        more.replaceChildren(...rest(each));
      }, { class: "input s comparison" }),
      more,
    ];
  }, () => ({ after: "30m", kind: "skill", level: 1 }), text("add_step"), changed, { faults, path });
}
