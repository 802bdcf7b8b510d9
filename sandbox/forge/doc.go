// Package forge is the sandbox's Git server: Git over smart HTTP, users with
// tokens, signed webhooks, and a record of who pushed what.
//
//	f, err := forge.New(forge.Options{Dir: dir, Users: users, Log: log})
//	...
//	server := &http.Server{Handler: f}
//	...
//	server.Shutdown(ctx) // first: no push is in progress any more
//	f.Close(ctx)         // then: the last webhooks go out
//
// # Git
//
// A repository NAME is at /NAME.git, or /NAME. Git itself serves it, by `git
// http-backend` (2.31 or newer, found in PATH), which sees neither the
// configuration of the machine and its user nor the caller's token. Only the
// smart protocol is spoken. The default branch is main. Any branch may be
// deleted, main too, and history may be rewritten: what a controller does then is
// a thing to try out in a sandbox. What was pushed is never collected as garbage.
//
// # Users
//
// Every request carries a user's name and token, as basic authentication. Without
// them, or with wrong ones, the answer is 401; 403 when a user who may only read
// pushes or administers; 404 for a repository that is not there.
//
// # Administration
//
// JSON over HTTP; [Client] speaks it. An error is {"error": "..."}. Users who may
// write:
//
//	PUT /api/v1/repos/NAME             makes a repository: 201, or 200 if it was there
//	PUT /api/v1/repos/NAME/hooks/HOOK  {"url", "secret"}: sets a webhook, 201 or 200
//	GET /api/v1/repos/NAME/hooks       {"hooks": [{"name", "url"}]}; secrets are not told
//
// Every user:
//
//	GET /api/v1/repos                  {"repositories": [{"name", "cloneURL"}]}
//	GET /api/v1/repos/NAME/pushes      {"pushes": [Push]}, oldest first; ?ref=REF for one ref
//
// Names are letters, digits, dots, dashes and underscores; see [ErrName].
//
// # Pushes
//
// A push is taken in whole before Git sees it, so that its sender can be slow, or
// die, without holding up others; pushes to one repository are then done one at a
// time. The refs before and after tell what a push moved, whatever was asked for.
// That is appended to the record, one JSON line a ref, and synced to the disk,
// before the pusher has an answer. A ref that moved without a record, because the
// machine stopped in between, is recorded at the next start with no pusher.
//
// # Webhooks
//
// Each branch or tag that a push moved is one event, in GitHub's form:
//
//	X-GitHub-Event: push
//	X-GitHub-Delivery: a UUID, the same at every attempt
//	X-Hub-Signature-256: sha256= and the HMAC-SHA-256 of the body with the hook's secret
//
// with ref, before, after, created, deleted, forced, head_commit, repository and
// pusher; the rest of GitHub's event is left out. URLs in it start as the URL did
// under which the pusher knows this server.
// https://docs.github.com/webhooks/webhook-events-and-payloads#push
//
// Events go out after the push was answered, to each hook in the order of the
// pushes. Any 2xx answer means received. When there is no answer within 10 s, or
// it is 408, 429 or 5xx, the same event is sent again, after 100 ms, then twice as
// long each time up to 5 s, until a minute after the push; later events wait
// behind it. Any other answer is final. A hook that is set anew gets what still
// waits, at its new URL. Events that wait are kept in memory only: who must not
// miss one also polls, as with any forge. Hooks are at loopback addresses only;
// nothing in a sandbox calls out of it.
//
// # State
//
// All in Options.Dir, which must be one Forge's alone: repositories/NAME.git,
// hooks.json (with secrets, readable by its owner only) and pushes.jsonl. It is
// there again at the next start. Users are given anew each time.
//
// Everything here is safe for concurrent use.
package forge
