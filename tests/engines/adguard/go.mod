module adguard

go 1.22.4

require github.com/AdguardTeam/urlfilter v0.19.0

require (
	github.com/AdguardTeam/golibs v0.24.0 // indirect
	github.com/miekg/dns v1.1.61 // indirect
	golang.org/x/mod v0.18.0 // indirect
	golang.org/x/net v0.26.0 // indirect
	golang.org/x/sync v0.7.0 // indirect
	golang.org/x/sys v0.21.0 // indirect
	golang.org/x/tools v0.22.0 // indirect
)
