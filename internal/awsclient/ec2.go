package awsclient

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	ec2Version  = "2016-11-15"
	ec2PageSize = 1000
	// maxAnswer bounds one page: 1000 instances with all their details are a few megabytes.
	maxAnswer = 64 << 20
)

// EC2 asks EC2 its one question. The SDK's own client has some 600 operations and doubles slipway's build time, so
// the request is written here: EC2's dialect of the Query protocol, signed by the SDK.
type EC2 struct {
	Config aws.Config
	// Now dates the signatures: the true time, or AWS refuses them.
	Now func() time.Time
}

// InstanceFilter is an EC2 filter: the name, and the values of which one must match.
type InstanceFilter struct {
	Name   string
	Values []string
}

// Instance is an EC2 instance, as far as slipway cares.
type Instance struct {
	ID    string
	State string // pending, running, shutting-down, terminated, stopping, stopped
	// Profile is the ARN of the instance profile; empty when the instance has none.
	Profile string
	Tags    map[string]string
}

// DescribeInstances lists one page of the instances with these ids, or of those that match every filter. next is the
// token of the page after it; empty when there is none. It asks once: whether to ask again is the caller's to know.
// Errors are the SDK's: a [smithy.APIError] within a [smithyhttp.ResponseError] when the service answered.
func (c EC2) DescribeInstances(ctx context.Context, ids []string, filters []InstanceFilter, token string) (page []Instance, next string, err error) {
	answer, err := c.once(ctx, describeForm(ids, filters, token))
	if err != nil {
		return nil, "", &smithy.OperationError{ServiceID: "EC2", OperationName: "DescribeInstances", Err: err}
	}
	return answer.instances(), answer.NextToken, nil
}

func describeForm(ids []string, filters []InstanceFilter, token string) url.Values {
	form := url.Values{"Action": {"DescribeInstances"}, "Version": {ec2Version}}
	for i, id := range ids {
		form.Set("InstanceId."+strconv.Itoa(i+1), id)
	}
	for i, f := range filters {
		prefix := "Filter." + strconv.Itoa(i+1)
		form.Set(prefix+".Name", f.Name)
		for j, v := range f.Values {
			form.Set(prefix+".Value."+strconv.Itoa(j+1), v)
		}
	}
	if len(ids) == 0 {
		// EC2 refuses MaxResults together with ids.
		form.Set("MaxResults", strconv.Itoa(ec2PageSize))
	}
	if token != "" {
		form.Set("NextToken", token)
	}
	return form
}

func (c EC2) once(ctx context.Context, form url.Values) (*describeAnswer, error) {
	resp, err := c.send(ctx, form.Encode())
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, &smithyhttp.RequestSendError{Err: err}
	}
	if resp.StatusCode != http.StatusOK {
		return nil, &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: resp}, Err: decodeEC2Error(body)}
	}
	return decodeDescribe(body)
}

func (c EC2) send(ctx context.Context, body string) (*http.Response, error) {
	return sendQuery(ctx, c.Config, c.service(), c.Now(), body)
}

func (c EC2) endpoint(ctx context.Context) (string, error) {
	return c.service().endpoint(ctx, c.Config)
}

func (c EC2) service() queryService {
	service := queryService{id: "EC2", signing: "ec2", region: c.Config.Region}
	if c.Config.Region != "" {
		domain := "amazonaws.com"
		if strings.HasPrefix(c.Config.Region, "cn-") {
			domain = "amazonaws.com.cn"
		}
		service.host = "ec2." + c.Config.Region + "." + domain
	}
	return service
}

// describeAnswer is the part of DescribeInstancesResponse that is used.
type describeAnswer struct {
	XMLName      xml.Name `xml:"DescribeInstancesResponse"`
	Reservations []struct {
		Instances []struct {
			ID      string `xml:"instanceId"`
			State   string `xml:"instanceState>name"`
			Profile string `xml:"iamInstanceProfile>arn"`
			Tags    []struct {
				Key   string `xml:"key"`
				Value string `xml:"value"`
			} `xml:"tagSet>item"`
		} `xml:"instancesSet>item"`
	} `xml:"reservationSet>item"`
	NextToken string `xml:"nextToken"`
}

func (a *describeAnswer) instances() []Instance {
	var list []Instance
	for _, r := range a.Reservations {
		for _, i := range r.Instances {
			tags := make(map[string]string, len(i.Tags))
			for _, t := range i.Tags {
				tags[t.Key] = t.Value
			}
			list = append(list, Instance{ID: i.ID, State: i.State, Profile: i.Profile, Tags: tags})
		}
	}
	return list
}

func decodeDescribe(body []byte) (*describeAnswer, error) {
	answer := new(describeAnswer)
	if err := xml.Unmarshal(body, answer); err != nil {
		return nil, &smithy.DeserializationError{Err: err, Snapshot: body[:min(len(body), 1024)]}
	}
	for _, i := range answer.instances() {
		if i.ID == "" || i.State == "" {
			return nil, &smithy.DeserializationError{Err: errors.New("an instance without id or state")}
		}
	}
	return answer, nil
}

// decodeEC2Error reads EC2's error document. One that cannot be read is an error of unknown code: never a denial,
// never a success.
func decodeEC2Error(body []byte) error {
	var doc struct {
		Code    string `xml:"Errors>Error>Code"`
		Message string `xml:"Errors>Error>Message"`
	}
	if err := xml.Unmarshal(body, &doc); err != nil || doc.Code == "" {
		return &smithy.GenericAPIError{Code: "UnknownError", Message: "the answer is not an EC2 error document"}
	}
	return &smithy.GenericAPIError{Code: doc.Code, Message: doc.Message}
}
