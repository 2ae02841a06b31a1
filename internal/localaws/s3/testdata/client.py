"""What boto3 does with S3: run by TestBoto3, with the endpoint in the environment. Every line is asserted."""
import datetime
import hashlib
import io
import os
import urllib.error
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError

s3 = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"], config=Config(signature_version="s3v4", retries={"max_attempts": 1}))
region = s3.meta.region_name


def refused(code, call, **parameters):
    try:
        call(**parameters)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, (error.response["Error"], code)
        return error.response
    raise AssertionError(f"{call.__name__} was not refused with {code}")


def fetch(url, data=None, method=None):
    request = urllib.request.Request(url, data=data, method=method)
    with urllib.request.urlopen(request) as answer:
        return answer.read()


# Buckets
refused("NoSuchBucket", s3.list_objects_v2, Bucket="py-bucket")
s3.create_bucket(Bucket="py-bucket", CreateBucketConfiguration={"LocationConstraint": region})
s3.get_waiter("bucket_exists").wait(Bucket="py-bucket", WaiterConfig={"Delay": 1, "MaxAttempts": 2})
refused("BucketAlreadyOwnedByYou", s3.create_bucket, Bucket="py-bucket", CreateBucketConfiguration={"LocationConstraint": region})
assert "py-bucket" in [b["Name"] for b in s3.list_buckets()["Buckets"]]
assert s3.get_bucket_location(Bucket="py-bucket")["LocationConstraint"] == region
# Another region's client is sent on.
elsewhere = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="us-east-1")
assert elsewhere.head_bucket(Bucket="py-bucket")["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == region

# Objects, with every checksum that this client can make by itself
body = os.urandom(3_000_000)
for algorithm in ["CRC32", "SHA1", "SHA256"]:
    s3.put_object(Bucket="py-bucket", Key="a/" + algorithm, Body=io.BytesIO(body), ChecksumAlgorithm=algorithm, Metadata={"n": "1"})
    got = s3.get_object(Bucket="py-bucket", Key="a/" + algorithm, ChecksumMode="ENABLED")
    assert got["Body"].read() == body and got["Checksum" + algorithm] and got["Metadata"] == {"n": "1"}, algorithm
assert s3.get_object(Bucket="py-bucket", Key="a/SHA1", Range="bytes=10-19")["Body"].read() == body[10:20]
refused("NoSuchKey", s3.get_object, Bucket="py-bucket", Key="nothing")
refused("404", s3.head_object, Bucket="py-bucket", Key="nothing")
refused("InvalidRange", s3.get_object, Bucket="py-bucket", Key="a/SHA1", Range="bytes=9999999-")
strange = "b/ü &?#%+/x"
s3.put_object(Bucket="py-bucket", Key=strange, Body=b"strange")
pages = s3.get_paginator("list_objects_v2").paginate(Bucket="py-bucket", PaginationConfig={"PageSize": 1})
assert [c["Key"] for page in pages for c in page.get("Contents", [])] == ["a/CRC32", "a/SHA1", "a/SHA256", strange]
top = s3.list_objects_v2(Bucket="py-bucket", Delimiter="/")
assert [p["Prefix"] for p in top["CommonPrefixes"]] == ["a/", "b/"] and top["KeyCount"] == 2
assert s3.list_objects(Bucket="py-bucket", Prefix="b/")["Contents"][0]["Key"] == strange
assert s3.get_object(Bucket="py-bucket", Key=strange)["Body"].read() == b"strange"

# Conditions
etag = s3.put_object(Bucket="py-bucket", Key="lock", Body=b"1", IfNoneMatch="*")["ETag"]
refused("PreconditionFailed", s3.put_object, Bucket="py-bucket", Key="lock", Body=b"2", IfNoneMatch="*")
second = s3.put_object(Bucket="py-bucket", Key="lock", Body=b"2", IfMatch=etag)["ETag"]
refused("PreconditionFailed", s3.put_object, Bucket="py-bucket", Key="lock", Body=b"3", IfMatch=etag)
refused("PreconditionFailed", s3.delete_object, Bucket="py-bucket", Key="lock", IfMatch=etag)
refused("304", s3.get_object, Bucket="py-bucket", Key="lock", IfNoneMatch=second)
s3.delete_object(Bucket="py-bucket", Key="lock", IfMatch=second)
refused("NoSuchKey", s3.put_object, Bucket="py-bucket", Key="lock", Body=b"3", IfMatch=second)

# Transfers in parts, there, back and from object to object
config = TransferConfig(multipart_threshold=6 << 20, multipart_chunksize=5 << 20)
big = os.urandom(12_000_000)
s3.upload_fileobj(io.BytesIO(big), "py-bucket", "big", Config=config, ExtraArgs={"ContentType": "application/zip"})
head = s3.head_object(Bucket="py-bucket", Key="big")
assert head["ETag"].endswith('-3"') and head["ContentType"] == "application/zip", head
into = io.BytesIO()
s3.download_fileobj("py-bucket", "big", into, Config=config)
assert into.getvalue() == big
s3.copy({"Bucket": "py-bucket", "Key": "big"}, "py-bucket", "big-parts", Config=config)
s3.copy_object(Bucket="py-bucket", Key="big-whole", CopySource={"Bucket": "py-bucket", "Key": "big"})
assert s3.head_object(Bucket="py-bucket", Key="big-whole")["ETag"] == '"' + hashlib.md5(big).hexdigest() + '"'
assert s3.get_object(Bucket="py-bucket", Key="big-parts")["Body"].read() == big
upload = s3.create_multipart_upload(Bucket="py-bucket", Key="half", ChecksumAlgorithm="SHA256")["UploadId"]
s3.upload_part(Bucket="py-bucket", Key="half", UploadId=upload, PartNumber=1, Body=b"x", ChecksumAlgorithm="SHA256")
assert s3.list_multipart_uploads(Bucket="py-bucket")["Uploads"][0]["UploadId"] == upload
assert s3.list_parts(Bucket="py-bucket", Key="half", UploadId=upload)["Parts"][0]["ChecksumSHA256"]
s3.abort_multipart_upload(Bucket="py-bucket", Key="half", UploadId=upload)
refused("NoSuchUpload", s3.list_parts, Bucket="py-bucket", Key="half", UploadId=upload)

# Presigned, fetched with plain HTTP
get = s3.generate_presigned_url("get_object", {"Bucket": "py-bucket", "Key": strange, "ResponseContentType": "text/plain"}, ExpiresIn=60)
assert fetch(get) == b"strange"
put = s3.generate_presigned_url("put_object", {"Bucket": "py-bucket", "Key": "put"}, ExpiresIn=60)
fetch(put, data=b"by plain HTTP", method="PUT")
assert s3.get_object(Bucket="py-bucket", Key="put")["Body"].read() == b"by plain HTTP"
try:
    fetch(get.replace("strange", "other").replace("X-Amz-Expires=60", "X-Amz-Expires=600"))
    raise AssertionError("a changed URL was served")
except urllib.error.HTTPError as error:
    assert error.code == 403, error

# Versions
s3.put_bucket_versioning(Bucket="py-bucket", VersioningConfiguration={"Status": "Enabled"})
assert s3.get_bucket_versioning(Bucket="py-bucket")["Status"] == "Enabled"
versions = [s3.put_object(Bucket="py-bucket", Key="v", Body=b"%d" % n)["VersionId"] for n in range(3)]
assert s3.get_object(Bucket="py-bucket", Key="v", VersionId=versions[1])["Body"].read() == b"1"
marker = s3.delete_object(Bucket="py-bucket", Key="v")
assert marker["DeleteMarker"] and refused("NoSuchKey", s3.get_object, Bucket="py-bucket", Key="v")
listed = s3.list_object_versions(Bucket="py-bucket", Prefix="v")
assert [v["VersionId"] for v in listed["Versions"]] == versions[::-1] and listed["DeleteMarkers"][0]["IsLatest"]

# Tags, policies and settings
s3.put_object_tagging(Bucket="py-bucket", Key="put", Tagging={"TagSet": [{"Key": "App", "Value": "shop"}]})
assert s3.get_object_tagging(Bucket="py-bucket", Key="put")["TagSet"] == [{"Key": "App", "Value": "shop"}]
s3.delete_object_tagging(Bucket="py-bucket", Key="put")
refused("NoSuchTagSet", s3.get_bucket_tagging, Bucket="py-bucket")
s3.put_bucket_tagging(Bucket="py-bucket", Tagging={"TagSet": [{"Key": "App", "Value": "shop"}]})
refused("NoSuchBucketPolicy", s3.get_bucket_policy, Bucket="py-bucket")
policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::py-bucket/put"}]}'
s3.put_bucket_policy(Bucket="py-bucket", Policy=policy)
assert s3.get_bucket_policy(Bucket="py-bucket")["Policy"] == policy
refused("AccessDenied", s3.get_object, Bucket="py-bucket", Key="put")
s3.delete_bucket_policy(Bucket="py-bucket")
refused("MalformedPolicy", s3.put_bucket_policy, Bucket="py-bucket", Policy="{}")
assert s3.get_bucket_encryption(Bucket="py-bucket")["ServerSideEncryptionConfiguration"]["Rules"][0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
assert s3.get_public_access_block(Bucket="py-bucket")["PublicAccessBlockConfiguration"]["BlockPublicPolicy"]
assert s3.get_bucket_ownership_controls(Bucket="py-bucket")["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
assert s3.get_bucket_acl(Bucket="py-bucket")["Grants"][0]["Permission"] == "FULL_CONTROL"
refused("NotImplemented", s3.put_object, Bucket="py-bucket", Key="kms", Body=b"x", ServerSideEncryption="aws:kms")
refused("AccessControlListNotSupported", s3.put_object, Bucket="py-bucket", Key="acl", Body=b"x", ACL="public-read")
refused("NotImplemented", s3.get_bucket_cors, Bucket="py-bucket")

# The end of it
refused("BucketNotEmpty", s3.delete_bucket, Bucket="py-bucket")
for page in s3.get_paginator("list_object_versions").paginate(Bucket="py-bucket", PaginationConfig={"PageSize": 5}):
    entries = page.get("Versions", []) + page.get("DeleteMarkers", [])
    deleted = s3.delete_objects(Bucket="py-bucket", Delete={"Objects": [{"Key": e["Key"], "VersionId": e["VersionId"]} for e in entries]})
    assert "Errors" not in deleted and len(deleted["Deleted"]) == len(entries), deleted
s3.delete_bucket(Bucket="py-bucket")
refused("404", s3.head_bucket, Bucket="py-bucket")
print("done")
