// The table from above: the arm's base at the bottom, ahead is up.
"use strict";

const SPAN = { x: [-0.05, 0.65], y: [-0.42, 0.42] };

function drawMap(canvas, session) {
  const [width, height] = [canvas.width, canvas.height];
  const paint = canvas.getContext("2d");
  const scale = Math.min(width / (SPAN.y[1] - SPAN.y[0]), height / (SPAN.x[1] - SPAN.x[0]));
  const at = ([x, y]) => [width / 2 - y * scale, height - (x - SPAN.x[0]) * scale];
  const dot = (where, radius, colour, fill = true) => {
    paint.beginPath();
    paint.arc(...at(where), radius, 0, 2 * Math.PI);
    paint[fill ? "fillStyle" : "strokeStyle"] = colour;
    paint[fill ? "fill" : "stroke"]();
  };
  paint.clearRect(0, 0, width, height);
  paint.lineWidth = 2;
  for (const reach of [0.2, 0.4, 0.6]) {
    paint.beginPath();
    paint.arc(...at([0, 0]), reach * scale, Math.PI, 2 * Math.PI);
    paint.strokeStyle = "#34404c";
    paint.stroke();
  }
  dot([0, 0], 7, "#e9eef2");
  for (const [x, y, yaw] of session.marks) {
    // Where the object is to be put.
    dot([x, y], 16, "#f2c14e", false);
    paint.beginPath();
    for (const end of [-0.07, 0.07])
      paint.lineTo(...at([x + end * Math.cos(yaw), y + end * Math.sin(yaw)]));
    paint.strokeStyle = "#f2c14e";
    paint.stroke();
  }
  for (const where of session.position) dot(where, 7, "#f2c14e");
  if (session.gripper.length) {
    dot(session.gripper, 9, "#3fa7d6", false);
    paint.fillStyle = "#3fa7d6";
    paint.font = "14px system-ui";
    const [x, y] = at(session.gripper);
    paint.fillText(`${Math.round(100 * session.gripper[2])} cm up`, x + 13, y + 5);
  }
}
