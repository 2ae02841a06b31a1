package gateway

import (
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const defaultRegion = "us-east-1"

// guessProtocol tells the protocol of a request before its service is known.
func guessProtocol(r *http.Request) Protocol {
	if r.Header.Get("X-Amz-Target") != "" || strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-amz-json") {
		return JSON11
	}
	return Query
}

// route finds the service and the operation.
func (x *exchange) route() error {
	err := x.find()
	if name := x.scope(); x.svc == nil && name != "" && !x.gw.serves(name) {
		return x.notServed(name)
	}
	if err != nil {
		return err
	}
	if x.svc == nil {
		return unknownOperation(x.protocol, x.call.Operation)
	}
	if x.protocol != JSON11 || !x.svc.AlsoJSON {
		x.protocol = x.svc.Protocol
	}
	x.call.protocol = x.protocol
	x.call.Service = x.svc.Name
	x.call.Region = x.region()
	x.call.RegionGiven = x.sigErr == nil || hostRegion(x.r.Host) != ""
	x.op = x.svc.operations[x.call.Operation]
	return nil
}

// find finds the service by X-Amz-Target, or by Action and Version. The credential scope chooses where that leaves more
// than one.
func (x *exchange) find() error {
	if x.r.Method != http.MethodPost && x.r.Method != http.MethodGet {
		return &Error{Code: "MethodNotAllowed", Message: "The method is not allowed.", Status: http.StatusMethodNotAllowed}
	}
	if x.protocol == JSON11 {
		target, operation := x.r.Header.Get("X-Amz-Target"), ""
		if dot := strings.LastIndexByte(target, '.'); dot >= 0 {
			target, operation = target[:dot], target[dot+1:]
		}
		x.call.Operation = operation
		x.svc = x.gw.find(x.scope(), func(s *registered) bool { return (s.Protocol == JSON11 || s.AlsoJSON) && s.Target == target })
	} else {
		if err := x.parseForm(); err != nil {
			return err
		}
		action, version := x.form.Get("Action"), x.form.Get("Version")
		if action == "" {
			return &Error{Code: "MissingAction", Message: "The request is missing an Action parameter."}
		}
		x.call.Operation = action
		x.svc = x.gw.find(x.scope(), func(s *registered) bool { return s.Protocol != JSON11 && s.Protocol != RESTXML && s.Version == version })
	}
	return nil
}

// notServed says what there is to a client of a service that is not there, in whatever way it may read errors.
func (x *exchange) notServed(name string) *Error {
	x.foreign = true
	e := unknownOperation(x.protocol, x.call.Operation)
	e.Message = "The local AWS does not serve " + printable(name) + "; it serves " + strings.Join(x.gw.names(), ", ") + "."
	return e
}

// serves tells whether there is a service of this signing name.
func (g *Gateway) serves(name string) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.services[name] != nil
}

// names are the signing names of all services.
func (g *Gateway) names() []string {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return slices.Sorted(maps.Keys(g.services))
}

func (x *exchange) scope() string {
	if x.sigErr != nil {
		return ""
	}
	return x.sig.Service
}

// find gives the service that fits; of several, the one that the request is signed for.
func (g *Gateway) find(scope string, fits func(*registered) bool) *registered {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if s := g.services[scope]; s != nil && fits(s) {
		return s
	}
	var found *registered
	for _, s := range g.services {
		if fits(s) && (found == nil || s.Name < found.Name) {
			found = s
		}
	}
	return found
}

// region is the region of the credential scope, of the host name, or us-east-1.
func (x *exchange) region() string {
	switch {
	case x.svc.Global:
		return defaultRegion
	case x.sigErr == nil:
		return x.sig.Region
	}
	if region := hostRegion(x.r.Host); region != "" {
		return region
	}
	return defaultRegion
}

// hostRegion is the region in service.region.amazonaws.com; empty for every other name.
func hostRegion(host string) string {
	host, _, _ = strings.Cut(host, ":")
	rest, ok := strings.CutSuffix(strings.ToLower(host), ".amazonaws.com")
	if !ok {
		return ""
	}
	labels := strings.Split(rest, ".")
	if last := labels[len(labels)-1]; len(labels) > 1 && isRegion(last) {
		return last
	}
	return ""
}

// isRegion tells whether s is written like a region: eu-west-1, us-gov-west-1.
func isRegion(s string) bool {
	parts := strings.Split(s, "-")
	if len(parts) < 3 || len(s) > 32 {
		return false
	}
	for i, p := range parts {
		letters := strings.Trim(p, "abcdefghijklmnopqrstuvwxyz") == ""
		digits := strings.Trim(p, "0123456789") == ""
		if p == "" || i == len(parts)-1 && !digits || i < len(parts)-1 && !letters {
			return false
		}
	}
	return true
}

// parseForm reads the parameters from the body and, for GET and presigned requests, from the query.
func (x *exchange) parseForm() error {
	query, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return malformed(x.protocol, "The query string cannot be read.")
	}
	x.form = query
	if x.r.Method == http.MethodPost {
		kind, _, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
		if len(x.body) > 0 && (err != nil || kind != "application/x-www-form-urlencoded") {
			return malformed(x.protocol, "The Content-Type must be application/x-www-form-urlencoded.")
		}
		form, err := url.ParseQuery(string(x.body))
		if err != nil {
			return malformed(x.protocol, "The form cannot be read.")
		}
		for name, values := range form {
			x.form[name] = append(x.form[name], values...)
		}
	}
	for name, values := range x.form {
		if len(values) > 1 {
			return malformed(x.protocol, "A parameter is there twice.")
		}
		if strings.HasPrefix(name, "X-Amz-") {
			delete(x.form, name)
		}
	}
	return nil
}
