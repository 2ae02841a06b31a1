package policy_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/policy"
)

const (
	allowAll  = `{"Version":"2012-10-17","Statement":[{"Sid":"All","Effect":"Allow","Action":"*","Resource":"*"}]}`
	allowS3   = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`
	denyS3    = `{"Version":"2012-10-17","Statement":[{"Sid":"No","Effect":"Deny","Action":"s3:*","Resource":"*"}]}`
	denyS3All = `{"Version":"2012-10-17","Statement":[{"Sid":"No","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}]}`
	user      = "arn:aws:iam::111122223333:user/ann"
	session   = "arn:aws:sts::111122223333:assumed-role/Deploy/run"
	getObject = `{"principal":"` + user + `","action":"s3:GetObject","resource":"arn:aws:s3:::b/k","account":"111122223333"}`
)

// line is a line of input with these policies; request is getObject where it is empty.
func line(policies, request string) string {
	if request == "" {
		request = getObject
	}
	return `{"id":1,"policies":{` + policies + `},"request":` + request + `}`
}

func assume(principal string) string {
	return `{"principal":"` + principal + `","action":"sts:AssumeRole","resource":"arn:aws:iam::111122223333:role/x/Deploy"}`
}

func trusting(principal string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"sts:AssumeRole"}]}`
}

func allowed(decisive ...string) string {
	return `{"id":1,"decision":"Allowed","decisive":[` + strings.Join(decisive, ",") + `]}`
}

func ref(policy, statement, effect string) string {
	return `{"policy":"` + policy + `","statement":"` + statement + `","effect":"` + effect + `"}`
}

const implicit = `{"id":1,"decision":"ImplicitlyDenied","decisive":[]}`

func TestEvalKinds(t *testing.T) {
	t.Parallel()
	all := ref("identity[0]", "All", "Allow")
	denied := func(name string) string {
		return `{"id":1,"decision":"ExplicitlyDenied","decisive":[` + ref(name, "No", "Deny") + `]}`
	}
	for name, c := range map[string]struct{ line, want string }{
		"no policies":              {line("", ""), implicit},
		"identity":                 {line(`"identity":[`+allowAll+`]`, ""), allowed(all)},
		"named":                    {line(`"identity":[{"name":"Admin","policy":`+allowAll+`}]`, ""), allowed(ref("Admin", "All", "Allow"))},
		"statement without Sid":    {line(`"identity":[`+allowS3+`]`, ""), allowed(ref("identity[0]", "0", "Allow"))},
		"text of JSON":             {line(`"identity":[`+quote(allowAll)+`]`, ""), allowed(all)},
		"null is none":             {line(`"identity":[`+allowAll+`],"boundary":null,"scp":null,"session":null`, ""), allowed(all)},
		"identity denies":          {line(`"identity":[`+allowAll+`,`+denyS3+`]`, ""), denied("identity[1]")},
		"boundary":                 {line(`"identity":[`+allowAll+`],"boundary":[`+denyS3+`]`, ""), denied("boundary[0]")},
		"boundary, none":           {line(`"identity":[`+allowAll+`],"boundary":[]`, ""), allowed(all)},
		"session":                  {line(`"identity":[`+allowAll+`],"session":`+allowS3, ""), allowed(all, ref("session", "0", "Allow"))},
		"session, a list":          {line(`"identity":[`+allowAll+`],"session":[`+denyS3+`]`, ""), denied("session[0]")},
		"scp, no levels":           {line(`"identity":[`+allowAll+`],"scp":[]`, ""), allowed(all)},
		"scp, an empty level":      {line(`"identity":[`+allowAll+`],"scp":[[`+allowAll+`],[]]`, ""), implicit},
		"scp":                      {line(`"identity":[`+allowAll+`],"scp":[[`+allowAll+`],[`+allowAll+`,`+denyS3+`]]`, ""), denied("scp[1][1]")},
		"rcp":                      {line(`"identity":[`+allowAll+`],"rcp":[[],[`+denyS3All+`]]`, ""), denied("rcp[1][0]")},
		"rcp, full access implied": {line(`"identity":[`+allowAll+`],"rcp":[[]]`, ""), allowed(all, ref("RCPFullAWSAccess", "0", "Allow"))},
		"vpce":                     {line(`"identity":[`+allowAll+`],"vpce":[`+denyS3All+`]`, ""), denied("vpce[0]")},
		"resource": {
			line(`"resource":{"Version":"2012-10-17","Statement":[{"Sid":"Ann","Effect":"Allow","Principal":{"AWS":"`+user+`"},"Action":"s3:*","Resource":"*"}]}`, ""),
			allowed(ref("resource", "Ann", "Allow")),
		},
		"root user": {
			line("", `{"principal":"arn:aws:iam::111122223333:root","action":"s3:GetObject","resource":"arn:aws:s3:::b/k","account":"111122223333"}`),
			allowed(ref("root user", "0", "Allow")),
		},
		"trust as resource":     {line(`"resource":`+trusting(user), assume(user)), allowed(ref("resource", "0", "Allow"))},
		"trust":                 {line(`"trust":`+trusting(user), assume(user)), allowed(ref("trust", "0", "Allow"))},
		"trust for other calls": {line(`"identity":[`+allowAll+`],"trust":`+trusting(user), ""), allowed(all)},
		"no trust policy":       {line(`"identity":[`+allowAll+`]`, assume(user)), implicit},
		"trust, another user":   {line(`"identity":[`+allowAll+`],"trust":`+trusting(user+"e"), assume(user)), implicit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, answer(t, c.line)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", c.line, diff)
			}
		})
	}
}

// TestEvalRolePath knows the path of the role behind a session from aws:PrincipalArn, and believes it only when it fits.
func TestEvalRolePath(t *testing.T) {
	t.Parallel()
	for arn, want := range map[string]bool{
		"arn:aws:iam::111122223333:role/slipway/Deploy": true,
		"arn:aws:iam::111122223333:role/slipway/Other":  false,
		"arn:aws:iam::444455556666:role/slipway/Deploy": false,
	} {
		request := strings.TrimSuffix(assume(session), "}") + `,"context":{"aws:PrincipalArn":"` + arn + `"}}`
		got := answer(t, line(`"identity":[`+allowAll+`],"trust":`+trusting(arn), request))
		if strings.Contains(got, `"Allowed"`) != want {
			t.Errorf("%s: %s", arn, got)
		}
	}
}

func TestEvalContext(t *testing.T) {
	t.Parallel()
	request := func(context string) string { return strings.TrimSuffix(getObject, "}") + `,"context":` + context + `}` }
	conditional := func(condition string) string {
		return `"identity":[{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":` + condition + `}]}]`
	}
	for name, c := range map[string]struct {
		condition, context string
		want               bool
	}{
		"string":          {`{"StringEquals":{"a:k":"v"}}`, `{"a:k":"v"}`, true},
		"key in any case": {`{"StringEquals":{"a:k":"v"}}`, `{"A:K":"v"}`, true},
		"list":            {`{"ForAllValues:StringEquals":{"a:k":["v","w"]}}`, `{"a:k":["v","w"]}`, true},
		"list, one wrong": {`{"ForAllValues:StringEquals":{"a:k":["v","w"]}}`, `{"a:k":["v","x"]}`, false},
		"number":          {`{"NumericLessThan":{"a:k":"10"}}`, `{"a:k":9.5}`, true},
		"boolean":         {`{"Bool":{"aws:SecureTransport":"true"}}`, `{"aws:SecureTransport":true}`, true},
		"escapes":         {`{"StringEquals":{"a:k":"é\"\\"}}`, `{"a:k":"\u00e9\"\\"}`, true},
		"empty list":      {`{"Null":{"a:k":"true"}}`, `{"a:k":[]}`, true},
		"null context":    {`{"Null":{"a:k":"true"}}`, `null`, true},
	} {
		got := answer(t, line(conditional(c.condition), request(c.context)))
		if strings.Contains(got, `"Allowed"`) != c.want || strings.Contains(got, `"Error"`) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestEvalErrors(t *testing.T) {
	t.Parallel()
	request := func(old, new string) string { return line("", strings.Replace(getObject, old, new, 1)) }
	for name, c := range map[string]struct{ line, want string }{
		"empty":                    {"", "null an empty line"},
		"not JSON":                 {"hello", "null column 1: expected an object, found 'h'"},
		"cut off":                  {line("", "")[:30], "1 column 31: a string is not closed"},
		"id behind the mistake":    {`{"nope":1,"id":"x"}`, `"x" unknown member "nope": expected id, policies, request`},
		"not UTF-8":                {"{\"id\":\"\xff\"}", "null the line is not UTF-8"},
		"two objects":              {line("", "") + "{}", `1 column 163: '{' after the end of the object`},
		"twice":                    {`{"id":1,"id":2}`, `1 "id" is given twice`},
		"no policies":              {`{"id":1,"request":` + getObject + `}`, "1 policies is missing"},
		"no request":               {`{"id":1,"policies":{}}`, "1 request is missing"},
		"policies, a list":         {`{"id":1,"policies":[],"request":{}}`, "1 policies must be an object, found a list"},
		"unknown kind":             {line(`"scps":[]`, ""), `1 policies: unknown member "scps": expected identity, scp, rcp, boundary, session, resource, vpce, trust`},
		"kind twice":               {line(`"scp":[],"scp":[]`, ""), `1 policies: "scp" is given twice`},
		"identity, no list":        {line(`"identity":`+allowAll, ""), "1 policies: identity must be a list, found an object"},
		"two boundaries":           {line(`"boundary":[`+allowAll+`,`+allowAll+`]`, ""), "1 policies: boundary has 2 policies, and there can be only one"},
		"two endpoints":            {line(`"vpce":[`+denyS3All+`,`+denyS3All+`]`, ""), "1 policies: vpce has 2 policies, and there can be only one"},
		"scp, not in levels":       {line(`"scp":[`+allowAll+`]`, ""), "1 policies: scp[0] must be a list, found an object"},
		"rcp, not in levels":       {line(`"rcp":{}`, ""), "1 policies: rcp must be a list, found an object of levels, the root's first"},
		"resource, a list":         {line(`"resource":[]`, ""), "1 policies: resource must be a policy, found a list"},
		"trust and resource":       {line(`"trust":`+trusting(user)+`,"resource":`+trusting(user), assume(user)), "1 policies: both trust and resource are given, and a role has one policy"},
		"string without a policy":  {line(`"identity":["hello"]`, ""), "1 policies: identity[0]: the string holds no policy"},
		"named, without a policy":  {line(`"identity":[{"name":"n"}]`, ""), "1 policies: identity[0]: policy is missing"},
		"named, with more":         {line(`"identity":[{"name":"n","policy":`+allowAll+`,"Version":"x"}]`, ""), `1 policies: identity[0]: unknown member "Version": expected name, policy`},
		"name, no string":          {line(`"identity":[{"name":1,"policy":`+allowAll+`}]`, ""), "1 policies: identity[0]: name must be a string, found a number"},
		"policy, wrong":            {line(`"identity":[{"Statement":[]},{"Statement":7}]`, ""), "1 policies: identity[1]:1:14: Statement must be an object or a list of objects, found a number"},
		"named policy, wrong":      {line(`"identity":[{"name":"n","policy":{}}]`, ""), "1 policies: identity[0]: n:1:1: policy has no Statement"},
		"principal, no ARN":        {request(user, "ann"), `1 request: principal "ann" is not an ARN, an account id, a service or *`},
		"principal, a number":      {request(`"`+user+`"`, "1"), "1 request: principal must be a string, found a number"},
		"action, a pattern":        {request("s3:GetObject", "s3:*"), `1 request: action: "s3:*" is not service:Operation`},
		"resource, a name":         {request("arn:aws:s3:::b/k", "b"), `1 request: resource: "b" is neither an ARN nor *`},
		"account, too short":       {request(`"account":"111122223333"`, `"account":"1"`), `1 request: account: "1" is not an account id of 12 digits`},
		"unknown member":           {request(`"account"`, `"acount"`), `1 request: unknown member "acount": expected principal, action, resource, account, context`},
		"no action":                {request(`"action":"s3:GetObject",`, ""), "1 request: action is missing"},
		"no principal":             {request(`"principal":"`+user+`",`, ""), "1 request: principal is missing"},
		"context, an object in it": {request(`"account"`, `"context":{"a:k":{}},"account"`), `1 request: context: "a:k": must be a string, a number, a boolean or a list of them, found an object`},
		"context, a null in it":    {request(`"account"`, `"context":{"a:k":[null]},"account"`), `1 request: context: "a:k": must be a string, a number, a boolean or a list of them, found null`},
		"context key twice":        {request(`"account"`, `"context":{"a:k":"1","a:k":"2"},"account"`), `1 request: context: "a:k" is given twice, in whichever case`},
		"context key, other case":  {request(`"account"`, `"context":{"a:k":"1","A:K":"2"},"account"`), `1 request: context: "A:K" is given twice, in whichever case`},
		"unknown kind, null":       {line(`"scps":null`, ""), `1 policies: unknown member "scps": expected identity, scp, rcp, boundary, session, resource, vpce, trust`},
		"name twice":               {line(`"identity":[{"name":"a","name":"b","policy":`+allowAll+`}]`, ""), `1 policies: identity[0]: "name" is given twice`},
		"name twice, no string":    {line(`"identity":[{"name":"a","name":1,"policy":`+allowAll+`}]`, ""), `1 policies: identity[0]: "name" is given twice`},
		"action, a control":        {request("s3:GetObject", `s3:Get\u0000Object`), `1 request: action: "s3:Get\x00Object" is not service:Operation`},
		"action, a line feed":      {request("s3:GetObject", `s3:GetObject\n`), `1 request: action: "s3:GetObject\n" is not service:Operation`},
		"principal, a control":     {request(user, user+`\u0000`), `1 request: principal "` + user + `\x00" has a control character`},
		"resource, a control":      {request("arn:aws:s3:::b/k", `arn:aws:s3:::b/k\u0001`), `1 request: resource: "arn:aws:s3:::b/k\x01" has a control character`},
		"resource, DEL":            {request("arn:aws:s3:::b/k", `arn:aws:s3:::b/k\u007f`), `1 request: resource: "arn:aws:s3:::b/k\x7f" has a control character`},
		"half a character":         {request("arn:aws:s3:::b/k", `arn:aws:s3:::b/\ud800`), `1 column 139: half a character: \ud800 stands alone`},
		"half, in a policy":        {line(`"identity":[{"Statement":[],"Id":"\udfff"}]`, ""), `1 column 60: half a character: \udfff stands alone`},
		"broken over lines":        {"{", "null an object that is broken over lines: write each on one line, as jq -c does"},
		"Principal in identity":    {line(`"identity":[`+denyS3All+`]`, ""), "1 policies: identity[0]:1:38: identity policies cannot have a Principal: they are for whom they are attached to"},
		"Principal in boundary":    {line(`"boundary":[`+denyS3All+`]`, ""), "1 policies: boundary[0]:1:38: a permissions boundary cannot have a Principal: it is for whom it is attached to"},
		"Principal in session":     {line(`"session":`+denyS3All, ""), "1 policies: session:1:38: session policies cannot have a Principal: they are for whom they are attached to"},
		"Principal in scp":         {line(`"scp":[[`+denyS3All+`]]`, ""), "1 policies: scp[0][0]:1:38: service control policies cannot have a Principal: they are for whom they are attached to"},
		"no Principal in resource": {line(`"resource":`+denyS3, ""), "1 policies: resource:1:38: no statement has a Principal, and the resource's policy must say whom it is for"},
		"no Principal in trust":    {line(`"trust":{"name":"t","policy":`+denyS3+`}`, ""), "1 policies: trust: t:1:38: the statement has no Principal, and in the role's trust policy must have one"},
		"no Principal in rcp":      {line(`"rcp":[[`+denyS3+`]]`, ""), "1 policies: rcp[0][0]:1:38: the statement has no Principal, and in the resource control policies must have one"},
		"no Principal in vpce":     {line(`"vpce":[`+allowAll+`]`, ""), "1 policies: vpce[0]:1:38: the statement has no Principal, and in the VPC endpoint's policy must have one"},
		"deep":                     {`{"id":` + strings.Repeat("[", 100), "null column 55: nested more than 48 deep"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got struct {
				ID       json.RawMessage `json:"id"`
				Decision string          `json:"decision"`
				Error    string          `json:"error"`
			}
			text := answer(t, c.line)
			if err := json.Unmarshal([]byte(text), &got); err != nil || got.Decision != "Error" {
				t.Fatalf("want an error, got %s", text)
			}
			if diff := cmp.Diff(c.want, string(got.ID)+" "+got.Error); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestEvalStream answers each line in order, whatever pieces the input comes in, and the last one without a line feed.
func TestEvalStream(t *testing.T) {
	t.Parallel()
	long := `{"id":"` + strings.Repeat("x", 5<<20) + `"}`
	input := line(`"identity":[`+allowAll+`]`, "") + "\r\n\nnonsense\n" + long + "\n" + `{"id":2,"policies":{},"request":` + getObject + `}`
	want := []string{
		allowed(ref("identity[0]", "All", "Allow")),
		`{"id":null,"decision":"Error","error":"an empty line"}`,
		`{"id":null,"decision":"Error","error":"column 1: expected an object, found 'n'"}`,
		`{"id":null,"decision":"Error","error":"a line longer than 4194304 bytes"}`,
		`{"id":2,"decision":"ImplicitlyDenied","decisive":[]}`,
	}
	for name, in := range map[string]io.Reader{
		"whole": strings.NewReader(input), "halves": iotest.HalfReader(strings.NewReader(input)),
		"with the end": iotest.DataErrReader(strings.NewReader(input)),
	} {
		var out bytes.Buffer
		if err := policy.Eval(in, &out); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestEvalAnswersAtOnce writes a line and waits for its answer before it writes the next.
func TestEvalAnswersAtOnce(t *testing.T) {
	t.Parallel()
	inRead, in := io.Pipe()
	out, outWrite := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := policy.Eval(inRead, outWrite)
		done <- errors.Join(err, outWrite.Close())
	}()
	answers := bufio.NewReader(out)
	for i := range 3 {
		if _, err := fmt.Fprintf(in, "{\"id\":%d}\n", i); err != nil {
			t.Fatal(err)
		}
		got, err := answers.ReadString('\n')
		if want := fmt.Sprintf("{\"id\":%d,", i); err != nil || !strings.HasPrefix(got, want) {
			t.Fatalf("answer %d: %q %v", i, got, err)
		}
	}
	if err := errors.Join(in.Close(), <-done); err != nil {
		t.Error(err)
	}
}

// TestEvalByteOrderMark skips a mark at the beginning, and nowhere else.
func TestEvalByteOrderMark(t *testing.T) {
	t.Parallel()
	text := "\uFEFF" + line("", "")
	var out bytes.Buffer
	if err := policy.Eval(iotest.OneByteReader(strings.NewReader(text+"\n"+text+"\n")), &out); err != nil {
		t.Fatal(err)
	}
	want := implicit + "\n" + `{"id":null,"decision":"Error","error":"column 1: expected an object, found '\\ufeff'"}` + "\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, _, err := policy.ReadLine([]byte(text)); err != nil {
		t.Errorf("explain: %v", err)
	}
}

// TestEvalCombinations answers lines that combine a few policies in many ways as it answers each by itself.
func TestEvalCombinations(t *testing.T) {
	t.Parallel()
	texts := []string{allowAll, allowS3, denyS3, `{"name":"n","policy":` + denyS3 + `}`, quote(allowS3), `{}`, `{"Statement":7}`}
	var kept policy.Evaluator
	for range 3 { // a set is kept when it comes again
		for _, a := range texts {
			for _, b := range texts {
				text := line(`"identity":[`+a+`,`+b+`],"session":`+b, "")
				got, want := string(kept.Append(nil, []byte(text))), answer(t, text)+"\n"
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s\n(-alone +kept):\n%s", text, diff)
				}
			}
		}
	}
}

func TestEvalBrokenInputAndOutput(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	var out bytes.Buffer
	err := policy.Eval(io.MultiReader(strings.NewReader("x\n"), iotest.ErrReader(broken)), &out)
	var read *policy.ReadError
	if !errors.As(err, &read) || !errors.Is(err, broken) || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("input that breaks off: %v after %q", err, out.String())
	}
	read = nil
	err = policy.Eval(strings.NewReader("x\n"), writer(func([]byte) (int, error) { return 0, broken }))
	if errors.As(err, &read) || !errors.Is(err, broken) {
		t.Errorf("output that breaks off: %v", err)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// answer answers one line.
func answer(t *testing.T, line string) string {
	t.Helper()
	got := string(new(policy.Evaluator).Append(nil, []byte(line)))
	if !strings.HasSuffix(got, "\n") {
		t.Errorf("the answer does not end its line: %q", got)
	}
	return strings.TrimSuffix(got, "\n")
}

func quote(s string) string {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(quoted)
}

// FuzzEvalLine wants one line of JSON for every line.
func FuzzEvalLine(f *testing.F) {
	for _, seed := range []string{
		"", "{", `{"id":1}`, line("", ""), line(`"identity":[`+allowAll+`],"scp":[[`+allowAll+`]],"session":`+quote(allowS3), ""),
		line(`"trust":`+trusting(user), assume(user)), `{"id":"\u00e9` + "\x00", `{"id":-1.5e+7,"request":{"context":{"a":[1,true]}}}`,
	} {
		f.Add([]byte(seed))
	}
	var evaluator policy.Evaluator // shared: what is kept must not change an answer
	f.Fuzz(func(t *testing.T, text []byte) {
		first, _, _ := bytes.Cut(text, []byte("\n"))
		got := evaluator.Append(nil, first)
		if again := new(policy.Evaluator).Append(nil, first); !bytes.Equal(got, again) {
			t.Errorf("with a cache %s, without %s", got, again)
		}
		var out bytes.Buffer
		if err := policy.Eval(bytes.NewReader(append(first[:len(first):len(first)], '\n')), &out); err != nil || !bytes.Equal(out.Bytes(), got) {
			t.Errorf("as a stream %q %v, as a line %q", out.Bytes(), err, got)
		}
		if !json.Valid(first) && !bytes.Contains(got, []byte(`"decision":"Error"`)) {
			t.Errorf("%q is no JSON, and is answered with %q", first, got)
		}
		if bytes.Count(got, []byte("\n")) != 1 || !json.Valid(got) {
			t.Errorf("%q is answered with %q", first, got)
		}
	})
}
