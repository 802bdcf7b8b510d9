package aws_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
)

// versionsOf lists the versions of a bucket, a page of two at a time: "key=body", or
// "key deleted", with a star on the latest.
func versionsOf(t *testing.T, client *s3.Client, bucket string) (list []string, ids []types.ObjectIdentifier) {
	t.Helper()
	pages := s3.NewListObjectVersionsPaginator(client, &s3.ListObjectVersionsInput{Bucket: &bucket, MaxKeys: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		star := func(text string, latest *bool) string {
			if *latest {
				return text + "*"
			}
			return text
		}
		for _, v := range page.Versions {
			out := do(t, client.GetObject, &s3.GetObjectInput{Bucket: &bucket, Key: v.Key, VersionId: v.VersionId})
			body, _ := io.ReadAll(out.Body)
			if *out.VersionId != *v.VersionId {
				t.Errorf("version %s answers as %s", *v.VersionId, *out.VersionId)
			}
			list = append(list, star(*v.Key+"="+string(body), v.IsLatest))
			ids = append(ids, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		for _, m := range page.DeleteMarkers {
			list = append(list, star(*m.Key+" deleted", m.IsLatest))
			ids = append(ids, types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
		}
	}
	slices.Sort(list)
	return list, ids
}

func TestObjectVersions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, sandbox.Options{Dir: dir})
	client, bucket := s3.NewFromConfig(w.Config, pathStyle), aws.String("versions")
	w.create(t, "AWS::S3::Bucket", "1", map[string]any{"BucketName": "versions"})
	version := func(status types.BucketVersioningStatus) {
		do(t, client.PutBucketVersioning, &s3.PutBucketVersioningInput{Bucket: bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: status}})
	}
	if out := put(t, client, "versions", "a", strings.NewReader("before")); out.VersionId != nil {
		t.Errorf("an unversioned bucket made version %s", *out.VersionId)
	}
	version(types.BucketVersioningStatusEnabled)
	first := put(t, client, "versions", "a", strings.NewReader("one"))
	put(t, client, "versions", "a", strings.NewReader("two"))
	put(t, client, "versions", "b", strings.NewReader("other"))
	marker := do(t, client.DeleteObject, &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("a")})
	if !aws.ToBool(marker.DeleteMarker) || marker.VersionId == nil {
		t.Fatalf("delete = %+v", marker)
	}
	_, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: aws.String("a")})
	wantCode(t, err, "NoSuchKey")
	_, err = client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: aws.String("a"), VersionId: marker.VersionId})
	wantCode(t, err, "MethodNotAllowed")
	_, err = client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: aws.String("a"), VersionId: aws.String("none")})
	wantCode(t, err, "NoSuchVersion")

	w.stop() // everything is there after a restart
	w = start(t, sandbox.Options{Dir: dir})
	client = s3.NewFromConfig(w.Config, pathStyle)
	got, _ := versionsOf(t, client, "versions")
	if diff := cmp.Diff([]string{"a deleted*", "a=before", "a=one", "a=two", "b=other*"}, got); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
	listed := do(t, client.ListObjectsV2, &s3.ListObjectsV2Input{Bucket: bucket})
	if len(listed.Contents) != 1 || *listed.Contents[0].Key != "b" {
		t.Errorf("objects = %+v", listed.Contents)
	}
	// Without its marker the object is there again.
	do(t, client.DeleteObject, &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("a"), VersionId: marker.VersionId})
	if out := do(t, client.HeadObject, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("a")}); *out.ContentLength != 3 {
		t.Errorf("HeadObject = %+v", out)
	}
	do(t, client.DeleteObject, &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("a"), VersionId: first.VersionId})
	version(types.BucketVersioningStatusSuspended)
	put(t, client, "versions", "a", strings.NewReader("null again"))
	got, ids := versionsOf(t, client, "versions")
	if diff := cmp.Diff([]string{"a=null again*", "a=two", "b=other*"}, got); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
	_, err = client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: bucket})
	wantCode(t, err, "BucketNotEmpty")
	out := do(t, client.DeleteObjects, &s3.DeleteObjectsInput{Bucket: bucket, Delete: &types.Delete{Objects: ids}})
	if len(out.Deleted) != 3 {
		t.Errorf("deleted = %+v", out.Deleted)
	}
	do(t, client.DeleteBucket, &s3.DeleteBucketInput{Bucket: bucket})
}

