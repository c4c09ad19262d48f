/**
 * Asks for parts of the page; the promise is kept when the answer is in it. Each part has a line of its own: one
 * answer at a time is under way, and of those who wait only the last is asked. htmx alone would put all that
 * scripts ask for into one line with one place in it, where the refresh of one part drives out another part's.
 */
const lines = new Map();

/** A failure has been told by a toast already; it must not stop what comes after. */
export function load(method, path, options) {
  const { target } = options;
  const ask = () => htmx.ajax(method, path, { source: target, ...options }).catch(() => {});
  const line = lines.get(target);
  if (!line) {
    lines.set(target, { next: null });
    return run(target, ask);
  }
  if (line.next) {
    line.next.ask = ask;
  } else {
    line.next = { ask };
    line.next.done = new Promise((resolve) => {
      line.next.resolve = resolve;
    });
  }
  return line.next.done;
}

/**
 * As `load`, keeping the reader's place: `note` is called right before the old content goes, and gives what brings
 * the place back. The focus is nobody's then, or it has moved on and is left where it is.
 */
export async function loadKeeping(method, path, options, note) {
  let back = null;
  const onSwap = ({ detail }) => {
    if (detail.target === document.querySelector(options.target)) back = note();
  };
  document.body.addEventListener("htmx:beforeSwap", onSwap);
  try {
    await load(method, path, options);
  } finally {
    document.body.removeEventListener("htmx:beforeSwap", onSwap);
  }
  back?.();
}

/** Whether the focus went with what was replaced. */
export function isFocusLost() {
  return !document.activeElement || document.activeElement === document.body;
}

function run(target, ask) {
  return ask().then(() => {
    const { next } = lines.get(target);
    lines.delete(target);
    if (!next) return;
    lines.set(target, { next: null });
    next.resolve(run(target, next.ask));
  });
}
