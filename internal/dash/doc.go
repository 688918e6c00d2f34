// Package dash is busd's face for browsers and Prometheus: a live page and metrics, read-only, on a Unix socket of the user's own, on a
// loopback address, or, with TLS and a token, on any.
//
//	config.go   what is configured, and what of that is refused
//	dash.go     Dash: listening, serving, the routes
//	listen.go   the socket that is configured: a Unix one, or TCP
//	limit.go    how many connections at once, and which of them have to go
//	guard.go    who may ask: names of hosts, tokens, headers
//	events.go   the page's numbers, once a second for all who look
//	logs.go     the logs of plugins
//	metrics.go  what Prometheus scrapes; docs/METRICS.md
//	page/       the page
package dash
