package s3

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// copySource reads "/bucket/key?versionId=x", which is percent-encoded.
func copySource(header string) (bucketName, key, version string, err error) {
	path, query, _ := strings.Cut(header, "?")
	path, pathErr := url.PathUnescape(path)
	values, queryErr := url.ParseQuery(query)
	bucketName, key, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if pathErr != nil || queryErr != nil || bucketName == "" || key == "" {
		return "", "", "", wire.Errorf("InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	}
	return bucketName, key, values.Get("versionId"), nil
}

func (s *S3) copyObject(r *request) error {
	fromBucket, fromKey, version, err := copySource(r.Header.Get("X-Amz-Copy-Source"))
	if err != nil {
		return err
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Amz-Copy-Source-If-") {
			return &wire.Error{Code: "NotImplemented", Message: "The sandbox copies without conditions: leave out " + name, HTTPStatus: http.StatusNotImplemented}
		}
	}
	replace := r.Header.Get("X-Amz-Metadata-Directive") == "REPLACE"
	if fromBucket == r.bucket && fromKey == r.key && version == "" && !replace {
		return wire.Errorf("InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
	}
	source, body, err := s.bytes(r.call.Account, fromBucket, fromKey, version)
	if err != nil {
		return err
	}
	made := object{
		Key: r.key, ETag: source.ETag, Size: source.Size, Modified: s.pace.Now(),
		Headers: source.Headers, Checksums: source.Checksums, Tags: source.Tags,
	}
	if replace {
		made.Headers = keptHeaders(r.Header)
	}
	if r.Header.Get("X-Amz-Tagging-Directive") == "REPLACE" {
		if made.Tags, err = headerTags(r); err != nil {
			return err
		}
	}
	if err := s.keep(r, &made, body, nil); err != nil {
		return err
	}
	if source.Version != nullVersion {
		r.w.Header().Set("X-Amz-Copy-Source-Version-Id", source.Version)
	}
	writeXML(r.w, http.StatusOK, struct {
		XMLName            xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CopyObjectResult"`
		ETag, LastModified string
	}{ETag: made.ETag, LastModified: when(made.Modified)})
	return nil
}

// bytes returns a version of an object and what it holds.
func (s *S3) bytes(account, bucketName, key, version string) (object, []byte, error) {
	for {
		found, err := s.object(account, bucketName, key, version)
		if err != nil {
			return object{}, nil, err
		}
		file, err := s.files.open(found.File)
		if errors.Is(err, errGone) {
			continue // overwritten or deleted since its entry was read
		}
		if err != nil {
			return object{}, nil, err
		}
		body, err := io.ReadAll(file)
		_ = file.Close() // it was only read
		return found, body, err
	}
}

// keep writes the bytes of a new version of an object and puts it into the store,
// where allowed does not refuse. It sets the header that tells the version's ID.
func (s *S3) keep(r *request, made *object, body []byte, allowed func(tx *store.Tx) error) error {
	var err error
	if made.File, err = s.files.write(body); err != nil {
		return err
	}
	garbage, versioned := "", false
	err = s.store.Update(func(tx *store.Tx) error {
		b, err := s.bucket(tx, r.call.Account, r.bucket)
		if err != nil {
			return err
		}
		if allowed != nil {
			if err := allowed(tx); err != nil {
				return err
			}
		}
		versioned = b.versioning() != ""
		garbage, err = add(tx, b, made)
		return err
	})
	if err != nil {
		s.files.remove(made.File)
		return err
	}
	s.files.remove(garbage)
	if versioned {
		r.w.Header().Set(versionHeader, made.Version)
	}
	return nil
}
