package ssm_test

import (
	"crypto/rand"
	"testing"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/parameters"
	"github.com/slipway-cd/slipway/internal/localaws/ssm"
)

// TestParameterStoreIsAsked: the seam fits the local Parameter Store.
func TestParameterStoreIsAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	store, err := parameters.New(w.db, w.clock.now, rand.Reader)
	must(t, err)
	w.ssm, err = ssm.New(w.db, w.ec2, ssm.Config{Now: w.clock.now, Parameters: store})
	must(t, err)
	api := w.ssm.API()
	api.Operations = append(api.Operations, store.Operations()...)
	w.gw = gateway.New(gateway.Config{Directory: w.who, Events: nothing{}, Now: w.clock.now, Rand: rand.Reader,
		OnError: func(err error) { t.Error(err) }})
	must(t, w.gw.Register(api))
	w.do("PutParameter", object{"Name": "/app/version", "Value": "1.2", "Type": "String"})
	w.do("PutParameter", object{"Name": "/app/key", "Value": "x", "Type": "SecureString"})
	for line, want := range map[string]string{"{{ssm:/app/version}}": "", "{{ ssm:/app/version:1 }}": "",
		"{{ssm:/app/version:9}}": "InvalidParameters", "{{ssm:/app/key}}": "InvalidParameters", "{{ssm:/app/nothing}}": "InvalidParameters"} {
		out, code := w.ask("admin", "ssm", "SendCommand", object{"DocumentName": "AWS-RunShellScript", "InstanceIds": []string{a.id},
			"Parameters": object{"commands": []string{"echo " + line}}})
		if code != want {
			t.Errorf("%s: %q %v", line, code, out)
		}
	}
}
