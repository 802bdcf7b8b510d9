package secret

import "regexp"

// withPassword is a URL with a password in it.
var withPassword = regexp.MustCompile(`://[^/\s:@]*:[^/\s@]+@`)

// assignment is a name and its value, as programs print them: NAME=value,
// name: value, "name": "value". A URL with a password in it has its own rule.
var assignment = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_.-]*)(["']?[ \t]*[=:][ \t]*["']?)([^\s"',;}]{4,})`)

// Named returns a line with stars for each value that its name tells to be a
// secret, and for passwords in URLs: what a program prints of secrets that
// nobody knows beforehand. It leans to the safe side, as everything here.
func Named(line string) string {
	line = withPassword.ReplaceAllString(line, "://"+Stars+"@")
	found := assignment.FindAllStringSubmatchIndex(line, -1)
	out, done := "", 0
	for _, at := range found {
		if !Name(line[at[2]:at[3]]) {
			continue
		}
		out += line[done:at[6]] + Stars
		done = at[7]
	}
	return out + line[done:]
}
