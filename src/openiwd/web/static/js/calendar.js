/** The calendar editor: hours as bars and as fields that follow each other, and what they come to. */
import { Editor } from "./editor.js";
import { debounced } from "./live.js";
import { load } from "./load.js";

const SVG = "http://www.w3.org/2000/svg";
const DAY = 1440;
const SNAP = 15;
const LARGER = 4;
const HEIGHT = 28;
const SPAN = /^\s*([01]?\d|2[0-4]):([0-5]\d)\s*[-–]\s*([01]?\d|2[0-4]):([0-5]\d)\s*$/;

function parseSpan(text) {
  const found = SPAN.exec(text);
  if (!found) return null;
  const [start, end] = [Number(found[1]) * 60 + Number(found[2]), Number(found[3]) * 60 + Number(found[4])];
  return start < end && end <= DAY ? [start, end] : null;
}

const clock = (minutes) => `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
const spanText = ([start, end]) => `${clock(start)}-${clock(end)}`;

function draw(name, attributes, into, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  into.append(made);
  return made;
}

/** One weekday: its fields are the truth, the bar shows and changes them. */
class Day {
  constructor(row, editor, texts) {
    this.row = row;
    this.editor = editor;
    this.texts = texts;
    this.name = row.dataset.day;
    this.svg = row.querySelector(".hourbar");
    this.drag = null;
    this.draw();
    if (!editor.editable) return;
    this.svg.addEventListener("pointerdown", (event) => this.onDown(event));
    this.svg.addEventListener("pointermove", (event) => this.onMove(event));
    this.svg.addEventListener("pointerup", () => this.onUp());
    this.svg.addEventListener("pointercancel", () => this.onUp());
    this.svg.addEventListener("keydown", (event) => this.onKey(event));
    row.querySelector("[data-add-span]")?.addEventListener("click", () => this.add());
  }

  fields() {
    return [...this.row.querySelectorAll("[data-row] input")];
  }

  spans() {
    return this.fields().map((field) => parseSpan(field.value));
  }

  write(spans, focus = null) {
    this.editor.size(this.row.querySelector("[data-rows]"), spans.length);
    this.fields().forEach((field, k) => {
      if (spans[k]) field.value = spanText(spans[k]);
    });
    this.editor.clearErrors();
    this.editor.touched();
    this.draw();
    if (focus) this.svg.querySelector(`[data-edge="${focus}"]`)?.focus();
  }

  draw() {
    const focused = document.activeElement?.closest?.("svg") === this.svg ? document.activeElement.dataset.edge : null;
    this.svg.replaceChildren();
    draw("rect", { class: "day", width: DAY, height: HEIGHT, rx: 3 }, this.svg);
    for (let at = 360; at < DAY; at += 360) draw("line", { class: "tick", x1: at, x2: at, y1: 0, y2: HEIGHT }, this.svg);
    this.spans().forEach((span, k) => {
      if (!span) return;
      const [start, end] = span;
      draw("rect", { class: "open", x: start, width: end - start, height: HEIGHT, "data-span": k }, this.svg);
      if (!this.editor.editable) return;
      this.edge(k, 0, start);
      this.edge(k, 1, end);
    });
    if (focused) this.svg.querySelector(`[data-edge="${focused}"]`)?.focus();
  }

  edge(k, side, at) {
    const told = this.texts[side ? "closes" : "opens"];
    const label = told.replace("{day}", this.row.dataset.dayName).replace("#", k + 1).replace("{time}", clock(at));
    draw("rect", {
      class: "edge", x: Math.min(DAY - 12, Math.max(0, at - 6)), width: 12, height: HEIGHT, rx: 3, "data-edge": `${k}.${side}`,
      role: "slider", tabindex: 0, "aria-label": label, "aria-valuenow": at, "aria-valuemin": 0, "aria-valuemax": DAY,
      "aria-valuetext": clock(at),
    }, this.svg);
  }

  at(event) {
    const box = this.svg.getBoundingClientRect();
    const raw = ((event.clientX - box.left) / box.width) * DAY;
    return Math.max(0, Math.min(DAY, Math.round(raw / SNAP) * SNAP));
  }

  /** How far an end may go without meeting the neighbours or its own other end. */
  bounds(spans, k, side) {
    const others = spans.filter((span, n) => span && n !== k);
    const [start, end] = spans[k];
    if (side) return [start + SNAP, Math.min(DAY, ...others.map((s) => s[0]).filter((s) => s >= end))];
    return [Math.max(0, ...others.map((s) => s[1]).filter((s) => s <= start)), end - SNAP];
  }

  moveEdge(k, side, to) {
    const spans = this.spans();
    const [low, high] = this.bounds(spans, k, side);
    spans[k][side] = Math.max(low, Math.min(high, to));
    this.write(spans);
  }

  moveSpan(k, to) {
    const spans = this.spans();
    const [start, end] = spans[k];
    const [low] = this.bounds(spans, k, 0);
    const [, high] = this.bounds(spans, k, 1);
    const moved = Math.max(low, Math.min(high - (end - start), to));
    spans[k] = [moved, moved + end - start];
    this.write(spans);
  }

  onDown(event) {
    if (event.button) return;
    event.preventDefault();
    const at = this.at(event);
    const { edge, span } = event.target.dataset;
    this.svg.setPointerCapture(event.pointerId);
    if (edge) {
      const [k, side] = edge.split(".").map(Number);
      this.drag = { kind: "edge", k, side };
      event.target.focus({ preventScroll: true });
    } else if (span) {
      this.drag = { kind: "span", k: Number(span), from: at - this.spans()[Number(span)][0] };
    } else {
      this.drag = { kind: "new", from: Math.min(at, DAY - SNAP), k: null };
    }
  }

  onMove(event) {
    if (!this.drag) return;
    const at = this.at(event);
    const { kind, k, side, from } = this.drag;
    if (kind === "edge") return this.moveEdge(k, side, at);
    if (kind === "span") return this.moveSpan(k, at - from);
    if (k !== null) return this.moveEdge(k, 1, at);
    const spans = this.spans();
    const inside = spans.some((s) => s && from >= s[0] && from < s[1]);
    if (inside || at <= from) return;
    const next = Math.min(DAY, ...spans.filter((s) => s && s[0] >= from).map((s) => s[0]));
    if (next - from < SNAP) return;
    spans.push([from, Math.max(from + SNAP, Math.min(next, at))]);
    this.drag.k = spans.length - 1;
    this.write(spans);
  }

  onUp() {
    if (!this.drag) return;
    const made = this.drag.kind === "new" && this.drag.k !== null;
    this.drag = null;
    if (made) this.sort();
  }

  sort() {
    const spans = this.spans();
    if (spans.every(Boolean)) this.write(spans.sort((a, b) => a[0] - b[0]));
  }

  onKey(event) {
    const edge = event.target.dataset?.edge;
    if (!edge || event.ctrlKey || event.metaKey || event.altKey) return;
    const [k, side] = edge.split(".").map(Number);
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      const spans = this.spans();
      spans.splice(k, 1);
      this.write(spans, `${Math.max(0, Math.min(k, spans.length - 1))}.0`);
    } else if (step) {
      event.preventDefault();
      this.moveEdge(k, side, this.spans()[k][side] + step * SNAP * (event.shiftKey ? LARGER : 1));
    }
  }

  /** A span after the last one, or the usual hours. */
  add() {
    const spans = this.spans();
    const last = Math.max(0, ...spans.filter(Boolean).map((s) => s[1]));
    const start = spans.length ? Math.min(last + 60, DAY - 60) : 480;
    const end = spans.length ? Math.min(start + 180, DAY) : 1020;
    if (last > DAY - 120) return this.row.querySelector("[data-row]:last-of-type input")?.focus();
    this.write([...spans, [start, end]]);
    this.fields().at(-1).focus();
  }
}

class CalendarEditor {
  constructor(form) {
    this.form = form;
    this.editor = new Editor(form, { valuesSet: (values) => this.takeRegion(values), changed: () => this.redraw() });
    this.days = [...form.querySelectorAll("[data-day]")].map((row) => new Day(row, this.editor, this.editor.texts));
    this.regions = JSON.parse(form.dataset.regions);
    this.soon = debounced(() => load("POST", form.dataset.previewUrl, { target: "#preview", swap: "innerHTML", values: this.editor.values() }), { wait: 300 });
    this.nameCountries();
    this.drawAxis();
    form.addEventListener("change", (event) => {
      if (event.target.name === "holidays.country") this.offerRegions(event.target.value);
    });
    this.begun = true;
    this.editor.begin();
  }

  redraw() {
    if (!this.begun) return;
    for (const day of this.days) if (!day.drag) day.draw();
    this.soon();
  }

  /** A region is among the choices only when its country is chosen. */
  takeRegion(values) {
    this.offerRegions(values["holidays.country"] ?? "");
    this.form.elements.namedItem("holidays.region").value = values["holidays.region"] ?? "";
  }

  offerRegions(country) {
    const select = this.form.elements.namedItem("holidays.region");
    const chosen = select.value;
    const options = ["", ...(this.regions[country] ?? [])].map((code) => new Option(code || this.form.dataset.noRegion, code));
    select.replaceChildren(...options);
    select.value = (this.regions[country] ?? []).includes(chosen) ? chosen : "";
  }

  nameCountries() {
    const names = new Intl.DisplayNames([document.documentElement.lang], { type: "region", fallback: "code" });
    const select = this.form.querySelector("[data-countries]");
    const chosen = select.value;
    const [none, ...rest] = select.options;
    for (const option of rest) {
      if (/^[A-Z]{2}$/.test(option.value)) option.text = `${names.of(option.value)} (${option.value})`;
    }
    rest.sort((a, b) => a.text.localeCompare(b.text));
    select.replaceChildren(none, ...rest);
    select.value = chosen;
  }

  drawAxis() {
    const svg = this.form.querySelector("[data-axis]");
    const paint = () => {
      const width = svg.getBoundingClientRect().width;
      svg.replaceChildren();
      const step = width < 420 ? 360 : 180;
      for (let at = 0; at <= DAY; at += step) {
        const anchor = at === 0 ? "start" : at === DAY ? "end" : "middle";
        draw("text", { x: (at / DAY) * width, y: 11, "text-anchor": anchor }, svg, clock(at));
      }
    };
    paint();
    addEventListener("resize", paint);
  }
}

export function startCalendarEditor() {
  const form = document.querySelector("form[data-editor=calendar]");
  if (form) new CalendarEditor(form);
}
