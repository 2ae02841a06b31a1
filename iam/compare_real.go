package iam

import (
	"slices"
	"strings"
)

// Keys that every request has (IAM user guide, "AWS global condition context keys"): an example without them, or with values that
// AWS never gives them, shows a difference, and no request that somebody can make.
const (
	keyRequestedRegion = "aws:requestedregion"
	keySecureTransport = "aws:securetransport"
)

// maxUnreal bounds how many examples are looked at for one that is real.
const maxUnreal = 16

// dressed gives a confirmed request what every request has of the keys that statements read, where the evaluator confirms it so,
// too.
func (c *comparison) dressed(r *Request) *Request {
	for _, key := range []string{keyRequestedRegion, keySecureTransport} {
		d, read := c.dimensions[key]
		if !read {
			continue
		}
		for _, value := range c.realValues(key, c.keys[d-firstKey], r) {
			try := *r
			try.Context = r.Context.with(key, value)
			if c.allowed(c.newPolicies, &try) && !c.allowed(c.oldPolicies, &try) {
				r = &try
				break
			}
		}
	}
	return r
}

// with is the context with another value for a key.
func (c Context) with(key, value string) Context {
	values := map[string][]string{}
	for _, k := range c.Keys() {
		values[k] = c.Get(k)
	}
	values[key] = []string{value}
	return NewContext(values)
}

// realValues are values that AWS may give a key, the likeliest first; none where it has one of them already.
func (c *comparison) realValues(key string, k *contextKey, r *Request) (list []string) {
	has := r.Context.Get(key)
	if key == keySecureTransport {
		if list = []string{"true", "false"}; len(has) == 1 && slices.Contains(list, has[0]) {
			return nil
		}
		return list
	}
	if region := arnField(r.Resource, arnRegion); region != "" && !strings.ContainsAny(region, "*?") {
		list = append(list, region)
	}
	list = append(list, exampleRegion)
	for _, value := range k.constants[:min(len(k.constants), maxUnreal)] {
		if !strings.ContainsAny(value, "*?$") && value != "" {
			list = append(list, value)
		}
	}
	if len(has) == 1 && (len(list) > 0 && has[0] == list[0]) {
		return nil
	}
	return list
}

// real says whether a request is made in the region of its resource, where statements read that.
func (c *comparison) real(r *Request) bool {
	if _, read := c.dimensions[keyRequestedRegion]; !read {
		return true
	}
	has, region := r.Context.Get(keyRequestedRegion), arnField(r.Resource, arnRegion)
	return len(has) == 1 && has[0] != "" && (region == "" || region == has[0])
}
