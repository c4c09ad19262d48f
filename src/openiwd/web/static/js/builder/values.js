/** Inputs for the values of conditions and actions: by type, as a list, or the value of another attribute. */
import { agentList, attributeList, h, icon, select, text, toggle, vocabulary } from "./dom.js";

const WHOLE = /^[+-]?\d{1,15}$/;
const DECIMAL = /^[+-]?\d{0,15}[.,]\d{1,15}$/;
const NUMERIC = new Set(["integer", "number", "decimal"]);

/** The attribute of this name; what nobody has declared may be anything. */
export function attributeNamed(name) {
  return vocabulary().attributes.find((each) => each.name === name) ?? { name, family: "any", allowed: [] };
}

export function parsed(typed, family) {
  const trimmed = typed.trim();
  if (NUMERIC.has(family)) return numberIn(trimmed) ?? trimmed;
  if (family === "boolean") return trimmed === "true" ? true : trimmed === "false" ? false : trimmed;
  if (family !== "any") return typed;
  if (trimmed === "true" || trimmed === "false") return trimmed === "true";
  if (/^".*"$/.test(trimmed)) return trimmed.slice(1, -1);
  return numberIn(trimmed) ?? typed;
}

function numberIn(trimmed) {
  if (WHOLE.test(trimmed)) return Number(trimmed);
  return DECIMAL.test(trimmed) ? Number(trimmed.replace(",", ".")) : null;
}

/** The text that reads back as the value: text that looks like a number stands in quotes where the type is open. */
export function shown(value, family) {
  if (value === undefined || value === null) return "";
  if (typeof value === "object") return JSON.stringify(value);
  if (family === "any" && typeof value === "string" && parsed(value, "any") !== value) return `"${value}"`;
  return String(value);
}

export function textInput(label, value, oninput, more = {}) {
  return h("input", { class: "input s", type: "text", "aria-label": label, value: value ?? "", autocomplete: "off", oninput: (event) => oninput(event.target.value), ...more });
}

export function attributeInput(label, value, onchange, more = {}) {
  return textInput(label, value, (typed) => onchange(typed.trim()), { list: attributeList(), class: "input s mono", ...more });
}

export function durationInput(label, value, oninput) {
  return textInput(label, value === undefined || value === null ? "" : String(value), (typed) => oninput(typed.trim()), { placeholder: "8h", class: "input s short" });
}

/** One plain value of a type. */
export function plainInput(label, value, { family, allowed = [] }, onchange) {
  if (family === "boolean") {
    const options = [["", "–"], ["true", text("true")], ["false", text("false")]];
    return select(label, options, value === undefined ? "" : String(value), (picked) => onchange(picked === "" ? undefined : parsed(picked, "boolean")));
  }
  if (allowed.length) {
    const options = [["", "–"], ...allowed.map((each) => [String(each), String(each)])];
    return select(label, options, value === undefined ? "" : String(value), (picked) => onchange(allowed.find((each) => String(each) === picked)));
  }
  const more = family === "instant" ? { placeholder: text("instant") } : NUMERIC.has(family) ? { inputmode: "decimal" } : {};
  return textInput(label, shown(value, family), (typed) => onchange(typed.trim() === "" ? undefined : parsed(typed, family)), more);
}

/** A value, or the value of another attribute. */
export function valueOrAttribute(label, value, type, onchange, { list = null } = {}) {
  const isReference = (each) => each !== null && typeof each === "object" && "attribute" in each;
  const holder = h("span", { class: "either" });
  const draw = (current) => {
    const reference = isReference(current);
    const input = reference
      ? attributeInput(`${label}, ${text("attribute")}`, current.attribute, (name) => onchange({ attribute: name }))
      : plainInput(label, current, type, onchange);
    if (!reference && list) input.setAttribute("list", list);
    const change = toggle(icon("link"), text("other_attribute"), reference, (now) => {
      const next = now ? { attribute: "" } : undefined;
      onchange(next);
      draw(next);
      holder.querySelector("input, select").focus();
    });
    change.setAttribute("aria-label", text("other_attribute"));
    holder.replaceChildren(input, change);
  };
  draw(value);
  return holder;
}

/** Several values as chips; Enter or a comma takes what is typed, Backspace the last one away. */
export function listInput(label, values, type, onchange, { list = null } = {}) {
  const all = [...(Array.isArray(values) ? values : [])];
  const allowed = type.allowed ?? [];
  const chips = h("span", { class: "contents" });
  const draw = () => chips.replaceChildren(...all.map((each, i) => h("span", { class: "chip" }, shown(each, type.family),
    h("button", { type: "button", class: "chip-x", "aria-label": `${text("remove")} ${each}`, onclick: () => {
      all.splice(i, 1);
      changed();
      entry.focus();
    } }, icon("x")))));
  const changed = () => {
    draw();
    onchange([...all]);
  };
  const take = (typed) => {
    const found = typed.split(/[,\n\t]/).map((part) => part.trim()).filter(Boolean).map((part) => parsed(part, type.family));
    const fresh = found.filter((each) => !all.includes(each));
    if (fresh.length) {
      all.push(...fresh);
      changed();
    }
  };
  const entry = allowed.length
    ? select(`${label}, ${text("add")}`, [["", text("add")], ...allowed.map((each) => [String(each), String(each)])], "", (picked) => {
        if (picked && !all.some((each) => String(each) === picked)) {
          all.push(allowed.find((each) => String(each) === picked));
          changed();
        }
        entry.value = "";
      })
    : textInput(`${label}, ${text("add")}`, "", (typed) => {
        if (/[,\n\t]/.test(typed)) {
          take(typed);
          entry.value = "";
        }
      }, { list, placeholder: text("add"), onkeydown: (event) => {
        if (event.key === "Enter" && entry.value.trim()) {
          event.preventDefault();
          take(entry.value);
          entry.value = "";
        } else if (event.key === "Backspace" && !entry.value && all.length) {
          all.pop();
          changed();
        }
      }, onblur: () => {
        take(entry.value);
        entry.value = "";
      } });
  draw();
  return h("span", { class: "listing", role: "group", "aria-label": label }, chips, entry);
}

export const agentsInput = (label, values, onchange) => listInput(label, values, { family: "text" }, onchange, { list: agentList() });
