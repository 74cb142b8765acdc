//! The client's side of CRAM-MD5 (RFC 2195), and what it reckons with.

use smtp_proto::Mechanism;
use smtp_proto::sasl::{Initiator, SaslError, Secret};

pub(crate) struct Client {
    name: &'static str,
    password: Secret,
}

impl Client {
    pub(crate) fn new(name: &'static str, password: &str) -> Self {
        Self { name, password: password.into() }
    }
}

impl Initiator for Client {
    fn mechanism(&self) -> Mechanism<'_> {
        Mechanism::new("CRAM-MD5").expect("it is a name")
    }

    fn initial(&mut self) -> Option<Secret> {
        None
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Secret, SaslError> {
        // RFC 2195 2: the challenge is a msg-id.
        if !(challenge.starts_with(b"<") && challenge.ends_with(b">")) {
            return Err(SaslError::Challenge);
        }
        let digest = hex(&hmac_md5(self.password.as_bytes(), challenge));
        Ok(Secret::from(format!("{} {digest}", self.name)))
    }
}

pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// RFC 2104.
pub(crate) fn hmac_md5(key: &[u8], text: &[u8]) -> [u8; 16] {
    let mut block = [0; 64];
    match key.len() {
        ..=64 => block[..key.len()].copy_from_slice(key),
        _ => block[..16].copy_from_slice(&md5(key)),
    }
    let inner = md5(&[&block.map(|octet| octet ^ 0x36)[..], text].concat());
    md5(&[&block.map(|octet| octet ^ 0x5c)[..], &inner].concat())
}

/// RFC 1321.
pub(crate) fn md5(text: &[u8]) -> [u8; 16] {
    const SHIFTS: [[u32; 4]; 4] =
        [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
    let mut padded = text.to_vec();
    padded.push(0x80);
    padded.resize((padded.len() + 8).next_multiple_of(64) - 8, 0);
    padded.extend((text.len() as u64 * 8).to_le_bytes());
    let mut state: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in padded.as_chunks::<64>().0 {
        let words = block.as_chunks::<4>().0;
        let [mut a, mut b, mut c, mut d] = state;
        for step in 0..64 {
            let (mixed, word) = match step / 16 {
                0 => ((b & c) | (!b & d), step),
                1 => ((d & b) | (!d & c), (5 * step + 1) % 16),
                2 => (b ^ c ^ d, (3 * step + 5) % 16),
                _ => (c ^ (b | !d), 7 * step % 16),
            };
            let sine = ((step + 1) as f64).sin().abs() * 4_294_967_296.0;
            let sum = a
                .wrapping_add(mixed)
                .wrapping_add(sine as u32)
                .wrapping_add(u32::from_le_bytes(words[word]));
            (a, d, c) = (d, c, b);
            b = b.wrapping_add(sum.rotate_left(SHIFTS[step / 16][step % 4]));
        }
        for (total, part) in state.iter_mut().zip([a, b, c, d]) {
            *total = total.wrapping_add(part);
        }
    }
    let mut digest = [0; 16];
    for (place, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *place = word.to_le_bytes();
    }
    digest
}
