// What pages gain with a script. Each works without one; everything here listens on the document, so swapped-in parts need no set-up.

const root = document.documentElement;
const say = JSON.parse(document.getElementById("ui-strings").textContent);
const on = (type, listener, options) => document.addEventListener(type, listener, options);
const cookie = (name) => document.cookie.match(`(?:^|; )${name}=([^;]*)`)?.[1];
const csrfToken = () => cookie("csrftoken") ?? document.querySelector("meta[name=csrf-token]").content;

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${root.dataset.icons}#${name}`);
  svg.append(use);
  return svg;
}

// Toasts: a server says HX-Trigger: {"toast": {text, tone, undo}}; undo is an address that takes a POST.

const TOAST_ICONS = { good: "circle-check", bad: "circle-x", warn: "triangle-alert", info: "info" };

function toast({ text, tone = "info", undo = "" }) {
  const box = document.getElementById("toasts");
  const modal = [...document.querySelectorAll("dialog:modal")].at(-1);
  (modal ?? document.body).append(box); // outside an open dialog nothing can be clicked
  box.hidePopover();
  box.showPopover();
  const item = make("div", { class: "toast" }, icon(TOAST_ICONS[tone] ?? "info"), make("span", { class: "toast-text" }, text));
  if (undo) {
    item.append(make("form", { method: "post", action: undo },
      make("input", { type: "hidden", name: "csrfmiddlewaretoken", value: csrfToken() }),
      make("button", { class: "btn btn-small toast-undo" }, say.undo)));
  }
  const close = make("button", { class: "btn btn-small btn-icon", type: "button", "aria-label": say.close }, icon("x"));
  item.append(close);
  box.append(item);
  let timer;
  const leave = () => { item.remove(); if (!box.children.length) box.hidePopover(); };
  const wait = () => { timer = setTimeout(leave, undo ? 10_000 : 6_000); };
  const stay = () => clearTimeout(timer);
  close.addEventListener("click", leave);
  for (const type of ["pointerenter", "focusin"]) item.addEventListener(type, stay);
  for (const type of ["pointerleave", "focusout"]) item.addEventListener(type, () => { stay(); wait(); });
  wait();
}
on("toast", (event) => toast(event.detail));

// htmx: our token with every request, one policy for what goes wrong, buttons at rest while it runs.

on("htmx:configRequest", (event) => { event.detail.headers["X-CSRFToken"] = csrfToken(); });
on("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  if (status === 422 || status === 409) return; // drawn in place by the page itself
  if (event.detail.xhr.getResponseHeader("HX-Trigger")) return; // the answer brought its own words
  toast({ text: status === 401 || status === 403 ? say.signed_out : status < 500 ? say.refused : say.failed, tone: "bad" });
});
on("htmx:sendError", () => toast({ text: say.offline, tone: "bad" }));
on("htmx:timeout", () => toast({ text: say.slow, tone: "warn" }));
on("htmx:beforeRequest", (event) => {
  // Leaving a text box fires "change" after its "input" was answered; a second answer would swap away what is being clicked.
  const { elt, requestConfig: { verb, triggeringEvent: cause } } = event.detail;
  const typed = cause?.type === "change" && cause.target.matches("input:not([type=checkbox], [type=radio])");
  if (verb === "get" && typed && elt.getAttribute("hx-trigger")?.startsWith("input")) event.preventDefault();
});
on("htmx:beforeRequest", ({ detail }) => rest(detail.requestConfig?.triggeringEvent?.submitter, true));
on("htmx:afterRequest", ({ detail }) => rest(detail.requestConfig?.triggeringEvent?.submitter, false));
on("htmx:load", (event) => {
  const place = event.detail.elt;
  for (const dialog of [place, ...place.querySelectorAll("dialog[data-open]")]) {
    if (dialog.matches("dialog[data-open]") && !dialog.open) dialog.showModal();
  }
});

// On a phone the tab of this page may lie beyond the edge.

for (const tab of document.querySelectorAll(".tabs > [aria-current=page]")) {
  const [at, row] = [tab.getBoundingClientRect(), tab.parentElement.getBoundingClientRect()];
  tab.parentElement.scrollLeft += at.left - row.left - (row.width - at.width) / 2;
}

// A form is sent once: its button rests until the answer, or until the page is shown again.

