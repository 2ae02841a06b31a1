package localaws_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

var kills = flag.Int("kills", 5, "how often TestKill kills a local AWS")

// TestKill kills a local AWS at random moments of a running scenario, some of them while it starts, and each time starts
// it again on the same directory: nothing that it has acknowledged may be missing, nothing may have run twice, and every
// command must come to an end. Moments are chosen by seeds: the first five are always the same.
//
//	go test ./internal/localaws -run '^TestKill$' -kills 50
func TestKill(t *testing.T) {
	known := newFacts(t)
	for seed := range *kills {
		random := rand.New(rand.NewPCG(uint64(seed), 4))
		c := startChild(t, known.dir)
		if seed%5 == 3 {
			time.Sleep(time.Duration(random.IntN(150)) * time.Millisecond)
			c.kill()
			continue
		}
		c.await()
		s := &killed{facts: known, seed: seed}
		s.begin(5)
		time.Sleep(time.Duration(50+random.IntN(900)) * time.Millisecond)
		c.kill()
		s.workers.Wait()
		after := startChild(t, known.dir)
		after.await()
		known.verify()
		s.goesOn()
		if seed%2 == 0 {
			after.kill()
		} else {
			after.stop()
		}
		if t.Failed() || len(known.problems) > 0 {
			t.Fatalf("after kill %d: %s\n%s", seed, strings.Join(known.problems, "\n"), after.said.String())
		}
	}
	known.ranOnce()
	interrupted := 0
	for _, c := range known.commands {
		if strings.HasPrefix(c.ended, "Failed") {
			interrupted++
		}
	}
	t.Logf("%d kills: %d documents, %d roles, %d objects, %d parameters, %d commands of which %d were interrupted, %d calls", *kills, len(known.documents),
		len(known.roles), len(known.objects), len(known.values), len(known.commands), interrupted, len(known.calls))
	if len(known.problems) > 0 {
		t.Error(strings.Join(known.problems, "\n"))
	}
}

// TestKillNotices: what [TestKill] looks for it does find, when it is taken away.
func TestKillNotices(t *testing.T) {
	t.Parallel()
	known := newFacts(t)
	c := startChild(t, known.dir)
	c.await()
	w, err := known.connect()
	check(t, err)
	s := &killed{facts: known}
	for i := range 5 {
		check(t, s.step(w, fmt.Sprint("lost-", i), i))
	}
	check(t, known.putObject("lost-object", 3<<20))
	c.kill()
	db, err := store.Open(known.dir)
	check(t, err)
	for _, loss := range []string{`DELETE FROM ssm_document WHERE name = 'lost-0'`, `DELETE FROM iam_roles WHERE name = 'lost-1'`,
		`DELETE FROM ssm_command`, `DELETE FROM parameters_name`, `DELETE FROM parameters_version`, `DELETE FROM s3_chunk WHERE seq = 1`, `DELETE FROM events WHERE name = 'CreateRole'`} {
		_, err := db.ExecContext(t.Context(), loss)
		check(t, err)
	}
	check(t, db.Close())
	again := startChild(t, known.dir)
	again.await()
	known.verify()
	again.kill()
	found := strings.Join(known.problems, "\n")
	for _, want := range []string{"document lost-0", "role lost-1", "(lost-2)", "(lost-3)", "parameter lost-4", "object lost-object", "the event of request"} {
		if !strings.Contains(found, want) {
			t.Errorf("not noticed: %s, in\n%s", want, found)
		}
	}
}

// facts are what a local AWS has acknowledged.
type facts struct {
	t   *testing.T
	dir string

	mu        sync.Mutex
	documents map[string]string // content by name
	roles     map[string]bool
	commands  map[string]*sentCommand // by id
	objects   map[string][32]byte     // hashes by key
	values    map[string]string       // of parameters, by name
	calls     []string                // request ids
	problems  []string                // what was found to be missing or wrong
}

func (f *facts) problem(format string, args ...any) {
	f.problems = append(f.problems, fmt.Sprintf(format, args...))
}

func newFacts(t *testing.T) *facts {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() { _ = localaws.RemoveDir(dir) })
	return &facts{t: t, dir: dir, documents: map[string]string{}, roles: map[string]bool{}, commands: map[string]*sentCommand{},
		objects: map[string][32]byte{}, values: map[string]string{}}
}

// sentCommand is an acknowledged command, and its end as far as that was told.
type sentCommand struct {
	instance, marker string
	ended            string // Status and output; empty when it was not told
}

func (f *facts) note(g func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	g()
}

