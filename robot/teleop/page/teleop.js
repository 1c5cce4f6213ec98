// Sends the hand sixty times a second, shows the state, says words.
"use strict";

const RATE = 60; // Hz
const POSTED = 30; // Hz, where a WebSocket is not to be had
const PHASES = {
  putting: "putting things in place",
  ready: "ready: hold the pad to start",
  driving: "driving",
  deciding: "keep it?",
  over: "done: the arm lies down",
};
const LIMITS = {
  range: "a joint is at its end",
  speed: "slower: the arm cannot go as fast",
  surroundings: "the table, the arm itself or the end of its reach is in the way",
};
const by = (id) => document.getElementById(id);
const client = Array.from(crypto.getRandomValues(new Uint8Array(8)), (v) => v.toString(16)).join("");

let socket = null;
let posting = false;
let sequence = 0;
let sent = new Map(); // when messages were sent, by their numbers
let drives = false;
let wants = false; // to drive
let before = performance.now();
let limited = "";
let over = false;

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}${location.pathname}socket`);
  const given = setTimeout(() => {
    posting = true; // as an iPhone that does not trust our certificate for a WebSocket
  }, 3000);
  socket.onopen = () => {
    clearTimeout(given);
    posting = false;
    if (wants) speak({ drive: true });
  };
  socket.onmessage = (event) => show(JSON.parse(event.data));
  socket.onclose = () => {
    drives = false;
    if (over) return;
    lost();
    setTimeout(connect, 1000);
  };
}

function speak(message) {
  if (posting) post(message);
  else if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

let busy = false;
async function post(message) {
  if (busy && message.sequence !== undefined) return;
  busy = true;
  try {
    const answer = await fetch(`messages?client=${client}`, {
      method: "POST",
      body: JSON.stringify(message),
      keepalive: true,
    });
    show(await answer.json());
  } catch {
    lost();
  }
  busy = false;
}

function lost() {
  by("connection").classList.remove("on");
  by("phase").textContent = "no connection";
  by("advice").textContent = "the arm holds";
  by("pad").classList.remove("held");
}

function sendHand() {
  const now = performance.now();
  hand.byKeys(Math.min(0.1, (now - before) / 1000));
  before = now;
  if (!drives && !(posting && wants)) return;
  if (!posting && socket.bufferedAmount > 4096) return; // what waits is old when it gets there
  sequence += 1;
  sent.set(sequence, now);
  if (sent.size > 600) sent.delete(sent.keys().next().value);
  speak({
    sequence,
    time: now / 1000,
    held: hand.held,
    position: hand.position,
    rotation: hand.rotation(),
    opening: hand.opening,
  });
}

function show(state) {
  by("connection").classList.add("on");
  drives = state.drives;
  if (wants && !drives && !state.taken) speak({ drive: true });
  const { session, driving } = state;
  over = session.phase === "over";
  by("phase").textContent = PHASES[session.phase];
  const number = session.episode + (session.phase === "over" ? 0 : 1);
  by("count").textContent = session.episodes ? `${number} of ${session.episodes}` : "";
  const took = sent.get(state.heard);
  by("latency").textContent = drives && took ? `${Math.round(performance.now() - took)} ms` : "";
  const role = state.taken ? "somebody else drives: you look on" : "";
  const why = driving.fault || session.trouble || (hand.held && driving.why) || state.wrong;
  const done = session.success === null ? "" : session.success ? "it worked: " : "it failed: ";
  const advice = {
    putting: `to their places: ${session.place}`,
    deciding: `${done}${session.seconds.toFixed(1)} s`,
  };
  by("advice").textContent =
    why || (!drives && role) || LIMITS[driving.limited] || advice[session.phase] || "";
  by("advice").classList.toggle("bad", Boolean(driving.fault || (hand.held && driving.why)));
  by("pad").classList.toggle("held", driving.held && drives);
  by("pad").classList.toggle("limited", Boolean(driving.limited));
  if (driving.limited && driving.limited !== limited && navigator.vibrate) navigator.vibrate(30);
  limited = driving.limited;
  const words = {
    ready: ["start"],
    driving: ["success", "failure", "discard"],
    deciding: ["keep", "discard"],
  };
  for (const button of document.querySelectorAll("[data-say]"))
    button.disabled = !drives || !(words[session.phase] ?? []).includes(button.dataset.say);
  by("notes").hidden = !drives || session.phase !== "deciding";
  if (state.camera && by("camera").hidden && wants !== null) {
    by("camera").src = "camera";
    by("camera").hidden = false;
  }
  drawMap(by("map"), session);
}

function setOpening(value) {
  hand.opening = value;
  by("opening").value = value;
}

function letGo() {
  hand.release();
  sendHand();
}

by("opening").addEventListener("input", () => {
  hand.opening = Number(by("opening").value);
});
by("open").onclick = () => setOpening(1);
by("close").onclick = () => setOpening(0);
by("turn").onchange = () => {
  hand.turns = by("turn").checked;
};
by("tilt").onchange = () => {
  hand.tilts = by("tilt").checked;
};
for (const button of document.querySelectorAll("[data-say]"))
  button.onclick = () => {
    speak({ say: button.dataset.say, notes: by("notes").value });
    by("notes").value = "";
  };
document.addEventListener("visibilitychange", () => document.hidden && letGo());
window.addEventListener("pagehide", letGo);
usePad(by("pad"));
useKeys(setOpening);

by("begin").onclick = async () => {
  wants = true;
  const problem = await useSensors();
  by("welcome").hidden = true;
  speak({ drive: true });
  if (problem) by("hint").textContent = problem;
  if (navigator.wakeLock) navigator.wakeLock.request("screen").catch(() => {});
};
by("watch").onclick = () => {
  by("welcome").hidden = true;
};
if (navigator.xr)
  navigator.xr.isSessionSupported("immersive-ar").then((there) => {
    by("xr").hidden = !there;
    by("xr").onclick = () => useXR(() => {}, () => {});
  });
connect();
setInterval(() => {
  if (!posting) sendHand();
}, 1000 / RATE);
setInterval(() => {
  if (posting) sendHand();
}, 1000 / POSTED);
