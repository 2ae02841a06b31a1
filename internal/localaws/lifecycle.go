package localaws

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/slipway-cd/slipway/internal/localaws/ec2"
)

// machine is what an instance runs on: a built-in node, or something that holds the real agent.
type machine interface {
	// Run works until ctx is done and then ends what runs. Its error is told in the log; the instance goes on without.
	Run(ctx context.Context) error
	// Close frees what the machine holds. It is called once, after Run.
	Close() error
}

// running is a machine at work.
type running struct {
	machine machine
	boot    int // which boot of the instance it is
	stop    context.CancelFunc
	ended   chan struct{}
}

// keyedMutex has one lock for each key.
type keyedMutex struct{ locks sync.Map }

func (m *keyedMutex) lock(key string) (unlock func()) {
	l, _ := m.locks.LoadOrStore(key, &sync.Mutex{})
	l.(*sync.Mutex).Lock()
	return l.(*sync.Mutex).Unlock
}

// instanceChanged hears from EC2 that an instance was told to start, stop, reboot or go, or has another profile.
func (a *AWS) instanceChanged(instance ec2.Instance) {
	a.spawn(func() {
		if err := a.reconcile(a.ctx, instance); err != nil && a.ctx.Err() == nil {
			a.config.Logf("instance %s: %v", instance.ID, err)
		}
	})
}

// spawn runs f beside, unless this local AWS is closing; Close waits for it. The lock keeps the wait group from being
// added to while it is waited for.
func (a *AWS) spawn(f func()) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ctx.Err() != nil {
		return false
	}
	a.machines.Go(f)
	return true
}

// reconcile makes the machine of an instance what its state says, and then the state what the machine is. The state is
// durable, so that what a killed process was about to do is done by the next one.
func (a *AWS) reconcile(ctx context.Context, instance ec2.Instance) error {
	defer a.transitions.lock(instance.ID)()
	instance, err := a.ec2.Instance(ctx, instance.Account, instance.Region, instance.ID)
	if errors.Is(err, ec2.ErrNotFound) {
		a.stopMachine(instance.ID)
		return nil
	}
	if err != nil {
		return err
	}
	switch instance.State {
	case ec2.Pending, ec2.Running:
		err = a.startMachine(instance)
		if err != nil && instance.State == ec2.Pending {
			return errors.Join(err, a.ec2.Fail(ctx, instance, "Server.InternalError", "Server.InternalError: Internal error on launch"))
		}
		if err != nil {
			return err
		}
	default:
		a.stopMachine(instance.ID)
	}
	if a.ctx.Err() != nil {
		return nil // the machine ended with this local AWS, not with its instance
	}
	return a.ec2.Settle(ctx, instance)
}

// startMachine gives an instance its machine, a new one if it was rebooted.
func (a *AWS) startMachine(instance ec2.Instance) error {
	a.mu.Lock()
	r := a.nodes[instance.ID]
	a.mu.Unlock()
	if r != nil && r.boot == instance.Boot {
		if m, ok := r.machine.(interface{ RenewCredentials() }); ok {
			m.RenewCredentials() // of another profile, perhaps
		}
		return nil
	}
	a.stopMachine(instance.ID)
	m, err := a.newMachine(instance)
	if err != nil {
		return err
	}
	a.noteLimits(m)
	return a.run(instance, m)
}

func (a *AWS) run(instance ec2.Instance, m machine) error {
	ctx, stop := context.WithCancel(a.ctx)
	r := &running{machine: m, boot: instance.Boot, stop: stop, ended: make(chan struct{})}
	started := a.spawn(func() {
		defer close(r.ended)
		if err := m.Run(ctx); err != nil {
			a.config.Logf("node %s: %v", instance.ID, err)
		}
		if err := m.Close(); err != nil {
			a.config.Logf("node %s: %v", instance.ID, err)
		}
	})
	if !started {
		stop()
		return errors.Join(fmt.Errorf("the local AWS is closing"), m.Close())
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.nodes[instance.ID] = r
	return nil
}

// stopMachine ends the machine of an instance, if there is one, and waits for that.
func (a *AWS) stopMachine(id string) {
	a.mu.Lock()
	r := a.nodes[id]
	delete(a.nodes, id)
	a.mu.Unlock()
	if r != nil {
		r.stop()
		<-r.ended
	}
}

// noteLimits keeps what the first machine says about its sandbox.
func (a *AWS) noteLimits(m machine) {
	limited, ok := m.(interface{ Limits() string })
	if !ok {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.limits == "" && limited.Limits() != "" {
		a.limits = limited.Limits()
		a.config.Logf("%s", a.limits)
	}
}
