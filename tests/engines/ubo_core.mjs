// uBlock Origin's own engines (npm @gorhill/ubo-core) as a judge, without a browser.
//
// Standard input: JSON, a list of worlds {lists: [text], rules: "My rules" text, trusted: [directive], advanced: bool,
//   requests: [{url, page, type}]}, types as the browser names them, `inline-script` included.
// Standard output: JSON, for each world {answers: [{blocked, by, filter}], refused: [rule]}.
// The order is the extension's: trusted site, switches, URL rules, dynamic rules, static filters. A main_frame is
// judged as the extension's strict blocking does, and a script of a page that gets a sandbox is blocked by `csp`.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const core = process.env.UBO_CORE;
const load = file => import(pathToFileURL(path.join(core, file)).href);
const { StaticNetFilteringEngine } = await load('index.js');
const { FilteringContext } = await load('js/filtering-context.js');
const statics = (await load('js/static-net-filtering.js')).default;
const Switches = (await load('js/hnswitches.js')).default;
const Firewall = (await load('js/dynamic-net-filtering.js')).default;
const UrlRules = (await load('js/url-net-filtering.js')).default;
const HNTrieContainer = (await load('js/hntrie.js')).default;
const suffixes = (await load('lib/publicsuffixlist/publicsuffixlist.js')).default;

const engine = await StaticNetFilteringEngine.create();
// The package's own suffix list is stored in a form that its loader refuses in silence; every registrable
// domain would be empty.
if (suffixes.getDomain('www.example.com') !== 'example.com') {
    const stored = JSON.parse(fs.readFileSync(path.join(core, 'build/publicsuffixlist.json'), 'utf8'));
    suffixes.fromSelfie({ magic: stored.magic, buf32: Uint32Array.from(Object.values(stored.buf32)) });
}

// The package keeps the last host name looked up where a trie is built too, and takes it for still written there: the
// first answer after lists are loaded, or after a `domain=` is read for the first time, may be wrong.
const setNeedle = HNTrieContainer.prototype.setNeedle;
HNTrieContainer.prototype.setNeedle = function(name) {
    this.needle = '';
    return setNeedle.call(this, name);
};

let input, switches, firewall, urlRules, sandboxed;

async function settle(world) {
    input = world;
    sandboxed = new Map();
    await engine.useLists(input.lists.map((raw, at) => ({ name: `list-${at}`, raw })));
    // The package keeps of the last address those words that the last lists spoke of: let it be one that nobody asks for.
    engine.matchRequest({ url: 'https://nowhere.invalid/', originURL: 'https://nowhere.invalid/', type: 'other' });
    switches = new Switches(); firewall = new Firewall(); urlRules = new UrlRules();
    const lines = (input.rules || '').split('\n').map(text => text.trim()).filter(text => text !== '');
    return lines.filter(line => {
        const parts = () => line.split(/\s+/);
        return !(switches.addFromRuleParts(parts()) || firewall.addFromRuleParts(parts()) || urlRules.addFromRuleParts(parts()));
    });
}

const hostOf = url => { try { return new URL(url).hostname; } catch { return ''; } };
const trustedBy = url => {
    const host = hostOf(url);
    return (input.trusted || []).find(name => host === name || host.endsWith(`.${name}`));
};

// What a match looks like to the extension: 0 nothing, 1 block, 2 exception.
function look(context, modifiers) {
    const result = statics.matchRequest(new FilteringContext().fromDetails(context), modifiers);
    const important = result === 1 && statics.isBlockImportant();
    return { result, important, log: result === 0 ? undefined : statics.toLogData() };
}

// Strict blocking: a filter without types blocks a document only when it matches the host name as a whole.
function wholeHost(url, log) {
    if (typeof log.regex !== 'string' || /\w/.test(log.raw) === false) { return false; }
    const match = new RegExp(log.regex, 'i').exec(url.toLowerCase());
    if (match === null) { return false; }
    const host = hostOf(url);
    const rest = match.index + match[0].length - url.indexOf(host) - host.length;
    return rest === 0 || rest === 1;
}

function judgeDocument(context) {
    const typed = look({ ...context, type: 'main_frame' }, 0b0011);
    if (typed.result === 1 && typed.important) { return typed; }
    const plain = look({ ...context, type: 'no_type' }, 0b0011);
    if (plain.result === 1 && wholeHost(context.url, plain.log) === false) { plain.result = 0; }
    const plainWins = typed.result === 0 || plain.result === 1 && plain.important || plain.result === 2 && typed.result !== 2;
    return plainWins ? plain : typed;
}

function sandboxOf(page) {
    if (sandboxed.has(page) === false) {
        const found = engine.matchAndFetchModifiers({ ...contextOf(page, page), type: 'main_frame' }, 'csp') || [];
        const hit = found.find(each => each.result === 1 && /^sandbox(?!.*allow-scripts)/.test(each.value));
        sandboxed.set(page, hit && hit.logData().raw);
    }
    return sandboxed.get(page);
}

function contextOf(url, page) {
    return { url, originURL: page };
}

function judge({ url, page, type }) {
    const tab = hostOf(page), answer = (blocked, by, filter) => ({ blocked, by, filter: filter ?? null });
    const trusted = trustedBy(page);
    if (trusted !== undefined) { return answer(false, 'trusted', trusted); }
    const isScript = type === 'script' || type === 'inline-script';
    if (isScript && switches.evaluateZ('no-scripting', tab)) { return answer(true, 'switch', switches.toLogData().raw); }
    if (type === 'font' && switches.evaluateZ('no-remote-fonts', tab)) { return answer(true, 'switch', switches.toLogData().raw); }
    if (type !== 'main_frame') {
        let cell = urlRules.evaluateZ(tab, url, type);
        if (cell === 1 || cell === 2) { return answer(cell === 1, 'url-rule', urlRules.toLogData().raw); }
        cell = input.advanced ? firewall.evaluateCellZY(tab, hostOf(url), type) : 0;
        if (cell === 1 || cell === 2) { return answer(cell === 1, 'dynamic', firewall.toLogData().raw); }
    }
    const sandbox = isScript ? sandboxOf(page) : undefined;
    if (sandbox !== undefined) { return answer(true, 'csp', sandbox); }
    const context = contextOf(url, page);
    const found = type === 'main_frame' ? judgeDocument(context) : look({ ...context, type }, 0);
    return answer(found.result === 1, found.result === 0 ? null : 'static', found.log && found.log.raw);
}

const told = [];
for (const world of JSON.parse(fs.readFileSync(0, 'utf8'))) {
    const refused = await settle(world);
    told.push({ answers: world.requests.map(judge), refused });
}
fs.writeFileSync(1, JSON.stringify(told));
