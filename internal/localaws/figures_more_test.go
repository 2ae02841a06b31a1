package localaws_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

const manyNodes = 5000

// manyOnce runs the simulated fleet once, for both of its figures.
var manyOnce = struct {
	sync.Once
	memory, command float64
}{}

func fleetFigures(t *testing.T) {
	manyOnce.Do(func() {
		runtime.GC()
		before := residentMemory(t)
		began := time.Now()
		f, nodes := simulated(t, manyNodes)
		defer f.close()
		defer nodes.Close()
		t.Logf("%d control channels open after %s; %.0f MiB before the first", manyNodes, time.Since(began), before)
		manyOnce.memory = residentMemory(t)
		for range 3 {
			took := f.toAll(manyNodes).Seconds()
			if manyOnce.command == 0 || took < manyOnce.command {
				manyOnce.command = took
			}
			manyOnce.memory = max(manyOnce.memory, residentMemory(t))
		}
		if nodes.Err() != nil || nodes.Taken() != 3*manyNodes {
			t.Errorf("%d commands taken, %v", nodes.Taken(), nodes.Err())
		}
	})
}

// fleetMemory is the most that this process had: the server, and the nodes with their ends of the connections.
func fleetMemory(t *testing.T) float64 {
	fleetFigures(t)
	return manyOnce.memory
}

// fleetCommand is from SendCommand by tag until ListCommands says that all have succeeded.
func fleetCommand(t *testing.T) float64 {
	fleetFigures(t)
	return manyOnce.command
}

// residentMemory is what this process has in memory now, in MiB.
func residentMemory(t *testing.T) float64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err) // another system than Linux
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kilobytes, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	check(t, err)
	return kilobytes / 1024
}

// built is the program, once it was needed.
var built struct {
	sync.Once
	dir string
	err error
}

// slipway builds the program, once for the whole test.
func slipway() (string, error) {
	built.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "slipway-test-"); built.err != nil {
			return
		}
		if out, err := exec.Command("go", "build", "-o", built.dir, "../../cmd/slipway").CombinedOutput(); err != nil {
			built.err = fmt.Errorf("build slipway: %w: %s", err, out)
		}
	})
	return filepath.Join(built.dir, "slipway"), built.err
}

// removeSlipway removes what slipway has built.
func removeSlipway() {
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
}

func startNew(t *testing.T) float64 { return start(t, filepath.Join(t.TempDir(), "data")) }

func startExisting(t *testing.T) float64 {
	dir := filepath.Join(t.TempDir(), "data")
	start(t, dir)
	return start(t, dir)
}

// start is from the start of the process until it has answered a signed sts:GetCallerIdentity, in milliseconds.
func start(t *testing.T, dir string) float64 {
	t.Helper()
	path, err := slipway()
	check(t, err)
	cmd := exec.Command(path, "local", "up", "--data", dir, "--listen", "127.0.0.1:0", "--nodes", "0")
	cmd.Dir = t.TempDir() // no slipway.yaml
	out, err := cmd.StdoutPipe()
	check(t, err)
	var told bytes.Buffer
	cmd.Stderr = &told
	began := time.Now()
	check(t, cmd.Start())
	exports := map[string]string{}
	for lines := bufio.NewScanner(out); lines.Scan() && exports["AWS_SECRET_ACCESS_KEY"] == ""; {
		name, value, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "=")
		exports[name] = strings.Trim(value, "'")
	}
	w, err := dial(exports["AWS_ENDPOINT_URL"], sigv4.Credentials{AccessKeyID: exports["AWS_ACCESS_KEY_ID"], SecretAccessKey: exports["AWS_SECRET_ACCESS_KEY"]})
	if err == nil {
		_, err = w.form("sts", "Action=GetCallerIdentity&Version=2011-06-15")
	}
	took := time.Since(began)
	check(t, cmd.Process.Signal(syscall.SIGTERM))
	if waited := cmd.Wait(); err != nil || waited != nil {
		t.Fatalf("%v, %v: %s", err, waited, told.String())
	}
	return float64(took.Microseconds()) / 1000
}

// roundTrip is from SendCommand until GetCommandInvocation shows the end of `true` on a built-in node: the middle one
// of 15, in milliseconds.
func roundTrip(t *testing.T) float64 {
	f := newFleet(t)
	defer f.close()
	id := "i-00000000000000001"
	check(t, f.aws.Launch(t.Context(), ec2.Instance{ID: id, Account: account, Region: region, Tags: map[string]string{"Fleet": "figures"},
		ProfileARN: "arn:aws:iam::" + account + ":instance-profile/Node"}))
	check(t, f.aws.StartNodes(t.Context()))
	check(t, f.aws.AwaitNodes(t.Context(), 20*time.Second))
	w, err := dial(f.aws.Endpoint(), f.deploy)
	check(t, err)
	defer func() { _ = w.conn.Close() }()
	var all []time.Duration
	for range 15 {
		began := time.Now()
		check(t, runTrue(w, id))
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	t.Logf("round trips from %s to %s", all[0], all[len(all)-1])
	return float64(all[len(all)/2].Microseconds()) / 1000
}

// runTrue sends a command and asks until it has ended.
func runTrue(w *wire, id string) error {
	answer, err := w.call("ssm", "SendCommand", []byte(`{"DocumentName":"AWS-RunShellScript","InstanceIds":["`+id+`"],"Parameters":{"commands":["true"]}}`))
	if err != nil {
		return err
	}
	var sent struct{ Command struct{ CommandId string } }
	if err := json.Unmarshal(answer, &sent); err != nil {
		return err
	}
	get := []byte(`{"CommandId":"` + sent.Command.CommandId + `","InstanceId":"` + id + `"}`)
	for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); time.Sleep(time.Millisecond) {
		answer, err := w.call("ssm", "GetCommandInvocation", get)
		switch {
		case err != nil:
			return err
		case bytes.Contains(answer, []byte(`"Status":"Success"`)):
			return nil
		case !bytes.Contains(answer, []byte(`"Status":"Pending"`)) && !bytes.Contains(answer, []byte(`"Status":"InProgress"`)):
			return fmt.Errorf("ended with %s", answer)
		}
	}
	return fmt.Errorf("%s did not end", sent.Command.CommandId)
}
