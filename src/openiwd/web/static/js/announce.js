/**
 * An offer is heard and, where nobody looks, shown by the browser: once, whatever number of tabs the agent has.
 * The sound is made here (two short tones), and can be switched off; browsers allow it after the first key or click.
 */
const MUTED_KEY = "openiwd.muted";
const LAST_KEY = "openiwd.announced";
const TONES = [
  { at: 0, hertz: 660 },
  { at: 0.14, hertz: 880 },
];
let context = null;

export function announce(offer, title) {
  const once = () => {
    if (localStorage.getItem(LAST_KEY) === offer) return;
    localStorage.setItem(LAST_KEY, offer);
    if (localStorage.getItem(MUTED_KEY) !== "1") play();
    if (document.hidden && "Notification" in window && Notification.permission === "granted") {
      new Notification(title, { tag: offer });
    }
  };
  if (navigator.locks) navigator.locks.request(LAST_KEY, once);
  else once();
}

function play() {
  if (context?.state !== "running") return;
  for (const { at, hertz } of TONES) {
    const tone = context.createOscillator();
    const loudness = context.createGain();
    const start = context.currentTime + at;
    tone.frequency.value = hertz;
    loudness.gain.setValueAtTime(0.0001, start);
    loudness.gain.exponentialRampToValueAtTime(0.15, start + 0.02);
    loudness.gain.exponentialRampToValueAtTime(0.0001, start + 0.13);
    tone.connect(loudness).connect(context.destination);
    tone.start(start);
    tone.stop(start + 0.14);
  }
  document.body.dataset.sounded = String(Number(document.body.dataset.sounded ?? 0) + 1);
}

function paint(button) {
  const on = localStorage.getItem(MUTED_KEY) !== "1";
  button.setAttribute("aria-pressed", String(on));
  const text = on ? button.dataset.on : button.dataset.off;
  button.setAttribute("aria-label", text);
  button.title = text;
}

/** The switch, and the first gesture after which a browser lets a page make sounds. */
export function startSound() {
  const allow = () => {
    context ??= new AudioContext();
    if (context.state === "suspended") context.resume();
  };
  for (const gesture of ["pointerdown", "keydown"]) addEventListener(gesture, allow, { once: true });
  const button = document.getElementById("sound");
  if (!button) return;
  paint(button);
  button.addEventListener("click", () => {
    localStorage.setItem(MUTED_KEY, button.getAttribute("aria-pressed") === "true" ? "1" : "0");
    paint(button);
  });
  addEventListener("storage", (event) => {
    if (event.key === MUTED_KEY) paint(button);
  });
}
