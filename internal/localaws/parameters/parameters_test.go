package parameters_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/parameters"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

const (
	account = "111111111111"
	region  = "eu-west-1"
	all     = `{"Effect":"Allow","Action":"*","Resource":"*"}`
)

var start = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// principals are users by access key, account:name, and the statements that their policies consist of.
type principals map[string]string

func (principals) Credential(_ context.Context, key string) (gateway.Credential, bool, error) {
	id, name, _ := strings.Cut(key, ":")
	return gateway.Credential{Secret: "s", Caller: gateway.Caller{Principal: iam.Principal{
		ARN: "arn:aws:iam::" + id + ":user/" + name, Account: id}}}, true, nil
}

func (p principals) Policies(_ context.Context, c gateway.Caller) (*iam.PolicySet, error) {
	name := c.ARN[strings.LastIndexByte(c.ARN, '/')+1:]
	policy, err := iam.ParsePolicy(name, []byte(`{"Version":"2012-10-17","Statement":[`+p[name]+`]}`))
	return &iam.PolicySet{Identity: []*iam.Policy{policy}}, err
}

type recorder struct{ events []gateway.Event }

func (r *recorder) Record(_ context.Context, e gateway.Event) error {
	r.events = append(r.events, e)
	return nil
}

type world struct {
	t        *testing.T
	db       *store.DB
	service  *parameters.Service
	gw       *gateway.Gateway
	recorded *recorder
	who      string
}

