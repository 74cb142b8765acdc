//! What is known of a letter besides its content.

use core::net::IpAddr;

use serde_json::{Map, Value, json};
use smtp_proto::{ForwardPath, Mail, Param, Rcpt};

/// Sender, recipients and parameters of one transaction.
#[derive(Debug, Default)]
pub(crate) struct Envelope {
    from: String,
    params: Map<String, Value>,
    to: Vec<String>,
    rcpt_params: Vec<Map<String, Value>>,
}

/// How a letter came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way<'a> {
    pub(crate) client: Option<IpAddr>,
    pub(crate) helo: &'a str,
    pub(crate) tls: bool,
    pub(crate) user: Option<&'a str>,
    pub(crate) protocol: &'a str,
}

impl Envelope {
    pub(crate) fn new(mail: &Mail<'_>) -> Self {
        let from = mail.from.mailbox().map_or("", |mailbox| mailbox.as_str()).to_owned();
        Self { from, params: params(mail.params.iter()), ..Self::default() }
    }

    pub(crate) fn add(&mut self, rcpt: &Rcpt<'_>) {
        self.to.push(match rcpt.to {
            ForwardPath::Postmaster => "postmaster".to_owned(),
            ForwardPath::Mailbox(mailbox) => mailbox.as_str().to_owned(),
        });
        self.rcpt_params.push(params(rcpt.params.iter()));
    }

    /// What stands in the .json file.
    pub(crate) fn json(&self, way: Way<'_>, octets: u64) -> String {
        let Self { from, params, to, rcpt_params } = self;
        let Way { client, helo, tls, user, protocol } = way;
        json!({
            "client": client.map(|ip| ip.to_string()), "helo": helo, "tls": tls, "user": user, "protocol": protocol,
            "from": from, "to": to, "params": params, "rcpt_params": rcpt_params, "octets": octets,
        })
        .to_string()
    }
}

/// Names in upper case, values as on the wire.
fn params<'a>(params: impl Iterator<Item = Param<'a>>) -> Map<String, Value> {
    params
        .map(|param| {
            (param.keyword.to_ascii_uppercase(), param.value.map_or(Value::Bool(true), Value::from))
        })
        .collect()
}
