package contain

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Available tries once what the kernel permits. It is safe for concurrent use.
func Available() Isolation { return available() }

var available = sync.OnceValue(func() Isolation {
	return Isolation{
		Processes: probe(order{Probe: true, PIDs: true}),
		Files:     probe(order{Probe: true, PIDs: true, Files: Files{Writable: []string{"/dev"}}}),
		Network:   probe(order{Probe: true, Network: true}),
	}
})

func probe(o order) error {
	t := newSupervisor(o)
	if err := t.start(); err != nil {
		return fmt.Errorf("the kernel refuses namespaces: %w", err)
	}
	s, err := t.wait()
	if err == nil && s.Failure != "" {
		err = errors.New(s.Failure)
	}
	return err
}

// ownUser adds a user namespace in which every user and group is who it is
// outside, so that files keep their owners, but root's power over the machine
// is gone. Who is not root can only take himself along.
func ownUser(a *syscall.SysProcAttr) {
	a.Cloneflags |= syscall.CLONE_NEWUSER
	if os.Geteuid() == 0 {
		a.UidMappings, a.GidMappings = sameIDs("/proc/self/uid_map"), sameIDs("/proc/self/gid_map")
		a.GidMappingsEnableSetgroups = true
		return
	}
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
	// The supervisor mounts /proc and starts the loopback; it gives these up
	// before it starts the command.
	a.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN}
}

// sameIDs maps each ID that there is here to itself.
func sameIDs(file string) []syscall.SysProcIDMap {
	f, err := os.Open(file)
	if err != nil {
		return nil // the probe then fails and says that it can't be done
	}
	defer f.Close()
	var ids []syscall.SysProcIDMap
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var first, outside, count int
		if _, err := fmt.Sscan(lines.Text(), &first, &outside, &count); err == nil {
			ids = append(ids, syscall.SysProcIDMap{ContainerID: first, HostID: first, Size: count})
		}
	}
	return ids
}
