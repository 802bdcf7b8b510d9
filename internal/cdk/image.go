package cdk

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Image is a container image to be built and pushed before the stack.
type Image struct {
	// ID is a digest of its content; Name is for people.
	ID, Name string
	// Folder is the context of the build; File is the Dockerfile in it, or "".
	Folder, File     string
	Target, Platform string
	Arguments        map[string]string
	// Repositories to push it to.
	Repositories []Repository
}

// Repository is a tag in ECR.
type Repository struct{ Name, Tag, Region string }

// buildOptions are what an image's source may say, and where it goes. What is not
// here would be built otherwise than the app means, and is refused.
func (i *Image) buildOptions() map[string]any {
	return map[string]any{
		"directory": &i.Folder, "dockerFile": &i.File, "dockerBuildTarget": &i.Target, "platform": &i.Platform, "dockerBuildArgs": &i.Arguments,
	}
}

func (r *reader) addImages(s *Stack, dir string, m assetManifest) error {
	for _, id := range slices.Sorted(maps.Keys(m.DockerImages)) {
		from := m.DockerImages[id]
		i := Image{ID: id, Name: from.DisplayName}
		if i.Name == "" {
			i.Name = id
		}
		options := i.buildOptions()
		for _, key := range slices.Sorted(maps.Keys(from.Source)) {
			into, ok := options[key]
			if !ok {
				return fmt.Errorf("image %s: the option %q of its build is not supported", i.Name, key)
			}
			if err := json.Unmarshal(from.Source[key], into); err != nil {
				return fmt.Errorf("image %s: %s: %w", i.Name, key, err)
			}
		}
		var err error
		if i.Folder, err = r.inside(dir, i.Folder); err != nil {
			return fmt.Errorf("image %s: %w", i.Name, err)
		}
		for _, d := range slices.Sorted(maps.Keys(from.Destinations)) {
			to := from.Destinations[d]
			at := s.Place
			if to.Region != "" {
				at.Region = to.Region
			}
			i.Repositories = append(i.Repositories, Repository{Name: at.fill(to.RepositoryName), Tag: at.fill(to.ImageTag), Region: at.Region})
		}
		s.Images = append(s.Images, i)
	}
	return nil
}
