package s3

import (
	"encoding/xml"
	"io"
	"maps"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

type tag struct{ Key, Value string }

type tagging struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ Tagging"`
	Tags    []tag    `xml:"TagSet>Tag"`
}

func writeTags(r *request, tags map[string]string) {
	out := tagging{}
	for key, value := range tags {
		out.Tags = append(out.Tags, tag{key, value})
	}
	sort.Slice(out.Tags, func(i, j int) bool { return out.Tags[i].Key < out.Tags[j].Key })
	writeXML(r.w, http.StatusOK, out)
}

func readTags(r *request, limit int) (map[string]string, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var in struct {
		XMLName xml.Name
		Tags    []tag `xml:"TagSet>Tag"`
	}
	if err := xml.Unmarshal(body, &in); err != nil || in.XMLName.Local != "Tagging" {
		return nil, malformed()
	}
	tags := map[string]string{}
	for _, t := range in.Tags {
		if _, twice := tags[t.Key]; twice || t.Key == "" || strings.HasPrefix(t.Key, "aws:") {
			return nil, wire.Errorf("InvalidTag", "The tag key %q is empty, given twice, or one of AWS's own", t.Key)
		}
		tags[t.Key] = t.Value
	}
	if len(tags) > limit {
		return nil, wire.Errorf("BadRequest", "There can be at most %d tags", limit)
	}
	return tags, nil
}

func (s *S3) getBucketTagging(r *request) error {
	found, err := s.settings(r)
	if err != nil {
		return err
	}
	if len(found.Tags) == 0 {
		return &wire.Error{Code: "NoSuchTagSet", Message: "The TagSet does not exist", HTTPStatus: http.StatusNotFound}
	}
	writeTags(r, found.Tags)
	return nil
}

func (s *S3) putBucketTagging(r *request) error {
	tags, err := readTags(r, 50)
	if err != nil {
		return err
	}
	return s.setBucketTags(r, tags)
}

func (s *S3) deleteBucketTagging(r *request) error { return s.setBucketTags(r, map[string]string{}) }

// setBucketTags sets the tags; AWS's own, of the stack that made the bucket, stay.
func (s *S3) setBucketTags(r *request, tags map[string]string) error {
	err := s.change(r.call.Account, r.bucket, func(b *bucket) error {
		for key, value := range b.Tags {
			if strings.HasPrefix(key, "aws:") {
				tags[key] = value
			}
		}
		b.Tags = tags
		return nil
	})
	if err == nil {
		r.w.WriteHeader(http.StatusNoContent)
	}
	return err
}

// headerTags reads the tags of an upload: x-amz-tagging: key=value&key=value.
func headerTags(r *request) (map[string]string, error) {
	header := r.Header.Get("X-Amz-Tagging")
	if header == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(header)
	if err != nil || len(values) > 10 {
		return nil, wire.Errorf("InvalidArgument", "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates, 10 at most.")
	}
	tags := map[string]string{}
	for key := range values {
		tags[key] = values.Get(key)
	}
	return tags, nil
}

func (s *S3) getObjectTagging(r *request) error {
	found, err := s.object(r.call.Account, r.bucket, r.key, r.query.Get("versionId"))
	if err != nil {
		return err
	}
	writeTags(r, found.Tags)
	return nil
}

func (s *S3) putObjectTagging(r *request) error {
	tags, err := readTags(r, 10)
	if err != nil {
		return err
	}
	return s.setObjectTags(r, tags, http.StatusOK)
}

func (s *S3) deleteObjectTagging(r *request) error {
	return s.setObjectTags(r, nil, http.StatusNoContent)
}

func (s *S3) setObjectTags(r *request, tags map[string]string, status int) error {
	err := s.store.Update(func(tx *store.Tx) error {
		if _, err := s.bucket(tx, r.call.Account, r.bucket); err != nil {
			return err
		}
		found, err := find(tx, r.bucket, r.key, r.query.Get("versionId"))
		if err == nil && found.Marker {
			err = markerRefused()
		}
		if err != nil {
			return err
		}
		found.Tags = tags
		return objects.Put(tx, everywhere, found.tableKey(r.bucket), found)
	})
	if err == nil {
		r.w.WriteHeader(status)
	}
	return err
}

func setTagCount(header http.Header, tags map[string]string) {
	if len(tags) > 0 {
		header.Set("X-Amz-Tagging-Count", strconv.Itoa(len(tags)))
	}
}

// Tagged lists the buckets for the Tagging API.
func (s *S3) Tagged(tx *store.Tx, scope store.Scope) ([]resource.Tagged, error) {
	var out []resource.Tagged
	err := buckets.Walk(tx, everywhere, "", func(_ string, b bucket) error {
		if b.Account == scope.Account && b.Region == scope.Region {
			out = append(out, resource.Tagged{ARN: "arn:aws:s3:::" + b.Name, Tags: b.Tags})
		}
		return nil
	})
	return out, err
}

// Retag changes the tags of a bucket.
func (s *S3) Retag(tx *store.Tx, scope store.Scope, arn string, change func(map[string]string)) (bool, error) {
	name, ok := strings.CutPrefix(arn, "arn:aws:s3:::")
	if !ok {
		return false, nil
	}
	found, exists, err := buckets.Get(tx, everywhere, name)
	if err != nil || !exists || found.Account != scope.Account || found.Region != scope.Region {
		return false, err
	}
	tags := map[string]string{}
	maps.Copy(tags, found.Tags)
	change(tags)
	found.Tags = tags
	return true, buckets.Put(tx, everywhere, name, found)
}
