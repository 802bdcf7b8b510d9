package s3

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"time"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// when is a time as S3 writes it.
func when(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func (s *S3) listBuckets(r *request) error {
	type entry struct {
		Name, CreationDate, BucketRegion string
	}
	out := struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListAllMyBucketsResult"`
		Owner   string   `xml:"Owner>ID"`
		Buckets []entry  `xml:"Buckets>Bucket"`
	}{Owner: r.call.Account}
	err := s.store.View(func(tx *store.Tx) error {
		return buckets.Walk(tx, everywhere, r.query.Get("prefix"), func(_ string, b bucket) error {
			if b.Account == r.call.Account {
				out.Buckets = append(out.Buckets, entry{b.Name, when(b.Created), b.Region})
			}
			return nil
		})
	})
	if err == nil {
		writeXML(r.w, http.StatusOK, out)
	}
	return err
}

func (s *S3) createBucket(r *request) error {
	var configuration struct{ LocationConstraint string }
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if len(body) > 0 {
		if err := xml.Unmarshal(body, &configuration); err != nil {
			return malformed()
		}
	}
	region := configuration.LocationConstraint
	if region == "" {
		region = r.call.Region
	}
	if err := s.create(bucket{Name: r.bucket, Account: r.call.Account, Region: region}); err != nil {
		return err
	}
	r.w.Header().Set("Location", "/"+r.bucket)
	r.w.WriteHeader(http.StatusOK)
	return nil
}

func malformed() error {
	return wire.Errorf("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema.")
}

func (s *S3) headBucket(r *request) error {
	found, err := s.settings(r)
	if err == nil {
		r.w.Header().Set("X-Amz-Bucket-Region", found.Region)
		r.w.WriteHeader(http.StatusOK)
	}
	return err
}

func (s *S3) deleteBucket(r *request) error {
	err := s.removeBucket(r.call.Account, r.bucket)
	if err == nil {
		r.w.WriteHeader(http.StatusNoContent)
	}
	return err
}

// settings finds the bucket of a request.
func (s *S3) settings(r *request) (found bucket, err error) {
	err = s.store.View(func(tx *store.Tx) error {
		found, err = s.bucket(tx, r.call.Account, r.bucket)
		return err
	})
	return found, err
}

func (s *S3) getBucketLocation(r *request) error {
	found, err := s.settings(r)
	if err != nil {
		return err
	}
	out := struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ LocationConstraint"`
		Region  string   `xml:",chardata"`
	}{Region: found.Region}
	if out.Region == "us-east-1" { // the region that is none, by history
		out.Region = ""
	}
	writeXML(r.w, http.StatusOK, out)
	return nil
}

func (s *S3) getPolicy(r *request) error {
	found, err := s.settings(r)
	if err != nil {
		return err
	}
	policy := found.Settings["policy"]
	if policy == "" {
		return &wire.Error{Code: "NoSuchBucketPolicy", Message: "The bucket policy does not exist", HTTPStatus: http.StatusNotFound}
	}
	r.w.Header().Set("Content-Type", "application/json")
	_, err = io.WriteString(r.w, policy)
	return err
}

func (s *S3) putPolicy(r *request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	return s.setPolicy(r, string(body))
}

func (s *S3) deletePolicy(r *request) error { return s.setPolicy(r, "") }

func (s *S3) setPolicy(r *request, policy string) error {
	if policy != "" && !json.Valid([]byte(policy)) {
		return wire.Errorf("MalformedPolicy", "Policies must be valid JSON")
	}
	err := s.change(r.call.Account, r.bucket, func(b *bucket) error {
		b.Settings["policy"] = policy
		return nil
	})
	if err == nil {
		r.w.WriteHeader(http.StatusNoContent)
	}
	return err
}
