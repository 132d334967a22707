// Live updates for a page: one stream for all tabs, or one for this tab where browsers cannot share.

import { Stream } from "./live-stream.js";

/**
 * Follows the feed from the position that the page shows. `visitor` names the session: another one, another stream.
 * `tell` hears {kind: "changed", position, records: [[kind, id], ...] or null for everything} and
 * {kind: "state", live, position, behind, why, since}: `since` when it is not live.
 */
export function follow(position, visitor, tell) {
  let last = position;
  const heard = (message) => {
    if (message.kind === "changed") last = Math.max(last, message.position);
    tell(message);
  };
  if (typeof SharedWorker === "function") {
    const worker = new SharedWorker(new URL("./live-worker.js", import.meta.url), { type: "module", name: visitor });
    worker.port.addEventListener("message", ({ data }) => heard(data));
    worker.port.start();
    worker.port.postMessage({ join: position });
    addEventListener("pagehide", () => worker.port.postMessage({ leave: true }));
    addEventListener("pageshow", (event) => { if (event.persisted) worker.port.postMessage({ join: last }); });
    return;
  }
  const stream = new Stream(position, heard);
  const open = () => { if (document.hidden) stream.close(); else stream.open(); };
  document.addEventListener("visibilitychange", open);
  open();
}
