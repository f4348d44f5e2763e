// Small behaviours of every page: menus, display settings, double submits, unsaved changes, focus, htmx failures.
// Each is found by an attribute, so pages need no script of their own.
(function () {
  "use strict";

  const root = document.documentElement;
  const narrow = window.matchMedia("(max-width: 767px)");

  function announce(text) {
    const live = document.getElementById("live");
    if (live) {
      live.textContent = "";
      window.setTimeout(() => (live.textContent = text), 50);
    }
  }

  // Drop-down menus (<details class="gt-menu">): one open at a time, closed by Escape, by leaving, by a click outside.
  function closeDrops(except) {
    document.querySelectorAll("details.gt-menu[open]").forEach((drop) => {
      if (drop !== except) {
        drop.open = false;
      }
    });
  }

  document.addEventListener("click", (event) => closeDrops(event.target.closest("details.gt-menu")));
  document.addEventListener("focusin", (event) => closeDrops(event.target.closest("details.gt-menu")));
  document.addEventListener("keydown", (event) => {
    const drop = event.key === "Escape" && document.querySelector("details.gt-menu[open]");
    if (drop) {
      drop.open = false;
      drop.querySelector("summary").focus();
    }
  });

  // Mobile menu: the browser keeps the focus inside a modal dialog and closes it with Escape.
  const menu = document.getElementById("mobile-nav");
  const menuButton = document.querySelector('[aria-controls="mobile-nav"]');
  if (menu && menuButton) {
    menuButton.addEventListener("click", () => {
      menu.showModal();
      menuButton.setAttribute("aria-expanded", "true");
    });
    menu.addEventListener("click", (event) => {
      if (event.target === menu || event.target.closest("[data-close-dialog]")) {
        menu.close();
      }
    });
    menu.addEventListener("close", () => menuButton.setAttribute("aria-expanded", "false"));
    window.matchMedia("(min-width: 1024px)").addEventListener("change", () => menu.open && menu.close());
  }

  // Display settings: display.js applies and keeps them.
  function markChoices() {
    document.querySelectorAll("button[data-display]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.display === root.dataset.displayChoice));
    });
    document.querySelectorAll("button[data-text-size]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.textSize === root.dataset.textSize));
    });
  }

  document.addEventListener("click", (event) => {
    const display = event.target.closest("button[data-display]");
    const size = event.target.closest("button[data-text-size]");
    if (display) {
      window.govtrackDisplay("display", display.dataset.display);
    } else if (size) {
      window.govtrackDisplay("text-size", size.dataset.textSize);
    } else {
      return;
    }
    markChoices();
  });
  markChoices();

  // A form is sent once: a second click while the first is on its way does nothing.
  let leaving = false;
  let changed = false;
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") {
      return;
    }
    if (changed && !form.matches("[data-warn-unsaved]")) {
      return; // the language switch, say: the browser asks first, and nothing is sent when the reader stays
    }
    if (form.dataset.sent) {
      event.preventDefault();
      announce(document.body.dataset.messageBusy);
      return;
    }
    form.dataset.sent = "true";
    leaving = true;
    form.querySelectorAll("button[type=submit]").forEach((button) => button.setAttribute("aria-busy", "true"));
  });
  // Back again, from the browser's memory of the page: the form may be sent anew.
  window.addEventListener("pageshow", () => {
    leaving = false;
    document.querySelectorAll("form[data-sent]").forEach((form) => {
      delete form.dataset.sent;
      form.querySelectorAll("[aria-busy]").forEach((button) => button.removeAttribute("aria-busy"));
    });
  });

  // <form data-warn-unsaved>: leaving with changes asks first.
  document.addEventListener("input", (event) => {
    changed = changed || Boolean(event.target.closest("form[data-warn-unsaved]"));
  });
  window.addEventListener("beforeunload", (event) => {
    if (changed && !leaving) {
      event.preventDefault();
    }
  });

  // Filters fold away on a narrow screen, unless one of them has an error to show.
  document.querySelectorAll("details[data-fold-when-narrow]:not([data-keep-open])").forEach((filter) => {
    filter.open = !narrow.matches;
  });

  // What has gone wrong is where the reader's focus goes.
  const first = document.querySelector("[data-focus-on-load]");
  if (first) {
    first.focus();
  }

  // htmx: say it when a part of the page could not be brought up to date.
  document.addEventListener("htmx:responseError", (event) => {
    const signedOut = event.detail.xhr.status === 401 || event.detail.xhr.status === 403;
    announce(signedOut ? document.body.dataset.messageSignedOut : document.body.dataset.messageFailed);
  });
  document.addEventListener("htmx:sendError", () => announce(document.body.dataset.messageFailed));
})();
