"use strict";
// Search, filter and sort of the findings, and the theme. The page is whole without any of it.
(() => {
  const root = document.documentElement;

  const theme = document.getElementById("theme");
  if (theme) {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const remembered = () => { try { return localStorage.getItem("auditor-theme"); } catch { return null; } };
    const remember = (value) => { try { localStorage.setItem("auditor-theme", value); } catch { /* a sandbox has no storage */ } };
    const show = (value) => {
      if (value) root.dataset.theme = value;
      const dark = (value || (system.matches ? "dark" : "light")) === "dark";
      theme.dataset.next = dark ? "light" : "dark";
      theme.textContent = dark ? "Light" : "Dark";
      theme.setAttribute("aria-label", dark ? "Light colours" : "Dark colours");
    };
    show(remembered());
    theme.hidden = false;
    theme.addEventListener("click", () => {
      const next = theme.dataset.next;
      remember(next);
      show(next);
    });
    system.addEventListener("change", () => { if (!root.dataset.theme) show(null); });
  }

  const key = (row, column, numeric) => {
    const cell = row.cells[column];
    const value = cell.dataset.value ?? cell.textContent.trim();
    if (!numeric) return value.toLowerCase();
    return value === "" ? -Infinity : Number(value);
  };

  for (const box of document.querySelectorAll(".findings")) {
    const table = box.querySelector("table");
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const words = rows.map((row) => row.textContent.toLowerCase());
    const search = box.querySelector("input");
    const fault = box.querySelector("select");
    const told = box.querySelector(".shown");
    const nothing = box.querySelector(".nothing");

    const filter = () => {
      const wanted = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
      let seen = 0;
      rows.forEach((row, i) => {
        const fits = (!fault || !fault.value || row.dataset.metric === fault.value) && wanted.every((w) => words[i].includes(w));
        row.hidden = !fits;
        if (fits) seen += 1;
      });
      told.textContent = seen === rows.length ? "" : `${seen} of ${rows.length} shown`;
      nothing.hidden = seen > 0;
    };
    search.addEventListener("input", filter);
    if (fault) fault.addEventListener("change", filter);
    box.querySelector(".tools").hidden = false;

    table.querySelectorAll("th[data-sort]").forEach((head) => {
      const numeric = head.dataset.sort === "number";
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const rising = head.getAttribute("aria-sort") !== "ascending";
        table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", rising ? "ascending" : "descending");
        const column = head.cellIndex;
        const sign = rising ? 1 : -1;
        const sorted = rows.map((row, i) => [key(row, column, numeric), i, row]);
        sorted.sort((a, b) => (a[0] < b[0] ? -sign : a[0] > b[0] ? sign : a[1] - b[1]));
        body.append(...sorted.map((entry) => entry[2]));
      });
    });
  }

  const reveal = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const details = target && (target.querySelector("details") || target.closest("details"));
    if (details) details.open = true;
  };
  addEventListener("hashchange", reveal);
  addEventListener("beforeprint", () => document.querySelectorAll(".card:not(.skipped) > details, details:has(.together)").forEach((d) => { d.open = true; }));
  reveal();
})();
