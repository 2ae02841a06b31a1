# The loop of "The two-IAM-roles trap" that swallows errors, completed where the article abbreviates, and ended after
# POLLS polls where the article's runs until the job's own timeout.
COMMAND_ID=$(aws ssm send-command \
  --instance-ids "$INSTANCE_ID" \
  --document-name "AWS-RunShellScript" \
  --parameters "$PARAMETERS" \
  --query 'Command.CommandId' --output text)

echo "Command ID: $COMMAND_ID"

polls=0
while [ "$polls" -lt "$POLLS" ]; do
  polls=$((polls + 1))
  STATUS=$(aws ssm get-command-invocation --command-id "$COMMAND_ID" --instance-id "$INSTANCE_ID" \
    --query 'Status' --output text 2>/dev/null || echo "InProgress")
  echo "Status: $STATUS"
  case "$STATUS" in
    Success)   echo "Deploy succeeded"; exit 0 ;;
    Failed|Cancelled|TimedOut) exit 1 ;;
    *) sleep "$SLEEP" ;;
  esac
done
echo "still $STATUS after $polls polls"
exit 124
