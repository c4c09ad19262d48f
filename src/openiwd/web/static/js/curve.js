/**
 * A prioritization curve that is drawn and edited: points by mouse and keys, the live curve beneath, the SLA, and how
 * old the items are that wait. Draws and tells what was done; what is saved is in the fields, not here.
 */
import { DAY, HOUR, ageText, axisAge } from "./age.js";
import { corners, grouped, nice, trimmed, under, valueAt } from "./curve_shape.js";

const SVG = "http://www.w3.org/2000/svg";
const BOX = { left: 46, top: 26, bottom: 290, barTop: 322, barBottom: 392, height: 414, margin: 14 };
const WIDTH = 800;
const AGE_STEPS = [
  60, 300, 600, 900, 1800, HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 4 * DAY, 7 * DAY,
  14 * DAY, 30 * DAY, 60 * DAY, 90 * DAY, 180 * DAY, 365 * DAY, 730 * DAY,
];
const DRAG_STEPS = [60, 300, 600, 900, 1800, HOUR, 2 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 7 * DAY, 14 * DAY];
const TICK_WIDTH = 82;
const LARGER = 4;

// The picture --------------------------------------------------------------------------------------------------

/**
 * `change(curve, kind)` is called for each change made here, `select(k)` when another point is the current one.
 * A curve is {points: [{age, priority}], steps, slopeAfter, maximum, sla, isDue, days}.
 */
export class CurveChart {
  constructor(svg, { editable, texts, change = () => {}, select = () => {} }) {
    Object.assign(this, { svg, editable, texts, change, select });
    this.live = this.theirs = null;
    this.items = null;
    this.threshold = null;
    this.current = null;
    this.drag = null;
    this.back = this.layer("back");
    this.slaHandle = null;
    this.front = this.layer("points");
    this.fit();
    new ResizeObserver(() => this.fit()).observe(svg);
    if (!editable) return;
    svg.addEventListener("pointerdown", (event) => this.onDown(event));
    svg.addEventListener("pointermove", (event) => this.onMove(event));
    svg.addEventListener("pointerup", () => this.onUp());
    svg.addEventListener("pointercancel", () => this.onUp());
    svg.addEventListener("dblclick", (event) => this.onDouble(event));
    svg.addEventListener("keydown", (event) => this.onKey(event));
    svg.addEventListener("focusin", (event) => {
      const k = event.target.closest("[data-point]")?.dataset.point;
      if (k !== undefined) this.choose(Number(k));
    });
  }

