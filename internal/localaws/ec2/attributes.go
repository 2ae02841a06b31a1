package ec2

import (
	"context"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

type attributeInput struct {
	InstanceId, Attribute string
	DryRun                bool
}

type (
	textValue struct {
		Value string `xml:"value,omitempty"`
	}
	boolValue struct {
		Value bool `xml:"value"`
	}
)

type attributeOutput struct {
	InstanceID            string     `xml:"instanceId"`
	DisableAPITermination *boolValue `xml:"disableApiTermination"`
	InstanceType          *textValue `xml:"instanceType"`
	UserData              *textValue `xml:"userData"`
}

func (s *Service) attributeAccess(ctx context.Context, c *gateway.Call, in *attributeInput) ([]gateway.Access, error) {
	if in.InstanceId == "" {
		return nil, missing("InstanceId")
	}
	if in.Attribute == "" {
		return nil, missing("Attribute")
	}
	return s.onInstances(ctx, c, []string{in.InstanceId}, nil)
}

func (s *Service) describeAttribute(ctx context.Context, c *gateway.Call, in *attributeInput) (*attributeOutput, error) {
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	found, err := s.loadAll(ctx, s.db, c, []string{in.InstanceId})
	if err != nil {
		return nil, err
	}
	i := found[0]
	out := &attributeOutput{InstanceID: i.ID}
	switch in.Attribute {
	case "disableApiTermination":
		out.DisableAPITermination = &boolValue{i.Protected}
	case "instanceType":
		out.InstanceType = &textValue{i.instanceType()}
	case "userData":
		out.UserData = &textValue{i.UserData}
	default:
		return nil, invalidValue("Value (" + in.Attribute + ") for parameter attribute is invalid. Unknown attribute.")
	}
	return out, nil
}

// modifyInput is ModifyInstanceAttributeRequest in its two forms, as far as it is served.
type modifyInput struct {
	InstanceId            string
	Attribute, Value      string
	DisableApiTermination *struct{ Value bool }
	DryRun                bool
}

// protection is the value that the request wants.
func (in *modifyInput) protection() (bool, error) {
	switch {
	case in.InstanceId == "":
		return false, missing("InstanceId")
	case in.DisableApiTermination != nil && in.Attribute == "":
		return in.DisableApiTermination.Value, nil
	case in.Attribute == "disableApiTermination" && (in.Value == "true" || in.Value == "false"):
		return in.Value == "true", nil
	case in.Attribute == "":
		return false, missing("Attribute")
	}
	return false, invalidValue("Value (" + in.Value + ") for parameter " + in.Attribute + " is invalid.")
}

func (s *Service) modifyAccess(ctx context.Context, c *gateway.Call, in *modifyInput) ([]gateway.Access, error) {
	if _, err := in.protection(); err != nil {
		return nil, err
	}
	return s.onInstances(ctx, c, []string{in.InstanceId}, map[string][]string{"ec2:Attribute": {"DisableApiTermination"}})
}

func (s *Service) modifyAttribute(ctx context.Context, c *gateway.Call, in *modifyInput) (*returnOutput, error) {
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	protect, err := in.protection()
	if err != nil {
		return nil, err
	}
	_, _, err = s.applyAll(ctx, c, []string{in.InstanceId}, func(i *Instance) error {
		i.Protected = protect
		return nil
	})
	return &returnOutput{true}, err
}
