package secretsmanager

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
)

// passwordRules are the options of GetRandomPassword and GenerateSecretString.
type passwordRules struct {
	Length                                             int
	Exclude                                            string
	NoNumbers, NoPunctuation, NoUppercase, NoLowercase bool
	Space                                              bool
	RequireEach                                        bool
}

const (
	lowercase   = "abcdefghijklmnopqrstuvwxyz"
	uppercase   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	numbers     = "0123456789"
	punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
)

// generate returns a random password by the rules.
func generate(rules passwordRules) (string, error) {
	if rules.Length < 1 || rules.Length > 4096 {
		return "", fmt.Errorf("PasswordLength must be between 1 and 4096, not %d", rules.Length)
	}
	var sets []string
	for _, set := range []struct {
		out   bool
		chars string
	}{
		{rules.NoLowercase, lowercase}, {rules.NoUppercase, uppercase},
		{rules.NoNumbers, numbers}, {rules.NoPunctuation, punctuation}, {!rules.Space, " "},
	} {
		kept := strings.Map(func(r rune) rune {
			if strings.ContainsRune(rules.Exclude, r) {
				return -1
			}
			return r
		}, set.chars)
		if !set.out && kept != "" {
			sets = append(sets, kept)
		}
	}
	if len(sets) == 0 {
		return "", fmt.Errorf("the rules leave no characters for a password")
	}
	if rules.RequireEach && len(sets) > rules.Length {
		return "", fmt.Errorf("a password of %d characters can't hold one of each of %d kinds", rules.Length, len(sets))
	}
	all := strings.Join(sets, "")
	password := make([]byte, 0, rules.Length)
	if rules.RequireEach {
		for _, set := range sets {
			password = append(password, set[pick(len(set))])
		}
	}
	for len(password) < rules.Length {
		password = append(password, all[pick(len(all))])
	}
	for i := len(password) - 1; i > 0; i-- { // so that no kind has its place
		j := pick(i + 1)
		password[i], password[j] = password[j], password[i]
	}
	return string(password), nil
}

func pick(n int) int {
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil { // crypto/rand ends the program before it fails
		panic(err)
	}
	return int(i.Int64())
}

// generateSecretString makes the text that the GenerateSecretString property asks
// for: a password, or the template with the password at its key.
func generateSecretString(p resource.Props) (string, error) {
	var rules passwordRules
	var err error
	var template, key string
	read := func(into *bool, name string) {
		if err == nil {
			*into, err = p.Bool(name)
		}
	}
	rules.Length = 32
	if p.Has("PasswordLength") {
		if rules.Length, err = p.Int("PasswordLength"); err != nil {
			return "", err
		}
	}
	rules.RequireEach = true
	if p.Has("RequireEachIncludedType") {
		read(&rules.RequireEach, "RequireEachIncludedType")
	}
	read(&rules.NoNumbers, "ExcludeNumbers")
	read(&rules.NoPunctuation, "ExcludePunctuation")
	read(&rules.NoUppercase, "ExcludeUppercase")
	read(&rules.NoLowercase, "ExcludeLowercase")
	read(&rules.Space, "IncludeSpace")
	for name, into := range map[string]*string{
		"ExcludeCharacters": &rules.Exclude, "SecretStringTemplate": &template, "GenerateStringKey": &key,
	} {
		if err == nil {
			*into, err = p.String(name)
		}
	}
	if err != nil {
		return "", err
	}
	password, err := generate(rules)
	if err != nil {
		return "", resource.Invalid("GenerateSecretString: %s", err)
	}
	if (template == "") != (key == "") {
		return "", resource.Invalid("GenerateSecretString: SecretStringTemplate and GenerateStringKey go together")
	}
	if template == "" {
		return password, nil
	}
	object := map[string]any{}
	if err := json.Unmarshal([]byte(template), &object); err != nil {
		return "", resource.Invalid("GenerateSecretString: SecretStringTemplate must be a JSON object")
	}
	object[key] = password
	return marshal(object)
}

// marshal writes JSON without escaping <, > and &, which passwords hold.
func marshal(object map[string]any) (string, error) {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(object)
	return strings.TrimSuffix(out.String(), "\n"), err
}
