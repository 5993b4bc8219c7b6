// Folders of files, straight to the object store: hash, announce, PUT what is missing, confirm. The server is the truth
// about what has arrived, so after a break or a reload the same folder goes on where it stopped.
"use strict";
(() => {
  const SENDERS = 4, HASHERS = 2, CHUNK = 200, TRIES = 6, ROUNDS = 3;
  const box = document.querySelector("[data-upload]");
  if (!box || !window.Worker || !window.fetch) return;
  const told = box.dataset;
  const find = (name) => box.querySelector(`[data-${name}]`);
  const bar = find("bar"), status = find("status"), count = find("count"), percent = find("percent");
  const pauser = find("pause"), list = find("faults"), faultsBox = find("faults-box");
  const token = box.querySelector("[name=csrfmiddlewaretoken]").value;
  box.hidden = false;

  let isPaused = false, isBusy = false, wakers = [], running = new Set();
  const totals = { files: 0, bytes: 0, doneFiles: 0, doneBytes: 0, refused: 0 };

  // --- what is dropped or chosen ---

  async function entriesOf(entry, prefix, found) {
    if (entry.isFile) {
      found.push({ path: prefix + entry.name, file: await new Promise((yes, no) => entry.file(yes, no)) });
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((yes, no) => reader.readEntries(yes, no));
      if (!some.length) return;
      for (const each of some) await entriesOf(each, `${prefix}${entry.name}/`, found);
    }
  }

  async function dropped(transfer) {
    const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
    const found = [];
    for (const entry of entries) await entriesOf(entry, "", found);
    return entries.length ? found : chosen(transfer.files);
  }

  const chosen = (files) => Array.from(files, (file) => ({ path: file.webkitRelativePath || file.name, file }));

  // The name of the one folder that holds everything is not part of the paths; hidden files stay behind.
  function cleaned(found) {
    const seen = found.filter((each) => !each.path.split("/").some((part) => part.startsWith(".") || part === "Thumbs.db"));
    const tops = new Set(seen.map((each) => each.path.split("/")[0]));
    const isOneFolder = tops.size === 1 && seen.every((each) => each.path.includes("/"));
    for (const each of seen) each.path = isOneFolder ? each.path.slice(each.path.indexOf("/") + 1) : each.path;
    return seen.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  // --- waiting and trying again ---

  const sleep = (ms) => new Promise((yes) => setTimeout(yes, ms));
  const untilGoing = () => (isPaused ? new Promise((yes) => wakers.push(yes)) : Promise.resolve());

  async function patiently(work) {
    for (let attempt = 1; ; attempt++) {
      await untilGoing();
      try {
        return await work();
      } catch (error) {
        if (error.isFinal || (attempt >= TRIES && !isPaused)) throw error;
        if (isPaused) attempt = 0;
        else {
          say(told.textRetry);
          await sleep(Math.min(500 * 2 ** attempt, 20000));
        }
      }
    }
  }

  async function call(path, body) {
    return patiently(async () => {
      const answer = await fetch(`${told.api}${path}`, {
        method: "POST", credentials: "same-origin", body: JSON.stringify(body),
        headers: { "Content-Type": "application/json", "X-CSRFToken": token },
      });
      if (answer.ok) return answer.json();
      const problem = await answer.json().catch(() => ({}));
      const error = new Error(problem.detail || String(answer.status));
      error.isFinal = answer.status < 500 && answer.status !== 429;
      throw error;
    });
  }

  // True when the store took the bytes; false when the link has run out.
  function put(url, blob, onProgress) {
    return patiently(() => new Promise((yes, no) => {
      const request = new XMLHttpRequest();
      running.add(request);
      request.open("PUT", url);
      request.upload.onprogress = (event) => onProgress(event.loaded);
      request.onloadend = () => {
        running.delete(request);
        if (request.status >= 200 && request.status < 300) yes(true);
        else if ([400, 403, 404].includes(request.status)) yes(false);
        else { onProgress(0); no(new Error(String(request.status))); }
      };
      request.send(blob);
    }));
  }

  async function each(items, atOnce, work) {
    const waiting = items.slice();
    const run = async () => { while (waiting.length) await work(waiting.shift()); };
    await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, run));
  }

  // --- hashing ---

  const hashers = [];
  function sha256(item) {
    while (hashers.length < HASHERS) {
      const worker = new Worker(told.hasher);
      const asked = new Map();
      worker.onmessage = (event) => {
        const [yes, no] = asked.get(event.data.id);
        asked.delete(event.data.id);
        if (event.data.error) no(new Error(event.data.error));
        else yes(event.data.sha256);
      };
      hashers.push({ worker, asked });
    }
    const hasher = hashers.reduce((a, b) => (b.asked.size < a.asked.size ? b : a));
    return new Promise((yes, no) => {
      const id = Math.random();
      hasher.asked.set(id, [yes, no]);
      hasher.worker.postMessage({ id, file: item.file });
    });
  }

  // --- sending ---

  async function send(item, answer) {
    const { file } = item;
    const moved = new Map();
    const tell = (key, size) => {
      moved.set(key, size);
      item.sent = Array.from(moved.values()).reduce((a, b) => a + b, 0);
      show();
    };
    if (answer.url) return put(answer.url, file, (size) => tell(0, size));
    const held = answer.received.map((number) => [number, sizeOf(file, answer, number)]);
    held.forEach(([number, size]) => moved.set(number, size));
    for (const part of answer.parts) {
      const begin = (part.number - 1) * answer.part_size;
      const blob = file.slice(begin, begin + answer.part_size);
      if (!(await put(part.url, blob, (size) => tell(part.number, size)))) return false;
      tell(part.number, blob.size);
    }
    return true;
  }

  const sizeOf = (file, answer, number) => Math.min(answer.part_size, file.size - (number - 1) * answer.part_size);

  async function sendChunk(items) {
    await each(items, HASHERS, async (item) => {
      await untilGoing();
      item.sha256 = await sha256(item);
    });
    let waiting = items, idle = 0;
    while (waiting.length) {
      const { files } = await call("/files", {
        files: waiting.map((item) => ({ path: item.path, size: item.file.size, sha256: item.sha256 })),
      });
      const open = [];
      files.forEach((answer, place) => {
        if (answer.state === "announced") open.push([waiting[place], answer]);
        else finish(waiting[place], answer);
      });
      if (!open.length) return;
      await each(open.filter(([, answer]) => answer.url || answer.parts.length), SENDERS, ([item, answer]) => send(item, answer));
      const confirmed = await call("/confirmation", { paths: open.map(([, answer]) => answer.path) });
      const still = new Set(confirmed.files.filter((each) => each.state === "announced").map((each) => each.path));
      open.filter(([, answer]) => !still.has(answer.path)).forEach(([item]) => finish(item, null));
      const left = open.filter(([, answer]) => still.has(answer.path)).map(([item]) => item);
      idle = left.length === waiting.length ? idle + 1 : 0;
      waiting = left;
      if (idle >= ROUNDS) throw new Error(told.textStuck);
    }
  }

  function finish(item, answer) {
    item.sent = 0;
    totals.doneFiles += 1;
    totals.doneBytes += item.file.size;
    active.delete(item);
    if (answer && answer.state === "refused") {
      totals.refused += 1;
      const line = document.createElement("li");
      line.textContent = answer.reason;
      list.append(line);
      faultsBox.hidden = false;
    }
    show();
  }

  let active = new Set();
  async function start(found) {
    const items = cleaned(found);
    if (isBusy || !items.length) {
      if (!isBusy) say(told.textNothing);
      return;
    }
    isBusy = true;
    list.replaceChildren();
    faultsBox.hidden = true;
    Object.assign(totals, {
      files: items.length, bytes: items.reduce((sum, item) => sum + item.file.size, 0), doneFiles: 0, doneBytes: 0, refused: 0,
    });
    active = new Set(items);
    find("progress").hidden = false;
    pauser.hidden = false;
    say(told.textBusy);
    show();
    try {
      for (let at = 0; at < items.length; at += CHUNK) await sendChunk(items.slice(at, at + CHUNK));
      say(totals.refused ? told.textRefused.replace("{n}", totals.refused) : told.textDone);
      if (!totals.refused) location.assign(told.here);
    } catch (error) {
      say(`${told.textBroken} ${error.message}`);
    }
    isBusy = false;
    pauser.hidden = true;
  }

  // --- what is shown ---

  let isDrawing = false;
  function show() {
    if (isDrawing) return;
    isDrawing = true;
    requestAnimationFrame(() => {
      isDrawing = false;
      let moving = 0;
      active.forEach((item) => { moving += item.sent || 0; });
      const share = totals.bytes ? Math.floor(((totals.doneBytes + moving) * 100) / totals.bytes) : 100;
      const shown = Math.min(totals.doneFiles === totals.files ? 100 : 99, share);
      bar.value = shown;
      percent.textContent = `${shown}%`;
      count.textContent = `${totals.doneFiles.toLocaleString("en")} / ${totals.files.toLocaleString("en")}`;
    });
  }

  const say = (text) => { if (status.textContent !== text) status.textContent = text; };

  pauser.addEventListener("click", () => {
    isPaused = !isPaused;
    pauser.querySelector("[data-word]").textContent = isPaused ? told.textContinue : told.textPause;
    say(isPaused ? told.textPaused : told.textBusy);
    if (isPaused) running.forEach((request) => request.abort());
    else { wakers.forEach((wake) => wake()); wakers = []; }
  });

  for (const input of box.querySelectorAll("input[type=file]")) {
    input.addEventListener("change", () => { start(chosen(input.files)); input.value = ""; });
  }
  const zone = find("drop");
  zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    dropped(event.dataTransfer).then(start, (error) => say(`${told.textBroken} ${error.message}`));
  });
  window.addEventListener("beforeunload", (event) => { if (isBusy && !isPaused) event.preventDefault(); });
})();
