package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// markerName is the environment variable by which the processes of a node are found later.
const markerName = "SLIPWAY_NODE"

// initName is argv[0] of the sandbox's helper, which is this very program.
const initName = "slipway-node-init"

// standardPath is searched for programs when the host's PATH is not given.
const standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Sandbox says what commands see of the machine that they really run on.
type Sandbox struct {
	Path string // the host's PATH; a usual one if empty
	// Caches maps names of environment variables to directories of the host that commands may write to. They are
	// made if missing.
	Caches map[string]string
	// Guards are programs that would act on the machine: each is replaced by a refusal, but for those in Allow. Stubs
	// are replaced by a program that records its call in the node's stubs.log and succeeds.
	Guards, Allow, Stubs []string
	// Marker tells the nodes of one data directory from those of others. It must not contain a slash.
	Marker string
	// Hide are directories and files of the host, by absolute paths, that scripts find empty: keys of the user, the
	// data directory that the node's own directory is in. The node's directory and the caches stay visible where they
	// are inside of one. What does not exist is passed over.
	Hide []string
	// Keep lets applications go on after Close. Their end is Stop, which finds them by Marker; without Keep the kernel
	// ends them with the node, where it has process namespaces.
	Keep bool
	// NoNamespaces runs commands directly on the machine even where namespaces work.
	NoNamespaces bool
}

// machine is a node's own corner of the real machine.
type machine struct {
	dir   string
	env   []string
	spawn spawner
	close func() error
	// limits says in one line what the sandbox cannot do here; empty if nothing.
	limits string
}

// places are the directories inside a node's own one.
var places = []string{"home", "tmp", "run", "work", "guards", "commands", "messages", "replies"}

// newMachine prepares the directories, the guards, the environment and the sandbox.
func newMachine(cfg *Config) (*machine, error) {
	box := cfg.Sandbox
	guards, err := box.prepare(cfg.Dir)
	if err != nil {
		return nil, err
	}
	m := &machine{dir: cfg.Dir, env: environment(cfg, box), spawn: spawnHere, close: func() error { return nil }}
	if box.NoNamespaces {
		m.limits = joinLimits("commands run directly on this machine: namespaces are switched off")
		return m, nil
	}
	h, err := newHolder(cfg, guards)
	if err != nil {
		m.limits = joinLimits("commands run directly on this machine: " + err.Error())
		return m, nil
	}
	m.spawn, m.close, m.limits = h.spawn, h.Close, joinLimits(h.limits...)
	return m, nil
}

// prepare makes a node's directories and its guards, and completes the sandbox.
func (box *Sandbox) prepare(dir string) ([]guard, error) {
	// The directory itself is the user's alone; what is inside becomes the sandbox's /tmp and /run.
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the node's directory: %w", err)
	}
	for _, place := range places {
		if err := os.MkdirAll(filepath.Join(dir, place), 0o755); err != nil {
			return nil, fmt.Errorf("make the node's directory: %w", err)
		}
	}
	if err := noLinks(dir); err != nil {
		return nil, fmt.Errorf("make the node's directory: %w", err)
	}
	log, err := os.OpenFile(filepath.Join(dir, StubLog), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err == nil {
		// Scripts run as other users of the node too (run-as). The machine's other users do not come into the directory.
		err = errors.Join(log.Chmod(0o666), log.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("make the node's directory: %w", err)
	}
	// In a sandbox this is /tmp, for all users.
	if err := os.Chmod(filepath.Join(dir, "tmp"), 0o777|fs.ModeSticky); err != nil {
		return nil, fmt.Errorf("make the node's directory: %w", err)
	}
	for name, cache := range box.Caches {
		if err := prepareCache(name, cache); err != nil {
			return nil, err
		}
	}
	if strings.ContainsAny(box.Marker, "/\x00") {
		return nil, fmt.Errorf("node marker %q: a slash is not allowed", box.Marker)
	}
	if box.Path == "" {
		box.Path = standardPath
	}
	return writeGuards(filepath.Join(dir, "guards"), *box)
}

// noLinks wants nothing in a node's directory to be a link: scripts cannot make one there, but the directory may have come
// from elsewhere, and what the node writes and removes would be where the link leads.
func noLinks(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		if entry.Type()&fs.ModeSymlink != 0 {
			return fmt.Errorf("%s is a link", filepath.Join(dir, entry.Name()))
		}
	}
	return err
}

