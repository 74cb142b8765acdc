//! How the server is reached, known, and told who is there.

use std::sync::Arc;
use std::{env, fs};

use smtp_proto::Mechanism;
use smtp_proto::sasl::Credentials;
use smtp_proto_blocking::client::Security;
use smtp_proto_blocking::tls::rustls::{ClientConfig, RootCertStore};
use smtp_proto_blocking::tls::{Connector, rustls};

use crate::options::{Options, Tls};

/// How the session is to be encrypted. `Err`: what the command line names cannot be had.
pub(crate) fn security(options: &Options) -> Result<Security, String> {
    let to = |connector: Connector| {
        let host = options.host();
        connector.to(host).map_err(|error| format!("no certificate can name {host}: {error}"))
    };
    if options.ca.is_some() {
        // Wrong is wrong, though nobody is checked in the clear.
        trusted(options)?;
    }
    Ok(match options.tls {
        Tls::None => Security::None,
        // A path, or what no certificate can name, is reached in clear.
        Tls::Starttls => {
            to(Connector::unverified()).map_or(Security::None, Security::Opportunistic)
        }
        Tls::Required => Security::Required(to(trusted(options)?)?),
        Tls::Implicit => Security::Implicit(to(trusted(options)?)?),
    })
}

/// Those of a file, or those that the system trusts.
fn trusted(options: &Options) -> Result<Connector, String> {
    if let Some(path) = &options.ca {
        let pem = fs::read(path).map_err(|error| format!("cannot read {path}: {error}"))?;
        return Connector::trusting(&pem).map_err(|error| format!("cannot use {path}: {error}"));
    }
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(system.certs);
    if roots.is_empty() {
        return Err("this system trusts nobody: name a file with --ca".to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Connector::from(Arc::new(config)).verifying())
}

/// What AUTH is done with; nothing without --user.
pub(crate) fn credentials(options: &Options) -> Result<Option<Credentials>, String> {
    let (Some(user), Some(name)) = (&options.user, &options.password_env) else {
        return Ok(None);
    };
    let password = env::var(name).map_err(|error| format!("--password-env {name}: {error}"))?;
    if password.is_empty() {
        return Err(format!("--password-env {name}: the password is empty"));
    }
    let is = |names: &[&str]| {
        options.mechanism().is_some_and(|mechanism| names.iter().any(|name| mechanism.is(name)))
    };
    Ok(Some(match () {
        () if is(&["XOAUTH2", "OAUTHBEARER"]) => Credentials::bearer(user, password),
        () => Credentials::plain(user, password),
    }))
}

/// The name of a mechanism.
pub(crate) fn mechanism(text: &str) -> Result<String, &'static str> {
    Mechanism::new(text)
        .map(|mechanism| mechanism.to_string())
        .ok_or("expected the name of a mechanism, such as PLAIN")
}
