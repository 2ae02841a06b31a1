-- The state of a deploy of examples/web with the version of commit 8916bc8, before steps of the schema were remembered.
-- The issuer's key is left out, and most events are.
CREATE TABLE ec2_instance (
		account TEXT NOT NULL, region TEXT NOT NULL, id TEXT NOT NULL, instance TEXT NOT NULL,
		PRIMARY KEY (account, region, id)) WITHOUT ROWID;
INSERT INTO "ec2_instance" VALUES('111111111111','eu-west-1','i-042cc2b6119cbf87c','{"id":"i-042cc2b6119cbf87c","account":"111111111111","region":"eu-west-1","tags":{"App":"web","Environment":"dev","Name":"web-dev-2"},"profile":"arn:aws:iam::111111111111:instance-profile/slipway/web-dev-Node","ip":"10.0.0.5","state":"running","launched":"2026-11-28T19:46:30.421615599Z"}');
INSERT INTO "ec2_instance" VALUES('111111111111','eu-west-1','i-04690abd90d7e6f85','{"id":"i-04690abd90d7e6f85","account":"111111111111","region":"eu-west-1","tags":{"App":"web","Environment":"dev","Name":"web-dev-1"},"profile":"arn:aws:iam::111111111111:instance-profile/slipway/web-dev-Node","ip":"10.0.0.4","state":"running","launched":"2026-11-28T19:46:30.421348072Z"}');
INSERT INTO "ec2_instance" VALUES('111111111111','eu-west-1','i-09b6b8fab4570c15d','{"id":"i-09b6b8fab4570c15d","account":"111111111111","region":"eu-west-1","tags":{"App":"web","Environment":"dev","Name":"web-dev-3"},"profile":"arn:aws:iam::111111111111:instance-profile/slipway/web-dev-Node","ip":"10.0.0.6","state":"running","launched":"2026-11-28T19:46:30.421763228Z"}');
CREATE TABLE events (
			id INTEGER PRIMARY KEY, time INTEGER NOT NULL, source TEXT NOT NULL, name TEXT NOT NULL,
			account TEXT NOT NULL, body TEXT NOT NULL);
