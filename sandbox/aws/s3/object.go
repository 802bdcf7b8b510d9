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
	if made.File, err = s.files.write(body); err != nil {
		return err
	}
	replaced := ""
	err = s.store.Update(func(tx *store.Tx) error {
		if _, err := s.bucket(tx, r.call.Account, r.bucket); err != nil {
			return err
		}
		old, exists, err := objects.Get(tx, everywhere, r.bucket+"/"+r.key)
		if err != nil {
			return err
		}
		if exists && r.Header.Get("If-None-Match") == "*" {
			return &wire.Error{Code: "PreconditionFailed", HTTPStatus: http.StatusPreconditionFailed,
				Message: "At least one of the pre-conditions you specified did not hold"}
		}
		replaced = old.File
		return objects.Put(tx, everywhere, r.bucket+"/"+r.key, made)
	})
	if err != nil {
		s.files.remove(made.File)
		return err
	}
	s.files.remove(replaced)
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

// getObject answers GET and HEAD, with ranges and conditions as net/http reads
// them.
func (s *S3) getObject(r *request) error {
	for {
		found, err := s.object(r.call.Account, r.bucket, r.key)
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
		if r.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" && r.Header.Get("Range") == "" {
			for name, value := range found.Checksums {
				header.Set(name, value)
			}
		}
		http.ServeContent(r.w, r.Request, "", found.Modified, file)
		return nil
	}
}

func (s *S3) deleteObject(r *request) error {
	if err := s.drop(r, []string{r.key}); err != nil {
		return err
	}
	r.w.WriteHeader(http.StatusNoContent)
	return nil
}

// drop deletes objects; those that are not there are deleted already.
func (s *S3) drop(r *request, keys []string) error {
	var dropped []string
	err := s.store.Update(func(tx *store.Tx) error {
		dropped = nil
		if _, err := s.bucket(tx, r.call.Account, r.bucket); err != nil {
			return err
		}
		for _, key := range keys {
			old, _, err := objects.Get(tx, everywhere, r.bucket+"/"+key)
			if err != nil {
				return err
			}
			dropped = append(dropped, old.File)
			if err := objects.Delete(tx, everywhere, r.bucket+"/"+key); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range dropped {
		s.files.remove(name)
	}
	return nil
}

func (s *S3) deleteObjects(r *request) error {
	var in struct {
		Quiet   bool
		Objects []struct {
			Key       string
			VersionID string `xml:"VersionId"`
		} `xml:"Object"`
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if err := xml.Unmarshal(body, &in); err != nil || len(in.Objects) > 1000 {
		return malformed()
	}
	type entry struct{ Key string }
	out := struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ DeleteResult"`
		Deleted []entry
	}{}
	var keys []string
	for _, o := range in.Objects {
		if o.VersionID != "" {
			return &wire.Error{Code: "NotImplemented", Message: "The sandbox keeps one version of an object.", HTTPStatus: http.StatusNotImplemented}
		}
		keys = append(keys, o.Key)
		if !in.Quiet {
			out.Deleted = append(out.Deleted, entry{o.Key})
		}
	}
	if err := s.drop(r, keys); err != nil {
		return err
	}
	writeXML(r.w, http.StatusOK, out)
	return nil
}
