/**
 * The business tree: one stop for the Tab key, moved through by arrow keys, Home, End and first letters. What is folded
 * and where the focus is outlives every refresh.
 */
import { load } from "./load.js";

const FOLDED_KEY = "openiwd.folded";
let current = null;

const tree = () => document.querySelector('#tree [role="tree"]');
const nodes = () => [...document.querySelectorAll('#tree [role="treeitem"]')];
const groupOf = (node) => node.closest("li").querySelector(":scope > ul");
const isShown = (node) => node.closest("ul[hidden]") === null;
const shown = () => nodes().filter(isShown);

function folded() {
  try {
    return new Set(JSON.parse(sessionStorage.getItem(FOLDED_KEY) ?? "[]"));
  } catch {
    return new Set();
  }
}

function paint() {
  const closed = folded();
  const all = nodes();
  for (const node of all) {
    if (!node.hasAttribute("aria-expanded")) continue;
    const isClosed = closed.has(node.dataset.path);
    node.setAttribute("aria-expanded", String(!isClosed));
    groupOf(node).hidden = isClosed;
  }
  const usable = all.filter(isShown);
  const stop =
    usable.find((node) => node.dataset.path === current) ??
    usable.find((node) => node.getAttribute("aria-selected") === "true") ??
    usable[0];
  for (const node of all) node.tabIndex = node === stop ? 0 : -1;
}

function fold(node, close) {
  const closed = folded();
  if (close) closed.add(node.dataset.path);
  else closed.delete(node.dataset.path);
  sessionStorage.setItem(FOLDED_KEY, JSON.stringify([...closed]));
  paint();
}

function focus(node) {
  if (!node) return;
  current = node.dataset.path;
  paint();
  node.focus();
}

const isOpen = (node) => node.getAttribute("aria-expanded") === "true";

function onKey(event) {
  const node = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey || !node.matches?.('#tree [role="treeitem"]')) return;
  const all = shown();
  const here = all.indexOf(node);
  const moves = {
    ArrowDown: () => focus(all[here + 1]),
    ArrowUp: () => focus(all[here - 1]),
    Home: () => focus(all[0]),
    End: () => focus(all.at(-1)),
    ArrowRight: () => {
      if (node.getAttribute("aria-expanded") === "false") fold(node, false);
      else if (isOpen(node)) focus(all[here + 1]);
    },
    ArrowLeft: () => {
      if (isOpen(node)) fold(node, true);
      else focus(node.closest("ul").closest("li")?.querySelector('[role="treeitem"]'));
    },
    Enter: () => node.click(),
    " ": () => node.click(),
    o: () => openOverdue(node.querySelector(".overdue")),
  };
  const move = moves[event.key];
  if (!move) return;
  event.preventDefault();
  event.stopPropagation();
  move();
}

/** The number of overdue items stands in the node's link and leads to those items. */
function openOverdue(number) {
  if (!number) return;
  const query = new URL(number.closest("a").href).searchParams;
  for (const name of [...new Set(query.keys())]) {
    if (!["category", "unclassified", "columns", "sort"].includes(name)) query.delete(name);
  }
  query.set("overdue", "1");
  const href = `/?${query}`;
  load("GET", href, { target: "#list", swap: "outerHTML", push: href });
}

export function startTree() {
  if (!tree()) return;
  paint();
  document.getElementById("tree").addEventListener("keydown", onKey);
  document.addEventListener(
    "click",
    (event) => {
      const node = event.target.closest("#tree li")?.querySelector('[role="treeitem"]');
      if (!node) return;
      current = node.dataset.path;
      if (event.target.closest(".twist")) return fold(node, isOpen(node));
      const overdue = event.target.closest(".overdue");
      if (overdue && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
        event.preventDefault();
        event.stopPropagation();
        openOverdue(overdue);
      }
      paint();
    },
    { capture: true },
  );
  // The tree is replaced as a whole: the focus goes back to where it was in it.
  let held = null;
  document.body.addEventListener("htmx:oobBeforeSwap", (event) => {
    if (event.detail.target.id !== "tree") return;
    held = document.activeElement?.closest?.('#tree [role="treeitem"]')?.dataset.path ?? null;
  });
  document.body.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target.id !== "tree") return;
    paint();
    if (held !== null) nodes().find((each) => each.dataset.path === held)?.focus({ preventScroll: true });
    held = null;
  });
}
