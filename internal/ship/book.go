package ship

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/slipway-cd/slipway/internal/awsclient"
	"github.com/slipway-cd/slipway/internal/record"
)

// Book is a stage's record for the commands that look at it, or at its lock: with a deploy's patience, and its words for
// what goes wrong.
type Book struct {
	*record.Store
	r *runner
	a *api
}

// OpenBook opens the record of the Config's stage and bucket. writes says that it is opened with the role that sends,
// otherwise it is the one that watches. The error is explained by the Book, which is there also with an error, unless the
// Config makes no sense.
func OpenBook(ctx context.Context, cfg Config, writes bool) (*Book, error) {
	r, err := newRunner(cfg)
	if err != nil {
		return nil, err
	}
	b := &Book{r: r, a: r.watcher}
	if writes {
		b.a = r.sender
	}
	if cfg.Bucket == nil {
		return b, noRecord("this")
	}
	if err := r.identifyAs(ctx, b.a); err != nil {
		return b, err
	}
	b.Store, err = r.openStore(b.a)
	return b, err
}

// Explain says what an error of the Book's means, and what would help.
func (b *Book) Explain(err error) *Problem {
	p := b.r.explain(err)
	var held *record.HeldError
	if errors.As(err, &held) {
		p.Code = CodeLockHeld
	}
	return &p
}

// Principal is who looks.
func (b *Book) Principal() string { return b.a.principal }

// LiveNodes are the stage's targets as they are now. A target that is no EC2 instance has no state: EC2 does not know it.
func (b *Book) LiveNodes(ctx context.Context) (nodes []record.LiveNode, err error) {
	filters, others := b.r.targetFilters()
	for _, id := range others {
		nodes = append(nodes, record.LiveNode{ID: id})
	}
	if len(filters) == 0 {
		return nodes, nil
	}
	instances, err := pages(ctx, b.r, b.a, "ec2:DescribeInstances", func(ctx context.Context, token *string) ([]awsclient.Instance, *string, error) {
		page, next, err := b.a.ec2.DescribeInstances(ctx, nil, filters, aws.ToString(token))
		return page, &next, err
	})
	if err != nil {
		return nil, err
	}
	for _, i := range instances {
		if i.State != "terminated" && i.State != "shutting-down" {
			nodes = append(nodes, record.LiveNode{ID: i.ID, State: i.State})
		}
	}
	return nodes, nil
}

// Named says that the release names the stage's nodes.
func (b *Book) Named() bool { return len(b.r.stage.Targets.Instances) > 0 }

// targetFilters are the filters that find the stage's instances, and the ids of the nodes that are none.
func (r *runner) targetFilters() (filters []awsclient.InstanceFilter, others []string) {
	var ids []string
	for _, id := range r.stage.Targets.Instances {
		if len(id) > 2 && id[:2] == "i-" {
			ids = append(ids, id)
		} else {
			others = append(others, id)
		}
	}
	// By filter, not by id: one instance that EC2 has forgotten would make an error of the whole answer.
	if len(ids) > 0 {
		return []awsclient.InstanceFilter{{Name: "instance-id", Values: ids}}, others
	}
	if len(others) == 0 {
		for _, t := range r.stage.Targets.Tags {
			filters = append(filters, awsclient.InstanceFilter{Name: "tag:" + t.Key, Values: t.Values})
		}
	}
	return filters, others
}
