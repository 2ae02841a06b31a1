package lint

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"

	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/lint/policies"
)

var encodingRules = []finding.Rule{encodingRule}

var encodingRule = finding.Rule{
	Code: "SLW903", Name: "not-utf8", Severity: finding.Error, Subject: finding.Any,
	Title:  "The file is not in UTF-8, and was not looked at.",
	Why:    "The AWS CLI reads files as the locale of its machine has them, so what works on one fails on another, and nothing that is wrong in it is told here.",
	Source: "https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-envvars.html",
	Fix:    "save it as UTF-8, without a byte order mark: iconv -f UTF-16 -t UTF-8",
}

// utf16Order tells in which order the bytes of a text in UTF-16 are; nil for any other. Without a byte order mark its first
// character, which is ASCII in all that lint reads, and the zero beside it tell.
func utf16Order(content []byte) binary.ByteOrder {
	if len(content) < 4 {
		return nil
	}
	switch {
	case content[0] == 0xff && content[1] == 0xfe, content[0] != 0 && content[1] == 0 && content[2] != 0 && content[3] == 0:
		return binary.LittleEndian
	case content[0] == 0xfe && content[1] == 0xff, content[0] == 0 && content[1] != 0 && content[2] == 0 && content[3] != 0:
		return binary.BigEndian
	}
	return nil
}

// plain is the text of a file in UTF-8, without a byte order mark.
func plain(content []byte) []byte {
	order := utf16Order(content)
	if order == nil {
		return bytes.TrimPrefix(content, []byte(policies.ByteOrderMark))
	}
	units := make([]uint16, len(content)/2)
	for i := range units {
		units[i] = order.Uint16(content[2*i:])
	}
	return bytes.TrimPrefix([]byte(string(utf16.Decode(units))), []byte(policies.ByteOrderMark))
}
