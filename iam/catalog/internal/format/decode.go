package format

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// maxMember bounds what one member may inflate to; the largest service (ec2) needs about 85 kB.
const maxMember = 4 << 20

// Archive is an opened file. It is immutable and safe for concurrent use.
type Archive struct {
	Header
	Services []string // sorted
	members  [][]byte // parallel to Services
}

// Open reads the header.
func Open(data []byte) (*Archive, error) {
	text, rest, err := inflate(data)
	if err != nil {
		return nil, fmt.Errorf("catalog header: %w", err)
	}
	a := &Archive{}
	for l := range strings.Lines(text) {
		f := strings.Split(strings.TrimSuffix(l, "\n"), "\t")
		switch {
		case f[0] == "source" && len(f) == 4:
			a.Sources = append(a.Sources, Source{Package: f[1], Version: f[2], Date: f[3]})
		case f[0] == "global" && len(f) == 3:
			a.Globals = append(a.Globals, Key{Name: f[1], Type: f[2]})
		case f[0] == "service" && len(f) == 3:
			if rest, err = a.addMember(f[1], f[2], rest); err != nil {
				return nil, fmt.Errorf("catalog header: service %s: %w", f[1], err)
			}
		default:
			return nil, fmt.Errorf("catalog header: bad line %q", l)
		}
	}
	if len(a.Sources) == 0 {
		return nil, fmt.Errorf("catalog header: it names no source")
	}
	if len(rest) != 0 {
		return nil, fmt.Errorf("catalog: %d bytes belong to no service", len(rest))
	}
	return a, nil
}

// addMember cuts the member of a service off the front of data and returns what is left.
func (a *Archive) addMember(name, length string, data []byte) ([]byte, error) {
	size, err := strconv.Atoi(length)
	if err != nil || size < 0 || size > len(data) {
		return nil, fmt.Errorf("bad length %q", length)
	}
	if n := len(a.Services); n > 0 && a.Services[n-1] >= name {
		return nil, fmt.Errorf("it is out of order")
	}
	a.Services = append(a.Services, name)
	a.members = append(a.members, data[:size])
	return data[size:], nil
}

// Service inflates and decodes one service; ok is false when the catalog has no service of that name.
func (a *Archive) Service(name string) (s Service, ok bool, err error) {
	i, ok := slices.BinarySearch(a.Services, name)
	if !ok {
		return Service{}, false, nil
	}
	text, rest, err := inflate(a.members[i])
	if err == nil && len(rest) != 0 {
		err = fmt.Errorf("%d bytes after the end", len(rest))
	}
	if err == nil {
		s, err = parse(name, text)
	}
	if err != nil {
		return Service{}, true, fmt.Errorf("catalog service %s: %w", name, err)
	}
	return s, true, nil
}

// inflate reads one gzip member and returns what follows it.
func inflate(data []byte) (text string, rest []byte, err error) {
	r := bytes.NewReader(data) // an io.ByteReader: gzip takes no byte beyond the member's end
	z, err := gzip.NewReader(r)
	if err != nil {
		return "", nil, err
	}
	z.Multistream(false)
	var b strings.Builder
	if n := len(data); n >= 4 { // a member ends with its inflated size; elsewhere this is a harmless guess
		b.Grow(int(min(binary.LittleEndian.Uint32(data[n-4:]), maxMember)))
	}
	n, err := io.Copy(&b, io.LimitReader(z, maxMember+1))
	if err != nil {
		return "", nil, err
	}
	if n > maxMember {
		return "", nil, fmt.Errorf("more than %d bytes", maxMember)
	}
	return b.String(), data[len(data)-r.Len():], nil
}

func parse(name, text string) (Service, error) {
	s := Service{Name: name}
	for l := range strings.Lines(text) {
		if err := s.add(strings.Split(strings.TrimSuffix(l, "\n"), "\t")); err != nil {
			return Service{}, fmt.Errorf("line %q: %w", l, err)
		}
	}
	return s, nil
}

func (s *Service) add(f []string) error {
	switch {
	case f[0] == "k" && len(f) == 3:
		s.Keys = append(s.Keys, Key{Name: f[1], Type: f[2]})
		return nil
	case f[0] == "r" && len(f) == 4:
		keys, err := s.keys(f[3])
		s.Resources = append(s.Resources, Resource{Name: f[1], ARNs: split(f[2], " "), Keys: keys})
		return err
	case f[0] == "a" && len(f) == 6:
		types, err := s.types(f[3])
		if err != nil {
			return err
		}
		keys, err := s.keys(f[4])
		s.Actions = append(s.Actions, Action{Name: f[1], AccessLevel: f[2], Types: types, Keys: keys, Dependents: split(f[5], ",")})
		return err
	}
	return fmt.Errorf("unknown kind of line")
}

func (s *Service) types(field string) ([]ActionType, error) {
	var out []ActionType
	for _, p := range split(field, ";") {
		name, list, _ := strings.Cut(p, ":")
		keys, err := s.keys(list)
		if err != nil {
			return nil, err
		}
		name, required := strings.CutSuffix(name, "*")
		if name == "" {
			return nil, fmt.Errorf("resource type without a name in %q", field)
		}
		out = append(out, ActionType{Name: name, Required: required, Keys: keys})
	}
	return out, nil
}

// keys reads indexes of keys, all of which must have been seen: the k lines come first.
func (s *Service) keys(field string) ([]int, error) {
	parts := split(field, ",")
	if len(parts) == 0 {
		return nil, nil
	}
	out := make([]int, len(parts))
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 || n >= len(s.Keys) {
			return nil, fmt.Errorf("condition key number %q: not one of %d", p, len(s.Keys))
		}
		out[i] = n
	}
	return out, nil
}

func split(s, sep string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, sep)
}
