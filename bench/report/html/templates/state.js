/* What the reader chose, kept in the fragment of the address. */

const VIEWS = ["@truth", "@y"];
const ORDERS = ["d", "dr", "ad", "a", "c", "n"];
const SAMPLES = ["", "2", "3", "4", "5", "6", "7", "8", "mean", "spread"];
const blankState = () => ({
  m: D.metrics[0]?.id ?? "",
  s: D.common.length ? "avg" : D.tasks[0].id,
  f: "",
  cap: "",
  b: 1,
  t: D.tasks[0].id,
  sel: [],
  a: "",
  c: "",
  i: 0,
  v: "",
  w: "",
  mode: "flip",
  e: 0,
  g: 2,
  k: "",
  z: "1,0.5,0.5",
  ps: "d",
  th: "",
});
const S = blankState();

const isRow = (x) => Object.hasOwn(R, x);
const isView = (x) => isRow(x) || VIEWS.includes(x);
const oneOf =
  (...values) =>
  (x) =>
    values.includes(x);
const isSort = (x) => {
  const key = x.replace(/\.r$/, "");
  return ["name", "cost", "avg"].includes(key) || Object.hasOwn(T, key);
};
/* Every entry is checked against a closed set: a link may come from anywhere. */
const READ = {
  m: (x) => Object.hasOwn(M, x) && x,
  t: (x) => Object.hasOwn(T, x) && x,
  s: (x) => isSort(x) && x,
  f: (x) => x.slice(0, 100),
  cap: (x) => /^\d{1,7}$/.test(x) && x,
  sel: (x) => {
    const rows = x.split(",").map(decodeURIComponent).filter(isRow).slice(0, 9);
    return rows.length > 0 && rows;
  },
  a: (x) => isRow(x) && x,
  c: (x) => isRow(x) && x,
  v: (x) => isView(x) && x,
  w: (x) => isView(x) && x,
  mode: (x) => oneOf("flip", "slide", "grid")(x) && x,
  z: (x) => /^[\d.]+(,[\d.]+){2}$/.test(x) && x,
  ps: (x) => oneOf(...ORDERS)(x) && x,
  k: (x) => oneOf(...SAMPLES)(x) && x,
  th: (x) => oneOf("light", "dark")(x) && x,
  i: (x) => /^\d{1,3}$/.test(x) && String(Math.min(+x, D.npics - 1)),
  e: (x) => oneOf("0", "1", "2")(x) && x,
  g: (x) => oneOf("1", "2", "4", "8")(x) && x,
  b: (x) => oneOf("0", "1")(x) && x,
};
const NUMBERS = new Set(["i", "e", "g", "b"]);

function readHash() {
  Object.assign(S, blankState());
  for (const [key, text] of new URLSearchParams(location.hash.slice(1))) {
    if (!Object.hasOwn(READ, key)) continue;
    let value;
    try {
      value = READ[key](text);
    } catch {
      continue; /* a malformed escape */
    }
    if (value !== false) S[key] = NUMBERS.has(key) ? +value : value;
  }
}

/* Only what differs from the page's own choice is written, so that links stay short. */
let hashTimer;
function writeHash() {
  clearTimeout(hashTimer);
  hashTimer = setTimeout(() => {
    const own = { ...blankState(), t: S.t, m: S.m };
    chooseRest(own);
    Object.assign(own, { t: blankState().t, m: blankState().m });
    const text = (x) => (Array.isArray(x) ? x.map(encodeURIComponent).join(",") : String(x));
    const query = new URLSearchParams();
    for (const key in own) if (text(S[key]) !== text(own[key])) query.set(key, text(S[key]));
    const words = query.toString().replaceAll("%2C", ",").replaceAll("%40", "@");
    history.replaceState(null, "", "#" + words);
  }, 120);
}

/* What the page chooses where the reader has not: rows with pictures, and the best two as a pair. */
function chooseRest(X = S) {
  const has = (what) => Object.hasOwn(D.pics[X.t], what);
  const known = (r) => Object.keys(cell(X.t, r).v ?? {}).length > 0;
  const rows = order(X.t, X.m);
  const comparable = rows.filter(known);
  if (!X.sel.length) X.sel = rows.filter(has).slice(0, 5);
  if (!X.a || !known(X.a)) X.a = comparable[0] ?? "";
  if (!X.c || X.c === X.a || !known(X.c)) X.c = comparable.find((r) => r !== X.a) ?? "";
  const visible = X.sel.filter(has);
  if (!X.v || !has(X.v)) X.v = visible[0] ?? "@truth";
  if (!X.w || !has(X.w)) X.w = visible.find((r) => r !== X.v) ?? "@truth";
}
function set(change, ...parts) {
  Object.assign(S, change);
  chooseRest();
  draw(parts);
  writeHash();
}
