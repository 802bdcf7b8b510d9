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

// listing is what the answers of both operations have.
type listing struct {
	XMLName        xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name, Prefix   string
	Delimiter      string `xml:",omitempty"`
	EncodingType   string `xml:",omitempty"`
	MaxKeys        int
	IsTruncated    bool
	Contents       []listed
	CommonPrefixes []prefix
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

// keys lists the keys and common prefixes behind one of them, and the last of this
// page.
func (s *S3) keys(r *request, out *listing, after string) (last string, err error) {
	encode := r.encoding()
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
			if len(out.Contents)+len(out.CommonPrefixes) == out.MaxKeys {
				out.IsTruncated = out.MaxKeys > 0
				return store.Stop
			}
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
	out.Prefix, out.Delimiter = encode(out.Prefix), encode(out.Delimiter)
	return last, err
}

// newListing reads what both operations are asked for alike.
func (r *request) newListing() (listing, error) {
	limit, err := r.limit("max-keys")
	return listing{
		Name: r.bucket, Prefix: r.query.Get("prefix"), Delimiter: r.query.Get("delimiter"),
		EncodingType: r.query.Get("encoding-type"), MaxKeys: limit,
	}, err
}

// listObjectsV2 is the listing whose continuation token is the last key or common
// prefix of the page before, in base64.
func (s *S3) listObjectsV2(r *request) error {
	base, err := r.newListing()
	if err != nil {
		return err
	}
	out := struct {
		listing
		StartAfter            string `xml:",omitempty"`
		KeyCount              int
		ContinuationToken     string `xml:",omitempty"`
		NextContinuationToken string `xml:",omitempty"`
	}{listing: base, ContinuationToken: r.query.Get("continuation-token")}
	after := r.query.Get("start-after")
	out.StartAfter = r.encoding()(after)
	if out.ContinuationToken != "" {
		raw, err := base64.RawURLEncoding.DecodeString(out.ContinuationToken)
		if err != nil {
			return wire.Errorf("InvalidArgument", "The continuation token provided is incorrect")
		}
		after = string(raw)
	}
	last, err := s.keys(r, &out.listing, after)
	if err != nil {
		return err
	}
	out.KeyCount = len(out.Contents) + len(out.CommonPrefixes)
	if out.IsTruncated {
		out.NextContinuationToken = base64.RawURLEncoding.EncodeToString([]byte(last))
	}
	writeXML(r.w, http.StatusOK, out)
	return nil
}

// listObjects is the older listing, which goes on behind a marker. It tells the next
// one only where there is a delimiter; without one that is the last key.
func (s *S3) listObjects(r *request) error {
	base, err := r.newListing()
	if err != nil {
		return err
	}
	out := struct {
		listing
		Marker     string
		NextMarker string `xml:",omitempty"`
	}{listing: base}
	after := r.query.Get("marker")
	out.Marker = r.encoding()(after)
	delimited := base.Delimiter != ""
	last, err := s.keys(r, &out.listing, after)
	if err != nil {
		return err
	}
	if out.IsTruncated && delimited {
		out.NextMarker = r.encoding()(last)
	}
	writeXML(r.w, http.StatusOK, out)
	return nil
}
