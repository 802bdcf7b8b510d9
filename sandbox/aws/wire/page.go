package wire

import (
	"sort"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Page cuts one page out of all elements. Their keys are in ascending order; a
// token is the key of the last element of the page before. The next token is nil on
// the last page. A limit that is nil or not positive is byDefault.
func Page[T any](all []T, token *string, limit *int32, byDefault int, key func(T) string) (page []T, next *string) {
	size := byDefault
	if limit != nil && *limit > 0 {
		size = int(*limit)
	}
	if token != nil {
		all = all[sort.Search(len(all), func(i int) bool { return key(all[i]) > *token }):]
	}
	if len(all) > size {
		all = all[:size]
		next = aws.String(key(all[size-1]))
	}
	return all, next
}