func newWorld(t *testing.T, who principals) *world {
	t.Helper()
	w := &world{t: t, who: account + ":admin", recorded: &recorder{}}
	if who == nil {
		who = principals{}
	}
	who["admin"] = all
	var err error
	w.db, err = store.Open("")
	must(t, err)
	t.Cleanup(func() { _ = w.db.Close() })
	w.service, err = parameters.New(w.db, func() time.Time { return start }, rand.Reader)
	must(t, err)
	w.gw = gateway.New(gateway.Config{Directory: who, Events: w.recorded, Now: func() time.Time { return start }, Rand: rand.Reader,
		OnError: func(err error) { t.Error(err) }})
	must(t, w.gw.Register(gateway.Service{Name: "ssm", Protocol: gateway.JSON11, Target: "AmazonSSM", Operations: append(w.service.Operations(),
		gateway.Op("Resolve", nil, func(ctx context.Context, c *gateway.Call, in *struct{ Name string }) (*struct{ Value, Type string }, error) {
			value, kind, err := w.service.Resolve(ctx, c, in.Name)
			return &struct{ Value, Type string }{value, kind}, err
		}))}))
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// as is the same world for another user.
func (w *world) as(who string) *world {
	other := *w
	if other.who = who; !strings.Contains(who, ":") {
		other.who = account + ":" + who
	}
	return &other
}

func (w *world) do(operation, body string) (code, answer string) {
	w.t.Helper()
	r := httptest.NewRequest("POST", "http://127.0.0.1/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AmazonSSM."+operation)
	sigv4.Sign(r, []byte(body), sigv4.Credentials{AccessKeyID: w.who, SecretAccessKey: "s"}, region, "ssm", start)
	rec := httptest.NewRecorder()
	w.gw.ServeHTTP(rec, r)
	return rec.Header().Get("X-Amzn-Errortype"), rec.Body.String()
}

func (w *world) ok(operation, body string) string {
	w.t.Helper()
	code, answer := w.do(operation, body)
	if code != "" {
		w.t.Fatalf("%s %.200s: %s", operation, body, answer)
	}
	return answer
}

func (w *world) fails(operation, body, code string) {
	w.t.Helper()
	if got, answer := w.do(operation, body); got != code {
		w.t.Errorf("%s: %s %.200s: got %s %.300s, want %s", w.who, operation, body, got, answer, code)
	}
}

func (w *world) put(name, kind, value string) {
	w.t.Helper()
	w.ok("PutParameter", fmt.Sprintf(`{"Name":%q,"Type":%q,"Value":%q,"Overwrite":true}`, name, kind, value))
}

// names gives the names in an answer, in their order.
func names(t *testing.T, answer string) string {
	t.Helper()
	var out struct{ Parameters []struct{ Name string } }
	must(t, json.Unmarshal([]byte(answer), &out))
	var list []string
	for _, p := range out.Parameters {
		list = append(list, p.Name)
	}
	return strings.Join(list, " ")
}

func TestPutAndGet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	if got := w.ok("PutParameter", `{"Name":" /shop/url ","Type":"String","Value":"one","Description":"d"}`); got != `{"Version":1,"Tier":"Standard"}` {
		t.Error(got)
	}
	w.fails("PutParameter", `{"Name":"/shop/url","Type":"String","Value":"two"}`, "ParameterAlreadyExists")
	w.ok("PutParameter", `{"Name":"/shop/url","Value":"two","Overwrite":true}`)
	want := `{"Parameter":{"Name":"/shop/url","Type":"String","Value":"two","Version":2,"LastModifiedDate":1795867200,"ARN":"arn:aws:ssm:eu-west-1:111111111111:parameter/shop/url","DataType":"text"}}`
	for _, name := range []string{"/shop/url", "arn:aws:ssm:eu-west-1:111111111111:parameter/shop/url"} {
		if diff := cmp.Diff(want, w.ok("GetParameter", `{"Name":"`+name+`"}`)); diff != "" {
			t.Error(diff)
		}
	}
	if got := w.ok("GetParameter", `{"Name":"/shop/url:1"}`); !strings.Contains(got, `"Value":"one","Version":1,"Selector":":1"`) {
		t.Error(got)
	}
	w.put("flat", "StringList", "a,b")
	if got := w.ok("GetParameter", `{"Name":"arn:aws:ssm:eu-west-1:111111111111:parameter/flat"}`); !strings.Contains(got, `"a,b"`) {
		t.Error(got)
	}
	if got := w.ok("GetParameters", `{"Names":["flat","/none","/shop/url:9","/shop/url"]}`); names(t, got) != "/shop/url flat" || !strings.Contains(got, `"InvalidParameters":["/none","/shop/url:9"]`) {
		t.Error(got)
	}
	w.fails("GetParameter", `{"Name":"/none"}`, "ParameterNotFound")
	w.fails("GetParameter", `{"Name":"/shop/url:7"}`, "ParameterVersionNotFound")
	w.fails("GetParameter", `{"Name":"/shop/url:live"}`, "ParameterVersionNotFound")
	w.as("222222222222:admin").fails("GetParameter", `{"Name":"/shop/url"}`, "ParameterNotFound")
	w.as("222222222222:admin").fails("GetParameter", `{"Name":"arn:aws:ssm:eu-west-1:111111111111:parameter/shop/url"}`, "AccessDeniedException")
	w.ok("DeleteParameter", `{"Name":"flat"}`)
	w.fails("DeleteParameter", `{"Name":"flat"}`, "ParameterNotFound")
	if got := w.ok("DeleteParameters", `{"Names":["/shop/url","flat"]}`); got != `{"DeletedParameters":["/shop/url"],"InvalidParameters":["flat"]}` {
		t.Error(got)
	}
}

func TestPutRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.put("/there", "String", "x")
	w.ok("PutParameter", `{"Name":"/big","Type":"String","Value":"x","Tier":"Advanced"}`)
	big := strings.Repeat("x", 4097)
	deep := strings.Repeat("/x", 16)
	for body, code := range map[string]string{
		`{"Type":"String","Value":"x"}`:                                                               "ValidationException",
		`{"Name":"/a","Type":"String"}`:                                                               "ValidationException",
		`{"Name":"/a","Type":"String","Value":""}`:                                                    "ValidationException",
		`{"Name":"/a","Value":"x"}`:                                                                   "ValidationException",
		`{"Name":"/a","Type":"Text","Value":"x"}`:                                                     "ValidationException",
		`{"Name":"a/b","Type":"String","Value":"x"}`:                                                  "ValidationException",
		`{"Name":"/a b","Type":"String","Value":"x"}`:                                                 "ValidationException",
		`{"Name":"/a//b","Type":"String","Value":"x"}`:                                                "ValidationException",
		`{"Name":"/a/","Type":"String","Value":"x"}`:                                                  "ValidationException",
		`{"Name":"/a:1","Type":"String","Value":"x"}`:                                                 "ValidationException",
		`{"Name":"AWS-x","Type":"String","Value":"x"}`:                                                "ValidationException",
		`{"Name":"/Ssm/x","Type":"String","Value":"x"}`:                                               "ValidationException",
		`{"Name":"/aws/x","Type":"String","Value":"x"}`:                                               "AccessDeniedException",
		`{"Name":"/` + strings.Repeat("n", 1000) + `","Type":"String","Value":"x"}`:                   "ValidationException",
		`{"Name":"` + deep + `","Type":"String","Value":"x"}`:                                         "HierarchyLevelLimitExceededException",
		`{"Name":"/a","Type":"String","Value":"{{ssm:b}}"}`:                                           "ValidationException",
		`{"Name":"/a","Type":"String","Value":"` + big + `"}`:                                         "ValidationException",
		`{"Name":"/a","Type":"String","Tier":"Advanced","Value":"` + big + big + `"}`:                 "ValidationException",
		`{"Name":"/a","Type":"String","Value":"x","AllowedPattern":"["}`:                              "InvalidAllowedPatternException",
		`{"Name":"/a","Type":"String","Value":"x1","AllowedPattern":"[a-z]"}`:                         "ParameterPatternMismatchException",
		`{"Name":"/a","Type":"String","Value":"x","DataType":"aws:ec2:image"}`:                        "ValidationException",
		`{"Name":"/a","Type":"String","Value":"x","Policies":"[]"}`:                                   "InvalidPolicyTypeException",
		`{"Name":"/a","Type":"String","Value":"x","KeyId":"alias/aws/ssm"}`:                           "ValidationException",
		`{"Name":"/a","Type":"SecureString","Value":"x","KeyId":"alias/mine"}`:                        "InvalidKeyId",
		`{"Name":"/a","Type":"String","Value":"x","Overwrite":true,"Tags":[{"Key":"a","Value":"b"}]}`: "ValidationException",
		`{"Name":"/a","Type":"String","Value":"x","Tags":[{"Key":"aws:a","Value":"b"}]}`:              "ValidationException",
		`{"Name":"/there","Type":"SecureString","Value":"x","Overwrite":true}`:                        "HierarchyTypeMismatchException",
		`{"Name":"/big","Type":"String","Value":"x","Tier":"Standard","Overwrite":true}`:              "ValidationException",
	} {
		w.fails("PutParameter", body, code)
	}
	if got := w.ok("PutParameter", `{"Name":"/a","Type":"String","Tier":"Intelligent-Tiering","Value":"`+big+`"}`); !strings.Contains(got, `"Advanced"`) {
		t.Error(got)
	}
	if got := names(t, w.ok("DescribeParameters", `{}`)); got != "/a /big /there" {
		t.Error(got)
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	const read = `{"Effect":"Allow","Action":["ssm:GetParameter*","ssm:PutParameter"],"Resource":"*"}`
	w := newWorld(t, principals{"reader": read, "barred": read + `,{"Effect":"Deny","Action":"kms:*","Resource":"*"}`,
		"elsewhere": read + `,{"Effect":"Deny","Action":"kms:Decrypt","Resource":"*","Condition":{"StringLike":{"kms:EncryptionContext:PARAMETER_ARN":"*/db/*"}}}`})
	w.put("/db/password", "SecureString", "hunter2")
	w.put("/db/other", "SecureString", "hunter2")
	value := func(answer string) string {
		var out struct{ Parameter struct{ Value string } }
		must(t, json.Unmarshal([]byte(answer), &out))
		return out.Parameter.Value
	}
	if got := value(w.as("reader").ok("GetParameter", `{"Name":"/db/password","WithDecryption":true}`)); got != "hunter2" {
		t.Error(got)
	}
	sealed := value(w.ok("GetParameter", `{"Name":"/db/password"}`))
	if sealed == "hunter2" || len(sealed) < 40 || sealed == value(w.ok("GetParameter", `{"Name":"/db/other"}`)) {
		t.Error("without decryption:", sealed)
	}
	for _, who := range []string{"barred", "elsewhere"} {
		for operation, body := range map[string]string{"GetParameter": `{"Name":"/db/password","WithDecryption":true}`, "GetParameters": `{"Names":["/db/password"],"WithDecryption":true}`,
			"GetParametersByPath": `{"Path":"/db","WithDecryption":true}`, "GetParameterHistory": `{"Name":"/db/password","WithDecryption":true}`} {
			w.as(who).fails(operation, body, "AccessDeniedException")
		}
	}
	w.as("barred").ok("GetParameter", `{"Name":"/db/password"}`)
	w.as("barred").fails("PutParameter", `{"Name":"/db/new","Type":"SecureString","Value":"x"}`, "AccessDeniedException")
	w.as("barred").fails("PutParameter", `{"Name":"/db/password","Value":"x","Overwrite":true}`, "AccessDeniedException")
	w.as("reader").ok("PutParameter", `{"Name":"/db/new","Type":"SecureString","Value":"x","KeyId":"alias/aws/ssm","Tier":"Advanced"}`)
	var found int
	must(t, w.db.QueryRowContext(t.Context(), `SELECT count(*) FROM parameters_version WHERE content LIKE '%hunter2%'`).Scan(&found))
	if found > 0 {
		t.Error("a secret is stored as it is")
	}
	for _, e := range w.recorded.events {
		if strings.Contains(string(e.RequestParameters), "hunter2") {
			t.Fatalf("the event log holds a secret: %s", e.RequestParameters)
		}
	}
	// A ciphertext that is moved to another parameter cannot be opened there.
	_, err := w.db.ExecContext(t.Context(), `UPDATE parameters_version SET content = json_set(content, '$.value', ?) WHERE name = '/db/other'`, sealed)
	must(t, err)
	moved := *w
	moved.t = t
	if code, answer := moved.silently().do("GetParameter", `{"Name":"/db/other","WithDecryption":true}`); code != "InternalFailure" {
		t.Errorf("a moved ciphertext was opened: %s %s", code, answer)
	}
}

