/* The labelling page with Label Studio's editor: regions, problems, drafts and the next task are ours, drawing is its. */
(function () {
  "use strict";
  var page = document;
  var root = page.documentElement;
  var desk = page.getElementById("desk");
  if (!desk || !root.classList.contains("has-desk")) return;
  var words = desk.dataset;
  var form = page.getElementById("labelling");
  var box = page.getElementById("label-studio");
  var problemBox = page.getElementById("desk-problems");
  var regionList = page.getElementById("regions");
  var relationList = page.getElementById("relations");
  var submitButton = page.getElementById("desk-submit");
  var goingOn = page.getElementById("desk-going-on");
  var PREFETCHED_FOR = 8 * 60 * 1000; /* signed links live ten minutes */

  var task = null; /* what the server told of the present task */
  var studio = null; /* the editor's store */
  var drafts = null;
  var ahead = null; /* the next task, fetched while this one is worked on */
  var linkFrom = null;
  var known = ""; /* the result as last looked at */
  var shown = "";
  var wrong = {};
  var isSending = false;
  var opening = "";

  function own() {
    return studio && studio.annotationStore.selected;
  }

  function call(method, path, body, key) {
    var headers = { Accept: "application/json", "X-CSRFToken": window.csrfToken() };
    if (body) headers["Content-Type"] = "application/json";
    if (key) headers["Idempotency-Key"] = key;
    return fetch(words.api + path, { method: method, headers: headers, body: body && JSON.stringify(body), credentials: "same-origin" });
  }

  function read(path) {
    return call("GET", path).then(function (answer) {
      if (!answer.ok) throw new Error(String(answer.status));
      return answer.json();
    });
  }

  /* --- results: what the editor holds, as the server counts it --- */

  function textOf(region) {
    var fields = Object.keys(task.data);
    var tag = own().names.get(region.to_name);
    var name = tag && tag.value ? tag.value.replace("$", "") : fields[0];
    return Array.from(task.data[name] || "");
  }

  function clean(region) {
    if (region.type === "relation") {
      return { type: region.type, from_id: region.from_id, to_id: region.to_id, direction: region.direction, labels: region.labels || [] };
    }
    var value = Object.assign({}, region.value);
    if (region.type === "labels" && typeof value.start === "number") {
      value = { start: value.start, end: value.end, text: textOf(region).slice(value.start, value.end).join(""), labels: value.labels || [] };
    }
    ["x", "y", "width", "height", "rotation"].forEach(function (name) {
      if (typeof value[name] === "number") value[name] = Math.floor(value[name] * 1e4) / 1e4;
    });
    var kept = { id: region.id, from_name: region.from_name, to_name: region.to_name, type: region.type, value: value };
    ["original_width", "original_height", "image_rotation"].forEach(function (name) {
      if (region[name] !== undefined) kept[name] = region[name];
    });
    return kept;
  }

  function result() {
    return own().serializeAnnotation({ fast: true }).map(clean);
  }

  function ordered(thing) {
    if (Array.isArray(thing)) return thing.map(ordered);
    if (!thing || typeof thing !== "object") return thing;
    var sorted = {};
    Object.keys(thing).sort().forEach(function (name) {
      sorted[name] = ordered(thing[name]);
    });
    return sorted;
  }

  function same(one, other) {
    return JSON.stringify(ordered(one)) === JSON.stringify(ordered(other));
  }

  /* --- the editor --- */

  function identified(found) {
    return found.map(function (region, place) {
      return region.type === "relation" || region.id ? region : Object.assign({ id: "r" + place }, region);
    });
  }

  function put(found) {
    studio.annotationStore.resetAnnotations();
    var holder = studio.annotationStore.addAnnotation({ userGenerate: true });
    studio.annotationStore.selectAnnotation(holder.id);
    if (found.length) {
      holder.deserializeResults(identified(found));
      holder.reinitHistory();
    }
    holder.history.onUpdate(soon);
    look(true);
  }

  function options() {
    return {
      config: task.labeling_config,
      interfaces: [],
      user: { id: 1, first_name: "", last_name: "" },
      task: { id: 1, data: task.data, annotations: [], predictions: [] },
    };
  }

  function open(done) {
    if (studio) {
      studio.resetState();
      studio.assignTask({ id: studio.task.id + 1, data: task.data });
      studio.initializeStore({ annotations: [], predictions: [] });
      done();
      return;
    }
    var more = options();
    more.onLabelStudioLoad = function (store) {
      studio = store;
      if (!store.settings.showLabels) store.settings.toggleShowLabels();
      if (/perRegion="true"/.test(task.labeling_config) && !store.settings.selectAfterCreate) store.settings.toggleSelectAfterCreate();
      done();
    };
    new window.LabelStudio("label-studio", more);
  }

  function start() {
    linkFrom = null;
    wrong = {};
    opening = task.id + "-" + Date.now().toString(36) + Math.random().toString(36).slice(2);
    problemBox.hidden = true;
    page.getElementById("draft-conflict").hidden = true;
    put(task.start.result);
    known = JSON.stringify(result());
    drafts = window.keepDraft({
      task: task.id,
      revision: task.start.revision,
      begun: function (content) {
        return same(content, task.start.result);
      },
      send: function (content, revision) {
        return call("PUT", task.id + "/draft", { result: content, revision: revision });
      },
      load: function (content) {
        put(content);
        known = JSON.stringify(result());
      },
      newest: function () {
        read(task.id + "/desk").then(function (told) {
          task = told;
          start();
        });
      },
    });
    submitButton.disabled = false;
    fetchAhead();
  }

  /* --- beside the editor: regions, relations, problems --- */

  /* Answers about the whole item are shown by the editor itself. */
  function regions() {
    return own().regions.filter(function (region) {
      return !region.classification;
    });
  }

  function labelled(region) {
    var names = region.labels && region.labels.length ? region.labels.join("、") : words.unlabelled;
    var text = region.text && typeof region.text === "string" ? "：" + region.text.slice(0, 40) : "";
    return names + text;
  }

  function button(kind, text, does, label) {
    var made = page.createElement("button");
    made.type = "button";
    made.className = kind;
    made.textContent = text;
    if (label) made.setAttribute("aria-label", label);
    made.addEventListener("click", does);
    return made;
  }

  function connect(region) {
    if (linkFrom && linkFrom !== region) {
      own().relationStore.addRelation(linkFrom, region);
      linkFrom = null;
    } else {
      linkFrom = linkFrom ? null : region;
    }
    look(true);
  }

  function regionLine(region, place, canConnect) {
    var line = page.createElement("li");
    var name = place + 1 + ". " + labelled(region);
    var pick = button("pick", name, function () {
      own().unselectAll();
      own().selectArea(region);
      look(true);
    });
    pick.setAttribute("aria-pressed", String(!!region.selected));
    line.appendChild(pick);
    if (canConnect) {
      var action = linkFrom && linkFrom !== region ? words.connectTo : words.connect;
      var link = button("btn btn-small", action, function () {
        connect(region);
      }, action + " " + name);
      link.setAttribute("aria-pressed", String(linkFrom === region));
      line.appendChild(link);
    }
    line.appendChild(button("btn btn-small", words.remove, function () {
      own().deleteRegion(region);
      look(true);
    }, words.remove + " " + name));
    (wrong[region.cleanId] || []).forEach(function (told) {
      var said = page.createElement("span");
      said.className = "small wrong";
      said.textContent = told;
      line.appendChild(said);
    });
    return line;
  }

  function relationLine(relation, labels) {
    var line = page.createElement("li");
    var name = labelled(relation.node1) + " → " + labelled(relation.node2);
    var told = page.createElement("span");
    told.className = "pick";
    told.textContent = name;
    line.appendChild(told);
    if (labels.length) {
      var choice = page.createElement("select");
      choice.className = "input select";
      choice.setAttribute("aria-label", words.relation + " " + name);
      [""].concat(labels).forEach(function (label) {
        choice.appendChild(new Option(label, label, false, (relation.labels || []).indexOf(label) >= 0));
      });
      choice.addEventListener("change", function () {
        relation.setRelations(choice.value ? [choice.value] : []);
        soon();
      });
      line.appendChild(choice);
    }
    line.appendChild(button("btn btn-small", words.remove, function () {
      own().relationStore.deleteRelation(relation);
      look(true);
    }, words.remove + " " + name));
    return line;
  }

  function relationLabels() {
    var tags = new DOMParser().parseFromString(task.labeling_config, "text/xml").querySelectorAll("Relation");
    return [].map.call(tags, function (tag) {
      return tag.getAttribute("value");
    });
  }

  function paint() {
    var holder = own();
    var canConnect = /<Relations/.test(task.labeling_config);
    regionList.textContent = "";
    var drawn = regions();
    drawn.forEach(function (region, place) {
      regionList.appendChild(regionLine(region, place, canConnect));
    });
    var answers = result().filter(function (each) {
      return each.type !== "relation" && !drawn.some(function (region) {
        return region.cleanId === each.id;
      });
    });
    answers.forEach(function (each) {
      var said = [].concat(each.value.choices || each.value.rating || []).join("、");
      if (!said) return;
      var line = page.createElement("li");
      line.textContent = said;
      regionList.appendChild(line);
    });
    if (!drawn.length && !answers.length) {
      var none = page.createElement("li");
      none.className = "muted";
      none.textContent = words.none;
      regionList.appendChild(none);
    }
    var relations = holder.relationStore.relations;
    var labels = relationLabels();
    relationList.textContent = "";
    relations.forEach(function (relation) {
      relationList.appendChild(relationLine(relation, labels));
    });
    page.getElementById("relations-title").hidden = !relations.length;
    page.getElementById("desk-undo").disabled = !holder.history.canUndo;
    page.getElementById("desk-redo").disabled = !holder.history.canRedo;
  }

  /* What is selected belongs to the picture beside the editor, not to the draft. */
  function look(always) {
    if (!own() || isSending) return;
    var now = JSON.stringify(result());
    if (now !== known) {
      known = now;
      if (drafts) drafts.changed(JSON.parse(now));
    }
    var chosen = own().regions.map(function (region) {
      return region.selected ? 1 : 0;
    });
    var picture = now + chosen.join("") + own().history.canUndo + own().history.canRedo;
    if (always === true || picture !== shown) {
      shown = picture;
      paint();
    }
  }

  var looking = 0;
  function soon() {
    window.clearTimeout(looking);
    looking = window.setTimeout(look, 120);
  }

  function showProblems(told, sent) {
    var list = problemBox.querySelector("ul");
    list.textContent = "";
    wrong = {};
    (told.problems && told.problems.length ? told.problems : [{ region: null, message: told.detail }]).forEach(function (problem) {
      var line = page.createElement("li");
      var region = problem.region === null || problem.region === undefined ? null : sent[problem.region];
      var found = region && own().regions.filter(function (each) {
        return each.cleanId === region.id;
      })[0];
      if (found) {
        (wrong[found.cleanId] = wrong[found.cleanId] || []).push(problem.message);
        line.appendChild(button("link", labelled(found) + " — " + problem.message, function () {
          own().unselectAll();
          own().selectArea(found);
          look(true);
        }));
      } else {
        line.textContent = problem.message;
      }
      list.appendChild(line);
    });
    problemBox.hidden = false;
    problemBox.focus();
    look(true);
  }

  /* --- submit, and the next task --- */

  function fetchAhead() {
    ahead = null;
    var asked = task.id;
    window.setTimeout(function () {
      read(asked + "/following").then(function (told) {
        if (!told || !task || task.id !== asked) return;
        var images = Object.keys(told.data).map(function (name) {
          return told.data[name];
        }).filter(function (value) {
          return /^https?:/.test(value) && /<Image/i.test(told.labeling_config);
        }).map(function (address) {
          var image = new Image();
          image.src = address;
          return image;
        });
        ahead = { task: told, at: Date.now(), images: images };
      }, function () {
        /* The next task comes with the answer to this one. */
      });
    }, 300);
  }

  function leave(address) {
    window.location.assign(address);
  }

  function rename(former, told) {
    page.querySelectorAll("h1").forEach(function (title) {
      title.textContent = words.title.replace("%s", told.ordinal);
    });
    page.querySelectorAll(".crumbs [aria-current]").forEach(function (crumb) {
      crumb.textContent = words.title.replace("%s", told.ordinal);
    });
    page.querySelectorAll('a[href*="' + former + '"]').forEach(function (link) {
      link.href = link.getAttribute("href").replace(former, told.id);
    });
    var because = page.getElementById("because");
    if (because) because.remove();
    var lease = page.getElementById("lease");
    if (lease && !told.lease_ends_at) lease.remove();
    if (lease && told.lease_ends_at) {
      var ends = new Date(told.lease_ends_at).toLocaleString("sv-SE", { timeZone: "Asia/Shanghai" }).slice(0, 16);
      lease.textContent = words.lease.replace("{at}", ends).replace("{n}", told.attempt);
    }
    window.history.pushState({ task: told.id }, "", window.location.pathname.replace(former, told.id));
  }

  function turnTo(told, begun) {
    if (!told) return leave(words.mine);
    var address = window.location.pathname.replace(task.id, told.id);
    if (told.state !== task.state || told.returned_because || told.labeling_config !== task.labeling_config) return leave(address);
    if (ahead && ahead.task.id === told.id && Date.now() - ahead.at < PREFETCHED_FOR) told.data = ahead.task.data;
    rename(task.id, told);
    task = told;
    isSending = false;
    open(function () {
      start();
      var live = page.getElementById("live");
      if (live) live.textContent = words.done + " " + words.title.replace("%s", told.ordinal);
      window.scrollTo(0, 0);
      window.requestAnimationFrame(function () {
        window.setTimeout(function () {
          desk.dataset.turnMs = String(Math.round(performance.now() - begun));
        }, 0);
      });
    });
  }

  /* The key is that of this content at this opening, so that a press repeated after a lost answer is one submission. */
  function keyOf(text) {
    var sum = 5381;
    for (var at = 0; at < text.length; at += 1) sum = (sum * 33 + text.charCodeAt(at)) | 0;
    return "desk-" + opening + "-" + (sum >>> 0) + "-" + text.length;
  }

  function submit() {
    if (!own() || isSending) return;
    var begun = performance.now();
    if (page.activeElement && box.contains(page.activeElement)) page.activeElement.blur();
    own().beforeSend();
    look();
    var sent = result();
    var body = { result: sent, shown: task.shown, is_going_on: goingOn.checked };
    isSending = true;
    submitButton.disabled = true;
    drafts.pause();
    call("POST", task.id + "/turn", body, keyOf(JSON.stringify(body))).then(function (answer) {
      return answer.json().then(function (told) {
        if (answer.ok) {
          drafts.submitted();
          return turnTo(told.following, begun);
        }
        isSending = false;
        submitButton.disabled = false;
        drafts.changed(sent);
        showProblems(told, sent);
      });
    }).catch(function () {
      isSending = false;
      submitButton.disabled = false;
      drafts.changed(sent);
      showProblems({ detail: words.failed }, sent);
    });
  }

  /* --- keys and buttons --- */

  submitButton.addEventListener("click", submit);
  page.getElementById("desk-undo").addEventListener("click", function () {
    own().undo();
    look(true);
  });
  page.getElementById("desk-redo").addEventListener("click", function () {
    own().redo();
    look(true);
  });
  page.addEventListener("keydown", function (event) {
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
      event.preventDefault();
      event.stopPropagation();
      submit();
    } else if (event.altKey && event.code === "KeyS") {
      event.preventDefault();
      leave(page.getElementById("skip") ? page.getElementById("skip").href : words.mine);
    }
  }, true);
  ["pointerup", "keyup", "input", "change"].forEach(function (kind) {
    page.addEventListener(kind, soon, true);
  });
  try {
    goingOn.checked = window.localStorage.getItem("qingshu-going-on") !== "no";
    goingOn.addEventListener("change", function () {
      window.localStorage.setItem("qingshu-going-on", goingOn.checked ? "yes" : "no");
    });
  } catch (error) {
    /* The box is on each time. */
  }
  window.addEventListener("popstate", function () {
    window.location.reload();
  });

  /* --- begin: the task is fetched while the editor loads; without either, the plain form remains --- */

  function giveUp() {
    root.classList.remove("has-desk");
  }

  var script = page.createElement("script");
  script.src = words.editor;
  var loaded = new Promise(function (done, failed) {
    script.onload = done;
    script.onerror = failed;
  });
  page.head.appendChild(script);
  submitButton.disabled = true;
  Promise.all([read(words.task + "/desk"), loaded]).then(function (both) {
    if (typeof window.LabelStudio !== "function") return giveUp();
    task = both[0];
    form.remove();
    open(function () {
      page.getElementById("desk-waiting").remove();
      start();
      desk.dataset.isReady = "yes";
    });
  }).catch(giveUp);
})();
