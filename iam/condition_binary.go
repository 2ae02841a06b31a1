package iam

import (
	"encoding/base64"
	"fmt"
)

// binaryComparer compares base64: the request's value is encoded as the policy's is.
type binaryComparer string

func compileBinary(value string, _ bool) (comparer, error) {
	if _, err := base64.StdEncoding.DecodeString(value); err != nil {
		return nil, fmt.Errorf("%q is not base64", value)
	}
	return binaryComparer(value), nil
}

func (b binaryComparer) compare(value string, _ Context) (bool, bool) {
	return value == string(b), true
}
