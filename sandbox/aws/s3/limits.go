package s3

import "slices"

// Operations lists what S3 can be asked for here, in order.
func (s *S3) Operations() []string {
	var names []string
	for _, r := range routes {
		names = append(names, r.operation)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Differences are those from AWS that are known.
func (s *S3) Differences() []string {
	return []string{
		"Of a bucket's settings versioning has its effect; all others are kept and shown, and have none: nothing expires, nobody is notified, and policies are not enforced. Only the account that owns a bucket may use it.",
		"Requests that are signed by Signature Version 2 are refused, as AWS does for new buckets: `aws s3 presign` of the AWS CLI v1 needs the setting `s3.signature_version = s3v4`.",
	}
}
