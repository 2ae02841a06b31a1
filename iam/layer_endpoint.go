package iam

// endpoint evaluates the policy of a VPC endpoint, which limits everything that passes the endpoint and gives nothing
// (https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html).
func (e *evaluation) endpoint() { e.attached(LayerEndpoint, e.set.Endpoint) }

// endpointNamesAccounts says whether an account in the Principal of an endpoint policy means everyone in it. With
// gateway endpoints, which Amazon S3, S3 Express and DynamoDB have, "access is granted to the AWS account root user only, not all
// users and roles for the account".
//
// uncertain: the same for their interface endpoints, since the policy does not tell them apart; taken to be so.
func (e *evaluation) endpointNamesAccounts() bool {
	r := e.request
	gateway := ofService(r.Action, "s3") || ofService(r.Action, "s3express") || ofService(r.Action, "dynamodb")
	return !gateway || r.Principal.isRoot()
}
