// Pages of records: the feed's keys, the sheet, links to copy, rows to click, filters that apply themselves.
import { say } from "./app.js";

const entries = () => [...document.querySelectorAll("#feed > article")];

/** Moves the focus among the entries of the feed. */
function move(step) {
  const all = entries();
  const at = all.findIndex((entry) => entry.contains(document.activeElement));
  const next = all[at < 0 ? 0 : at + step];
  if (!next) return;
  const focusable = next.matches("[tabindex]") ? next : next.querySelector("a");
  focusable?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
  const entry = event.target.closest("#feed > article");
  if (event.key === "j" || (entry && event.key === "PageDown")) { move(1); event.preventDefault(); }
  else if (event.key === "k" || (entry && event.key === "PageUp")) { move(-1); event.preventDefault(); }
  else if (event.key === "/" && document.querySelector("[role=search] input[type=search]")) {
    document.querySelector("[role=search] input[type=search]").focus();
    event.preventDefault();
  } else if (entry === event.target && event.key === "Enter") {
    const details = entry.querySelector("details");
    if (details) { details.open = !details.open; event.preventDefault(); }
  }
});

document.addEventListener("htmx:after:swap", (event) => {
  const sheet = document.getElementById("sheet");
  if (event.target.matches("[hx-target='#sheet-body']") && !sheet.open) sheet.showModal();
});

document.addEventListener("click", async (event) => {
  const copier = event.target.closest("[data-copies]");
  if (copier) {
    try {
      await navigator.clipboard.writeText(new URL(copier.dataset.copies, location.href).href);
      copier.textContent = "Copied";
      say("Link copied");
    } catch {
      location.assign(copier.dataset.copies);
    }
    return;
  }
  const row = event.target.closest("tr[data-href]");
  if (row && !event.target.closest("a, button, input, label") && !getSelection().toString()) location.assign(row.dataset.href);
});

document.addEventListener("change", (event) => {
  if (event.target.matches("form[data-applies] select")) event.target.form.requestSubmit();
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-applies]")) return;
  for (const input of event.target.elements) if (input.name && !input.value) input.disabled = true;
});

for (const toggle of document.querySelectorAll(".filter-toggle")) {
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    const open = toggle.getAttribute("aria-expanded") !== "true";
    toggle.setAttribute("aria-expanded", String(open));
    for (const part of toggle.form.querySelectorAll(".filter-more")) part.toggleAttribute("data-open", open);
  });
}
