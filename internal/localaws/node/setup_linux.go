package node

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// overlayPlaces are where a script may write and keep its changes, in a copy of the node's own.
var overlayPlaces = []string{"/etc", "/home", "/opt", "/root", "/srv", "/usr/local", "/var"}

// sockets are what an allowed program needs of /run.
var sockets = map[string]string{
	"docker":    "/run/docker.sock",
	"podman":    "/run/podman",
	"systemctl": "/run/systemd",
}

// newSetup says what is to be mounted for a node; limits names what cannot be hidden.
func newSetup(dir string, box Sandbox, guards []guard) (s setup, limits []string, err error) {
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return s, nil, err
	}
	s = setup{Dir: dir, Layers: filepath.Join(dir, "overlay"), Tools: hiddenTools(box.Path)}
	for _, cache := range box.Caches {
		real, err := filepath.EvalSymlinks(cache)
		if err != nil {
			return s, nil, err
		}
		s.Caches = append(s.Caches, real)
	}
	slices.Sort(s.Caches)
	for _, place := range overlayPlaces {
		if info, err := os.Lstat(place); err == nil && info.IsDir() && !touches(place, append(s.Caches, dir)) {
			s.Overlays = append(s.Overlays, place)
		}
	}
	for _, program := range box.Allow {
		if path := sockets[program]; path != "" {
			if _, err := os.Stat(path); err == nil {
				s.Sockets = append(s.Sockets, path)
			}
		}
	}
	for _, g := range guards {
		for _, program := range g.covers {
			s.Covers = append(s.Covers, [2]string{filepath.Join(dir, "guards", filepath.Base(g.script)), program})
		}
	}
	s.Hide, limits = hidden(box.Hide, dir, s.Caches)
	return s, limits, nil
}

// hiddenTools finds the directories of a PATH that the node's own /tmp and /run would hide: a toolchain that was
// unpacked into /tmp, the whole system on NixOS. Of a directory bin it is the one above, where the rest of the
// toolchain is.
func hiddenTools(path string) []string {
	var tools []string
	for _, dir := range filepath.SplitList(path) {
		dir = filepath.Clean(dir)
		if !touches("/tmp", []string{dir}) && !touches("/run", []string{dir}) || filepath.Dir(dir) == "/" {
			continue
		}
		if above := filepath.Dir(dir); filepath.Base(dir) == "bin" && filepath.Dir(above) != "/" {
			dir = above
		}
		if info, err := os.Stat(dir); err == nil && info.IsDir() && !slices.Contains(tools, dir) {
			tools = append(tools, dir)
		}
	}
	slices.Sort(tools) // what is inside another one comes after it
	return tools
}

// touches tells whether one of dirs is inside place, or place inside one of them.
func touches(place string, dirs []string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool {
		return strings.HasPrefix(dir+"/", place+"/") || strings.HasPrefix(place+"/", dir+"/")
	})
}