INSERT INTO "events" VALUES(1,1795895190884,'sts.amazonaws.com','AssumeRole','111111111111','{"eventVersion":"1.11","userIdentity":{"type":"AWSService","principalId":"ec2.amazonaws.com"},"eventTime":"2026-11-28T19:46:30.884894857Z","eventSource":"sts.amazonaws.com","eventName":"AssumeRole","awsRegion":"eu-west-1","sourceIPAddress":"ec2.amazonaws.com","requestParameters":null,"responseElements":null,"requestID":"","eventID":"","eventType":"AwsApiCall","recipientAccountId":"111111111111","resources":[{"ARN":"arn:aws:iam::111111111111:role/slipway/web-dev-Node","accountId":"111111111111"}],"slipway":{"checks":[{"action":"sts:AssumeRole","resource":"arn:aws:iam::111111111111:role/slipway/web-dev-Node","decision":"Allowed","layer":"none"}]}}');
INSERT INTO "events" VALUES(2,1795895190885,'ssm.amazonaws.com','UpdateInstanceInformation','111111111111','{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAVDNJDK2AWQTC6WPEL:i-042cc2b6119cbf87c","arn":"arn:aws:sts::111111111111:assumed-role/web-dev-Node/i-042cc2b6119cbf87c","accountId":"111111111111","accessKeyId":"ASIAEU675EK2NXC7FFFX","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAVDNJDK2AWQTC6WPEL","arn":"arn:aws:iam::111111111111:role/slipway/web-dev-Node","accountId":"111111111111","userName":"web-dev-Node"}}},"eventTime":"2026-11-28T19:46:30.885818677Z","eventSource":"ssm.amazonaws.com","eventName":"UpdateInstanceInformation","awsRegion":"eu-west-1","sourceIPAddress":"127.0.0.1","userAgent":"amazon-ssm-agent/3.3.3050.0 (slipway built-in node)","requestParameters":{"agentName":"amazon-ssm-agent","agentStatus":"Active","agentVersion":"3.3.3050.0","computerName":"i-042cc2b6119cbf87c.eu-west-1.compute.internal","iPAddress":"10.0.0.5","instanceId":"i-042cc2b6119cbf87c","platformName":"Amazon Linux","platformType":"Linux","platformVersion":"2023"},"responseElements":null,"requestID":"c3ff6343-cdd4-4e13-b823-71ce2b18acb3","eventID":"4b139c79-7f9c-4948-ac4e-7bca8fc178e7","eventType":"AwsApiCall","recipientAccountId":"111111111111","resources":[{"ARN":"arn:aws:ec2:eu-west-1:111111111111:instance/i-042cc2b6119cbf87c","accountId":"111111111111"}],"slipway":{"checks":[{"action":"ssm:UpdateInstanceInformation","resource":"arn:aws:ec2:eu-west-1:111111111111:instance/i-042cc2b6119cbf87c","context":{"ec2:SourceInstanceARN":["arn:aws:ec2:eu-west-1:111111111111:instance/i-042cc2b6119cbf87c"],"ssm:SourceInstanceARN":["arn:aws:ec2:eu-west-1:111111111111:instance/i-042cc2b6119cbf87c"]},"decision":"Allowed","decisive":["node/ReportToSystemsManager"]}]}}');
INSERT INTO "events" VALUES(3,1795895191461,'sts.amazonaws.com','AssumeRole','111111111111','{"eventVersion":"1.11","userIdentity":{"type":"AWSService","principalId":"ec2.amazonaws.com"},"eventTime":"2026-11-28T19:46:31.461184357Z","eventSource":"sts.amazonaws.com","eventName":"AssumeRole","awsRegion":"eu-west-1","sourceIPAddress":"ec2.amazonaws.com","requestParameters":null,"responseElements":null,"requestID":"","eventID":"","eventType":"AwsApiCall","recipientAccountId":"111111111111","resources":[{"ARN":"arn:aws:iam::111111111111:role/slipway/web-dev-Node","accountId":"111111111111"}],"slipway":{"checks":[{"action":"sts:AssumeRole","resource":"arn:aws:iam::111111111111:role/slipway/web-dev-Node","decision":"Allowed","layer":"none"}]}}');
INSERT INTO "events" VALUES(59,1795895193732,'ec2messages.amazonaws.com','GetMessages','111111111111','{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAVDNJDK2AWQTC6WPEL:i-09b6b8fab4570c15d","arn":"arn:aws:sts::111111111111:assumed-role/web-dev-Node/i-09b6b8fab4570c15d","accountId":"111111111111","accessKeyId":"ASIASW2J26NDVA4GBLXZ","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAVDNJDK2AWQTC6WPEL","arn":"arn:aws:iam::111111111111:role/slipway/web-dev-Node","accountId":"111111111111","userName":"web-dev-Node"}}},"eventTime":"2026-11-28T19:46:33.732530768Z","eventSource":"ec2messages.amazonaws.com","eventName":"GetMessages","awsRegion":"eu-west-1","sourceIPAddress":"127.0.0.1","userAgent":"amazon-ssm-agent/3.3.3050.0 (slipway built-in node)","requestParameters":{"destination":"i-09b6b8fab4570c15d","messagesRequestId":"eb8c0f69-e3af-47d3-9609-f855487d2990","visibilityTimeoutInSeconds":10},"responseElements":null,"requestID":"472bd3dc-678f-4cb5-a518-d9addea8b7ce","eventID":"4903731a-0d5f-4740-94b8-e6d890938f79","eventType":"AwsApiCall","recipientAccountId":"111111111111","slipway":{"checks":[{"action":"ec2messages:GetMessages","resource":"arn:aws:ec2messages:eu-west-1:111111111111:*","context":{"ec2:SourceInstanceARN":["arn:aws:ec2:eu-west-1:111111111111:instance/i-09b6b8fab4570c15d"],"ssm:SourceInstanceARN":["arn:aws:ec2:eu-west-1:111111111111:instance/i-09b6b8fab4570c15d"]},"decision":"Allowed","decisive":["node/ReceiveCommands"]}]}}');
CREATE TABLE iam_accounts (id TEXT PRIMARY KEY);
INSERT INTO "iam_accounts" VALUES('111111111111');
CREATE TABLE iam_attached (
		account TEXT NOT NULL, kind TEXT NOT NULL, owner TEXT NOT NULL, arn TEXT NOT NULL,
		PRIMARY KEY (account, kind, owner, arn));
CREATE TABLE iam_inline (
		account TEXT NOT NULL, kind TEXT NOT NULL, owner TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
		PRIMARY KEY (account, kind, owner, name));
INSERT INTO "iam_inline" VALUES('111111111111','user','administrator','AdministratorAccess','{"Version":"2012-10-17","Statement":[{"Sid":"Everything","Effect":"Allow","Action":"*","Resource":"*"}]}');
INSERT INTO "iam_inline" VALUES('111111111111','role','web-dev-Deploy','deploy','{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "QueueDeployCommand",
      "Effect": "Allow",
      "Action": "ssm:SendCommand",
      "Resource": "arn:aws:ssm:eu-west-1:111111111111:document/web-dev-release"
    },
    {
      "Sid": "PollDeployStatus",
      "Effect": "Allow",
      "Action": "ssm:GetCommandInvocation",
      "Resource": "*"
    },
    {
      "Sid": "QueueDeployCommandToTaggedNodes",
      "Effect": "Allow",
      "Action": "ssm:SendCommand",
      "Resource": "arn:aws:ec2:eu-west-1:111111111111:instance/*",
      "Condition": {
        "StringEquals": {
          "ssm:resourceTag/App": "web",
          "ssm:resourceTag/Environment": "dev"
        }
      }
    },
    {
      "Sid": "FindTargets",
      "Effect": "Allow",
      "Action": [
        "ec2:DescribeInstances",
        "ssm:DescribeInstanceInformation"
      ],
      "Resource": "*"
    },
    {
      "Sid": "WatchDeployNodes",
      "Effect": "Allow",
      "Action": "ssm:ListCommandInvocations",
      "Resource": "*"
    },
    {
      "Sid": "FindEarlierSends",
      "Effect": "Allow",
      "Action": "ssm:ListCommands",
      "Resource": "*"
    },
    {
      "Sid": "PublishDeployDocument",
      "Effect": "Allow",
      "Action": [
        "ssm:DescribeDocument",
        "ssm:CreateDocument",
        "ssm:UpdateDocument",
        "ssm:ListDocumentVersions"
      ],
      "Resource": "arn:aws:ssm:eu-west-1:111111111111:document/web-dev-release"
    },
    {
      "Sid": "StopDeployOnInterrupt",
      "Effect": "Allow",
      "Action": "ssm:CancelCommand",
      "Resource": "*"
    }
  ]
}
');
INSERT INTO "iam_inline" VALUES('111111111111','role','web-dev-Node','node','{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "ReportToSystemsManager",
      "Effect": "Allow",
      "Action": [
        "ssm:UpdateInstanceInformation",
        "ssm:ListInstanceAssociations"
      ],
      "Resource": "arn:aws:ec2:eu-west-1:111111111111:instance/*"
    },
    {
      "Sid": "ReceiveCommands",
      "Effect": "Allow",
      "Action": [
        "ec2messages:GetMessages",
        "ec2messages:AcknowledgeMessage",
        "ec2messages:SendReply",
        "ec2messages:FailMessage",
        "ec2messages:DeleteMessage",
        "ec2messages:GetEndpoint"
      ],
      "Resource": "*"
    },
    {
      "Sid": "ReceiveCommandsOverControlChannel",
      "Effect": "Allow",
      "Action": [
        "ssmmessages:CreateControlChannel",
        "ssmmessages:OpenControlChannel"
      ],
      "Resource": "*"
    }
  ]
}
');
CREATE TABLE iam_keys (
		id TEXT PRIMARY KEY, account TEXT NOT NULL, user TEXT NOT NULL, secret TEXT NOT NULL,
		active INTEGER NOT NULL, created INTEGER NOT NULL);
