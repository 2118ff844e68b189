// Makes requests as a page does, and says of each what became of it. `requests` is JSON: [[address, kind], ...].
//
// "through": it was sent; "blocked": it was refused before it was sent, or failed; "log": only the proxy knows.
// A fetch is given up in the turn in which it began: WebKit asks its content blockers before that, and says so by
// another error, so nothing need be sent.
const TIME = 10000;

function ended(target, good, bad) {
  return new Promise(done => {
    const end = verdict => { clearTimeout(timer); done(verdict) };
    const timer = setTimeout(() => end('late'), TIME);
    target[good] = () => end('through');
    target[bad] = () => end('blocked');
  });
}

function added(element, attribute, url, parent) {
  const verdict = ended(element, 'onload', 'onerror');
  element[attribute] = url;
  parent.append(element);
  return verdict.finally(() => element.remove());
}

// A frame that is blocked says nothing, so frames that nothing blocks are loaded behind it, one after the other.
async function marks() {
  for (let count = 0; count < 4; count++)
    await added(document.createElement('iframe'), 'src', 'data:text/html,' + count, document.body);
  await new Promise(done => setTimeout(done, 50));
}

const kinds = {
  xhr: url => {
    const control = new AbortController();
    const verdict = fetch(url, {mode: 'no-cors', signal: control.signal})
      .then(() => 'through', error => ({AbortError: 'through', TypeError: 'blocked'})[error.name]);
    control.abort();
    return verdict;
  },
  script: url => added(document.createElement('script'), 'src', url, document.head),
  style: url => added(Object.assign(document.createElement('link'), {rel: 'stylesheet'}), 'href', url, document.head),
  image: url => { const image = new Image(), verdict = ended(image, 'onload', 'onerror'); image.src = url; return verdict },
  media: url => {
    const video = Object.assign(document.createElement('video'), {crossOrigin: 'anonymous'});
    const track = Object.assign(document.createElement('track'), {kind: 'captions', default: true});
    video.append(track);
    track.track.mode = 'showing';
    return added(track, 'src', url, video).then(() => 'log');
  },
  websocket: url => {
    let socket;
    try { socket = new WebSocket(url) } catch { return 'blocked' }
    return ended(socket, 'onopen', 'onerror').finally(() => socket.close());
  },
  other: url => {
    const source = new EventSource(url);
    return ended(source, 'onopen', 'onerror').finally(() => source.close());
  },
  ping: url => navigator.sendBeacon(url, 'x') ? 'through' : 'blocked',
  'a-ping': url => {
    const link = Object.assign(document.createElement('a'), {href: '#x', ping: url});
    document.body.append(link);
    link.click();
    link.remove();
    return new Promise(done => setTimeout(() => done('log'), 300));
  },
  frame: url => {
    const frame = document.createElement('iframe'), loaded = added(frame, 'src', url, document.body);
    return Promise.race([loaded, marks()]).then(() => { frame.remove(); return 'log' });
  },
  font: url => new FontFace('f', `url(${JSON.stringify(url)})`).load().then(() => 'log', () => 'log'),
};

return JSON.stringify(await Promise.all(JSON.parse(requests).map(([url, kind]) => kinds[kind](url))));
