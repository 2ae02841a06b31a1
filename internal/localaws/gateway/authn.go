package gateway

import (
	"context"
	"crypto/subtle"
	"errors"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

// authenticate finds the caller. Without a valid signature there is none, and the request ends here.
func (x *exchange) authenticate(ctx context.Context) error {
	if x.op != nil && (x.op.Anonymous || x.op.OrUnsigned && errors.Is(x.sigErr, sigv4.ErrMissing)) {
		x.call.Caller.Kind = anonymous
		return nil
	}
	if x.sigErr != nil {
		return x.refused(x.sigErr)
	}
	if err := x.checkScope(); err != nil {
		return err
	}
	if strings.HasPrefix(x.sig.AccessKeyID, "mi-") {
		return x.authenticateMachine(ctx)
	}
	cred, ok, err := x.gw.cfg.Directory.Credential(ctx, x.sig.AccessKeyID)
	if err != nil {
		return err
	}
	if !ok {
		return authError(x.protocol, unknownKey, "The security token included in the request is invalid.")
	}
	if err := x.verify(cred.Secret); err != nil {
		return x.refused(err)
	}
	if subtle.ConstantTimeCompare([]byte(cred.SessionToken), []byte(x.sig.SessionToken)) != 1 {
		return authError(x.protocol, wrongToken, "The security token included in the request is invalid.")
	}
	if !cred.Expires.IsZero() && !x.call.Time.Before(cred.Expires) {
		return authError(x.protocol, expiredToken, "The security token included in the request is expired")
	}
	x.call.Caller = cred.Caller
	x.call.Caller.AccessKeyID = x.sig.AccessKeyID
	return nil
}

// authenticateMachine finds the hybrid node that signed with its own key. There are few operations that it may call so.
func (x *exchange) authenticateMachine(ctx context.Context) error {
	unknown := authError(x.protocol, unknownKey, "The security token included in the request is invalid.")
	if x.op == nil || !x.op.OrMachine || x.gw.cfg.Machines == nil {
		return unknown
	}
	key, caller, ok, err := x.gw.cfg.Machines.Machine(ctx, x.sig.Region, x.sig.AccessKeyID)
	if err != nil {
		return err
	}
	if !ok {
		return &Error{Code: "InvalidInstanceId", Message: "Not existing InstanceId " + printable(x.sig.AccessKeyID)}
	}
	if err := x.sig.VerifyRSA(x.r, x.body, key, x.call.Time); err != nil {
		return x.refused(err)
	}
	x.call.Caller = caller
	return nil
}

// checkScope compares what the credential is scoped to with what the request asks for.
func (x *exchange) checkScope() error {
	if x.protocol == RESTXML {
		return x.checkRESTScope()
	}
	if x.sig.Service != x.svc.Name {
		return authError(x.protocol, wrongSignature, "Credential should be scoped to correct service: '"+x.svc.Name+"'.")
	}
	if want := hostRegion(x.r.Host); want != "" && want != x.sig.Region || !isRegion(x.sig.Region) {
		return authError(x.protocol, wrongSignature, "Credential should be scoped to a valid region, not '"+printable(x.sig.Region)+"'.")
	}
	return nil
}

// refused turns what sigv4 says into the protocol's error.
func (x *exchange) refused(err error) error {
	var refusal *sigv4.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	if e := x.refusedREST(refusal); e != nil {
		return e
	}
	kind := wrongSignature
	switch refusal.Class {
	case sigv4.ErrMissing:
		kind = noSignature
	case sigv4.ErrIncomplete:
		kind = unreadableSignature
	case sigv4.ErrExpired:
		kind = oldSignature
	}
	return authError(x.protocol, kind, refusal.Message)
}