INSERT INTO "iam_keys" VALUES('AKIAZIYAZNSLKUQEDLP4','111111111111','administrator','ZV9PV7HhzO5xBMslRRjqQMmxL6Aed3tkCYGK3LeD',1,1795895190);
CREATE TABLE iam_policies (
		arn TEXT PRIMARY KEY, account TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL, id TEXT NOT NULL,
		created INTEGER NOT NULL, updated INTEGER NOT NULL, description TEXT NOT NULL, version INTEGER NOT NULL);
CREATE TABLE iam_policy_versions (
		arn TEXT NOT NULL, version INTEGER NOT NULL, document TEXT NOT NULL, created INTEGER NOT NULL,
		PRIMARY KEY (arn, version));
CREATE TABLE iam_profiles (
		account TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL, id TEXT NOT NULL, created INTEGER NOT NULL,
		role TEXT NOT NULL);
INSERT INTO "iam_profiles" VALUES('111111111111','web-dev-Node','/slipway/','AIPATVW4WQYU4DB7WZTTL',1795895190,'web-dev-Node');
CREATE TABLE iam_providers (
		arn TEXT PRIMARY KEY, account TEXT NOT NULL, url TEXT NOT NULL, clients TEXT NOT NULL, thumbprints TEXT NOT NULL,
		created INTEGER NOT NULL);
INSERT INTO "iam_providers" VALUES('arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com','111111111111','https://token.actions.githubusercontent.com','["sts.amazonaws.com"]','[]',1795895190);
CREATE TABLE iam_roles (
		account TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL, id TEXT NOT NULL, created INTEGER NOT NULL,
		boundary TEXT NOT NULL DEFAULT '', trust TEXT NOT NULL, description TEXT NOT NULL, max_session INTEGER NOT NULL,
		tags TEXT NOT NULL);
INSERT INTO "iam_roles" VALUES('111111111111','web-dev-Deploy','/slipway/','AROACHM6H4DZVNOUAMO3V',1795895190,'','{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "GitHubActions",
      "Effect": "Allow",
      "Principal": {
        "Federated": "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"
      },
      "Action": "sts:AssumeRoleWithWebIdentity",
      "Condition": {
        "StringEquals": {
          "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
          "token.actions.githubusercontent.com:sub": "repo:acme/web:environment:dev"
        }
      }
    }
  ]
}
','',3600,'null');
INSERT INTO "iam_roles" VALUES('111111111111','web-dev-Node','/slipway/','AROAVDNJDK2AWQTC6WPEL',1795895190,'','{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "Ec2Instances",
      "Effect": "Allow",
      "Principal": {
        "Service": "ec2.amazonaws.com"
      },
      "Action": "sts:AssumeRole"
    }
  ]
}
','',3600,'null');
CREATE TABLE iam_sessions (
		id TEXT PRIMARY KEY, secret TEXT NOT NULL, token TEXT NOT NULL, account TEXT NOT NULL, role TEXT NOT NULL,
		role_id TEXT NOT NULL, name TEXT NOT NULL, policies TEXT NOT NULL, tags TEXT NOT NULL, source TEXT NOT NULL,
		expires INTEGER NOT NULL, instance TEXT NOT NULL DEFAULT '');
INSERT INTO "iam_sessions" VALUES('ASIADBEUBCJTS7W2MGQ4','N54SkZ5TYYwNZVB2Hntsu19OrKlkeV5ZnFjrBWU6','y6Z6nIAhd3AH8TlvxJ+PrxPo6GrGvNh2MlrlIZGkYgahygRno0uvhvP0NQsNGgvG9TNbd81WDeN5FhZ8yTv7wgmn0XannRuBANxTSy+4WRfSQrg3IW/jM/oNJYgkVO8c','111111111111','web-dev-Deploy','AROACHM6H4DZVNOUAMO3V','slipway','null','null','',1795898791,'');
CREATE TABLE iam_users (
		account TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL, id TEXT NOT NULL, created INTEGER NOT NULL,
		boundary TEXT NOT NULL DEFAULT '');
