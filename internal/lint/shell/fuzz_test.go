package shell

import (
	"strings"
	"testing"
)

// FuzzAnalyze: no script makes it fail, or go on for long; and each finding has a place in the text.
func FuzzAnalyze(f *testing.F) {
	f.Add(send + "while true; do status=$(" + get + " || echo Pending); case $status in Success) exit 0;; esac; done")
	f.Add("f() { f; }; f; aws ssm send-command")
	f.Add("x=a; while :; do x=$x$x; aws sts assume-role; done")
	f.Add("aws ssm x; for ((i=0;;i++)); do for j in {1..9999}; do echo ${a[$i]:-$(f)} ${b//x/y} | jq -r '.a[0].b'; done; done")
	f.Add("aws ssm x; eval \"$0\"; . ./x; bash x; trap 'exit 1' EXIT; exec 3>&1; exit ${{ a }}")
	f.Add("aws ssm send-command --parameters 'commands=[\"a\",b' --command-id \"\"; [[ a =~ (( ]] || [ -a -o ! ] && ((1/0)) ")
	f.Add("declare -A m=([a-b]=1 [c d]=2 e f g [h++]=3); m[a-b]=4; m+=(i); for k in \"${!m[@]}\"; do aws ssm x \"${m[$k]}${m[a-b]}\"; done")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		p := Analyze(Sequence{Scripts: []Script{{File: "s", Text: text, Errexit: true}}, Read: func(string) ([]byte, bool) { return []byte(text), true }})
		lines := strings.Count(text, "\n") + 1
		for _, found := range p.Findings() {
			if found.Line < 1 || found.Line > lines || found.Column < 1 {
				t.Errorf("%q: %v", text, found)
			}
		}
	})
}

// BenchmarkAnalyze is one job with a loop of 90 rounds: 60 of them belong into 300 ms.
func BenchmarkAnalyze(b *testing.B) {
	text := polling("status=$("+get+" || echo Pending)", decide)
	for b.Loop() {
		Analyze(Sequence{Scripts: []Script{{File: "s", Text: text, Errexit: true}}})
	}
}
