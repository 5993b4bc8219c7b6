// Uploads straight to the object store: announce (with SHA-256), POST, confirm. Whatever fails on the way,
// the form is sent through the site instead, which says what is wrong.
"use strict";
(() => {
  const LARGEST_IN_MEMORY = 200 * 1024 * 1024;

  const hex = (buffer) => Array.from(new Uint8Array(buffer), (b) => b.toString(16).padStart(2, "0")).join("");

  async function call(address, token, body, key) {
    const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
    if (key) headers["Idempotency-Key"] = key;
    const answer = await fetch(address, { method: "POST", headers, body, credentials: "same-origin" });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  }

  async function sendDirectly(form, file) {
    const token = form.elements.csrfmiddlewaretoken.value;
    const sha256 = hex(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    const told = { purpose: form.elements.purpose.value, name: file.name, size: file.size, sha256 };
    const { document: row, upload } = await call(
      form.dataset.directUpload, token, JSON.stringify(told), crypto.randomUUID());
    const body = new FormData();
    for (const [name, value] of Object.entries(upload.fields)) body.append(name, value);
    body.append("file", file);
    await fetch(upload.address, { method: "POST", mode: "no-cors", body, credentials: "omit" });
    await call(`${form.dataset.directUpload}/${row.id}/confirm`, token, "{}");
    const next = new URL(form.dataset.next, location.href);
    next.searchParams.append("document", row.id);
    location.assign(next);
  }

  for (const form of document.querySelectorAll("form[data-direct-upload]")) {
    form.addEventListener("submit", (event) => {
      const file = form.elements.file.files[0];
      if (!file || !crypto.subtle || file.size > LARGEST_IN_MEMORY) return;
      event.preventDefault();
      const status = form.querySelector("[data-upload-status]");
      const button = form.querySelector("button");
      status.textContent = form.dataset.busy;
      button.disabled = true;
      sendDirectly(form, file).catch(() => { button.disabled = false; form.submit(); });
    });
  }
})();
