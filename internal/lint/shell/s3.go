package shell

import (
	"slices"
	"strings"
)

// transfers are the commands of aws s3 that copy.
var transfers = []string{"cp", "mv", "sync"}

// ofS3 is what a command of aws s3 calls: it is put together from operations, by where it copies from and to.
func (u use) ofS3(command, name string, args []Word) use {
	paths, flags := operands(args)
	recursive := slices.Contains(flags, "--recursive")
	switch {
	case slices.Contains(transfers, name):
		return u.transfer(command, name, paths, recursive, slices.Contains(flags, "--delete"))
	case name == "ls" && len(paths) == 0:
		return u.needs(command, "s3:ListAllMyBuckets")
	case name == "ls":
		return u.needs(command, "s3:ListBucket")
	case name == "rm" && recursive:
		return u.needs(command, "s3:ListBucket", "s3:DeleteObject")
	case name == "rm":
		return u.needs(command, "s3:DeleteObject")
	case name == "mb":
		return u.needs(command, "s3:CreateBucket")
	case name == "rb" && slices.Contains(flags, "--force"):
		return u.needs(command, "s3:ListBucket", "s3:DeleteObject", "s3:DeleteBucket")
	case name == "rb":
		return u.needs(command, "s3:DeleteBucket")
	case name == "presign":
		return u.needs(command, "s3:GetObject")
	}
	return u.cannot(command, "which actions it needs is not known here")
}

// transfer is what a copy calls.
func (u use) transfer(command, name string, paths []Word, recursive, deletes bool) use {
	if len(paths) < 2 {
		return u.cannot(command, "where it copies from and to is decided while it runs")
	}
	from, to := kindOf(paths[0]), kindOf(paths[1])
	switch {
	case from == open && to == open:
		return u.cannot(command, "whether it copies from S3 or to it is decided while it runs")
	case from == open && to == local: // one of the two must be in S3
		from = inS3
	case from == local && to == open:
		to = inS3
	}
	// A side that is still open may lie in S3 as well; only what is needed in any case is told.
	var actions []string
	if recursive && from == inS3 || name == "sync" { // sync lists both sides, a copy what it copies from
		actions = append(actions, "s3:ListBucket")
	}
	if from == inS3 {
		actions = append(actions, "s3:GetObject")
	}
	if to == inS3 {
		actions = append(actions, "s3:PutObject")
	}
	if name == "mv" && from == inS3 || deletes && to == inS3 {
		actions = append(actions, "s3:DeleteObject")
	}
	if len(actions) == 0 {
		return u.cannot(command, "neither of its paths is in S3")
	}
	return u.needs(command, actions...)
}

// place is where a path of aws s3 lies.
type place int

const (
	local place = iota
	inS3
	open // a variable decides
)

func kindOf(w Word) place {
	switch {
	case strings.HasPrefix(w.Text, "s3://"):
		return inS3
	case !w.Whole && (w.Text == "" || strings.HasPrefix("s3://", w.Text)):
		return open
	}
	return local
}

// s3Switches are the options of aws s3 that take no value (AWS CLI command reference).
var s3Switches = []string{
	"--recursive", "--delete", "--quiet", "--only-show-errors", "--no-progress", "--dryrun", "--force", "--follow-symlinks",
	"--no-follow-symlinks", "--exact-timestamps", "--size-only", "--human-readable", "--summarize", "--force-glacier-transfer",
	"--no-guess-mime-type", "--ignore-glacier-warnings", "--no-overwrite", "--no-sign-request", "--no-verify-ssl", "--no-paginate", "--debug",
	"--no-cli-pager",
}

// operands parts the paths of a command of aws s3 from its options.
func operands(args []Word) (paths []Word, flags []string) {
	for i := 0; i < len(args); i++ {
		name, _, assigned := strings.Cut(args[i].Text, "=")
		switch {
		case !strings.HasPrefix(name, "--"):
			paths = append(paths, args[i])
		case assigned || slices.Contains(s3Switches, name):
			flags = append(flags, name)
		default:
			flags = append(flags, name)
			i++ // its value
		}
	}
	return paths, flags
}