  /** As wide as there is room, so that texts keep their size. */
  fit() {
    const width = Math.round(this.svg.clientWidth) || WIDTH;
    if (width === this.width) return;
    this.width = width;
    this.right = width - BOX.margin;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${BOX.height}`);
    if (!this.curve) return;
    this.scale = this.measure();
    this.draw();
  }

  layer(name) {
    return this.element("g", { class: name }, this.svg);
  }

  element(name, attributes, into, text) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    into.append(made);
    return made;
  }

  choose(k) {
    if (this.current === k) return;
    this.current = k;
    this.drawPoints();
    this.select(k);
  }

  /** Shows a curve; the scale stays as it is while a point is dragged. */
  show(curve) {
    this.curve = curve;
    if (this.drag === null || !this.scale) this.scale = this.measure();
    this.draw();
  }

  measure() {
    const curves = [this.curve, this.live, this.theirs].filter(Boolean);
    const ages = curves.flatMap((c) => c.points.map((p) => p.age));
    const slas = curves.map((c) => (c.isDue ? 0 : (c.sla ?? 0)));
    let low = Math.min(0, ...ages);
    let high = Math.max(HOUR, ...ages, ...slas);
    if (this.curve.isDue) high = Math.max(0, ...ages, -low * 0.15);
    const span = high - low || HOUR;
    if (low < 0) low -= span * 0.04;
    high += span * (this.curve.isDue ? 0.15 : 0.4);
    const most = Math.max(3, Math.floor((this.right - BOX.left) / TICK_WIDTH));
    const tick = AGE_STEPS.find((s) => (high - low) / s <= most) ?? Math.ceil((high - low) / most / DAY) * DAY;
    low = Math.floor(low / tick) * tick;
    high = Math.ceil(high / tick) * tick;
    const values = curves.flatMap((c) => corners(c, low, high).map(([, value]) => value));
    const top = Math.max(1, ...values);
    const maximum = this.curve.maximum;
    if (maximum !== null && maximum > top && maximum <= top * 1.5) values.push(maximum);
    const step = nice((Math.max(1, ...values) - Math.min(0, ...values)) / 5.01);
    const bottom = Math.floor(Math.min(0, ...values) / step) * step;
    return {
      low, high, tick, step, bottom,
      top: Math.ceil(Math.max(1, ...values) / step - 1e-9) * step,
      drag: [...DRAG_STEPS].reverse().find((s) => s <= (high - low) / 60) ?? 60,
      nudge: Math.max(nice(step / 40), step >= 40 ? 1 : 0),
    };
  }

  x(age) {
    const { low, high } = this.scale;
    return Math.round((BOX.left + ((age - low) / (high - low)) * (this.right - BOX.left)) * 10) / 10;
  }

  y(value) {
    const { bottom, top } = this.scale;
    const at = BOX.bottom - ((value - bottom) / (top - bottom)) * (BOX.bottom - BOX.top);
    return Math.round(Math.max(-20, Math.min(BOX.bottom + 20, at)) * 10) / 10;
  }

  line(curve) {
    return corners(curve, this.scale.low, this.scale.high).map(([age, value]) => `${this.x(age)},${this.y(value)}`).join(" ");
  }

  draw() {
    this.back.replaceChildren();
    this.drawAxes();
    const base = this.y(Math.max(0, this.scale.bottom));
    const line = this.line(this.curve);
    this.element("polygon", { class: "area", points: `${BOX.left},${base} ${line} ${this.right},${base}` }, this.back);
    this.drawItems();
    if (this.live) this.element("polyline", { class: "ghost", points: this.line(this.live) }, this.back);
    if (this.theirs) this.element("polyline", { class: "ghost theirs", points: this.line(this.theirs) }, this.back);
    this.element("polyline", { class: "curve", points: line }, this.back);
    this.drawSla();
    this.drawPoints();
  }

  drawAxes() {
    const { low, high, tick, step, bottom, top } = this.scale;
    for (let value = bottom; value <= top + step / 2; value += step) {
      const y = this.y(value);
      this.element("line", { class: "gridline", x1: BOX.left, x2: this.right, y1: y, y2: y }, this.back);
      this.element("text", { x: BOX.left - 8, y: y + 4, "text-anchor": "end" }, this.back, grouped(trimmed(value, step)));
    }
    for (let age = low; age <= high; age += tick) {
      const text = axisAge(Math.round(age), tick, this.curve.days);
      this.element("text", { x: this.x(age), y: BOX.barBottom + 17, "text-anchor": "middle" }, this.back, text);
    }
    for (const y of [this.y(Math.max(0, bottom)), BOX.barBottom]) {
      this.element("line", { class: "axis", x1: BOX.left, x2: this.right, y1: y, y2: y }, this.back);
    }
    if (low < 0) {
      const x = this.x(0);
      this.element("line", { class: "axis", x1: x, x2: x, y1: BOX.top, y2: BOX.barBottom }, this.back);
    }
    if (this.curve.maximum !== null && this.curve.maximum < top && this.curve.maximum > bottom) {
      const y = this.y(this.curve.maximum);
      this.element("line", { class: "ceiling", x1: BOX.left, x2: this.right, y1: y, y2: y }, this.back);
    }
  }

  /** How many items wait at each age; the part above the threshold in the accent colour. */
  drawItems() {
    this.element("text", { x: BOX.left - 8, y: BOX.barBottom, "text-anchor": "end" }, this.back, this.texts.items);
    if (!this.items?.list.length) return;
    const { low, high, tick } = this.scale;
    const width = (high - low) / (tick / 2) <= 24 ? tick / 2 : tick;
    const count = Math.round((high - low) / width);
    const bars = Array.from({ length: count }, () => [0, 0]);
    for (const item of this.items.list) {
      const k = Math.max(0, Math.min(count - 1, Math.floor((item.age - low) / width)));
      bars[k][0] += 1;
      if (this.priorityOf(item) > this.threshold) bars[k][1] += 1;
    }
    const most = Math.max(...bars.map(([all]) => all));
    const tall = (n) => (n / most) * (BOX.barBottom - BOX.barTop - 2);
    bars.forEach(([all, hot], k) => {
      if (!all) return;
      const [x, wide] = [this.x(low + k * width) + 2, this.x(low + width) - this.x(low) - 4];
      this.bar("bar", x, wide, tall(all));
      if (hot) this.bar("bar hot", x, wide, tall(hot));
      const shown = grouped(Math.round(all * this.items.factor));
      if (shown.length * 7 > wide + 6) return;
      this.element("text", { x: x + wide / 2, y: BOX.barBottom - tall(all) - 4, "text-anchor": "middle" }, this.back, shown);
    });
  }

  bar(css, x, width, tall) {
    const height = Math.max(tall, 1);
    this.element("rect", { class: css, x, width, y: BOX.barBottom - height, height, rx: 2 }, this.back);
  }

  /** An item's priority under this curve. */
  priorityOf(item, curve = this.curve) {
    if (item.fixed !== null) return item.fixed;
    return valueAt(curve, item.age) + curve.valueWeight * item.value + item.adjustment;
  }

  drawSla() {
    const { sla, isDue } = this.curve;
    const at = isDue ? 0 : sla;
    const shown = at !== null && at >= this.scale.low && at <= this.scale.high;
    if (!shown) {
      this.slaHandle?.remove();
      this.slaHandle = null;
      return;
    }
    const [x, priority] = [this.x(at), grouped(Math.round(valueAt(this.curve, at)))];
    const movable = this.editable && !isDue;
    if (!this.slaHandle) {
      this.slaHandle = document.createElementNS(SVG, "g");
      this.slaHandle.dataset.sla = "";
      this.svg.insertBefore(this.slaHandle, this.front);
      this.element("line", { class: "slaline", y1: BOX.top - 6, y2: BOX.barBottom }, this.slaHandle);
      this.element("rect", { class: "halo", y: BOX.top, width: 16, height: BOX.bottom - BOX.top }, this.slaHandle);
      this.element("text", { class: "b", y: BOX.top - 10 }, this.slaHandle);
    }
    const handle = this.slaHandle;
    const [line, halo, text] = handle.children;
    for (const end of ["x1", "x2"]) line.setAttribute(end, x);
    halo.setAttribute("x", x - 8);
    const right = x > this.right - 190;
    text.setAttribute("x", right ? x - 6 : x + 6);
    text.setAttribute("text-anchor", right ? "end" : "start");
    const pattern = isDue ? this.texts.due : this.texts.sla;
    text.textContent = pattern.replace("{age}", ageText(at, this.curve.days)).replace("{priority}", priority);
    this.asSlider(handle, movable, {
      "aria-label": this.texts.sla_handle, "aria-valuenow": Math.round(at / 60), "aria-valuetext": text.textContent,
    });
  }

  asSlider(handle, movable, attributes) {
    handle.classList.toggle("handle", movable);
    if (!movable) return ["role", "tabindex", ...Object.keys(attributes)].forEach((name) => handle.removeAttribute(name));
    const all = { role: "slider", tabindex: 0, ...attributes };
    for (const [name, value] of Object.entries(all)) handle.setAttribute(name, value);
  }

  drawPoints() {
    const { points, days } = this.curve;
    while (this.front.children.length > points.length) this.front.lastElementChild.remove();
    while (this.front.children.length < points.length) {
      const group = this.element("g", { class: "point" }, this.front);
      this.element("circle", { class: "halo", r: 12 }, group);
      this.element("circle", { class: "pt", r: 5.5 }, group);
      this.element("text", { class: "k" }, group);
    }
    points.forEach((point, k) => {
      const group = this.front.children[k];
      const [halo, dot, text] = group.children;
      const [x, y] = [this.x(point.age), this.y(under(this.curve.maximum, point.priority))];
      for (const circle of [halo, dot]) {
        circle.setAttribute("cx", x);
        circle.setAttribute("cy", y);
      }
      const isCurrent = this.editable && k === this.current;
      const [age, priority] = [ageText(point.age, days), grouped(point.priority)];
      text.textContent = isCurrent ? `${age} → ${priority}` : "";
      const left = x > BOX.left + 90;
      text.setAttribute("x", left ? x - 10 : x + 10);
      text.setAttribute("y", y < BOX.top + 16 ? y + 20 : y - 10);
      text.setAttribute("text-anchor", left ? "end" : "start");
      group.dataset.point = k;
      group.toggleAttribute("data-current", isCurrent);
      this.asSlider(group, this.editable, {
        "aria-label": this.texts.point.replace("{n}", k + 1),
        "aria-valuenow": point.priority,
        "aria-valuemin": Math.min(this.scale.bottom, point.priority),
        "aria-valuemax": Math.max(this.curve.maximum ?? this.scale.top, point.priority),
        "aria-valuetext": this.texts.point_value.replace("{age}", age).replace("{priority}", priority),
      });
    });
  }

  // Changing it ------------------------------------------------------------------------------------------------

  /** Moves a point, between its neighbours and under the maximum. */
  place(k, age, priority) {
    const points = this.curve.points.map((p) => ({ ...p }));
    const gap = Math.min(this.scale.drag, 60);
    const lowest = k ? points[k - 1].age + gap : this.curve.isDue ? -Infinity : Math.min(0, points[0].age);
    const highest = points[k + 1] ? points[k + 1].age - gap : Infinity;
    points[k].age = Math.max(lowest, Math.min(highest, age));
    points[k].priority = under(this.curve.maximum, trimmed(priority, this.scale.nudge));
    this.changed({ points }, "move");
  }

  moveSla(age) {
    this.changed({ sla: Math.max(60, age) }, "sla");
  }

  add(age, priority) {
    const points = this.curve.points.map((p) => ({ ...p }));
    if (points.some((p) => p.age === age)) return;
    points.push({ age, priority: under(this.curve.maximum, trimmed(priority, this.scale.nudge)) });
    points.sort((a, b) => a.age - b.age);
    this.current = points.findIndex((p) => p.age === age);
    this.changed({ points }, "add");
    this.focusPoint(this.current);
  }

  /** One more point in the middle of the widest gap, on the curve. */
  addInGap() {
    const { points } = this.curve;
    let best = [0, null];
    points.forEach((p, k) => {
      const next = points[k + 1];
      if (next && next.age - p.age > best[0]) best = [next.age - p.age, (p.age + next.age) / 2];
    });
    const snapped = best[1] === null ? null : Math.round(best[1] / 60) * 60;
    const free = snapped !== null && !points.some((p) => p.age === snapped);
    const age = free ? snapped : points[points.length - 1].age + this.scale.tick;
    this.add(age, valueAt(this.curve, age));
  }

  remove(k) {
    if (this.curve.points.length < 2) return;
    const points = this.curve.points.filter((_, i) => i !== k);
    this.current = Math.min(k, points.length - 1);
    this.changed({ points }, "remove");
    this.focusPoint(this.current);
  }

  focusPoint(k) {
    this.front.children[k]?.focus({ preventScroll: true });
    this.select(k);
  }

  changed(part, kind) {
    const curve = { ...this.curve, ...part };
    this.show(curve);
    this.change(curve, kind);
  }

  at(event) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    const { low, high, bottom, top, drag } = this.scale;
    const age = low + ((point.x - BOX.left) / (this.right - BOX.left)) * (high - low);
    const value = bottom + ((BOX.bottom - point.y) / (BOX.bottom - BOX.top)) * (top - bottom);
    return {
      age: Math.max(low, Math.min(high, Math.round(age / drag) * drag)),
      priority: Math.max(bottom, Math.min(top, value)),
      inside: point.y >= BOX.top - 8 && point.y <= BOX.bottom + 8,
    };
  }

  onDown(event) {
    const handle = event.target.closest(".handle");
    if (!handle || event.button) return;
    event.preventDefault();
    this.svg.setPointerCapture(event.pointerId);
    this.drag = handle.dataset.point ?? "sla";
    this.svg.classList.add("dragging");
    handle.focus({ preventScroll: true });
  }

  onMove(event) {
    if (this.drag === null) return;
    const { age, priority } = this.at(event);
    if (this.drag === "sla") this.moveSla(age);
    else this.place(Number(this.drag), age, priority);
  }

  onUp() {
    if (this.drag === null) return;
    this.drag = null;
    this.svg.classList.remove("dragging");
    this.scale = this.measure();
    this.draw();
  }

  onDouble(event) {
    if (event.target.closest(".handle")) return;
    const { age, priority, inside } = this.at(event);
    if (inside) this.add(age, priority);
  }

  onKey(event) {
    const handle = event.target.closest(".handle");
    if (!handle || event.ctrlKey || event.metaKey || event.altKey) return;
    const k = handle.dataset.point === undefined ? null : Number(handle.dataset.point);
    if (k !== null && (event.key === "Delete" || event.key === "Backspace")) {
      event.preventDefault();
      return this.remove(k);
    }
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    const times = event.shiftKey ? LARGER : 1;
    const [age, value] = [move[0] * this.scale.drag * times, move[1] * this.scale.nudge * times];
    if (k === null) return this.moveSla(this.curve.sla + age);
    const point = this.curve.points[k];
    this.place(k, point.age + age, point.priority + value);
  }
}
