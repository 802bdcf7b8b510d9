// Package account is an AWS account and region as components know it, apart from
// their stacks (package stack): who we are there, what its Parameter Store and
// Secrets Manager hold, credentials for a program, and the bucket that assets are
// published to.
//
// [Connect] takes identity and endpoint from where all AWS programs take them: the
// environment (AWS_ENDPOINT_URL among it), shared configuration, web identity,
// instance role. A role of the place is assumed with that identity. Connect calls
// nothing yet.
//
// [Account.Publish] puts a file, or a folder as a zip archive, into a bucket under
// a key that says what the content is, as the CDK's assets have it: an object that
// is there already is not sent again. The same folder always makes the same
// archive: names in order, modes, no times. The bucket must be the account's own.
//
// Errors wrap the service's own and say what to do next; none holds the value of a
// parameter or a secret. An Account is safe for concurrent use. Calls are
// repeated as the SDK does it by default: three times.
package account
