// One stream for all tabs of a browser: a browser opens only six connections to a host.

import { Stream } from "./live-stream.js";

const KEPT = 500;
const ports = new Set();
let stream = null;
let told = []; // what was told since `floor`, for tabs whose page is older than that
let floor = 0;

function tell(message) {
  if (message.kind === "changed") {
    told.push(message);
    while (told.length > KEPT) floor = told.shift().position;
  }
  for (const port of ports) port.postMessage(message);
}

function join(port, position) {
  ports.add(port);
  if (stream === null) {
    floor = position;
    told = [];
    stream = new Stream(position, tell);
  } else if (position < floor) {
    port.postMessage({ kind: "changed", position: stream.last, records: null });
  } else {
    for (const message of told) if (message.position > position) port.postMessage(message);
  }
  port.postMessage(stream.state);
  stream.open();
}

function leave(port) {
  ports.delete(port);
  if (ports.size === 0 && stream !== null) {
    stream.close();
    stream = null;
  }
}

self.addEventListener("connect", ({ ports: [port] }) => {
  port.addEventListener("message", ({ data }) => {
    if (data.join === undefined) leave(port); else join(port, data.join);
  });
  port.start();
});
