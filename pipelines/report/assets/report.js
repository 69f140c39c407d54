"use strict";
/* Loaded in the head, so that the theme is there before the first picture; everything
   else waits for the document. */
const MINUS = "\u2212";
const pericope = { receive: () => {} }; // files in data/ call it

// --- theme -------------------------------------------------------------------------
const THEME = "pericope-theme";
const darkSystem = matchMedia("(prefers-color-scheme: dark)");

function stored() {
  try {
    return localStorage.getItem(THEME);
  } catch {
    return null; // a browser may forbid files to keep anything
  }
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : darkSystem.matches;
}

function setUpTheme() {
  const button = document.getElementById("theme");
  const name = () => { button.textContent = isDark() ? "Light" : "Dark"; };
  button.hidden = false;
  name();
  darkSystem.addEventListener("change", name);
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem(THEME, theme);
    } catch {
      // it holds for this page
    }
    name();
  });
}

if (["light", "dark"].includes(stored())) {
  document.documentElement.dataset.theme = stored();
}

// --- numbers -----------------------------------------------------------------------
const FORMATS = [0, 1, 2].map((digits) => new Intl.NumberFormat("en", {
  minimumFractionDigits: digits, maximumFractionDigits: digits,
}));

function decimal(value, digits) {
  return FORMATS[digits].format(value);
}

function hours(msec) {
  const value = msec / 3600000;
  return decimal(value, value < 10 ? 2 : value < 1000 ? 1 : 0);
}

function percent(part, whole) {
  return whole ? `${decimal((part / whole) * 100, 1)} %` : "–";
}

// --- the slider --------------------------------------------------------------------
function setUpThresholds() {
  const column = document.getElementById("column");
  if (!column) return;
  const slider = document.getElementById("threshold");
  const rows = [...document.querySelectorAll("#table tbody tr")].map((row) => ({
    row,
    msec: Number(row.dataset.msec),
    cells: Object.fromEntries(
      [...row.querySelectorAll("[data-kept]")].map((cell) => [cell.dataset.kept, cell]),
    ),
  }));
  const totals = [...document.querySelectorAll("[data-total]")];
  const wholeMsec = rows.reduce((sum, { msec }) => sum + msec, 0);
  const loaded = new Map();

  function fillCell(cell, text, value) {
    cell.textContent = text;
    cell.dataset.sort = value;
  }

  function show() {
    const data = loaded.get(column.value);
    if (!data) return;
    const at = Number(slider.value);
    const number = data.edges[at].toFixed(data.digits);
    let segments = 0;
    let msec = 0;
    for (const { row, msec: all, cells } of rows) {
      const kept = data.kept[row.dataset.code];
      const [count, length] = kept ? [kept[0][at], kept[1][at]] : [0, 0];
      segments += count;
      msec += length;
      fillCell(cells.segments, all ? decimal(count, 0) : "–", count);
      fillCell(cells.hours, all ? hours(length) : "–", length);
      const [told, meter] = cells.share.children;
      told.textContent = percent(length, all);
      meter.firstElementChild.setAttribute("width", all ? (length / all) * 100 : 0);
      cells.share.dataset.sort = all ? length / all : -1;
    }
    const told = {
      segments: decimal(segments, 0), hours: hours(msec), share: percent(msec, wholeMsec),
    };
    for (const cell of totals) cell.textContent = told[cell.dataset.total];
    document.getElementById("value").textContent = number.replace("-", MINUS);
    document.getElementById("comparison").textContent =
      data.better === ">=" ? "is at least" : "is at most";
    slider.setAttribute("aria-valuetext", `${column.value} ${data.better} ${number}`);
    document.getElementById("kept").textContent =
      `${told.hours} h of ${hours(wholeMsec)} h (${told.share}), ${told.segments} segments`;
    document.getElementById("rule").textContent =
      `pericope select corpus.toml NAME --where "${data.name} ${data.better} ${number}"`;
  }

  function choose() {
    const data = loaded.get(column.value);
    if (!data) {
      const script = document.createElement("script");
      script.src = `data/${column.value}.js`;
      return document.head.append(script);
    }
    slider.max = data.edges.length - 1;
    slider.value = data.start;
    slider.disabled = false;
    show();
  }

  pericope.receive = (data) => {
    loaded.set(data.name, data);
    choose();
  };
  column.disabled = false;
  column.addEventListener("change", choose);
  slider.addEventListener("input", show);
  choose();
}

// --- the table of languages --------------------------------------------------------
function setUpSorting() {
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    for (const [place, head] of heads.entries()) {
      if (head.classList.contains("plain")) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sortBy(table, heads, place));
    }
  }
}

