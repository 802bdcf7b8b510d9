package sandbox

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// The people and programs that the Git server knows. Drawbridge only reads.
var (
	writers = []string{"alice", "bob"}
	readers = []string{"drawbridge"}
)

// stateVersion is the form of the state folder. Another one is refused, since
// half-understood state is worse than none.
const stateVersion = 1

// state is what a sandbox remembers beside its parts' own data; sandbox.json in
// the state folder.
type state struct {
	Version   int       `json:"version"`
	Created   time.Time `json:"created"`
	Ephemeral bool      `json:"ephemeral,omitempty"`
	Region    string    `json:"region"`

	// Ports by use. A port stays the same as long as it is free at a start.
	Ports map[string]int `json:"ports"`
	// Moved are the ports that a use had before, as long as something may name them.
	Moved map[string][]int `json:"moved,omitempty"`

	// Tokens of the Git server's users.
	Tokens        map[string]string `json:"tokens"`
	WebhookSecret string            `json:"webhookSecret"`
	APIToken      string            `json:"apiToken"`

	// The keys that AWS clients are given.
	AccessKeyID     string `json:"accessKeyID"`
	SecretAccessKey string `json:"secretAccessKey"`
}

func inDir(dir string, elem ...string) string {
	return filepath.Join(append([]string{dir}, elem...)...)
}

func stateFile(dir string) string { return inDir(dir, "sandbox.json") }

// loadState reads the folder's state; fs.ErrNotExist when there is none.
func loadState(dir string) (*state, error) {
	body, err := os.ReadFile(stateFile(dir))
	if err != nil {
		return nil, err
	}
	var s state
	if err := json.Unmarshal(body, &s); err != nil {
		return nil, fmt.Errorf("%s: %w; start over with drawbridge-sandbox reset --state %s", stateFile(dir), err, dir)
	}
	if s.Version != stateVersion {
		return nil, fmt.Errorf("%s has version %d, this program reads %d; start over with drawbridge-sandbox reset --state %s", stateFile(dir), s.Version, stateVersion, dir)
	}
	return &s, nil
}

// openState reads the folder's state or makes it, gives every use a free port,
// and writes it back.
func openState(dir string, o Options) (*state, error) {
	s, err := loadState(dir)
	if errors.Is(err, fs.ErrNotExist) {
		s = &state{
			Version: stateVersion, Created: time.Now().UTC(), Ephemeral: o.Ephemeral, Region: o.Region,
			Ports: map[string]int{}, Tokens: map[string]string{},
			WebhookSecret: rand.Text(), APIToken: rand.Text(),
			AccessKeyID: "AKIA" + rand.Text()[:16], SecretAccessKey: rand.Text() + rand.Text()[:14],
		}
		for _, users := range [][]string{writers, readers} {
			for _, user := range users {
				s.Tokens[user] = rand.Text()
			}
		}
	} else if err != nil {
		return nil, err
	}
	if err := s.choosePorts(); err != nil {
		return nil, err
	}
	return s, s.save(dir)
}

func (s *state) save(dir string) error {
	return writeJSON(stateFile(dir), s)
}

// writeJSON replaces a file by rename, so that a reader sees the old or the new.
func writeJSON(path string, v any) error {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	fresh := path + ".new"
	if err := os.WriteFile(fresh, append(body, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

// peerPort is etcd's second port. A cluster of one has no use for it, but etcd
// can't do without.
const peerPort = "etcd-peer"

// dnsPort is where the part aws answers DNS questions, over UDP and TCP.
const dnsPort = "dns"

var portUses = []string{Etcd, peerPort, APIServer, ControllerManager, Scheduler, Nodes, AWS, dnsPort, Forge, Controller}

const firstPort, pastPort = 20000, 30000

// choosePorts keeps each port that is free and chooses others for the rest.
// They are held until all are chosen, so that no two are the same.
func (s *state) choosePorts() error {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			l.Close()
		}
	}()
	for _, use := range portUses {
		port, was := s.Ports[use], s.Ports[use]
		for tries := 0; ; tries++ {
			if port != 0 {
				l, err := net.Listen("tcp", loopback(port))
				if err == nil {
					held = append(held, l)
				}
				if err == nil && use == dnsPort {
					err = freeForPackets(port)
				}
				if err == nil {
					break
				}
				if tries == 200 {
					return fmt.Errorf("no free port between %d and %d for %s: %w", firstPort, pastPort-1, use, err)
				}
			}
			port = firstPort + mathrand.IntN(pastPort-firstPort)
		}
		s.Ports[use] = port
		if was != 0 && was != port {
			if s.Moved == nil {
				s.Moved = map[string][]int{}
			}
			s.Moved[use] = append(s.Moved[use], was)
		}
	}
	return nil
}

func freeForPackets(port int) error {
	c, err := net.ListenPacket("udp", loopback(port))
	if err != nil {
		return err
	}
	return c.Close()
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func (s *state) address(use string) string { return loopback(s.Ports[use]) }
