package iam

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// The wire structures of service last accessed reports.
type (
	generateIn  struct{ Arn, Granularity string }
	generateOut struct{ JobId string }
	jobIn       struct {
		JobId            string
		ServiceNamespace string `xml:",omitempty" json:",omitempty"`
		paging
	}
	serviceShape struct {
		ServiceName, ServiceNamespace string
		LastAuthenticated             *gateway.Time
		LastAuthenticatedEntity       string `xml:",omitempty"`
		LastAuthenticatedRegion       string `xml:",omitempty"`
		TotalAuthenticatedEntities    int
	}
	servicesOut struct {
		JobStatus, JobType                 string
		JobCreationDate, JobCompletionDate gateway.Time
		ServicesLastAccessed               []serviceShape
		listed
	}
	entityInfo    struct{ Arn, Name, Type, Id, Path string }
	entityDetails struct {
		EntityInfo        entityInfo
		LastAuthenticated *gateway.Time
	}
	detailsOut struct {
		JobStatus                          string
		JobCreationDate, JobCompletionDate gateway.Time
		EntityDetailsList                  []entityDetails
		listed
	}
)

// report is what a job found out, as it is stored.
type report struct {
	By       string // the user or role that asked for it, who alone may read it
	Created  int64
	Services []string // that the policies allow, sorted
	Entities []reported
}

// reported is an entity with its last uses, by service.
type reported struct {
	Info entityInfo
	Last map[string]reportedUse
}

type reportedUse struct {
	Milli  int64
	Region string
}

// keepReports is how long a report can be read.
const keepReports = 7 * 24 * time.Hour

func (s *Service) lastAccessOperations() []gateway.Operation {
	onJob := func(context.Context, *gateway.Call, *jobIn) ([]gateway.Access, error) { return everything() }
	return []gateway.Operation{
		gateway.Op("GetAccessKeyLastUsed", s.onKeyUse, s.getKeyUse),
		gateway.Op("GenerateServiceLastAccessedDetails", func(ctx context.Context, c *gateway.Call, in *generateIn) ([]gateway.Access, error) {
			if strings.Contains(in.Arn, ":policy/") {
				return s.onPolicy(ctx, c, in.Arn)
			}
			return s.onEntity(ctx, c, in.Arn)
		}, s.generate).Except("Granularity ACTION_LEVEL is refused", "the report is complete at once"),
		gateway.Op("GetServiceLastAccessedDetails", onJob, s.getReport).
			Except("ServiceName is the prefix of services that are not served here"),
		gateway.Op("GetServiceLastAccessedDetailsWithEntities", onJob, s.getReportEntities),
	}
}

// principal is who a report belongs to: the role behind a session, or the user.
func principal(c *gateway.Call) string { return orText(c.Caller.RoleARN, c.Caller.ARN) }

func (s *Service) generate(ctx context.Context, c *gateway.Call, in *generateIn) (*generateOut, error) {
	if in.Granularity != "" && in.Granularity != "SERVICE_LEVEL" {
		return nil, invalidInput("The granularity %s is not supported by the local AWS.", in.Granularity)
	}
	if err := s.foldEvents(ctx); err != nil {
		return nil, err
	}
	texts, entities, err := s.subjectsOf(ctx, c.Caller.Account, in.Arn)
	if err != nil {
		return nil, err
	}
	r := &report{By: principal(c), Created: s.now().Unix(), Services: servicesOf(texts), Entities: []reported{}}
	for _, info := range entities {
		uses, err := s.usesOf(ctx, c.Caller.Account, info.Id)
		if err != nil {
			return nil, err
		}
		last := map[string]reportedUse{}
		for service, u := range uses {
			last[service] = reportedUse{u.milli, u.region}
		}
		r.Entities = append(r.Entities, reported{info, last})
	}
	id, err := s.newUUID()
	if err != nil {
		return nil, err
	}
	body, err := toJSON(r)
	if err != nil {
		return nil, err
	}
	return &generateOut{id}, s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := exec(ctx, tx, `DELETE FROM iam_jobs WHERE created < ?`, s.now().Add(-keepReports).Unix()); err != nil {
			return err
		}
		_, err := exec(ctx, tx, `INSERT INTO iam_jobs (id, account, created, body) VALUES (?, ?, ?, ?)`, id, c.Caller.Account, r.Created, body)
		return err
	})
}

// subjectsOf gives the policies that a report is about, and the entities that can use them.
func (s *Service) subjectsOf(ctx context.Context, account, arn string) (texts []string, entities []entityInfo, err error) {
	if strings.Contains(arn, ":policy/") {
		return s.policySubjects(ctx, account, arn)
	}
	m := entityPattern.FindStringSubmatch(arn)
	o := owner{m[1], m[2], m[3]}
	if o.account != account {
		return nil, nil, noSuchEntity("ARN %s not found", arn)
	}
	if err := o.must(ctx, s.db); err != nil {
		return nil, nil, err
	}
	sim := newSimulation(account)
	sim.bounded = true // only permissions policies count
	if err := s.loadEntity(ctx, sim, o); err != nil {
		return nil, nil, err
	}
	for _, from := range sim.sources {
		texts = append(texts, from.text)
	}
	query, name := entityQuery(o)
	entities, err = s.infos(ctx, account, query, name)
	return texts, entities, err
}

// entityQuery finds the entities of an owner: itself, or the members of a group.
func entityQuery(o owner) (query, name string) {
	switch o.kind {
	case "role":
		return `SELECT 'role', name, path, id FROM iam_roles WHERE account = ? AND name = ?`, o.name
	case "group":
		return `SELECT 'user', name, path, id FROM iam_users WHERE account = ?1 AND name IN
			(SELECT user FROM iam_members WHERE account = ?1 AND groupname = ?2) ORDER BY name`, o.name
	}
	return `SELECT 'user', name, path, id FROM iam_users WHERE account = ? AND name = ?`, o.name
}

