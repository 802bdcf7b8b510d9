package account

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/drawbridge-gitops/drawbridge/internal/failpoint"
)

// Object is a file or a folder, and where it is to be published.
type Object struct {
	Bucket, Key, Region string
	// Path of the file, or of the folder when Zip is set.
	Path string
	Zip  bool
}

// ErrNoBucket is a bucket that is not there, or that is not the account's.
var ErrNoBucket = errors.New("there is no such bucket in the account")

// S3 is a client for the region; the place's own when it is empty.
func (a *Account) S3(region string) *s3.Client {
	return s3.NewFromConfig(a.config, func(o *s3.Options) {
		o.UsePathStyle = aws.ToString(a.config.BaseEndpoint) != ""
		if region != "" {
			o.Region = region
		}
	})
}

// Publish puts the object into its bucket, unless it is there. It returns whether
// it had to.
func (a *Account) Publish(ctx context.Context, o Object) (sent bool, err error) {
	owner, err := a.ID(ctx)
	if err != nil {
		return false, err
	}
	client := a.S3(o.Region)
	_, err = client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &o.Bucket, Key: &o.Key, ExpectedBucketOwner: &owner})
	if err == nil {
		return false, nil
	}
	if status(err) != http.StatusNotFound {
		return false, o.failed("look for", err)
	}
	body, err := o.open(ctx)
	if err != nil {
		return false, fmt.Errorf("asset %s: %w", o.Path, err)
	}
	defer body.Close()
	failpoint.Hit("account/before-publish")
	_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: &o.Bucket, Key: &o.Key, Body: body, ExpectedBucketOwner: &owner})
	if err != nil {
		return false, o.failed("put", err)
	}
	failpoint.Hit("account/after-publish")
	return true, nil
}

// failed words an answer of S3.
func (o Object) failed(verb string, err error) error {
	var missing *s3types.NoSuchBucket
	if errors.As(err, &missing) || status(err) == http.StatusNotFound {
		return fmt.Errorf("bucket %s in %s: %w", o.Bucket, o.Region, ErrNoBucket)
	}
	if status(err) == http.StatusForbidden {
		return fmt.Errorf("%s s3://%s/%s: the bucket must belong to the account, and the Environment's role must be allowed to read and write objects in it: %w", verb, o.Bucket, o.Key, err)
	}
	return fmt.Errorf("%s s3://%s/%s: %w", verb, o.Bucket, o.Key, err)
}

func status(err error) int {
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

// open returns what is to be sent. An archive is a temporary file that is gone
// when it is closed.
func (o Object) open(ctx context.Context) (io.ReadSeekCloser, error) {
	if !o.Zip {
		return os.Open(o.Path)
	}
	file, err := os.CreateTemp("", "drawbridge-asset-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if err := writeZip(ctx, file, o.Path); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
