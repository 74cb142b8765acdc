//! Certificates, made as they are needed.

use core::sync::atomic::{AtomicU32, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};

/// Who signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub(crate) pem: String,
}

/// A certificate with its key, in PEM.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) chain: String,
    pub(crate) key: String,
}

/// The years in which a certificate is valid.
pub(crate) const NOW: [i32; 2] = [2020, 4000];
pub(crate) const PAST: [i32; 2] = [2020, 2021];
pub(crate) const FUTURE: [i32; 2] = [3999, 4000];

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = params(&[], NOW);
        // Each has a name of its own, as some know whom to ask by the name alone.
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        params.distinguished_name.push(DnType::CommonName, format!("Authority {number}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// The certificate of a server that has these names.
    pub(crate) fn issue(&self, names: &[&str], years: [i32; 2]) -> Certificate {
        self.sign(params(names, years), ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// The certificate of a client.
    pub(crate) fn issue_to_client(&self, name: &str) -> Certificate {
        self.sign(params(&[name], NOW), ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(&self, mut params: CertificateParams, usage: ExtendedKeyUsagePurpose) -> Certificate {
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Certificate { chain: certificate.pem(), key: key.serialize_pem() }
    }
}

/// A certificate that nobody vouches for, as `openssl req -x509` makes it.
pub(crate) fn self_signed(names: &[&str]) -> Certificate {
    let (mut params, key) = (params(names, NOW), KeyPair::generate().expect("a key"));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).expect("a certificate");
    Certificate { chain: certificate.pem(), key: key.serialize_pem() }
}

fn params(names: &[&str], [from, to]: [i32; 2]) -> CertificateParams {
    let alternatives: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(alternatives).expect("names of hosts");
    if let Some(name) = names.first() {
        params.distinguished_name.push(DnType::CommonName, *name);
    }
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
    params
}
