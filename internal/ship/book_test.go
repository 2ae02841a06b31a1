package ship

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/awsclient"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/record"
)

// s3Answer is what an S3 answers to every request; the zero answer is an object that does not exist.
type s3Answer struct {
	status        int
	code, message string
	region        string // of X-Amz-Bucket-Region
	drop          bool
}

func (a s3Answer) write(w http.ResponseWriter) {
	if a.drop {
		panic(http.ErrAbortHandler)
	}
	if a.code == "" {
		a.status, a.code = http.StatusNotFound, "NoSuchKey"
	}
	if a.region != "" {
		w.Header().Set("X-Amz-Bucket-Region", a.region)
	}
	w.WriteHeader(a.status)
	_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", a.code, a.message)
}

// bookOf opens the record of a release whose bucket gives these answers, one after the other, the last again and again.
func bookOf(t *testing.T, answers ...s3Answer) (book *Book, requests *atomic.Int64) {
	t.Helper()
	requests = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := int(requests.Add(1)) - 1
		answers[min(n, len(answers)-1)].write(w)
	}))
	t.Cleanup(server.Close)
	f := newFake(t, "i-00000000000000001")
	cfg := f.config()
	cfg.Plan.Record = &plan.Record{Bucket: "shop-slipway", Account: testAccount, Region: "eu-west-1", Lease: 120}
	cfg.Plan.Stages[0].Calls = []plan.Call{{Action: "s3:GetObject", Resources: []plan.Resource{{ARN: "arn:aws:s3:::shop-slipway/web/dev/*"}}}}
	s3 := awsclient.ForEndpoint(server.URL, "eu-west-1", awsclient.Keys("key", "secret"))
	cfg.Bucket = awsclient.NewBucket(s3, "eu-west-1", "shop-slipway", testAccount)
	book, err := OpenBook(context.Background(), cfg, false)
	if err != nil {
		t.Fatal(err)
	}
	return book, requests
}

func TestRecordsBucketIsExplained(t *testing.T) {
	t.Parallel()
	const who = "User: " + testPrincipal + " is not authorized to perform: "
	for name, c := range map[string]struct {
		answer s3Answer
		code   string
		// says and hint are parts of the message and of the hint; needs of the statement.
		says, hint, needs string
	}{
		"no bucket": {s3Answer{status: 404, code: "NoSuchBucket"}, CodeAWS, "there is no bucket shop-slipway",
			"create it: `aws s3 mb s3://shop-slipway --region eu-west-1`, in account " + testAccount, ""},
		"another region": {s3Answer{status: 301, code: "PermanentRedirect", region: "eu-central-1"}, CodeAWS,
			"the bucket shop-slipway is in eu-central-1, and the release says eu-west-1", "write `region: eu-central-1` under `record`", ""},
		"denied": {s3Answer{status: 403, code: "AccessDenied", message: who + `s3:GetObject on resource: "arn:aws:s3:::shop-slipway/web/dev/lock.json" because no policy allows it`},
			CodeAccessDenied, "AccessDenied", "lacks s3:ListBucket on arn:aws:s3:::shop-slipway", `"arn:aws:s3:::shop-slipway/web/dev/*"`},
		"may not list": {s3Answer{status: 403, code: "AccessDenied", message: who + `s3:ListBucket on resource: "arn:aws:s3:::shop-slipway" because no policy allows it`},
			CodeAccessDenied, "AccessDenied", "add the statement", `"s3:ListBucket"`},
		"denied in two words": {s3Answer{status: 403, code: "AccessDenied", message: "Access Denied"},
			CodeAccessDenied, "AccessDenied", "for a bucket that is not account " + testAccount + "'s", `"s3:GetObject"`},
		"always throttled": {s3Answer{status: 503, code: "SlowDown"}, CodeThrottled, "SlowDown", "", ""},
		"always broken":    {s3Answer{drop: true}, CodeNoAnswer, "no answer from", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			book, requests := bookOf(t, c.answer)
			_, err := book.Lock(context.Background())
			if err == nil || errors.Is(err, record.ErrNotFound) {
				t.Fatalf("the lock was read: %v", err)
			}
			p := book.Explain(err)
			if p.Code != c.code || !strings.Contains(p.Message, c.says) || !strings.Contains(p.Hint, c.hint) || !strings.Contains(p.Statement, c.needs) {
				t.Errorf("explained as %s\n%s\nhint: %s\nstatement: %s", p.Code, p.Message, p.Hint, p.Statement)
			}
			if n := requests.Load(); n > 20 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

func TestRecordsBucketIsBorneForAWhile(t *testing.T) {
	t.Parallel()
	book, requests := bookOf(t, s3Answer{status: 503, code: "SlowDown"}, s3Answer{drop: true}, s3Answer{status: 500, code: "InternalError"}, s3Answer{})
	st, err := book.Lock(context.Background())
	if err != nil || st.Held {
		t.Errorf("%+v, %v; want that nobody holds it", st, err)
	}
	if n := requests.Load(); n != 4 {
		t.Errorf("asked %d times, want 4", n)
	}
}

func TestHeldLockHasItsCode(t *testing.T) {
	t.Parallel()
	book, _ := bookOf(t, s3Answer{})
	if p := book.Explain(&record.HeldError{Stage: "web/dev"}); p.Code != CodeLockHeld {
		t.Errorf("%+v", p)
	}
}

func TestLiveNodesOfNamedAndOfTaggedTargets(t *testing.T) {
	t.Parallel()
	book, _ := bookOf(t, s3Answer{})
	book.r.stage.Targets.Instances = []string{"i-00000000000000001", "mi-00000000000000009"}
	got, err := book.LiveNodes(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	want := []record.LiveNode{{ID: "mi-00000000000000009"}, {ID: "i-00000000000000001", State: "running"}}
	if diff := cmp.Diff(want, got); diff != "" || !book.Named() {
		t.Errorf("named (-want +got):\n%s", diff)
	}
	book.r.stage.Targets = tagTargets(1)
	if got, err = book.LiveNodes(context.Background()); err != nil || len(got) != 1 || book.Named() {
		t.Errorf("tagged: %v, %v", got, err)
	}
}
