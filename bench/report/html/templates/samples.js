/* What a mean does not say: two groups of images, and the randomness of a method. */

const percent = (x) => `${num(100 * x, 0)} %`;
const shareBar = (x) =>
  s(
    "svg",
    { class: "share", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    s("rect", { width: 100, height: 10, fill: "none", stroke: "var(--line2)", "stroke-width": 2 }),
    s("rect", { width: 100 * x, height: 10, fill: "var(--soft)" }),
  );
function successPart(t) {
  const lines = Object.entries(t.success);
  if (!lines.length) return null;
  const note =
    `A success is a reconstruction of at least ${t.threshold} dB, with Wilson’s 95 % interval over images. It is ` +
    "shown for phase retrieval, and where the PSNR of some row falls into two groups by the dip test: the mean " +
    "then describes no image.";
  const line = ([id, [share, low, high, q1, q2, q3, split]]) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, glyph(id), " ", id),
      h("td", {}, percent(share), small(` ${num(100 * low, 0)}–${num(100 * high, 0)} `), shareBar(share)),
      [q1, q2, q3].map((q) => h("td", {}, num(real(q), 2))),
      h("td", {}, split ? "two groups" : "–"),
    );
  return [
    h("h3", {}, "How often it succeeds"),
    h("p", { class: "note" }, note),
    wideTable(
      "How often it succeeds",
      heads("Row", `At least ${t.threshold} dB`, "Lower quartile, dB", "Median", "Upper quartile", "Scores"),
      h("tbody", {}, lines.map(line)),
    ),
  ];
}
function noisePart(t) {
  const m = M[t.by];
  const lines = Object.entries(t.noise);
  const alone = t.single.length
    ? `One sample of each image${lines.length ? ` of ${list(t.single)}` : ""}: the randomness of a method cannot ` +
      "be told from how images differ. It is in every difference, and another seed gives others."
    : "";
  if (!m || !(lines.length || alone)) return null;
  const head = h("h3", {}, "Images and the method’s own randomness");
  if (!lines.length) return [head, h("p", { class: "note" }, alone)];
  const line = ([id, [k, between, within, share, images]]) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, glyph(id), " ", id),
      h("td", {}, k),
      h("td", {}, images),
      h("td", {}, num(between, m.digits), unit(m)),
      h("td", {}, within ? [num(within, m.digits), unit(m)] : "deterministic: its samples are equal"),
      h("td", {}, percent(share), " ", shareBar(share)),
    );
  const note =
    `${m.label} varies between images, and within an image from sample to sample (standard deviations, by the ` +
    "analysis of variance with random effects). The share is that of the samples in the variance of one result. ";
  return [
    head,
    h("p", { class: "note" }, note, alone),
    wideTable(
      "Components of the variance",
      heads("Row", "Samples", "Images", "Between images", "Within an image", "Share within"),
      h("tbody", {}, lines.map(line)),
    ),
  ];
}
function samples() {
  const t = T[S.t];
  const parts = t.success ? [successPart(t), noisePart(t)].filter(Boolean) : [];
  $("samples").hidden = !parts.length;
  fill($("samples"), h("h2", { id: "samples-h" }, "What a mean does not say"), parts);
}
