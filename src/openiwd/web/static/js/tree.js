/**
 * The business tree: one stop for the Tab key, moved through by arrow keys, Home, End and first letters. What is folded
 * and where the focus is outlives every refresh.
 */
const FOLDED_KEY = "openiwd.folded";
let current = null;

const tree = () => document.querySelector('#tree [role="tree"]');
const nodes = () => [...document.querySelectorAll('#tree [role="treeitem"]')];
const isShown = (node) => node.parentElement.closest('[aria-expanded="false"]') === null;
const shown = () => nodes().filter(isShown);
const linkOf = (node) => node.querySelector(":scope > .node > a.name");

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
    node.querySelector(":scope > ul").hidden = isClosed;
  }
  const usable = all.filter(isShown);
  const stop =
    usable.find((node) => node.dataset.path === current) ??
    usable.find((node) => node.getAttribute("aria-selected") === "true") ??
    usable[0];
  for (const node of all) {
    const is = node === stop;
    node.tabIndex = is ? 0 : -1;
    const overdue = node.querySelector(":scope > .node > a.overdue");
    if (overdue) overdue.tabIndex = is ? 0 : -1;
  }
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
      else focus(node.parentElement.closest('[role="treeitem"]'));
    },
    Enter: () => linkOf(node).click(),
    " ": () => linkOf(node).click(),
  };
  const move = moves[event.key];
  if (!move) return;
  event.preventDefault();
  event.stopPropagation();
  move();
}

export function startTree() {
  if (!tree()) return;
  paint();
  document.getElementById("tree").addEventListener("keydown", onKey);
  document.addEventListener("click", (event) => {
    const twist = event.target.closest("[data-twist]");
    const node = event.target.closest('#tree [role="treeitem"]');
    if (node) current = node.dataset.path;
    if (twist) fold(node, isOpen(node));
    else if (node) paint();
  });
  // The tree is replaced as a whole: the focus goes back to where it was in it.
  let held = null;
  document.body.addEventListener("htmx:oobBeforeSwap", (event) => {
    if (event.detail.target.id !== "tree") return;
    const focused = document.activeElement?.closest?.('#tree [role="treeitem"]');
    held = focused ? [focused.dataset.path, document.activeElement.matches("a.overdue")] : null;
  });
  document.body.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target.id !== "tree") return;
    paint();
    if (!held) return;
    const node = nodes().find((each) => each.dataset.path === held[0]);
    const place = held[1] ? node?.querySelector(":scope > .node > a.overdue") : node;
    (place ?? node)?.focus({ preventScroll: true });
    held = null;
  });
}
