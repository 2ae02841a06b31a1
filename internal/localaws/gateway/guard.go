package gateway

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// guard refuses what no AWS client sends but a hostile web page can make a browser send: requests with an Origin,
// requests to a name that was rebound to the loopback address, and methods other than GET and POST.
func guard(r *http.Request) *Error {
	if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
		return &Error{Code: "AccessDenied", Message: "Requests from web pages are refused.", Status: http.StatusForbidden}
	}
	if !knownHost(r.Host) {
		return &Error{Code: "AccessDenied", Message: "The Host header names neither this machine nor AWS.", Status: http.StatusForbidden}
	}
	if r.Method != http.MethodPost && r.Method != http.MethodGet {
		return &Error{Code: "MethodNotAllowed", Message: "The method is not allowed.", Status: http.StatusMethodNotAllowed}
	}
	return nil
}

// knownHost accepts loopback addresses, localhost and AWS's own names.
func knownHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	if addr, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return addr.IsLoopback()
	}
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".amazonaws.com")
}
