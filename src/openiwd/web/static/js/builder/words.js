/** Criteria and actions in words, as the server says them. */
const WAIT_MS = 250;

async function ask(body) {
  const headers = { ...JSON.parse(document.body.getAttribute("hx-headers")), "Content-Type": "application/json" };
  const answer = await fetch("/configuration/words", { method: "POST", headers, body: JSON.stringify(body) });
  return answer.ok ? answer.json() : null;
}

/** A function that asks for the words of the last of many changes. */
function lately(run) {
  let timer = null;
  let asked = 0;
  return (body, tell) => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const mine = ++asked;
      const told = await run(body).catch(() => null);
      if (told && mine === asked) tell(told);
    }, WAIT_MS);
  };
}

export const criteriaWords = () => {
  const late = lately(ask);
  return (when, tell) => late({ when, then: [] }, (told) => tell(told.when));
};

const lateActions = lately(ask);
export const actionWords = (then, tell) => lateActions({ when: null, then }, (told) => tell(told.then));
