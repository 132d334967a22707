// What every page can do: say what happened, open and close dialogs and menus, tell that the server is out of reach.

/** Says something to those who listen to the page. */
export function say(text) {
  const live = document.getElementById("live");
  live.textContent = "";
  requestAnimationFrame(() => { live.textContent = text; });
}

/** Shows an alert above the page until it is closed; `tone` is bad, warn, good or info. */
export function alertPeople(text, tone = "bad") {
  const banner = document.createElement("div");
  banner.className = "banner";
  banner.dataset.tone = tone;
  banner.setAttribute("role", "alert");
  const words = document.createElement("p");
  words.textContent = text;
  const close = document.createElement("button");
  close.className = "button";
  close.dataset.kind = "quiet";
  close.dataset.closes = "";
  close.textContent = "Close";
  banner.append(words, close);
  document.getElementById("alerts").replaceChildren(banner);
}

const widths = new ResizeObserver((seen) => {
  for (const { target } of seen) {
    const frame = target.closest(".table-scroll");
    frame.toggleAttribute("data-fits", frame.firstElementChild.offsetWidth <= frame.clientWidth);
  }
});

/** Keeps the heads of tables below the header wherever the whole table is in sight; a wider one scrolls in its frame. */
export function watchTables(part) {
  for (const frame of part.querySelectorAll(".table-scroll[data-sticky]")) {
    widths.observe(frame);
    widths.observe(frame.firstElementChild);
  }
}

watchTables(document);
for (const copier of document.querySelectorAll("[data-copies-text]")) copier.hidden = !navigator.clipboard;
document.querySelector(".app-nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

document.addEventListener("click", (event) => {
  const copier = event.target.closest("[data-copies-text]");
  if (copier) {
    navigator.clipboard.writeText(document.getElementById(copier.dataset.copiesText).textContent).then(() => {
      copier.textContent = "Copied";
      say("Copied");
    });
    return;
  }
  const opener = event.target.closest("[command=show-modal]");
  if (opener) {
    if (!("command" in opener)) document.getElementById(opener.getAttribute("commandfor")).showModal();
    return;
  }
  const closer = event.target.closest("[data-closes]");
  if (closer) {
    const dialog = closer.closest("dialog");
    if (dialog) dialog.close(); else closer.closest(".banner")?.remove();
  }
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

document.addEventListener("htmx:error", () => {
  alertPeople("The server cannot be reached. What you see may be old; try again in a moment.", "warn");
});
