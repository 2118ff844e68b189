// Makes requests as a page does, and returns what each is called on the way: `requests` is JSON, [[address, kind], ...].
//
// WebKit asks its content blockers before a load begins, and tells the driver of every load that begins. So nothing
// has to come back, and what was begun is dropped. Some loads begin a little later, and a frame that is blocked says
// nothing, so a frame that nothing blocks is loaded behind them. Of sockets the driver
// hears nothing, but one that is blocked has failed by then, long before another has reached anything.
const TIME = 10000;
const begun = [];
const make = (name, members) => Object.assign(document.createElement(name), members);

function add(parent, element) {
  parent.append(element);
  begun.push(() => element.remove());
}

function ended(target, good, bad) {
  return new Promise(done => {
    const timer = setTimeout(() => done('late'), TIME);
    const end = verdict => { clearTimeout(timer); done(verdict) };
    target[good] = () => end('through');
    target[bad] = () => end('blocked');
  });
}

const kinds = {
  xhr(url) {
    const control = new AbortController();
    fetch(url, {mode: 'no-cors', signal: control.signal}).catch(() => 0);
    control.abort();
  },
  script: url => add(document.head, make('script', {src: url, type: 'text/javascript'})),
  style: url => add(document.head, make('link', {rel: 'stylesheet', href: url})),
  image: url => { make('img', {src: url}) },
  media(url) { // the text of a video, for without codecs the video itself is not asked for
    const audio = window.askedAudio ??= make('audio', {crossOrigin: 'anonymous'}), track = make('track', {default: true});
    audio.append(track);
    track.track.mode = 'hidden';
    begun.push(() => track.remove());
    const end = ended(track, 'onload', 'onerror');
    track.src = url;
    return end.then(() => undefined);
  },
  websocket(url) {
    let socket, word = 'through';
    try { socket = new WebSocket(url) } catch { return 'blocked' }
    socket.onerror = () => { word = 'blocked' };
    begun.push(() => socket.close());
    return loaded.then(() => word);
  },
  other(url) {
    const source = new EventSource(url);
    begun.push(() => source.close());
  },
  ping: url => { navigator.sendBeacon(url, 'x') },
  'a-ping'(url) {
    const link = make('a', {href: '#x', ping: url});
    document.body.append(link);
    link.click();
    link.remove();
  },
  frame: url => add(document.body, make('iframe', {src: url})),
  font: url => { new FontFace('f', `url(${JSON.stringify(url)})`).load().catch(() => 0) },
};

const mark = make('iframe', {src: 'data:text/html,x'}), loaded = ended(mark, 'onload', 'onerror');
const asked = JSON.parse(requests).map(([url, kind]) => {
  const verdict = kinds[kind](url), address = new URL(url);
  address.hash = '';
  return Promise.resolve(verdict).then(word => [address.href, word ?? 'begun']);
});
await new Promise(done => setTimeout(done)); // an event source begins by a timer of its own
add(document.body, mark);
await loaded;
const words = await Promise.all(asked);
begun.forEach(drop => drop());
return JSON.stringify(words);
