"use strict";
(() => {
  const POLL_MS = 500, OFFLINE_MOST_MS = 4000, SHOWN_S = 60, BREAK_S = 6, STREAMS = 4;
  const viewer = Math.random().toString(36).slice(2, 12);
  const byId = (id) => document.getElementById(id);
  const cards = new Map();
  let failures = 0, requests = 0, run = null, settled = 0, posting = null, full = false;

  const number = (value, digits = 0) => value == null ? "–" :
    value.toLocaleString("en", {minimumFractionDigits: digits, maximumFractionDigits: digits});
  const time = (s) => s < 100 ? `${Math.round(s)} s` : s < 5400 ? `${Math.round(s / 60)} min`
    : `${number(s / 3600, 1)} h`;
  const put = (node, text) => { if (node.textContent !== text) node.textContent = text; };
  const sentence = (text = "") =>
    text && text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?…]$/.test(text) ? "" : ".");
  const make = (tag, parent, name) => {
    const node = document.createElement(tag);
    if (name) node.className = name;
    return parent.appendChild(node);
  };
  const brief = (value) => number(value, value != null && value < 10 ? 1 : 0);
  const ms = (value) => [brief(value), "ms"];

  // What the three graphs show: title, unit, colour, value of a camera now, and its text.
  const GRAPHS = [
    ["FPS", "", "--accent", (c) => c.fps.processed,
      (v, c) => [number(v, 1), `of ${brief(c.fps.captured)}`]],
    ["Latency", " ms", "--latency", (c) => c.inference_ms, ms],
    ["Frame age", " ms", "--age", (c) => c.age_ms, ms],
  ];
  const STATES = {live: "Live", lost: "Lost", opening: "Opening", ended: "Ended",
    offline: "Offline"};

  class Graph {
    constructor(parent, [title, measure, color, read, text]) {
      Object.assign(this, {title, measure, read, text, points: []});
      const tile = make("div", parent, "tile");
      make("h3", tile).textContent = title;
      const line = make("p", tile);
      this.value = line.appendChild(document.createTextNode("–"));
      this.unit = make("small", line);
      const scale = make("small", tile, "scale");
      make("span", scale).textContent = "1 min";
      this.most = make("span", scale);
      const name = "http://www.w3.org/2000/svg";
      this.svg = tile.appendChild(document.createElementNS(name, "svg"));
      this.svg.setAttribute("preserveAspectRatio", "none");
      this.svg.setAttribute("viewBox", `0 0 ${SHOWN_S} 100`);
      this.svg.setAttribute("role", "img");
      this.svg.style.setProperty("--ink", `var(${color})`);
      [this.fill, this.stroke] = ["fill", "stroke"].map((kind) => {
        const path = this.svg.appendChild(document.createElementNS(name, "path"));
        path.setAttribute("class", kind);
        return path;
      });
    }

    add(camera) {
      const value = camera.state === "live" ? this.read(camera) : null;
      const [text, unit] = this.text(value, camera), now = performance.now() / 1000;
      this.value.nodeValue = `${text} `;
      put(this.unit, value == null ? "" : unit);
      this.points.push([now, value]);
      while (now - this.points[0][0] > SHOWN_S) this.points.shift();
      this.draw(now, `${text} ${unit}`);
    }

    draw(now, text) {
      const most = Math.max(...this.points.map(([, v]) => v), 0), top = 1.1 * most || 1;
      const parts = [];
      let last = null;
      for (const [at, v] of this.points) {
        const x = v == null ? null : +(SHOWN_S - now + at).toFixed(2);
        if (x != null && (last == null || x - last > BREAK_S)) parts.push([]);
        if (x != null) parts[parts.length - 1].push([x, (100 - 100 * v / top).toFixed(1)]);
        last = x;
      }
      const lines = parts.map((part) => part.map((point) => point.join(" ")).join("L"));
      const areas = parts.map((part, i) =>
        `M${part[0][0]} 100L${lines[i]}L${part[part.length - 1][0]} 100Z`);
      this.stroke.setAttribute("d", lines.map((line) => `M${line}`).join(""));
      this.fill.setAttribute("d", areas.join(""));
      const highest = brief(most) + this.measure;
      this.svg.setAttribute("aria-label",
        `${this.title} over the last minute; now ${text}, at most ${highest}`);
      put(this.most, most ? `max ${highest}` : "");
    }
  }

  class Card {
    constructor(name, index) {
      const card = byId("card").content.cloneNode(true).firstElementChild;
      const find = (what) => card.querySelector(what);
      Object.assign(this, {name, card, index, classes: new Map()});
      this.again();
      card.setAttribute("aria-label", `Camera ${name}`);
      this.view = find(".view");
      this.image = find(".live");
      this.image.alt = `Live picture of ${name}`;
      this.image.onerror = () => this.failed();
      this.veil = find(".veil");
      this.path = encodeURIComponent(name);
      this.snapshot = find("[data-snapshot]");
      this.snapshot.href = `/snapshot/${this.path}.jpg`;
      this.snapshot.setAttribute("aria-label", `Snapshot of ${name}`);
      put(find("[data-name]"), name);
      for (const part of ["state", "total", "classes", "none", "zones", "facts", "tiles"])
        this[`${part}Node`] = find(`[data-${part}]`);
      this.graphs = GRAPHS.map((graph) => new Graph(this.tilesNode, graph));
      byId("cameras").append(card);
    }

    show(camera) {
      this.snapshot.hidden = !camera.frame;
      if (camera.frame) this.view.style.aspectRatio =
        `${camera.frame.width} / ${camera.frame.height}`;
      this.tell(camera);
      this.graphs.forEach((graph) => graph.add(camera));
      this.showClasses(this.veil.hidden ? camera.classes : null);
      this.showZones(camera.zones);
      this.showFacts(camera);
      this.watch(camera);
    }

    tell(camera) {
      put(this.stateNode, STATES[camera.state]);
      this.stateNode.className = `pill ${camera.state}-now`;
      const {silent_s: silent, trouble, told: why} = camera;
      const since = silent == null ? "" :
        `Since ${new Date(Date.now() - 1000 * silent).toLocaleTimeString()}. `;
      const told = {
        offline: why,
        lost: [`No picture${silent == null ? "" : ` for ${time(silent)}`}`,
          `${since}${sentence(trouble || "the source is silent")} Opening it again…`],
        opening: ["Opening…", sentence(trouble)],
      }[camera.state];
      const covered = told || (camera.frame ? null : ["Waiting for the first picture…", ""]);
      this.veil.hidden = !covered;
      if (covered) covered.forEach((text, i) => put(this.veil.children[i], text));
    }

    // Null: there is no picture to count in.
    showClasses(found) {
      const now = new Map((found || []).map((each) => [each.label, each]));
      for (const each of found || []) if (!this.classes.has(each.label)) this.addClass(each);
      let most = 1, total = 0;
      this.classes.forEach((row, label) => {
        row.count = now.has(label) ? now.get(label).count : 0;
        row.most = Math.max(row.most, row.count);
        most = Math.max(most, row.most);
        total += row.count;
      });
      this.classes.forEach((row) => {
        put(row.text, number(found && row.count));
        row.bar.style.width = `${100 * row.count / most}%`;
        row.item.className = row.count ? "" : "gone";
      });
      put(this.totalNode, number(found && total));
      this.noneNode.hidden = !found || this.classes.size > 0;
    }

    addClass(each) {
      const item = document.createElement("li");
      const name = make("span", item);
      name.textContent = each.class;
      const bar = make("i", make("div", item, "bar"));
      bar.style.background = each.color;
      const row = {item, bar, label: each.label, text: make("b", item), most: 0, count: 0};
      const after = [...this.classes.values()].filter((other) => other.label > each.label)
        .sort((a, b) => a.label - b.label)[0];
      this.classesNode.insertBefore(item, after ? after.item : null);
      this.classes.set(each.label, row);
    }

    showZones(zones) {
      const text = JSON.stringify(zones);
      if (text === this.zonesText) return;
      this.zonesText = text;
      this.zonesNode.hidden = !zones.length;
      const body = this.zonesNode.querySelector("tbody");
      body.textContent = "";
      for (const zone of zones) {
        const row = make("tr", body), head = make("th", row);
        head.scope = "row";
        head.textContent = zone.name;
        for (const counts of [zone.line ? null : zone.inside, zone.passed, zone.passed_back]) {
          const cell = make("td", row), names = Object.entries(counts || {});
          cell.textContent = counts ? number(names.reduce((sum, [, n]) => sum + n, 0)) : "–";
          cell.title = names.map(([name, n]) => `${n} ${name}`).join(", ");
        }
      }
    }

    showFacts(camera) {
      const {captured, processed, dropped} = camera.frames;
      const facts = [
        ["Source", camera.granted],
        ["Captured", number(captured)], ["Looked at", number(processed)],
        ["Skipped", dropped ? `${number(dropped)} (${number(camera.fps.dropped, 1)} a second)` : "none"],
        ["Gaps", camera.gaps ? `${number(camera.gaps)} (${time(camera.gap_s)})` : "none"],
        ["Tried again", camera.reopened ? `${number(camera.reopened)} ×` : ""],
      ].filter(([, text]) => text);
      const text = JSON.stringify(facts);
      if (text === this.factsText) return;
      this.factsText = text;
      this.factsNode.textContent = "";
      for (const [name, value] of facts) {
        const pair = make("div", this.factsNode);
        make("dt", pair).textContent = name;
        make("dd", pair).textContent = value;
      }
    }

    watch(camera) {
      const now = Date.now();
      if (document.hidden) return this.leave();
      if (!camera.frame) return;
      const single = this.index >= share() || now < this.single || (this.mode === "single" && full);
      if (single) {
        if (this.mode !== "single" || this.image.complete)
          this.load("single", `/snapshot/${this.path}.jpg?live&n=${++requests}`);
      } else if (this.mode === "stream" && camera.watching) {
        this.tries = 0;
      } else if (now >= this.retry) {
        this.retry = now + Math.min(10000, 1500 * 2 ** this.tries++);
        this.load("stream", `/stream/${this.path}.mjpg?viewer=${viewer}&n=${++requests}`);
      }
    }

    load(mode, address) {
      this.mode = mode;
      this.image.src = address;
    }

    // All live pictures are taken, or the line broke: single ones until one is free.
    failed() {
      this.image.removeAttribute("src");
      this.single = this.mode === "stream" ? Date.now() + 5000 : 0;
      this.mode = "";
    }

    leave() {
      this.image.removeAttribute("src");
      this.again();
    }

    again() {
      Object.assign(this, {mode: "", tries: 0, retry: 0, single: 0});
    }
  }

  // Browsers hold six connections to a server, for all their windows: these share the pictures.
  const windows = new Map(), channel = window.BroadcastChannel && new BroadcastChannel("edgedet");
  const announce = () => { if (channel && !document.hidden) channel.postMessage(viewer); };

  function share() {
    const now = Date.now();
    windows.forEach((heard, other) => { if (now - heard > 3000) windows.delete(other); });
    return Math.floor(STREAMS / (1 + windows.size));
  }

  function heard(other) {
    const known = windows.has(other);
    windows.set(other, Date.now());
    if (known) return;
    announce();
    cards.forEach((card) => {
      if (card.mode === "stream" && card.index >= share()) card.leave();
    });
  }

  function show(state) {
    if (run !== state.run) {  // with other cameras and classes, maybe
      cards.forEach((card) => card.card.remove());
      cards.clear();
    }
    run = state.run;
    full = state.streams.now >= state.streams.most;
    const names = new Set(state.cameras.map((camera) => camera.name));
    cards.forEach((card, name) => {
      if (!names.has(name)) { card.card.remove(); cards.delete(name); }
    });
    state.cameras.forEach((camera, index) => {
      if (!cards.has(camera.name)) cards.set(camera.name, new Card(camera.name, index));
      cards.get(camera.name).show(camera);
    });
    byId("cameras").className = names.size === 1 ? "one" : "";
    const live = state.cameras.filter((camera) => camera.state === "live").length;
    const one = state.cameras.length === 1 ? STATES[state.cameras[0].state] : null;
    put(byId("summary"), one || `${live} of ${names.size} cameras live`);
    document.title = `${one || `${live}/${names.size} live`} – edgedet`;
    settings(state);
  }

  function offline(locked) {
    const told = locked ? ["Locked", "edgedet has another token now: open its new link."]
      : ["No connection", "edgedet does not answer. Trying again…"];
    put(byId("summary"), `${told[0]}. Trying again…`);
    document.title = "Offline – edgedet";
    cards.forEach((card) => {
      card.tell({state: "offline", told});
      card.showClasses(null);
    });
  }

  function settings(state) {
    const slider = byId("confidence"), button = byId("record");
    slider.disabled = false;
    if (!posting && Date.now() > settled) {
      slider.value = state.confidence;
      put(byId("value"), number(state.confidence, 2));
    }
    button.hidden = !state.can_record;
    button.setAttribute("aria-pressed", state.recording);
    put(button.lastElementChild, state.recording ? "Stop recording" : "Record");
  }

  function notice(text) {
    byId("notice").hidden = !text;
    put(byId("notice"), text || "");
  }

  function complain(what, error) {
    notice(`${what}. ${error.message}`);
    setTimeout(notice, 4000);
  }

  async function ask(address, values) {
    const limit = new AbortController(), timer = setTimeout(() => limit.abort(), 5000);
    const options = {signal: limit.signal, cache: "no-store"};
    if (values) Object.assign(options, {
      method: "POST", body: JSON.stringify(values),
      headers: {"Content-Type": "application/json", "X-Edgedet": "1"},
    });
    try {
      const answer = await fetch(address, options);
      if (!answer.ok) throw Object.assign(new Error(await answer.text()), {status: answer.status});
      return await answer.json();
    } finally {
      clearTimeout(timer);
    }
  }

  async function poll() {
    try {
      show(await ask(`/api/state?viewer=${viewer}`));
      if (failures) cards.forEach((card) => card.again());
      if (failures) notice("");
      failures = 0;
    } catch (error) {
      failures += 1;
      if (error.status === 401) notice(error.message);
      if (failures > 1) offline(error.status === 401);
    } finally {
      setTimeout(poll, failures ? Math.min(OFFLINE_MOST_MS, 250 * 2 ** failures) : POLL_MS);
    }
  }

  // One request at a time, always with the newest value.
  async function send() {
    if (posting) return;
    const slider = byId("confidence");
    while (posting !== slider.value) {
      posting = slider.value;
      try {
        await ask("/api/confidence", {confidence: Number(posting)});
      } catch (error) {
        complain("The confidence was not set", error);
        break;
      }
    }
    posting = null;
    settled = Date.now() + 600;
  }

  byId("confidence").addEventListener("input", (event) => {
    put(byId("value"), number(Number(event.target.value), 2));
    send();
  });
  byId("settings").addEventListener("submit", (event) => event.preventDefault());
  byId("record").addEventListener("click", async () => {
    const on = byId("record").getAttribute("aria-pressed") !== "true";
    try {
      settings(await ask("/api/recording", {recording: on}));
    } catch (error) {
      complain("Recording was not changed", error);
    }
  });
  document.addEventListener("visibilitychange", () => {
    announce();
    cards.forEach((card) => card.leave());
  });
  if (channel) channel.onmessage = (message) => heard(message.data);
  setInterval(announce, 1000);
  announce();
  poll();
})();
