// The editor of a policy: after a condition came or went, the focus is where the work goes on.
(function () {
  "use strict";

  document.addEventListener("htmx:afterSettle", () => {
    const changed = document.querySelector("#conditions[data-focus]");
    if (!changed) {
      return;
    }
    const next = document.getElementById(changed.dataset.focus) || changed;
    delete changed.dataset.focus;
    next.focus();
  });
})();
