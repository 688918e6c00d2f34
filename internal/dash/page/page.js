// The live page. What comes from the bus may hold anything: it is put into the page as text, never as HTML.
const $ = (id) => document.getElementById(id);
const mostRows = 250, history = 60, mostLines = 1000;

const make = (tag, cls, text) => {
  const e = document.createElement(tag);
  if (cls) e.className = cls;
  if (text !== undefined) e.textContent = text;
  return e;
};
const setText = (e, text) => { if (e.textContent !== text) e.textContent = text; };
const setClass = (e, cls) => { if (e.className !== cls) e.className = cls; };

// Numbers, short.
const scale = (v, step, units) => {
  if (v === null || v === undefined) return '–';
  let i = 0;
  while (v >= 999.5 && i < units.length - 1) { v /= step; i++; }
  const digits = v >= 99.95 || (i === 0 && Number.isInteger(v)) ? 0 : v >= 9.995 ? 1 : 2;
  return v.toFixed(digits) + units[i];
};
const number = (v) => Number.isInteger(v) && v < 10000 ? String(v) : scale(v, 1000, ['', 'k', 'M', 'G', 'T', 'P']);
const size = (v) => scale(v, 1024, [' B', ' KiB', ' MiB', ' GiB', ' TiB']);
const percent = (v) => v === null ? '–' : v.toFixed(1) + ' %';
const mute = (v) => v ? '' : 'zero';

// A button that shows the log of a plugin, or of busd.
function logButton(name) {
  const b = make('button', 'link', name);
  b.type = 'button';
  b.title = 'Show its log';
  b.onclick = () => openLog(name, b);
  return b;
}

// A table: columns, and rows that are kept as long as their name is there.
class Table {
  constructor(id, columns, sort) {
    this.body = $(id).tBodies[0];
    this.box = $(id).parentElement;
    this.count = $(id + '-count');
    this.none = $(id + '-none');
    this.what = id;
    this.columns = columns;
    this.sort = sort;
    this.way = columns[sort].numeric ? -1 : 1;
    this.rows = new Map();
    const head = $(id).tHead.insertRow();
    this.heads = columns.map((c, i) => {
      const th = make('th', (c.numeric ? 'number ' : '') + (c.cls || ''));
      th.scope = 'col';
      if (!c.value) { th.textContent = c.title; head.append(th); return th; }
      const b = make('button', '', c.title);
      b.type = 'button';
      if (c.hint) b.title = c.hint;
      b.onclick = () => {
        this.way = this.sort === i ? -this.way : c.numeric ? -1 : 1;
        this.sort = i;
        draw();
      };
      th.append(b);
      head.append(th);
      return th;
    });
  }

  draw(all, filter) {
    this.heads.forEach((th, i) => {
      const b = th.firstElementChild;
      if (i === this.sort) { th.ariaSort = this.way > 0 ? 'ascending' : 'descending'; b.dataset.way = this.way > 0 ? 'up' : 'down'; }
      else if (b) { th.removeAttribute('aria-sort'); delete b.dataset.way; }
    });
    const value = this.columns[this.sort].value;
    const some = all.filter((x) => x.name.toLowerCase().includes(filter));
    some.sort((a, b) => {
      const x = value(a) ?? -1, y = value(b) ?? -1;
      return x < y ? -this.way : x > y ? this.way : a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
    });
    const shown = some.slice(0, mostRows);
    setText(this.count, some.length === all.length ? String(all.length) : `${some.length} of ${all.length}`);
    const rest = some.length - shown.length;
    setText(this.none, all.length === 0 ? `There are no ${this.what}.` : some.length === 0 ? `No name of ${this.what} has “${$('filter').value}” in it.`
      : `${rest} more: filter by a part of their names to see them.`);
    this.box.hidden = some.length === 0;
    this.none.hidden = some.length > 0 && rest === 0;
    const names = new Set(shown.map((x) => x.name));
    for (const [name, row] of this.rows) if (!names.has(name)) { row.tr.remove(); this.rows.delete(name); }
    let at = this.body.firstElementChild;
    for (const x of shown) {
      let row = this.rows.get(x.name);
      if (!row) { row = this.row(x); this.rows.set(x.name, row); }
      if (row.tr === at) at = at.nextElementSibling; else this.body.insertBefore(row.tr, at);
      this.columns.forEach((c, i) => c.fill(row.cells[i], x));
    }
  }