function sortBy(table, heads, place) {
  const head = heads[place];
  const isText = head.dataset.kind === "text";
  const orders = isText ? ["ascending", "descending"] : ["descending", "ascending"];
  const order = orders[head.getAttribute("aria-sort") === orders[0] ? 1 : 0];
  for (const other of heads) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const body = table.tBodies[0];
  const keyed = [...body.rows].map((row) => [row.cells[place].dataset.sort ?? "", row]);
  keyed.sort(([a], [b]) => {
    if (isText) return sign * a.localeCompare(b, "en");
    const [x, y] = [parseFloat(a), parseFloat(b)];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
    return sign * (x - y);
  });
  body.append(...keyed.map(([, row]) => row));
}

function setUpFilter() {
  const field = document.getElementById("filter");
  if (!field) return;
  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLowerCase();
    for (const row of document.querySelectorAll("#table tbody tr")) {
      row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
    }
  });
}

// --- segments ----------------------------------------------------------------------
let playing = null; // at most one card

function setUpCard(card) {
  const audio = card.querySelector("audio");
  if (!audio) return;
  const button = card.querySelector(".play");
  const wave = card.querySelector(".wave");
  const head = card.querySelector(".head");
  const seconds = Number(card.dataset.seconds);
  const columns = wave.viewBox.baseVal.width;
  const marks = [...card.querySelectorAll(".mark")];
  const words = [...card.querySelectorAll(".word")].map((word, k) => ({
    word, mark: marks[k], start: Number(word.dataset.start), end: Number(word.dataset.end),
  }));
  card.classList.add("ready");

  function draw() {
    const now = audio.currentTime;
    const x = Math.min(now / seconds, 1) * columns;
    head.setAttribute("x1", x);
    head.setAttribute("x2", x);
    const isOn = !audio.ended && now > 0;
    for (const { word, mark, start, end } of words) {
      const isNow = isOn && start <= now && now < end;
      word.classList.toggle("now", isNow);
      mark.classList.toggle("now", isNow);
    }
    if (!audio.paused) requestAnimationFrame(draw);
  }

  function toggle() {
    if (!audio.paused) audio.pause();
    else audio.play().catch(fail);
  }

  function fail(error) {
    if (error && error.name === "AbortError") return; // stopped before it began
    if (card.querySelector(".failed")) return;
    const told = document.createElement("p");
    told.className = "small failed";
    told.textContent = `The sound cannot be played: ${audio.getAttribute("src")}`;
    card.querySelector(".sound").after(told);
  }

  function seek(time) {
    audio.currentTime = Math.max(0, Math.min(time, seconds));
    draw();
  }

  function step(direction) {
    const now = audio.currentTime;
    const starts = words.map(({ start }) => start);
    const next = direction > 0
      ? starts.find((start) => start > now + 0.01)
      : starts.findLast((start) => start < now - 0.15);
    seek(next ?? (direction > 0 ? now : 0));
  }

  audio.addEventListener("play", () => {
    if (playing && playing !== audio) playing.pause();
    playing = audio;
    button.textContent = "❚❚";
    button.setAttribute("aria-label", "Pause");
    draw();
  });
  for (const name of ["pause", "ended"]) {
    audio.addEventListener(name, () => {
      button.textContent = "▶";
      button.setAttribute("aria-label", "Play");
      draw();
    });
  }
  audio.addEventListener("seeked", draw);
  audio.addEventListener("error", () => fail());
  button.addEventListener("click", toggle);
  wave.addEventListener("click", (event) => {
    const box = wave.getBoundingClientRect();
    seek(((event.clientX - box.left) / box.width) * seconds);
    if (audio.paused) toggle();
  });
  for (const { word, start } of words) {
    word.addEventListener("click", () => {
      seek(start);
      if (audio.paused) toggle();
    });
  }
  card.addEventListener("keydown", (event) => {
    const act = { " ": toggle, ArrowLeft: () => step(-1), ArrowRight: () => step(1) };
    const isButton = event.target === button && event.key === " "; // it does so itself
    if (!act[event.key] || isButton || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    act[event.key]();
  });
}

function setUpCards() {
  const cards = [...document.querySelectorAll(".card")];
  cards.forEach(setUpCard);
  document.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const place = cards.indexOf(document.activeElement);
    if (!step || place < 0 || !cards[place + step]) return;
    event.preventDefault();
    cards[place + step].focus();
  });
}

document.addEventListener("DOMContentLoaded", () => {
  setUpTheme();
  setUpSorting();
  setUpFilter();
  setUpThresholds();
  setUpCards();
});