INSERT INTO "iam_users" VALUES('111111111111','administrator','/','AIDAL2IZS2DYR6VDRFPKE',1795895190,'');
CREATE TABLE ssm_command (
		seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, region TEXT NOT NULL,
		requested INTEGER NOT NULL, expires INTEGER NOT NULL, document TEXT NOT NULL,
		status TEXT NOT NULL, details TEXT NOT NULL, cancelled INTEGER NOT NULL DEFAULT 0,
		targets INTEGER NOT NULL, completed INTEGER NOT NULL DEFAULT 0,
		errors INTEGER NOT NULL DEFAULT 0, undelivered INTEGER NOT NULL DEFAULT 0,
		request TEXT NOT NULL, payload TEXT NOT NULL, limits TEXT NOT NULL);
INSERT INTO "ssm_command" VALUES(1,'5a3c47ef-830e-419b-8a14-3d267dfddf71','111111111111','eu-west-1',1795895191837254703,1795895851837254703,'web-dev-release','Success','Success',0,3,3,0,0,'{"Targets":[{"Key":"tag:App","Values":["web"]},{"Key":"tag:Environment","Values":["dev"]}],"DocumentName":"web-dev-release","DocumentVersion":"1","DocumentHash":"09d662ea2c82af708dee09ed4c05f8979f68af0ca82f075869efa76493e31f2a","DocumentHashType":"Sha256","TimeoutSeconds":300,"Comment":"slipway web/dev/release 1c029e50bfa7","Parameters":{"Version":["1.0.0"]},"MaxConcurrency":"100%","MaxErrors":"0"}','{"CommandId":"5a3c47ef-830e-419b-8a14-3d267dfddf71","DocumentName":"web-dev-release","DocumentContent":{"description":"Made by slipway. Runs release.sh; takes no free-form commands.","mainSteps":[{"action":"aws:runShellScript","inputs":{"onFailure":"exit","runCommand":["#!/bin/sh","# Made by slipway from release.sh: change it there.","[ -n \"${HOME:-}\" ] || HOME=/root","PATH=${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}","case \":$PATH:\" in *:/usr/local/bin:*) ;; *) PATH=$PATH:/usr/local/bin ;; esac","export HOME PATH","[ -n \"${SSM_Version+x}\" ] || SSM_Version=''{{ Version }}''","export Version=\"$SSM_Version\"","find \"${TMPDIR:-/tmp}\" -maxdepth 1 -name ''slipway.????????'' -type d -user \"$(id -u)\" -mtime +2 -exec rm -rf {} + 2\u003e/dev/null || :","slipway_dir=$(mktemp -d \"${TMPDIR:-/tmp}/slipway.XXXXXXXX\") || exit 1","trap ''rm -rf \"$slipway_dir\"'' EXIT","trap ''exit 129'' HUP; trap ''exit 130'' INT; trap ''exit 143'' TERM","slipway_script=\"$slipway_dir/release.sh\"","cat \u003e\"$slipway_script\" \u003c\u003c''SLIPWAY_SCRIPT'' || exit 1","# Installs $Version beside the version that is running, switches to it, and restarts the application.","# It needs only Go: the application is the few lines of main.go below, built on the node.","root=\"$HOME/web\"","new=\"$root/versions/$Version\"","mkdir -p \"$new\" \"$root/run\"","","echo \"installing $Version in $new\"","cat \u003e\"$new/main.go\" \u003c\u003c''GO''","package main","","import (","\t\"flag\"","\t\"fmt\"","\t\"io\"","\t\"net\"","\t\"net/http\"","\t\"os\"","\t\"time\"",")","","var version = \"unknown\" // set when it is built","","func main() {","\taddressFile := flag.String(\"address-file\", \"\", \"serve, and write the address here\")","\task := flag.String(\"ask\", \"\", \"ask the application that serves at this URL\")","\tflag.Parse()","\tvar err error","\tif *ask != \"\" {","\t\terr = answerOf(*ask)","\t} else {","\t\terr = serve(*addressFile)","\t}","\tif err != nil {","\t\tfmt.Fprintln(os.Stderr, \"web:\", err)","\t\tos.Exit(1)","\t}","}","","func serve(addressFile string) error {","\tlistener, err := net.Listen(\"tcp\", \"127.0.0.1:0\")","\tif err != nil {","\t\treturn err","\t}","\tif err := os.WriteFile(addressFile, []byte(\"http://\"+listener.Addr().String()), 0o644); err != nil {","\t\treturn err","\t}","\treturn http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {","\t\tif version == \"broken\" {","\t\t\thttp.Error(w, \"web broken: no connection to the database\", http.StatusServiceUnavailable)","\t\t\treturn","\t\t}","\t\tfmt.Fprintf(w, \"hello from web %s\\n\", version)","\t}))","}","","func answerOf(url string) error {","\tclient := http.Client{Timeout: 5 * time.Second}","\tresponse, err := client.Get(url)","\tif err != nil {","\t\treturn err","\t}","\tdefer response.Body.Close()","\tbody, err := io.ReadAll(io.LimitReader(response.Body, 4096))","\tif err != nil {","\t\treturn err","\t}","\tfmt.Printf(\"%s answered %d: %s\", url, response.StatusCode, body)","\tif response.StatusCode != http.StatusOK {","\t\treturn fmt.Errorf(\"the application is not healthy\")","\t}","\treturn nil","}","GO","(cd \"$new\" \u0026\u0026 go build -buildvcs=false -ldflags \"-X main.version=$Version\" -o web main.go)","","if [ -f \"$root/run/pid\" ]; then","  echo \"stopping the version that is running\"","  kill \"$(cat \"$root/run/pid\")\" 2\u003e/dev/null || echo \"it was not running\"","fi","rm -f \"$root/run/address\"","ln -sfn \"$new\" \"$root/current\"","","echo \"starting $Version\"","nohup \"$root/current/web\" -address-file \"$root/run/address\" \u003e\"$root/run/web.log\" 2\u003e\u00261 \u003c/dev/null \u0026","echo $! \u003e\"$root/run/pid\"","SLIPWAY_SCRIPT","slipway_code=0","if command -v bash \u003e/dev/null 2\u003e\u00261; then","  bash -Eeuo pipefail \"$slipway_script\" \u003c/dev/null || slipway_code=$?","else","  /bin/sh -eu \"$slipway_script\" \u003c/dev/null || slipway_code=$?","fi","case $slipway_code in","137) slipway_why=\"killed, most often because memory ran out; the agent would report a timeout\" ;;","168) slipway_why=\"the agent would report success and skip the remaining steps\" ;;","169) slipway_why=\"the agent would skip the remaining steps\" ;;","194) slipway_why=\"the agent would reboot the node and run the script again\" ;;","*) exit \"$slipway_code\" ;;","esac","echo \"slipway: the script exited with $slipway_code ($slipway_why); reported as 1\" \u003e\u00262","exit 1"],"timeoutSeconds":"300"},"name":"release","precondition":{"StringEquals":["platformType","Linux"]}},{"action":"aws:runShellScript","inputs":{"onFailure":"exit","runCommand":["#!/bin/sh","# Made by slipway from validate.sh: change it there.","[ -n \"${HOME:-}\" ] || HOME=/root","PATH=${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}","case \":$PATH:\" in *:/usr/local/bin:*) ;; *) PATH=$PATH:/usr/local/bin ;; esac","export HOME PATH","[ -n \"${SSM_Version+x}\" ] || SSM_Version=''{{ Version }}''","export Version=\"$SSM_Version\"","find \"${TMPDIR:-/tmp}\" -maxdepth 1 -name ''slipway.????????'' -type d -user \"$(id -u)\" -mtime +2 -exec rm -rf {} + 2\u003e/dev/null || :","slipway_dir=$(mktemp -d \"${TMPDIR:-/tmp}/slipway.XXXXXXXX\") || exit 1","trap ''rm -rf \"$slipway_dir\"'' EXIT","trap ''exit 129'' HUP; trap ''exit 130'' INT; trap ''exit 143'' TERM","slipway_script=\"$slipway_dir/validate.sh\"","cat \u003e\"$slipway_script\" \u003c\u003c''SLIPWAY_SCRIPT'' || exit 1","# Asks the running program: the release counts only if it answers, and answers well.","root=\"$HOME/web\"","for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do","  [ -s \"$root/run/address\" ] \u0026\u0026 break","  sleep 0.25","done","if [ ! -s \"$root/run/address\" ]; then","  echo \"the application did not start:\" \u003e\u00262","  cat \"$root/run/web.log\" \u003e\u00262","  exit 1","fi","\"$root/current/web\" -ask \"$(cat \"$root/run/address\")\"","SLIPWAY_SCRIPT","slipway_code=0","if command -v bash \u003e/dev/null 2\u003e\u00261; then","  bash -Eeuo pipefail \"$slipway_script\" \u003c/dev/null || slipway_code=$?","else","  /bin/sh -eu \"$slipway_script\" \u003c/dev/null || slipway_code=$?","fi","case $slipway_code in","137) slipway_why=\"killed, most often because memory ran out; the agent would report a timeout\" ;;","168) slipway_why=\"the agent would report success and skip the remaining steps\" ;;","169) slipway_why=\"the agent would skip the remaining steps\" ;;","194) slipway_why=\"the agent would reboot the node and run the script again\" ;;","*) exit \"$slipway_code\" ;;","esac","echo \"slipway: the script exited with $slipway_code ($slipway_why); reported as 1\" \u003e\u00262","exit 1"],"timeoutSeconds":"60"},"name":"validate","precondition":{"StringEquals":["platformType","Linux"]}}],"parameters":{"Version":{"allowedPattern":"^[A-Za-z0-9._:/@+=,-]{0,512}$","description":"Reaches the script as the environment variable Version.","interpolationType":"ENV_VAR","type":"String"}},"schemaVersion":"2.2"},"Parameters":{"Version":"1.0.0"},"OutputS3BucketName":"","OutputS3KeyPrefix":"","CloudWatchLogGroupName":"","CloudWatchOutputEnabled":"false"}','{"Concurrency":3,"Errors":0,"SlowStart":true,"Delivery":300000000000,"Execution":360000000000,"Steps":["release","validate"]}');
CREATE TABLE ssm_document (
		account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
		created INTEGER NOT NULL, target_type TEXT NOT NULL, tags TEXT NOT NULL,
		default_version INTEGER NOT NULL, latest_version INTEGER NOT NULL,
		PRIMARY KEY (account, region, name)) WITHOUT ROWID;