  row(x) {
    const tr = make('tr');
    const cells = this.columns.map((c, i) => {
      const cell = make(i === 0 ? 'th' : 'td', (c.numeric ? 'number ' : '') + (c.cls || ''));
      if (i === 0) cell.scope = 'row';
      tr.append(cell);
      const inner = c.inner ? c.inner(x) : make('span');
      cell.append(inner);
      return inner;
    });
    return { tr, cells };
  }
}

const column = (title, value, show, opts = {}) => ({
  title, value, numeric: true, fill: (e, x) => { setText(e, show(value(x))); setClass(e, opts.color ? opts.color(x) : mute(value(x))); }, ...opts,
});
const words = (title, value, color, opts = {}) => ({
  title, value, fill: (e, x) => { setText(e, value(x)); setClass(e, color ? color(x) : ''); }, ...opts,
});

const svg = (tag) => document.createElementNS('http://www.w3.org/2000/svg', tag);
const sparkline = {
  title: 'Last minute', cls: 'wide',
  inner: () => {
    const s = svg('svg');
    s.setAttribute('viewBox', `0 0 ${history - 1} 20`);
    s.setAttribute('preserveAspectRatio', 'none');
    s.setAttribute('aria-hidden', 'true');
    s.append(svg('path'));
    return s;
  },
  fill: (s, x) => {
    const top = Math.max(...x.rates, 1e-9), from = history - x.rates.length;
    s.firstChild.setAttribute('d', x.rates.map((r, i) => `${i ? 'L' : 'M'}${from + i} ${(18.5 - 17 * r / top).toFixed(1)}`).join(''));
  },
};

const phases = { running: 'good', starting: 'warn', backoff: 'warn', stopping: 'warn', stopped: '', failed: 'bad', refused: 'bad' };
const topics = new Table('topics', [
  words('Topic', (t) => t.name),
  column('Frames/s', (t) => t.rate, number),
  sparkline,
  column('Bytes/s', (t) => t.bytes, size),
  column('Frames', (t) => t.frames, number, { cls: 'rare' }),
  column('Pub.', (t) => t.publishers, number, { hint: 'Publishers', cls: 'wide' }),
  column('Sub.', (t) => t.subscribers, number, { hint: 'Subscribers that have joined; taps cannot be seen', cls: 'wide' }),
  column('Lag', (t) => t.lag, number, {
    hint: 'Slots that the last subscriber is behind', color: (t) => t.lag > t.slots / 2 ? 'bad' : t.lag > t.slots / 8 ? 'warn' : mute(t.lag),
  }),
  column('Lost', (t) => t.lost, number, { hint: 'Frames that subscribers have lost; coloured while they do', color: (t) => t.losing > 0 ? 'bad' : mute(t.lost) }),
], 1);
const plugins = new Table('plugins', [
  {
    ...words('Plugin', (p) => p.name),
    inner: (p) => logButton(p.name),
    fill: () => {}, // the name stays
  },
  words('Phase', (p) => p.phase, (p) => phases[p.phase] || ''),
  column('PID', (p) => p.pid, (v) => v ? String(v) : '–', { cls: 'wide' }),
  column('Restarts', (p) => p.restarts, number, { cls: 'wide' }),
  column('Frames/s', (p) => p.rate, number, { cls: 'rare' }),
  column('CPU', (p) => p.pid ? p.cpu : null, percent, { hint: 'Of one core' }),
  column('Memory', (p) => p.pid ? p.rss : null, size, { cls: 'rare', hint: 'Resident, of all its processes' }),
  words('Status', (p) => p.status, null, { cls: 'text wide' }),
  words('Problem', (p) => p.problem, () => 'bad', { cls: 'text' }),
], 0);

const summary = [
  ['Topics', (s) => number(s.topics.length)],
  ['Frames/s', (s) => number(sum(s.topics, 'rate'))],
  ['Bytes/s', (s) => size(sum(s.topics, 'bytes'))],
  ['Participants', (s) => number(s.bus.participants)],
  ['Memory', (s) => size(s.bus.memory)],
  ['busd', (s) => `${percent(s.bus.cpu)}, ${size(s.bus.rss)}`],
].map(([title, show]) => {
  const div = make('div'), dt = make('dt', '', title), dd = make('dd', '', '–');
  if (title === 'busd') dt.replaceChildren(logButton(title));
  div.append(dt, dd);
  $('summary').append(div);
  return (s) => setText(dd, show(s));
});
const sum = (all, key) => all.reduce((n, x) => x[key] === null || n === null ? null : n + x[key], 0);

let now = null, rates = new Map();

