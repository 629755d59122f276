/* Draws what the viewer shows. */

/* The sample of y that is shown of a picture: only the one in front is stepped through. */
const sampleShown = (what) => (what === S.v && samplesOf(S.t, what).length ? S.k : "");
async function fetchPictures() {
  const wanted = [...new Set([...VIEWS, "@mask", ...picked(), S.v, S.w])].filter(has);
  const one = async (what) => [what, (await sheet(S.t, what, sampleShown(what)))[S.i] ?? null];
  return Object.fromEntries(await Promise.all(wanted.map(one)));
}
/* The picture that is painted: as it is, or the map of its error, of A - B, or of the spread of samples. */
function painted(what, got) {
  const d = got[what];
  if (!d || isGiven(what)) return d;
  if (sampleShown(what) === "spread") return differenceMap(d, null, S.g);
  const other = S.e === 1 ? "@truth" : what === S.v ? S.w : null;
  if (!S.e || !other || !got[other]) return d;
  return differenceMap(d, got[other], S.g) ?? d;
}
/* A y that is a masked picture shows grey where nothing was measured: hatched, since grey is a value too. */
function hatch(pen, mask, left, top, side) {
  const step = side / mask.width;
  pen.beginPath();
  for (let r = 0; r < mask.height; r++)
    for (let c = 0; c < mask.width; c++)
      if (!mask.data[4 * (r * mask.width + c)]) {
        pen.moveTo(left + c * step, top + (r + 1) * step);
        pen.lineTo(left + (c + 1) * step, top + r * step);
      }
  pen.strokeStyle = "#000a";
  pen.lineWidth = 1;
  pen.stroke();
}
/* 8-bit numbers in pixels, from 30 screen pixels a pixel on. */
function writeValues(pen, d, text, box, left, top, step) {
  pen.font = `${Math.min(13, step / 3.4)}px ui-monospace, monospace`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  const [x, y, width, height] = box;
  for (let r = 0; r < d.height; r++)
    for (let c = 0; c < d.width; c++) {
      const [px, py] = [left + (c + 0.5) * step, top + (r + 0.5) * step];
      if (px < x || py < y || px > x + width || py > y + height) continue;
      const k = 4 * (r * d.width + c);
      const light = d.data[k] * 0.3 + d.data[k + 1] * 0.6 + d.data[k + 2] * 0.1;
      pen.fillStyle = light > 128 ? "#000" : "#fff";
      pen.fillText(text(k), px, py);
    }
}
function tile(pen, what, box, clip) {
  const [x, y, width, height] = box;
  const d = painted(what, C.got);
  if (!d) return;
  const [z, cx, cy] = viewport();
  const fit = Math.min(width, (height * d.width) / d.height);
  const f = fit * z;
  const tall = (f * d.height) / d.width;
  const left = x + width / 2 - cx * f;
  const top = y + height / 2 - cy * tall;
  pen.save();
  pen.beginPath();
  pen.rect(...(clip ?? box));
  pen.clip();
  pen.drawImage(toCanvas(d), left, top, f, tall);
  const mask = what === "@y" && C.got["@mask"];
  if (mask) hatch(pen, mask, left, top, f);
  const raw = C.got[what];
  if (f / d.width >= 30 && S.mode !== "grid") {
    const other = S.e === 1 ? C.got["@truth"] : S.e === 2 ? C.got[S.w] : null;
    const text = (k) => (d !== raw && other ? num(raw.data[k] - other.data[k], 0, 1) : raw.data[k]);
    writeValues(pen, d, text, clip ?? box, left, top, f / d.width);
  }
  pen.restore();
  if (!clip || what === S.v) C.tiles.push({ what, x, y, w: width, h: height, fit });
}
const ROOM = 22; /* for a line of text above a picture */
function paintGrid(pen, width, height, ink) {
  const all = [...VIEWS, ...picked()].filter(has);
  const tall = height - (S.e ? 58 : 0);
  let [side, columns] = [0, 1];
  for (let c = 1; c <= all.length; c++) {
    const q = Math.min(width / c, tall / Math.ceil(all.length / c) - ROOM);
    if (q > side) [side, columns] = [q, c];
  }
  const lines = Math.ceil(all.length / columns);
  const gapX = (width - side * columns) / (columns + 1);
  const gapY = (tall - (side + ROOM) * lines) / (lines + 1);
  pen.font = "13px system-ui, sans-serif";
  all.forEach((what, k) => {
    const x = gapX + (k % columns) * (side + gapX);
    const y = gapY + Math.floor(k / columns) * (side + ROOM + gapY) + ROOM;
    const value = C.metric && isRow(what) ? per(S.t, what, C.metric, S.i) : null;
    pen.fillStyle = ink;
    pen.textAlign = "left";
    pen.textBaseline = "alphabetic";
    pen.fillText(nameOf(what) + (value == null ? "" : "  " + num(value, M[C.metric].digits)), x, y - 6, side);
    tile(pen, what, [x + 2, y, side - 4, side - 4]);
  });
}
function caption(what) {
  const value = C.metric && isRow(what) ? per(S.t, what, C.metric, S.i) : null;
  const k = sampleShown(what);
  const sample = k && (k.length > 1 ? `, ${k} of ${samplesOf(S.t, what).length} samples` : `, sample ${k}`);
  const row = !isGiven(what);
  const map =
    row && k !== "spread" && (S.e === 1 ? ", error" : S.e === 2 && what === S.v ? ` − ${nameOf(S.w)}` : "");
  const text = value == null || k ? "" : `  ${num(value, M[C.metric].digits)}${unit(M[C.metric])}`;
  return [
    glyph(what),
    " ",
    nameOf(what),
    text,
    sample,
    map,
    C.got[what] === null && ": no picture of this image",
  ];
}
function legend() {
  const spread = sampleShown(S.v) === "spread";
  C.legend.hidden = !S.e && !spread;
  if (C.legend.hidden) return;
  const ramp = h("canvas", { width: 121, height: 1, "aria-hidden": "true" });
  const pen = ramp.getContext("2d");
  for (let k = 0; k <= 120; k++) {
    pen.fillStyle = `rgb(${diverge(spread ? k / 120 : k / 60 - 1)})`;
    pen.fillRect(k, 0, 1, 1);
  }
  const most = Math.round(255 / S.g);
  const [dark, bright] = S.e === 1 ? ["too dark", "too bright"] : ["darker", "brighter"];
  const text = spread
    ? `0  …  ${most} standard deviation, of 255`
    : `${dark} −${most}  …  0  …  +${most} ${bright}, of 255`;
  fill(C.legend, ramp, text);
}
let turn = 0;
async function paint() {
  if (!C.stage?.isConnected) return;
  const mine = ++turn;
  const got = await fetchPictures();
  if (mine !== turn || !C.stage?.isConnected) return;
  C.got = got;
  C.tiles = [];
  const [width, height, ratio] = [C.stage.clientWidth, C.stage.clientHeight, devicePixelRatio || 1];
  if (!width) return;
  C.view.width = width * ratio;
  C.view.height = height * ratio;
  const pen = C.view.getContext("2d");
  pen.scale(ratio, ratio);
  pen.imageSmoothingEnabled = false;
  const colours = getComputedStyle(document.documentElement);
  const [ink, paper] = ["--ink", "--paper"].map((name) => colours.getPropertyValue(name));
  const sliding = S.mode === "slide";
  C.stage.classList.toggle("sliding", sliding);
  if (S.mode === "grid") paintGrid(pen, width, height, ink);
  else if (sliding) {
    const at = (C.at / 1000) * width;
    tile(pen, S.v, [0, 0, width, height], [0, 0, at, height]);
    tile(pen, S.w, [0, 0, width, height], [at, 0, width - at, height]);
    pen.fillStyle = paper;
    pen.fillRect(at - 1.5, 0, 3, height);
    pen.fillStyle = ink;
    pen.fillRect(at - 0.5, 0, 1, height);
  } else tile(pen, S.v, [0, 0, width, height]);
  C.cap.hidden = S.mode === "grid";
  C.cap2.hidden = C.split.hidden = !sliding;
  fill(C.cap, caption(S.v));
  fill(C.cap2, caption(S.w));
  legend();
  [...C.film.children].forEach((b, k) => b.setAttribute("aria-current", String(k === S.i)));
  $("err").setAttribute("aria-pressed", String(S.e === 1));
  $("diff").setAttribute("aria-pressed", String(S.e === 2));
  panel();
  inspect();
}