INSERT INTO "ssm_document" VALUES('111111111111','eu-west-1','web-dev-release',1795895191835217103,'','[]',1,1);
CREATE TABLE ssm_document_version (
		account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL,
		created INTEGER NOT NULL, version_name TEXT NOT NULL, display_name TEXT NOT NULL,
		format TEXT NOT NULL, content TEXT NOT NULL, hash TEXT NOT NULL,
		PRIMARY KEY (account, region, name, version),
		FOREIGN KEY (account, region, name) REFERENCES ssm_document ON DELETE CASCADE) WITHOUT ROWID;
INSERT INTO "ssm_document_version" VALUES('111111111111','eu-west-1','web-dev-release',1,1795895191835217103,'','','JSON','{"schemaVersion":"2.2","description":"Made by slipway. Runs release.sh; takes no free-form commands.","parameters":{"Version":{"type":"String","description":"Reaches the script as the environment variable Version.","allowedPattern":"^[A-Za-z0-9._:/@+=,-]{0,512}$","interpolationType":"ENV_VAR"}},"mainSteps":[{"action":"aws:runShellScript","name":"release","precondition":{"StringEquals":["platformType","Linux"]},"inputs":{"onFailure":"exit","timeoutSeconds":"300","runCommand":["#!/bin/sh","# Made by slipway from release.sh: change it there.","[ -n \"${HOME:-}\" ] || HOME=/root","PATH=${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}","case \":$PATH:\" in *:/usr/local/bin:*) ;; *) PATH=$PATH:/usr/local/bin ;; esac","export HOME PATH","[ -n \"${SSM_Version+x}\" ] || SSM_Version=''{{ Version }}''","export Version=\"$SSM_Version\"","find \"${TMPDIR:-/tmp}\" -maxdepth 1 -name ''slipway.????????'' -type d -user \"$(id -u)\" -mtime +2 -exec rm -rf {} + 2>/dev/null || :","slipway_dir=$(mktemp -d \"${TMPDIR:-/tmp}/slipway.XXXXXXXX\") || exit 1","trap ''rm -rf \"$slipway_dir\"'' EXIT","trap ''exit 129'' HUP; trap ''exit 130'' INT; trap ''exit 143'' TERM","slipway_script=\"$slipway_dir/release.sh\"","cat >\"$slipway_script\" <<''SLIPWAY_SCRIPT'' || exit 1","# Installs $Version beside the version that is running, switches to it, and restarts the application.","# It needs only Go: the application is the few lines of main.go below, built on the node.","root=\"$HOME/web\"","new=\"$root/versions/$Version\"","mkdir -p \"$new\" \"$root/run\"","","echo \"installing $Version in $new\"","cat >\"$new/main.go\" <<''GO''","package main","","import (","\t\"flag\"","\t\"fmt\"","\t\"io\"","\t\"net\"","\t\"net/http\"","\t\"os\"","\t\"time\"",")","","var version = \"unknown\" // set when it is built","","func main() {","\taddressFile := flag.String(\"address-file\", \"\", \"serve, and write the address here\")","\task := flag.String(\"ask\", \"\", \"ask the application that serves at this URL\")","\tflag.Parse()","\tvar err error","\tif *ask != \"\" {","\t\terr = answerOf(*ask)","\t} else {","\t\terr = serve(*addressFile)","\t}","\tif err != nil {","\t\tfmt.Fprintln(os.Stderr, \"web:\", err)","\t\tos.Exit(1)","\t}","}","","func serve(addressFile string) error {","\tlistener, err := net.Listen(\"tcp\", \"127.0.0.1:0\")","\tif err != nil {","\t\treturn err","\t}","\tif err := os.WriteFile(addressFile, []byte(\"http://\"+listener.Addr().String()), 0o644); err != nil {","\t\treturn err","\t}","\treturn http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {","\t\tif version == \"broken\" {","\t\t\thttp.Error(w, \"web broken: no connection to the database\", http.StatusServiceUnavailable)","\t\t\treturn","\t\t}","\t\tfmt.Fprintf(w, \"hello from web %s\\n\", version)","\t}))","}","","func answerOf(url string) error {","\tclient := http.Client{Timeout: 5 * time.Second}","\tresponse, err := client.Get(url)","\tif err != nil {","\t\treturn err","\t}","\tdefer response.Body.Close()","\tbody, err := io.ReadAll(io.LimitReader(response.Body, 4096))","\tif err != nil {","\t\treturn err","\t}","\tfmt.Printf(\"%s answered %d: %s\", url, response.StatusCode, body)","\tif response.StatusCode != http.StatusOK {","\t\treturn fmt.Errorf(\"the application is not healthy\")","\t}","\treturn nil","}","GO","(cd \"$new\" && go build -buildvcs=false -ldflags \"-X main.version=$Version\" -o web main.go)","","if [ -f \"$root/run/pid\" ]; then","  echo \"stopping the version that is running\"","  kill \"$(cat \"$root/run/pid\")\" 2>/dev/null || echo \"it was not running\"","fi","rm -f \"$root/run/address\"","ln -sfn \"$new\" \"$root/current\"","","echo \"starting $Version\"","nohup \"$root/current/web\" -address-file \"$root/run/address\" >\"$root/run/web.log\" 2>&1 </dev/null &","echo $! >\"$root/run/pid\"","SLIPWAY_SCRIPT","slipway_code=0","if command -v bash >/dev/null 2>&1; then","  bash -Eeuo pipefail \"$slipway_script\" </dev/null || slipway_code=$?","else","  /bin/sh -eu \"$slipway_script\" </dev/null || slipway_code=$?","fi","case $slipway_code in","137) slipway_why=\"killed, most often because memory ran out; the agent would report a timeout\" ;;","168) slipway_why=\"the agent would report success and skip the remaining steps\" ;;","169) slipway_why=\"the agent would skip the remaining steps\" ;;","194) slipway_why=\"the agent would reboot the node and run the script again\" ;;","*) exit \"$slipway_code\" ;;","esac","echo \"slipway: the script exited with $slipway_code ($slipway_why); reported as 1\" >&2","exit 1"]}},{"action":"aws:runShellScript","name":"validate","precondition":{"StringEquals":["platformType","Linux"]},"inputs":{"onFailure":"exit","timeoutSeconds":"60","runCommand":["#!/bin/sh","# Made by slipway from validate.sh: change it there.","[ -n \"${HOME:-}\" ] || HOME=/root","PATH=${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}","case \":$PATH:\" in *:/usr/local/bin:*) ;; *) PATH=$PATH:/usr/local/bin ;; esac","export HOME PATH","[ -n \"${SSM_Version+x}\" ] || SSM_Version=''{{ Version }}''","export Version=\"$SSM_Version\"","find \"${TMPDIR:-/tmp}\" -maxdepth 1 -name ''slipway.????????'' -type d -user \"$(id -u)\" -mtime +2 -exec rm -rf {} + 2>/dev/null || :","slipway_dir=$(mktemp -d \"${TMPDIR:-/tmp}/slipway.XXXXXXXX\") || exit 1","trap ''rm -rf \"$slipway_dir\"'' EXIT","trap ''exit 129'' HUP; trap ''exit 130'' INT; trap ''exit 143'' TERM","slipway_script=\"$slipway_dir/validate.sh\"","cat >\"$slipway_script\" <<''SLIPWAY_SCRIPT'' || exit 1","# Asks the running program: the release counts only if it answers, and answers well.","root=\"$HOME/web\"","for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do","  [ -s \"$root/run/address\" ] && break","  sleep 0.25","done","if [ ! -s \"$root/run/address\" ]; then","  echo \"the application did not start:\" >&2","  cat \"$root/run/web.log\" >&2","  exit 1","fi","\"$root/current/web\" -ask \"$(cat \"$root/run/address\")\"","SLIPWAY_SCRIPT","slipway_code=0","if command -v bash >/dev/null 2>&1; then","  bash -Eeuo pipefail \"$slipway_script\" </dev/null || slipway_code=$?","else","  /bin/sh -eu \"$slipway_script\" </dev/null || slipway_code=$?","fi","case $slipway_code in","137) slipway_why=\"killed, most often because memory ran out; the agent would report a timeout\" ;;","168) slipway_why=\"the agent would report success and skip the remaining steps\" ;;","169) slipway_why=\"the agent would skip the remaining steps\" ;;","194) slipway_why=\"the agent would reboot the node and run the script again\" ;;","*) exit \"$slipway_code\" ;;","esac","echo \"slipway: the script exited with $slipway_code ($slipway_why); reported as 1\" >&2","exit 1"]}}]}','09d662ea2c82af708dee09ed4c05f8979f68af0ca82f075869efa76493e31f2a');
CREATE TABLE ssm_invocation (
		seq INTEGER PRIMARY KEY, command INTEGER NOT NULL REFERENCES ssm_command ON DELETE CASCADE,
		account TEXT NOT NULL, region TEXT NOT NULL, instance TEXT NOT NULL,
		phase INTEGER NOT NULL, status TEXT NOT NULL, details TEXT NOT NULL,
		due INTEGER NOT NULL, trace TEXT NOT NULL DEFAULT '', plugins TEXT NOT NULL DEFAULT '{}',
		UNIQUE (command, instance));
