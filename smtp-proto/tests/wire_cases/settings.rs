//! What a row asks of the server's configuration.

use smtp_proto::server::{ChunkNewlines, Config, Early, Flavour, Newlines, StartTls};
use smtp_proto::testing::cases::{Case, MESSAGE_MAX, Policy};
use smtp_proto::{Extension, Mechanisms, Syntax};
use std::sync::Arc;

/// The configuration for a row, with more policies than it names; an error names what the server cannot be told.
pub(crate) fn config(case: &Case<'_>, more: &[Policy<'_>]) -> Result<Arc<Config>, String> {
    let mut config = Config::new("mx.test").map_err(|error| error.to_string())?;
    if case.pre.is_lmtp() {
        config.flavour = Flavour::Lmtp;
    }
    config.limits.message = MESSAGE_MAX;
    config.starttls = StartTls::Offered;
    config.auth.in_tls = Mechanisms::of(["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"]);
    for policy in case.policies.iter().chain(more) {
        set(&mut config, policy)?;
    }
    Ok(Arc::new(config))
}

fn set(config: &mut Config, policy: &Policy<'_>) -> Result<(), String> {
    match *policy {
        Policy::NormaliseNewlines => config.newlines = Newlines::Normalise,
        Policy::RefuseInChunks => config.newlines_in_chunks = ChunkNewlines::Refuse,
        Policy::KeepInChunks => config.newlines_in_chunks = ChunkNewlines::Keep,
        Policy::AllowEarly => config.early = Early::Allow,
        Policy::Tolerate(name) => config.syntax = config.syntax.with(tolerance(name)?),
        Policy::Insist(name) => config.syntax = config.syntax.without(tolerance(name)?),
        Policy::Without(keyword) => {
            let extension = Extension::parse(keyword)
                .ok_or_else(|| format!("no extension is called {keyword}"))?;
            config.offer = config.offer.clone().without(extension);
        }
        Policy::TlsOff => config.starttls = StartTls::Off,
        Policy::TlsRequired => config.starttls = StartTls::Required,
        Policy::AuthInClear => config.auth.in_clear = config.auth.in_tls.clone(),
        other => return Err(format!("{other:?} is not built")),
    }
    Ok(())
}

fn tolerance(name: &str) -> Result<Syntax, String> {
    Syntax::named(name).ok_or_else(|| format!("no tolerance is called {name}"))
}
