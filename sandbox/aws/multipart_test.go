package aws_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
)

func TestMultipartUpload(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client := s3.NewFromConfig(w.Config, pathStyle)
	w.create(t, "AWS::S3::Bucket", "1", map[string]any{"BucketName": "assets"})
	bucket, key := aws.String("assets"), aws.String("large.zip")
	begun, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key, ContentType: aws.String("application/zip")})
	if err != nil {
		t.Fatal(err)
	}
	bodies := [][]byte{bytes.Repeat([]byte("a"), 5<<20), []byte("the end")}
	var done []types.CompletedPart
	for i, body := range bodies {
		part, err := client.UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: bucket, Key: key, UploadId: begun.UploadId, PartNumber: aws.Int32(int32(i + 1)), Body: bytes.NewReader(body),
		})
		if err != nil {
			t.Fatal(err)
		}
		done = append(done, types.CompletedPart{ETag: part.ETag, PartNumber: aws.Int32(int32(i + 1))})
	}
	_, err = client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: key})
	wantCode(t, err, "NoSuchKey")
	var numbers []int32
	listed := s3.NewListPartsPaginator(client, &s3.ListPartsInput{Bucket: bucket, Key: key, UploadId: begun.UploadId, MaxParts: aws.Int32(1)})
	for listed.HasMorePages() {
		page, err := listed.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Parts {
			numbers = append(numbers, *p.PartNumber)
		}
	}
	if !slices.Equal(numbers, []int32{1, 2}) {
		t.Errorf("parts = %v", numbers)
	}
	other := do(t, client.CreateMultipartUpload, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: aws.String("other")})
	var keys []string
	pending := s3.NewListMultipartUploadsPaginator(client, &s3.ListMultipartUploadsInput{Bucket: bucket, MaxUploads: aws.Int32(1)})
	for pending.HasMorePages() {
		page, err := pending.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range page.Uploads {
			keys = append(keys, *u.Key)
		}
	}
	if !slices.Equal(keys, []string{"large.zip", "other"}) {
		t.Errorf("uploads = %v", keys)
	}
	do(t, client.AbortMultipartUpload, &s3.AbortMultipartUploadInput{Bucket: bucket, Key: aws.String("other"), UploadId: other.UploadId})
	_, err = client.ListParts(t.Context(), &s3.ListPartsInput{Bucket: bucket, Key: aws.String("other"), UploadId: other.UploadId})
	wantCode(t, err, "NoSuchUpload")
	complete := &s3.CompleteMultipartUploadInput{Bucket: bucket, Key: key, UploadId: begun.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: done}}
	out, err := client.CompleteMultipartUpload(t.Context(), complete)
	if err != nil || !strings.HasSuffix(*out.ETag, `-2"`) {
		t.Fatalf("CompleteMultipartUpload = %v, %v", out, err)
	}
	_, err = client.CompleteMultipartUpload(t.Context(), complete)
	wantCode(t, err, "NoSuchUpload")
	got, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(got.Body); !bytes.Equal(body, bytes.Join(bodies, nil)) || *got.ContentType != "application/zip" {
		t.Errorf("the object has %d bytes of %s", len(body), *got.ContentType)
	}

	begun, err = client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	abort := &s3.AbortMultipartUploadInput{Bucket: bucket, Key: key, UploadId: begun.UploadId}
	if _, err := client.AbortMultipartUpload(t.Context(), abort); err != nil {
		t.Fatal(err)
	}
	_, err = client.AbortMultipartUpload(t.Context(), abort)
	wantCode(t, err, "NoSuchUpload")
}
