package sandbox

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStateIsTheSameTheNextTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := openState(dir, Options{Region: "eu-west-1"})
	if err != nil {
		t.Fatal(err)
	}
	diff := ""
	// A port may go to another program of the machine meanwhile, and then it has to
	// move; not each time.
	for range 3 {
		again, err := openState(dir, Options{Region: "us-east-1"})
		if err != nil {
			t.Fatal(err)
		}
		if diff = cmp.Diff(first, again); diff == "" {
			break
		}
		first = again
	}
	if diff != "" {
		t.Errorf("the next time (-before +after):\n%s", diff)
	}
	seen := map[string]bool{}
	for user, token := range first.Tokens {
		if len(token) < 20 || seen[token] {
			t.Errorf("the token of %s is short or not its own", user)
		}
		seen[token] = true
	}
	info, err := os.Stat(stateFile(dir))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the state, with its tokens, has mode %o", info.Mode().Perm())
	}
}

func TestAPortThatIsTakenIsReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := openState(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", first.address(Forge))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	again, err := openState(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, use := range portUses {
		if same := first.Ports[use] == again.Ports[use]; same == (use == Forge) {
			t.Errorf("port of %s: %d, then %d", use, first.Ports[use], again.Ports[use])
		}
	}
	ports := map[int]bool{}
	for _, port := range again.Ports {
		if ports[port] || port < firstPort || port >= pastPort {
			t.Errorf("port %d is used twice or out of range: %v", port, again.Ports)
		}
		ports[port] = true
	}
}

func TestStateOfAnotherVersionIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, body := range []string{`{"version": 99}`, `{"version": `} {
		if err := os.WriteFile(stateFile(dir), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openState(dir, Options{}); err == nil || !strings.Contains(err.Error(), "reset --state") {
			t.Errorf("with %q: %v; want an error that says what to do", body, err)
		}
	}
}

func TestOneSupervisorAFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if pid, err := supervisor(dir); pid != 0 || err != nil {
		t.Errorf("of an empty folder: %d, %v", pid, err)
	}
	l, err := lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if pid, err := supervisor(dir); pid != os.Getpid() || err != nil {
		t.Errorf("of a locked folder: %d, %v; want this process, %d", pid, err, os.Getpid())
	}
	if _, err := lock(dir); !errors.Is(err, ErrLocked) {
		t.Errorf("a second lock: %v, want ErrLocked", err)
	}
	free := make(chan error, 1)
	go func() { free <- awaitUnlocked(t.Context(), dir) }()
	l.Close()
	if err := <-free; err != nil {
		t.Errorf("waiting for the lock: %v", err)
	}
	if pid, err := supervisor(dir); pid != 0 || err != nil {
		t.Errorf("of a folder that was let go: %d, %v", pid, err)
	}
}

func TestRemoveLeavesOtherFoldersAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(inDir(dir, "precious"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Remove(dir); !errors.Is(err, ErrNoState) {
		t.Errorf("Remove of a folder without a sandbox: %v, want ErrNoState", err)
	}
	if _, err := openState(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := Remove(dir); err != nil {
		t.Errorf("Remove: %v", err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
	if err := Remove(dir); err != nil {
		t.Errorf("Remove of what is gone: %v", err)
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, without := range [][]string{{Etcd}, {"nonsense"}, {ControllerManager}} {
		o := Options{Without: without}
		if err := o.setDefaults(); err == nil {
			t.Errorf("without %v was accepted", without)
		}
	}
}
