package s3

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

type listed struct {
	Key, LastModified, ETag string
	Size                    int64
	StorageClass            string
}

type listing struct {
	XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name, Prefix          string
	Delimiter             string `xml:",omitempty"`
	StartAfter            string `xml:",omitempty"`
	EncodingType          string `xml:",omitempty"`
	MaxKeys, KeyCount     int
	IsTruncated           bool
	ContinuationToken     string `xml:",omitempty"`
	NextContinuationToken string `xml:",omitempty"`
	Contents              []listed
	CommonPrefixes        []prefix
}

type prefix struct{ Prefix string }

// limit reads how many elements a page may have: 1000 where the request does not say.
func (r *request) limit(parameter string) (int, error) {
	text := r.query.Get(parameter)
	if text == "" {
		return 1000, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, wire.Errorf("InvalidArgument", "%s must be a number that is not negative.", parameter)
	}
	return min(n, 1000), nil
}

// encoding is how the request wants keys written.
func (r *request) encoding() func(string) string {
	if r.query.Get("encoding-type") != "url" {
		return func(key string) string { return key }
	}
	return func(key string) string { return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/") }
}

// fold returns the common prefix that a key is listed under, or the key itself.
func fold(key, prefix, delimiter string) string {
	if delimiter != "" {
		if i := strings.Index(key[len(prefix):], delimiter); i >= 0 {
			return key[:len(prefix)+i+len(delimiter)]
		}
	}
	return key
}

// listObjects is ListObjectsV2. Its continuation token is the last key or common
// prefix of the page before, in base64.
func (s *S3) listObjects(r *request) error {
	limit, err := r.limit("max-keys")
	if err != nil {
		return err
	}
	out := listing{
		Name: r.bucket, Prefix: r.query.Get("prefix"), Delimiter: r.query.Get("delimiter"), StartAfter: r.query.Get("start-after"),
		EncodingType: r.query.Get("encoding-type"), ContinuationToken: r.query.Get("continuation-token"), MaxKeys: limit,
	}
	after := out.StartAfter
	if out.ContinuationToken != "" {
		raw, err := base64.RawURLEncoding.DecodeString(out.ContinuationToken)
		if err != nil {
			return wire.Errorf("InvalidArgument", "The continuation token provided is incorrect")
		}
		after = string(raw)
	}
	encode := r.encoding()
	last := ""
	err = s.store.View(func(tx *store.Tx) error {
		if _, err := s.bucket(tx, r.call.Account, r.bucket); err != nil {
			return err
		}
		group := "" // the common prefix that the last key had
		return eachKey(tx, r.bucket, out.Prefix, func(o object) error {
			name := fold(o.Key, out.Prefix, out.Delimiter)
			common := name != o.Key
			if name <= after || common && (name == group || strings.HasPrefix(after, name)) {
				return nil
			}
			if out.KeyCount == out.MaxKeys {
				out.IsTruncated = out.MaxKeys > 0
				return store.Stop
			}
			out.KeyCount++
			last = name
			if common {
				group = name
				out.CommonPrefixes = append(out.CommonPrefixes, prefix{encode(name)})
				return nil
			}
			out.Contents = append(out.Contents, listed{encode(name), when(o.Modified), o.ETag, o.Size, "STANDARD"})
			return nil
		})
	})
	if err != nil {
		return err
	}
	if out.IsTruncated {
		out.NextContinuationToken = base64.RawURLEncoding.EncodeToString([]byte(last))
	}
	out.Prefix, out.Delimiter, out.StartAfter = encode(out.Prefix), encode(out.Delimiter), encode(out.StartAfter)
	writeXML(r.w, http.StatusOK, out)
	return nil
}
