/* Unfinished work is kept: at once in this browser, a moment later on the server; neither copy is lost when they differ. */
(function () {
  "use strict";
  var page = document;
  var WAIT = 1000;
  var AGAIN = 5000;

  /* from: task, revision, send(content, revision) -> Promise of a Response, load(content), newest() */
  window.keepDraft = function (from) {
    var line = page.getElementById("draft-state");
    var conflict = page.getElementById("draft-conflict");
    var key = "qingshu-draft:" + from.task;
    var revision = from.revision;
    var content = null;
    var isDirty = false;
    var isSending = false;
    var isOver = false;
    var timer = 0;

    function tell(name, more) {
      if (line) line.textContent = name ? line.dataset[name] + (more || "") : "";
    }

    function kept() {
      try {
        return JSON.parse(window.localStorage.getItem(key));
      } catch (error) {
        return null;
      }
    }

    function keepHere() {
      try {
        window.localStorage.setItem(key, JSON.stringify({ revision: revision, content: content }));
      } catch (error) {
        /* A full or forbidden store: the server's copy remains. */
      }
    }

    function forget() {
      try {
        window.localStorage.removeItem(key);
      } catch (error) {
        /* Nothing was kept. */
      }
    }

    function later(delay) {
      window.clearTimeout(timer);
      timer = window.setTimeout(send, delay);
    }

    function ask(newest) {
      isOver = true;
      if (!conflict) return;
      page.getElementById("draft-conflict-words").textContent = line.dataset.conflict;
      tell("");
      conflict.hidden = false;
      page.getElementById("draft-theirs").onclick = function () {
        conflict.hidden = true;
        forget();
        from.newest();
      };
      page.getElementById("draft-mine").onclick = function () {
        conflict.hidden = true;
        isOver = false;
        isDirty = true;
        revision = newest;
        keepHere();
        send();
      };
    }

    function send() {
      if (isOver || isSending || !isDirty) return;
      isSending = true;
      isDirty = false;
      tell("saving");
      from.send(content, revision).then(
        function (answer) {
          isSending = false;
          if (answer.ok) {
            return answer.json().then(function (told) {
              revision = told.revision;
              if (from.saved) from.saved(revision);
              if (isDirty) {
                keepHere();
                later(WAIT);
                return;
              }
              forget();
              tell("saved", " " + new Date(told.saved_at).toLocaleTimeString());
            });
          }
          if (answer.status === 409) {
            return answer.json().then(function (told) {
              if (isOver) return;
              if (told.draft) return ask(told.draft.revision);
              isOver = true;
              tell("gone");
            });
          }
          if (answer.status >= 500) {
            isDirty = true;
            tell("offline");
            return later(AGAIN);
          }
          isOver = true;
          tell("gone");
        },
        function () {
          isSending = false;
          isDirty = true;
          tell("offline");
          later(AGAIN);
        }
      );
    }

    function online() {
      later(0);
    }
    window.addEventListener("online", online);

    /* What this browser kept and the server never got. */
    var local = kept();
    if (local && from.begun && from.begun(local.content)) {
      forget();
    } else if (local && local.revision === revision) {
      content = local.content;
      isDirty = true;
      from.load(content);
      tell("restored");
      later(WAIT);
    } else if (local) {
      content = local.content;
      from.load(content);
      ask(revision);
    }

    return {
      changed: function (now) {
        content = now;
        isDirty = true;
        keepHere();
        later(WAIT);
      },
      pause: function () {
        window.clearTimeout(timer);
      },
      submitted: function () {
        isOver = true;
        window.clearTimeout(timer);
        window.removeEventListener("online", online);
        forget();
        tell("");
      },
    };
  };

  window.csrfToken = function () {
    return page.querySelector("[name=csrfmiddlewaretoken]").value;
  };
})();
