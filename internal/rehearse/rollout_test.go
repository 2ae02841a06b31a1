package rehearse_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/rehearse"
	"github.com/slipway-cd/slipway/internal/ship"
)

const rolloutStage = header + `stages:
  - name: dev
    account: dev
    targets: {tags: {App: shop, Environment: dev}, min: 8}
    steps:
      - command: {name: migrate, script: migrate.sh, timeout: 1m, once: true}
      - command:
          name: release
          script: release.sh
          timeout: 1m
          rollout: {batches: [1, 25%, 100%], pause: 1s, min-healthy: 2, validate: {script: validate.sh, timeout: 1m}}
      - command: {name: warm-up, script: validate.sh, rollout: {max-failures: 10%}}
`

// commandsOf counts what each node was given.
func (f *fleet) commandsOf() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := map[string]int{}
	for _, id := range f.ids {
		counts[id] = len(f.taken[id])
	}
	return counts
}

// TestR103RolloutsAreThePlan ships in batches, with a migration on one node and a validation of each batch, and wants the
// calls that the local AWS recorded to be the plan's, made with the roles that the plan renders.
func TestR103RolloutsAreThePlan(t *testing.T) {
	t.Parallel()
	f := startFleet(t, localaws.Config{}, rolloutStage, faultScripts, nil)
	config := f.configAt(t.Context(), t, "run-1", f.aws.Endpoint())
	var batches []int
	config.Events = func(e ship.Event) {
		if e.Kind == ship.EventBatch && !e.Batch.Check && e.Step == "release" {
			batches = append(batches, len(e.Nodes))
		}
	}
	result, err := ship.Deploy(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if result.Verdict != ship.Succeeded {
		t.Fatalf("verdict %s: %+v %+v", result.Verdict, result.Problem, result.Steps)
	}
	if !slices.Equal(batches, []int{1, 2, 5}) {
		t.Errorf("batches %v", batches)
	}
	first := slices.Min(f.ids)
	for id, n := range f.commandsOf() {
		if want := 3; n != want && (id != first || n != want+1) {
			t.Errorf("%s was given %d commands", id, n)
		}
	}
	f.wantPlanned(t)
}

// TestR099ABatchThatFailsStopsTheRollout wants a node that failed to stop what comes after its batch: nothing reached the
// others, and they are told as not started.
func TestR099ABatchThatFailsStopsTheRollout(t *testing.T) {
	t.Parallel()
	var bad string
	f := startFleet(t, localaws.Config{}, rolloutStage, faultScripts, func(id string, n int) (string, int) {
		if id == bad && n == 1 { // its first command is the release: another node migrates
			return "Failed", 7
		}
		return "Success", 0
	})
	sorted := slices.Sorted(slices.Values(f.ids))
	bad = sorted[2]
	result, err := ship.Deploy(t.Context(), f.configAt(t.Context(), t, "run-1", f.aws.Endpoint()))
	if err != nil {
		t.Fatal(err)
	}
	if result.Verdict != ship.Failed || result.Steps[1].Code != ship.CodeMaxFailures {
		t.Fatalf("verdict %s: %+v", result.Verdict, result.Steps[1])
	}
	counts := f.commandsOf()
	for i, n := range result.Steps[1].Nodes {
		want := ship.Succeeded
		switch {
		case i == 2:
			want = ship.Failed
		case i > 2:
			want = ship.NotStarted
		}
		if n.Verdict != want || (i > 2) != (counts[n.InstanceID] == 0) {
			t.Errorf("%s: %s, and it was given %d commands", n.InstanceID, n.Verdict, counts[n.InstanceID])
		}
	}
	f.wantNothingElse(t)
}

// wantNothingElse wants every recorded call to be planned; of a deploy that did not come to its end some are missing.
func (s scenario) wantNothingElse(t *testing.T) {
	t.Helper()
	events, err := s.aws.Events().List(t.Context(), gateway.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if d := s.plan.Compare(rehearse.Recorded(events), plan.Filter{}); len(d.Outside) > 0 {
		t.Errorf("%s", plan.Difference{Outside: d.Outside})
	}
}

// administer makes a call with the keys of the stage's account.
func (f *fleet) administer(t *testing.T, service, target, body string) {
	t.Helper()
	stage := f.plan.Stages[0]
	keys, err := f.aws.EnsureAccount(t.Context(), stage.Account)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.aws.Endpoint()+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", target)
	sigv4.Sign(r, []byte(body), sigv4.Credentials{AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey}, stage.Region, service, time.Now())
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", target, answer.Status)
	}
}

// TestAnAlarmStopsARollout sets an alarm off while the first batch is shipped, and wants no other to begin.
func TestAnAlarmStopsARollout(t *testing.T) {
	t.Parallel()
	const alarms = "GraniteServiceVersion20100801."
	for _, goesOff := range []bool{false, true} {
		t.Run(fmt.Sprint(goesOff), func(t *testing.T) {
			t.Parallel()
			stage := header + `stages:
  - name: dev
    account: dev
    targets: {tags: {App: shop, Environment: dev}, min: 4}
    steps: [{command: {name: release, script: release.sh, timeout: 1m, rollout: {batches: [1, 100%], alarm: shop-errors}}}]
`
			f := startFleet(t, localaws.Config{}, stage, faultScripts, nil)
			f.administer(t, "monitoring", alarms+"PutMetricAlarm", `{"AlarmName":"shop-errors","MetricName":"errors","Namespace":"shop","Statistic":"Sum",`+
				`"Period":60,"EvaluationPeriods":1,"Threshold":1,"ComparisonOperator":"GreaterThanThreshold"}`)
			f.administer(t, "monitoring", alarms+"SetAlarmState", `{"AlarmName":"shop-errors","StateValue":"OK","StateReason":"test"}`)
			config := f.configAt(t.Context(), t, "run-1", f.aws.Endpoint())
			f.delay = func(string) time.Duration { return 2 * time.Second } // Run Command reads the alarm twice a second
			config.Events = func(e ship.Event) {
				if goesOff && e.Kind == ship.EventSent {
					f.administer(t, "monitoring", alarms+"SetAlarmState", `{"AlarmName":"shop-errors","StateValue":"ALARM","StateReason":"test"}`)
				}
			}
			result, err := ship.Deploy(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			given := 0
			for _, n := range f.commandsOf() {
				given += n
			}
			if !goesOff {
				if result.Verdict != ship.Succeeded || given != 4 {
					t.Errorf("%s, %d nodes: %+v", result.Verdict, given, result.Problem)
				}
				f.wantPlanned(t)
				return
			}
			step := result.Steps[0]
			if result.Verdict != ship.Failed || step.Code != ship.CodeAlarm || !strings.Contains(step.Why, "alarm shop-errors went off") || given != 1 || f.sends(t) != 1 {
				t.Errorf("%s %s %q, %d nodes", result.Verdict, step.Code, step.Why, given)
			}
			f.wantNothingElse(t)
		})
	}
}

// shortSessions stands in front of a local AWS and lets every session that is entered end after a while. Callers are told
// so as much earlier as slipway renews before the end.
type shortSessions struct {
	life time.Duration
	mu   sync.Mutex
	from map[string]time.Time // by access key
	used map[string]int
	late int
}

var (
	expiration = regexp.MustCompile(`<Expiration>[^<]*</Expiration>`)
	accessKey  = regexp.MustCompile(`<AccessKeyId>([^<]*)</AccessKeyId>`)
	credential = regexp.MustCompile(`Credential=([A-Z0-9]+)/`)
)

func (s *shortSessions) serve(t *testing.T, endpoint string) string {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{ModifyResponse: s.shorten, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is part of the signature
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.expired(r.Header.Get("Authorization")) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"ExpiredTokenException","message":"the session ended"}`)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// shorten makes an answer with credentials say that they end soon.
func (s *shortSessions) shorten(r *http.Response) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if key := accessKey.FindSubmatch(body); key != nil {
		s.mu.Lock()
		s.from[string(key[1])] = time.Now()
		s.mu.Unlock()
		const renewBefore = 5 * time.Minute
		at, err := xml.Marshal(time.Now().Add(renewBefore + s.life/2).UTC().Format(time.RFC3339Nano))
		if err != nil {
			return err
		}
		at = bytes.TrimSuffix(bytes.TrimPrefix(at, []byte("<string>")), []byte("</string>"))
		body = expiration.ReplaceAll(body, slices.Concat([]byte("<Expiration>"), at, []byte("</Expiration>")))
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Del("Content-Length")
	return nil
}

func (s *shortSessions) expired(authorization string) bool {
	key := credential.FindStringSubmatch(authorization)
	if key == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used[key[1]]++
	if from, ok := s.from[key[1]]; ok && time.Since(from) > s.life {
		s.late++
		return true
	}
	return false
}

// TestR130LongDeploysRenewTheirCredentials ships for several times as long as a session lasts.
func TestR130LongDeploysRenewTheirCredentials(t *testing.T) {
	t.Parallel()
	stage := strings.Replace(rolloutStage, "25%, 100%], pause: 1s", "1], pause: 1s", 1)
	f := startFleet(t, localaws.Config{}, stage, faultScripts, nil)
	sessions := &shortSessions{life: 3 * time.Second, from: map[string]time.Time{}, used: map[string]int{}}
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	result, err := ship.Deploy(ctx, f.configAt(ctx, t, "run-1", sessions.serve(t, f.aws.Endpoint())))
	if err != nil {
		t.Fatal(err)
	}
	if result.Verdict != ship.Succeeded {
		t.Fatalf("verdict %s: %+v", result.Verdict, result.Problem)
	}
	sessions.mu.Lock()
	defer sessions.mu.Unlock()
	took := time.Since(began)
	if took < 2*sessions.life || len(sessions.used) < 3 {
		t.Errorf("it took %s, with %d sessions of %s", took, len(sessions.used), sessions.life)
	}
	t.Logf("%s, %d sessions, %d calls were late", took.Round(time.Millisecond), len(sessions.used), sessions.late)
}
