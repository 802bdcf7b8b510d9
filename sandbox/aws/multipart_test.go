package aws_test

import (
	"bytes"
	"io"
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
	_, err = client.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: bucket, Key: aws.String("copy"), CopySource: aws.String("assets/large.zip")})
	wantCode(t, err, "NotImplemented")
}
