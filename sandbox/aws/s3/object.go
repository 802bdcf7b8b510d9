package s3

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// kept are the headers that an object is stored with and answers with.
var kept = []string{"Content-Type", "Content-Encoding", "Content-Disposition", "Content-Language", "Cache-Control", "Expires"}

func (s *S3) putObject(r *request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	digest := md5.Sum(body)
	if want := r.Header.Get("Content-Md5"); want != "" && want != base64.StdEncoding.EncodeToString(digest[:]) {
		return wire.Errorf("BadDigest", "The Content-MD5 you specified did not match what we received.")
	}
	made := object{
		Key: r.key, ETag: `"` + hex.EncodeToString(digest[:]) + `"`, Size: int64(len(body)),
		Modified: s.pace.Now(),
	}
	if made.Checksums, err = checksums(r.Header, body); err != nil {
		return err
	}
	made.Headers = keptHeaders(r.Header)
	if made.Tags, err = headerTags(r); err != nil {
		return err
	}
	err = s.keep(r, &made, body, func(tx *store.Tx) error {
		if r.Header.Get("If-None-Match") != "*" {
			return nil
		}
		old, exists, err := newest(tx, r.bucket, r.key)
		if err == nil && exists && !old.Marker {
			err = &wire.Error{Code: "PreconditionFailed", HTTPStatus: http.StatusPreconditionFailed,
				Message: "At least one of the pre-conditions you specified did not hold"}
		}
		return err
	})
	if err != nil {
		return err
	}
	r.w.Header().Set("Etag", made.ETag)
	for name, value := range made.Checksums {
		r.w.Header().Set(name, value)
	}
	r.w.WriteHeader(http.StatusOK)
	return nil
}

// keptHeaders are the headers of an upload that the object keeps.
func keptHeaders(header http.Header) map[string]string {
	out := map[string]string{}
	for _, name := range kept {
		if value := header.Get(name); value != "" {
			out[name] = value
		}
	}
	for name := range header {
		if strings.HasPrefix(name, "X-Amz-Meta-") {
			out[name] = header.Get(name)
		}
	}
	return out
}

const (
	versionHeader = "X-Amz-Version-Id"
	markerHeader  = "X-Amz-Delete-Marker"
)

// getObject answers GET and HEAD, with ranges and conditions as net/http reads
// them.
func (s *S3) getObject(r *request) error {
	for {
		found, versioned, err := s.requested(r)
		if err != nil {
			return err
		}
		file, err := s.files.open(found.File)
		if errors.Is(err, errGone) {
			continue // overwritten or deleted since its entry was read
		}
		if err != nil {
			return err
		}
		defer file.Close()
		header := r.w.Header()
		header.Set("Content-Type", "binary/octet-stream")
		for name, value := range found.Headers {
			header.Set(name, value)
		}
		header.Set("Etag", found.ETag)
		setTagCount(header, found.Tags)
		if versioned {
			header.Set(versionHeader, found.Version)
		}
		if r.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" && r.Header.Get("Range") == "" {
			for name, value := range found.Checksums {
				header.Set(name, value)
			}
		}
		http.ServeContent(r.w, r.Request, "", found.Modified, file)
		return nil
	}
}

// requested finds the version that a request to read names, and whether its bucket
// has versions. The headers of an answer about a delete marker say so.
func (s *S3) requested(r *request) (found object, versioned bool, err error) {
	id := r.query.Get("versionId")
	err = s.store.View(func(tx *store.Tx) error {
		b, err := s.bucket(tx, r.call.Account, r.bucket)
		if err != nil {
			return err
		}
		versioned = b.versioning() != ""
		found, err = find(tx, r.bucket, r.key, id)
		return err
	})
	if found.Marker {
		r.w.Header().Set(markerHeader, "true")
		r.w.Header().Set(versionHeader, found.Version)
		if err == nil {
			err = markerRefused()
		}
	}
	return found, versioned, err
}

func (s *S3) deleteObject(r *request) error {
	out, err := s.drop(r, []deleted{{Key: r.key, VersionID: r.query.Get("versionId")}})
	if err != nil {
		return err
	}
	if out[0].Marker {
		r.w.Header().Set(markerHeader, "true")
		r.w.Header().Set(versionHeader, out[0].MarkerVersion)
	} else if out[0].VersionID != "" {
		r.w.Header().Set(versionHeader, out[0].VersionID)
	}
	r.w.WriteHeader(http.StatusNoContent)
	return nil
}

// drop deletes objects, or versions of them; those that are not there are deleted
// already.
func (s *S3) drop(r *request, wanted []deleted) (out []deleted, err error) {
	var garbage []string
	err = s.store.Update(func(tx *store.Tx) error {
		out, garbage = nil, nil
		b, err := s.bucket(tx, r.call.Account, r.bucket)
		if err != nil {
			return err
		}
		for _, w := range wanted {
			done, file, err := remove(tx, b, w.Key, w.VersionID, s.pace.Now())
			if err != nil {
				return err
			}
			out, garbage = append(out, done), append(garbage, file)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, name := range garbage {
		s.files.remove(name)
	}
	return out, nil
}

func (s *S3) deleteObjects(r *request) error {
	var in struct {
		Quiet   bool
		Objects []deleted `xml:"Object"`
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if err := xml.Unmarshal(body, &in); err != nil || len(in.Objects) > 1000 {
		return malformed()
	}
	out := struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ DeleteResult"`
		Deleted []deleted
	}{}
	if out.Deleted, err = s.drop(r, in.Objects); err != nil {
		return err
	}
	if in.Quiet {
		out.Deleted = nil
	}
	writeXML(r.w, http.StatusOK, out)
	return nil
}
