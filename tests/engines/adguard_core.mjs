// AdGuard's own engine (npm @adguard/tsurlfilter) as a judge, without a browser.
//
// Standard input: JSON, a list of worlds {lists: [text], safari: bool, requests: [{url, page, from, third, type}]};
//   `from` is where a page that opens was asked for, types are named as its RequestType is, `InlineScript` besides.
//   and, if it is wanted, documents: [{url, from, type}], of which it is told what the extension adds to their headers.
// Standard output: JSON, for each world {answers: [{blocked, by, filter}], refused: [line], policies: [[text]]}.
// As the extension does (tswebextension, RequestBlockingApi.getBlockingResponse): the rule that decides blocks unless it
// is an exception, and a page only when it names `$document`. A script of a page with a sandbox is blocked by `csp`.
//
// For Safari it is made to read lines as SafariConverterLib does where the two differ and its sources say how: no words
// by which expressions are looked up (here they are wrong where a part need not be there), parties as WebKit sees them
// (`third`), and exceptions to hiding that let no frame through.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const folder = process.env.ADGUARD_CORE;
const load = file => import(pathToFileURL(path.join(folder, file)).href);
const { CompatibilityTypes, Engine, FilterList, Request, RuleFactory, SimpleRegex, setConfiguration } = await load('dist/es/index.js');
const { RequestType } = await load('dist/es/request-type.js');

setConfiguration({ engine: 'extension', version: '1', verbose: false, compatibility: CompatibilityTypes.Extension });

const SANDBOX = /^sandbox(?!.*allow-scripts)/;
const wordOf = SimpleRegex.extractRegexpShortcut;
let engine, lists, safari, sandboxed;

// The text of a rule as it was written, before the engine made its own words of it.
const textOf = rule => rule && engine.retrieveRuleText(rule.getFilterListId(), rule.getIndex());

function settle(world) {
    sandboxed = new Map();
    safari = world.safari;
    SimpleRegex.extractRegexpShortcut = safari ? () => '' : wordOf;
    lists = world.lists.map((text, id) => new FilterList(text, id + 1));
    engine = Engine.createSync({ filters: lists.map((content, id) => ({ id: id + 1, content })) });
    const lines = lists.flatMap(list => list.getContent().split('\n')).filter(line => /^[^!\s]/.test(line));
    const errors = engine.getConversionErrors().map(each => each.rule ?? String(each));
    return [...errors, ...lines.filter(line => RuleFactory.createRule(line) === null)];
}

function sandboxOf({ page, from }) {
    const key = `${page} ${from}`;
    if (sandboxed.has(key) === false) {
        const found = engine.matchRequest(new Request(page, from, RequestType.Document)).getCspRules();
        sandboxed.set(key, textOf(found.find(each => !each.isAllowlist() && SANDBOX.test(each.getAdvancedModifierValue()))));
    }
    return sandboxed.get(key);
}

function resultFor(asked, source) {
    const request = new Request(asked.url, source, RequestType[asked.type]);
    if (safari) { request.thirdParty = asked.third; }
    const result = engine.matchRequest(request, engine.matchFrame(source));
    if (safari) { result.cosmeticExceptionRule = null; }
    return result;
}

function judge(asked) {
    const isScript = asked.type === 'Script' || asked.type === 'InlineScript';
    const sandbox = isScript ? sandboxOf(asked) : undefined;
    if (sandbox) { return { blocked: true, by: 'csp', filter: sandbox }; }
    if (asked.type === 'InlineScript') { return { blocked: false, by: null, filter: null }; }
    const isPage = asked.type === 'Document';
    const source = isPage ? asked.from : asked.page;
    const result = resultFor(asked, source);
    const rule = result.getBasicResult();
    const stops = rule !== null && !rule.isAllowlist() && rule !== result.getPopupRule() // that only closes new tabs
        && (!isPage || (rule.getPermittedRequestTypes() & RequestType.Document) === RequestType.Document);
    return { blocked: stops, by: rule && 'network', filter: textOf(rule) ?? null };
}

// What `Content-Security-Policy` a document gets besides its own (tswebextension, CspService).
function policiesOf({ url, from, type }) {
    const rules = engine.matchRequest(new Request(url, from, RequestType[type])).getCspRules();
    return rules.filter(each => !each.isAllowlist()).map(each => each.getAdvancedModifierValue());
}

const told = JSON.parse(fs.readFileSync(0, 'utf8')).map(world => {
    const refused = settle(world);
    return { answers: world.requests.map(judge), refused, policies: (world.documents ?? []).map(policiesOf) };
});
fs.writeFileSync(1, JSON.stringify(told));
