/** The schema editor: curve, table and fields show the same; what waits is counted, one item is tried by the server. */
import { ageText, parseAge } from "./age.js";
import { CurveChart } from "./curve.js";
import { Editor } from "./editor.js";
import { debounced } from "./live.js";
import { load } from "./load.js";

const COUNT_AGAIN_MS = 60000;
const NOTABLE = 20;
const number = (text) => (text.trim() === "" ? null : Number(text.trim().replace(",", ".").replace("−", "-")));
const whole = (n) => new Intl.NumberFormat(document.documentElement.lang).format(Math.round(n));
const signed = (n) => (n > 0 ? `+${whole(n)}` : n < 0 ? `−${whole(-n)}` : "±0");

/** A curve from field values; null while they make none. */
function curveOf(values) {
  const points = [];
  for (let k = 0; `points[${k}].age` in values; k += 1) {
    points.push({ age: parseAge(values[`points[${k}].age`]), priority: number(values[`points[${k}].priority`]) });
  }
  const wrong = points.some((p, k) => p.age === null || !Number.isFinite(p.priority) || p.priority === null || (k > 0 && p.age <= points[k - 1].age));
  const [slopeAfter, maximum, valueWeight] = ["slopeAfter", "maximum", "valueWeight"].map((n) => number(values[n] ?? ""));
  const sla = (values.sla ?? "").trim() === "" ? null : parseAge(values.sla);
  if (!points.length || wrong || Number.isNaN(slopeAfter) || Number.isNaN(maximum) || Number.isNaN(valueWeight)) return null;
  return {
    points, sla, maximum, slopeAfter: slopeAfter ?? 0, valueWeight: valueWeight ?? 0,
    steps: values.interpolation === "steps", isDue: values.anchor === "due", days: values.clock === "wall",
  };
}

class SchemaEditor {
  constructor(form) {
    this.form = form;
    this.editor = new Editor(form, { valuesSet: () => this.fromFields(), changed: () => this.fromFields() });
    const { texts } = this.editor;
    this.texts = texts;
    this.chart = new CurveChart(form.querySelector("svg[data-curve]"), {
      editable: this.editor.editable, texts,
      change: (curve, kind) => this.fromChart(curve, kind),
      select: (k) => this.markRow(k),
    });
    this.chart.live = this.editor.live && curveOf(this.editor.live);
    this.threshold = form.querySelector("[data-threshold]");
    this.items = { list: [], factor: 1, total: null };
    this.soonTry = debounced(() => this.tryItem(), { wait: 200 });
    form.addEventListener("focusin", (event) => {
      const row = event.target.closest("[data-rows=points] > [data-row]");
      if (row) this.chart.choose(this.editor.rows("points").indexOf(row));
    });
    form.addEventListener("click", (event) => this.onClick(event));
    form.addEventListener("editor:conflict", (event) => {
      this.chart.theirs = event.detail && curveOf(event.detail);
      this.chart.show(this.chart.curve);
    });
    form.querySelector("[data-aside=trial]")?.addEventListener("input", () => this.soonTry());
    this.threshold?.addEventListener("input", () => this.count());
    this.fromFields();
    this.editor.begin();
    this.markRow(this.chart.current);
    this.fetchItems();
    setInterval(() => document.hidden || this.fetchItems(), COUNT_AGAIN_MS);
  }

  field(name) {
    return this.form.elements.namedItem(name);
  }

  /** Fields were typed in: the curve follows as soon as they make one. */
  fromFields() {
    if (this.writing || !this.chart) return;
    const values = this.editor.values();
    const curve = curveOf(values);
    this.markTyped(values);
    this.paintClock(values);
    if (!curve) return;
    this.chart.show(curve);
    this.after(curve);
  }

  /** The curve was changed: the fields follow. */
  fromChart(curve, kind) {
    this.writing = true;
    const box = this.form.querySelector("[data-rows=points]");
    this.editor.size(box, curve.points.length);
    this.editor.rows("points").forEach((row, k) => {
      const [age, priority] = row.querySelectorAll("input");
      const point = curve.points[k];
      if (parseAge(age.value) !== point.age) age.value = ageText(point.age, curve.days);
      if (number(priority.value) !== point.priority) priority.value = String(point.priority);
    });
    if (kind === "sla") this.field("sla").value = ageText(curve.sla, curve.days);
    this.editor.clearErrors();
    this.editor.touched();
    this.writing = false;
    this.markTyped(this.editor.values());
    this.after(curve);
  }

  after(curve) {
    this.paintSlopes(curve);
    this.count();
    this.soonTry();
  }

  /** What is no age or number, or an age out of order, is told where it stands. */
  markTyped(values) {
    let before = -Infinity;
    this.editor.rows("points").forEach((row, k) => {
      const [age, priority] = row.querySelectorAll("input");
      const parsed = parseAge(values[`points[${k}].age`]);
      this.typed(age, parsed !== null && parsed > before);
      this.typed(priority, Number.isFinite(number(values[`points[${k}].priority`]) ?? NaN));
      before = parsed ?? before;
    });
    this.typed(this.field("sla"), values.sla === "" || (parseAge(values.sla) ?? 0) > 0);
    for (const name of ["maximum", "slopeAfter", "valueWeight"]) this.typed(this.field(name), !Number.isNaN(number(values[name] ?? "")));
  }

  typed(field, good) {
    if (good) field.removeAttribute("aria-invalid");
    else field.setAttribute("aria-invalid", "true");
  }