function rest(button, resting) {
  if (!button) return;
  button.disabled = resting;
  if (resting) button.setAttribute("aria-busy", "true");
  else button.removeAttribute("aria-busy");
}
on("submit", (event) => {
  if (event.defaultPrevented || event.target.method !== "post") return;
  setTimeout(() => rest(event.submitter, true)); // after the browser has read its name and value
  setTimeout(() => rest(event.submitter, false), 8_000); // the answer may have been a download
});
addEventListener("pageshow", (event) => {
  if (event.persisted) for (const button of document.querySelectorAll("[aria-busy=true]")) rest(button, false);
});

// Asking first: <form data-confirm="…"> or a button of it with its own question.

on("submit", (event) => {
  const { target: form, submitter } = event;
  const question = submitter?.dataset.confirm ?? form.dataset.confirm;
  if (!question || form.dataset.agreed) {
    delete form.dataset.agreed;
    return;
  }
  event.preventDefault();
  event.stopImmediatePropagation();
  const dialog = document.getElementById("confirm");
  const yes = dialog.querySelector("[value=yes]");
  dialog.querySelector(".dialog-text").textContent = question;
  yes.textContent = submitter?.dataset.confirmYes ?? form.dataset.confirmYes ?? say.go_on;
  dialog.returnValue = "";
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "yes") return;
    form.dataset.agreed = "true";
    form.requestSubmit(submitter);
  }, { once: true });
  dialog.showModal();
}, { capture: true });

// Dialogs and drawers

on("click", (event) => {
  const opener = event.target.closest("[data-open]:not(dialog)");
  const dialog = opener && document.getElementById(opener.dataset.open);
  if (dialog) {
    event.preventDefault();
    if (dialog === palette) openPalette();
    else dialog.showModal();
  }
  if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
  if (event.target.matches("dialog:modal")) {
    const box = event.target.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside && event.detail) event.target.close();
  }
  if (event.target.closest("[data-theme-toggle]")) changeTheme();
  if (event.target.closest("[data-shortcuts]")) changeShortcuts();
  if (event.target.closest("[data-print]")) print();
});
on("close", (event) => {
  const box = document.getElementById("toasts");
  if (event.target.contains(box)) {
    document.body.append(box);
    if (box.children.length) box.showPopover();
  }
  if (event.target.closest("#drawer-slot")) event.target.remove();
}, { capture: true });

// Many at once: <input type="checkbox" data-select-all> rules the form's other boxes named "ids".

on("change", (event) => {
  const form = event.target.form;
  const all = form?.querySelector("[data-select-all]");
  if (!all) return;
  const boxes = [...form.querySelectorAll('input[type=checkbox][name="ids"]')];
  if (event.target === all) for (const box of boxes) box.checked = all.checked;
  const count = boxes.filter((box) => box.checked).length;
  all.checked = count > 0 && count === boxes.length;
  all.indeterminate = count > 0 && count < boxes.length;
  for (const place of form.querySelectorAll("[data-selected-count]")) place.textContent = count.toLocaleString(root.lang);
});

// A row of a table[data-glance] shows its customer or order in a drawer; on a phone, and in a new tab, the whole page.

const PAGE_OF_ONE = /^\/(?:customers|orders|campaigns)\/\d+\/$/;
const wide = matchMedia("(min-width: 761px)");

