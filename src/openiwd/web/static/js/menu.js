/** Menus that a button opens, and the side navigation of narrow screens. */
const opener = (id) => document.querySelector(`[data-menu="${id}"]`);

function close(menu, refocus) {
  menu.hidden = true;
  const button = opener(menu.id);
  button?.setAttribute("aria-expanded", "false");
  if (refocus) button?.focus();
}

function closeAll(except) {
  for (const menu of document.querySelectorAll(".menu:not([hidden])")) if (menu !== except) close(menu, false);
}

function open(button) {
  const menu = document.getElementById(button.dataset.menu);
  if (!menu) return;
  const show = menu.hidden;
  closeAll(menu);
  menu.hidden = !show;
  button.setAttribute("aria-expanded", String(show));
  if (show) menu.querySelector('[role="menuitem"]')?.focus();
}

export function startMenus() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-menu]");
    if (button) return open(button);
    const item = event.target.closest('.menu [role="menuitem"]');
    if (item) return setTimeout(() => closeAll(), 0);
    if (!event.target.closest(".menu")) closeAll();
    const toggle = event.target.closest("[data-side-toggle]");
    if (toggle) {
      const shown = document.body.classList.toggle("side-open");
      toggle.setAttribute("aria-expanded", String(shown));
    } else if (!event.target.closest(".side")) {
      document.body.classList.remove("side-open");
    }
  });
  document.addEventListener("keydown", (event) => {
    const menu = document.querySelector(".menu:not([hidden])");
    if (!menu) return;
    if (event.key === "Escape") {
      event.stopImmediatePropagation();
      close(menu, true);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const items = [...menu.querySelectorAll('[role="menuitem"]')];
      const step = event.key === "ArrowDown" ? 1 : -1;
      items[(items.indexOf(document.activeElement) + step + items.length) % items.length]?.focus();
    } else if (/^[1-9]$/.test(event.key)) {
      const key = [...menu.querySelectorAll("kbd")].find((each) => each.textContent === event.key);
      key?.closest("button")?.click();
    }
  });
}
