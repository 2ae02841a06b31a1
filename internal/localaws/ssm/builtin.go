package ssm

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// runShellScript is the document that AWS owns in every region: schema 1.2, so that its plugin is reported as
// aws:runShellScript.
const runShellScript = `{
  "schemaVersion": "1.2",
  "description": "Runs the given lines as one shell script.",
  "parameters": {
    "commands": {
      "type": "StringList",
      "description": "The lines of the script.",
      "minItems": 1,
      "displayType": "textarea"
    },
    "workingDirectory": {
      "type": "String",
      "default": "",
      "description": "Absolute path of the directory to run in.",
      "maxChars": 4096
    },
    "executionTimeout": {
      "type": "String",
      "default": "3600",
      "description": "Seconds that the script may run, at most 172800.",
      "allowedPattern": "([1-9][0-9]{0,4})|(1[0-6][0-9]{4})|(17[0-1][0-9]{3})|(172[0-7][0-9]{2})|(172800)"
    }
  },
  "runtimeConfig": {
    "aws:runShellScript": {
      "properties": [
        {
          "id": "0.aws:runShellScript",
          "runCommand": "{{ commands }}",
          "workingDirectory": "{{ workingDirectory }}",
          "timeoutSeconds": "{{ executionTimeout }}"
        }
      ]
    }
  }
}`

// builtins are the documents that AWS owns, each in its only version.
var builtins = map[string]string{"AWS-RunShellScript": runShellScript}

// awsOwner is the owner that AWS's own documents show.
const awsOwner = "Amazon"

// awsOwned says that a name belongs to AWS: its ARN has no account.
func awsOwned(name string) bool { return strings.HasPrefix(name, "AWS-") }

// builtin gives an AWS-owned document as if it were stored.
func builtin(name string) (stored, bool) {
	content, ok := builtins[name]
	if !ok {
		return stored{}, false
	}
	return stored{name: name, ref: name, kind: typeCommand, owner: awsOwner, defaultVersion: 1, latestVersion: 1, version: 1,
		created: time.Date(2017, 5, 12, 0, 0, 0, 0, time.UTC), format: "JSON", content: content, hash: sha256Hex(content)}, true
}

func sha256Hex(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// documentARN is the ARN that permissions name; AWS-owned documents have an empty account.
func documentARN(account, region, name string) string {
	if awsOwned(name) {
		account = ""
	}
	return "arn:aws:ssm:" + region + ":" + account + ":document/" + name
}
