"""Makes a user, a role and a bucket in a moto that then enforces signatures and policies; prints them as JSON.

moto lets the first INITIAL_NO_AUTH_ACTION_COUNT actions pass unsigned: ACTIONS must be that many.
"""
import json
import sys

import boto3
from botocore.config import Config

ACTIONS = 7
endpoint, bucket = sys.argv[1], sys.argv[2]


def client(service, key="none", secret="none"):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="eu-central-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(s3={"addressing_style": "path"}),
    )


anything = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:*", "sts:*"], "Resource": "*"}],
})
# The user also tends SAML providers.
of_user = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:*", "sts:*", "iam:*SAMLProvider*"], "Resource": "*"}],
})
trust = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
})
iam = client("iam")
iam.create_user(UserName="gateway")
iam.put_user_policy(UserName="gateway", PolicyName="all", PolicyDocument=of_user)
key = iam.create_access_key(UserName="gateway")["AccessKey"]
role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=trust)["Role"]
iam.put_role_policy(RoleName="reader", PolicyName="all", PolicyDocument=anything)
client("s3").create_bucket(
    Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
)
# The last unsigned action; from the next one on every request must be signed.
iam.list_users()
signed = client("s3", key["AccessKeyId"], key["SecretAccessKey"])
signed.list_objects_v2(Bucket=bucket)
try:
    client("s3").list_objects_v2(Bucket=bucket)
    sys.exit("moto does not enforce signatures")
except Exception as refused:  # noqa: BLE001 - any refusal will do
    print(f"unsigned request refused: {type(refused).__name__}", file=sys.stderr)
print(json.dumps({
    "access_key_id": key["AccessKeyId"],
    "secret_access_key": key["SecretAccessKey"],
    "role_arn": role["Arn"],
}))
