"use strict";
// Pan, zoom, search, keys and the facts of a node. The picture is whole without any of it.
(() => {
  const { start, nodes, edges } = JSON.parse(document.getElementById("data").textContent);
  const picture = document.getElementById("picture");
  const view = document.getElementById("view");
  const facts = document.getElementById("facts");
  const boxes = [...view.querySelectorAll(".node")];
  const lines = [...view.querySelectorAll(".edge")];
  const into = nodes.map(() => []), out = nodes.map(() => []);
  edges.forEach(([source, target], i) => { out[source].push(i); into[target].push(i); });
  const WIDTH = 208, HEIGHT = 52, MARGIN = 24, SMALLEST = 0.03, LARGEST = 4, LEGIBLE = 0.62;
  const count = (n, noun) => `${n.toLocaleString("en-US")} ${noun}${n === 1 ? "" : "s"}`;
  const make = (name, text, className) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (className) element.className = className;
    return element;
  };

  // The SVG is as large as its place; this transform is the whole camera.
  const whole = picture.viewBox.baseVal;
  const extent = { x: whole.x, y: whole.y, width: whole.width, height: whole.height };
  picture.removeAttribute("viewBox");
  const camera = { x: 0, y: 0, k: 1 };
  const draw = () => view.setAttribute("transform", `translate(${camera.x.toFixed(2)} ${camera.y.toFixed(2)}) scale(${camera.k.toFixed(4)})`);
  const size = () => picture.getBoundingClientRect();
  const fitting = () => Math.min(1.25, size().width / extent.width, size().height / extent.height);
  // What the facts leave free: on a phone they lie over the lower half of the picture.
  const room = () => {
    const s = size(), over = facts.hidden ? s.bottom : facts.getBoundingClientRect().top;
    return { width: s.width, height: facts.offsetWidth < s.width ? s.height : Math.min(s.height, over - s.top) };
  };
  const centre = (x, y) => { const s = room(); camera.x = s.width / 2 - x * camera.k; camera.y = s.height / 2 - y * camera.k; draw(); };
  const fit = () => { camera.k = Math.max(SMALLEST, fitting()); centre(extent.x + extent.width / 2, extent.y + extent.height / 2); };
  const show = (i) => centre(nodes[i].x + WIDTH / 2, nodes[i].y + HEIGHT / 2);
  const zoom = (factor, x = size().width / 2, y = size().height / 2) => {
    const k = Math.min(LARGEST, Math.max(SMALLEST, camera.k * factor));
    camera.x = x - (x - camera.x) * k / camera.k;
    camera.y = y - (y - camera.y) * k / camera.k;
    camera.k = k;
    draw();
  };
  const reveal = (i) => {
    const s = room(), x = nodes[i].x * camera.k + camera.x, y = nodes[i].y * camera.k + camera.y;
    if (x < MARGIN || y < MARGIN || x + WIDTH * camera.k > s.width - MARGIN || y + HEIGHT * camera.k > s.height - MARGIN) show(i);
  };
  const home = () => {
    fit();
    if (camera.k < LEGIBLE) { camera.k = LEGIBLE; show(start); }
  };

  const walk = (from, links, end) => {
    const seen = new Set([from]), found = new Set(), queue = [from];
    while (queue.length) {
      for (const i of links[queue.pop()]) {
        // An eval set only measures: nothing flows through it.
        if (edges[i][2] === "eval" && edges[i][end] !== from && edges[i][1 - end] !== from) continue;
        found.add(i);
        const next = edges[i][end];
        if (edges[i][2] !== "eval" && !seen.has(next)) { seen.add(next); queue.push(next); }
        else seen.add(next);
      }
    }
    return [seen, found];
  };

  let chosen = null;
  const choose = (i, { focus = false } = {}) => {
    chosen = i;
    view.classList.toggle("chosen", i !== null);
    const [above, up] = i === null ? [new Set(), new Set()] : walk(i, into, 0);
    const [below, down] = i === null ? [new Set(), new Set()] : walk(i, out, 1);
    boxes.forEach((box, n) => {
      box.classList.toggle("lit", above.has(n) || below.has(n));
      box.classList.toggle("here", n === i);
      if (n === i) box.setAttribute("aria-pressed", "true"); else box.removeAttribute("aria-pressed");
    });
    lines.forEach((line, n) => line.classList.toggle("lit", up.has(n) || down.has(n)));
    tell(i, above.size - 1, below.size - 1);
    if (i !== null && focus) { reveal(i); boxes[i].focus({ preventScroll: true }); }
  };

  const tell = (i, above, below) => {
    facts.replaceChildren();
    facts.hidden = i === null;
    if (i === null) return;
    const node = nodes[i];
    const head = make("div", undefined, "head");
    const close = make("button", "×");
    close.type = "button";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", () => { choose(null); boxes[i].focus({ preventScroll: true }); });
    head.append(make("h2", node.label), close);
    const list = make("dl");
    const add = (key, value, className) => { if (value !== null && value !== undefined && value !== "") list.append(make("dt", key), make("dd", value, className)); };
    if (node.withdrawn !== null) add("Withdrawn", node.withdrawn || "yes", "grave");
    add("Kind", node.kind === "file" ? "unregistered file" : node.data ? `${node.data} ${node.kind}` : node.kind);
    add("Version", node.version);
    add("Status", node.status, node.status === "rejected" ? "grave" : "");
    add("Rows", node.rows === null ? null : node.rows.toLocaleString("en-US"));
    add("Technique", node.technique);
    add("Digest", node.digest);
    add("Made from", count(above, "node"));
    add("Went into", count(below, "node"));
    facts.append(head, list);
    for (const [title, links, end] of [["Directly from", into[i], 0], ["Directly into", out[i], 1]]) {
      if (!links.length) continue;
      const rows = make("ul");
      for (const n of links) {
        const other = edges[n][end], button = make("button", nodes[other].label), item = make("li");
        const said = [edges[n][2]];
        if (edges[n][3] !== null) said.push(count(edges[n][3], "row"));
        button.type = "button";
        button.append(make("span", `  ${said.join(" · ")}`));
        button.addEventListener("click", () => choose(other, { focus: true }));
        item.append(button);
        rows.append(item);
      }
      facts.append(make("h3", title), rows);
    }
    facts.scrollTop = 0;
  };

  // Pointers: one drags, two pinch, a tap chooses.
  const pointers = new Map();
  let moved = 0;
  const at = (event) => { const s = size(); return { x: event.clientX - s.left, y: event.clientY - s.top }; };
  const spread = () => { const [a, b] = [...pointers.values()]; return { d: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }; };
  picture.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    if (!pointers.size) moved = 0;
    pointers.set(event.pointerId, at(event));
  });
  addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = at(event), pinch = pointers.size === 2 ? spread() : null;
    pointers.set(event.pointerId, now);
    moved += Math.hypot(now.x - before.x, now.y - before.y);
    if (moved > 4) picture.classList.add("dragged");
    if (pinch) {
      const after = spread();
      zoom(after.d / (pinch.d || 1), after.x, after.y);
      camera.x += after.x - pinch.x;
      camera.y += after.y - pinch.y;
    } else {
      camera.x += now.x - before.x;
      camera.y += now.y - before.y;
    }
    draw();
  });
  const lift = (event) => { pointers.delete(event.pointerId); if (!pointers.size) picture.classList.remove("dragged"); };
  addEventListener("pointerup", lift);
  addEventListener("pointercancel", lift);
  picture.addEventListener("click", (event) => {
    if (moved > 4) return;
    const box = event.target.closest(".node");
    choose(box ? boxes.indexOf(box) : null);
    if (box) reveal(chosen);
  });
  picture.addEventListener("wheel", (event) => {
    event.preventDefault();
    const { x, y } = at(event);
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016) * (event.ctrlKey ? 4 : 1)), x, y);
  }, { passive: false });

  // Keys: arrows walk the graph from the node in focus.
  const beside = (i, step) => {
    const near = nodes.map((_, n) => n).filter((n) => Math.abs(nodes[n].x - nodes[i].x) < 1).sort((a, b) => nodes[a].y - nodes[b].y);
    return near[near.indexOf(i) + step];
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === search) return;
    const i = boxes.indexOf(document.activeElement);
    const go = { ArrowLeft: () => into[i].length ? edges[into[i][0]][0] : undefined, ArrowRight: () => out[i].length ? edges[out[i][0]][1] : undefined, ArrowUp: () => beside(i, -1), ArrowDown: () => beside(i, 1) }[event.key];
    if (i >= 0 && go) {
      const next = go();
      event.preventDefault();
      if (next !== undefined) choose(next, { focus: true });
    } else if (i >= 0 && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      choose(i, { focus: true });
    } else if (event.key === "Escape") choose(null);
    else if (event.key === "/") { event.preventDefault(); search.focus(); }
    else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "f" || event.key === "0") fit();
  });
  boxes.forEach((box, i) => box.addEventListener("focus", () => { if (box.matches(":focus-visible")) reveal(i); }));

  const search = document.getElementById("search");
  const found = document.getElementById("found");
  let matches = [], place = 0;
  const list = () => {
    const words = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const text = (node) => `${node.label} ${node.kind} ${node.data || ""} ${node.status || ""} ${node.technique || ""} ${node.digest || ""} ${node.withdrawn !== null ? "withdrawn" : ""}`.toLowerCase();
    matches = words.length ? nodes.map((_, i) => i).filter((i) => words.every((word) => text(nodes[i]).includes(word))).slice(0, 50) : [];
    place = 0;
    found.replaceChildren();
    matches.forEach((i, n) => {
      const item = make("li", nodes[i].label);
      item.id = `found-${n}`;
      item.setAttribute("role", "option");
      item.append(make("span", `  ${nodes[i].kind}`));
      item.addEventListener("pointerdown", (event) => { event.preventDefault(); take(n); });
      found.append(item);
    });
    if (words.length && !matches.length) found.append(make("li", "nothing is called so"));
    found.hidden = !words.length;
    search.setAttribute("aria-expanded", String(!found.hidden));
    mark();
  };
  const mark = () => {
    [...found.children].forEach((item, n) => { item.classList.toggle("at", matches.length && n === place); item.setAttribute("aria-selected", String(n === place)); });
    if (matches.length) { search.setAttribute("aria-activedescendant", `found-${place}`); found.children[place].scrollIntoView({ block: "nearest" }); }
    else search.removeAttribute("aria-activedescendant");
  };
  const hide = () => { found.hidden = true; search.setAttribute("aria-expanded", "false"); };
  const take = (n) => {
    if (matches[n] === undefined) return;
    hide();
    if (camera.k < LEGIBLE) { camera.k = LEGIBLE; show(matches[n]); }
    choose(matches[n], { focus: true });
  };
  search.addEventListener("input", list);
  search.addEventListener("focus", list);
  search.addEventListener("blur", hide);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") take(place);
    else if (event.key === "Escape") { search.value = ""; list(); search.blur(); }
    else if (matches.length && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      place = (place + (event.key === "ArrowDown" ? 1 : matches.length - 1)) % matches.length;
      mark();
    }
  });

  const theme = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const named = () => {
    const dark = (document.documentElement.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
    theme.textContent = dark ? "Light" : "Dark";
    theme.setAttribute("aria-label", dark ? "Light colours" : "Dark colours");
    return dark;
  };
  theme.addEventListener("click", () => { document.documentElement.dataset.theme = named() ? "light" : "dark"; named(); });
  system.addEventListener("change", named);
  document.getElementById("in").addEventListener("click", () => zoom(1.25));
  document.getElementById("out").addEventListener("click", () => zoom(0.8));
  document.getElementById("fit").addEventListener("click", fit);
  document.querySelector(".tools").hidden = false;
  named();
  // A frame may get its size after the page: until somebody moves the picture, it is placed anew.
  let placed = null;
  const settle = () => {
    if (placed !== null && (placed !== view.getAttribute("transform") || !facts.hidden)) return;
    home();
    placed = view.getAttribute("transform");
  };
  settle();
  new ResizeObserver(settle).observe(picture);
})();
