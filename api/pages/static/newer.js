// Lists and records that others change: a quiet line says so, and shows it when asked.

import { alertPeople, say } from "./app.js";
import { live } from "./freshness.js";

const line = document.getElementById("newer");
const kinds = line.dataset.kinds.split(" ");
const changed = new Set();

live((records) => {
  const mine = records?.filter(([kind, ident]) => kinds.includes(kind) && (line.dataset.ident ?? ident) === ident) ?? [["everything"]];
  if (mine.length === 0) return;
  for (const record of mine) changed.add(record.join(" "));
  const count = changed.has("everything") ? "Much" : `${changed.size} ${changed.size === 1 ? "record" : "records"}`;
  line.querySelector("[data-words]").textContent = line.dataset.ident ? "This has changed" : `${count} changed`;
  if (line.hidden) say(line.textContent);
  line.hidden = false;
});

line.addEventListener("click", async () => {
  line.setAttribute("aria-busy", "true");
  const seen = [...changed];
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(20_000) });
    if (answer.redirected) location.assign(answer.url);
    if (!answer.ok) throw new Error(String(answer.status));
    const other = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = document.importNode(other.getElementById("shown"), true);
    document.getElementById("shown").replaceWith(fresh);
    window.htmx.process(fresh);
    for (const record of seen) changed.delete(record);
    line.hidden = changed.size === 0;
    say("Updated");
    document.getElementById("main").focus({ preventScroll: true });
  } catch {
    alertPeople("What changed could not be read. Try again in a moment.", "warn");
  }
  line.removeAttribute("aria-busy");
});
