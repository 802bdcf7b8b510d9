package route53

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// canonical returns a domain name as the service keeps and shows it: in lower
// case, with a dot at its end, and each character but letters, digits, hyphens
// and underscores as an octal escape: "\052.example.com." of "*.Example.com".
func canonical(text string) (string, error) {
	problem := func(code, says string) error {
		return fmt.Errorf("FATAL problem: %s (%s) encountered with '%s'", code, says, text)
	}
	rest := strings.TrimSuffix(text, ".")
	if rest == "" {
		return "", problem("DomainLabelEmpty", "Domain label is empty")
	}
	var out strings.Builder
	label := 0
	for i := 0; i < len(rest); i++ {
		c := rest[i]
		if c == '\\' {
			if i+4 > len(rest) {
				return "", problem("InvalidEscape", "An escape must have three octal digits")
			}
			code, err := strconv.ParseUint(rest[i+1:i+4], 8, 8)
			if err != nil {
				return "", problem("InvalidEscape", "An escape must have three octal digits")
			}
			c, i = byte(code), i+3
		} else if c == '.' {
			if label == 0 {
				return "", problem("DomainLabelEmpty", "Domain label is empty")
			}
			out.WriteByte('.')
			label = 0
			continue
		}
		if label++; label > 63 {
			return "", problem("DomainLabelTooLong", "Domain label is too long")
		}
		switch {
		case c >= 'A' && c <= 'Z':
			out.WriteByte(c - 'A' + 'a')
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
			out.WriteByte(c)
		default:
			fmt.Fprintf(&out, `\%03o`, c)
		}
	}
	if label == 0 {
		return "", problem("DomainLabelEmpty", "Domain label is empty")
	}
	if out.Len() > 255 {
		return "", problem("DomainNameTooLong", "Domain name is too long")
	}
	return out.String() + ".", nil
}

// ZoneFile turns the octal escapes of a name or a value into the decimal ones of a
// zone file: \052 into \042. Other escapes are the same in both.
func ZoneFile(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			out.WriteByte(text[i])
			continue
		}
		if i+3 < len(text) {
			if code, err := strconv.ParseUint(text[i+1:i+4], 8, 8); err == nil {
				fmt.Fprintf(&out, `\%03d`, code)
				i += 3
				continue
			}
		}
		out.WriteString(text[i : i+2])
		i++
	}
	return out.String()
}

// wildcard is the label * as it is kept.
const wildcard = `\052`

// reversed is a canonical name with its labels the other way round, the order of
// listings: "com.example.www".
func reversed(name string) string {
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	slices.Reverse(labels)
	return strings.Join(labels, ".")
}

// within reports whether a canonical name is a zone's or below it.
func within(name, zone string) bool {
	return name == zone || strings.HasSuffix(name, "."+zone)
}

// parent is the name without its first label; "" of a top domain.
func parent(name string) string {
	_, rest, _ := strings.Cut(name, ".")
	return rest
}

// keyOf is where a record set is kept: those of a zone in the order of listings.
func keyOf(zoneID string, set types.ResourceRecordSet) string {
	return keyAt(zoneID, *set.Name) + string(set.Type) + "\x00" + text(set.SetIdentifier)
}

// keyAt is what the keys of all sets of a name begin with.
func keyAt(zoneID, name string) string { return zoneID + "/" + reversed(name) + "\x00" }

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
