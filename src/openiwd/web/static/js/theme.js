/** Light and dark: the system's choice until one is made; the choice is a cookie, so that pages come in it. */
function choose(theme) {
  if (theme === "system") {
    delete document.documentElement.dataset.theme;
    document.cookie = "theme=; path=/; max-age=0; samesite=lax";
  } else {
    document.documentElement.dataset.theme = theme;
    document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  }
}

export function startTheme() {
  for (const radio of document.querySelectorAll("[data-theme-choice]")) {
    radio.addEventListener("change", () => choose(radio.value));
  }
  for (const button of document.querySelectorAll("[data-theme-toggle]")) {
    button.addEventListener("click", () => {
      const root = document.documentElement;
      const dark = root.dataset.theme
        ? root.dataset.theme === "dark"
        : matchMedia("(prefers-color-scheme: dark)").matches;
      choose(dark ? "light" : "dark");
    });
  }
}