function draw() {
  if (!now) return;
  const filter = $('filter').value.toLowerCase();
  setText($('dir'), now.bus.dir);
  setText($('trouble'), now.bus.trouble);
  $('trouble').hidden = !now.bus.trouble;
  summary.forEach((show) => show(now));
  topics.draw(now.topics, filter);
  plugins.draw(now.plugins, filter);
}

function state(text, cls) { setText($('state'), text); $('state').className = cls; }

const events = new EventSource('events');
events.onmessage = (e) => {
  const s = JSON.parse(e.data);
  const kept = new Map();
  s.topics = s.topics.map(([name, rate, bytes, frames, publishers, subscribers, lag, slots, lost, losing]) => {
    const r = rates.get(name) || [];
    if (rate !== null) r.push(rate);
    if (r.length > history) r.shift();
    kept.set(name, r);
    return { name, rate, bytes, frames, publishers, subscribers, lag, slots, lost, losing, rates: r };
  });
  rates = kept;
  now = s;
  state('live', 'live');
  draw();
};
events.onerror = () => state(events.readyState === EventSource.CLOSED ? 'refused: load the page again' : 'busd does not answer; trying again', 'lost');

// The log of a plugin: the end of its file, and what comes.
let tail = null, opener = null;

function openLog(name, from) {
  closeLog();
  opener = from;
  document.body.classList.add('logging');
  $('log').hidden = false;
  setText($('log-title'), 'Log of ' + name);
  const pre = $('log-lines');
  pre.replaceChildren();
  const add = (lines) => {
    const end = pre.scrollTop + pre.clientHeight >= pre.scrollHeight - 30;
    pre.append(...lines.map(([text, cls]) => make('span', 'line ' + (cls || ''), text)));
    while (pre.childElementCount > mostLines) pre.firstElementChild.remove();
    if (end) pre.scrollTop = pre.scrollHeight;
  };
  let early = [];
  const path = encodeURIComponent(name);
  const mine = tail = new EventSource('tail/' + path);
  mine.onmessage = (e) => {
    const x = JSON.parse(e.data);
    if (early) early.push(x); else add([shown(x)]);
  };
  fetch('log/' + path).then((r) => r.text().then((text) => [r.ok, text])).then(([ok, text]) => {
    if (tail !== mine) return;
    const lines = text.replace(/\n$/, '').split('\n').map((l) => ({ text: l, entry: ok && fromFile(l) }));
    add(text === '' ? [['The log file is empty.', 'zero']] : lines.map((l) => l.entry ? shown(l.entry) : [l.text, ok ? '' : 'warn']));
    const there = new Set(lines.map((l) => l.entry ? l.entry.msg : l.text));
    add(early.filter((x) => !there.has(x.msg)).map(shown)); // the others are in the file already
    early = null;
  }).catch((err) => { early = null; add([[String(err), 'bad']]); });
  pre.focus();
}

// An entry of a log as a line of text, and its colour.
function shown(x) {
  if (x.skipped) return [`… ${x.skipped} entries were left out`, 'warn'];
  const fields = Object.entries(x.fields || {}).map(([k, v]) => ` ${k}=${typeof v === 'object' ? JSON.stringify(v) : v}`).join('');
  return [`${x.time} [${x.level.toUpperCase()}] ${x.name}: ${x.msg}${fields}`, { error: 'bad', warn: 'warn', debug: 'zero', trace: 'zero' }[x.level]];
}

// A line of a log file as an entry, if it is one of hclog's in JSON; otherwise null.
function fromFile(line) {
  if (!line.startsWith('{')) return null;
  try {
    const { '@timestamp': time, '@level': level, '@module': name, '@message': msg, ...fields } = JSON.parse(line);
    return [time, level, name, msg].every((x) => typeof x === 'string') ? { time, level, name, msg, fields } : null;
  } catch { return null; }
}

function closeLog() {
  if (tail) tail.close();
  tail = null;
  $('log').hidden = true;
  document.body.classList.remove('logging');
  if (opener && opener.isConnected) opener.focus();
  opener = null;
}

$('log-close').onclick = closeLog;
$('filter').oninput = draw;
addEventListener('keydown', (e) => {
  if (e.key === 'Escape' && tail) { closeLog(); e.preventDefault(); }
  if (e.key === '/' && e.target.tagName !== 'INPUT' && !e.ctrlKey && !e.metaKey && !e.altKey) { $('filter').focus(); e.preventDefault(); }
});
if (location.search) window.history.replaceState(null, '', location.pathname); // a token does not stay in the address
