package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Table maps keys to values of type T, kept as JSON: only exported fields are
// kept. Tables are declared as package variables; a name belongs to one package,
// which starts it with its service: "rds/instances".
type Table[T any] struct{ Name string }

// Get returns the value at key, and false where there is none.
func (t Table[T]) Get(tx *Tx, scope Scope, key string) (value T, found bool, err error) {
	bucket, err := tx.table(scope, t.Name, false)
	if err != nil || bucket == nil {
		return value, false, err
	}
	raw := bucket.Get([]byte(key))
	if raw == nil {
		return value, false, nil
	}
	return value, true, decode(t.Name, []byte(key), raw, &value)
}

// Put sets the value at key. It is an error in a View.
func (t Table[T]) Put(tx *Tx, scope Scope, key string, value T) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("AWS state: %s %q can't be kept: %w", t.Name, key, err)
	}
	bucket, err := tx.table(scope, t.Name, true)
	if err != nil {
		return err
	}
	if err := bucket.Put([]byte(key), raw); err != nil {
		return fmt.Errorf("AWS state: %s %q can't be kept: %w", t.Name, key, err)
	}
	tx.touched[t.Name] = true
	return nil
}

// Delete removes the value at key; it is no error when there is none.
func (t Table[T]) Delete(tx *Tx, scope Scope, key string) error {
	bucket, err := tx.table(scope, t.Name, false)
	if err != nil || bucket == nil {
		return err
	}
	if err := bucket.Delete([]byte(key)); err != nil {
		return err
	}
	tx.touched[t.Name] = true
	return nil
}

// Stop ends a walk early, without an error.
//
//lint:ignore ST1012 it is no error, as io/fs.SkipAll is none
var Stop = errors.New("stop")

// Walk calls visit with each key that starts with prefix, in the order of bytes,
// until it returns an error; [Stop] ends the walk without one. The table must not
// be changed meanwhile.
func (t Table[T]) Walk(tx *Tx, scope Scope, prefix string, visit func(key string, value T) error) error {
	bucket, err := tx.table(scope, t.Name, false)
	if err != nil || bucket == nil {
		return err
	}
	cursor := bucket.Cursor()
	for k, raw := cursor.Seek([]byte(prefix)); k != nil && bytes.HasPrefix(k, []byte(prefix)); k, raw = cursor.Next() {
		var value T
		if err := decode(t.Name, k, raw, &value); err != nil {
			return err
		}
		if err := visit(string(k), value); errors.Is(err, Stop) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// List returns the values whose keys start with prefix, in the order of keys.
func (t Table[T]) List(tx *Tx, scope Scope, prefix string) ([]T, error) {
	var values []T
	err := t.Walk(tx, scope, prefix, func(_ string, value T) error {
		values = append(values, value)
		return nil
	})
	return values, err
}
