package cloudformation

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// texts holds templates by the digest of their text, which is what stacks and
// change sets have of them. They are not removed: the same text comes back with
// the next change set, and a deleted stack still shows its own.
var texts = store.Table[string]{Name: "cloudformation/texts"}

// keepText keeps a template's text and returns the key of it.
func (c *CloudFormation) keepText(scope store.Scope, text string) (string, error) {
	digest := sha256.Sum256([]byte(text))
	key := hex.EncodeToString(digest[:])
	there := errors.New("it is there")
	err := c.Store.View(func(tx *store.Tx) error {
		_, found, err := texts.Get(tx, scope, key)
		if err == nil && found {
			err = there
		}
		return err
	})
	if errors.Is(err, there) {
		return key, nil
	}
	return key, cmpOr(err, c.Store.Update(func(tx *store.Tx) error { return texts.Put(tx, scope, key, text) }))
}

// text is the template with the key; "" is that of a stack that has none.
func (c *CloudFormation) text(scope store.Scope, key string) (text string, err error) {
	if key == "" {
		return "", nil
	}
	err = c.Store.View(func(tx *store.Tx) (err error) {
		found := false
		if text, found, err = texts.Get(tx, scope, key); err == nil && !found {
			err = fmt.Errorf("the template %s is not in the store", key)
		}
		return err
	})
	return text, err
}
