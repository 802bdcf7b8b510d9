// Package s3 is the sandbox's S3, as far as templates and assets need it: buckets
// and objects, multipart uploads, listings, checksums, and the settings of a bucket
// that CloudFormation and the CDK set and read; and the resource types AWS::S3::Bucket
// and BucketPolicy.
//
// Buckets are addressed by path (/bucket/key) or by host (bucket.s3.…, or
// bucket.localhost). Their names are one space for all accounts; only the account
// that owns a bucket may use it. Of its settings versioning has its effect; all others
// are kept and shown, and have none: nothing expires, and nobody is notified.
//
// An object's bytes are a file in the state directory, written and renamed before
// its entry in the store, so that a crash leaves the old object or the new one.
package s3

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// S3 is the service, an http.Handler for requests with a [wire.Call]. It is safe
// for concurrent use.
type S3 struct {
	store *store.Store
	pace  *simtime.Pace
	files files
	log   *slog.Logger
}

// New returns the service over a store; dir keeps the bytes of objects. Files that
// belong to no object, as a crash leaves them, are removed.
func New(state *store.Store, pace *simtime.Pace, dir string, log *slog.Logger) (*S3, error) {
	s := &S3{store: state, pace: pace, files: files{dir}, log: log}
	used := map[string]bool{}
	err := state.View(func(tx *store.Tx) error {
		return objects.Walk(tx, everywhere, "", func(_ string, o object) error {
			used[o.File] = true
			return nil
		})
	})
	if err == nil {
		err = state.View(func(tx *store.Tx) error {
			return parts.Walk(tx, everywhere, "", func(_ string, p part) error {
				used[p.File] = true
				return nil
			})
		})
	}
	if err == nil {
		err = s.files.sweep(used)
	}
	if err != nil {
		return nil, fmt.Errorf("S3: %w", err)
	}
	return s, nil
}

// bucket is a bucket with its settings.
type bucket struct {
	Name, Account, Region string
	Created               time.Time
	Tags                  map[string]string
	Token                 string // of the CloudFormation operation that made it
	// Settings by subresource ("versioning", "encryption"), as the XML that was
	// put, and "policy" as its JSON.
	Settings map[string]string
}

var (
	buckets = store.Table[bucket]{Name: "s3/buckets"}
	// everywhere: bucket names are one space for all accounts and regions.
	everywhere = store.Scope{Account: "s3"}
)

func noSuchBucket(name string) error {
	return &wire.Error{Code: "NoSuchBucket", Message: "The specified bucket does not exist: " + name, HTTPStatus: http.StatusNotFound}
}

func noSuchKey(key string) error {
	return &wire.Error{Code: "NoSuchKey", Message: "The specified key does not exist: " + key, HTTPStatus: http.StatusNotFound}
}

// bucket finds a bucket that the account owns.
func (s *S3) bucket(tx *store.Tx, account, name string) (bucket, error) {
	found, exists, err := buckets.Get(tx, everywhere, name)
	switch {
	case err != nil:
		return bucket{}, err
	case !exists:
		return bucket{}, noSuchBucket(name)
	case found.Account != account:
		return bucket{}, &wire.Error{Code: "AccessDenied", Message: "Access Denied", HTTPStatus: http.StatusForbidden}
	}
	return found, nil
}

// create makes a bucket. One of the same token is the same call.
func (s *S3) create(made bucket) error {
	if !validName(made.Name) {
		return wire.Errorf("InvalidBucketName", "The specified bucket is not valid: %q: 3 to 63 of a-z, 0-9, dots and hyphens.", made.Name)
	}
	return s.store.Update(func(tx *store.Tx) error {
		old, exists, err := buckets.Get(tx, everywhere, made.Name)
		switch {
		case err != nil:
			return err
		case exists && made.Token != "" && old.Token == made.Token:
			return nil
		case exists && old.Account == made.Account:
			return &wire.Error{Code: "BucketAlreadyOwnedByYou", HTTPStatus: http.StatusConflict,
				Message: "Your previous request to create the named bucket succeeded and you already own it: " + made.Name}
		case exists:
			return &wire.Error{Code: "BucketAlreadyExists", HTTPStatus: http.StatusConflict,
				Message: "The requested bucket name is not available: " + made.Name}
		}
		made.Created = s.pace.Now()
		if made.Settings == nil {
			made.Settings = map[string]string{"ownershipControls": defaultOwnership}
		}
		return buckets.Put(tx, everywhere, made.Name, made)
	})
}

// removeBucket deletes an empty bucket. One with old versions or delete markers is
// not empty.
func (s *S3) removeBucket(account, name string) error {
	return s.store.Update(func(tx *store.Tx) error {
		if _, err := s.bucket(tx, account, name); err != nil {
			return err
		}
		err := objects.Walk(tx, everywhere, name+"/", func(string, object) error {
			return &wire.Error{Code: "BucketNotEmpty", HTTPStatus: http.StatusConflict,
				Message: "The bucket you tried to delete is not empty: " + name}
		})
		if err != nil {
			return err
		}
		return buckets.Delete(tx, everywhere, name)
	})
}

// change runs an update of a bucket's settings.
func (s *S3) change(account, name string, do func(*bucket) error) error {
	return s.store.Update(func(tx *store.Tx) error {
		found, err := s.bucket(tx, account, name)
		if err != nil {
			return err
		}
		if found.Settings == nil {
			found.Settings = map[string]string{}
		}
		if err := do(&found); err != nil {
			return err
		}
		return buckets.Put(tx, everywhere, name, found)
	})
}

// Object returns the bytes of an object, for the other services of the sandbox:
// the template that a TemplateURL names. Errors are the API's own.
func (s *S3) Object(_ context.Context, account, bucketName, key string) ([]byte, error) {
	_, body, err := s.bytes(account, bucketName, key, "")
	return body, err
}

// object finds a version of an object; "" is the newest.
func (s *S3) object(account, bucketName, key, version string) (found object, err error) {
	err = s.store.View(func(tx *store.Tx) error {
		if _, err := s.bucket(tx, account, bucketName); err != nil {
			return err
		}
		if found, err = find(tx, bucketName, key, version); err == nil && found.Marker {
			err = markerRefused()
		}
		return err
	})
	return found, err
}

// markerRefused is the answer to a request for the content of a delete marker.
func markerRefused() error {
	return &wire.Error{Code: "MethodNotAllowed", Message: "The specified method is not allowed against this resource.", HTTPStatus: http.StatusMethodNotAllowed}
}

func validName(name string) bool {
	if len(name) < 3 || len(name) > 63 {
		return false
	}
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !letter && (c != '-' && c != '.' || i == 0 || i == len(name)-1) {
			return false
		}
	}
	return true
}
