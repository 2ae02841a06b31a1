package s3_test

import (
	"crypto/md5"
	"net/http"
	"testing"
)

func md5Base64(s string) string {
	sum := md5.Sum([]byte(s))
	return base64Of(sum[:])
}

// benchmark makes one signed, authorised and recorded request after another, without the network.
func benchmark(b *testing.B, size int, method string) {
	w := newWorld(b)
	content := pattern(size)
	w.do(http.MethodPut, "/"+shop+"/k", content)
	body := map[string]string{http.MethodPut: content}[method]
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		w.do(method, "/"+shop+"/k", body)
	}
}

func BenchmarkPutObject1kB(b *testing.B) { benchmark(b, 1000, http.MethodPut) }
func BenchmarkPutObject1MB(b *testing.B) { benchmark(b, 1000000, http.MethodPut) }
func BenchmarkGetObject1kB(b *testing.B) { benchmark(b, 1000, http.MethodGet) }
func BenchmarkGetObject1MB(b *testing.B) { benchmark(b, 1000000, http.MethodGet) }
