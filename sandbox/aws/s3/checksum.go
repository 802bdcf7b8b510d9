package s3

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

const checksumPrefix = "X-Amz-Checksum-"

// algorithms are the checksums of S3, by the end of their header's name.
var algorithms = map[string]func() hash.Hash{
	"Crc32":     func() hash.Hash { return crc32.NewIEEE() },
	"Crc32c":    func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	"Crc64nvme": func() hash.Hash { return crc64.New(nvme) },
	"Sha1":      sha1.New,
	"Sha256":    sha256.New,
}

// nvme is the polynomial of the NVMe specification, bits reversed.
var nvme = crc64.MakeTable(0x9a6c9329ac4bc9b5)

// checksums verifies the checksum headers of an upload and returns the checksums
// to keep, by header. An upload that has none gets the default, CRC64NVME.
func checksums(header http.Header, body []byte) (map[string]string, error) {
	out := map[string]string{}
	for name, newHash := range algorithms {
		key := checksumPrefix + name
		given := header.Get(key)
		if given == "" && !strings.EqualFold(header.Get("X-Amz-Sdk-Checksum-Algorithm"), name) {
			continue
		}
		h := newHash()
		h.Write(body)
		computed := base64.StdEncoding.EncodeToString(h.Sum(nil))
		if given != "" && given != computed {
			return nil, wire.Errorf("BadDigest", "The %s you specified did not match the calculated checksum.", strings.ToUpper(name))
		}
		out[key] = computed
	}
	if len(out) == 0 {
		h := crc64.New(nvme)
		h.Write(body)
		out[checksumPrefix+"Crc64nvme"] = base64.StdEncoding.EncodeToString(h.Sum(nil))
	}
	return out, nil
}
