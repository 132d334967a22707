// How current a page is: the chip in the header, and a banner where people see the past.

import { follow } from "./live.js";

const STALE = 5; // seconds behind, from which a page says that it is old
const GRACE = 3000; // ms without the feed, after which a page says so
const chip = document.getElementById("freshness");
const banner = document.getElementById("stale");
const number = new Intl.NumberFormat("en-GB");
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZoneName: "short" });
let waiting = null;

/** Follows the feed from the position of the page, shows how current it is, and tells `changed` which records changed. */
export function live(changed) {
  follow(Number(chip.dataset.at), chip.dataset.visitor, (message) => {
    if (message.kind === "state") show(message); else changed(message.records);
  });
}

function show({ live, position, behind, why, since }) {
  const state = why === "signed-out" ? "ended" : live ? "live" : "reconnecting";
  const shown = behind >= 1 ? `${lasting(behind)} behind` : `#${number.format(position)}`;
  chip.dataset.state = state;
  chip.dataset.tone = live && behind < STALE ? "good" : "warn";
  chip.querySelector("[data-words]").textContent = live ? "live" : "";
  chip.querySelector("[data-position]").textContent = { live: shown, reconnecting: "reconnecting…", ended: "signed out" }[state];
  clearTimeout(waiting);
  if (state === "ended") tell("You are signed out. What you see is old.");
  else if (state === "reconnecting") waiting = setTimeout(tell, Math.max(0, since + GRACE - Date.now()), `Not live since ${clock.format(since)}, trying again. What you see may be old.`);
  else if (behind >= STALE) tell(`Behind: what was recorded in the last ${lasting(behind)} is safe, but perhaps not on this page yet.`);
  else banner.hidden = true;
}

function lasting(seconds) {
  const [unit, name] = seconds < 120 ? [1, "s"] : seconds < 7200 ? [60, "min"] : [3600, "h"];
  return `${number.format(Math.round(seconds / unit))} ${name}`;
}

function tell(words) {
  banner.hidden = false;
  banner.querySelector("[data-words]").textContent = words;
}
