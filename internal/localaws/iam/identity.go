package iam

// InstanceIdentity is the name of the role that stands behind the identity credentials of an EC2 instance. No account
// has it, it has no policies, and no other role can be named so.
const InstanceIdentity = "aws:ec2-instance"

// InstanceIdentityRole is the role of the identity credentials in an account.
func InstanceIdentityRole(account string) *Role {
	return &Role{Account: account, Name: InstanceIdentity, Path: "/", ID: account + ":" + InstanceIdentity}
}
