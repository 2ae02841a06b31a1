package iam

import (
	"fmt"
	"net/netip"
	"strings"
)

type ipComparer netip.Prefix

func compileIP(value string, _ bool) (comparer, error) {
	prefix, ok := parsePrefix(value)
	if !ok {
		return nil, fmt.Errorf("%q is not an IP address or range", value)
	}
	return ipComparer(prefix), nil
}

// ipv4InIPv6 is how many bits come before an IPv4 address in an IPv6 address.
const ipv4InIPv6 = 96

// parsePrefix reads a range, or an address as the range that holds only it.
func parsePrefix(s string) (netip.Prefix, bool) {
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		if p.Addr().Is4In6() && p.Bits() >= ipv4InIPv6 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-ipv4InIPv6)
		}
		return p, err == nil
	}
	a, ok := parseIP(s)
	return netip.PrefixFrom(a, a.BitLen()), ok
}

// parseIP reads an address without a zone; an IPv4 address in IPv6's clothes is an IPv4 address.
func parseIP(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	return a.Unmap(), err == nil && a.Zone() == ""
}

func (p ipComparer) compare(value string, _ Context) (bool, bool) {
	a, ok := parseIP(value)
	return ok && netip.Prefix(p).Contains(a), ok
}
