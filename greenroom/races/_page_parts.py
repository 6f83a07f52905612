"""What every page with a picture has: how it looks, and what it does."""

from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--ink:#1f2328;--soft:#57606a;--paper:#fff;--rim:#d5d9df;--bad:#c01c28;--good:#1a7f37;--mark:#fde8e2}
@media(prefers-color-scheme:dark){:root{--ink:#e3e6ea;--soft:#a3abb5;--paper:#16181d;--rim:#33383f;--bad:#ff7b72;--good:#56d364;--mark:#40211b}}
*{box-sizing:border-box}
body{margin:0;height:100vh;display:grid;grid-template:auto 1fr/21rem 1fr;background:var(--paper);color:var(--ink);font:14px/1.4 system-ui,sans-serif}
header{grid-column:1/3;padding:.7rem 1rem;border-bottom:1px solid var(--rim);max-height:40vh;overflow:auto}
h1{font:bold 1.1rem/1.3 ui-monospace,monospace;margin:0 0 .2rem;color:var(--bad);overflow-wrap:anywhere}
h1.passed{color:var(--good)}
header p{margin:0;color:var(--soft);overflow-wrap:anywhere}
header p.more{font-family:ui-monospace,monospace}
code{color:var(--ink);user-select:all}
nav{overflow:auto;padding:.7rem 1rem;border-right:1px solid var(--rim);min-height:0}
h2{font-size:.8rem;margin:1rem 0 .3rem;color:var(--soft)}
nav p,pre{font-size:.8rem;color:var(--soft);margin:0}
pre{white-space:pre-wrap;overflow-wrap:anywhere;color:var(--ink);font-family:ui-monospace,monospace}
ol{list-style:none;margin:0;padding:0}
button{font:inherit;color:inherit;background:none;border:1px solid var(--rim);border-radius:4px;padding:.15rem .5rem;cursor:pointer}
.buttons{display:flex;gap:.3rem}
li button{width:100%;text-align:left;margin:0 0 .25rem;font:.78rem/1.35 ui-monospace,monospace;overflow-wrap:anywhere}
li button.deviates{background:var(--mark)}
button:hover,button:focus-visible,li button.now{border-color:var(--bad)}
main{position:relative;overflow:hidden;min-height:0;cursor:grab;outline:none;touch-action:none}
main.held{cursor:grabbing}
main>svg{display:block;width:100%;height:100%}
#names{box-sizing:content-box;
position:absolute;inset:0 0 auto;overflow:hidden;pointer-events:none;background:var(--paper);border-bottom:1px solid var(--rim)}
#names:empty{display:none}
#names svg{display:block;width:100%;height:100%}
@media(max-width:50rem){body{grid-template:auto auto 1fr/1fr}
header,nav{grid-column:1}nav{max-height:30vh;border-right:0;border-bottom:1px solid var(--rim)}}
"""

SCRIPT: Final = """
"use strict";
(() => {
  const frame = document.querySelector("main"), picture = frame.querySelector(":scope > svg");
  const bar = document.getElementById("names"), detail = document.getElementById("detail");
  const width = picture.viewBox.baseVal.width, height = picture.viewBox.baseVal.height;
  const heads = picture.querySelector("g.names"), top = heads ? Number(heads.dataset.y) : 0;
  const ways = [...document.querySelectorAll("button[data-row]")], SPACE = "http://www.w3.org/2000/svg";
  let x = 0, y = 0, scale = 1, now = -1;
  picture.removeAttribute("width"); picture.removeAttribute("height");
  picture.setAttribute("preserveAspectRatio", "xMinYMin meet");

  const least = () => Math.min(1, frame.clientWidth / width, frame.clientHeight / height) / 2;
  function show() {
    const wide = frame.clientWidth / scale, high = frame.clientHeight / scale;
    x = wide >= width ? (width - wide) / 2 : Math.min(Math.max(x, 0), width - wide);
    y = high >= height ? 0 : Math.min(Math.max(y, 0), height - high);
    picture.setAttribute("viewBox", `${x} ${y} ${wide} ${high}`);
    bar.replaceChildren();
    if (heads && y > top) {  // the names have gone out of sight
      const svg = document.createElementNS(SPACE, "svg");
      svg.setAttribute("viewBox", `${x} ${top} ${wide} 26`);
      svg.setAttribute("preserveAspectRatio", "xMinYMin meet");
      svg.append(heads.cloneNode(true));
      bar.style.height = `${26 * scale}px`;
      bar.append(svg);
    }
  }
  function zoom(by, left, over) {
    const to = Math.min(8, Math.max(least(), scale * by));
    x += left / scale - left / to; y += over / scale - over / to; scale = to;
    show();
  }
  const zoomMiddle = by => zoom(by, frame.clientWidth / 2, frame.clientHeight / 2);
  function fit() { scale = Math.min(1.25, frame.clientWidth / width); x = 0; show(); }
  function whole() { scale = Math.min(1.25, frame.clientWidth / width, frame.clientHeight / height); x = y = 0; show(); }
  function choose(row) {
    for (const other of picture.querySelectorAll(".chosen")) other.classList.remove("chosen");
    row.classList.add("chosen");
    detail.textContent = row.querySelector("title") ? row.querySelector("title").textContent : row.textContent;
    now = ways.findIndex(way => way.dataset.row === row.id);
    for (const way of ways) way.classList.toggle("now", way.dataset.row === row.id);
  }
  function jump(row) {
    const box = row.querySelector("rect");
    if (scale < 0.6) scale = 1;
    y = Number(box.getAttribute("y")) - frame.clientHeight / scale / 2;
    choose(row); show();
  }
  function step(by) {
    if (!ways.length) return;
    now = (now + by + ways.length + (now < 0 && by < 0 ? 1 : 0)) % ways.length;
    jump(document.getElementById(ways[now].dataset.row));
    ways[now].scrollIntoView({block: "nearest"});
  }
  const deeds = {in: () => zoomMiddle(1.25), out: () => zoomMiddle(0.8), fit, whole, before: () => step(-1), after: () => step(1)};
  for (const button of document.querySelectorAll("button[data-do]")) button.onclick = () => deeds[button.dataset.do]();
  for (const way of ways) way.onclick = () => jump(document.getElementById(way.dataset.row));

  frame.addEventListener("wheel", event => {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? frame.clientHeight : 1;
    if (event.ctrlKey || event.metaKey) {
      const box = frame.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY * unit / 400), event.clientX - box.left, event.clientY - box.top);
    } else {
      x += (event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX) * unit / scale;
      if (!event.shiftKey) y += event.deltaY * unit / scale;
      show();
    }
  }, {passive: false});
  let held = null;
  frame.addEventListener("pointerdown", event => { if (!event.button) held = {x: event.clientX, y: event.clientY, moved: false}; });
  window.addEventListener("pointermove", event => {
    if (!held) return;
    const aside = event.clientX - held.x, down = event.clientY - held.y;
    if (!held.moved && Math.abs(aside) + Math.abs(down) < 5) return;
    x -= aside / scale; y -= down / scale;
    held = {x: event.clientX, y: event.clientY, moved: true};
    frame.classList.add("held"); show();
  });
  window.addEventListener("pointerup", event => {
    if (held && !held.moved && event.target.closest) {
      const row = event.target.closest("g.row");
      if (row) choose(row);
    }
    held = null; frame.classList.remove("held");
  });
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const far = 80 / scale, keys = {
      "+": deeds.in, "=": deeds.in, "-": deeds.out, "0": fit, a: whole, n: deeds.after, p: deeds.before,
      ArrowUp: () => { y -= far; show(); }, ArrowDown: () => { y += far; show(); },
      ArrowLeft: () => { x -= far; show(); }, ArrowRight: () => { x += far; show(); },
      PageUp: () => { y -= 0.9 * frame.clientHeight / scale; show(); }, PageDown: () => { y += 0.9 * frame.clientHeight / scale; show(); },
      Home: () => { y = 0; show(); }, End: () => { y = height; show(); },
    };
    if (Object.hasOwn(keys, event.key)) { event.preventDefault(); keys[event.key](); }
  });
  window.addEventListener("resize", show);
  scale = Math.min(1.25, Math.max(0.75, frame.clientWidth / width));  // so that it can be read, also if it is wide
  show();
})();
"""