func TestCopiesAndTags(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client, bucket := s3.NewFromConfig(w.Config, pathStyle), aws.String("copies")
	w.create(t, "AWS::S3::Bucket", "1", map[string]any{"BucketName": "copies"})
	put(t, client, "copies", "from ü", strings.NewReader("body"), func(in *s3.PutObjectInput) {
		in.ContentType, in.Tagging = aws.String("text/plain"), aws.String("a=1&b=2")
	})
	source := aws.String("copies/from%20%C3%BC")
	do(t, client.CopyObject, &s3.CopyObjectInput{Bucket: bucket, Key: aws.String("to"), CopySource: source})
	got := do(t, client.GetObject, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("to")})
	if body, _ := io.ReadAll(got.Body); string(body) != "body" || *got.ContentType != "text/plain" || *got.TagCount != 2 {
		t.Errorf("copy = %q of %s with %d tags", body, *got.ContentType, *got.TagCount)
	}
	do(t, client.CopyObject, &s3.CopyObjectInput{
		Bucket: bucket, Key: aws.String("to"), CopySource: source, MetadataDirective: types.MetadataDirectiveReplace, ContentType: aws.String("text/html"),
	})
	if head := do(t, client.HeadObject, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("to")}); *head.ContentType != "text/html" {
		t.Errorf("Content-Type = %s", *head.ContentType)
	}
	_, err := client.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: bucket, Key: aws.String("to"), CopySource: aws.String("copies/to")})
	wantCode(t, err, "InvalidRequest")
	_, err = client.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: bucket, Key: aws.String("to"), CopySource: aws.String("copies/none")})
	wantCode(t, err, "NoSuchKey")

	tags := &types.Tagging{TagSet: []types.Tag{{Key: aws.String("owner"), Value: aws.String("us")}}}
	do(t, client.PutObjectTagging, &s3.PutObjectTaggingInput{Bucket: bucket, Key: aws.String("to"), Tagging: tags})
	if out := do(t, client.GetObjectTagging, &s3.GetObjectTaggingInput{Bucket: bucket, Key: aws.String("to")}); len(out.TagSet) != 1 || *out.TagSet[0].Value != "us" {
		t.Errorf("tags = %+v", out.TagSet)
	}
	do(t, client.DeleteObjectTagging, &s3.DeleteObjectTaggingInput{Bucket: bucket, Key: aws.String("to")})
	if out := do(t, client.GetObjectTagging, &s3.GetObjectTaggingInput{Bucket: bucket, Key: aws.String("to")}); len(out.TagSet) != 0 {
		t.Errorf("tags = %+v", out.TagSet)
	}
	do(t, client.PutBucketTagging, &s3.PutBucketTaggingInput{Bucket: bucket, Tagging: tags})
	if out := do(t, client.GetBucketTagging, &s3.GetBucketTaggingInput{Bucket: bucket}); len(out.TagSet) != 2 { // with the stack's
		t.Errorf("tags = %+v", out.TagSet)
	}
	twice := &types.Tagging{TagSet: append(tags.TagSet, tags.TagSet...)}
	_, err = client.PutBucketTagging(t.Context(), &s3.PutBucketTaggingInput{Bucket: bucket, Tagging: twice})
	wantCode(t, err, "InvalidTag")
	do(t, client.DeleteBucketTagging, &s3.DeleteBucketTaggingInput{Bucket: bucket})
}

