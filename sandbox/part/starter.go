package part

import (
	"runtime"
	"sync"
)

// starter runs functions on one thread that never ends. The kernel sends a
// child its death signal when the *thread* that made it ends, not the program,
// and Go ends threads when it likes.
var starter = sync.OnceValue(func() chan<- func() {
	calls := make(chan func())
	go func() {
		runtime.LockOSThread()
		for call := range calls {
			call()
		}
	}()
	return calls
})

func onStarter(f func() error) error {
	result := make(chan error)
	starter() <- func() { result <- f() }
	return <-result
}
