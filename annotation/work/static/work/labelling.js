/* Comfort for the labelling form: select text or drag on the image instead of typing numbers. The form works without it. */
(function () {
  "use strict";
  var page = document;
  var form = page.getElementById("labelling");
  if (!form || page.documentElement.classList.contains("has-desk")) return;
  var source = page.getElementById("source");
  var picture = page.getElementById("picture");
  var shapes = page.getElementById("shapes");
  var whole = source ? source.textContent : "";
  var SVG = "http://www.w3.org/2000/svg";

  function points(text) {
    return Array.from(text);
  }

  function rowsOf(control) {
    return [].slice.call(form.querySelectorAll('[data-rows="' + control + '"] tbody tr'));
  }

  function part(row, name) {
    return row.querySelector('[name$="-' + name + '"]');
  }

  function isEmpty(row) {
    return [].every.call(row.querySelectorAll("input,select,textarea"), function (field) {
      return !field.value;
    });
  }

  function freeRow(control) {
    var rows = rowsOf(control);
    var free = rows.filter(isEmpty)[0];
    if (free) return free;
    var copy = rows[rows.length - 1].cloneNode(true);
    copy.querySelectorAll("input,select,textarea").forEach(function (field) {
      field.value = "";
    });
    rows[0].parentNode.appendChild(copy);
    return copy;
  }

  function write(control, values) {
    var row = freeRow(control);
    Object.keys(values).forEach(function (name) {
      part(row, name).value = values[name];
    });
    paint();
  }

  function toneOf(label) {
    var labels = [];
    form.querySelectorAll("[data-label],[data-key]").forEach(function (one) {
      labels.push(one.dataset.label || one.value);
    });
    return Math.max(0, labels.indexOf(label)) % 8;
  }

  /* --- text --- */
  function selectedStart(range) {
    var before = range.cloneRange();
    before.selectNodeContents(source);
    before.setEnd(range.startContainer, range.startOffset);
    return plain(before).length;
  }

  /* The label names inside marks are no part of the text. */
  function plain(range) {
    var held = range.cloneContents();
    held.querySelectorAll("small").forEach(function (name) {
      name.remove();
    });
    return points(held.textContent);
  }

  function labelSelection(control, label) {
    var selection = window.getSelection();
    if (!selection.rangeCount || selection.isCollapsed) return;
    var range = selection.getRangeAt(0);
    if (!source.contains(range.startContainer) || !source.contains(range.endContainer)) return;
    var text = plain(range).join("");
    if (!text.trim()) return;
    write(control, { label: label, text: text, start: selectedStart(range) });
    selection.removeAllRanges();
  }

  function paintText() {
    var letters = points(whole);
    var spans = [];
    form.querySelectorAll("[data-rows]").forEach(function (table) {
      rowsOf(table.dataset.rows).forEach(function (row) {
        var label = part(row, "label").value;
        var piece = part(row, "text");
        if (!piece || !piece.value || !label) return;
        var text = piece.value.replace(/\r\n/g, "\n");
        var start = part(row, "start").value;
        var from = start === "" ? points(whole.slice(0, Math.max(0, whole.indexOf(text)))).length : Number(start);
        spans.push({ start: from, end: from + points(text).length, label: label });
      });
    });
    var edges = [0, letters.length];
    spans.forEach(function (span) {
      edges.push(Math.min(span.start, letters.length), Math.min(span.end, letters.length));
    });
    edges.sort(function (a, b) {
      return a - b;
    });
    source.textContent = "";
    for (var i = 0; i + 1 < edges.length; i += 1) {
      if (edges[i] === edges[i + 1]) continue;
      var words = letters.slice(edges[i], edges[i + 1]).join("");
      var over = spans.filter(function (span) {
        return span.start <= edges[i] && edges[i] < span.end;
      });
      if (!over.length) {
        source.appendChild(page.createTextNode(words));
        continue;
      }
      var mark = page.createElement("mark");
      mark.className = "span tone-" + toneOf(over[0].label);
      mark.textContent = words;
      var name = page.createElement("small");
      name.textContent = over
        .map(function (span) {
          return span.label;
        })
        .join("、");
      mark.appendChild(name);
      source.appendChild(mark);
    }
  }

  /* --- image --- */
  var drawing = null;
  var chosen = null;

  function place(event) {
    var box = picture.getBoundingClientRect();
    return [
      Math.min(100, Math.max(0, ((event.clientX - box.left) / box.width) * 100)),
      Math.min(100, Math.max(0, ((event.clientY - box.top) / box.height) * 100)),
    ];
  }

  /* A box turned clockwise about its upper left corner, in pixels: per cent are not square. */
  function outline(x, y, width, height, label, degrees) {
    var shape = page.createElementNS(SVG, "polygon");
    var turn = ((degrees || 0) * Math.PI) / 180;
    var aspect = picture.width / picture.height || 1;
    var corners = [[0, 0], [width, 0], [width, height], [0, height]].map(function (side) {
      var across = Number(side[0]);
      var down = Number(side[1]) / aspect;
      return (
        Number(x) + across * Math.cos(turn) - down * Math.sin(turn) +
        "," +
        (Number(y) + (across * Math.sin(turn) + down * Math.cos(turn)) * aspect)
      );
    });
    shape.setAttribute("class", "shape tone-" + toneOf(label));
    shape.setAttribute("points", corners.join(" "));
    shapes.appendChild(shape);
  }

  function paintShapes(moving) {
    shapes.textContent = "";
    form.querySelectorAll("[data-rows]").forEach(function (table) {
      rowsOf(table.dataset.rows).forEach(function (row) {
        var box = ["x", "y", "width", "height"].map(function (name) {
          return part(row, name) && part(row, name).value;
        });
        if (!box.every(Boolean)) return;
        outline(box[0], box[1], box[2], box[3], part(row, "label").value, part(row, "rotation").value);
      });
    });
    if (moving) outline(moving.x, moving.y, moving.width, moving.height, chosen.label);
  }

  function between(a, b) {
    return {
      x: Math.min(a[0], b[0]),
      y: Math.min(a[1], b[1]),
      width: Math.abs(a[0] - b[0]),
      height: Math.abs(a[1] - b[1]),
    };
  }

  /* Rounded down, so that x + width never passes 100. */
  function short(number) {
    return String(Math.floor(number * 100) / 100);
  }

  if (picture && shapes) {
    shapes.addEventListener("pointerdown", function (event) {
      if (!chosen || event.button) return;
      drawing = place(event);
      shapes.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    shapes.addEventListener("pointermove", function (event) {
      if (drawing) paintShapes(between(drawing, place(event)));
    });
    shapes.addEventListener("pointerup", function (event) {
      if (!drawing) return;
      var box = between(drawing, place(event));
      drawing = null;
      if (box.width < 0.3 || box.height < 0.3) return paintShapes();
      write(chosen.control, {
        label: chosen.label,
        x: short(box.x),
        y: short(box.y),
        width: short(box.width),
        height: short(box.height),
      });
    });
    shapes.addEventListener("pointercancel", function () {
      drawing = null;
      paintShapes();
    });
  }

  function paint() {
    if (source) paintText();
    if (shapes && picture) paintShapes();
  }

  form.querySelectorAll(".label-bar").forEach(function (bar) {
    bar.hidden = false;
    bar.querySelectorAll("button").forEach(function (button) {
      if (bar.dataset.kind === "labels") {
        button.addEventListener("pointerdown", function (event) {
          event.preventDefault();
        });
        button.addEventListener("click", function () {
          labelSelection(bar.dataset.control, button.dataset.label);
        });
        return;
      }
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", function () {
        form.querySelectorAll(".label-bar [aria-pressed]").forEach(function (other) {
          other.setAttribute("aria-pressed", String(other === button));
        });
        chosen = { control: bar.dataset.control, label: button.dataset.label };
        shapes.classList.add("drawing");
      });
    });
  });

  form.addEventListener("input", paint);
  page.addEventListener("keydown", function (event) {
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
      form.requestSubmit();
      return;
    }
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== "radio" && event.target.type !== "checkbox") return;
    if (event.ctrlKey || event.metaKey || event.altKey || !/^[1-9]$/.test(event.key)) return;
    var target = form.querySelector('[data-key="' + event.key + '"]');
    if (target) {
      event.preventDefault();
      target.click();
      return;
    }
    var button = form.querySelectorAll(".label-bar button")[Number(event.key) - 1];
    if (button) button.click();
  });
  paint();

  /* --- the draft: the form's fields as they stand, so that half a row is kept too --- */
  function fields() {
    return [].slice.call(form.querySelectorAll("[name]")).filter(function (field) {
      return !/^(csrfmiddlewaretoken|revision|shown)$/.test(field.name) && field.type !== "submit";
    });
  }

  function written() {
    return fields().filter(function (field) {
      return !/^(radio|checkbox)$/.test(field.type) || field.checked;
    }).map(function (field) {
      return [field.name, field.value];
    });
  }

  function fill(pairs) {
    var given = {};
    pairs.forEach(function (pair) {
      (given[pair[0]] = given[pair[0]] || []).push(pair[1]);
    });
    form.querySelectorAll("[data-rows]").forEach(function (table) {
      var rows = rowsOf(table.dataset.rows);
      var wanted = (given[table.dataset.rows + "-label"] || []).length;
      for (var at = rows.length; at < wanted; at += 1) rows[0].parentNode.appendChild(rows[0].cloneNode(true));
    });
    fields().forEach(function (field) {
      var values = given[field.name] || [];
      if (/^(radio|checkbox)$/.test(field.type)) field.checked = values.indexOf(field.value) >= 0;
      else field.value = values.length ? values.shift() : "";
    });
    paint();
  }

  if (!window.keepDraft || !form.dataset.draft || page.querySelector(".error-summary:not(#desk-problems)")) return;
  var number = form.querySelector('[name="revision"]');
  var drafts = window.keepDraft({
    task: form.dataset.task + "-form",
    revision: Number(number.value),
    send: function (content, revision) {
      var body = new URLSearchParams(content);
      body.set("revision", revision);
      return fetch(form.dataset.draft, {
        method: "POST",
        headers: { Accept: "application/json", "X-CSRFToken": window.csrfToken() },
        body: body,
        credentials: "same-origin",
      });
    },
    saved: function (revision) {
      number.value = revision;
    },
    load: fill,
    newest: function () {
      window.location.reload();
    },
  });
  ["input", "click"].forEach(function (kind) {
    var before = JSON.stringify(written());
    form.addEventListener(kind, function () {
      var now = JSON.stringify(written());
      if (now === before) return;
      before = now;
      drafts.changed(JSON.parse(now));
    });
  });
  form.addEventListener("submit", function () {
    drafts.submitted();
  });
})();