INSERT INTO "ssm_invocation" VALUES(1,1,'111111111111','eu-west-1','i-042cc2b6119cbf87c',4,'Success','Success',0,'','{"release":{"Status":"Success","Details":"Success","Code":0,"Stdout":"installing 1.0.0 in /var/lib/state/nodes/i-042cc2b6119cbf87c/home/web/versions/1.0.0\nstarting 1.0.0\n","Output":"installing 1.0.0 in /var/lib/state/nodes/i-042cc2b6119cbf87c/home/web/versions/1.0.0\nstarting 1.0.0\n","Start":"2026-11-28T19:46:31.842Z","End":"2026-11-28T19:46:33.694Z"},"validate":{"Status":"Success","Details":"Success","Code":0,"Stdout":"http://127.0.0.1:39743 answered 200: hello from web 1.0.0\n","Output":"http://127.0.0.1:39743 answered 200: hello from web 1.0.0\n","Start":"2026-11-28T19:46:33.694Z","End":"2026-11-28T19:46:33.715Z"}}');
INSERT INTO "ssm_invocation" VALUES(2,1,'111111111111','eu-west-1','i-04690abd90d7e6f85',4,'Success','Success',0,'','{"release":{"Status":"Success","Details":"Success","Code":0,"Stdout":"installing 1.0.0 in /var/lib/state/nodes/i-04690abd90d7e6f85/home/web/versions/1.0.0\nstarting 1.0.0\n","Output":"installing 1.0.0 in /var/lib/state/nodes/i-04690abd90d7e6f85/home/web/versions/1.0.0\nstarting 1.0.0\n","Start":"2026-11-28T19:46:33.727Z","End":"2026-11-28T19:46:36.976Z"},"validate":{"Status":"Success","Details":"Success","Code":0,"Stdout":"http://127.0.0.1:34913 answered 200: hello from web 1.0.0\n","Output":"http://127.0.0.1:34913 answered 200: hello from web 1.0.0\n","Start":"2026-11-28T19:46:36.976Z","End":"2026-11-28T19:46:37Z"}}');
INSERT INTO "ssm_invocation" VALUES(3,1,'111111111111','eu-west-1','i-09b6b8fab4570c15d',4,'Success','Success',0,'','{"release":{"Status":"Success","Details":"Success","Code":0,"Stdout":"installing 1.0.0 in /var/lib/state/nodes/i-09b6b8fab4570c15d/home/web/versions/1.0.0\nstarting 1.0.0\n","Output":"installing 1.0.0 in /var/lib/state/nodes/i-09b6b8fab4570c15d/home/web/versions/1.0.0\nstarting 1.0.0\n","Start":"2026-11-28T19:46:33.728Z","End":"2026-11-28T19:46:36.69Z"},"validate":{"Status":"Success","Details":"Success","Code":0,"Stdout":"http://127.0.0.1:42091 answered 200: hello from web 1.0.0\n","Output":"http://127.0.0.1:42091 answered 200: hello from web 1.0.0\n","Start":"2026-11-28T19:46:36.69Z","End":"2026-11-28T19:46:36.771Z"}}');
CREATE TABLE ssm_message (
		id TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL, instance TEXT NOT NULL,
		command INTEGER NOT NULL REFERENCES ssm_command ON DELETE CASCADE,
		cancels TEXT NOT NULL, created INTEGER NOT NULL, visible INTEGER NOT NULL,
		PRIMARY KEY (account, region, instance, id)) WITHOUT ROWID;
