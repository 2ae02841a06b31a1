package policy_test

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/policy"
)

// repeatingLines are n lines of at most 400 bytes: a few sets of policies, and requests that differ.
func repeatingLines(tb testing.TB, n int) []byte {
	tb.Helper()
	var lines bytes.Buffer
	for i := range n {
		line := fmt.Sprintf(`{"id":%d,"policies":{"identity":[{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssm:SendCommand","ssm:Get*"],`+
			`"Resource":"arn:aws:ec2:*:*:instance/i-%d"}]}]},"request":{"principal":"arn:aws:sts::111122223333:assumed-role/Deploy/r",`+
			`"action":"ssm:SendCommand","resource":"arn:aws:ec2:eu-west-1:111122223333:instance/i-%d","context":{"aws:RequestedRegion":"eu-west-%d"}}}`,
			i, i%7, i%10, i%3)
		if len(line) > 400 {
			tb.Fatalf("a line of %d bytes", len(line))
		}
		lines.WriteString(line + "\n")
	}
	return lines.Bytes()
}

// BenchmarkEvalLines reports how many lines a second one core answers.
func BenchmarkEvalLines(b *testing.B) {
	const n = 10_000
	input := repeatingLines(b, n)
	b.SetBytes(int64(len(input)))
	b.ReportAllocs()
	for b.Loop() {
		if err := policy.Eval(bytes.NewReader(input), io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
	b.ReportMetric(0, "ns/op")
}

// combiningLines are n lines of two of 200 policies each, nearly every line another two.
func combiningLines(n int) []byte {
	const policies = 200
	var lines bytes.Buffer
	document := func(i int) string {
		return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","ssm:Send%[1]d"],"Resource":"arn:aws:s3:::b%[1]d/*"}]}`, i%policies)
	}
	for i := range n {
		fmt.Fprintf(&lines, `{"id":%d,"policies":{"identity":[%s,%s]},"request":{"principal":"arn:aws:iam::111122223333:role/R","action":"s3:GetObject",`+
			`"resource":"arn:aws:s3:::b%d/k"}}`+"\n", i, document(i), document(i/policies+i*7), i%policies)
	}
	return lines.Bytes()
}

// BenchmarkEvalCombinations reports how many lines a second one core answers whose policies repeat, but not together.
func BenchmarkEvalCombinations(b *testing.B) {
	const n = 20_000
	input := combiningLines(n)
	b.SetBytes(int64(len(input)))
	b.ReportAllocs()
	for b.Loop() {
		if err := policy.Eval(bytes.NewReader(input), io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
	b.ReportMetric(0, "ns/op")
}

// TestEvalCombinationAllocations gates on what a new combination of known policies costs: a few small lists, no policy.
func TestEvalCombinationAllocations(t *testing.T) {
	const most = 16
	lines := bytes.Split(bytes.TrimSpace(combiningLines(2000)), []byte("\n"))
	var (
		evaluator policy.Evaluator
		answer    []byte
	)
	known, fresh := lines[:1000], lines[1000:]
	for _, line := range known {
		answer = evaluator.Append(answer[:0], line)
	}
	i := 0
	got := testing.AllocsPerRun(len(fresh)-1, func() {
		answer = evaluator.Append(answer[:0], fresh[i])
		i++
	})
	if got > most {
		t.Errorf("%.1f allocations a line, want at most %d", got, most)
	}
	if !bytes.Contains(answer, []byte(`"decision":"Allowed"`)) {
		t.Errorf("the last answer is %s", answer)
	}
}

// TestEvalMemory answers lines that never repeat, and wants the memory of what is kept bounded. It does not run in
// parallel with others, which would be measured as well.
func TestEvalMemory(t *testing.T) {
	const most = 56 << 20 // with room for as much garbage the process stays under 150 MB
	statement := `{"Effect":"Allow","Action":["s3:GetObject","s3:Put*"],"Resource":["arn:aws:s3:::b%[1]d/*","arn:aws:ec2:*:*:instance/i-%[1]d"]}`
	statements := strings.Repeat(statement+",", 3) + statement
	var (
		evaluator policy.Evaluator
		answer    []byte
	)
	before := heap()
	for i := range 12_000 {
		line := fmt.Sprintf(`{"id":1,"policies":{"identity":[{"Version":"2012-10-17","Statement":[`+statements+`]}]},"request":{"principal":"arn:aws:iam::111122223333:role/R%[1]d",`+
			`"action":"s3:GetObject","resource":"arn:aws:s3:::b%[1]d/k","context":{"a:k":"%[1]d"}}}`, i)
		answer = evaluator.Append(answer[:0], []byte(line))
	}
	if !bytes.Contains(answer, []byte(`"decision":"Allowed"`)) {
		t.Fatalf("the last answer is %s", answer)
	}
	after := heap()
	if got := int64(after) - int64(before); got > most {
		t.Errorf("%d MB are kept, want at most %d MB", got>>20, most>>20)
	} else {
		t.Logf("%d MB are kept", got>>20)
	}
	evaluator.Append(answer[:0], nil) // alive until here
}

func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// TestEvalAllocations gates on what a line costs once its policies are known: its text, and for two decisive
// statements or more their list.
func TestEvalAllocations(t *testing.T) {
	const most = 2
	lines := bytes.Split(bytes.TrimSpace(repeatingLines(t, 100)), []byte("\n"))
	var (
		evaluator policy.Evaluator
		answer    []byte
	)
	for _, line := range lines {
		answer = evaluator.Append(answer[:0], line)
	}
	i := 0
	got := testing.AllocsPerRun(1000, func() {
		answer = evaluator.Append(answer[:0], lines[i%len(lines)])
		i++
	})
	if got > most {
		t.Errorf("%.1f allocations a line, want at most %d", got, most)
	}
	if !bytes.Contains(answer, []byte(`"decision":"Allowed"`)) && !bytes.Contains(answer, []byte(`"decision":"ImplicitlyDenied"`)) {
		t.Errorf("the last answer is %s", answer)
	}
}
