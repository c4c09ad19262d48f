/** A tree or list of the configuration: arrows walk through it; dragging, or Alt with an arrow, moves a line. */
import { load } from "./load.js";

const tree = () => document.getElementById("conf-tree");
const idOf = (link) => link.closest("li").dataset.id;

function move(link, where, target) {
  const place = tree();
  if (!place?.dataset.moves) return;
  const id = idOf(link);
  const [path, query] = place.dataset.moves.split("?");
  const current = place.querySelector("[aria-current]");
  const values = { where, target, current: current ? idOf(current) : "", here: location.pathname };
  load("POST", `${path}/${encodeURIComponent(id)}/move?${query ?? ""}`, { target: place, swap: "outerHTML", values }).then(() => {
    document.querySelector(`#conf-tree li[data-id="${CSS.escape(id)}"] > a`)?.focus();
  });
}

const sibling = (item, step) => item?.[step < 0 ? "previousElementSibling" : "nextElementSibling"];

/** Where a key with Alt moves a line: among its siblings, out of its parent, into the sibling before it. */
function byKey(link, key) {
  const item = link.closest("li");
  const parent = item.parentElement.closest("li");
  if (key === "ArrowUp" && sibling(item, -1)) return ["before", sibling(item, -1).dataset.id];
  if (key === "ArrowDown" && sibling(item, 1)) return ["after", sibling(item, 1).dataset.id];
  if (tree().hasAttribute("data-flat")) return null;
  if (key === "ArrowLeft" && parent) return ["after", parent.dataset.id];
  if (key === "ArrowRight" && sibling(item, -1)) return ["into", sibling(item, -1).dataset.id];
  return null;
}

/** Which part of a line the pointer is over: above it, below it, or in it. */
function zone(link, event) {
  const box = link.getBoundingClientRect();
  const part = (event.clientY - box.top) / box.height;
  if (tree().hasAttribute("data-flat")) return part < 0.5 ? "before" : "after";
  return part < 0.28 ? "before" : part > 0.72 ? "after" : "into";
}

export function startConfTree() {
  if (!tree()) return;
  tree().querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  let dragged = null;
  const unmark = () => document.querySelectorAll("#conf-tree [data-drop]").forEach((each) => delete each.dataset.drop);
  document.addEventListener("keydown", (event) => {
    const link = event.target.closest?.("#conf-tree a");
    if (!link) return;
    if (event.altKey) {
      const found = byKey(link, event.key);
      if (event.key.startsWith("Arrow")) event.preventDefault();
      if (found) move(link, ...found);
      return;
    }
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    const links = [...tree().querySelectorAll("a")];
    event.preventDefault();
    links[links.indexOf(link) + (event.key === "ArrowUp" ? -1 : 1)]?.focus();
  });
  document.addEventListener("dragstart", (event) => {
    dragged = event.target.closest?.("#conf-tree a") ?? null;
    if (dragged) event.dataTransfer.setData("text/plain", idOf(dragged));
  });
  document.addEventListener("dragover", (event) => {
    const link = event.target.closest?.("#conf-tree a");
    unmark();
    if (!dragged || !link || dragged.closest("li").contains(link)) return;
    event.preventDefault();
    link.dataset.drop = zone(link, event);
  });
  document.addEventListener("drop", (event) => {
    const link = event.target.closest?.("#conf-tree a");
    if (!dragged || !link || dragged.closest("li").contains(link)) return;
    event.preventDefault();
    move(dragged, zone(link, event), idOf(link));
  });
  document.addEventListener("dragend", () => {
    unmark();
    dragged = null;
  });
}
