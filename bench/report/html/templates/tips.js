/* Definitions on hover, focus and press. */

const tip = $("tip");
function tipOn(e) {
  const b = e.target.closest?.("[data-tip]");
  if (!b) return;
  const m = M[S.m];
  tip.textContent = b.dataset.tip === "@metric" ? `${m.label}: ${m.about}` : b.dataset.tip;
  tip.hidden = false;
  b.setAttribute("aria-describedby", "tip");
  const [from, box] = [b.getBoundingClientRect(), tip.getBoundingClientRect()];
  const below = from.bottom + box.height + 10 < innerHeight;
  tip.style.left = Math.max(8, Math.min(from.left, innerWidth - box.width - 8)) + "px";
  tip.style.top = (below ? from.bottom + 6 : from.top - box.height - 6) + "px";
}
function tipOff() {
  tip.hidden = true;
  for (const b of document.querySelectorAll("[aria-describedby=tip]")) b.removeAttribute("aria-describedby");
}
for (const name of ["mouseover", "focusin", "click"]) document.addEventListener(name, tipOn);
for (const name of ["mouseout", "focusout"])
  document.addEventListener(name, (e) => e.target.closest?.("[data-tip]") && tipOff());
document.addEventListener("keydown", (e) => e.key === "Escape" && tipOff());
addEventListener("scroll", tipOff, { passive: true });
