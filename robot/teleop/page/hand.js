// The hand that holds the device, in the operator's frame: x ahead, y to the left, z up; metres and
// quaternions wxyz. Ahead is where the device points when the clutch is pressed.
"use strict";

const METRES_PER_PIXEL = 0.001;
const KEY_SPEED = 0.12; // m/s
const KEY_TURN = 0.6; // rad/s

const quaternion = {
  times: ([a, b, c, d], [e, f, g, h]) => [
    a * e - b * f - c * g - d * h,
    a * f + b * e + c * h - d * g,
    a * g - b * h + c * e + d * f,
    a * h + b * g - c * f + d * e,
  ],
  about: (axis, angle) => {
    const s = Math.sin(angle / 2);
    return [Math.cos(angle / 2), axis[0] * s, axis[1] * s, axis[2] * s];
  },
  inverse: ([w, x, y, z]) => [w, -x, -y, -z],
  turn: (q, v) =>
    quaternion.times(quaternion.times(q, [0, ...v]), quaternion.inverse(q)).slice(1),
  unit: (q) => {
    const norm = Math.hypot(...q);
    return q.map((value) => value / norm);
  },
  // The part of a rotation that is about the vertical.
  yaw: ([w, , , z]) => (w || z ? quaternion.unit([w, 0, 0, z]) : [1, 0, 0, 0]),
};

const hand = {
  held: false,
  position: [0, 0, 0],
  opening: 1,
  turns: true, // with the device
  tilts: false,
  attitude: null, // of the device in the world, from its sensors
  keyTurn: 0, // rad about the vertical
  pressed: null, // attitude when the clutch was pressed
  keys: new Set(),

  press() {
    this.held = true;
    this.pressed = this.attitude;
  },

  release() {
    this.held = false;
    this.pressed = null;
  },

  move(x, y, z) {
    if (!this.held) return;
    this.position[0] += x;
    this.position[1] += y;
    this.position[2] += z;
  },

  // Where the keys lead within so many seconds.
  byKeys(seconds) {
    const way = (ahead, back) => this.keys.has(ahead) - this.keys.has(back);
    this.move(
      ...[way("w", "s"), way("a", "d"), way("q", "e")].map((v) => v * KEY_SPEED * seconds),
    );
    if (this.held) this.keyTurn += way("z", "x") * KEY_TURN * seconds;
  },

  rotation() {
    let turned = [1, 0, 0, 0];
    if (this.turns && this.held && this.pressed && this.attitude) {
      const since = quaternion.times(this.attitude, quaternion.inverse(this.pressed));
      const ahead = quaternion.about([0, 0, 1], -heading(this.pressed));
      turned = quaternion.times(
        quaternion.times(ahead, since),
        quaternion.inverse(ahead),
      );
      if (!this.tilts) turned = quaternion.yaw(turned);
    }
    const keyed = quaternion.about([0, 0, 1], this.keyTurn);
    return quaternion.unit(quaternion.times(keyed, turned));
  },
};

// Where a device points: along its top if it lies, along its back if it stands upright.
function heading(attitude) {
  const [x, y] = quaternion.turn(attitude, [0, 1, -1]);
  return Math.atan2(y, x);
}

// W3C DeviceOrientation: Z, then X', then Y'', degrees; x to the east, y to the north, z up.
function sense(event) {
  if (event.alpha === null) return;
  const [alpha, beta, gamma] = [event.alpha, event.beta, event.gamma].map(
    (degrees) => (degrees * Math.PI) / 180,
  );
  hand.attitude = quaternion.times(
    quaternion.times(quaternion.about([0, 0, 1], alpha), quaternion.about([1, 0, 0], beta)),
    quaternion.about([0, 1, 0], gamma),
  );
}

// Asks for the sensors; a tap has to lead here, or an iPhone refuses.
async function useSensors() {
  if (typeof DeviceOrientationEvent === "undefined") return "this device has no sensors";
  if (typeof DeviceOrientationEvent.requestPermission === "function") {
    const answer = await DeviceOrientationEvent.requestPermission().catch(() => "denied");
    if (answer !== "granted") return "motion sensors were refused: the gripper won't turn";
  }
  window.addEventListener("deviceorientation", sense);
  return window.isSecureContext ? "" : "without HTTPS a phone does not tell how it is turned";
}

// Fingers, or the mouse, on the pad: touching it is the clutch.
function usePad(pad) {
  const fingers = new Map();
  pad.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    pad.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
    if (!hand.held) hand.press();
  });
  pad.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const right = (event.clientX - before[0]) * METRES_PER_PIXEL;
    const up = (before[1] - event.clientY) * METRES_PER_PIXEL;
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
    if (fingers.size > 1 || event.shiftKey) hand.move(0, 0, up / fingers.size);
    else hand.move(up, -right, 0);
  });
  const leave = (event) => {
    fingers.delete(event.pointerId);
    if (fingers.size === 0) hand.release();
  };
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"])
    pad.addEventListener(name, leave);
}

function useKeys(setOpening) {
  window.addEventListener("keydown", (event) => {
    if (event.target.tagName === "INPUT" && event.target.type !== "range") return;
    const key = event.key.toLowerCase();
    if (key === " ") {
      event.preventDefault();
      if (!event.repeat) hand.press();
    }
    if (key === "o" || key === "c") setOpening(key === "o" ? 1 : 0);
    hand.keys.add(key);
  });
  window.addEventListener("keyup", (event) => {
    hand.keys.delete(event.key.toLowerCase());
    if (event.key === " ") hand.release();
  });
  window.addEventListener("blur", () => {
    hand.keys.clear();
    hand.release();
  });
}

// Where the device itself knows where it is (Android's Chrome, headsets): the phone is the hand.
async function useXR(frame, ended) {
  const session = await navigator.xr.requestSession("immersive-ar", {
    optionalFeatures: ["dom-overlay"],
    domOverlay: { root: document.body },
  });
  const space = await session.requestReferenceSpace("local");
  const canvas = document.createElement("canvas");
  const gl = canvas.getContext("webgl", { xrCompatible: true });
  await session.updateRenderState({ baseLayer: new XRWebGLLayer(session, gl) });
  let last = null;
  let ahead = null;
  const look = (time, seen) => {
    session.requestAnimationFrame(look);
    const pose = seen.getViewerPose(space);
    if (pose) {
      const { position: p, orientation: o } = pose.transform;
      // XR: x to the right, y up, z back. Ours: x ahead, y to the left, z up.
      const here = [-p.z, -p.x, p.y];
      hand.attitude = [o.w, -o.z, -o.x, o.y];
      if (!hand.held) ahead = null;
      else if (ahead === null) {
        const [x, y] = quaternion.turn(hand.attitude, [1, 0, 0]);
        ahead = quaternion.about([0, 0, 1], -Math.atan2(y, x));
      }
      if (hand.held && last)
        hand.move(...quaternion.turn(ahead, here.map((value, i) => value - last[i])));
      last = here;
    }
    frame();
  };
  session.requestAnimationFrame(look);
  session.addEventListener("end", () => {
    hand.release();
    ended();
  });
}
