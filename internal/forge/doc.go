// Package forge speaks with the place where people discuss a change: pull
// requests, reviews, checks, comments, deployments, and the webhooks that tell of
// them.
//
//	f, err := forge.New(forge.Options{Site: "https://github.com", App: &forge.App{...}})
//	pull, err := f.MergedAs(ctx, forge.Repository{Owner: "acme", Name: "shop"}, commit)
//	reviews, err := f.Reviews(ctx, repo, pull.Number)
//
// Values in, values out: nothing here decides. Whether a review counts is for
// internal/gate to say, so all reviews are told, the dismissed and the bots' too.
//
// # GitHub
//
// It is the only forge yet: github.com, GitHub Enterprise Cloud with data residency
// (*.ghe.com) and GitHub Enterprise Server, by REST, version 2022-11-28. New answers
// [ErrNotSupported] for others.
// A token or a GitHub App authenticates; the App's installation tokens are asked for
// when they are needed and anew five minutes before they end. What is written needs:
// statuses, deployments and pull requests: write; checks, contents and metadata: read.
//
// A GET is asked conditionally when its answer is known, which costs nothing of
// GitHub's limit. Lists are read to their end. A request ends after Options.Timeout,
// 30 s by default, and is not repeated here: the caller's queue does that.
//
// # Errors
//
// Each is an *[Error], and has one of the reasons [ErrUnavailable], [ErrUnauthorized],
// [ErrForbidden], [ErrNotFound], [ErrConflict], [ErrInvalid] and [ErrRateLimited],
// which errors.Is finds. All but ErrNotFound of a pull request mean that nothing is
// known: who asks on behalf of a gate keeps it shut. [RetryAt] says when a limited
// request may be made again; until then others fail at once, without a request. No
// token, key or secret is in an error.
//
// # Done once
//
// A call that was broken off can be made again: a status that stands is not set
// anew, a comment is found by its marker, a deployment by its key, an open pull
// request by its branches. There is one writer of a repository at a time; calls of one
// process for the same comment, deployment or pull request wait for each other.
//
// # Webhooks
//
// [ParseWebhook] reads one, [Webhook.Signed] says in constant time whether a secret
// made its signature, [Replays] whether it came before. An [Event] is a hint that
// something is to be looked at: what counts is then asked of the forge. The exception
// is who pushed, which is told by the event alone.
//
// All of this is safe for concurrent use.
package forge