on("click", (event) => {
  const link = event.target.closest?.("[data-glance] a[href]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || !wide.matches) return;
  if (!PAGE_OF_ONE.test(link.pathname) || link.origin !== location.origin) return;
  event.preventDefault();
  link.focus(); // where the drawer gives the focus back; Safari does not focus what is clicked
  seen(link.pathname);
  htmx.ajax("GET", `${link.pathname}glance/`, { source: link, target: "#drawer-slot", swap: "innerHTML" });
});

// What was opened last, newest first, for the palette: addresses without names, in a cookie only this site reads.

function seen(path) {
  if (!PAGE_OF_ONE.test(path)) return;
  const others = (cookie("seen") ?? "").split(".").filter((one) => one && one !== path.slice(1, -1));
  document.cookie = `seen=${[path.slice(1, -1), ...others].slice(0, 6).join(".")}; path=/; max-age=2592000; samesite=lax`;
}
seen(location.pathname);

// The palette: a combobox whose matches the server draws; the first is chosen, Enter opens it.

const palette = document.getElementById("palette");
const asked = palette?.querySelector("input");
const matches = () => [...palette.querySelectorAll("[role=option]")];
const chosen = () => palette.querySelector("[role=option][aria-selected=true]");

function openPalette() {
  if (!palette.open) palette.showModal();
  asked.select();
  htmx.trigger(asked.form, "fill");
}
function choose(match) {
  chosen()?.setAttribute("aria-selected", "false");
  asked.setAttribute("aria-expanded", String(Boolean(match)));
  if (!match) return asked.removeAttribute("aria-activedescendant");
  match.setAttribute("aria-selected", "true");
  asked.setAttribute("aria-activedescendant", match.id);
  match.scrollIntoView({ block: "nearest" });
}
on("htmx:afterSwap", ({ detail }) => { if (detail.target.id === "palette-found") choose(matches()[0]); });
asked?.addEventListener("keydown", (event) => {
  const [all, now] = [matches(), chosen()];
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (by && all.length) {
    event.preventDefault();
    choose(all[(all.indexOf(now) + by + all.length) % all.length]);
  }
  // While an answer is on its way, Enter goes to the page of matches instead: never to what was typed before.
  const isFresh = palette.querySelector("[role=listbox]")?.dataset.query === asked.value.trim().replace(/\s+/g, " ");
  if (event.key === "Enter" && !event.isComposing && now && isFresh) {
    event.preventDefault();
    now.click();
  }
});
addEventListener("pageshow", (event) => { if (event.persisted) palette?.close(); });

// Keys: Ctrl K opens the palette. Single letters can be switched off, and rest while something is typed or a dialog is open.

const shortcutsOff = () => localStorage.getItem("shortcuts") === "off";
function showShortcuts(place = document) {
  for (const button of place.querySelectorAll("[data-shortcuts]")) button.setAttribute("aria-checked", String(!shortcutsOff()));
}
function changeShortcuts() {
  localStorage.setItem("shortcuts", shortcutsOff() ? "on" : "off");
  showShortcuts();
}
showShortcuts();
on("htmx:load", (event) => showShortcuts(event.detail.elt));

function step(by) {
  const links = [...document.querySelectorAll("main .table tbody tr")]
    .filter((row) => row.checkVisibility()).map((row) => row.querySelector("a[href]")).filter(Boolean);
  const at = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
  links[at < 0 ? 0 : Math.min(Math.max(at + by, 0), links.length - 1)]?.focus();
}
const LETTERS = {
  "/": () => { const box = document.querySelector("main input[type=search]"); if (box) box.focus(); else if (palette) openPalette(); },
  "?": () => document.querySelector("[data-keys]")?.click(),
  n: () => { const add = document.querySelector("main [data-key=n]"); if (add) add.click(); else if (palette) openPalette(); },
  j: () => step(1),
  k: () => step(-1),
  x: () => document.activeElement.closest("tr")?.querySelector("input[type=checkbox]")?.click(),
};

let wentAt = -Infinity; // when g was pressed
on("keydown", (event) => {
  const key = event.key?.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && key === "k" && palette) {
    event.preventDefault();
    return openPalette();
  }
  const typing = event.target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || shortcutsOff() || document.querySelector("dialog:modal")) return;
  const page = event.timeStamp - wentAt < 1500 && document.querySelector(`.menu [data-key="${CSS.escape(key)}"]`);
  wentAt = key === "g" ? event.timeStamp : -Infinity;
  if (page) page.click();
  else if (Object.hasOwn(LETTERS, key)) {
    event.preventDefault();
    LETTERS[key]();
  }
});

// Light and dark

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const redrawCharts = () => { for (const chart of document.querySelectorAll("ui-chart")) chart.redraw(); };
function changeTheme() {
  const theme = (root.dataset.theme ?? (prefersDark.matches ? "dark" : "light")) === "dark" ? "light" : "dark";
  root.dataset.theme = theme;
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  redrawCharts();
}
prefersDark.addEventListener("change", redrawCharts);

// Charts: <ui-chart src="…json" label="…"> fetches a plotly figure when it comes near the screen.

