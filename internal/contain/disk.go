package contain

import (
	"context"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Size is how many bytes the files and folders below the roots take on the disk:
// each file once, however many names it has, and also when one root is in
// another; links are not followed. What can't be read, or is deleted meanwhile,
// counts nothing.
func Size(roots ...string) int64 {
	var total int64
	type file struct{ device, inode uint64 }
	seen := map[file]bool{} // files with several names
	for i, root := range roots {
		if slices.ContainsFunc(roots[:i], func(r string) bool { return r == root }) ||
			slices.ContainsFunc(roots, func(r string) bool { return strings.HasPrefix(root, r+string(filepath.Separator)) }) {
			continue
		}
		_ = filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil
			}
			info, err := d.Info()
			if err != nil {
				return nil
			}
			s, ok := info.Sys().(*syscall.Stat_t)
			if !ok {
				total += info.Size()
				return nil
			}
			if s.Nlink > 1 && !d.IsDir() {
				f := file{uint64(s.Dev), s.Ino}
				if seen[f] {
					return nil
				}
				seen[f] = true
			}
			total += s.Blocks * 512
			return nil
		})
	}
	return total
}

// watchDisk calls stop when the roots take too much, until ended is closed.
func watchDisk(ctx context.Context, ended <-chan struct{}, c Command, stop context.CancelCauseFunc) {
	pause := 250 * time.Millisecond
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ended:
			return
		case <-timer.C:
		}
		begun := time.Now()
		if used := Size(c.Roots...); used > c.Limits.Disk {
			stop(&LimitError{Command: c.Argv[0], Limit: ErrDisk, Used: used, Allowed: c.Limits.Disk})
			return
		}
		timer.Reset(max(pause, 10*time.Since(begun)))
	}
}