// connect is the administrator's connection to the local AWS that runs now.
func (f *facts) connect() (*wire, error) {
	control, err := localaws.ReadControl(f.dir)
	if err != nil {
		return nil, err
	}
	first := control.Accounts[0]
	return dial(control.Endpoint, sigv4.Credentials{AccessKeyID: first.AccessKeyID, SecretAccessKey: first.SecretAccessKey})
}

// ask is one acknowledged call, and remembered as one.
func (f *facts) ask(w *wire, operation string, in, out any) error {
	err := w.ask("ssm", operation, in, out)
	if err == nil {
		f.note(func() { f.calls = append(f.calls, w.requestID) })
	}
	return err
}

// killed works on a local AWS until that is killed.
type killed struct {
	*facts
	seed    int
	workers sync.WaitGroup
}

func (s *killed) begin(n int) {
	for who := range n {
		s.workers.Go(func() {
			w, err := s.connect()
			if err == nil && who == 0 {
				err = s.storeObjects()
			}
			for i := 0; err == nil; i++ {
				err = s.step(w, fmt.Sprintf("k%d-%d-%d", s.seed, who, i), i)
			}
			var refused *answered
			if errors.As(err, &refused) {
				s.t.Errorf("refused: %v", err) // everything else is the end of the connection
			}
		})
	}
}

// step does one thing, and remembers it when it was acknowledged.
func (s *killed) step(w *wire, name string, i int) error {
	// An account may have 500 documents and 1,000 roles; what nobody was told of counts too.
	documents, roles := 0, 0
	s.note(func() { documents, roles = len(s.documents), len(s.roles) })
	switch {
	case i%5 == 0 && documents < 400:
		return s.createDocument(w, name)
	case i%5 == 1 && roles < 800:
		return s.createRole(w, name)
	case i%5 < 2 || i%5 == 4:
		return s.putParameter(w, name)
	default:
		id, err := s.send(w, name, crashInstances[i%len(crashInstances)])
		if err == nil && i%5 == 3 {
			_, err = s.awaitEnd(w, id)
		}
		return err
	}
}

func (s *killed) createDocument(w *wire, name string) error {
	content := `{"schemaVersion":"2.2","description":"` + name + `","mainSteps":[{"action":"aws:runShellScript","name":"a","inputs":{"runCommand":["true"]}}]}`
	err := s.ask(w, "CreateDocument", map[string]string{"Name": name, "Content": content, "DocumentType": "Command"}, nil)
	if err == nil {
		s.note(func() { s.documents[name] = content })
	}
	return err
}

func (s *killed) putParameter(w *wire, name string) error {
	value := "value of " + name
	err := s.ask(w, "PutParameter", map[string]string{"Name": name, "Type": "SecureString", "Value": value}, nil)
	if err == nil {
		s.note(func() { s.values[name] = value })
	}
	return err
}

func (s *killed) createRole(w *wire, name string) error {
	_, err := w.form("iam", "Action=CreateRole&Version=2010-05-08&RoleName="+name+"&AssumeRolePolicyDocument="+
		strings.NewReplacer(" ", "%20", `"`, "%22", "{", "%7B", "}", "%7D", "[", "%5B", "]", "%5D", ":", "%3A", ",", "%2C").Replace(ec2Trust))
	if err == nil {
		s.note(func() {
			s.roles[name] = true
			s.calls = append(s.calls, w.requestID)
		})
	}
	return err
}

// send sends a command that leaves its marker in the node's home, once a run.
func (s *killed) send(w *wire, marker, instance string) (string, error) {
	var sent struct{ Command struct{ CommandId string } }
	err := s.ask(w, "SendCommand", map[string]any{"DocumentName": "AWS-RunShellScript", "InstanceIds": []string{instance},
		"Parameters": map[string][]string{"commands": {"echo " + marker + " >> $HOME/ran", "sleep 0.05", "echo " + marker}}}, &sent)
	if err == nil {
		s.note(func() { s.commands[sent.Command.CommandId] = &sentCommand{instance: instance, marker: marker} })
	}
	return sent.Command.CommandId, err
}

// awaitEnd asks until a command has ended, and remembers how.
func (f *facts) awaitEnd(w *wire, id string) (string, error) {
	var c sentCommand
	f.note(func() { c = *f.commands[id] })
	var got struct{ Status, StatusDetails, StandardOutputContent string }
	for limit := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if err := f.ask(w, "GetCommandInvocation", map[string]string{"CommandId": id, "InstanceId": c.instance}, &got); err != nil {
			return "", err
		}
		if got.Status != "Pending" && got.Status != "InProgress" && got.Status != "Delayed" {
			break
		}
		if time.Now().After(limit) {
			return "", &answered{fmt.Sprintf("command %s has not ended: %+v", id, got)}
		}
	}
	end := got.Status + "/" + got.StatusDetails + " " + strings.TrimSpace(got.StandardOutputContent)
	f.note(func() { f.commands[id].ended = end })
	return end, nil
}

