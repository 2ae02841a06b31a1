package iam_test

import (
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

// FuzzEvaluate evaluates whatever document the bytes give, in whatever layers, and compares with the reference: also
// what AWS would not store, such as an identity policy that names principals, must not be allowed by mistake.
func FuzzEvaluate(f *testing.F) {
	document := func(statements string) []byte {
		return []byte(`{"Version":"2012-10-17","Statement":[` + statements + `]}`)
	}
	everything := `{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`
	mine := `{"Effect":"Allow","Action":["s3:*","kms:*"],"Resource":["arn:aws:*:${k:one}*","arn:aws:s3:::b/a??"]}`
	f.Add(document(mine), document(everything), uint16(1<<iam.LayerIdentity), uint16(1<<iam.LayerResource|1<<iam.LayerRCP), uint16(0), "eu")
	f.Add(document(mine+`,{"Effect":"Deny","NotAction":"s3:Get*","Resource":"*","Condition":{"StringNotEquals":{"k:one":"x"}}}`),
		document(`{"Effect":"Allow","Principal":{"AWS":["111122223333"],"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`),
		uint16(1<<iam.LayerIdentity|1<<iam.LayerSCP), uint16(1<<iam.LayerTrust), uint16(0x0402), "x")
	f.Add(document(`{"Effect":"Deny","NotPrincipal":{"AWS":"*"},"Action":"*","Condition":{"Null":{"k:one":"true"}}}`), document(mine),
		uint16(0x1f0), uint16(0x00e), uint16(0x3217), "ann")
	f.Fuzz(func(t *testing.T, one, two []byte, inOne, inTwo, request uint16, value string) {
		if len(one)+len(two) > 4000 || !fuzzable(value) {
			t.Skip()
		}
		docs := documents{}
		place(t, docs, one, inOne)
		place(t, docs, two, inTwo)
		set, err := compileDocuments(docs)
		if err != nil {
			t.Skip()
		}
		compareWithReference(t, docs, set, fuzzRequest(request, value))
	})
}

// place adds a document to the layers of the mask; layers that can have only one keep the first.
func place(t *testing.T, docs documents, src []byte, mask uint16) {
	t.Helper()
	d, err := iam.Parse("fuzz", src)
	if err != nil {
		t.Skip()
	}
	for layer := iam.LayerIdentity; layer <= iam.LayerEndpoint; layer++ {
		if mask&(1<<layer) == 0 {
			continue
		}
		switch layer {
		case iam.LayerSCP, iam.LayerRCP: // each document is a level
			docs[layer] = append(docs[layer], []*iam.Document{d})
		case iam.LayerIdentity, iam.LayerSession:
			docs[layer] = [][]*iam.Document{append(docs.level(layer), d)}
		default:
			docs[layer] = [][]*iam.Document{append(docs.level(layer), d)[:1]}
		}
	}
}

// level returns the only level of a layer.
func (docs documents) level(layer iam.Layer) []*iam.Document {
	if len(docs[layer]) == 0 {
		return nil
	}
	return docs[layer][0]
}

// fuzzRequest picks caller, call, resource and account by the four digits of a number.
func fuzzRequest(n uint16, value string) *iam.Request {
	call := drawnCalls[int(n>>4&15)%len(drawnCalls)]
	return &iam.Request{
		Principal: drawnCallers[int(n&15)%len(drawnCallers)],
		Action:    call.action,
		Resource:  call.resources[int(n>>8&15)%len(call.resources)],
		Account:   []string{home, "", other}[int(n>>12)%3],
		Context:   iam.NewContext(map[string][]string{"k:one": {value}}),
	}
}
