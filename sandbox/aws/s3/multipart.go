package s3

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// upload is a multipart upload that is not complete; its key in the table is its
// ID, and its parts' keys are "ID/00001".
type upload struct {
	Bucket, Key, Account string
	Headers, Tags        map[string]string
	Begun                time.Time
}

type part struct {
	File string
	ETag string
	MD5  []byte
	Size int64

	Modified time.Time
}

var (
	uploads = store.Table[upload]{Name: "s3/uploads"}
	parts   = store.Table[part]{Name: "s3/parts"}
)

func partKey(id string, number int) string { return fmt.Sprintf("%s/%05d", id, number) }

// upload finds the upload that a request names.
func (s *S3) upload(tx *store.Tx, r *request) (upload, error) {
	id := r.query.Get("uploadId")
	found, exists, err := uploads.Get(tx, everywhere, id)
	if err == nil && (!exists || found.Bucket != r.bucket || found.Key != r.key || found.Account != r.call.Account) {
		err = &wire.Error{Code: "NoSuchUpload", HTTPStatus: http.StatusNotFound,
			Message: "The specified multipart upload does not exist. The upload ID might be invalid, or the multipart upload might have been aborted or completed."}
	}
	return found, err
}

func (s *S3) createUpload(r *request) error {
	id := uuid.NewString()
	tags, err := headerTags(r)
	if err != nil {
		return err
	}
	err = s.store.Update(func(tx *store.Tx) error {
		if _, err := s.bucket(tx, r.call.Account, r.bucket); err != nil {
			return err
		}
		return uploads.Put(tx, everywhere, id, upload{Bucket: r.bucket, Key: r.key, Account: r.call.Account, Headers: keptHeaders(r.Header), Tags: tags, Begun: s.pace.Now()})
	})
	if err != nil {
		return err
	}
	writeXML(r.w, http.StatusOK, struct {
		XMLName     xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ InitiateMultipartUploadResult"`
		Bucket, Key string
		UploadID    string `xml:"UploadId"`
	}{Bucket: r.bucket, Key: r.key, UploadID: id})
	return nil
}

func (s *S3) uploadPart(r *request) error {
	number, err := strconv.Atoi(r.query.Get("partNumber"))
	if err != nil || number < 1 || number > 10000 {
		return wire.Errorf("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	sums, err := checksums(r.Header, body)
	if err != nil {
		return err
	}
	digest := md5.Sum(body)
	made := part{ETag: `"` + hex.EncodeToString(digest[:]) + `"`, MD5: digest[:], Size: int64(len(body)), Modified: s.pace.Now()}
	if made.File, err = s.files.write(body); err != nil {
		return err
	}
	replaced := ""
	err = s.store.Update(func(tx *store.Tx) error {
		if _, err := s.upload(tx, r); err != nil {
			return err
		}
		key := partKey(r.query.Get("uploadId"), number)
		old, _, err := parts.Get(tx, everywhere, key)
		if err != nil {
			return err
		}
		replaced = old.File
		return parts.Put(tx, everywhere, key, made)
	})
	if err != nil {
		s.files.remove(made.File)
		return err
	}
	s.files.remove(replaced)
	r.w.Header().Set("Etag", made.ETag)
	for name, value := range sums {
		r.w.Header().Set(name, value)
	}
	r.w.WriteHeader(http.StatusOK)
	return nil
}

// smallestPart is the least size of every part but the last.
const smallestPart = 5 << 20

func (s *S3) completeUpload(r *request) error {
	var in struct {
		Parts []struct {
			PartNumber int
			ETag       string
		} `xml:"Part"`
	}
	document, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if err := xml.Unmarshal(document, &in); err != nil || len(in.Parts) == 0 {
		return malformed()
	}
	id := r.query.Get("uploadId")
	var begun upload
	chosen := make([]part, len(in.Parts))
	err = s.store.View(func(tx *store.Tx) (err error) {
		if begun, err = s.upload(tx, r); err != nil {
			return err
		}
		for i, p := range in.Parts {
			if i > 0 && p.PartNumber <= in.Parts[i-1].PartNumber {
				return wire.Errorf("InvalidPartOrder", "The list of parts was not in ascending order.")
			}
			found, exists, err := parts.Get(tx, everywhere, partKey(id, p.PartNumber))
			if err != nil {
				return err
			}
			if !exists || strings.Trim(p.ETag, `"`) != strings.Trim(found.ETag, `"`) {
				return wire.Errorf("InvalidPart", "One or more of the specified parts could not be found: part %d.", p.PartNumber)
			}
			if i < len(in.Parts)-1 && found.Size < smallestPart {
				return wire.Errorf("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size: part %d.", p.PartNumber)
			}
			chosen[i] = found
		}
		return nil
	})
	if err != nil {
		return err
	}
	var body, sums []byte
	for _, p := range chosen {
		file, err := s.files.open(p.File)
		if err != nil {
			return err
		}
		content, err := io.ReadAll(file)
		_ = file.Close() // it was only read
		if err != nil {
			return err
		}
		body, sums = append(body, content...), append(sums, p.MD5...)
	}
	digest := md5.Sum(sums)
	made := object{
		Key: r.key, Size: int64(len(body)), Modified: s.pace.Now(), Headers: begun.Headers, Tags: begun.Tags,
		ETag: fmt.Sprintf(`"%s-%d"`, hex.EncodeToString(digest[:]), len(chosen)),
	}
	if made.Checksums, err = checksums(http.Header{}, body); err != nil {
		return err
	}
	var garbage []string
	err = s.keep(r, &made, body, func(tx *store.Tx) error {
		if _, err := s.upload(tx, r); err != nil {
			return err
		}
		garbage, err = dropUpload(tx, id)
		return err
	})
	if err != nil {
		return err
	}
	for _, name := range garbage {
		s.files.remove(name)
	}
	writeXML(r.w, http.StatusOK, struct {
		XMLName                     xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CompleteMultipartUploadResult"`
		Location, Bucket, Key, ETag string
	}{Location: r.call.Endpoint + "/" + r.bucket + "/" + r.key, Bucket: r.bucket, Key: r.key, ETag: made.ETag})
	return nil
}

func (s *S3) abortUpload(r *request) error {
	var garbage []string
	err := s.store.Update(func(tx *store.Tx) error {
		if _, err := s.upload(tx, r); err != nil {
			return err
		}
		var err error
		garbage, err = dropUpload(tx, r.query.Get("uploadId"))
		return err
	})
	if err != nil {
		return err
	}
	for _, name := range garbage {
		s.files.remove(name)
	}
	r.w.WriteHeader(http.StatusNoContent)
	return nil
}

// dropUpload takes an upload and its parts out of the store and returns the files
// that are of no use then.
func dropUpload(tx *store.Tx, id string) (files []string, err error) {
	var keys []string
	err = parts.Walk(tx, everywhere, id+"/", func(key string, p part) error {
		keys, files = append(keys, key), append(files, p.File)
		return nil
	})
	for _, key := range keys {
		if err == nil {
			err = parts.Delete(tx, everywhere, key)
		}
	}
	if err == nil {
		err = uploads.Delete(tx, everywhere, id)
	}
	return files, err
}
