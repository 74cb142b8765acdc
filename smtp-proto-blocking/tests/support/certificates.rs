//! Certificates for servers in tests, made when they are needed.

use std::sync::OnceLock;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};

/// The name in every certificate that does not say otherwise, beside the address of the loopback.
pub(crate) const NAME: &str = "mx.test";

/// A certificate and its key, in PEM.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) chain: String,
    pub(crate) key: String,
}

/// What a server may show, and the CA that a client trusts.
#[derive(Debug)]
pub(crate) struct Certificates {
    pub(crate) ca: String,
    pub(crate) good: Certificate,
    /// Of a server of another name.
    pub(crate) other_name: Certificate,
    pub(crate) expired: Certificate,
    /// Signed by a CA that nobody knows.
    pub(crate) unknown: Certificate,
    /// Signed by itself, as `openssl req -x509` makes it.
    pub(crate) own: Certificate,
}

impl Certificates {
    pub(crate) fn get() -> &'static Self {
        static MADE: OnceLock<Certificates> = OnceLock::new();
        MADE.get_or_init(Self::make)
    }

    /// The certificate that a script calls so.
    pub(crate) fn named(&self, name: &str) -> &Certificate {
        match name {
            "good" => &self.good,
            "other name" => &self.other_name,
            "expired" => &self.expired,
            "unknown" => &self.unknown,
            "own" => &self.own,
            other => panic!("there is no certificate {other:?}"),
        }
    }

    fn make() -> Self {
        let (ca, issuer) = authority("CA");
        let (_, nobody) = authority("Nobody");
        let mut expired = params(&[NAME, "127.0.0.1"]);
        expired.not_before = rcgen::date_time_ymd(2019, 1, 1);
        expired.not_after = rcgen::date_time_ymd(2020, 1, 1);
        Self {
            ca,
            good: signed(&params(&[NAME, "127.0.0.1"]), &issuer),
            other_name: signed(&params(&["other.test", "192.0.2.1"]), &issuer),
            expired: signed(&expired, &issuer),
            unknown: signed(&params(&[NAME, "127.0.0.1"]), &nobody),
            own: own(),
        }
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    CertificateParams::new(names).expect("names")
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let (mut params, key) = (params(&[]), key());
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let certificate = params.self_signed(&key).expect("a certificate");
    (certificate.pem(), Issuer::new(params, key))
}

fn signed(params: &CertificateParams, issuer: &Issuer<'static, KeyPair>) -> Certificate {
    let key = key();
    let certificate = params.signed_by(&key, issuer).expect("a certificate");
    Certificate { chain: certificate.pem(), key: key.serialize_pem() }
}

fn own() -> Certificate {
    let (mut params, key) = (params(&[NAME, "127.0.0.1"]), key());
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).expect("a certificate");
    Certificate { chain: certificate.pem(), key: key.serialize_pem() }
}