// TestSettingsOfABucket puts, gets and deletes each setting that can be.
func TestSettingsOfABucket(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client, b, ctx := s3.NewFromConfig(w.Config, pathStyle), aws.String("settings"), t.Context()
	do(t, client.CreateBucket, &s3.CreateBucketInput{Bucket: b})
	rule := types.LifecycleRule{ID: aws.String("old"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")}, Expiration: &types.LifecycleExpiration{Days: aws.Int32(3)}}
	cors := types.CORSRule{AllowedMethods: []string{"GET"}, AllowedOrigins: []string{"*"}}
	for _, test := range []struct {
		missing string
		get     func(context.Context) (any, error)
		put     func()
		delete  func()
	}{
		{"NoSuchLifecycleConfiguration",
			func(ctx context.Context) (any, error) {
				out, err := client.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: b})
				if err != nil {
					return nil, err
				}
				return *out.Rules[0].Expiration.Days, nil
			},
			func() {
				do(t, client.PutBucketLifecycleConfiguration, &s3.PutBucketLifecycleConfigurationInput{Bucket: b, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{rule}}})
			},
			func() { do(t, client.DeleteBucketLifecycle, &s3.DeleteBucketLifecycleInput{Bucket: b}) }},
		{"NoSuchCORSConfiguration",
			func(ctx context.Context) (any, error) {
				out, err := client.GetBucketCors(ctx, &s3.GetBucketCorsInput{Bucket: b})
				if err != nil {
					return nil, err
				}
				return out.CORSRules[0].AllowedMethods[0], nil
			},
			func() {
				do(t, client.PutBucketCors, &s3.PutBucketCorsInput{Bucket: b, CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{cors}}})
			},
			func() { do(t, client.DeleteBucketCors, &s3.DeleteBucketCorsInput{Bucket: b}) }},
		{"NoSuchPublicAccessBlockConfiguration",
			func(ctx context.Context) (any, error) {
				out, err := client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: b})
				if err != nil {
					return nil, err
				}
				return *out.PublicAccessBlockConfiguration.BlockPublicAcls, nil
			},
			func() {
				do(t, client.PutPublicAccessBlock, &s3.PutPublicAccessBlockInput{Bucket: b, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true)}})
			},
			func() { do(t, client.DeletePublicAccessBlock, &s3.DeletePublicAccessBlockInput{Bucket: b}) }},
		{"OwnershipControlsNotFoundError",
			func(ctx context.Context) (any, error) {
				out, err := client.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: b})
				if err != nil {
					return nil, err
				}
				return out.OwnershipControls.Rules[0].ObjectOwnership, nil
			},
			func() {
				do(t, client.PutBucketOwnershipControls, &s3.PutBucketOwnershipControlsInput{Bucket: b, OwnershipControls: &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnershipObjectWriter}}}})
			},
			func() { do(t, client.DeleteBucketOwnershipControls, &s3.DeleteBucketOwnershipControlsInput{Bucket: b}) }},
	} {
		if test.missing != "OwnershipControlsNotFoundError" { // a bucket has an owner from the start
			_, err := test.get(ctx)
			wantCode(t, err, test.missing)
		}
		test.put()
		if got, err := test.get(ctx); err != nil {
			t.Errorf("%s: %v, %v", test.missing, got, err)
		}
		test.delete()
		_, err := test.get(ctx)
		wantCode(t, err, test.missing)
	}
	if out := do(t, client.GetBucketNotificationConfiguration, &s3.GetBucketNotificationConfigurationInput{Bucket: b}); len(out.QueueConfigurations) != 0 {
		t.Errorf("notification = %+v", out)
	}
	_, err := client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: b, VersioningConfiguration: &types.VersioningConfiguration{Status: "Perhaps"}})
	wantCode(t, err, "MalformedXML")
	if head := do(t, client.HeadBucket, &s3.HeadBucketInput{Bucket: b}); aws.ToString(head.BucketRegion) != "us-east-1" {
		t.Errorf("region = %v", head.BucketRegion)
	}
}

