package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/slipway-cd/slipway/internal/release"
)

// scriptsFolder is where the record's bucket holds scripts, below the app's name.
const scriptsFolder = "scripts"

// newBlob is a script as it lies in the record's bucket: named by its content, so that the same script is there once and
// nobody can put another one in its place unnoticed.
func newBlob(app string, s *release.Script) *Blob {
	sum := sha256.Sum256([]byte(s.Content))
	hash := hex.EncodeToString(sum[:])
	return &Blob{Key: app + "/" + scriptsFolder + "/" + hash, Content: s.Content, SHA256: hash}
}

// tooLarge says whether a script has to travel through the record's bucket. Where there is none, it has been refused.
func tooLarge(r *release.Release, s *release.Script) bool {
	return r.Record != nil && len(s.Content) > release.MaxInline
}

// largestInline is the largest script that a document still holds; nil when there is none.
func largestInline(scripts []named) *named {
	var largest *named
	for i := range scripts {
		if scripts[i].blob == nil && (largest == nil || len(scripts[i].script.Content) > len(largest.script.Content)) {
			largest = &scripts[i]
		}
	}
	return largest
}

// fetchPrefix begins the names of the document's steps that fetch a script.
const fetchPrefix = "fetch-"

// fetchTime is what a step that fetches a script adds to the time that the document may take: it has no limit of its own.
const fetchTime = time.Minute

// fetchStep is the step of a document that fetches a script before the step of that name runs it. The agent does it, with
// the node's role; what it got is checked by the wrapper.
func fetchStep(name string, b *Blob, r *Record) documentStep {
	return documentStep{
		Action: "aws:downloadContent", Name: fetchPrefix + name,
		Precondition: map[string][]string{"StringEquals": {"platformType", "Linux"}},
		Inputs: documentInputs{
			OnFailure:       "exit",
			SourceType:      "S3",
			SourceInfo:      `{"path":"https://s3.` + r.Region + `.amazonaws.com/` + r.Bucket + `/` + b.Key + `"}`,
			DestinationPath: fetchedFolder + "/" + b.file(),
		},
	}
}

// fetchedFolder is where the agent puts what it fetches, below its own directory of the command's downloads, and where it
// starts the script. Where it would start it elsewhere, the wrapper finds no script and says so.
const fetchedFolder = "slipway"

// file is the script's name in that folder.
func (b *Blob) file() string { return "slipway-" + b.SHA256 }
