/**
 * The Universal Queue: moving, selecting, acting on many, and following the live order without losing the
 * reader's place. Selection is by item, or all that match but some, so it outlives every refresh.
 */
import { isFocusLost, load, loadKeeping } from "./load.js";
import { closeDrawer, openItemId, refreshDrawer } from "./drawer.js";
import { Live, debounced } from "./live.js";
import { isBusy, isTyping } from "./shortcut.js";

const MOST_ROWS = 480;
/** What is selected: items, or all that match but for those in `excluded`. */
const selected = new Set();
const excluded = new Set();
let allMatching = false;
let at = null;

const rows = () => [...document.querySelectorAll("#rows > tr[data-id]")];
const idOf = (row) => row.dataset.id;

function paint() {
  const open = openItemId();
  const all = rows();
  for (const row of all) {
    const on = isSelected(row);
    row.classList.toggle("is-selected", on);
    row.querySelector("input").checked = on;
    row.classList.toggle("is-open", idOf(row) === open);
    const link = row.querySelector(".subject a");
    if (idOf(row) === open) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  const box = document.getElementById("select-all");
  if (box) {
    const shown = all.filter(isSelected).length;
    box.checked = shown > 0 && shown === all.length;
    box.indeterminate = shown > 0 && shown < all.length;
  }
  const bar = document.getElementById("bulkbar");
  if (!bar) return;
  const usable = bar.querySelector("[data-bulk]") !== null;
  bar.hidden = (!allMatching && selected.size === 0) || !usable;
  document.getElementById("listfoot").hidden = !bar.hidden;
  document.getElementById("bulk-count").textContent = selectionText(bar.dataset);
  const every = document.getElementById("select-matching");
  every.hidden = allMatching;
  every.nextElementSibling.hidden = allMatching;
}

const isSelected = (row) => (allMatching ? !excluded.has(idOf(row)) : selected.has(idOf(row)));

function selectionText(texts) {
  if (!allMatching) return selected.size === 1 ? texts.one : texts.other.replace("{n}", String(selected.size));
  const { matching } = document.getElementById("bulk-count").dataset;
  return (excluded.size ? texts.but : texts.all).replace("{text}", matching).replace("{n}", String(excluded.size));
}

function clearSelection() {
  selected.clear();
  excluded.clear();
  allMatching = false;
}

function toggle(row, on = !isSelected(row)) {
  const set = allMatching ? excluded : selected;
  if (on !== allMatching) set.add(idOf(row));
  else set.delete(idOf(row));
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
  if (!allMatching && !selected.size) return;
  const query = document.getElementById("list").dataset.query || "?";
  const values = allMatching ? { query, exclude: [...excluded].join(",") } : { ids: [...selected].join(",") };
  const path = name === "export" ? "/queue/export/dialog" : "/bulk/dialog";
  load("POST", path, { target: "#dialog", swap: "innerHTML", values: { action: name, ...values } });
}

async function refresh() {
  const list = document.getElementById("list");
  const body = document.getElementById("rows");
  if (!list || document.hidden) return;
  if (!body) return load("GET", `/${list.dataset.query}`, { target: "#list", swap: "outerHTML" });
  const shown = rows().length;
  const query = list.dataset.query ? `${list.dataset.query}&` : "?";
  const isLong = shown > MOST_ROWS;
  document.getElementById("still").hidden = !isLong;
  // So many rows would be dear to bring again: they stand still, and what is counted goes on.
  if (isLong) return load("GET", `/queue/refresh${query}limit=1`, { target: "#rows", swap: "none" });
  const limit = Math.max(shown, 60);
  // Rows that were loaded meanwhile would go with an answer that knows nothing of them: it is asked anew.
  const keepMore = ({ detail }) => {
    if (detail.target.id !== "rows" || rows().length <= limit) return;
    detail.shouldSwap = false;
    document.body.dispatchEvent(new Event("itemChanged"));
  };
  document.body.addEventListener("htmx:beforeSwap", keepMore);
  try {
    const address = `/queue/refresh${query}limit=${limit}`;
    await loadKeeping("GET", address, { target: "#rows", swap: "innerHTML" }, place);
  } finally {
    document.body.removeEventListener("htmx:beforeSwap", keepMore);
  }
}

/** Where the reader is in the list: how far down, and at which row. */
function place() {
  const scroller = document.getElementById("scroller");
  const { scrollLeft, scrollTop } = scroller;
  const focused = document.activeElement?.closest?.("#rows > tr[data-id]");
  const focus = focused ? [idOf(focused), document.activeElement.matches("input")] : null;
  return () => {
    scroller.scrollTop = scrollTop;
    scroller.scrollLeft = scrollLeft;
    if (!focus || !isFocusLost()) return;
    const row = rows().find((each) => idOf(each) === focus[0]);
    row?.querySelector(focus[1] ? "input" : ".subject a")?.focus({ preventScroll: true });
  };
}

function onClick(event) {
  const target = event.target;
  const bulk = target.closest("[data-bulk]");
  if (bulk) return act(bulk.dataset.bulk);
  if (target.closest("#bulk-clear")) {
    clearSelection();
    return paint();
  }
  if (target.closest("#select-matching")) {
    clearSelection();
    allMatching = true;
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

/** Whoever types into a field of the modifying form means it to change. */
function onInput(event) {
  const tick = event.target.closest(".tickrow")?.querySelector("[name=tick]");
  if (tick && event.target !== tick) tick.checked = true;
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || isBusy()) return;
  if (event.key === "Escape" && !isTyping()) {
    if ((allMatching || selected.size) && !openItemId()) clearSelection();
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

/** The counts of the saved filters; not while somebody is at one of them. */
function refreshViews() {
  const views = document.getElementById("views");
  if (document.hidden || views.contains(document.activeElement)) return;
  load("GET", "/queue/views", { target: "#views", swap: "innerHTML" });
}

function paintViews() {
  const base = document.getElementById("list")?.dataset.base;
  for (const view of document.querySelectorAll("#views [data-view]")) {
    const is = view.dataset.view === base;
    view.classList.toggle("is-current", is);
    if (is) view.querySelector("a.name").setAttribute("aria-current", "true");
    else view.querySelector("a.name").removeAttribute("aria-current");
  }
}

export function startQueue() {
  if (!document.getElementById("uq")) return;
  paint();
  document.addEventListener("click", onClick);
  document.addEventListener("change", onChange);
  document.addEventListener("input", onInput);
  document.addEventListener("keydown", onKey);
  document.addEventListener("drawer:changed", paint);
  document.addEventListener("submit", (event) => {
    if (event.target.id === "export-form") setTimeout(() => document.getElementById("dialog").close(), 0);
  });
  document.body.addEventListener("htmx:afterSettle", () => {
    paint();
    paintViews();
  });
  // Another search is another meaning of "all that match"; ticked items stay ticked.
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "list" || !allMatching) return;
    if (event.detail.pathInfo?.requestPath !== `/${document.getElementById("list").dataset.query}`) clearSelection();
  });
  // What is told is read out when it changes, and not at every refresh.
  document.body.addEventListener("htmx:oobBeforeSwap", ({ detail }) => {
    if (detail.target.id !== "search-told") return;
    detail.shouldSwap = detail.target.textContent.trim() !== detail.fragment.textContent.trim();
  });
  document.body.addEventListener("showList", (event) => {
    const { href } = event.detail;
    load("GET", href, { target: "#list", swap: "outerHTML", push: href });
  });
  document.body.addEventListener("bulkDone", () => {
    clearSelection();
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
  setInterval(refreshViews, 60000);
}