// joinLimits makes one line of what is missing. Root is told what that means, wherever commands run.
func joinLimits(limits ...string) string {
	if os.Geteuid() == 0 {
		limits = append(limits, "slipway runs as root, and so do scripts: use another user where you can")
	}
	return strings.Join(limits, "; ")
}

func prepareCache(name, dir string) error {
	if name == "" || strings.ContainsAny(name, "=\x00") || !filepath.IsAbs(dir) {
		return fmt.Errorf("cache %s: want a variable's name and an absolute path, got %q", name, dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cache %s: %w", name, err)
	}
	probe, err := os.CreateTemp(dir, ".slipway-*")
	if err != nil {
		return fmt.Errorf("cache %s is not writable: %w", name, err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// environment is all that commands are given. Nothing of the environment of this process is in it.
func environment(cfg *Config, box Sandbox) []string {
	env := []string{
		"PATH=" + filepath.Join(cfg.Dir, "guards") + ":" + box.Path,
		"HOME=" + filepath.Join(cfg.Dir, "home"),
		"TMPDIR=" + filepath.Join(cfg.Dir, "tmp"),
		"AWS_SSM_INSTANCE_ID=" + cfg.InstanceID,
		"AWS_SSM_REGION_NAME=" + cfg.Region,
		"AWS_SSM_PLATFORM_NAME=" + cfg.PlatformName,
		"AWS_SSM_PLATFORM_VERSION=" + cfg.PlatformVersion,
		"AWS_ENDPOINT_URL=" + cfg.Endpoint,
		"AWS_REGION=" + cfg.Region,
		"AWS_DEFAULT_REGION=" + cfg.Region,
		"AWS_EC2_METADATA_DISABLED=true",
		// Where slipway's wrapper keeps the node's lock and its log of deploys: a directory of this node's own also where
		// there is no sandbox.
		"SLIPWAY_NODE_DIR=" + filepath.Join(cfg.Dir, "run"),
	}
	if !severalUsers() {
		env = append(env, "SLIPWAY_ONE_USER=1")
	}
	for _, name := range slices.Sorted(maps.Keys(box.Caches)) {
		env = append(env, name+"="+box.Caches[name])
	}
	env = append(env, cfg.Environment...)
	return append(env, markerName+"="+box.Marker+"/"+cfg.InstanceID)
}

// severalUsers says whether a script can become another user: root can, where its user namespace has more than one.
func severalUsers() bool {
	if os.Geteuid() != 0 {
		return false
	}
	b, err := os.ReadFile("/proc/self/uid_map")
	f := strings.Fields(string(b))
	return err != nil || len(f) != 3 || f[2] != "1"
}

// exec runs a script in the machine.
func (m *machine) exec(ctx context.Context, s Script) Exit {
	return runScript(ctx, m.spawn, slices.Clone(m.env), s)
}

// lookup finds a program in the PATH of an environment, unless its name is a path.
func lookup(name string, env []string) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	for _, entry := range env {
		path, ok := strings.CutPrefix(entry, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(path) {
			file := filepath.Join(dir, name)
			if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				return file, nil
			}
		}
	}
	return "", fmt.Errorf("%s is not in the node's PATH", name)
}

// Remove deletes a node's directory. The work directories of overlay mounts and Go's module caches have modes that
// os.RemoveAll cannot cope with.
func Remove(dir string) error {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err == nil && d.IsDir():
			// Before it is read: WalkDir calls with a directory first, then opens it.
			return os.Chmod(path, 0o700)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("remove the node's directory: %w", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the node's directory: %w", err)
	}
	return nil
}
