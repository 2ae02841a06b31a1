package gateway

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Guard refuses what no AWS client sends but a hostile web page can make a browser send: requests with an Origin, and
// requests to a name that was rebound to the loopback address. It is nil for everything else.
func (g *Gateway) Guard(r *http.Request) *Error {
	if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
		return &Error{Code: "AccessDenied", Message: "Requests from web pages are refused.", Status: http.StatusForbidden}
	}
	if !g.anyHost && !knownHost(r.Host) {
		return &Error{Code: "AccessDenied", Message: "The Host header names neither this machine nor AWS.", Status: http.StatusForbidden}
	}
	return nil
}

// knownHost accepts loopback addresses, localhost and the names below it (a bucket's), which no resolver asks anybody about
// (RFC 6761), and AWS's own names.
func knownHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	if addr, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return addr.IsLoopback()
	}
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".amazonaws.com")
}
