package hybrid

import (
	"context"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// defaultHostSetting holds the role of Default Host Management: which EC2 instances get that have no usable profile.
const defaultHostSetting = "/ssm/managed-instance/default-ec2-instance-management-role"

// noRole is the setting's default value.
const noRole = "$None"

// setting is a service setting of an account and region.
type setting struct {
	value    string
	modified time.Time
	modifier string // ARN
}

func scanSetting(r scanner) (setting, error) {
	var v setting
	var modified int64
	err := r.Scan(&v.value, &modified, &v.modifier)
	v.modified = time.Unix(modified, 0).UTC()
	return v, err
}

// setting gives the default host management setting; custom is false when it was never set.
func (s *Service) setting(ctx context.Context, account, region string) (v setting, custom bool, err error) {
	v, custom, err = first(ctx, s.db, scanSetting, `SELECT value, modified, modifier FROM hybrid_setting
		WHERE account = ? AND region = ? AND id = ?`, account, region, defaultHostSetting)
	if !custom {
		v = setting{value: noRole}
	}
	return v, custom, err
}

type (
	settingInput struct{ SettingId string }
	settingShape struct {
		SettingId, SettingValue, ARN, Status string
		LastModifiedUser                     string
		LastModifiedDate                     time.Time `json:",omitzero"`
	}
	settingOutput      struct{ ServiceSetting settingShape }
	updateSettingInput struct {
		settingInput
		SettingValue string
	}
)

func settingARN(c *gateway.Call) string {
	return "arn:aws:ssm:" + c.Region + ":" + c.Caller.Account + ":servicesetting" + defaultHostSetting
}

// settingAccess: a setting is named by its id or its ARN.
func settingAccess(_ context.Context, c *gateway.Call, in *settingInput) ([]gateway.Access, error) {
	if in.SettingId == "" {
		return nil, violated(nil, "settingId", "Member must not be null")
	}
	if in.SettingId == defaultHostSetting || in.SettingId == settingARN(c) {
		return []gateway.Access{{Resource: settingARN(c)}}, nil
	}
	if strings.HasPrefix(in.SettingId, "arn:") {
		return []gateway.Access{{Resource: in.SettingId}}, nil
	}
	return []gateway.Access{{Resource: "arn:aws:ssm:" + c.Region + ":" + c.Caller.Account + ":servicesetting/" + strings.TrimPrefix(in.SettingId, "/")}}, nil
}

func (in *settingInput) served(c *gateway.Call) error {
	if in.SettingId != defaultHostSetting && in.SettingId != settingARN(c) {
		return fault("ServiceSettingNotFound", "The service setting %s isn't served by the local AWS.", in.SettingId)
	}
	return nil
}

func (s *Service) getSetting(ctx context.Context, c *gateway.Call, in *settingInput) (*settingOutput, error) {
	if err := in.served(c); err != nil {
		return nil, err
	}
	v, custom, err := s.setting(ctx, c.Caller.Account, c.Region)
	out := settingShape{SettingId: defaultHostSetting, SettingValue: v.value, ARN: settingARN(c), Status: "Default"}
	if custom {
		out.Status, out.LastModifiedUser, out.LastModifiedDate = "Customized", v.modifier, v.modified
	}
	return &settingOutput{out}, err
}

// updateSettingAccess: every instance gets the role, so the caller must be allowed to hand it over.
func (s *Service) updateSettingAccess(ctx context.Context, c *gateway.Call, in *updateSettingInput) ([]gateway.Access, error) {
	need, err := settingAccess(ctx, c, &in.settingInput)
	if err != nil {
		return nil, err
	}
	if in.SettingValue == "" || len(in.SettingValue) > 4096 {
		return nil, violated(in.SettingValue, "settingValue", "Member must have length between 1 and 4096")
	}
	if in.SettingValue == noRole {
		return need, nil
	}
	pass, err := s.passRole(ctx, c, in.SettingValue)
	return append(need, pass), err
}

func (s *Service) updateSetting(ctx context.Context, c *gateway.Call, in *updateSettingInput) (*struct{}, error) {
	if err := in.served(c); err != nil {
		return nil, err
	}
	if in.SettingValue != noRole {
		if err := s.mustTrust(ctx, c, in.SettingValue); err != nil {
			return nil, err
		}
	}
	_, err := change(ctx, s.db, `INSERT OR REPLACE INTO hybrid_setting (account, region, id, value, modified, modifier)
		VALUES (?, ?, ?, ?, ?, ?)`, c.Caller.Account, c.Region, defaultHostSetting, in.SettingValue, s.now().Unix(), c.Caller.ARN)
	return &struct{}{}, err
}

// resetSetting gives the setting that there is afterwards.
func (s *Service) resetSetting(ctx context.Context, c *gateway.Call, in *settingInput) (*settingOutput, error) {
	if err := in.served(c); err != nil {
		return nil, err
	}
	if _, err := change(ctx, s.db, `DELETE FROM hybrid_setting WHERE account = ? AND region = ? AND id = ?`,
		c.Caller.Account, c.Region, defaultHostSetting); err != nil {
		return nil, err
	}
	return s.getSetting(ctx, c, in)
}
