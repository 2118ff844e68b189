// Converts filter lists by adblock-rs (Brave's engine) to WebKit's rules. Arguments: the package's folder, the lists.
// Standard output: the rules as JSON.
const fs = require("node:fs");
const [, , folder, ...lists] = process.argv;
const { FilterSet } = require(folder);
const set = new FilterSet(true);
for (const list of lists) set.addFilters(fs.readFileSync(list, "utf8").split("\n"));
const { contentBlockingRules } = set.intoContentBlocking();
fs.writeSync(1, JSON.stringify(contentBlockingRules));
