// A customer's page that lives: when something happens to the customer, what shows it is asked for anew.

import { live } from "./freshness.js";
import { say } from "./app.js";

const page = document.getElementById("customer");
const PAUSE = 2000; // ms between two questions whether what others did concerns this customer
const REGIONS = ["customer-head", "customer-notes", "customer-who", "customer-has", "timeline"];

let newest = Number(page.dataset.newest);
let waiting = null;
let asking = false;
let again = false;

/** Returns what the server said of a region, without what differs each time it is said. */
const said = (region) => region.innerHTML.replaceAll(/name="once" value="[^"]*"/g, "");
const told = new Map();

/** Says whether replacing a region would take something from under the visitor's hands. */
function inUse(region) {
  if (region.contains(document.activeElement)) return true;
  if ([...region.querySelectorAll("input:not([type=hidden])")].some((input) => input.value !== input.defaultValue)) return true;
  return region.id === "timeline" && (region.querySelector("details[open]") !== null || document.querySelectorAll("#feed > article").length > 41);
}

function replace(region, fresh) {
  region.replaceWith(fresh);
  window.htmx.process(fresh);
  say("Updated");
}

/** Shows that there is something newer where replacing it at once would disturb. */
function announce(region, fresh) {
  document.getElementById("newer")?.remove();
  const button = document.createElement("button");
  button.id = "newer";
  button.type = "button";
  button.className = "chip newer";
  button.dataset.tone = "accent";
  button.textContent = "Something new happened · Show";
  button.addEventListener("click", () => {
    button.remove();
    replace(document.getElementById("timeline"), fresh);
    document.getElementById("timeline-title").scrollIntoView();
  });
  region.querySelector(".card-head").after(button);
  say("Something new happened");
}

async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) {
    if (answer.redirected) location.assign(answer.url);
    return;
  }
  const other = new DOMParser().parseFromString(await answer.text(), "text/html");
  newest = Number(other.getElementById("customer").dataset.newest);
  for (const name of REGIONS) {
    const region = document.getElementById(name);
    const fresh = document.importNode(other.getElementById(name), true);
    if (told.get(name) === said(fresh)) continue;
    if (!inUse(region)) {
      told.set(name, said(fresh));
      replace(region, fresh);
    } else if (name === "timeline") announce(region, fresh);
    else again = true;
  }
}

/** Asks whether anything newer concerns this customer, one question at a time. */
async function look() {
  waiting = null;
  if (asking) { again = true; return; }
  asking = true;
  try {
    const answer = await fetch(page.dataset.asks);
    if (answer.ok && Number(await answer.text()) > newest) await refresh();
  } catch {
    again = true;
  }
  asking = false;
  if (again) { again = false; soon(PAUSE); }
}

function soon(pause) {
  if (waiting !== null && pause > 0) return;
  clearTimeout(waiting);
  waiting = setTimeout(look, pause);
}

for (const name of REGIONS) told.set(name, said(document.getElementById(name)));

live((records) => {
  const mine = records === null || records.some(([, ident]) => page.dataset.ids.includes(ident) || document.querySelector(`a[href$="/${CSS.escape(ident)}"]`));
  soon(mine ? 0 : PAUSE);
});