// TestBootstrapBucket makes the bucket that cdk bootstrap makes.
func TestBootstrapBucket(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client, ctx := s3.NewFromConfig(w.Config, pathStyle), t.Context()
	properties := map[string]any{
		"BucketName": "cdk-hnb659fds-assets", "AccessControl": "Private",
		"BucketEncryption":               map[string]any{"ServerSideEncryptionConfiguration": []any{map[string]any{"ServerSideEncryptionByDefault": map[string]any{"SSEAlgorithm": "AES256"}}}},
		"PublicAccessBlockConfiguration": map[string]any{"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true},
		"VersioningConfiguration":        map[string]any{"Status": "Enabled"},
		"LifecycleConfiguration": map[string]any{"Rules": []any{
			map[string]any{"Id": "CleanupOldVersions", "Status": "Enabled", "NoncurrentVersionExpiration": map[string]any{"NoncurrentDays": 30}},
			map[string]any{"Id": "AbortIncompleteMultipartUploads", "Status": "Enabled", "AbortIncompleteMultipartUpload": map[string]any{"DaysAfterInitiation": "1"}},
		}},
		"CorsConfiguration":         map[string]any{"CorsRules": []any{map[string]any{"AllowedMethods": []any{"GET"}, "AllowedOrigins": []any{"*"}, "MaxAge": 5}}},
		"NotificationConfiguration": map[string]any{"QueueConfigurations": []any{map[string]any{"Queue": "arn:aws:sqs:us-east-1:1:q", "Event": "s3:ObjectCreated:*"}}},
		"OwnershipControls":         map[string]any{"Rules": []any{map[string]any{"ObjectOwnership": "ObjectWriter"}}},
	}
	name := w.create(t, "AWS::S3::Bucket", "1", properties).PhysicalID
	lifecycle := do(t, client.GetBucketLifecycleConfiguration, &s3.GetBucketLifecycleConfigurationInput{Bucket: &name})
	if r := lifecycle.Rules; len(r) != 2 || *r[0].NoncurrentVersionExpiration.NoncurrentDays != 30 || *r[1].AbortIncompleteMultipartUpload.DaysAfterInitiation != 1 {
		t.Errorf("lifecycle = %+v", r)
	}
	if cors := do(t, client.GetBucketCors, &s3.GetBucketCorsInput{Bucket: &name}); *cors.CORSRules[0].MaxAgeSeconds != 5 {
		t.Errorf("cors = %+v", cors.CORSRules)
	}
	notification := do(t, client.GetBucketNotificationConfiguration, &s3.GetBucketNotificationConfigurationInput{Bucket: &name})
	if q := notification.QueueConfigurations; len(q) != 1 || q[0].Events[0] != "s3:ObjectCreated:*" {
		t.Errorf("notification = %+v", q)
	}
	if out := put(t, client, name, "asset.zip", strings.NewReader("1")); out.VersionId == nil {
		t.Error("the bucket has no versions")
	}
	_, err := w.update(t, "AWS::S3::Bucket", "2", name, properties, map[string]any{"VersioningConfiguration": map[string]any{"Status": "Perhaps"}})
	wantHandlerCode(t, err, resource.InvalidRequest)
	if _, err := w.update(t, "AWS::S3::Bucket", "3", name, properties, map[string]any{"BucketName": name}); err != nil {
		t.Fatal(err)
	}
	_, err = client.GetBucketCors(ctx, &s3.GetBucketCorsInput{Bucket: &name})
	wantCode(t, err, "NoSuchCORSConfiguration")
}

func TestPresignedPutAndExpiry(t *testing.T) {
	t.Parallel()
	clock := simtime.NewManual(time.Now())
	w := start(t, sandbox.Options{Clock: clock})
	client := s3.NewFromConfig(w.Config, pathStyle)
	w.create(t, "AWS::S3::Bucket", "1", map[string]any{"BucketName": "uploads"})
	signed, err := s3.NewPresignClient(client).PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("uploads"), Key: aws.String("k")}, s3.WithPresignExpires(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	upload := func() (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, signed.URL, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(body)
	}
	if status, body := upload(); status != http.StatusOK {
		t.Errorf("upload: %d %s", status, body)
	}
	clock.Advance(2 * time.Minute)
	if status, body := upload(); status != http.StatusForbidden || !strings.Contains(body, "Request has expired") {
		t.Errorf("after its time: %d %s", status, body)
	}
}
