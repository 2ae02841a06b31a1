package ssmmessages

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/ssm"
)

// tokenLife is how long after CreateControlChannel a channel may be opened. uncertain: AWS's own time; the agent opens
// at once.
const tokenLife = 5 * time.Minute

// tokens makes and checks what CreateControlChannel gives. A token is for one node. Nothing is kept of it: it carries
// its end and a code that only this process can make, so that a node that creates channels without end fills no memory.
type tokens struct {
	mu     sync.Mutex
	random io.Reader
	key    [32]byte
}

func newTokens(random io.Reader) (*tokens, error) {
	t := &tokens{random: random}
	_, err := io.ReadFull(random, t.key[:])
	return t, err
}

const tokenHead = 8 + 16 // its end, and something that makes it unlike any other

func (t *tokens) make(n ssm.Node, now time.Time) (string, error) {
	head := make([]byte, tokenHead)
	binary.BigEndian.PutUint64(head, uint64(now.Add(tokenLife).Unix()))
	t.mu.Lock()
	_, err := io.ReadFull(t.random, head[8:])
	t.mu.Unlock()
	if err != nil {
		return "", fmt.Errorf("make token: %w", err)
	}
	return base64.StdEncoding.EncodeToString(append(head, t.code(n, head)...)), nil
}

// valid tells whether token was made for n and has not ended.
func (t *tokens) valid(n ssm.Node, token string, now time.Time) bool {
	b, err := base64.StdEncoding.DecodeString(token)
	if err != nil || len(b) != tokenHead+sha256.Size {
		return false
	}
	end := time.Unix(int64(binary.BigEndian.Uint64(b)), 0)
	return hmac.Equal(b[tokenHead:], t.code(n, b[:tokenHead])) && now.Before(end)
}

func (t *tokens) code(n ssm.Node, head []byte) []byte {
	mac := hmac.New(sha256.New, t.key[:])
	mac.Write(head)
	mac.Write([]byte(n.Account + "/" + n.Region + "/" + n.Instance))
	return mac.Sum(nil)
}
