package node

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// ErrNoEnclosure says that this system does not let us make an [Enclosure].
var ErrNoEnclosure = errors.New("this system cannot hold a cell")

// EnclosureConfig describes an [Enclosure]. Dir, HostName, Address and Argv must be there.
type EnclosureConfig struct {
	InstanceID string
	Dir        string // the node's own directory, as that of a built-in one
	Sandbox    Sandbox
	HostName   string
	Address    string            // its IPv4 address
	Files      map[string]string // contents of files that are in the place of the machine's, by path
	Append     map[string]string // texts that are added to files of the machine, by path; what is not there stays so
	Absent     []string          // directories of the machine, inside those with copies-on-write, that begin empty
	Mounts     [][2]string       // a directory of the machine, and where it is seen, read-only
	Ports      []Port
	Argv       []string // an absolute path and arguments
	Env        []string // beside PATH and the sandbox's caches
	Log        *os.File // gets what the program writes
}

// Port is a socket inside an [Enclosure] that this process answers on.
type Port struct {
	Network string // tcp or udp
	Address string // an IPv4 address and a port, to which there is a route
}

// environment is what the program of an enclosure is started with.
func (c *EnclosureConfig) environment(box Sandbox) []string {
	env := append([]string{"PATH=" + filepath.Join(c.Dir, "guards") + ":" + box.Path}, c.Env...)
	for _, name := range slices.Sorted(maps.Keys(box.Caches)) {
		env = append(env, name+"="+box.Caches[name])
	}
	return env
}
