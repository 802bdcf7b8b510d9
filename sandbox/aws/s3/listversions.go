package s3

import (
	"encoding/xml"
	"net/http"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

type listedVersion struct {
	Key          string
	VersionID    string `xml:"VersionId"`
	IsLatest     bool
	LastModified string
	ETag         string `xml:",omitempty"`
	Size         *int64
	StorageClass string `xml:",omitempty"`
}

type versionListing struct {
	XMLName             xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListVersionsResult"`
	Name, Prefix        string
	Delimiter           string `xml:",omitempty"`
	EncodingType        string `xml:",omitempty"`
	KeyMarker           string
	VersionIDMarker     string `xml:"VersionIdMarker"`
	NextKeyMarker       string `xml:",omitempty"`
	NextVersionIDMarker string `xml:"NextVersionIdMarker,omitempty"`
	MaxKeys             int
	IsTruncated         bool
	Version             []listedVersion
	DeleteMarker        []listedVersion
	CommonPrefixes      []prefix
}

// listVersions lists all versions and delete markers, those of a key newest first.
// A page begins behind the version that the markers name.
func (s *S3) listVersions(r *request) error {
	limit, err := r.limit("max-keys")
	if err != nil {
		return err
	}
	encode := r.encoding()
	out := versionListing{
		Name: r.bucket, Prefix: r.query.Get("prefix"), Delimiter: r.query.Get("delimiter"), EncodingType: r.query.Get("encoding-type"),
		KeyMarker: r.query.Get("key-marker"), VersionIDMarker: r.query.Get("version-id-marker"), MaxKeys: limit,
	}
	var lastKey, lastVersion string // on this page
	count, group, previous := 0, "", ""
	after := out.KeyMarker // "" once the version that the markers name was seen
	err = s.store.View(func(tx *store.Tx) error {
		if _, err := s.bucket(tx, r.call.Account, r.bucket); err != nil {
			return err
		}
		return objects.Walk(tx, everywhere, r.bucket+"/"+out.Prefix, func(_ string, o object) error {
			latest := o.Key != previous
			previous = o.Key
			name := fold(o.Key, out.Prefix, out.Delimiter)
			common := name != o.Key
			switch {
			case o.Key < after, common && (name == group || strings.HasPrefix(after, name)):
				return nil
			case o.Key == after:
				if o.Version == out.VersionIDMarker { // the rest of the key's versions are on this page
					after = ""
				}
				return nil
			case count == limit:
				out.IsTruncated = limit > 0
				return store.Stop
			}
			count++
			lastKey, lastVersion = name, o.Version
			if common {
				group, lastVersion = name, ""
				out.CommonPrefixes = append(out.CommonPrefixes, prefix{encode(name)})
				return nil
			}
			entry := listedVersion{Key: encode(o.Key), VersionID: o.Version, IsLatest: latest, LastModified: when(o.Modified)}
			if o.Marker {
				out.DeleteMarker = append(out.DeleteMarker, entry)
				return nil
			}
			entry.ETag, entry.Size, entry.StorageClass = o.ETag, &o.Size, "STANDARD"
			out.Version = append(out.Version, entry)
			return nil
		})
	})
	if err != nil {
		return err
	}
	if out.IsTruncated {
		out.NextKeyMarker, out.NextVersionIDMarker = encode(lastKey), lastVersion
	}
	out.Prefix, out.Delimiter, out.KeyMarker = encode(out.Prefix), encode(out.Delimiter), encode(out.KeyMarker)
	writeXML(r.w, http.StatusOK, out)
	return nil
}
