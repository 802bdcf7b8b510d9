package s3

import (
	"crypto/rand"
	"encoding/xml"
	"fmt"
	"net/http"
	"time"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// object is one version of an object, or a delete marker. Its key in the table is
// "bucket/key", a zero byte, and an order that sorts the newest version first.
type object struct {
	Key, File, ETag string
	Version         string // nullVersion where the bucket was not versioned
	Marker          bool   // it says that the object is deleted, and holds nothing
	Order           uint64
	Size            int64
	Modified        time.Time
	Headers         map[string]string // content type, user metadata and the like
	Checksums       map[string]string // by header: "X-Amz-Checksum-Sha256"
	Tags            map[string]string
}

var objects = store.Table[object]{Name: "s3/versions"}

const (
	nullVersion = "null"
	firstOrder  = 1 << 62 // of the oldest version; newer ones have less
)

func versionsOf(bucketName, key string) string { return bucketName + "/" + key + "\x00" }

func (o object) tableKey(bucketName string) string {
	return versionsOf(bucketName, o.Key) + fmt.Sprintf("%016x", o.Order)
}

// versioning is what the bucket's setting says: "", "Enabled" or "Suspended".
func (b bucket) versioning() string {
	var configuration struct{ Status string }
	_ = xml.Unmarshal([]byte(b.Settings["versioning"]), &configuration) // was read when it was put
	return configuration.Status
}

// newest returns the newest version of a key, which may be a delete marker.
func newest(tx *store.Tx, bucketName, key string) (found object, exists bool, err error) {
	err = objects.Walk(tx, everywhere, versionsOf(bucketName, key), func(_ string, o object) error {
		found, exists = o, true
		return store.Stop
	})
	return found, exists, err
}

// find returns the version of an object that id names; "" is the newest.
func find(tx *store.Tx, bucketName, key, id string) (object, error) {
	if id == "" {
		found, exists, err := newest(tx, bucketName, key)
		if err == nil && (!exists || found.Marker) {
			err = noSuchKey(key)
		}
		return found, err
	}
	var found object
	var exists bool
	err := objects.Walk(tx, everywhere, versionsOf(bucketName, key), func(_ string, o object) error {
		if o.Version == id {
			found, exists = o, true
			return store.Stop
		}
		return nil
	})
	if err == nil && !exists {
		err = &wire.Error{Code: "NoSuchVersion", Message: "The specified version does not exist.", HTTPStatus: http.StatusNotFound}
	}
	return found, err
}

// add makes a new version of an object, as the bucket's versioning says, and returns
// the file that is of no use then.
func add(tx *store.Tx, b bucket, made *object) (garbage string, err error) {
	last, exists, err := newest(tx, b.Name, made.Key)
	if err != nil {
		return "", err
	}
	made.Order = firstOrder
	if exists {
		made.Order = last.Order - 1
	}
	if made.Version = nullVersion; b.versioning() == "Enabled" {
		made.Version = rand.Text()
	} else if garbage, err = dropVersion(tx, b.Name, made.Key, nullVersion); err != nil {
		return "", err
	}
	return garbage, objects.Put(tx, everywhere, made.tableKey(b.Name), *made)
}

// dropVersion takes one version away, and returns its file. One that is not there is
// gone already.
func dropVersion(tx *store.Tx, bucketName, key, id string) (garbage string, err error) {
	at := ""
	err = objects.Walk(tx, everywhere, versionsOf(bucketName, key), func(tableKey string, o object) error {
		if o.Version == id {
			at, garbage = tableKey, o.File
			return store.Stop
		}
		return nil
	})
	if err == nil && at != "" {
		err = objects.Delete(tx, everywhere, at)
	}
	return garbage, err
}

// deleted is what came of a delete.
type deleted struct {
	Key       string
	VersionID string `xml:"VersionId,omitempty"`
	// Marker is true where a delete marker was made or taken away.
	Marker        bool   `xml:"DeleteMarker,omitempty"`
	MarkerVersion string `xml:"DeleteMarkerVersionId,omitempty"`
}

// remove deletes an object or one version of it, as the bucket's versioning says, and
// returns the file that is of no use then.
func remove(tx *store.Tx, b bucket, key, id string, now time.Time) (out deleted, garbage string, err error) {
	out = deleted{Key: key, VersionID: id}
	switch {
	case id != "":
		found, err := find(tx, b.Name, key, id)
		if answer, _ := wire.As(err); err != nil && answer.Code == "NoSuchVersion" {
			return out, "", nil
		} else if err != nil {
			return out, "", err
		}
		if found.Marker {
			out.Marker, out.MarkerVersion = true, id
		}
		garbage, err = dropVersion(tx, b.Name, key, id)
		return out, garbage, err
	case b.versioning() == "":
		garbage, err = dropVersion(tx, b.Name, key, nullVersion)
		return out, garbage, err
	}
	marker := object{Key: key, Marker: true, Modified: now}
	garbage, err = add(tx, b, &marker)
	out.Marker, out.MarkerVersion = true, marker.Version
	return out, garbage, err
}

// eachKey visits the newest version of each object whose key begins with prefix, in
// the order of keys, those that are deleted left out.
func eachKey(tx *store.Tx, bucketName, prefix string, visit func(object) error) error {
	last, begun := "", false
	return objects.Walk(tx, everywhere, bucketName+"/"+prefix, func(_ string, o object) error {
		if begun && o.Key == last {
			return nil
		}
		last, begun = o.Key, true
		if o.Marker {
			return nil
		}
		return visit(o)
	})
}