const CHART_CONFIG = {
  displayModeBar: false, displaylogo: false, showSendToCloud: false, plotlyServerURL: "", responsive: true,
  locale: root.lang.startsWith("zh") ? "zh-CN" : "en",
};
let library;
function plotly() {
  library ??= new Promise((resolve, reject) => {
    // plotly finds this sheet by its id and then inserts no styles of its own, which our policy would refuse
    document.head.append(make("link", { rel: "stylesheet", id: "plotly.js-style-global", class: "no-inline-styles", href: root.dataset.plotlyCss }));
    const script = make("script", { src: root.dataset.plotly });
    script.addEventListener("load", () => resolve(window.Plotly));
    script.addEventListener("error", () => { library = undefined; reject(new Error(script.src)); });
    document.head.append(script);
  });
  return library;
}

function colours(probe) {
  const known = new Map([["var(--font)", getComputedStyle(probe).fontFamily]]);
  const read = (text) => {
    if (!known.has(text)) {
      probe.style.color = text;
      known.set(text, getComputedStyle(probe).color);
      probe.removeAttribute("style"); // an empty one, copied by a swap, would offend the style policy
    }
    return known.get(text);
  };
  const paint = (value) =>
    typeof value === "string" ? (value.startsWith("var(--") ? read(value) : value)
    : Array.isArray(value) ? value.map(paint)
    : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([key, part]) => [key, paint(part)]))
    : value;
  return paint;
}

function dressed(figure, height) {
  const layout = figure.layout ?? {};
  const axis = {
    fixedrange: true, gridcolor: "var(--line)", linecolor: "var(--line)", zerolinecolor: "var(--line-strong)", zerolinewidth: 1,
    tickcolor: "var(--line)", ticks: "", automargin: true,
  };
  const axes = new Set(["xaxis", "yaxis", ...Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))]);
  return {
    colorway: ["var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)", "var(--c5)", "var(--c6)"],
    barcornerradius: 3,
    ...layout,
    ...Object.fromEntries([...axes].map((key) => [key, { ...axis, ...(key.startsWith("x") && { showgrid: false }), ...layout[key], fixedrange: true }])),
    height,
    autosize: true,
    dragmode: false,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 8, r: 8, t: 8, b: 8, ...layout.margin },
    font: { size: 12, color: "var(--ink-2)", family: "var(--font)", ...layout.font },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", traceorder: "normal", ...layout.legend },
    hoverlabel: layout.hoverlabel ?? { bgcolor: "var(--ink)", bordercolor: "var(--ink)", font: { color: "var(--on-ink)", family: "var(--font)" } },
  };
}

class Chart extends HTMLElement {
  connectedCallback() {
    this.plot = this.querySelector(".chart-plot");
    this.plot.setAttribute("role", "img");
    this.plot.setAttribute("aria-label", this.getAttribute("label"));
    this.watcher = new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting) return;
      this.watcher.disconnect();
      this.load();
    }, { rootMargin: "200px" });
    this.watcher.observe(this);
  }

  disconnectedCallback() {
    this.watcher.disconnect();
    if (this.figure) window.Plotly?.purge(this.plot);
  }

  async load() {
    try {
      const [Plotly, answer] = await Promise.all([plotly(), fetch(this.getAttribute("src"), { headers: { Accept: "application/json" } })]);
      if (!answer.ok || answer.redirected) throw new Error(`${answer.status} ${answer.url}`);
      this.figure = await answer.json();
      this.height = this.plot.clientHeight;
      await this.draw(Plotly);
      this.setAttribute("data-ready", "");
    } catch (error) {
      this.figure = undefined;
      this.setAttribute("data-failed", String(error));
      this.plot.removeAttribute("role");
      this.plot.removeAttribute("aria-label");
      this.plot.replaceChildren(make("div", { class: "callout callout-warn" }, icon("triangle-alert"), make("p", {}, say.chart_failed)));
      const table = this.querySelector("details");
      if (table) table.open = true;
    }
  }

  draw(Plotly) {
    const paint = colours(this);
    return Plotly.react(this.plot, paint(this.figure.data ?? []), paint(dressed(this.figure, this.height)), CHART_CONFIG);
  }

  async redraw() {
    if (!this.figure) return;
    await new Promise(requestAnimationFrame); // let the page itself change first
    await this.draw(window.Plotly);
  }
}
customElements.define("ui-chart", Chart);
