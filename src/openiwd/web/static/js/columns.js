/**
 * The columns of the list: chosen and ordered in a dialog or by dragging a head, made wider by its edge or by arrow keys.
 * Kept by the browser in two cookies, so that the server's first answer has them already.
 */
import { load } from "./load.js";

const YEAR = 31536000;
const STEP = 16;
const [NARROWEST, WIDEST] = [48, 900];
let dragged = null;

const list = () => document.getElementById("list");
const keep = (name, value) => {
  document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=${YEAR}; samesite=lax`;
};
const kept = (name) => {
  const found = document.cookie.split("; ").find((each) => each.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
};
const heads = () => [...document.querySelectorAll(".items-table th[data-column]")];

/** Shows the list with these columns: in the address where it names columns, else by what the browser keeps. */
function show(names) {
  const query = new URLSearchParams(list().dataset.query);
  if (query.has("columns")) query.set("columns", names.join(","));
  else keep("uq_columns", names.join(","));
  const href = `/${query.size ? `?${query}` : ""}`;
  load("GET", href, { target: "#list", swap: "outerHTML", push: href });
}

// Width --------------------------------------------------------------------------------------------------------------

const columnOf = (name) => document.querySelector(`.items-table col[data-column="${CSS.escape(name)}"]`);

function widths() {
  return new Map(kept("uq_widths").split(",").filter(Boolean).map((each) => [each.slice(0, each.lastIndexOf(":")), Number(each.slice(each.lastIndexOf(":") + 1))]));
}

function resize(name, width, grip) {
  const to = Math.round(Math.max(NARROWEST, Math.min(WIDEST, width)));
  columnOf(name).setAttribute("width", String(to));
  grip.setAttribute("aria-valuenow", String(to));
  layOut();
  return to;
}

function remember(name, width) {
  const all = widths();
  all.set(name, width);
  keep("uq_widths", [...all].map(([key, value]) => `${key}:${value}`).join(","));
}

/** So wide that no column is squeezed: the list scrolls sideways instead. */
function layOut() {
  const table = document.querySelector(".items-table");
  if (!table) return;
  const sum = [...table.querySelectorAll("col[data-column]")]
    .filter((each) => getComputedStyle(each).display !== "none")
    .reduce((total, each) => total + Number(each.getAttribute("width") ?? 220), 39);
  table.style.minWidth = table.classList.contains("is-usual") ? "" : `${sum}px`;
}

function onPointerDown(event) {
  const grip = event.target.closest(".items-table .grip");
  if (!grip) return;
  event.preventDefault();
  const head = grip.parentElement;
  const { column } = head.dataset;
  const begin = head.getBoundingClientRect().width;
  let width = begin;
  const move = (moved) => {
    width = resize(column, begin + moved.clientX - event.clientX, grip);
  };
  grip.setPointerCapture(event.pointerId);
  grip.addEventListener("pointermove", move);
  grip.addEventListener("pointerup", () => {
    grip.removeEventListener("pointermove", move);
    if (width !== begin) remember(column, width);
  }, { once: true });
}

function onKey(event) {
  const grip = event.target.closest?.(".items-table .grip");
  const step = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
  if (grip && step) {
    event.preventDefault();
    const head = grip.parentElement;
    remember(head.dataset.column, resize(head.dataset.column, head.getBoundingClientRect().width + step, grip));
    return;
  }
  const head = event.target.closest?.(".items-table th[data-column]");
  if (head && event.altKey && step) {
    event.preventDefault();
    moveHead(head.dataset.column, Math.sign(step));
  }
}

// Order --------------------------------------------------------------------------------------------------------------

function moveHead(name, step) {
  const names = heads().map((each) => each.dataset.column);
  const here = names.indexOf(name);
  const there = here + step;
  if (there < 0 || there >= names.length) return;
  [names[here], names[there]] = [names[there], names[here]];
  focusAfter = name;
  show(names);
}

let focusAfter = null;

function dropHead(name, before) {
  const names = heads().map((each) => each.dataset.column).filter((each) => each !== name);
  names.splice(names.indexOf(before), 0, name);
  show(names);
}

// The dialog ---------------------------------------------------------------------------------------------------------

function moveRow(row, step) {
  const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
  if (!other) return;
  if (step < 0) other.before(row);
  else other.after(row);
}

function onClick(event) {
  const mover = event.target.closest("#column-list [data-move]");
  if (mover) {
    moveRow(mover.closest("li"), Number(mover.dataset.move));
    mover.focus();
    return;
  }
  if (!event.target.closest("#columns-usual")) return;
  const form = document.getElementById("columns-form");
  document.getElementById("dialog").close();
  show(form.dataset.usual.split(","));
}

function onInput(event) {
  if (event.target.id !== "columns-find") return;
  const wanted = event.target.value.trim().toLowerCase();
  for (const row of document.querySelectorAll("#column-list li")) row.hidden = !row.dataset.text.includes(wanted);
}

function onSubmit(event) {
  if (event.target.id !== "columns-form") return;
  event.preventDefault();
  const names = [...event.target.querySelectorAll("#column-list input:checked")].map((each) => each.value);
  document.getElementById("dialog").close();
  if (names.length) show(names);
}

function onDragStart(event) {
  dragged = event.target.closest?.(".items-table th[data-column], #column-list li") ?? null;
  if (dragged) event.dataTransfer.effectAllowed = "move";
}

function onDragOver(event) {
  const over = dragged && event.target.closest?.(dragged.matches("th") ? ".items-table th[data-column]" : "#column-list li");
  if (!over) return;
  event.preventDefault();
  if (dragged.matches("li") && over !== dragged) {
    const { top, height } = over.getBoundingClientRect();
    if (event.clientY < top + height / 2) over.before(dragged);
    else over.after(dragged);
  }
}

function onDrop(event) {
  const over = dragged?.matches("th") && event.target.closest?.(".items-table th[data-column]");
  if (over) event.preventDefault();
  if (over && over !== dragged) dropHead(dragged.dataset.column, over.dataset.column);
  dragged = null;
}

function settle() {
  for (const head of heads()) head.draggable = true;
  layOut();
  if (!focusAfter) return;
  const head = heads().find((each) => each.dataset.column === focusAfter);
  (head?.querySelector("a.sort") ?? head?.querySelector(".grip"))?.focus();
  focusAfter = null;
}

export function startColumns() {
  if (!document.getElementById("uq")) return;
  settle();
  document.body.addEventListener("htmx:afterSettle", settle);
  document.addEventListener("pointerdown", onPointerDown);
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", onClick);
  document.addEventListener("input", onInput);
  document.addEventListener("submit", onSubmit);
  document.addEventListener("dragstart", onDragStart);
  document.addEventListener("dragover", onDragOver);
  document.addEventListener("drop", onDrop);
}
