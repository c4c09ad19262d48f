/**
 * A form in which an object of a draft is changed: what is unsaved is kept in this browser and warned of on leaving;
 * saving tells each field what is wrong with it, and when somebody else has saved meanwhile shows theirs and keeps
 * yours. Fields are named by their paths in the object (`points[2].age`); rows come and go from templates.
 */
import { toast } from "./toast.js";

const KEEP_MS = 250;
const PREFIX = "openiwd.unsaved:";

export class Editor {
  /** `rowsChanged` is called when rows came or went, `valuesSet` when fields were set from outside. */
  constructor(form, { valuesSet = () => {}, changed = () => {} } = {}) {
    this.form = form;
    this.valuesSet = valuesSet;
    this.changed = changed;
    this.texts = JSON.parse(form.dataset.texts);
    this.live = JSON.parse(form.dataset.live || "null");
    this.base = form.dataset.base;
    this.key = PREFIX + form.dataset.key;
    this.editable = form.dataset.editable === "true";
    this.kept = null;
    for (const box of form.querySelectorAll("[data-rows]")) this.number(box);
    this.saved = this.values();
    form.addEventListener("click", (event) => this.onClick(event));
    if (!this.editable) return;
    form.addEventListener("input", (event) => this.onInput(event));
    form.addEventListener("change", (event) => this.onInput(event));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    document.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
        event.preventDefault();
        if (this.isDirty) this.save();
      }
    });
    addEventListener("beforeunload", (event) => {
      if (this.isDirty) event.preventDefault();
    });
    addEventListener("pagehide", () => (this.cancelled ? this.forget() : this.keep()));
  }

  /** After the page's own code is ready: what was left unsaved comes back. */
  begin() {
    this.restore();
    this.paint();
  }

  fields() {
    return [...this.form.elements].filter((field) => field.name && !field.closest("[data-aside]") && !field.matches("fieldset"));
  }

  values() {
    const found = {};
    for (const field of this.fields()) {
      found[field.name] = field.type === "checkbox" ? (field.checked ? "true" : "") : field.value;
    }
    return found;
  }

  /** Fields and rows as in the values; what they do not name is emptied. */
  set(values) {
    for (const box of this.form.querySelectorAll("[data-rows]")) {
      const start = `${box.dataset.rows}[`;
      const places = Object.keys(values).filter((n) => n.startsWith(start)).map((n) => parseInt(n.slice(start.length), 10));
      this.size(box, places.length ? Math.max(...places) + 1 : 0);
    }
    for (const field of this.fields()) {
      const value = values[field.name] ?? "";
      if (field.type === "checkbox") field.checked = value === "true";
      else field.value = value;
    }
    this.clearErrors();
    this.valuesSet(values);
    this.touched();
  }

  // Rows -------------------------------------------------------------------------------------------------------

  rows(name) {
    return [...this.form.querySelectorAll(`[data-rows="${name}"] > [data-row]`)];
  }

  size(box, count) {
    while (box.querySelectorAll(":scope > [data-row]").length > count) box.querySelector(":scope > [data-row]:last-of-type").remove();
    while (box.querySelectorAll(":scope > [data-row]").length < count) this.append(box);
    this.number(box);
  }

  append(box) {
    const template = this.form.querySelector(`template[data-row-of="${box.dataset.template ?? box.dataset.rows}"]`);
    box.append(template.content.cloneNode(true));
    return box.lastElementChild;
  }

  addRow(name) {
    const box = this.form.querySelector(`[data-rows="${name}"]`);
    const row = this.append(box);
    this.number(box);
    return row;
  }

  removeRow(row) {
    const box = row.closest("[data-rows]");
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    this.number(box);
    next?.querySelector("input:not([type=hidden]), select")?.focus();
  }

  /** Names and labels follow the place of their row. */
  number(box) {
    [...box.querySelectorAll(":scope > [data-row]")].forEach((row, k) => {
      for (const field of row.querySelectorAll("[data-name]")) {
        field.name = field.dataset.name.replace("@", box.dataset.rows).replace("#", k);
      }
      for (const each of row.querySelectorAll("[data-label]")) each.setAttribute("aria-label", each.dataset.label.replace("#", k + 1));
    });
    for (const empty of this.form.querySelectorAll(`[data-empty-of="${box.dataset.rows}"]`)) {
      empty.hidden = box.querySelector(":scope > [data-row]") !== null;
    }
  }

  onClick(event) {
    // Who cancels is asked by the browser, and gets nothing back on the next visit.
    this.cancelled = event.target.closest("[data-cancel]") !== null;
    const button = event.target.closest("button");
    if (!button || !this.form.contains(button)) return;
    if (button.dataset.addRow) {
      this.addRow(button.dataset.addRow).querySelector("input, select")?.focus();
      this.touched();
    } else if (button.matches("[data-remove-row]")) {
      this.removeRow(button.closest("[data-row]"));
      this.touched();
    } else if (button.matches("[data-reset]")) {
      if (this.live) this.set(this.live);
    } else if (button.matches("[data-discard]")) {
      this.discard();
    } else if (button.matches("[data-take-theirs]")) {
      this.settle(this.theirs, true);
    } else if (button.matches("[data-keep-mine]")) {
      this.settle(this.values(), false);
    }
  }

  onInput(event) {
    if (event.target.closest("[data-aside]")) return;
    this.cancelled = false;
    this.unmark(event.target);
    this.touched();
  }

  touched() {
    this.paint();
    this.changed();
    clearTimeout(this.kept);
    this.kept = setTimeout(() => this.keep(), KEEP_MS);
  }

  get isDirty() {
    return this.editable && !same(this.values(), this.saved);
  }

  paint() {
    const dirty = this.isDirty;
    for (const button of this.form.querySelectorAll("[data-save]")) button.disabled = !dirty;
    for (const button of this.form.querySelectorAll("[data-reset]")) button.disabled = !this.live || same(this.values(), this.live);
    const note = this.form.querySelector("[data-unsaved]");
    if (note) note.hidden = !dirty;
  }

  // What is unsaved --------------------------------------------------------------------------------------------

  keep() {
    clearTimeout(this.kept);
    if (!this.editable) return;
    try {
      if (!this.isDirty) this.forget();
      else localStorage.setItem(this.key, JSON.stringify({ base: this.base, at: Date.now(), values: this.values() }));
    } catch {
      // Without storage a reload loses what is unsaved; the warning on leaving stays.
    }
  }

  forget() {
    localStorage.removeItem(this.key);
  }

  restore() {
    let kept = null;
    try {
      kept = JSON.parse(localStorage.getItem(this.key) ?? "null");
    } catch {
      return;
    }
    if (!this.editable || !kept || same(kept.values, this.saved)) return;
    const theirs = this.saved;
    this.set(kept.values);
    if (kept.base !== this.base) {
      return this.conflict({ base: this.base, values: theirs, who: "" });
    }
    const note = this.form.querySelector("[data-restored]");
    if (!note) return;
    const at = new Date(kept.at).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
    note.querySelector("span").textContent = this.texts.restored.replace("{at}", at);
    note.hidden = false;
  }

  discard() {
    this.set(this.saved);
    this.keep();
    const note = this.form.querySelector("[data-restored]");
    if (note) note.hidden = true;
  }

  // Saving -----------------------------------------------------------------------------------------------------

  async save() {
    if (this.saving) return;
    this.saving = true;
    const sent = this.values();
    this.clearErrors();
    try {
      await this.answer(await fetch(this.form.action, {
        method: "POST",
        headers: { ...csrf(), "HX-Request": "true" },
        body: new URLSearchParams({ ...sent, _base: this.base }),
      }), sent);
    } catch {
      toast({ text: document.body.dataset.offlineText, hint: this.texts.kept, kind: "bad" });
    } finally {
      this.saving = false;
    }
  }

  async answer(response, sent) {
    if (response.headers.get("HX-Redirect")) return toast({ text: this.texts.logged_out, hint: this.texts.kept, kind: "bad" });
    const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
    if (!isJson) {
      const told = JSON.parse(response.headers.get("HX-Trigger") ?? "{}").toast;
      return toast(told ?? { text: document.body.dataset.errorText, kind: "bad" });
    }
    const body = await response.json();
    if (response.status === 422) return this.showErrors(body.errors);
    if (response.status === 409) return this.conflict(body);
    this.base = body.base;
    const untouched = same(this.values(), sent);
    this.saved = body.values;
    if (untouched) this.set(body.values);
    this.keep();
    this.paint();
    this.hideConflict();
    const note = this.form.querySelector("[data-restored]");
    if (note) note.hidden = true;
    toast({ text: body.text });
    this.form.dispatchEvent(new CustomEvent("editor:saved", { detail: body }));
    htmx.ajax("GET", location.pathname + location.search, { target: ".draftbar", select: ".draftbar", swap: "outerHTML" }).catch(() => {});
  }

  /** Each fault at its field; of a deeper one at the nearest field that there is. */
  showErrors(errors) {
    const rest = [];
    let first = null;
    for (const error of errors) {
      const field = this.fieldOf(error.field ?? "");
      if (!field) {
        rest.push(error);
        continue;
      }
      this.mark(field, [error.message, error.hint].filter(Boolean).join(": "));
      first ??= field;
    }
    const box = this.form.querySelector("[data-errors]");
    box.hidden = rest.length === 0;
    box.querySelector("span").replaceChildren(...rest.flatMap((e) => [line("b", e.message), document.createTextNode(e.hint ? ` ${e.hint} ` : " ")]));
    if (first) first.focus();
    else box.scrollIntoView({ block: "nearest" });
  }

  fieldOf(path) {
    const all = this.fields();
    for (let at = path; at; at = at.replace(/(\.[^.[]+|\[\d+\])$/, "")) {
      const found = all.find((f) => f.name === at) ?? all.find((f) => f.name.startsWith(`${at}[`) || f.name.startsWith(`${at}.`));
      if (found) return found;
      if (!/[.[]/.test(at)) return null;
    }
    return null;
  }

  mark(field, text) {
    field.setAttribute("aria-invalid", "true");
    const place = field.closest("[data-row]")?.querySelector("[data-error]") ?? field.closest(".field") ?? field.parentElement;
    const told = line("span", text);
    told.className = "error";
    told.dataset.fault = field.name;
    told.id = `fault-${field.name.replace(/\W/g, "-")}`;
    field.setAttribute("aria-describedby", told.id);
    place.append(told);
  }

  unmark(field) {
    field.removeAttribute?.("aria-invalid");
    field.removeAttribute?.("aria-describedby");
    for (const told of this.form.querySelectorAll("[data-fault]")) if (told.dataset.fault === field.name) told.remove();
  }

  clearErrors() {
    for (const field of this.form.querySelectorAll("[aria-invalid]")) this.unmark(field);
    for (const told of this.form.querySelectorAll("[data-fault]")) told.remove();
    const box = this.form.querySelector("[data-errors]");
    if (box) box.hidden = true;
  }

  // Somebody else has saved ------------------------------------------------------------------------------------

  conflict({ base, values, who }) {
    this.theirs = values;
    this.theirBase = base;
    const box = this.form.querySelector("[data-conflict]");
    box.querySelector("[data-who]").textContent = who ? this.texts.conflict_by.replace("{who}", who) : this.texts.conflict;
    const mine = this.values();
    const names = [...new Set([...Object.keys(mine), ...Object.keys(values)])];
    const differing = names.filter((n) => (mine[n] ?? "") !== (values[n] ?? ""));
    box.querySelector("tbody").replaceChildren(...differing.slice(0, 12).map((name) => {
      const row = document.createElement("tr");
      row.append(line("th", this.labelOf(name)), line("td", values[name] || "–"), line("td", mine[name] || "–"));
      row.firstElementChild.scope = "row";
      return row;
    }));
    box.hidden = false;
    box.scrollIntoView({ block: "nearest" });
    box.querySelector("button").focus();
    this.form.dispatchEvent(new CustomEvent("editor:conflict", { detail: values }));
  }

  labelOf(name) {
    const field = this.fields().find((f) => f.name === name);
    return field?.getAttribute("aria-label") ?? field?.closest("label")?.querySelector("span")?.textContent ?? name;
  }

  settle(values, takeTheirs) {
    this.base = this.theirBase;
    this.saved = this.theirs;
    if (takeTheirs) this.set(values);
    this.hideConflict();
    this.keep();
    this.paint();
  }

  hideConflict() {
    const box = this.form.querySelector("[data-conflict]");
    if (box.hidden) return;
    box.hidden = true;
    this.form.dispatchEvent(new CustomEvent("editor:conflict", { detail: null }));
  }
}

export function csrf() {
  return JSON.parse(document.body.getAttribute("hx-headers") ?? "{}");
}

function line(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function same(one, other) {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => (one[name] ?? "") === (other[name] ?? ""));
}

/** Forms without more than fields and rows. */
export function startEditors() {
  for (const form of document.querySelectorAll("form[data-editor=plain]")) new Editor(form).begin();
}
