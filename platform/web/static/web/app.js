/* Comfort only: shortcuts, menus that close, focus and messages after a swap. Every page works without it. */
(function () {
  "use strict";
  var page = document;

  function closeMenus(except) {
    page.querySelectorAll("details.menu[open]").forEach(function (menu) {
      if (menu !== except) menu.open = false;
    });
  }

  page.addEventListener("click", function (event) {
    closeMenus(event.target.closest("details.menu"));
    if (event.target.closest("[data-print]")) {
      window.print();
      return;
    }
    var copier = event.target.closest("[data-copy]");
    if (copier && navigator.clipboard) {
      navigator.clipboard.writeText(copier.dataset.copy).then(function () {
        say(copier.dataset.copied || "");
      });
      return;
    }
    var phrase = event.target.closest("[data-fill]");
    if (!phrase) return;
    var field = page.querySelector(phrase.dataset.fill);
    field.value = (field.value ? field.value + "\n" : "") + phrase.dataset.text;
    field.focus();
  });

  /* A press that was already sent is not sent twice; the key in the form guards the rest. */
  page.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    window.setTimeout(function () {
      delete form.dataset.sent;
    }, 4000);
  });

  page.addEventListener("keydown", function (event) {
    var key = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && key === "k") {
      var search = page.getElementById("q");
      if (search && search.offsetParent) {
        event.preventDefault();
        search.focus();
        search.select();
      }
      return;
    }
    if (key === "escape") {
      var open = page.querySelector("details.menu[open]");
      if (open) {
        open.open = false;
        open.querySelector("summary").focus();
      }
      return;
    }
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.ctrlKey || event.metaKey || event.altKey) return;
    var steps = [].slice.call(page.querySelectorAll(".chain summary"));
    if (!steps.length) return;
    var at = steps.indexOf(page.activeElement);
    if (key === "j" || key === "k") {
      at = Math.max(0, Math.min(steps.length - 1, at + (key === "j" ? 1 : -1)));
      steps[at].focus();
      steps[at].scrollIntoView({ block: "center" });
    }
    if (key === "e" && at >= 0) steps[at].parentNode.open = !steps[at].parentNode.open;
  });

  /* The live region is emptied first, so that the same sentence is read out again. */
  function say(text) {
    var live = page.getElementById("live");
    if (!live || !text) return;
    live.textContent = "";
    window.setTimeout(function () {
      live.textContent = text;
    }, 50);
  }

  /* A swap keeps the caret: htmx restores ids itself, this covers fields that only have a name. */
  var held = null;
  page.addEventListener("htmx:beforeSwap", function () {
    var active = page.activeElement;
    held = active && !active.id && active.name ? { name: active.name, value: active.value } : null;
  });
  page.addEventListener("htmx:afterSettle", function (event) {
    if (held) {
      [].some.call(page.getElementsByName(held.name), function (field) {
        if (field.type === "radio" && field.value !== held.value) return false;
        field.focus();
        return true;
      });
      held = null;
    }
    var spoken = event.target.querySelector && event.target.querySelector("[data-say]");
    if (spoken) say(spoken.dataset.say);
  });
  page.addEventListener("htmx:sendError", function () {
    var alerts = page.getElementById("alerts");
    if (alerts && alerts.dataset.offline) say(alerts.dataset.offline);
  });

  /* On a phone the steps that need nothing from the reader start closed; a faulty form is shown at its summary. */
  if (window.matchMedia("(max-width: 900px)").matches) {
    page.querySelectorAll(".chain .step.ok details[open]").forEach(function (step) {
      step.open = false;
    });
  }
  var faults = page.querySelector("form .error-summary");
  if (faults) faults.focus();
})();
