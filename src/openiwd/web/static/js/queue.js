/**
 * The Universal Queue: moving, selecting, acting on many, and following the live order without losing the
 * reader's place. Selection is by item, so it outlives every refresh.
 */
import { load } from "./load.js";
import { closeDrawer, openItemId, refreshDrawer } from "./drawer.js";
import { Live, debounced } from "./live.js";
import { isBusy, isTyping } from "./shortcut.js";

const MOST_ROWS = 480;
const FOLDED_KEY = "openiwd.folded";
const selected = new Set();
let at = null;

const rows = () => [...document.querySelectorAll("#rows > tr[data-id]")];
const idOf = (row) => row.dataset.id;

function paint() {
  const open = openItemId();
  const all = rows();
  for (const row of all) {
    const on = selected.has(idOf(row));
    row.classList.toggle("is-selected", on);
    row.querySelector("input").checked = on;
    row.classList.toggle("is-open", idOf(row) === open);
    const link = row.querySelector(".subject a");
    if (idOf(row) === open) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  const box = document.getElementById("select-all");
  if (box) {
    const shown = all.filter((row) => selected.has(idOf(row))).length;
    box.checked = shown > 0 && shown === all.length;
    box.indeterminate = shown > 0 && shown < all.length;
  }
  const bar = document.getElementById("bulkbar");
  if (!bar) return;
  const usable = bar.querySelector("[data-bulk]") !== null;
  bar.hidden = selected.size === 0 || !usable;
  document.getElementById("listfoot").hidden = !bar.hidden;
  const text = selected.size === 1 ? bar.dataset.one : bar.dataset.other.replace("{n}", String(selected.size));
  document.getElementById("bulk-count").textContent = text;
}

function toggle(row, on = !selected.has(idOf(row))) {
  if (on) selected.add(idOf(row));
  else selected.delete(idOf(row));
}

function move(step) {
  const all = rows();
  if (!all.length) return;
  const here = all.findIndex((row) => idOf(row) === at);
  const next = all[Math.max(0, Math.min(all.length - 1, here + step))];
  at = idOf(next);
  const link = next.querySelector(".subject a");
  link.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  if (openItemId() && openItemId() !== at) link.click();
}

function act(name) {
  if (!selected.size) return;
  load("POST", "/bulk/dialog", {
    target: "#dialog",
    swap: "innerHTML",
    values: { action: name, ids: [...selected].join(",") },
  });
}

async function refresh() {
  const list = document.getElementById("list");
  const body = document.getElementById("rows");
  if (!list || document.hidden) return;
  if (!body) return load("GET", `/${list.dataset.query}`, { target: "#list", swap: "outerHTML" });
  const shown = rows().length;
  if (shown > MOST_ROWS) return;
  const query = list.dataset.query ? `${list.dataset.query}&` : "?";
  const scroller = document.getElementById("scroller");
  const top = scroller.scrollTop;
  const focused = document.activeElement?.closest?.("#rows > tr[data-id]");
  const focus = focused ? [idOf(focused), document.activeElement.matches("input")] : null;
  await load("GET", `/queue/refresh${query}limit=${Math.max(shown, 60)}`, { target: "#rows", swap: "innerHTML" });
  scroller.scrollTop = top;
  if (focus) {
    const row = rows().find((each) => idOf(each) === focus[0]);
    row?.querySelector(focus[1] ? "input" : ".subject a")?.focus({ preventScroll: true });
  }
}

// Folded branches of the tree ----------------------------------------------------------------------------------

function folded() {
  try {
    return new Set(JSON.parse(sessionStorage.getItem(FOLDED_KEY) ?? "[]"));
  } catch {
    return new Set();
  }
}

function paintTree() {
  const closed = folded();
  for (const twist of document.querySelectorAll("#tree [data-twist]")) {
    const isClosed = closed.has(twist.dataset.twist);
    twist.setAttribute("aria-expanded", String(!isClosed));
    const branch = twist.closest("li").querySelector(":scope > ul");
    if (branch) branch.hidden = isClosed;
  }
}

function fold(twist) {
  const closed = folded();
  const path = twist.dataset.twist;
  if (!closed.delete(path)) closed.add(path);
  sessionStorage.setItem(FOLDED_KEY, JSON.stringify([...closed]));
  paintTree();
}

function onClick(event) {
  const target = event.target;
  const twist = target.closest("[data-twist]");
  if (twist) return fold(twist);
  const bulk = target.closest("[data-bulk]");
  if (bulk) return act(bulk.dataset.bulk);
  if (target.closest("#bulk-clear")) {
    selected.clear();
    return paint();
  }
  const row = target.closest("#rows > tr[data-id]");
  if (!row || target.closest("input")) return;
  at = idOf(row);
  if (!target.closest("a")) row.querySelector(".subject a").click();
}

function onChange(event) {
  if (event.target.id === "select-all") for (const row of rows()) toggle(row, event.target.checked);
  const row = event.target.closest("#rows > tr[data-id]");
  if (row) toggle(row, event.target.checked);
  if (row || event.target.id === "select-all") paint();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || isBusy()) return;
  if (event.key === "Escape" && !isTyping()) {
    if (selected.size && !openItemId()) selected.clear();
    else closeDrawer();
    return paint();
  }
  if (isTyping()) return;
  const key = event.key.toLowerCase();
  if (key === "j") move(1);
  else if (key === "k") move(-1);
  else if (key === "x") {
    const row = rows().find((each) => idOf(each) === at) ?? rows()[0];
    if (!row) return;
    at = idOf(row);
    toggle(row);
    paint();
  }
}

export function startQueue() {
  if (!document.getElementById("uq")) return;
  paintTree();
  paint();
  document.addEventListener("click", onClick);
  document.addEventListener("change", onChange);
  document.addEventListener("keydown", onKey);
  document.addEventListener("drawer:changed", paint);
  document.body.addEventListener("htmx:afterSettle", () => {
    paintTree();
    paint();
  });
  document.body.addEventListener("bulkDone", () => {
    selected.clear();
    paint();
    soon();
  });
  const soon = debounced(refresh, { wait: 400, pause: 1500 });
  const soonOpen = debounced(refreshDrawer, { wait: 300, pause: 1000 });
  document.body.addEventListener("itemChanged", soon);
  new Live(["items", "ruleSets"], {
    onEvents: (_, told) => {
      soon();
      if (told.id && told.id === openItemId()) soonOpen();
    },
    onBack: soon,
  });
  // Priorities move even when nothing happens.
  setInterval(soon, 30000);
}
