package account

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"
)

// errCircle is a folder that holds itself, by a link.
var errCircle = errors.New("it leads to a folder that it lies in, which would never end: take the link out of the asset")

// epoch is the earliest time that an archive can hold.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// writeZip writes the files below a folder, links followed, in the order of
// their names. A path that is a file, such as a jar, is sent as it is: the CDK
// marks archives that were made before in this way too.
func writeZip(ctx context.Context, to io.Writer, folder string) error {
	info, err := os.Stat(folder)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return copyFile(to, folder)
	}
	w := zip.NewWriter(to)
	if err := addFolder(ctx, w, folder, "", nil); err != nil {
		return err
	}
	return w.Close()
}

// addFolder adds what is in a folder; above are the folders that it lies in, as
// the links among them resolve.
func addFolder(ctx context.Context, w *zip.Writer, folder, name string, above []string) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	real, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return err
	}
	if slices.Contains(above, real) {
		return fmt.Errorf("%s: %w", name, errCircle)
	}
	entries, err := os.ReadDir(folder) // sorted
	if err != nil {
		return err
	}
	for _, e := range entries {
		full, inner := filepath.Join(folder, e.Name()), path.Join(name, e.Name())
		info, err := os.Stat(full)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", inner, err)
		case info.IsDir():
			err = addFolder(ctx, w, full, inner, append(slices.Clone(above), real))
		case info.Mode().IsRegular():
			err = addFile(w, full, inner, info.Mode())
		default:
			err = fmt.Errorf("%s is neither a file nor a folder", inner)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func addFile(w *zip.Writer, full, name string, mode os.FileMode) error {
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: epoch}
	h.SetMode(mode.Perm())
	to, err := w.CreateHeader(h)
	if err != nil {
		return err
	}
	return copyFile(to, full)
}

func copyFile(to io.Writer, name string) error {
	from, err := os.Open(name)
	if err != nil {
		return err
	}
	defer from.Close()
	_, err = io.Copy(to, from)
	return err
}
