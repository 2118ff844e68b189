// Says of each name on standard input whether AdGuard's DNS engine blocks it, by the rules in a file.
package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/AdguardTeam/urlfilter"
	"github.com/AdguardTeam/urlfilter/filterlist"
)

func main() {
	rules, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	list := &filterlist.StringRuleList{ID: 1, RulesText: string(rules), IgnoreCosmetic: true}
	storage, err := filterlist.NewRuleStorage([]filterlist.RuleList{list})
	if err != nil {
		panic(err)
	}
	engine := urlfilter.NewDNSEngine(storage)
	names := bufio.NewScanner(os.Stdin)
	for names.Scan() {
		found, matched := engine.Match(names.Text())
		rule := found.NetworkRule
		if matched && (len(found.HostRulesV4) > 0 || (rule != nil && !rule.Whitelist)) {
			fmt.Println(names.Text())
		}
	}
}
