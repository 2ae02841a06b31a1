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
	if len(r.Decisive) > 0 {
		verb := "allowed by"
		if !r.Allowed() {
			verb = "denied by"
		}
		fmt.Fprintf(&w, "\n%s\n", verb)
		for _, p := range r.Decisive {
			fmt.Fprintf(&w, "  %s\n", p)
		}
	}
	if r.Decision == "ExplicitlyDenied" {
		w.WriteString("  nothing that is added overrides an explicit deny\n")
	}
	if len(r.Near) > 0 {
		w.WriteString("\nnearly allowed by\n")
		for _, n := range r.Near {
			fmt.Fprintf(&w, "  %s, %s: the %s does not match\n    %s\n", n.Place, kindOfPolicy(n.Layer), n.Mismatch, n.Detail)
		}
	}
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
		names := make([]string, len(r.Missing))
		for i, layer := range r.Missing {
			names[i] = kindOfPolicy(layer)
		}
		fmt.Fprintf(w, " by the %s", strings.Join(names, ", nor by the "))
	case r.Layer != "":
		fmt.Fprintf(w, " by the %s", kindOfPolicy(r.Layer))
	}
	fmt.Fprintf(w, "\n  %s\n  %s on %s\n", r.Request.Principal, r.Request.Action, r.Request.Resource)
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
