// Package wire is what the agent and the service say to each other over a control channel of ssmmessages: binary
// frames, each with a JSON text of one of few kinds. It has no public model; it is the agent's (amazon-ssm-agent).
//
// The package only reads and writes; it knows nothing of connections.
package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The kinds of frames that belong to commands.
const (
	TypeJob      = "agent_job"           // service to agent: a message
	TypeJobAck   = "agent_job_ack"       // agent to service: the message is taken, or refused
	TypeReply    = "agent_job_reply"     // agent to service: progress, or the end
	TypeReplyAck = "agent_job_reply_ack" // service to agent: the reply has arrived
)

// headerLength is what the first field says: the length of the header without the payload's own length.
const headerLength = 116

// Offsets of the fields of a frame, all big endian.
const (
	atType     = 4
	atSchema   = 36
	atCreated  = 40
	atSequence = 48
	atFlags    = 56
	atID       = 64
	atDigest   = 80
	atKind     = 112
	atLength   = 116
	atPayload  = 120
)

// ErrFrame says that a frame cannot be read.
var ErrFrame = errors.New("malformed frame")

// ID is a UUID, in the order of its text.
type ID [16]byte

// String is the UUID's text.
func (id ID) String() string {
	h := hex.EncodeToString(id[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// ParseID reads the text of a UUID.
func ParseID(text string) (ID, error) {
	var id ID
	b, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(b) != len(id) {
		return ID{}, fmt.Errorf("%w: %q is not a UUID", ErrFrame, text)
	}
	copy(id[:], b)
	return id, nil
}

// Frame is one message on a channel.
type Frame struct {
	Type     string // at most 32 bytes
	Schema   uint32
	Created  time.Time // in milliseconds
	Sequence int64
	Flags    uint64
	ID       ID
	Kind     uint32 // of the payload; 0 for commands
	Payload  []byte
}

// New is a frame of the schema that is in use.
func New(kind string, id ID, created time.Time, payload []byte) Frame {
	return Frame{Type: kind, Schema: 1, Created: created, ID: id, Payload: payload}
}

// Encode writes the frame.
func (f *Frame) Encode() []byte {
	b := make([]byte, atPayload+len(f.Payload))
	binary.BigEndian.PutUint32(b, headerLength)
	copy(b[atType:atSchema], strings.Repeat(" ", atSchema-atType))
	copy(b[atType:atSchema], f.Type)
	binary.BigEndian.PutUint32(b[atSchema:], f.Schema)
	binary.BigEndian.PutUint64(b[atCreated:], uint64(f.Created.UnixMilli()))
	binary.BigEndian.PutUint64(b[atSequence:], uint64(f.Sequence))
	binary.BigEndian.PutUint64(b[atFlags:], f.Flags)
	// The two halves of the UUID stand in each other's place.
	copy(b[atID:], f.ID[8:])
	copy(b[atID+8:], f.ID[:8])
	digest := sha256.Sum256(f.Payload)
	copy(b[atDigest:], digest[:])
	binary.BigEndian.PutUint32(b[atKind:], f.Kind)
	binary.BigEndian.PutUint32(b[atLength:], uint32(len(f.Payload)))
	copy(b[atPayload:], f.Payload)
	return b
}

// Decode reads a frame. The payload is part of b. What is wrong is [ErrFrame].
func Decode(b []byte) (Frame, error) {
	if len(b) < atPayload {
		return Frame{}, fmt.Errorf("%w: %d bytes are less than a header", ErrFrame, len(b))
	}
	if n := binary.BigEndian.Uint32(b); n != headerLength {
		return Frame{}, fmt.Errorf("%w: the header's length is %d", ErrFrame, n)
	}
	f := Frame{
		Type:     strings.Trim(string(b[atType:atSchema]), " \x00"),
		Schema:   binary.BigEndian.Uint32(b[atSchema:]),
		Created:  time.UnixMilli(int64(binary.BigEndian.Uint64(b[atCreated:]))).UTC(),
		Sequence: int64(binary.BigEndian.Uint64(b[atSequence:])),
		Flags:    binary.BigEndian.Uint64(b[atFlags:]),
		Kind:     binary.BigEndian.Uint32(b[atKind:]),
		Payload:  b[atPayload:],
	}
	copy(f.ID[8:], b[atID:])
	copy(f.ID[:8], b[atID+8:])
	if f.Type == "" {
		return Frame{}, fmt.Errorf("%w: it has no type", ErrFrame)
	}
	if n := binary.BigEndian.Uint32(b[atLength:]); uint64(n) != uint64(len(f.Payload)) {
		return Frame{}, fmt.Errorf("%w: the payload has %d bytes, and says %d", ErrFrame, len(f.Payload), n)
	}
	if digest := sha256.Sum256(f.Payload); !bytes.Equal(digest[:], b[atDigest:atKind]) {
		return Frame{}, fmt.Errorf("%w: the payload is not what its digest says", ErrFrame)
	}
	return f, nil
}
