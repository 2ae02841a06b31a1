package localaws_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
)

// crashDir, in the environment, makes this test program a local AWS on that data directory, to be killed.
const crashDir = "SLIPWAY_TEST_LOCALAWS"

// maybeCrashChild is called first in TestMain.
func maybeCrashChild() {
	dir := os.Getenv(crashDir)
	if dir == "" {
		return
	}
	if err := crashChild(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// crashInstances are the machines of the local AWS that is killed.
var crashInstances = []string{"i-00000000000000001", "i-00000000000000002"}

// crashChild serves until SIGTERM. It says ready when the port is open and the nodes are starting; the first time when they
// have reported, before which nobody can send them anything.
func crashChild(dir string) error {
	_, err := os.Stat(filepath.Join(dir, "state.db"))
	first := errors.Is(err, fs.ErrNotExist)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	aws, err := localaws.Open(ctx, localaws.Config{Dir: dir, Logf: func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, format+"\n", args...)
	}})
	if err != nil {
		return err
	}
	if err := crashSeed(ctx, aws); err != nil {
		return err
	}
	if err := aws.Serve("127.0.0.1:0"); err != nil {
		return err
	}
	if err := aws.StartNodes(ctx); err != nil {
		return err
	}
	if _, err := aws.WriteControl(ctx, region); err != nil {
		return err
	}
	if first {
		if err := aws.AwaitNodes(ctx, time.Minute); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	<-ctx.Done()
	return aws.Close(context.WithoutCancel(ctx))
}

// crashSeed makes what a release file would make, each time that the local AWS is started.
func crashSeed(ctx context.Context, aws *localaws.AWS) error {
	if _, err := aws.EnsureAccount(ctx, account); err != nil {
		return err
	}
	if err := aws.PutRole(ctx, iam.RoleSpec{Account: account, Name: "Node", Trust: []byte(ec2Trust), InstanceProfile: true,
		Managed: []string{"arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"}}); err != nil {
		return err
	}
	if err := aws.EnsureBucket(ctx, account, region, crashBucket); err != nil {
		return err
	}
	for _, id := range crashInstances {
		if err := aws.Launch(ctx, ec2.Instance{ID: id, Account: account, Region: region,
			ProfileARN: "arn:aws:iam::" + account + ":instance-profile/Node"}); err != nil {
			return err
		}
	}
	return nil
}

// child is a local AWS in a process of its own.
type child struct {
	t     *testing.T
	cmd   *exec.Cmd
	ready chan struct{} // closed when it serves
	ended chan struct{}
	mu    sync.Mutex
	said  strings.Builder
}

// startChild starts a local AWS on dir and does not wait for it.
func startChild(t *testing.T, dir string) *child {
	t.Helper()
	c := &child{t: t, cmd: exec.Command(os.Args[0]), ready: make(chan struct{}), ended: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), crashDir+"="+dir)
	c.cmd.Stderr = c
	out, err := c.cmd.StdoutPipe()
	check(t, err)
	check(t, c.cmd.Start())
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n') // the end of a killed process is no line
		if strings.TrimSpace(line) == "ready" {
			close(c.ready)
		}
		_, _ = io.Copy(io.Discard, out)
		close(c.ended)
	}()
	t.Cleanup(func() { _ = c.cmd.Process.Kill() })
	return c
}

// Write keeps what the process says.
func (c *child) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said.Write(b)
}

// await waits until it serves.
func (c *child) await() {
	c.t.Helper()
	select {
	case <-c.ready:
	case <-c.ended:
		_ = c.cmd.Wait()
		c.t.Fatalf("the local AWS did not start: %s", c.said.String())
	case <-time.After(time.Minute):
		c.t.Fatal("the local AWS did not start within a minute")
	}
}

// kill is kill -9.
func (c *child) kill() {
	c.t.Helper()
	check(c.t, c.cmd.Process.Kill())
	<-c.ended
	_ = c.cmd.Wait() // it says that it was killed
}

// stop asks it to end, as Ctrl-C does.
func (c *child) stop() {
	c.t.Helper()
	check(c.t, c.cmd.Process.Signal(syscall.SIGTERM))
	<-c.ended
	if err := c.cmd.Wait(); err != nil {
		c.t.Errorf("it ended with %v: %s", err, c.said.String())
	}
}