  paintSlopes({ points, steps, slopeAfter }) {
    this.editor.rows("points").forEach((row, k) => {
      const [point, next] = [points[k], points[k + 1]];
      const slope = next ? ((next.priority - point.priority) / (next.age - point.age)) * 3600 : slopeAfter;
      const shown = Math.abs(slope) < 10 ? Math.round(slope * 10) / 10 : Math.round(slope);
      row.querySelector("[data-slope]").textContent = steps && next ? this.texts.step : `${shown > 0 ? "+" : shown < 0 ? "−" : ""}${Math.abs(shown)}`;
      const remove = row.querySelector("[data-remove-row]");
      if (remove) remove.disabled = points.length < 2;
    });
    for (const button of this.form.querySelectorAll("[data-mode]")) {
      button.setAttribute("aria-pressed", String((button.dataset.mode === "steps") === steps));
    }
  }

  paintClock(values) {
    for (const card of this.form.querySelectorAll("[data-clock-card]")) card.hidden = card.dataset.clockCard !== values.clock;
    for (const each of this.form.querySelectorAll("[data-if-due]")) each.hidden = (values.anchor === "due") !== (each.dataset.ifDue === "true");
    const clock = this.field("clock");
    const anchor = this.field("anchor");
    const shown = values.clock === "wall" ? this.texts.wall_axis : this.texts.clock_axis;
    const sub = this.form.querySelector("[data-axis-text]");
    sub.textContent = shown.replace("{anchor}", anchor.selectedOptions?.[0]?.text ?? values.anchor);
    const asked = `${clock.value} ${anchor.value}`;
    if (this.counted !== undefined && this.counted !== asked) this.fetchItems();
  }

  markRow(k) {
    this.editor?.rows("points").forEach((row, n) => row.toggleAttribute("data-current", this.editor.editable && n === k));
  }

  onClick(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.mode) {
      this.field("interpolation").value = button.dataset.mode;
      this.editor.touched();
    } else if (button.matches("[data-add-point]")) {
      this.chart.addInGap();
      this.editor.rows("points")[this.chart.current]?.querySelector("input").focus();
    } else if (button.matches("[data-list-items]")) {
      const values = { ...this.editor.values(), _threshold: this.threshold.value, _base: this.editor.base };
      load("POST", this.form.dataset.itemsUrl, { target: "#dialog", swap: "innerHTML", values });
    }
  }

  // Who waits --------------------------------------------------------------------------------------------------

  async fetchItems() {
    const { clock, anchor } = this.editor.values();
    this.counted = `${clock} ${anchor}`;
    const place = this.form.querySelector("[data-counts]");
    try {
      const joint = this.form.dataset.agesUrl.includes("?") ? "&" : "?";
      const response = await fetch(`${this.form.dataset.agesUrl}${joint}${new URLSearchParams({ clock, anchor })}`, { headers: { "HX-Request": "true" } });
      if (!response.ok) throw new Error();
      const body = await response.json();
      const list = body.items.map(([age, value, adjustment, fixed, live]) => ({ age, value, adjustment, fixed, live }));
      this.items = { list, total: body.total, factor: list.length ? body.total / list.length : 1, exact: body.exact };
      place.dataset.state = "ready";
    } catch {
      this.items = { list: [], total: null, factor: 1, exact: true };
      place.dataset.state = "away";
    }
    this.chart.items = this.items;
    if (this.chart.curve) this.chart.show(this.chart.curve);
    this.count();
  }

  count() {
    const { list, total, factor, exact } = this.items;
    const place = this.form.querySelector("[data-counts]");
    const threshold = number(this.threshold?.value ?? "");
    this.chart.threshold = threshold === null || Number.isNaN(threshold) ? Infinity : threshold;
    for (const each of this.form.querySelectorAll("[data-threshold-text]")) each.textContent = this.threshold.value;
    this.chart.items = this.items;
    const curve = this.chart.curve;
    if (!curve) return;
    this.chart.draw();
    place.hidden = total === null || total === 0;
    this.form.querySelector("[data-no-items]").hidden = total !== 0;
    this.form.querySelector("[data-no-counts]").hidden = place.dataset.state !== "away";
    if (!total) return;
    let [above, aboveLive, rise, fall] = [0, 0, 0, 0];
    for (const item of list) {
      const draft = this.chart.priorityOf(item, curve);
      if (draft > this.chart.threshold) above += 1;
      if (item.live > this.chart.threshold) aboveLive += 1;
      if (draft - item.live > NOTABLE) rise += 1;
      if (item.live - draft > NOTABLE) fall += 1;
    }
    const about = factor > 1 ? "≈ " : "";
    const set = (name, text) => {
      place.querySelector(`[data-n=${name}]`).textContent = text;
    };
    set("above", about + whole(above * factor));
    set("total", whole(total) + (exact ? "" : "+"));
    set("against", this.texts.against.replace("{n}", signed((above - aboveLive) * factor)));
    set("rise", about + whole(rise * factor));
    set("fall", about + whole(fall * factor));
    const note = this.form.querySelector("[data-sampled]");
    note.hidden = factor <= 1;
    note.textContent = this.texts.sampled.replace("{n}", whole(list.length));
  }

  tryItem() {
    const box = this.form.querySelector("[data-aside=trial]");
    if (!box) return;
    const own = Object.fromEntries([...box.querySelectorAll("[name]")].map((f) => [f.name, f.value]));
    load("POST", this.form.dataset.trialUrl, { target: "#trial", swap: "innerHTML", values: { ...this.editor.values(), ...own } });
  }
}

export function startSchemaEditor() {
  const form = document.querySelector("form[data-editor=schema]");
  if (form) new SchemaEditor(form);
  for (const svg of document.querySelectorAll("svg[data-curve-show]")) {
    const { curve, live, items, threshold, texts } = JSON.parse(svg.dataset.curveShow);
    const chart = new CurveChart(svg, { editable: svg.dataset.editable === "true", texts });
    Object.assign(chart, { live, threshold, items: items && { list: items, factor: 1 } });
    chart.show(curve);
  }
}
