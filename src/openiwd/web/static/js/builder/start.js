/**
 * Puts builders where a page asks for them: `data-builder` names the builder, the hidden input in it holds the plain
 * value as JSON, `data-faults` what the server found wrong. An input is written only once something is changed.
 */
import { actionsEditor } from "./actions.js";
import { criteriaEditor } from "./criteria.js";
import { tableEditor } from "./decision_table.js";
import { relaxationEditor, requirementEditor } from "./requirement.js";
import { rulesEditor } from "./rules.js";
import { listInput } from "./values.js";
import { criteriaWords } from "./words.js";

const BUILDERS = {
  criteria: criteriaEditor,
  actions: actionsEditor,
  requirement: requirementEditor,
  relaxation: relaxationEditor,
  rules: rulesEditor,
  table: tableEditor,
  list: (values, onchange, { label, family }) => listInput(label, values, { family }, onchange),
};

function build(place) {
  const input = place.querySelector("input[type=hidden]");
  const words = place.querySelector("[data-words]");
  const say = words && criteriaWords();
  let begun = false;
  const changed = (value) => {
    if (!begun) return;
    input.value = JSON.stringify(value ?? null);
    input.dispatchEvent(new Event("change", { bubbles: true }));
    say?.(value ?? null, (told) => {
      words.textContent = told;
    });
  };
  const { builder, label, family, stem } = place.dataset;
  const editor = BUILDERS[builder](JSON.parse(input.value || "null"), changed, {
    faults: JSON.parse(place.dataset.faults || "{}"),
    path: input.name,
    label,
    family,
    stem,
  });
  begun = true;
  place.prepend(editor);
}

export function startBuilders() {
  for (const place of document.querySelectorAll("[data-builder]")) build(place);
  const form = document.querySelector("form[data-guard]");
  if (!form) return;
  let touched = form.dataset.guard === "touched";
  form.addEventListener("input", () => (touched = true));
  form.addEventListener("change", () => (touched = true));
  form.addEventListener("submit", () => (touched = false));
  addEventListener("beforeunload", (event) => touched && event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "s" && !form.matches(":has(fieldset:disabled)")) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
}
