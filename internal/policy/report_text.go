package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Text prints the report for a person.
func (r *Report) Text() string {
	var w strings.Builder
	r.head(&w)
	r.decisive(&w)
	if len(r.Near) > 0 {
		w.WriteString("\nnearly allowed by\n")
		for _, n := range r.Near {
			fmt.Fprintf(&w, "  %s, %s: the %s does not match\n    %s\n", n.Place, kindOfPolicy(n.Layer), n.Mismatch, n.Detail)
		}
	}
	r.guards(&w)
	r.remedies(&w)
	for _, note := range r.Notes {
		fmt.Fprintf(&w, "\nnote: %s\n", note)
	}
	if len(r.Closest) > 0 {
		fmt.Fprintf(&w, "  did you mean %s?\n", strings.Join(r.Closest, ", "))
	}
	if len(r.Filled) > 0 {
		w.WriteString("\nfilled in, as AWS would; --context overrides\n")
		for _, f := range r.Filled {
			fmt.Fprintf(&w, "  %s=%s\n", f.Key, f.Value)
		}
	}
	return w.String()
}

// head prints the decision and the request.
func (r *Report) head(w *strings.Builder) {
	words := map[string]string{"Allowed": "allowed", "ImplicitlyDenied": "denied: not allowed", "ExplicitlyDenied": "denied explicitly"}
	w.WriteString(words[r.Decision])
	switch {
	case r.Decision == "ImplicitlyDenied" && len(r.Missing) > 0:
		fmt.Fprintf(w, " by the %s", kindsOfPolicy(r.Missing))
	case r.Layer != "":
		fmt.Fprintf(w, " by the %s", kindOfPolicy(r.Layer))
	}
	fmt.Fprintf(w, "\n  %s\n  %s on %s\n", r.Request.Principal, r.Request.Action, r.Request.Resource)
}

// decisive prints the statements that allow or deny, and of those that deny their conditions.
func (r *Report) decisive(w *strings.Builder) {
	if len(r.Decisive) > 0 {
		verb := "allowed by"
		if !r.Allowed() {
			verb = "denied by"
		}
		fmt.Fprintf(w, "\n%s\n", verb)
	}
	for _, p := range r.Decisive {
		fmt.Fprintf(w, "  %s\n", p.Place)
		for _, c := range p.Conditions {
			fmt.Fprintf(w, "    because %s\n", r.condition(c, false))
		}
	}
	if r.Decision != "ExplicitlyDenied" {
		return
	}
	w.WriteString("  nothing that is added overrides an explicit deny\n")
	if len(r.Missing) > 0 {
		fmt.Fprintf(w, "  without it the request would still not be allowed by the %s\n", kindsOfPolicy(r.Missing))
	} else {
		w.WriteString("  without it the request would be allowed\n")
	}
}

// guards prints which conditions keep the closest statement of each layer from allowing the request.
func (r *Report) guards(w *strings.Builder) {
	seen := map[string]bool{}
	for _, n := range r.Near {
		if seen[n.Layer] {
			continue
		}
		seen[n.Layer] = true
		if len(n.Unmet) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n%s of the %s would allow it if\n", n.Place, kindOfPolicy(n.Layer))
		for _, c := range n.Unmet {
			fmt.Fprintf(w, "  %s\n", r.condition(c, true))
		}
	}
}

// condition says what a condition wants and what the request has. give: and how to give what is lacking.
func (r *Report) condition(c Condition, give bool) string {
	has := "the request has " + strings.Join(c.Has, ", ")
	switch {
	case len(c.Has) > 0:
	case !give:
		has = "the request does not have the key"
	case r.line:
		has = "the request does not have the key: give it in its context"
	default:
		has = "the request does not have the key: give --context " + c.Key + "=VALUE"
	}
	return fmt.Sprintf("%s %s %s (%s)", c.Key, c.Operator, strings.Join(c.Values, ", "), has)
}

func (r *Report) remedies(w *strings.Builder) {
	for i, remedy := range r.Remedies {
		switch {
		case i > 0:
			w.WriteString("\nand")
		case len(r.Remedies) > 1:
			w.WriteString("\nthese together would allow it:")
		default:
			w.WriteString("\nthis would allow it:")
		}
		fmt.Fprintf(w, " add to the %s", kindOfPolicy(remedy.Layer))
		if remedy.Level != nil {
			fmt.Fprintf(w, " of level %d", *remedy.Level)
		}
		if remedy.Unguarded {
			w.WriteString(" (this drops the conditions above)")
		}
		w.WriteByte('\n')
		var indented bytes.Buffer
		if json.Indent(&indented, remedy.Statement, "", "  ") == nil {
			indented.WriteByte('\n')
			_, _ = indented.WriteTo(w)
		}
	}
}

// String is file:line:column with the statement's name.
func (p Place) String() string {
	place := p.Policy
	if p.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", p.Policy, p.Line, p.Column)
	}
	return fmt.Sprintf("%s %s (%s)", place, p.Statement, p.Effect)
}

// kindsOfPolicy lists the layers that do not allow.
func kindsOfPolicy(layers []string) string {
	names := make([]string, len(layers))
	for i, layer := range layers {
		names[i] = kindOfPolicy(layer)
	}
	return strings.Join(names, ", nor by the ")
}

// kindOfPolicy says in words which policies a layer is.
func kindOfPolicy(layer string) string {
	words := map[string]string{
		"identity": "identity policies", "boundary": "permissions boundary", "session": "session policies",
		"trust": "role's trust policy", "resource": "resource's policy", "scp": "service control policies",
		"rcp": "resource control policies", "vpce": "VPC endpoint's policy",
	}
	if w, ok := words[layer]; ok {
		return w
	}
	return layer + " policies"
}
