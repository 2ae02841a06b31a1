package shell

import "testing"

// TestR098AsTheyAreWritten: whole steps, after the shapes of public pipelines.
func TestR098AsTheyAreWritten(t *testing.T) {
	t.Parallel()
	check(t, []shape{
		{"a loop with everything wrong", `COMMAND_ID=$(aws ssm send-command \
  --instance-ids "${{ secrets.EC2_INSTANCE_ID }}" \
  --document-name "AWS-RunShellScript" \
  --comment "Deploy ${{ github.sha }}" \
  --timeout-seconds 600 \
  --parameters 'commands=[
    "cd /home/ubuntu/app",
    "git pull origin main",
    "docker compose up -d --build"
  ]' \
  --query 'Command.CommandId' \
  --output text)
echo "Command ID: $COMMAND_ID"
for i in {1..30}; do
  STATUS=$(aws ssm get-command-invocation \
    --command-id "$COMMAND_ID" \
    --instance-id "${{ secrets.EC2_INSTANCE_ID }}" \
    --query 'Status' --output text 2>/dev/null || echo "Pending")
  echo "Attempt $i/30: $STATUS"
  if [ "$STATUS" = "Success" ]; then
    echo "deployed"
    break
  elif [ "$STATUS" = "Failed" ] || [ "$STATUS" = "Cancelled" ] || [ "$STATUS" = "TimedOut" ]; then
    aws ssm get-command-invocation --command-id "$COMMAND_ID" --instance-id "${{ secrets.EC2_INSTANCE_ID }}" --query 'StandardErrorContent' --output text
    exit 1
  fi
  sleep 10
done
`, "1:111 6:107 6:112 15:102 15:104"},
		{"a wait and a check", `CMD_ID=$(aws ssm send-command --instance-ids "$INSTANCE_ID" --document-name shop-release --query "Command.CommandId" --output text)
aws ssm wait command-executed --command-id "$CMD_ID" --instance-id "$INSTANCE_ID" || true
RESULT=$(aws ssm get-command-invocation --command-id "$CMD_ID" --instance-id "$INSTANCE_ID" --query "[Status,StandardOutputContent]" --output text)
echo "$RESULT"
`, "2:103"},
		{"a status by grep", `OUT=$(aws ssm send-command --instance-ids i-1 --document-name shop-release)
ID=$(echo "$OUT" | jq -r '.Command.CommandId')
sleep 15
RESULT=$(aws ssm get-command-invocation --command-id "$ID" --instance-id i-1)
echo "$RESULT"
if echo "$RESULT" | grep -q '"Status": "Success"'; then
  echo ok
else
  exit 1
fi
`, ""},
		{"a while over and", `set -euo pipefail
CID=$(aws ssm send-command --targets "Key=tag:App,Values=shop" --document-name shop-release --query Command.CommandId --output text)
STATUS="InProgress"
while [[ "$STATUS" == "InProgress" || "$STATUS" == "Pending" ]]; do
  sleep 5
  STATUS=$(aws ssm list-commands --command-id "$CID" --query "Commands[0].Status" --output text)
done
if [[ "$STATUS" != "Success" ]]; then
  echo "::error::deploy ended $STATUS"
  exit 1
fi
`, "4:105"},
		{"attempts", `MAX_ATTEMPTS=60
ATTEMPT=0
ID=$(aws ssm send-command --instance-ids i-1 --document-name shop-release --query Command.CommandId --output text)
while [ $ATTEMPT -lt $MAX_ATTEMPTS ]; do
  sleep 5
  STATUS=$(aws ssm get-command-invocation --command-id $ID --instance-id i-1 --query Status --output text) || STATUS="Unknown"
  case $STATUS in
    Success) echo done; exit 0;;
    Failed|TimedOut|Cancelled) exit 1;;
  esac
  ATTEMPT=$((ATTEMPT + 1))
done
echo "timed out"; exit 1
`, "3:136 6:104"},
		{"inputs say whether to wait", `ID=$(aws ssm send-command --instance-ids i-1 --document-name shop-release --query Command.CommandId --output text)
if [ "${{ inputs.wait }}" = "true" ]; then
  sleep 5
  for n in $(seq 1 ${{ inputs.tries }}); do
    S=$(aws ssm get-command-invocation --command-id "$ID" --instance-id i-1 --query Status --output text)
    [ "$S" = Success ] && exit 0
    [ "$S" = Failed ] || [ "$S" = TimedOut ] || [ "$S" = Cancelled ] && exit 1
    sleep 10
  done
  exit 1
fi
`, ""},
		{"a fleet in parallel, wait alone", `ids="i-1 i-2"
ID=$(aws ssm send-command --instance-ids $ids --document-name shop-release --query Command.CommandId --output text)
sleep 5
check() {
  for n in 1 2 3 4 5 6 7 8 9 10; do
    S=$(aws ssm get-command-invocation --command-id "$ID" --instance-id "$1" --query Status --output text)
    case "$S" in Success) return 0;; Failed|TimedOut|Cancelled) return 1;; esac
    sleep 30
  done
  return 1
}
for i in $ids; do check "$i" & done
wait
`, "6:102 6:104"},
		{"several instances, one command each", `for INSTANCE in $INSTANCES; do
  ID=$(aws ssm send-command --instance-ids "$INSTANCE" --document-name shop-release --query Command.CommandId --output text)
  echo "$INSTANCE: $ID"
done
`, "2:101"},
		{"ids in an array", `declare -A sent
for INSTANCE in i-1 i-2; do
  sent[$INSTANCE]=$(aws ssm send-command --instance-ids "$INSTANCE" --document-name shop-release --query Command.CommandId --output text)
done
sleep 5
for INSTANCE in "${!sent[@]}"; do
  for n in {1..60}; do
    S=$(aws ssm get-command-invocation --command-id "${sent[$INSTANCE]}" --instance-id "$INSTANCE" --query Status --output text)
    case "$S" in Success) break;; Failed|TimedOut|Cancelled) exit 1;; esac
    sleep 5
  done
  [ "$S" = Success ] || { aws ssm cancel-command --command-id "${sent[$INSTANCE]}"; exit 1; }
done
`, ""},
		{"retries with a count of errors", `ID=$(aws ssm send-command --instance-ids i-1 --document-name shop-release --query Command.CommandId --output text)
errors=0
for n in {1..120}; do
  sleep 5
  if ! S=$(aws ssm get-command-invocation --command-id "$ID" --instance-id i-1 --query Status --output text); then
    errors=$((errors+1))
    if [ $errors -ge 3 ]; then echo "cannot read the status"; exit 1; fi
    continue
  fi
  case "$S" in Success) exit 0;; Failed|TimedOut|Cancelled) exit 1;; esac
done
aws ssm cancel-command --command-id "$ID"
exit 1
`, ""},
		{"a heartbeat beside it", `ID=$(aws ssm send-command --instance-ids i-1 --document-name shop-release --query Command.CommandId --output text)
(while true; do echo "still there"; sleep 60; done) &
beat=$!
trap 'kill $beat' EXIT
sleep 5
end=$((SECONDS+1800))
until [[ $S == Success ]]; do
  S=$(aws ssm get-command-invocation --command-id "$ID" --instance-id i-1 --query Status --output text)
  [[ $S =~ ^(Failed|TimedOut|Cancelled)$ ]] && exit 1
  (( SECONDS < end )) || { aws ssm cancel-command --command-id "$ID"; exit 1; }
  sleep 5
done
`, ""},
		{"waits for something else first", `until aws ssm describe-instance-information --filters Key=InstanceIds,Values=i-1 --query 'InstanceInformationList[0].PingStatus' --output text | grep -q Online; do sleep 5; done
ID=$(aws ssm send-command --instance-ids i-1 --document-name shop-release --query Command.CommandId --output text)
sleep 5
S=$(aws ssm get-command-invocation --command-id "$ID" --instance-id i-1 --query Status --output text)
test "$S" = "Success"
`, ""},
		{"the status as JSON's word", `ID=$(aws ssm send-command --instance-ids i-1 --document-name shop-release --query Command.CommandId --output text)
sleep 5
while :; do
  S=$(aws ssm get-command-invocation --command-id "$ID" --instance-id i-1 --query Status)
  if [ "$S" == '"Success"' ]; then break; fi
  if [ "$S" == '"Failed"' ]; then exit 1; fi
  sleep 3
done
`, "3:105 4:106"},
		{"list with details", `ID=$(aws ssm send-command --instance-ids i-1 --document-name shop-release --query Command.CommandId --output text)
sleep 5
for i in $(seq 1 60); do
  R=$(aws ssm list-command-invocations --command-id "$ID" --details)
  S=$(jq -r '.CommandInvocations[0].Status' <<< "$R")
  case "$S" in
    Success) jq -r '.CommandInvocations[0].CommandPlugins[0].Output' <<< "$R"; exit 0 ;;
    Pending|InProgress|Delayed|Cancelling|null) sleep 10 ;;
    *) exit 1 ;;
  esac
done
aws ssm cancel-command --command-id "$ID"
exit 1
`, ""},
		{"counts of a fleet", `ID=$(aws ssm send-command --targets Key=tag:App,Values=shop --document-name shop-release --query Command.CommandId --output text)
sleep 5
for i in $(seq 1 60); do
  open=$(aws ssm list-command-invocations --command-id "$ID" --query "length(CommandInvocations[?Status=='InProgress' || Status=='Pending' || Status=='Delayed'])")
  [ "$open" -eq 0 ] && break
  sleep 10
done
bad=$(aws ssm list-command-invocations --command-id "$ID" --query "CommandInvocations[?Status!='Success'].InstanceId" --output text)
if [ -n "$bad" ]; then echo "failed: $bad"; exit 1; fi
`, "1:136"},
		{"a fleet by filters, of which one is forgotten", `ID=$(aws ssm send-command --targets Key=tag:App,Values=shop --document-name shop-release --query Command.CommandId --output text)
sleep 5
for i in $(seq 1 60); do
  open=$(aws ssm list-command-invocations --command-id "$ID" --query "length(CommandInvocations[?Status=='InProgress'||Status=='Pending'||Status=='Delayed'])")
  [ "$open" -eq 0 ] && break
  sleep 10
done
bad=$(aws ssm list-command-invocations --command-id "$ID" --query "CommandInvocations[?Status=='Failed'].InstanceId" --output text)
if [ -n "$bad" ]; then echo "failed: $bad"; exit 1; fi
`, "8:102 8:106"},
		{"one of several", `ID=$(aws ssm send-command --targets Key=tag:App,Values=shop --document-name shop-release --query Command.CommandId --output text)
sleep 5
for n in $NODES; do
  S=$(aws ssm list-command-invocations --command-id "$ID" --query "CommandInvocations[?InstanceId=='$n'].Status" --output text)
  [ "$S" = Success ] || exit 1
done
`, ""},
		{"looks for others first", `busy=$(aws ssm list-commands --filters key=Status,value=InProgress --query 'length(Commands)' --output text 2>/dev/null || echo 0)
ID=$(aws ssm send-command --instance-ids i-1 --document-name shop-release --query Command.CommandId --output text)
sleep 5
[ "$(aws ssm get-command-invocation --command-id "$ID" --instance-id i-1 --query Status --output text)" = Success ]
`, ""},
	})
}
