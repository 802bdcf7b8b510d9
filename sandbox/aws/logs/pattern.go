package logs

import (
	"strings"
)

// parsePattern reads a filter pattern of terms: all plain terms must be in a message,
// one of those with "?" where there are any, and none of those with "-". A term in
// double quotes may have blanks and anything else in it.
func parsePattern(pattern string) (func(message string) bool, error) {
	pattern = strings.TrimSpace(pattern)
	if strings.HasPrefix(pattern, "{") || strings.HasPrefix(pattern, "[") || strings.HasPrefix(pattern, "%") {
		return nil, invalid("Invalid filter pattern: the sandbox has patterns of terms alone, and none over fields or of regular expressions.")
	}
	var all, any, none []string
	for pattern != "" {
		into := &all
		switch pattern[0] {
		case '?':
			into, pattern = &any, pattern[1:]
		case '-':
			into, pattern = &none, pattern[1:]
		}
		term, rest, ok := nextTerm(pattern)
		if !ok {
			return nil, invalid("Invalid filter pattern: a quote is not closed, or a term is missing.")
		}
		*into = append(*into, term)
		pattern = strings.TrimSpace(rest)
	}
	return func(message string) bool {
		for _, term := range none {
			if strings.Contains(message, term) {
				return false
			}
		}
		for _, term := range all {
			if !strings.Contains(message, term) {
				return false
			}
		}
		for _, term := range any {
			if strings.Contains(message, term) {
				return true
			}
		}
		return len(any) == 0
	}, nil
}

// nextTerm cuts the first term off; it is false where there is none.
func nextTerm(pattern string) (term, rest string, ok bool) {
	if quoted, is := strings.CutPrefix(pattern, `"`); is {
		return strings.Cut(quoted, `"`)
	}
	term, rest, _ = strings.Cut(pattern, " ")
	return term, rest, term != ""
}
