package contain

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// arrange mounts the view of the files. It works on a copy of all mounts, the
// namespace's own.
func (f Files) arrange() error {
	if f.Writable == nil && f.Hidden == nil && f.Tmp == "" {
		return nil
	}
	// All is taken before anything covers it or makes it read-only.
	type mount struct {
		at   string
		tree int
	}
	var covers, shown []mount
	for _, at := range []string{"/tmp", "/var/tmp"} {
		if _, err := os.Stat(at); err != nil || f.Tmp == "" {
			continue
		}
		tree, err := take(f.Tmp)
		if err != nil {
			return err
		}
		covers = append(covers, mount{at, tree})
	}
	for _, path := range slices.Concat(f.Visible, f.Writable) {
		tree, err := take(path)
		if err != nil {
			return err
		}
		shown = append(shown, mount{path, tree})
	}
	if f.Writable != nil {
		if err := readOnly("/", unix.AT_RECURSIVE); err != nil {
			return err
		}
		if err := sharedMemory(); err != nil {
			return err
		}
	}
	for _, m := range covers {
		if err := put(m.tree, m.at); err != nil {
			return err
		}
	}
	var hidden []string
	for _, path := range f.Hidden {
		switch err := hide(path); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("hide %s: %w", path, err)
		default:
			hidden = append(hidden, path)
		}
	}
	for _, m := range shown {
		if err := place(m.tree, m.at); err != nil {
			return err
		}
	}
	for _, path := range hidden {
		if err := readOnly(path, 0); err != nil {
			return err
		}
	}
	for i, m := range shown {
		if err := put(m.tree, m.at); err != nil {
			return err
		}
		if f.Writable != nil && i < len(f.Visible) {
			if err := readOnly(m.at, unix.AT_RECURSIVE); err != nil {
				return err
			}
		}
	}
	return nil
}

// sharedMemory gives an own /dev/shm, where there is one: it is no file of the
// machine.
func sharedMemory() error {
	if _, err := os.Stat("/dev/shm"); err != nil {
		return nil
	}
	if err := unix.Mount("tmpfs", "/dev/shm", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777,size=256m"); err != nil {
		return fmt.Errorf("mount an own /dev/shm: %w", err)
	}
	return nil
}

// place makes what a tree can be mounted on, where what covers it has none.
func place(tree int, at string) error {
	if _, err := os.Lstat(at); err == nil {
		return nil
	}
	var info unix.Stat_t
	if err := unix.Fstat(tree, &info); err != nil {
		return err
	}
	if info.Mode&unix.S_IFMT == unix.S_IFDIR {
		return os.MkdirAll(at, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	return os.WriteFile(at, nil, 0o644)
}

func readOnly(path string, flags uint) error {
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(unix.AT_FDCWD, path, flags, &attr); err != nil {
		return &fs.PathError{Op: "make read-only", Path: path, Err: err}
	}
	return nil
}

// take returns a copy of what is mounted at a path and below, mounted nowhere.
func take(path string) (int, error) {
	tree, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return 0, &fs.PathError{Op: "take", Path: path, Err: err}
	}
	return tree, nil
}

// put mounts what take took.
func put(tree int, at string) error {
	err := unix.MoveMount(tree, "", unix.AT_FDCWD, at, unix.MOVE_MOUNT_F_EMPTY_PATH)
	if err := errors.Join(err, unix.Close(tree)); err != nil {
		return &fs.PathError{Op: "mount on", Path: at, Err: err}
	}
	return nil
}

// hide mounts something empty on a folder or file.
func hide(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return unix.Mount("tmpfs", path, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0755,size=1m")
	}
	tree, err := take("/dev/null")
	if err != nil {
		return err
	}
	return put(tree, path)
}
