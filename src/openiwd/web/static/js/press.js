/** A live refresh must not put another element under a finger that is down: the click would be lost. */
let down = false;

addEventListener("pointerdown", () => (down = true), true);
for (const name of ["pointerup", "pointercancel", "blur"]) addEventListener(name, () => (down = false), true);

/** While a button is pressed nothing is swapped into the place; it is asked for again instead. */
export function holdWhilePressed(place, again) {
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target !== place || !down) return;
    event.detail.shouldSwap = false;
    again();
  });
}
