package s3

import (
	"encoding/xml"
	"io"
	"net/http"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// setting is a document of a bucket that is put, got and deleted whole. The sandbox
// keeps it as it came; only versioning has an effect.
type setting struct {
	parameter string // of the request: "cors"
	root      string // the root of its document: "CORSConfiguration"
	operation string // what stands behind Get, Put and Delete: "BucketCors"
	keeps     bool   // whether it can't be deleted
	// byDefault is the answer where none was put; where that is empty the answer
	// is the error with code and message.
	byDefault, code, message string
}

// Every bucket is encrypted with S3's own keys, and owned by its owner alone, where
// nothing else was asked for.
const (
	defaultEncryption = `<ServerSideEncryptionConfiguration xmlns="` + namespace + `"><Rule>` +
		`<ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>` +
		`<BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>`
	defaultOwnership = `<OwnershipControls xmlns="` + namespace + `"><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>`
)

var settings = []setting{
	{parameter: "versioning", root: "VersioningConfiguration", operation: "BucketVersioning", keeps: true, byDefault: empty("VersioningConfiguration")},
	{parameter: "encryption", root: "ServerSideEncryptionConfiguration", operation: "BucketEncryption", byDefault: defaultEncryption},
	{parameter: "publicAccessBlock", root: "PublicAccessBlockConfiguration", operation: "PublicAccessBlock",
		code: "NoSuchPublicAccessBlockConfiguration", message: "The public access block configuration was not found"},
	{parameter: "lifecycle", root: "LifecycleConfiguration", operation: "BucketLifecycleConfiguration",
		code: "NoSuchLifecycleConfiguration", message: "The lifecycle configuration does not exist"},
	{parameter: "cors", root: "CORSConfiguration", operation: "BucketCors",
		code: "NoSuchCORSConfiguration", message: "The CORS configuration does not exist"},
	{parameter: "ownershipControls", root: "OwnershipControls", operation: "BucketOwnershipControls",
		code: "OwnershipControlsNotFoundError", message: "The bucket ownership controls were not found"},
	{parameter: "notification", root: "NotificationConfiguration", operation: "BucketNotificationConfiguration", keeps: true, byDefault: empty("NotificationConfiguration")},
	{parameter: "website", root: "WebsiteConfiguration", operation: "BucketWebsite",
		code: "NoSuchWebsiteConfiguration", message: "The specified bucket does not have a website configuration"},
	{parameter: "logging", root: "BucketLoggingStatus", operation: "BucketLogging", keeps: true, byDefault: empty("BucketLoggingStatus")},
	{parameter: "accelerate", root: "AccelerateConfiguration", operation: "BucketAccelerateConfiguration", keeps: true, byDefault: empty("AccelerateConfiguration")},
}

func empty(root string) string { return "<" + root + ` xmlns="` + namespace + `"/>` }

// settingRoutes are the operations on settings.
func settingRoutes() []route {
	var out []route
	for _, s := range settings {
		out = append(out,
			route{level: ofBucket, method: http.MethodGet, parameter: s.parameter, operation: "Get" + s.operation, run: s.get},
			route{level: ofBucket, method: http.MethodPut, parameter: s.parameter, operation: "Put" + s.operation, run: s.put})
		if !s.keeps {
			out = append(out, route{level: ofBucket, method: http.MethodDelete, parameter: s.parameter, operation: "Delete" + s.operation, run: s.delete})
		}
	}
	return out
}

func (t setting) get(s *S3, r *request) error {
	found, err := s.settings(r)
	if err != nil {
		return err
	}
	document := found.Settings[t.parameter]
	if document == "" {
		document = t.byDefault
	}
	if document == "" {
		return &wire.Error{Code: t.code, Message: t.message, HTTPStatus: http.StatusNotFound}
	}
	r.w.Header().Set("Content-Type", "application/xml")
	_, err = io.WriteString(r.w, document)
	return err
}

func (t setting) put(s *S3, r *request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if err := t.check(body); err != nil {
		return err
	}
	err = s.change(r.call.Account, r.bucket, func(b *bucket) error {
		b.Settings[t.parameter] = string(body)
		return nil
	})
	if err == nil {
		r.w.WriteHeader(http.StatusOK)
	}
	return err
}

func (t setting) check(body []byte) error {
	var document struct {
		XMLName xml.Name
		Status  string
	}
	if err := xml.Unmarshal(body, &document); err != nil || document.XMLName.Local != t.root {
		return malformed()
	}
	if t.parameter == "versioning" && document.Status != "Enabled" && document.Status != "Suspended" {
		return malformed()
	}
	return nil
}

func (t setting) delete(s *S3, r *request) error {
	err := s.change(r.call.Account, r.bucket, func(b *bucket) error {
		delete(b.Settings, t.parameter)
		return nil
	})
	if err == nil {
		r.w.WriteHeader(http.StatusNoContent)
	}
	return err
}

func document(root, content string) string {
	return "<" + root + ` xmlns="` + namespace + `">` + content + "</" + root + ">"
}

func element(name, text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text)) // a builder takes everything
	return "<" + name + ">" + out.String() + "</" + name + ">"
}
