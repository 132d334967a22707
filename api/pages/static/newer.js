// Lists and records that others change: a quiet line says so where the page would look different, and shows it when asked.

import { alertPeople, say, watchTables } from "./app.js";
import { live } from "./freshness.js";

const PAUSE = 5000; // ms between two looks whether what others did shows here
const line = document.getElementById("newer");
const { kinds, ident } = line.dataset;
const changed = new Set();
let told = document.getElementById("shown").textContent;
let looked = 0;
let waiting = null;

live((records) => {
  const mine = records?.filter(([kind, id]) => kinds.split(" ").includes(kind) && (ident ?? id) === id) ?? [["everything"]];
  for (const record of mine) changed.add(record.join(" "));
  if (mine.length > 0) soon();
});
document.addEventListener("visibilitychange", soon);

/** Returns what the server shows of this page now. */
async function ask() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(20_000) });
  if (answer.redirected) location.assign(answer.url);
  if (!answer.ok) throw new Error(String(answer.status));
  return new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("shown");
}

function soon() {
  if (!line.hidden) announce();
  else if (waiting === null && changed.size > 0 && !document.hidden) waiting = setTimeout(look, Math.max(0, looked + PAUSE - Date.now()));
}

async function look() {
  const known = [...changed];
  looked = Date.now();
  try {
    const fresh = await ask();
    if (fresh.textContent === told) forget(known);
    else announce();
  } catch { /* the next change asks again */ }
  waiting = null;
  if (line.hidden) soon();
}

function announce() {
  const count = changed.has("everything") ? "Much" : `${changed.size} ${changed.size === 1 ? "record" : "records"}`;
  line.querySelector("[data-words]").textContent = ident ? "This has changed" : `${count} changed`;
  if (line.hidden) say(line.textContent);
  line.hidden = false;
}

function forget(known) {
  for (const record of known) changed.delete(record);
}

line.addEventListener("click", async () => {
  const known = [...changed];
  line.setAttribute("aria-busy", "true");
  try {
    const fresh = document.importNode(await ask(), true);
    told = fresh.textContent;
    document.getElementById("shown").replaceWith(fresh);
    window.htmx.process(fresh);
    watchTables(fresh);
    forget(known);
    line.hidden = changed.size === 0;
    say("Updated");
    document.getElementById("main").focus({ preventScroll: true });
  } catch {
    alertPeople("What changed could not be read. Try again in a moment.", "warn");
  }
  line.removeAttribute("aria-busy");
});
