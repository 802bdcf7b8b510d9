package s3

import (
	"encoding/xml"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// request is one request, with the bucket and the key that it names.
type request struct {
	*http.Request
	w           http.ResponseWriter
	call        wire.Call
	query       url.Values
	bucket, key string
}

// level is what a request is addressed to.
type level int

const (
	service level = iota
	ofBucket
	ofObject
)

// route is the operation of a method at a level, told by a query parameter where
// it is not empty, and by the header that names the source of a copy.
type route struct {
	level     level
	method    string
	parameter string
	operation string
	run       func(*S3, *request) error
	copies    bool
}

// routes are tried in order: those with a parameter before those without.
var routes = append(settingRoutes(), []route{
	{level: ofBucket, method: http.MethodGet, parameter: "location", operation: "GetBucketLocation", run: (*S3).getBucketLocation},
	{level: ofBucket, method: http.MethodGet, parameter: "policy", operation: "GetBucketPolicy", run: (*S3).getPolicy},
	{level: ofBucket, method: http.MethodPut, parameter: "policy", operation: "PutBucketPolicy", run: (*S3).putPolicy},
	{level: ofBucket, method: http.MethodDelete, parameter: "policy", operation: "DeleteBucketPolicy", run: (*S3).deletePolicy},
	{level: ofBucket, method: http.MethodGet, parameter: "tagging", operation: "GetBucketTagging", run: (*S3).getBucketTagging},
	{level: ofBucket, method: http.MethodPut, parameter: "tagging", operation: "PutBucketTagging", run: (*S3).putBucketTagging},
	{level: ofBucket, method: http.MethodDelete, parameter: "tagging", operation: "DeleteBucketTagging", run: (*S3).deleteBucketTagging},
	{level: ofBucket, method: http.MethodGet, parameter: "versions", operation: "ListObjectVersions", run: (*S3).listVersions},
	{level: ofBucket, method: http.MethodGet, parameter: "uploads", operation: "ListMultipartUploads", run: (*S3).listUploads},
	{level: ofBucket, method: http.MethodGet, parameter: "list-type", operation: "ListObjectsV2", run: (*S3).listObjectsV2},
	{level: ofBucket, method: http.MethodPost, parameter: "delete", operation: "DeleteObjects", run: (*S3).deleteObjects},
	{level: ofObject, method: http.MethodGet, parameter: "tagging", operation: "GetObjectTagging", run: (*S3).getObjectTagging},
	{level: ofObject, method: http.MethodPut, parameter: "tagging", operation: "PutObjectTagging", run: (*S3).putObjectTagging},
	{level: ofObject, method: http.MethodDelete, parameter: "tagging", operation: "DeleteObjectTagging", run: (*S3).deleteObjectTagging},
	{level: ofObject, method: http.MethodGet, parameter: "uploadId", operation: "ListParts", run: (*S3).listParts},
	{level: ofObject, method: http.MethodPost, parameter: "uploads", operation: "CreateMultipartUpload", run: (*S3).createUpload},
	{level: ofObject, method: http.MethodPut, parameter: "uploadId", operation: "UploadPart", run: (*S3).uploadPart},
	{level: ofObject, method: http.MethodPost, parameter: "uploadId", operation: "CompleteMultipartUpload", run: (*S3).completeUpload},
	{level: ofObject, method: http.MethodDelete, parameter: "uploadId", operation: "AbortMultipartUpload", run: (*S3).abortUpload},
	{level: service, method: http.MethodGet, operation: "ListBuckets", run: (*S3).listBuckets},
	{level: ofBucket, method: http.MethodGet, operation: "ListObjects", run: (*S3).listObjects},
	{level: ofBucket, method: http.MethodPut, operation: "CreateBucket", run: (*S3).createBucket},
	{level: ofBucket, method: http.MethodHead, operation: "HeadBucket", run: (*S3).headBucket},
	{level: ofBucket, method: http.MethodDelete, operation: "DeleteBucket", run: (*S3).deleteBucket},
	{level: ofObject, method: http.MethodPut, operation: "PutObject", run: (*S3).putObject},
	{level: ofObject, method: http.MethodGet, operation: "GetObject", run: (*S3).getObject},
	{level: ofObject, method: http.MethodHead, operation: "HeadObject", run: (*S3).getObject},
	{level: ofObject, method: http.MethodDelete, operation: "DeleteObject", run: (*S3).deleteObject},
	{level: ofObject, method: http.MethodPut, operation: "CopyObject", run: (*S3).copyObject, copies: true},
}...)

// plain are the query parameters that do not name an operation.
var plain = map[string]bool{
	"x-id": true, "list-type": true, "prefix": true, "delimiter": true, "max-keys": true, "continuation-token": true,
	"start-after": true, "encoding-type": true, "fetch-owner": true, "max-buckets": true, "bucket-region": true,
	"marker": true, "versionId": true, "key-marker": true, "version-id-marker": true, "upload-id-marker": true, "max-uploads": true, "max-parts": true, "part-number-marker": true,
}

// ServeHTTP answers one request.
func (s *S3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req := newRequest(w, r)
	w.Header().Set("X-Amz-Request-Id", req.call.RequestID)
	found := findRoute(req)
	if found == nil {
		s.log.WarnContext(r.Context(), "AWS operation is not implemented",
			"service", "s3", "method", r.Method, "path", r.URL.Path, "parameters", names(req.query))
		s.WriteError(w, r, &wire.Error{
			Code: "NotImplemented", HTTPStatus: http.StatusNotImplemented,
			Message: fmt.Sprintf("The sandbox does not implement this request: %s with parameters %s.", r.Method, names(req.query)),
		})
		return
	}
	wire.Observed(r.Context(), "s3", found.operation)
	if err := found.run(s, req); err != nil {
		s.WriteError(w, r, fmt.Errorf("s3 %s: %w", found.operation, err))
	}
}

func newRequest(w http.ResponseWriter, r *http.Request) *request {
	req := &request{Request: r, w: w, call: wire.CallOf(r.Context()), query: r.URL.Query()}
	req.bucket, req.key = address(r)
	return req
}

// Operation names the operation that a request is for, "" where there is none.
func (s *S3) Operation(r *http.Request) string {
	found := findRoute(newRequest(nil, r))
	if found == nil {
		return ""
	}
	return found.operation
}

func findRoute(req *request) *route {
	at := service
	if req.bucket != "" {
		at = ofBucket
	}
	if req.key != "" {
		at = ofObject
	}
	subresource := false
	for name := range req.query {
		if !plain[name] && !strings.HasPrefix(strings.ToLower(name), "x-amz-") && !strings.HasPrefix(name, "response-") {
			subresource = true
		}
	}
	for i := range routes {
		if r := &routes[i]; r.level == at && r.method == req.Method && r.copies == (req.Header.Get("X-Amz-Copy-Source") != "") &&
			(r.parameter == "" && !subresource || r.parameter != "" && req.query.Has(r.parameter)) {
			return r
		}
	}
	return nil
}

func names(query url.Values) []string {
	out := []string{}
	for name := range query {
		if !strings.HasPrefix(strings.ToLower(name), "x-amz-") {
			out = append(out, name)
		}
	}
	return out
}

// address finds the bucket and the key, in the host or in the path.
func address(r *http.Request) (bucketName, key string) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	if name := hostBucket(r.Host); name != "" {
		return name, path
	}
	bucketName, key, _ = strings.Cut(path, "/")
	return bucketName, key
}

