package format

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strconv"
	"strings"
)

// Encode writes the file. The same input gives the same bytes. Services must be sorted by name.
func Encode(header Header, services []Service) ([]byte, error) {
	var head strings.Builder
	for _, s := range header.Sources {
		if err := line(&head, "source", s.Package, s.Version, s.Date); err != nil {
			return nil, err
		}
	}
	for _, k := range header.Globals {
		if err := line(&head, "global", k.Name, k.Type); err != nil {
			return nil, err
		}
	}
	var members bytes.Buffer
	for i, s := range services {
		if i > 0 && services[i-1].Name >= s.Name {
			return nil, fmt.Errorf("service %s after %s: services must be sorted and unique", s.Name, services[i-1].Name)
		}
		text, err := s.text()
		if err != nil {
			return nil, fmt.Errorf("service %s: %w", s.Name, err)
		}
		before := members.Len()
		if err := member(&members, text); err != nil {
			return nil, err
		}
		if err := line(&head, "service", s.Name, strconv.Itoa(members.Len()-before)); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	if err := member(&out, head.String()); err != nil {
		return nil, err
	}
	out.Write(members.Bytes())
	return out.Bytes(), nil
}

// member appends one gzip member, without a time stamp.
func member(w *bytes.Buffer, text string) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	if _, err := z.Write([]byte(text)); err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	return nil
}

func (s Service) text() (string, error) {
	var b strings.Builder
	for _, k := range s.Keys {
		if err := line(&b, "k", k.Name, k.Type); err != nil {
			return "", err
		}
	}
	for _, r := range s.Resources {
		if err := clean(r.ARNs, " "); err != nil {
			return "", err
		}
		if err := line(&b, "r", r.Name, strings.Join(r.ARNs, " "), numbers(r.Keys)); err != nil {
			return "", err
		}
	}
	for _, a := range s.Actions {
		if err := clean(a.Dependents, ","); err != nil {
			return "", err
		}
		types, err := a.types()
		if err != nil {
			return "", err
		}
		if err := line(&b, "a", a.Name, a.AccessLevel, types, numbers(a.Keys), strings.Join(a.Dependents, ",")); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

func (a Action) types() (string, error) {
	parts := make([]string, len(a.Types))
	for i, t := range a.Types {
		if err := clean([]string{t.Name}, ";:*"); err != nil {
			return "", err
		}
		parts[i] = t.Name
		if t.Required {
			parts[i] += "*"
		}
		if len(t.Keys) > 0 {
			parts[i] += ":" + numbers(t.Keys)
		}
	}
	return strings.Join(parts, ";"), nil
}

func numbers(ns []int) string {
	parts := make([]string, len(ns))
	for i, n := range ns {
		parts[i] = strconv.Itoa(n)
	}
	return strings.Join(parts, ",")
}

func line(b *strings.Builder, fields ...string) error {
	if err := clean(fields, "\t\n"); err != nil {
		return err
	}
	b.WriteString(strings.Join(fields, "\t"))
	b.WriteByte('\n')
	return nil
}

// clean refuses values that contain a separator: the file would not say what was meant.
func clean(values []string, separators string) error {
	for _, v := range values {
		if strings.ContainsAny(v, separators) {
			return fmt.Errorf("%q: contains a separator of the format", v)
		}
	}
	return nil
}
