/* The stage listens: keys, wheel, drag, pinch. */

const clamp = (x) => Math.min(1, Math.max(0, x));
function viewport() {
  const [z, x, y] = S.z.split(",").map(Number);
  if (![z, x, y].every(Number.isFinite)) return [1, 0.5, 0.5];
  return [Math.min(64, Math.max(1, z)), clamp(x), clamp(y)];
}
const tileAt = (x, y) => C.tiles.find((q) => x >= q.x && x < q.x + q.w && y >= q.y && y < q.y + q.h);
const lookAt = (z, x, y) => {
  S.z = z === 1 ? "1,0.5,0.5" : [z, clamp(x), clamp(y)].map((q) => +q.toFixed(4)).join(",");
  paint();
  writeHash();
};
/* Zooms so that the point below x, y stays where it is. */
function zoom(factor, x, y) {
  const [z, cx, cy] = viewport();
  const tile = tileAt(x, y) || C.tiles[0];
  if (!tile) return;
  const n = Math.min(64, Math.max(1, z * factor));
  const px = cx + (x - tile.x - tile.w / 2) / (tile.fit * z);
  const py = cy + (y - tile.y - tile.h / 2) / (tile.fit * z);
  lookAt(n, px - ((px - cx) * z) / n, py - ((py - cy) * z) / n);
}
function show(what) {
  if (!what || !has(what)) say(`${nameOf(what ?? "This row")}: no picture here`);
  else if (what !== S.v) {
    set({ w: S.v, v: what, k: "" }, "paint");
    say(nameOf(what));
  }
}
function nextRow(step) {
  const all = [...picked(), ...VIEWS].filter(has);
  show(all[(all.indexOf(S.v) + step + all.length) % all.length]);
}
function nextImage(step) {
  const n = Math.min(D.npics, T[S.t].images.length);
  set({ i: (S.i + step + n) % n }, "paint");
}
function nextSample() {
  const k = samplesOf(S.t, S.v).length;
  if (!k) {
    say("One sample only");
    return;
  }
  const all = ["", ...SAMPLES.slice(1, k), "mean", "spread"];
  set({ k: all[(all.indexOf(S.k) + 1) % all.length] }, "paint");
}
const toggleMode = (mode) => set({ mode: S.mode === mode ? "flip" : mode }, "viewer");
const toggleMap = (e) => set({ e: S.e === e ? 0 : e }, "paint");
const atMiddle = (factor) => zoom(factor, C.stage.clientWidth / 2, C.stage.clientHeight / 2);
const KEYS = {
  " ": () => set({ v: S.w, w: S.v, k: "" }, "paint"),
  t: () => show("@truth"),
  y: () => show("@y"),
  e: () => toggleMap(1),
  d: () => toggleMap(2),
  n: nextSample,
  s: () => toggleMode("slide"),
  g: () => toggleMode("grid"),
  arrowright: () => nextImage(1),
  arrowleft: () => nextImage(-1),
  arrowdown: () => nextRow(1),
  arrowup: () => nextRow(-1),
  "+": () => atMiddle(1.5),
  "=": () => atMiddle(1.5),
  "-": () => atMiddle(1 / 1.5),
  0: () => lookAt(1, 0.5, 0.5),
};
function keys(e) {
  if (e.ctrlKey || e.metaKey || e.altKey || e.target === C.split) return;
  const key = e.key.toLowerCase();
  if (/^[1-9]$/.test(key)) show(picked()[key - 1]);
  else if (Object.hasOwn(KEYS, key)) KEYS[key]();
  else return;
  e.preventDefault();
  if (key === "s" || key === "g") C.stage.focus({ preventScroll: true });
}
function listen(stage) {
  const points = new Map();
  let pinch = 0;
  stage.addEventListener("keydown", keys);
  /* The wheel zooms only after a press, so that the page still scrolls. */
  const wheel = (e) => {
    if (document.activeElement !== stage && !e.ctrlKey) return;
    e.preventDefault();
    zoom(Math.exp(-e.deltaY * 0.0016), e.offsetX, e.offsetY);
  };
  stage.addEventListener("wheel", wheel, { passive: false });
  stage.addEventListener("pointerdown", (e) => {
    if (e.target === C.split) return;
    stage.focus({ preventScroll: true });
    stage.setPointerCapture(e.pointerId);
    points.set(e.pointerId, [e.offsetX, e.offsetY]);
  });
  stage.addEventListener("pointermove", (e) => {
    hover(e.offsetX, e.offsetY);
    const last = points.get(e.pointerId);
    if (!last) return;
    points.set(e.pointerId, [e.offsetX, e.offsetY]);
    if (points.size === 2) {
      const [p, q] = [...points.values()];
      const distance = Math.hypot(p[0] - q[0], p[1] - q[1]);
      if (pinch) zoom(distance / pinch, (p[0] + q[0]) / 2, (p[1] + q[1]) / 2);
      pinch = distance;
      return;
    }
    const [z, cx, cy] = viewport();
    const f = (C.tiles[0]?.fit ?? 1) * z;
    if (z > 1) lookAt(z, cx - (e.offsetX - last[0]) / f, cy - (e.offsetY - last[1]) / f);
  });
  const leave = (e) => {
    points.delete(e.pointerId);
    pinch = 0;
  };
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"])
    stage.addEventListener(name, leave);
  stage.addEventListener("pointerleave", () => {
    C.hover = null;
    inspect();
  });
}
function hover(x, y) {
  const tile = tileAt(x, y);
  C.hover = null;
  if (tile) {
    const [z, cx, cy] = viewport();
    const f = tile.fit * z;
    const u = cx + (x - tile.x - tile.w / 2) / f;
    const v = cy + (y - tile.y - tile.h / 2) / f;
    if (u >= 0 && u < 1 && v >= 0 && v < 1) C.hover = [u, v];
  }
  inspect();
}
