package ec2

// Complete is the instance with EC2's defaults in the place of what was not said: image, type, zone, metadata options. The
// instance metadata tell the same.
func (i Instance) Complete() Instance {
	i.ImageID, i.Type, i.Zone, i.Metadata = i.image(), i.instanceType(), i.zone(), i.metadata()
	return i
}
