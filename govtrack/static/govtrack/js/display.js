// The reader's display mode and text size, put on <html> before the first paint, so that nothing flashes.
(function () {
  "use strict";

  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function stored(name, fallback) {
    try {
      return window.localStorage.getItem("govtrack-" + name) || fallback;
    } catch (error) {
      return fallback; // storage is switched off: the choice lasts for the page
    }
  }

  function apply() {
    const mode = root.dataset.displayChoice;
    root.dataset.krdsMode = mode === "high-contrast" || (mode === "system" && dark.matches) ? "high-contrast" : "light";
    root.dispatchEvent(new CustomEvent("govtrack:display"));
  }

  root.dataset.displayChoice = stored("display", "light");
  root.dataset.textSize = stored("text-size", "medium");
  root.classList.add("js");
  apply();
  dark.addEventListener("change", apply);

  // Called by the display menu (govtrack.js): name is "display" or "text-size".
  window.govtrackDisplay = function (name, value) {
    root.dataset[name === "display" ? "displayChoice" : "textSize"] = value;
    try {
      window.localStorage.setItem("govtrack-" + name, value);
    } catch (error) {
      // as above
    }
    apply();
  };
})();
