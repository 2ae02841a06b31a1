// Makes the calls that clients_test.go asks for with the AWS SDK for JavaScript: a JSON object a line in, one a line out.
import { createRequire } from "node:module";
import readline from "node:readline";

const require = createRequire(process.argv[2] + "/"); // where the packages are installed
const modules = {
  ssm: [require("@aws-sdk/client-ssm"), "SSMClient"],
  iam: [require("@aws-sdk/client-iam"), "IAMClient"],
  sts: [require("@aws-sdk/client-sts"), "STSClient"],
  s3: [require("@aws-sdk/client-s3"), "S3Client"],
};

async function answer({ service, operation, in: input, credentials }) {
  const [sdk, name] = modules[service];
  const options = {};
  if (credentials) {
    options.credentials = {
      accessKeyId: credentials.aws_access_key_id,
      secretAccessKey: credentials.aws_secret_access_key,
      sessionToken: credentials.aws_session_token,
    };
  }
  const client = new sdk[name](options);
  if (operation === "wait") {
    await sdk.waitUntilCommandExecuted({ client, maxWaitTime: 100 }, input);
    return {};
  }
  const out = await client.send(new sdk[operation + "Command"](input));
  if (out.Body?.transformToString) {
    out.Body = await out.Body.transformToString();
  }
  return out;
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let reply;
  try {
    reply = { out: await answer(request) };
  } catch (e) {
    const code = request.operation === "wait" ? "WaiterError" : (e.Error?.Code ?? e.name);
    reply = { code, message: String(e) };
  }
  console.log(JSON.stringify(reply));
}
