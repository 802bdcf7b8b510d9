package s3

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"sort"
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
	err := s.remove(r.call.Account, r.bucket)
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

// subresources maps the parameter of a request to the root of its document.
var subresources = map[string]string{
	"versioning":        "VersioningConfiguration",
	"encryption":        "ServerSideEncryptionConfiguration",
	"publicAccessBlock": "PublicAccessBlockConfiguration",
}

// putSetting keeps the document of a setting as it came.
func (s *S3) putSetting(r *request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	for parameter, root := range subresources {
		if !r.query.Has(parameter) {
			continue
		}
		var document struct{ XMLName xml.Name }
		if err := xml.Unmarshal(body, &document); err != nil || document.XMLName.Local != root {
			return malformed()
		}
		err := s.change(r.call.Account, r.bucket, func(b *bucket) error {
			b.Settings[parameter] = string(body)
			return nil
		})
		if err == nil {
			r.w.WriteHeader(http.StatusOK)
		}
		return err
	}
	return malformed()
}

// getSetting answers with the document of a setting, the default, or an error
// where there is neither.
func (s *S3) getSetting(r *request, name, byDefault string, missing error) error {
	found, err := s.settings(r)
	if err != nil {
		return err
	}
	document := found.Settings[name]
	if document == "" {
		document = byDefault
	}
	if document == "" {
		return missing
	}
	r.w.Header().Set("Content-Type", "application/xml")
	_, err = io.WriteString(r.w, document)
	return err
}

func (s *S3) getVersioning(r *request) error {
	return s.getSetting(r, "versioning", `<VersioningConfiguration xmlns="`+namespace+`"/>`, nil)
}

// Every bucket is encrypted with S3's own keys where nothing else was asked for.
const defaultEncryption = `<ServerSideEncryptionConfiguration xmlns="` + namespace + `"><Rule>` +
	`<ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>` +
	`<BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>`

func (s *S3) getEncryption(r *request) error {
	return s.getSetting(r, "encryption", defaultEncryption, nil)
}

func (s *S3) getPublicAccessBlock(r *request) error {
	return s.getSetting(r, "publicAccessBlock", "", &wire.Error{
		Code: "NoSuchPublicAccessBlockConfiguration", HTTPStatus: http.StatusNotFound,
		Message: "The public access block configuration was not found",
	})
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

func (s *S3) getTagging(r *request) error {
	found, err := s.settings(r)
	if err != nil {
		return err
	}
	if len(found.Tags) == 0 {
		return &wire.Error{Code: "NoSuchTagSet", Message: "The TagSet does not exist", HTTPStatus: http.StatusNotFound}
	}
	type tag struct{ Key, Value string }
	out := struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ Tagging"`
		Tags    []tag    `xml:"TagSet>Tag"`
	}{}
	for key, value := range found.Tags {
		out.Tags = append(out.Tags, tag{key, value})
	}
	sort.Slice(out.Tags, func(i, j int) bool { return out.Tags[i].Key < out.Tags[j].Key })
	writeXML(r.w, http.StatusOK, out)
	return nil
}
