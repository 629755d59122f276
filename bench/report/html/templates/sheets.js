/* Pictures: one strip a cell, decoded once, cut into one picture per image. */

const sheets = new Map();
const LARGE = new Map(); /* task -> strips in full size, once its script has come */

const pictureOf = (t, what) =>
  LARGE.get(t)?.[what] ?? (Object.hasOwn(D.pics[t], what) ? D.pics[t][what] : null);
const has = (what) => Object.hasOwn(D.pics[S.t], what);
const samplesOf = (t, r) => (Object.hasOwn(D.samples[t] ?? {}, r) ? D.samples[t][r] : []);
const isGiven = (what) => what.startsWith("@") && !isRow(what);
const nameOf = (what) => ({ "@truth": "Truth", "@y": "Measurement" })[what] ?? what;
const picked = () => S.sel.filter(has);

/* The pictures of a strip as ImageData, null where the image has none. */
function decode(strip) {
  if (!strip) return Promise.resolve([]);
  const [address, width, height, have] = strip;
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = () => {
      const canvas = h("canvas", { width: image.width, height: image.height });
      const pen = canvas.getContext("2d", { willReadFrequently: true });
      pen.drawImage(image, 0, 0);
      resolve(have.map((there, k) => (there ? pen.getImageData(k * width, 0, width, height) : null)));
    };
    image.onerror = () => resolve([]);
    image.src = address;
  });
}
function sheet(t, what, k = "") {
  const key = JSON.stringify([t, what, k]);
  if (!sheets.has(key)) sheets.set(key, k ? sampleSheet(t, what, k) : decode(pictureOf(t, what)));
  return sheets.get(key);
}
/* One sample of y, or the mean or the spread of all. */
async function sampleSheet(t, r, k) {
  const strips = samplesOf(t, r);
  if (/^\d$/.test(k)) return decode(strips[k - 1]);
  const all = await Promise.all(strips.map(decode));
  return Array.from({ length: D.npics }, (_, i) => {
    const pictures = all.map((one) => one[i]).filter(Boolean);
    return pictures.length > 1 ? combine(pictures, k === "spread") : null;
  });
}
/* Mean, or standard deviation, of each value over samples, in 8-bit units. */
function combine(pictures, spread) {
  const { width, height } = pictures[0];
  const out = new ImageData(width, height);
  const n = pictures.length;
  for (let j = 0; j < out.data.length; j++) {
    let sum = 0;
    let squares = 0;
    for (const { data } of pictures) {
      sum += data[j];
      squares += data[j] ** 2;
    }
    const variance = Math.max(0, (squares - sum ** 2 / n) / (n - 1));
    out.data[j] = j % 4 === 3 ? 255 : Math.round(spread ? Math.sqrt(variance) : sum / n);
  }
  return out;
}

/* Full size comes from a script beside the page: from disk a page may not read the pixels of a picture file. */
window.largePictures = (t, strips) => {
  if (!Object.hasOwn(D.large, t)) return;
  const whole = Object.entries(strips).filter(([, strip]) => String(strip[0]).startsWith("data:image/"));
  LARGE.set(t, Object.fromEntries(whole));
  for (const key of [...sheets.keys()]) if (JSON.parse(key)[0] === t) sheets.delete(key);
  draw(["viewer"]);
  say("Pictures in full size");
};
function loadLarge(target) {
  target.disabled = true;
  target.textContent = "Loading …";
  const script = h("script", { src: D.beside + encodeURIComponent(D.large[S.t]) });
  script.onerror = () => (target.textContent = `Not found: ${D.beside}${D.large[S.t]} lies beside the page`);
  document.head.append(script);
}

const toCanvas = (d) => {
  const canvas = h("canvas", { width: d.width, height: d.height });
  canvas.getContext("2d").putImageData(d, 0, 0);
  return canvas;
};
/* -1 .. 1 as blue, grey, orange: of equal lightness at the ends, so that colour-blind readers see it too. */
function diverge(v) {
  const end = v > 0 ? [190, 84, 0] : [28, 96, 180];
  const share = Math.sqrt(Math.min(1, Math.abs(v)));
  return [238, 238, 236].map((middle, k) => Math.round(middle + (end[k] - middle) * share));
}
/* The map of a - b, mean over channels; without b that of a alone. Null where the two differ in size. */
function differenceMap(a, b, gain) {
  if (b && (a.width !== b.width || a.height !== b.height)) return null;
  const out = new ImageData(a.width, a.height);
  for (let k = 0; k < a.data.length; k += 4) {
    let v = 0;
    for (let q = 0; q < 3; q++) v += (a.data[k + q] - (b ? b.data[k + q] : 0)) / 3;
    out.data.set([...diverge((v / 255) * gain), 255], k);
  }
  return out;
}