CREATE TABLE ssm_node (
		account TEXT NOT NULL, region TEXT NOT NULL, instance TEXT NOT NULL,
		registered INTEGER NOT NULL, pinged INTEGER NOT NULL, info TEXT NOT NULL,
		PRIMARY KEY (account, region, instance)) WITHOUT ROWID;
INSERT INTO "ssm_node" VALUES('111111111111','eu-west-1','i-042cc2b6119cbf87c',1795895190886899629,1795895190886899629,'{"AgentName":"amazon-ssm-agent","AgentVersion":"3.3.3050.0","AgentStatus":"Active","ComputerName":"i-042cc2b6119cbf87c.eu-west-1.compute.internal","IPAddress":"10.0.0.5","PlatformType":"Linux","PlatformName":"Amazon Linux","PlatformVersion":"2023"}');
INSERT INTO "ssm_node" VALUES('111111111111','eu-west-1','i-04690abd90d7e6f85',1795895191467695579,1795895191467695579,'{"AgentName":"amazon-ssm-agent","AgentVersion":"3.3.3050.0","AgentStatus":"Active","ComputerName":"i-04690abd90d7e6f85.eu-west-1.compute.internal","IPAddress":"10.0.0.4","PlatformType":"Linux","PlatformName":"Amazon Linux","PlatformVersion":"2023"}');
INSERT INTO "ssm_node" VALUES('111111111111','eu-west-1','i-09b6b8fab4570c15d',1795895191814634041,1795895191814634041,'{"AgentName":"amazon-ssm-agent","AgentVersion":"3.3.3050.0","AgentStatus":"Active","ComputerName":"i-09b6b8fab4570c15d.eu-west-1.compute.internal","IPAddress":"10.0.0.6","PlatformType":"Linux","PlatformName":"Amazon Linux","PlatformVersion":"2023"}');
CREATE TABLE sts_issuer (id INTEGER PRIMARY KEY CHECK (id = 1), key BLOB NOT NULL);
CREATE INDEX events_time ON events (time);
CREATE INDEX events_name ON events (name, time);
CREATE UNIQUE INDEX iam_users_name ON iam_users (account, name COLLATE NOCASE);
CREATE UNIQUE INDEX iam_roles_name ON iam_roles (account, name COLLATE NOCASE);
CREATE UNIQUE INDEX iam_policies_name ON iam_policies (account, name COLLATE NOCASE);
CREATE UNIQUE INDEX iam_profiles_name ON iam_profiles (account, name COLLATE NOCASE);
CREATE INDEX ssm_command_owner ON ssm_command (account, region, seq);
CREATE INDEX ssm_invocation_phase ON ssm_invocation (command, phase);
CREATE INDEX ssm_invocation_node ON ssm_invocation (account, region, instance, seq);
CREATE INDEX ssm_invocation_due ON ssm_invocation (due) WHERE phase < 4;
