// A browser made of little: what the script of a page asks for, and no more. Deeds come as arguments; after each, what is seen goes out as a line.
"use strict";
const WIDE = 1000, HIGH = 600, LONG = 4000, ROW = 40;
class Thing {
  constructor(tag, data = {}) {
    this.tag = tag; this.dataset = {}; this.attributes = {}; this.children = []; this.listeners = {}; this.style = {};
    this.names = new Set(); this.textContent = ""; this.clientWidth = WIDE; this.clientHeight = HIGH; Object.assign(this, data);
    this.classList = {
      add: name => this.names.add(name), remove: name => this.names.delete(name),
      toggle: (name, on) => on ? this.names.add(name) : this.names.delete(name),
    };
  }
  setAttribute(name, value) { this.attributes[name] = String(value); }
  getAttribute(name) { return this.attributes[name]; }
  removeAttribute(name) { delete this.attributes[name]; }
  addEventListener(name, listener) { (this.listeners[name] ??= []).push(listener); }
  fire(name, event) { for (const listener of this.listeners[name] ?? []) listener({preventDefault() {}, ...event}); }
  replaceChildren(...children) { this.children = children; }
  append(child) { this.children.push(child); }
  cloneNode() { return this; }
  getBoundingClientRect() { return {left: 0, top: 0}; }
  closest(selector) { return selector === "g.row" && this.row || null; }
  scrollIntoView() {}
  querySelector(selector) { return this.found?.[selector] ?? null; }
  querySelectorAll(selector) { return this.all ? this.all(selector) : []; }
}
const rows = Object.fromEntries([...Array(100).keys()].map(number => {
  const rect = new Thing("rect"); rect.setAttribute("y", ROW * number);
  const row = new Thing("g", {id: `r${number}`, found: {rect, title: {textContent: `row ${number}`}}});
  row.row = row;
  return [row.id, row];
}));
const heads = new Thing("g", {dataset: {y: "20"}});
const picture = new Thing("svg", {
  viewBox: {baseVal: {width: WIDE, height: LONG}}, found: {"g.names": heads},
  all: selector => Object.values(rows).filter(row => row.names.has(selector.slice(1))),
});
const bar = new Thing("div"), detail = new Thing("pre");
const ways = ["r10", "r70"].map(row => new Thing("button", {dataset: {row}}));
const buttons = ["in", "out", "fit", "whole", "before", "after"].map(name => new Thing("button", {dataset: {do: name}}));
const frame = new Thing("main", {found: {":scope > svg": picture}});
const page = new Thing("document", {
  found: {main: frame}, all: selector => selector === "button[data-row]" ? ways : selector === "button[data-do]" ? buttons : [],
});
page.getElementById = id => ({names: bar, detail})[id] ?? rows[id];
page.createElementNS = (_, tag) => new Thing(tag);
globalThis.document = page;
globalThis.window = new Thing("window");

/* SCRIPT */

const deeds = {
  wheel: (aside, down, left, over) => aside === "ctrl"
    ? frame.fire("wheel", {ctrlKey: true, deltaMode: 0, deltaX: 0, deltaY: +down, clientX: +left, clientY: +over})
    : frame.fire("wheel", {deltaMode: 0, deltaX: +aside, deltaY: +down}),
  key: key => page.fire("keydown", {key}),
  press: name => buttons.find(button => button.dataset.do === name).onclick(),
  way: row => ways.find(way => way.dataset.row === row).onclick(),
  drag: (aside, down, row) => {
    frame.fire("pointerdown", {button: 0, clientX: 0, clientY: 0});
    globalThis.window.fire("pointermove", {clientX: +aside, clientY: +down});
    globalThis.window.fire("pointerup", {target: rows[row] ?? frame});
  },
  click: row => {
    frame.fire("pointerdown", {button: 0, clientX: 0, clientY: 0});
    globalThis.window.fire("pointerup", {target: rows[row]});
  },
};
function tell() {
  console.log(JSON.stringify({
    view: picture.attributes.viewBox.split(" ").map(Number), detail: detail.textContent, names: bar.children.length,
    chosen: Object.values(rows).filter(row => row.names.has("chosen")).map(row => row.id),
    now: ways.filter(way => way.names.has("now")).map(way => way.dataset.row),
  }));
}
tell();
for (const deed of process.argv.slice(1)) {
  const [name, ...words] = deed.split(" ");
  deeds[name](...words);
  tell();
}
