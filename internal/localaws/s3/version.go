package s3

import (
	"context"
	"math"
	"strings"
)

const (
	versionLength = 32
	// orderLength is how many characters at the end of a version's name hold its id: so a list goes on after a version
	// that was removed meanwhile.
	orderLength = 10
)

// newVersion names a version.
func (s *Service) newVersion(id int64) (string, error) {
	random, err := s.newID(versionLength - orderLength)
	if err != nil {
		return "", err
	}
	order := make([]byte, orderLength)
	for i := range order {
		order[i] = idAlphabet[id>>(6*i)&63]
	}
	return random + string(order), nil
}

// versionOrder is the id in the name of a version; ok is false when it is not one of ours.
func versionOrder(version string) (id int64, ok bool) {
	if len(version) != versionLength {
		return 0, false
	}
	for i := range orderLength {
		digit := strings.IndexByte(idAlphabet, version[versionLength-orderLength+i])
		if digit < 0 {
			return 0, false
		}
		id |= int64(digit) << (6 * i)
	}
	return id, true
}

// versionMarker finds where a list of versions goes on: after a version of a key. If the null version is gone meanwhile,
// nobody knows where it was, and the key's versions that are left come once more.
func (q *request) versionMarker(ctx context.Context, key, version string) (int64, error) {
	if key == "" {
		return 0, invalid("version-id-marker", version, "A version-id marker cannot be specified without a key marker.")
	}
	if id, ok := versionOrder(version); ok {
		return id, nil
	}
	if version != nullVersion {
		return 0, invalid("version-id-marker", version, "Invalid version id specified")
	}
	o, err := findObject(ctx, q.s.db, q.bucket.id, key, version)
	if err != nil || o == nil {
		return math.MaxInt64, err
	}
	return o.id, nil
}