// silently is the world on the same state, with a gateway whose errors are expected.
func (w *world) silently() *world {
	other := *w
	other.gw = gateway.New(gateway.Config{Directory: principals{"admin": all}, Events: w.recorded, Now: func() time.Time { return start }, Rand: rand.Reader, OnError: func(error) {}})
	must(w.t, other.gw.Register(gateway.Service{Name: "ssm", Protocol: gateway.JSON11, Target: "AmazonSSM", Operations: w.service.Operations()}))
	return &other
}

func TestByPath(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, name := range []string{"/a/1", "/a/2", "/a/b/3", "/ab/4", "/a", "flat", "/z"} {
		w.put(name, "String", name)
	}
	w.put("/a/s", "SecureString", "s")
	w.ok("LabelParameterVersion", `{"Name":"/a/1","Labels":["live"]}`)
	w.put("/a/1", "String", "new")
	for body, want := range map[string]string{
		`{"Path":"/a"}`: "/a/1 /a/2 /a/s", `{"Path":"/a/"}`: "/a/1 /a/2 /a/s", `{"Path":"/a","Recursive":true}`: "/a/1 /a/2 /a/b/3 /a/s",
		`{"Path":"/"}`: "/a /z", `{"Path":"/","Recursive":true}`: "/a /a/1 /a/2 /a/b/3 /a/s /ab/4 /z", `{"Path":"/none"}`: "",
		`{"Path":"/a","ParameterFilters":[{"Key":"Type","Values":["SecureString"]}]}`:                    "/a/s",
		`{"Path":"/a","ParameterFilters":[{"Key":"Type","Option":"BeginsWith","Values":["Str"]}]}`:       "/a/1 /a/2",
		`{"Path":"/a","ParameterFilters":[{"Key":"Label","Option":"Equals","Values":["live","other"]}]}`: "/a/1",
	} {
		if got := names(t, w.ok("GetParametersByPath", body)); got != want {
			t.Errorf("%s: %s", body, got)
		}
	}
	if got := w.ok("GetParametersByPath", `{"Path":"/a","ParameterFilters":[{"Key":"Label","Values":["live"]}]}`); !strings.Contains(got, `"Value":"/a/1","Version":1`) {
		t.Error("the labelled version:", got)
	}
	var got []string
	for token := ""; ; {
		answer := w.ok("GetParametersByPath", `{"Path":"/","Recursive":true,"MaxResults":2`+token+`}`)
		got = append(got, names(t, answer))
		var page struct{ NextToken string }
		must(t, json.Unmarshal([]byte(answer), &page))
		if page.NextToken == "" {
			break
		}
		token = `,"NextToken":"` + page.NextToken + `"`
	}
	if diff := cmp.Diff([]string{"/a /a/1", "/a/2 /a/b/3", "/a/s /ab/4", "/z"}, got); diff != "" {
		t.Error(diff)
	}
	for body, code := range map[string]string{
		`{}`: "ValidationException", `{"Path":"a"}`: "ValidationException", `{"Path":"/a","MaxResults":11}`: "ValidationException", `{"Path":"/a","NextToken":"x"}`: "InvalidNextToken",
		`{"Path":"/a","ParameterFilters":[{"Key":"Name","Values":["x"]}]}`:                        "InvalidFilterKey",
		`{"Path":"/a","ParameterFilters":[{"Key":"Label","Option":"BeginsWith","Values":["x"]}]}`: "InvalidFilterOption",
		`{"Path":"/a","ParameterFilters":[{"Key":"Type"}]}`:                                       "InvalidFilterValue",
	} {
		w.fails("GetParametersByPath", body, code)
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.ok("PutParameter", `{"Name":"/shop/a","Type":"String","Value":"x","Description":"about","AllowedPattern":"x*","Tags":[{"Key":"Env","Value":"dev"}]}`)
	w.put("/shop/db/b", "SecureString", "x")
	w.put("flat", "StringList", "x")
	if diff := cmp.Diff(`{"Parameters":[{"Name":"/shop/a","ARN":"arn:aws:ssm:eu-west-1:111111111111:parameter/shop/a","Type":"String","LastModifiedDate":1795867200,`+
		`"LastModifiedUser":"arn:aws:iam::111111111111:user/admin","Description":"about","AllowedPattern":"x*","Version":1,"Tier":"Standard","Policies":[],"DataType":"text"}],"NextToken":"MTovc2hvcC9h"}`,
		w.ok("DescribeParameters", `{"MaxResults":1}`)); diff != "" {
		t.Error(diff)
	}
	filter := func(text string) string { return `{"ParameterFilters":[` + text + `]}` }
	for body, want := range map[string]string{
		`{}`: "/shop/a /shop/db/b flat", `{"NextToken":"MTovc2hvcC9h"}`: "/shop/db/b flat", `{"Filters":[{"Key":"Name","Values":["/shop"]}]}`: "/shop/a /shop/db/b",
		filter(`{"Key":"Name","Values":["flat"]}`): "flat", filter(`{"Key":"Name","Option":"Contains","Values":["db"]}`): "/shop/db/b",
		filter(`{"Key":"Path","Values":["/shop"]}`): "/shop/a", filter(`{"Key":"Path","Option":"Recursive","Values":["/shop/"]}`): "/shop/a /shop/db/b",
		filter(`{"Key":"tag:Env","Values":["dev"]}`): "/shop/a", filter(`{"Key":"tag:Env"}`): "/shop/a", filter(`{"Key":"KeyId","Option":"BeginsWith","Values":["alias/"]}`): "/shop/db/b",
		filter(`{"Key":"Type","Values":["String","StringList"]},{"Key":"Name","Option":"BeginsWith","Values":["/"]}`): "/shop/a", filter(`{"Key":"Tier","Values":["Advanced"]}`): "",
	} {
		if got := names(t, w.ok("DescribeParameters", body)); got != want {
			t.Errorf("%s: %s", body, got)
		}
	}
	w.fails("DescribeParameters", filter(`{"Key":"Label","Values":["x"]}`), "InvalidFilterKey")
	w.fails("DescribeParameters", filter(`{"Key":"Path","Values":["x"]}`), "ValidationException")
	w.fails("DescribeParameters", `{"Filters":[{"Key":"Name","Values":["a"]}],"ParameterFilters":[{"Key":"Name","Values":["a"]}]}`, "ValidationException")
	w.fails("DescribeParameters", `{"Shared":true}`, "ValidationException")
}

func TestVersionsAndLabels(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, v := range []string{"one", "two", "three"} {
		w.put("/v", "String", v)
	}
	if got := w.ok("LabelParameterVersion", `{"Name":"/v","ParameterVersion":1,"Labels":["live","1st","awsome","good.one"]}`); got != `{"InvalidLabels":["1st","awsome"],"ParameterVersion":1}` {
		t.Error(got)
	}
	if got := w.ok("GetParameter", `{"Name":"/v:live"}`); !strings.Contains(got, `"Value":"one","Version":1,"Selector":":live"`) {
		t.Error(got)
	}
	w.ok("LabelParameterVersion", `{"Name":"/v","Labels":["live"]}`) // moves to the newest
	if got := w.ok("GetParameter", `{"Name":"/v:live"}`); !strings.Contains(got, `"Value":"three"`) {
		t.Error(got)
	}
	history := w.ok("GetParameterHistory", `{"Name":"/v"}`)
	for _, want := range []string{`"Value":"one","Version":1,"Labels":["good.one"]`, `"Value":"two","Version":2,"Labels":[]`, `"Value":"three","Version":3,"Labels":["live"]`} {
		if !strings.Contains(history, want) {
			t.Errorf("no %s in %s", want, history)
		}
	}
	first := w.ok("GetParameterHistory", `{"Name":"/v","MaxResults":2}`)
	var page struct{ NextToken string }
	must(t, json.Unmarshal([]byte(first), &page))
	if rest := w.ok("GetParameterHistory", `{"Name":"/v","NextToken":"`+page.NextToken+`"}`); strings.Count(first, `"Version"`) != 2 || !strings.Contains(rest, `"three"`) || strings.Contains(rest, `"two"`) {
		t.Error(first, rest)
	}
	if got := w.ok("UnlabelParameterVersion", `{"Name":"/v","ParameterVersion":3,"Labels":["live","none"]}`); got != `{"RemovedLabels":["live"],"InvalidLabels":["none"]}` {
		t.Error(got)
	}
	w.fails("UnlabelParameterVersion", `{"Name":"/v","Labels":["live"]}`, "ValidationException")
	w.fails("LabelParameterVersion", `{"Name":"/v","ParameterVersion":9,"Labels":["live"]}`, "ParameterVersionNotFound")
	w.fails("LabelParameterVersion", `{"Name":"/none","Labels":["live"]}`, "ParameterNotFound")
	w.fails("GetParameterHistory", `{"Name":"/none"}`, "ParameterNotFound")
	w.ok("LabelParameterVersion", `{"Name":"/v","ParameterVersion":2,"Labels":["a","b","c","d","e","f","g","h","i","j"]}`)
	w.fails("LabelParameterVersion", `{"Name":"/v","ParameterVersion":2,"Labels":["k"]}`, "ParameterVersionLabelLimitExceeded")
	for range 97 {
		w.put("/v", "String", "more")
	}
	w.fails("PutParameter", `{"Name":"/v","Type":"String","Value":"101","Overwrite":true}`, "ParameterMaxVersionLimitExceeded")
	w.ok("UnlabelParameterVersion", `{"Name":"/v","ParameterVersion":1,"Labels":["good.one"]}`)
	w.put("/v", "String", "101")
	w.fails("GetParameter", `{"Name":"/v:1"}`, "ParameterVersionNotFound")
}

func TestAccess(t *testing.T) {
	t.Parallel()
	on := func(action, resource, condition string) string {
		return `{"Effect":"Allow","Action":"` + action + `","Resource":"arn:aws:ssm:eu-west-1:111111111111:` + resource + `"` + condition + `}`
	}
	w := newWorld(t, principals{
		"shop":     on("ssm:*", "parameter/shop/*", ""),
		"slashed":  on("ssm:*", "parameter//shop/*", ""),
		"path":     on("ssm:GetParametersByPath", "parameter/shop", ""),
		"flat":     on("ssm:GetParametersByPath", "parameter/shop", `,"Condition":{"StringEquals":{"ssm:Recursive":"false"}}`),
		"creator":  on("ssm:PutParameter", "*", `,"Condition":{"StringEquals":{"ssm:Overwrite":"false"}}`),
		"dev":      on("ssm:*", "*", `,"Condition":{"StringEquals":{"aws:ResourceTag/Env":"dev"}}`),
		"older":    on("ssm:*", "*", `,"Condition":{"StringEquals":{"ssm:resourceTag/Env":"dev"}}`),
		"lister":   `{"Effect":"Allow","Action":"ssm:DescribeParameters","Resource":"*"}`,
		"resolver": on("ssm:GetParameters", "parameter/shop/a", ""),
	})
	w.ok("PutParameter", `{"Name":"/shop/a","Type":"String","Value":"x","Tags":[{"Key":"Env","Value":"dev"}]}`)
	w.put("/blog/a", "String", "y")
	const denied = "AccessDeniedException"
	for _, tc := range []struct{ who, operation, body, code string }{
		{"shop", "GetParameter", `{"Name":"/shop/a"}`, ""}, {"shop", "GetParameter", `{"Name":"/blog/a"}`, denied}, {"shop", "GetParameter", `{"Name":"/blog/none"}`, denied},
		{"slashed", "GetParameter", `{"Name":"/shop/a"}`, denied},
		{"shop", "GetParameters", `{"Names":["/shop/a","/blog/a"]}`, denied}, {"shop", "GetParametersByPath", `{"Path":"/shop"}`, denied},
		{"path", "GetParametersByPath", `{"Path":"/shop","Recursive":true}`, ""}, {"path", "GetParametersByPath", `{"Path":"/"}`, denied},
		{"flat", "GetParametersByPath", `{"Path":"/shop"}`, ""}, {"flat", "GetParametersByPath", `{"Path":"/shop","Recursive":true}`, denied},
		{"creator", "PutParameter", `{"Name":"/new","Type":"String","Value":"x"}`, ""}, {"creator", "PutParameter", `{"Name":"/new","Value":"x","Overwrite":true}`, denied},
		{"creator", "PutParameter", `{"Name":"/new2","Type":"String","Value":"x","Tags":[{"Key":"a","Value":"b"}]}`, denied},
		{"dev", "GetParameterHistory", `{"Name":"/shop/a"}`, ""}, {"dev", "GetParameterHistory", `{"Name":"/blog/a"}`, denied}, {"older", "GetParameter", `{"Name":"/shop/a"}`, ""},
		{"dev", "DeleteParameters", `{"Names":["/blog/a"]}`, denied}, {"dev", "LabelParameterVersion", `{"Name":"/blog/a","Labels":["x"]}`, denied},
		{"lister", "DescribeParameters", `{}`, ""}, {"shop", "DescribeParameters", `{}`, denied},
		{"resolver", "Resolve", `{"Name":"/shop/a"}`, ""}, {"resolver", "Resolve", `{"Name":"/blog/a"}`, denied}, {"path", "Resolve", `{"Name":"/shop/a"}`, denied},
	} {
		w.as(tc.who).fails(tc.operation, tc.body, tc.code)
	}
	if got := w.ok("Resolve", `{"Name":"/shop/a:1"}`); got != `{"Value":"x","Type":"String"}` {
		t.Error(got)
	}
	w.fails("Resolve", `{"Name":"/none"}`, "ParameterNotFound")
}
