// Package failpoint lets a test kill the program at a named place, to prove that
// what was begun there is finished after a restart.
//
// The environment variable DRAWBRIDGE_FAILPOINTS arms failpoints, separated by
// commas: "stack/after-create-change-set=kill,ledger/inside-append=kill@3". The
// only action is "kill": the process ends at once by SIGKILL, without deferred
// calls, flushes or signal handlers, like kill -9. "@N" kills at the Nth hit; 1
// is meant when it is missing. With the variable empty or unset, Hit costs one
// comparison. A setting that does not parse stops the program with a panic: a
// test that armed nothing must not pass.
//
// Hit is safe for concurrent use. The variable is read once.
package failpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// Variable is the environment variable that arms failpoints.
const Variable = "DRAWBRIDGE_FAILPOINTS"

var armed = sync.OnceValue(func() map[string]*atomic.Int64 {
	points, err := parse(os.Getenv(Variable))
	if err != nil {
		panic(err)
	}
	return points
})

// Hit is called at the place that the name stands for, as "package/place".
func Hit(name string) {
	points := armed()
	if points == nil {
		return
	}
	if left := points[name]; left != nil && left.Add(-1) == 0 {
		// SIGKILL is delivered to the whole process and can't be caught.
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// parse returns how many hits are left until each point kills.
func parse(setting string) (map[string]*atomic.Int64, error) {
	if setting == "" {
		return nil, nil
	}
	points := map[string]*atomic.Int64{}
	for _, p := range strings.Split(setting, ",") {
		name, action, ok := strings.Cut(p, "=")
		action, count, counted := strings.Cut(action, "@")
		n := int64(1)
		var err error
		if counted {
			n, err = strconv.ParseInt(count, 10, 64)
		}
		if !ok || name == "" || action != "kill" || err != nil || n < 1 {
			return nil, fmt.Errorf("%s: %q is not name=kill or name=kill@N", Variable, p)
		}
		points[name] = new(atomic.Int64)
		points[name].Store(n)
	}
	return points, nil
}
