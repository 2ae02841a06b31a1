# Makes the calls that clients_test.go asks for with boto3: a JSON object a line in, one a line out.
import json
import os
import sys

import boto3
from botocore import xform_name
from botocore.exceptions import ClientError, WaiterError


def client(service, credentials):
    session = boto3.Session(**credentials) if credentials else boto3.Session()
    # Old releases do not know AWS_ENDPOINT_URL.
    return session.client(service, endpoint_url=os.environ["AWS_ENDPOINT_URL"])


def answer(request):
    c = client(request["service"], request.get("credentials"))
    operation, arguments = request["operation"], request["in"]
    if operation == "wait":
        c.get_waiter("command_executed").wait(**arguments)
        return {}
    out = getattr(c, xform_name(operation))(**arguments)
    if hasattr(out.get("Body"), "read"):
        out["Body"] = out["Body"].read().decode()
    return out


for line in sys.stdin:
    try:
        reply = {"out": answer(json.loads(line))}
    except ClientError as e:
        reply = {"code": e.response["Error"]["Code"], "message": str(e)}
    except WaiterError as e:
        reply = {"code": "WaiterError", "message": str(e)}
    print(json.dumps(reply, default=str), flush=True)
