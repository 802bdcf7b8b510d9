package logs

// differsFromAWS is what is known to differ.
var differsFromAWS = []string{
	"Filter patterns are terms, quoted phrases, `?any` and `-none`; patterns over fields are refused. There are no metrics, subscriptions and queries.",
}
