#!/bin/sh
# Runs where slipway runs, with the credentials of the stage's Test role and no others.
set -eu
echo "testing $SLIPWAY_APP in stage $SLIPWAY_STAGE"
test -n "$AWS_ACCESS_KEY_ID"
test -n "$AWS_SESSION_TOKEN"
# A real test asks the application, and reads what it wrote:
#   aws dynamodb get-item --table-name "shop-$SLIPWAY_STAGE-orders" --key '{"id": {"S": "smoke"}}'
echo "the shop answers"