// hostBucket is the bucket in "bucket.s3.us-east-1.amazonaws.com:443" or in
// "bucket.localhost:4566", and "" for hosts that name none.
func hostBucket(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if net.ParseIP(host) != nil || strings.HasPrefix(host, "s3.") || strings.HasPrefix(host, "s3-") {
		return ""
	}
	for _, mark := range []string{".s3.", ".s3-"} {
		if name, _, ok := strings.Cut(host, mark); ok {
			return name
		}
	}
	name, ok := strings.CutSuffix(host, ".localhost")
	if !ok {
		return ""
	}
	return name
}

// Location splits the URL of an object into its bucket and key, in either form:
// what a TemplateURL names.
func Location(raw string) (bucketName, key string, err error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Path == "" {
		return "", "", fmt.Errorf("%q is no URL of an S3 object", raw)
	}
	if bucketName, key = address(&http.Request{Host: u.Host, URL: u}); bucketName == "" || key == "" {
		return "", "", fmt.Errorf("%q is no URL of an S3 object: it must name a bucket and a key", raw)
	}
	return bucketName, key, nil
}

// WriteError answers with an error in S3's form, and logs one that is not meant
// for clients.
func (s *S3) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	call := wire.CallOf(r.Context())
	answer, expected := wire.As(err)
	if !expected {
		answer.Code = "InternalError"
		if r.Context().Err() == nil {
			s.log.ErrorContext(r.Context(), "AWS request failed in the sandbox", "service", "s3", "request", call.RequestID, "error", err)
		}
	}
	if r.Method == http.MethodHead { // an answer to HEAD has no body to say it in
		w.WriteHeader(answer.HTTPStatus)
		return
	}
	writeXML(w, answer.HTTPStatus, struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string
		Message   string
		Resource  string
		RequestID string `xml:"RequestId"`
	}{Code: answer.Code, Message: answer.Message, Resource: r.URL.Path, RequestID: call.RequestID})
}

func writeXML(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(xml.Header))
	_ = xml.NewEncoder(w).Encode(value) // the client has gone: there is nobody to tell
}
