/* Which task is shown below. */

function openTask(t) {
  set({ t }, "task");
  $("tab-" + D.tasks.indexOf(T[t])).focus({ preventScroll: true });
}
function tabs() {
  const tab = (t, k) =>
    h(
      "button",
      {
        type: "button",
        class: "plain",
        role: "tab",
        id: "tab-" + k,
        "data-task": t.id,
        "aria-selected": String(t.id === S.t),
        tabindex: t.id === S.t ? 0 : -1,
        title: t.title,
        onclick: () => openTask(t.id),
      },
      t.short,
    );
  fill($("tasks"), h("div", { class: "in", role: "tablist", "aria-label": "Task" }, D.tasks.map(tab)));
  $("panel").setAttribute("aria-labelledby", "tab-" + D.tasks.indexOf(T[S.t]));
  const [box, now] = [$("tasks").firstChild, $("tasks").querySelector("[aria-selected=true]")];
  box.scrollLeft = now.offsetLeft - box.clientWidth / 2;
}
$("tasks").addEventListener("keydown", (e) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
  if (!step) return;
  e.preventDefault();
  const n = D.tasks.length;
  openTask(D.tasks[(D.tasks.indexOf(T[S.t]) + step + n) % n].id);
});
