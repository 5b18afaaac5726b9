//! moto: an S3, IAM and STS that enforces signatures and policies. One per test binary.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::sync::OnceLock;

use super::peer;

/// A running moto with one bucket, one user and one role that may be assumed.
#[derive(Debug)]
pub struct Moto {
    pub endpoint: String,
    pub address: String,
    pub bucket: &'static str,
    pub access_key_id: String,
    pub secret_access_key: String,
    pub role_arn: String,
    _child: Child,
}

impl Moto {
    /// The one of this test binary; started at first use.
    pub fn shared() -> &'static Self {
        static MOTO: OnceLock<Moto> = OnceLock::new();
        MOTO.get_or_init(Self::start)
    }

    fn start() -> Self {
        let bin = peer::root().join(".cache/peers/moto/bin");
        assert!(bin.join("moto_server").exists(), "moto is missing: run tests/peers/install moto");
        let port = peer::free_port();
        let mut command = peer::bound_to_us(bin.join("moto_server"));
        command
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            // moto_setup.py says why seven.
            .env("INITIAL_NO_AUTH_ACTION_COUNT", "7")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = peer::spawn(command);
        peer::wait_for_port(port, &mut child);
        let endpoint = format!("http://127.0.0.1:{port}");
        let bucket = "hush-hush-bucket-7f3a";
        let setup = std::process::Command::new(bin.join("python"))
            .arg(peer::root().join("tests/peers/moto_setup.py"))
            .args([&endpoint, bucket])
            .output()
            .unwrap();
        assert!(setup.status.success(), "{}", String::from_utf8_lossy(&setup.stderr));
        let facts: serde_json::Value = serde_json::from_slice(&setup.stdout).unwrap();
        let fact = |name: &str| facts[name].as_str().unwrap().to_owned();
        Self {
            endpoint,
            address: format!("127.0.0.1:{port}"),
            bucket,
            access_key_id: fact("access_key_id"),
            secret_access_key: fact("secret_access_key"),
            role_arn: fact("role_arn"),
            _child: child,
        }
    }

    /// Puts an object there without the gateway: signed by the AWS SDK for Python.
    pub fn put(&self, key: &str, content_type: &str, bytes: &[u8]) {
        let script = "import sys,boto3\n\
            from botocore.config import Config\n\
            e,k,s,b,key,t=sys.argv[1:]\n\
            c=boto3.client('s3',endpoint_url=e,region_name='eu-central-1',aws_access_key_id=k,\
            aws_secret_access_key=s,config=Config(s3={'addressing_style':'path'}))\n\
            c.put_object(Bucket=b,Key=key,Body=sys.stdin.buffer.read(),ContentType=t)\n";
        let mut child =
            std::process::Command::new(peer::root().join(".cache/peers/moto/bin/python"))
                .args(["-c", script, &self.endpoint, &self.access_key_id, &self.secret_access_key])
                .args([self.bucket, key, content_type])
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), bytes).unwrap();
        assert!(child.wait().unwrap().success(), "could not put {key}");
    }

    /// Everything under this prefix, key and bytes, as the AWS SDK for Python reads it.
    pub fn everything(&self, prefix: &str) -> BTreeMap<String, Vec<u8>> {
        let script = "import sys,json,boto3\n\
            from botocore.config import Config\n\
            e,k,s,b,p=sys.argv[1:]\n\
            c=boto3.client('s3',endpoint_url=e,region_name='eu-central-1',aws_access_key_id=k,\
            aws_secret_access_key=s,config=Config(s3={'addressing_style':'path'}))\n\
            keys=[o['Key'] for o in c.list_objects_v2(Bucket=b,Prefix=p).get('Contents',[])]\n\
            print(json.dumps({k:list(c.get_object(Bucket=b,Key=k)['Body'].read()) for k in keys}))\n";
        let output = std::process::Command::new(peer::root().join(".cache/peers/moto/bin/python"))
            .args(["-c", script, &self.endpoint, &self.access_key_id, &self.secret_access_key])
            .args([self.bucket, prefix])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}