// goesOn: after the kill every machine takes a command and runs it.
func (s *killed) goesOn() {
	s.t.Helper()
	w, err := s.connect()
	check(s.t, err)
	defer func() { _ = w.conn.Close() }()
	for _, instance := range crashInstances {
		marker := fmt.Sprintf("after-%d-%s", s.seed, instance)
		id, err := s.send(w, marker, instance)
		check(s.t, err)
		if end, err := s.awaitEnd(w, id); err != nil || end != "Success/Success "+marker {
			s.problem("the command after the kill: %v; it ended with %q", err, end)
		}
	}
}

// verify asks the local AWS that was started again for everything that the killed one has acknowledged.
func (f *facts) verify() {
	f.t.Helper()
	w, err := f.connect()
	check(f.t, err)
	defer func() { _ = w.conn.Close() }()
	for name, content := range f.documents {
		var got struct{ Content string }
		if err := w.ask("ssm", "GetDocument", map[string]string{"Name": name}, &got); err != nil || !sameJSON(got.Content, content) {
			f.problem("document %s: %v, %s", name, err, got.Content)
		}
	}
	for name := range f.roles {
		if _, err := w.form("iam", "Action=GetRole&Version=2010-05-08&RoleName="+name); err != nil {
			f.problem("role %s: %v", name, err)
		}
	}
	for name, value := range f.values {
		var got struct{ Parameter struct{ Value string } }
		err := w.ask("ssm", "GetParameter", map[string]any{"Name": name, "WithDecryption": true}, &got)
		if err != nil || got.Parameter.Value != value {
			f.problem("parameter %s: %v, %q", name, err, got.Parameter.Value)
		}
	}
	for id, c := range f.commands {
		was := c.ended
		end, err := f.awaitEnd(w, id)
		if err != nil || was != "" && was != end {
			f.problem("command %s (%s): %v; it ended with %q, and before the kill with %q", id, c.marker, err, end, was)
		}
		if end != "Success/Success "+c.marker && !strings.HasPrefix(end, "Failed/Failed") {
			f.problem("command %s (%s) ended with %q", id, c.marker, end)
		}
	}
	f.objectsAreThere()
	f.noneIsOpen(w)
	f.eventsAreThere()
}

// noneIsOpen: also those commands end whose sender never had the answer.
func (f *facts) noneIsOpen(w *wire) {
	f.t.Helper()
	var open string
	for limit := time.Now().Add(time.Minute); time.Now().Before(limit); time.Sleep(10 * time.Millisecond) {
		open = ""
		for token := ""; ; {
			in := map[string]any{"MaxResults": 50}
			if token != "" {
				in["NextToken"] = token
			}
			var page struct {
				Commands  []struct{ CommandId, Status string }
				NextToken string
			}
			check(f.t, w.ask("ssm", "ListCommands", in, &page))
			for _, c := range page.Commands {
				if c.Status != "Success" && c.Status != "Failed" {
					open = c.CommandId + " is " + c.Status
				}
			}
			if token = page.NextToken; token == "" {
				break
			}
		}
		if open == "" {
			return
		}
	}
	f.problem("command %s", open)
}

// eventsAreThere: every call that was answered is in the event log.
func (f *facts) eventsAreThere() {
	f.t.Helper()
	db, err := store.Open(f.dir) // beside the process that has it
	check(f.t, err)
	defer func() { _ = db.Close() }()
	log, err := gateway.NewEventLog(db)
	check(f.t, err)
	events, err := log.List(f.t.Context(), gateway.Filter{})
	check(f.t, err)
	recorded := make(map[string]bool, len(events))
	for _, e := range events {
		recorded[e.RequestID] = true
	}
	for _, id := range f.calls {
		if !recorded[id] {
			f.problem("the event of request %s is missing", id)
		}
	}
}

// ranOnce: no command ran twice, and each that succeeded ran.
func (f *facts) ranOnce() {
	f.t.Helper()
	runs := map[string]int{}
	for _, id := range crashInstances {
		text, err := os.ReadFile(filepath.Join(f.dir, "nodes", id, "home", "ran"))
		check(f.t, err)
		for _, marker := range strings.Fields(string(text)) {
			runs[marker]++
		}
	}
	for marker, n := range runs {
		if n > 1 {
			f.problem("%s ran %d times", marker, n)
		}
	}
	for _, c := range f.commands {
		if strings.HasPrefix(c.ended, "Success") && runs[c.marker] != 1 {
			f.problem("%s succeeded and ran %d times", c.marker, runs[c.marker])
		}
	}
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && fmt.Sprint(x) == fmt.Sprint(y)
}
