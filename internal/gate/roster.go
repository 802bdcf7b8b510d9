package gate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// person is somebody whom the policy names.
type person struct {
	name string
	keys []string
}

// group is a number of them.
type group struct {
	name    string
	members []*person
}

// roster knows the people of a policy.
type roster struct {
	named map[string]*person // by the name that the policy calls them
	keyed map[string]*person // by what they may be recognized by
	// trusted is the part of keyed that somebody authenticates: logins and user
	// names. No right is given by another.
	trusted map[string]*person
	groups  map[string]*group
}

func (c *compiler) roster(g v1alpha1.Gate) roster {
	r := roster{map[string]*person{}, map[string]*person{}, map[string]*person{}, map[string]*group{}}
	for i, in := range g.People {
		at := fmt.Sprintf("people[%d]", i)
		p := &person{name: in.Name}
		switch {
		case strings.TrimSpace(in.Name) == "":
			c.fail(at+".name", "a person has a name")
		case r.named[in.Name] != nil:
			c.fail(at+".name", "%q is there twice", in.Name)
		}
		r.named[in.Name] = p
		for j, login := range in.Logins {
			c.claim(r, p, fmt.Sprintf("%s.logins[%d]", at, j), login, true, loginKey(login))
		}
		for j, user := range in.Users {
			c.claim(r, p, fmt.Sprintf("%s.users[%d]", at, j), user, true, userKey(user))
		}
		for j, email := range in.Emails {
			field := fmt.Sprintf("%s.emails[%d]", at, j)
			if local, host, ok := strings.Cut(email, "@"); !ok || local == "" || host == "" {
				c.fail(field, "expected an address such as alice@example.com, found %q", email)
				continue
			}
			c.claim(r, p, field, email, false, emailKeys(email)...)
		}
	}
	for i, in := range g.Groups {
		c.group(r, fmt.Sprintf("groups[%d]", i), in)
	}
	return r
}

// claim says that a person is recognized by the keys, and nobody else.
func (c *compiler) claim(r roster, p *person, field, value string, trusted bool, keys ...string) {
	if strings.TrimSpace(value) == "" {
		c.fail(field, "is empty")
		return
	}
	for _, k := range keys {
		if other := r.keyed[k]; other != nil && other != p {
			c.fail(field, "%q is %s already; one login, user name or address belongs to one person", value, other.name)
			return
		}
		r.keyed[k] = p
		if trusted {
			r.trusted[k] = p
		}
		if !slices.Contains(p.keys, k) {
			p.keys = append(p.keys, k)
		}
	}
}

func (c *compiler) group(r roster, at string, in v1alpha1.Group) {
	g := &group{name: in.Name}
	switch {
	case in.Name == "":
		c.fail(at+".name", "a group has a name")
	case r.groups[in.Name] != nil:
		c.fail(at+".name", "%q is there twice", in.Name)
	}
	if len(in.Members) == 0 {
		c.fail(at+".members", "a group has members")
	}
	r.groups[in.Name] = g
	for i, name := range in.Members {
		field := fmt.Sprintf("%s.members[%d]", at, i)
		p := r.named[name]
		if p == nil {
			p = r.keyed[loginKey(name)]
		}
		if p == nil { // a login that stands for itself
			p = &person{name: name}
			c.claim(r, p, field, name, true, loginKey(name))
		}
		if len(p.keys) > 0 && !slices.ContainsFunc(p.keys, func(k string) bool { return r.trusted[k] != nil }) {
			c.fail(field, "%s has neither logins nor users, so no approval of theirs could be told", p.name)
		}
		if !slices.Contains(g.members, p) {
			g.members = append(g.members, p)
		}
	}
}

// granted is the person that an authenticated name belongs to, or nil.
func (r roster) granted(i Identity) *person {
	var p *person
	if i.Login != "" {
		p = r.trusted[loginKey(i.Login)]
	}
	if i.User != "" {
		u := r.trusted[userKey(i.User)]
		if p != nil && u != p {
			return nil // two people at once
		}
		p = u
	}
	return p
}

// known are all keys of an identity and of the people that it is taken for.
func (r roster) known(i Identity) []string {
	keys := i.keys()
	for _, k := range i.keys() {
		if p := r.keyed[k]; p != nil {
			keys = append(keys, p.keys...)
		}
	}
	return keys
}

// stranger tells whether nobody knows who that is.
func (r roster) stranger(i Identity) bool {
	if i.Login != "" || i.User != "" {
		return false
	}
	return !slices.ContainsFunc(i.keys(), func(k string) bool {
		return r.keyed[k] != nil || strings.HasPrefix(k, loginKey(""))
	})
}

// within tells whether somebody is in one of the groups.
func within(groups []*group, p *person) bool {
	return slices.ContainsFunc(groups, func(g *group) bool { return slices.Contains(g.members, p) })
}

// people are the members of all groups, each once.
func people(groups []*group) []*person {
	var all []*person
	for _, g := range groups {
		for _, p := range g.members {
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	return all
}

// names of groups, for people.
func names(groups []*group) string {
	var all []string
	for _, g := range groups {
		all = append(all, g.name)
	}
	return either(all)
}

// either lists alternatives: "a, b or c". Of many it says how many more.
func either(all []string) string {
	const most = 6
	switch n := len(all); {
	case n == 0:
		return "nobody"
	case n == 1:
		return all[0]
	case n > most:
		return fmt.Sprintf("%s or %d more", strings.Join(all[:most], ", "), n-most)
	default:
		return strings.Join(all[:n-1], ", ") + " or " + all[n-1]
	}
}
