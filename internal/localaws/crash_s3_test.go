package localaws_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

const crashBucket = "crash-objects"

// s3 makes one signed request for an object of the local AWS that runs now.
func (f *facts) s3(method, key, body string) (*http.Response, string, error) {
	control, err := localaws.ReadControl(f.dir)
	if err != nil {
		return nil, "", err
	}
	request, err := http.NewRequest(method, control.Endpoint+"/"+crashBucket+"/"+key, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	if method == http.MethodPut && strings.HasPrefix(key, "once") {
		request.Header.Set("If-None-Match", "*")
	}
	first := control.Accounts[0]
	sigv4.Sign(request, []byte(body), sigv4.Credentials{AccessKeyID: first.AccessKeyID, SecretAccessKey: first.SecretAccessKey}, region, "s3", time.Now())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	return response, string(content), err
}

// objectSizes are below a row's, and above.
var objectSizes = []int{1, 1000, 1<<20 + 1, 5 << 19}

// putObject stores an object, and remembers it when that was acknowledged.
func (f *facts) putObject(key string, size int) error {
	content := strings.Repeat(key+"|", size/(len(key)+1)+1)
	response, answer, err := f.s3(http.MethodPut, key, content)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return &answered{fmt.Sprintf("put %s: %d %s", key, response.StatusCode, answer)}
	}
	f.note(func() {
		f.objects[key] = sha256.Sum256([]byte(content))
		f.calls = append(f.calls, response.Header.Get("X-Amz-Request-Id"))
	})
	return nil
}

// storeObjects puts objects until the local AWS is killed.
func (s *killed) storeObjects() (err error) {
	for i := 0; err == nil; i++ {
		err = s.putObject(fmt.Sprintf("once-k%d-%d", s.seed, i), objectSizes[i%len(objectSizes)])
	}
	return err
}

// objectsAreThere: every acknowledged object, whole.
func (f *facts) objectsAreThere() {
	f.t.Helper()
	for key, sum := range f.objects {
		response, content, err := f.s3(http.MethodGet, key, "")
		if err != nil || response.StatusCode != http.StatusOK || sha256.Sum256([]byte(content)) != sum {
			f.problem("object %s: %v, %d bytes", key, err, len(content))
		}
	}
}