func (s *Service) infos(ctx context.Context, account, query, name string) ([]entityInfo, error) {
	list, err := many(ctx, s.db, scanEntity, query, account, name)
	return infosOf(account, list), err
}

func infosOf(account string, list []policyEntity) []entityInfo {
	var infos []entityInfo
	for _, e := range list {
		infos = append(infos, entityInfo{arn(account, e.kind, e.path, e.name), e.name, strings.ToUpper(e.kind), e.id, e.path})
	}
	return infos
}

// policySubjects are a policy's text, and the users and roles that have it, also through a group.
func (s *Service) policySubjects(ctx context.Context, account, arn string) ([]string, []entityInfo, error) {
	text, err := s.PolicyDocument(ctx, account, arn)
	if err != nil {
		return nil, nil, err
	}
	list, err := entitiesOf(ctx, s.db, account, arn, "PermissionsPolicy")
	if err != nil {
		return nil, nil, err
	}
	var infos []entityInfo
	for _, e := range list {
		found := infosOf(account, []policyEntity{e})
		if e.kind == "group" {
			query, name := entityQuery(owner{account, "group", e.name})
			if found, err = s.infos(ctx, account, query, name); err != nil {
				return nil, nil, err
			}
		}
		for _, info := range found {
			if !slices.Contains(infos, info) {
				infos = append(infos, info)
			}
		}
	}
	return []string{text}, infos, nil
}

// job gives a report to the user or role that asked for it.
func (s *Service) job(ctx context.Context, c *gateway.Call, id string) (*report, error) {
	var body string
	found, err := one(ctx, s.db, `SELECT body FROM iam_jobs WHERE account = ? AND id = ?`, []any{c.Caller.Account, id}, []any{&body})
	if err != nil {
		return nil, err
	}
	var r report
	if found {
		if err := fromJSON(body, &r); err != nil {
			return nil, err
		}
	}
	if !found || r.By != principal(c) {
		return nil, noSuchEntity("Job %s not found", id)
	}
	return &r, nil
}

// serviceNames are the full names of the services that are served here.
var serviceNames = map[string]string{
	"cloudtrail": "AWS CloudTrail", "ec2": "Amazon EC2", "ec2messages": "Amazon Message Delivery Service",
	"iam": "AWS Identity and Access Management", "kms": "AWS Key Management Service", "logs": "Amazon CloudWatch Logs",
	"organizations": "AWS Organizations", "s3": "Amazon S3", "ssm": "AWS Systems Manager",
	"ssmmessages": "Amazon Session Manager Message Gateway Service", "sts": "AWS Security Token Service",
}

func (s *Service) getReport(ctx context.Context, c *gateway.Call, in *jobIn) (*servicesOut, error) {
	r, err := s.job(ctx, c, in.JobId)
	if err != nil {
		return nil, err
	}
	out := &servicesOut{JobStatus: "COMPLETED", JobType: "SERVICE_LEVEL", JobCreationDate: at(r.Created), JobCompletionDate: at(r.Created)}
	part, rest, err := page(in.paging, r.Services, strings.Clone)
	if err != nil {
		return nil, err
	}
	out.listed, out.ServicesLastAccessed = rest, []serviceShape{}
	for _, namespace := range part {
		out.ServicesLastAccessed = append(out.ServicesLastAccessed, r.service(namespace))
	}
	return out, nil
}

// service sums up the uses of a service by the report's entities.
func (r *report) service(namespace string) serviceShape {
	shape := serviceShape{ServiceName: orText(serviceNames[namespace], namespace), ServiceNamespace: namespace}
	var latest int64 = -1
	for _, e := range r.Entities {
		u, ok := e.Last[namespace]
		if !ok {
			continue
		}
		shape.TotalAuthenticatedEntities++
		if u.Milli > latest {
			latest = u.Milli
			when := at(u.Milli / 1000)
			shape.LastAuthenticated, shape.LastAuthenticatedEntity, shape.LastAuthenticatedRegion = &when, e.Info.Arn, u.Region
		}
	}
	return shape
}

func (s *Service) getReportEntities(ctx context.Context, c *gateway.Call, in *jobIn) (*detailsOut, error) {
	r, err := s.job(ctx, c, in.JobId)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(r.Services, in.ServiceNamespace) {
		return nil, invalidInput("The service namespace %s is not in the report.", in.ServiceNamespace)
	}
	slices.SortStableFunc(r.Entities, func(a, b reported) int { // the most recent first
		return int(min(1, max(-1, b.Last[in.ServiceNamespace].Milli-a.Last[in.ServiceNamespace].Milli)))
	})
	places := make([]string, len(r.Entities))
	for i := range places {
		places[i] = placeKey(i)
	}
	part, rest, err := page(in.paging, places, strings.Clone)
	if err != nil {
		return nil, err
	}
	out := &detailsOut{JobStatus: "COMPLETED", JobCreationDate: at(r.Created), JobCompletionDate: at(r.Created), EntityDetailsList: []entityDetails{}, listed: rest}
	for _, key := range part {
		e := r.Entities[placeOf(key)]
		details := entityDetails{EntityInfo: e.Info}
		if u, ok := e.Last[in.ServiceNamespace]; ok {
			when := at(u.Milli / 1000)
			details.LastAuthenticated = &when
		}
		out.EntityDetailsList = append(out.EntityDetailsList, details)
	}
	return out, nil
}
