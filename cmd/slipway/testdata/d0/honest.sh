# The loop of "The two-IAM-roles trap" that does not swallow errors.
COMMAND_ID=$(aws ssm send-command \
  --instance-ids "$INSTANCE_ID" \
  --document-name "AWS-RunShellScript" \
  --parameters "$PARAMETERS" \
  --query 'Command.CommandId' --output text)

echo "Command ID: $COMMAND_ID"

while true; do
  STATUS=$(aws ssm get-command-invocation --command-id "$COMMAND_ID" --instance-id "$INSTANCE_ID" \
    --query 'Status' --output text)
  case "$STATUS" in
    Success)   echo "Deploy succeeded"; exit 0 ;;
    Failed)    aws ssm get-command-invocation --command-id "$COMMAND_ID" --instance-id "$INSTANCE_ID"; exit 1 ;;
    Cancelled) echo "Deploy cancelled"; exit 1 ;;
    TimedOut)  echo "Deploy timed out on the box"; exit 1 ;;
    Pending|InProgress|Delayed) sleep "$SLEEP" ;;
    *) echo "Unexpected status: $STATUS"; exit 1 ;;
  esac
done
