package s3

import (
	"encoding/xml"
	"net/http"
	"sort"
	"strconv"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// listUploads lists the multipart uploads that are not complete, by key and then by
// their beginning.
func (s *S3) listUploads(r *request) error {
	limit, err := r.limit("max-uploads")
	if err != nil {
		return err
	}
	type entry struct {
		Key          string
		UploadID     string `xml:"UploadId"`
		Initiated    string
		StorageClass string
	}
	out := struct {
		XMLName                                   xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListMultipartUploadsResult"`
		Bucket, KeyMarker, UploadIDMarker, Prefix string
		NextKeyMarker                             string `xml:",omitempty"`
		NextUploadIDMarker                        string `xml:"NextUploadIdMarker,omitempty"`
		MaxUploads                                int
		IsTruncated                               bool
		Upload                                    []entry
	}{
		Bucket: r.bucket, KeyMarker: r.query.Get("key-marker"), UploadIDMarker: r.query.Get("upload-id-marker"),
		Prefix: r.query.Get("prefix"), MaxUploads: limit,
	}
	if r.query.Has("delimiter") {
		return &wire.Error{Code: "NotImplemented", Message: "The sandbox lists uploads without a delimiter.", HTTPStatus: http.StatusNotImplemented}
	}
	var all []entry
	err = s.store.View(func(tx *store.Tx) error {
		if _, err := s.bucket(tx, r.call.Account, r.bucket); err != nil {
			return err
		}
		return uploads.Walk(tx, everywhere, "", func(id string, u upload) error {
			if u.Bucket == r.bucket && len(u.Key) >= len(out.Prefix) && u.Key[:len(out.Prefix)] == out.Prefix {
				all = append(all, entry{u.Key, id, when(u.Begun), "STANDARD"})
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	sort.Slice(all, func(i, j int) bool {
		a, b := all[i], all[j]
		return a.Key < b.Key || a.Key == b.Key && (a.Initiated < b.Initiated || a.Initiated == b.Initiated && a.UploadID < b.UploadID)
	})
	first := 0
	for first < len(all) && (all[first].Key < out.KeyMarker || all[first].Key == out.KeyMarker && out.UploadIDMarker == "") {
		first++
	}
	if out.UploadIDMarker != "" {
		for i, e := range all {
			if e.Key == out.KeyMarker && e.UploadID == out.UploadIDMarker {
				first = i + 1
			}
		}
	}
	out.Upload = all[first:]
	if len(out.Upload) > limit {
		out.Upload = out.Upload[:limit]
		out.IsTruncated = limit > 0
		if out.IsTruncated {
			out.NextKeyMarker, out.NextUploadIDMarker = out.Upload[limit-1].Key, out.Upload[limit-1].UploadID
		}
	}
	writeXML(r.w, http.StatusOK, out)
	return nil
}

func (s *S3) listParts(r *request) error {
	limit, err := r.limit("max-parts")
	if err != nil {
		return err
	}
	after := 0
	if text := r.query.Get("part-number-marker"); text != "" {
		if after, err = strconv.Atoi(text); err != nil {
			return wire.Errorf("InvalidArgument", "part-number-marker must be a number.")
		}
	}
	type entry struct {
		PartNumber         int
		LastModified, ETag string
		Size               int64
	}
	id := r.query.Get("uploadId")
	out := struct {
		XMLName              xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListPartsResult"`
		Bucket, Key          string
		UploadID             string `xml:"UploadId"`
		StorageClass         string
		PartNumberMarker     int
		NextPartNumberMarker int `xml:",omitempty"`
		MaxParts             int
		IsTruncated          bool
		Part                 []entry
	}{Bucket: r.bucket, Key: r.key, UploadID: id, StorageClass: "STANDARD", PartNumberMarker: after, MaxParts: limit}
	err = s.store.View(func(tx *store.Tx) error {
		if _, err := s.upload(tx, r); err != nil {
			return err
		}
		return parts.Walk(tx, everywhere, id+"/", func(key string, p part) error {
			number, err := strconv.Atoi(key[len(id)+1:])
			if err != nil || number <= after {
				return err
			}
			if len(out.Part) == limit {
				out.IsTruncated = limit > 0
				return store.Stop
			}
			out.Part = append(out.Part, entry{number, when(p.Modified), p.ETag, p.Size})
			return nil
		})
	})
	if err != nil {
		return err
	}
	if out.IsTruncated {
		out.NextPartNumberMarker = out.Part[limit-1].PartNumber
	}
	writeXML(r.w, http.StatusOK, out)
	return nil
}
