package shell

import (
	"testing"
	"time"
)

// TestR121MayTake: what a send may take for certain, by its words, and the same by what a run knows of it.
func TestR121MayTake(t *testing.T) {
	t.Parallel()
	script, own := text("AWS-RunShellScript"), text("shop-release")
	tests := map[string]struct {
		document, timeout, parameters value
		want                          time.Duration
	}{
		"defaults":                 {script, value{}, value{}, 2 * time.Hour},
		"a script from elsewhere":  {text("AWS-RunRemoteScript"), text("60"), text(`sourceType=S3,commandLine=a`), time.Hour + time.Minute},
		"own":                      {own, value{}, value{}, time.Hour},
		"no document is known":     {opaque("$D"), text("60"), value{}, time.Minute},
		"only its beginning is":    {text("AWS-RunShellScript" + opaque("$D").s), text("60"), value{}, time.Minute},
		"own, limited":             {own, text("60"), text(`executionTimeout=240`), 5 * time.Minute},
		"in JSON":                  {script, text("60"), text(`{"commands":["a"],"executionTimeout":["240"]}`), 5 * time.Minute},
		"the timeout is not known": {script, opaque("$T"), text(`executionTimeout=240`), 4 * time.Minute},
		"the limit is not known":   {script, text("60"), text(`executionTimeout=` + opaque("$T").s), time.Minute},
		"commands are filled in":   {script, text("60"), text(`commands=["` + opaque("$C").s + `"]`), time.Hour + time.Minute},
		"from a file":              {script, text("60"), text("file://p.json"), time.Minute},
		"a command fetches a file": {script, text("60"), text(`commands=["curl file:///etc/motd"]`), time.Hour + time.Minute},
		// More than SendCommand takes is not sent; of what the agent does not take, an hour counts.
		"too long to deliver":     {script, text("99999999999"), text(`executionTimeout=240`), 4 * time.Minute},
		"too long to run":         {script, text("60"), text(`executionTimeout=9223372036854775807`), time.Hour + time.Minute},
		"too long, who knows how": {own, text("60"), text(`executionTimeout=99999999999`), time.Minute},
		"too short to run":        {script, text("60"), text(`executionTimeout=0`), time.Hour + time.Minute},
	}
	for name, test := range tests {
		e := &event{flags: map[string]value{"--document-name": test.document}, parameters: test.parameters}
		if test.timeout.s != "" {
			e.flags["--timeout-seconds"] = test.timeout
		}
		if got := e.mayTake(); got != test.want {
			t.Errorf("%s: a run: got %v, want %v", name, got, test.want)
		}
		if got := MayTake(test.document.word(), test.timeout.word(), test.parameters.word()); got != test.want {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
	e := &event{flags: map[string]value{"--cli-input-json": text(`{}`)}, parameters: text(`{"TimeoutSeconds": 60}`)}
	if got := e.mayTake(); got != 0 {
		t.Errorf("all of it in JSON: got %v", got)
	}
}
