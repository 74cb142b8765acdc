//! A mechanism from outside: CRAM-MD5 (RFC 2195) is plugged in on both sides.

use smtp_proto::sasl::{self, Credentials, Exchange, Initiator, SaslError, Secret, Step, Strength};
use smtp_proto::{Mechanism, Mechanisms};

/// The server's side. It looks up what it knows by itself, so it says in the end that the client is authenticated.
struct Server {
    challenge: Option<&'static str>,
    passwords: fn(&str) -> Option<Secret>,
}

impl Exchange for Server {
    fn step(&mut self, response: Option<&[u8]>) -> Step {
        match (self.challenge.take(), response) {
            (Some(_), Some(_)) => Step::Malformed,
            (Some(challenge), None) => Step::Challenge(challenge.into()),
            (None, response) => self.check(response.unwrap_or_default()),
        }
    }
}

impl Server {
    fn check(&self, response: &[u8]) -> Step {
        let text = core::str::from_utf8(response).unwrap_or_default();
        let Some((name, digest)) = text.rsplit_once(' ') else { return Step::Refused };
        let right = (self.passwords)(name).is_some_and(|password| {
            Secret::from(hex(&hmac_md5(password.as_bytes(), CHALLENGE.as_bytes())))
                .matches(digest.as_bytes())
        });
        if right { Step::Authenticated } else { Step::Refused }
    }
}

/// The client's side.
struct Client {
    name: &'static str,
    password: Secret,
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

const CHALLENGE: &str = "<1896.697170952@postoffice.reston.mci.net>";

fn passwords(name: &str) -> Option<Secret> {
    (name == "tim").then(|| Secret::from("tanstaaftanstaaf"))
}

fn server() -> Server {
    Server { challenge: Some(CHALLENGE), passwords }
}

fn client(name: &'static str, password: &str) -> Client {
    Client { name, password: password.into() }
}

#[test]
fn the_example_of_rfc_2195_2_is_authenticated() {
    let (mut server, mut client) = (server(), client("tim", "tanstaaftanstaaf"));
    let Step::Challenge(challenge) = server.step(None) else { panic!("the server speaks first") };
    let response = client.respond(&challenge).expect("the challenge is a msg-id");
    assert_eq!(response.as_bytes(), b"tim b913a602c7eda7a495b4e6e7334d3890");
    assert_eq!(server.step(Some(response.as_bytes())), Step::Authenticated);
}

#[test]
fn another_password_or_name_or_no_digest_is_refused() {
    for (name, password) in [("tim", "tanstaaf"), ("tom", "tanstaaftanstaaf")] {
        let response = client(name, password).respond(CHALLENGE.as_bytes()).expect("a msg-id");
        let mut server = server();
        server.step(None);
        assert_eq!(server.step(Some(response.as_bytes())), Step::Refused, "{name}");
    }
    for response in ["", "tim", "tim ", "tim b913a602"] {
        let mut server = server();
        server.step(None);
        assert_eq!(server.step(Some(response.as_bytes())), Step::Refused, "{response}");
    }
}

#[test]
fn an_initial_response_is_malformed_where_the_server_speaks_first() {
    assert_eq!(server().step(Some(b"")), Step::Malformed);
}

#[test]
fn what_is_plugged_in_takes_part_in_the_choice() {
    let credentials = Credentials::plain("tim", "tanstaaftanstaaf");
    let offered = |names: &str| Mechanisms::of(names.split(' '));
    let choose = |offered: &Mechanisms, floor| {
        let plain =
            Mechanism::new("PLAIN").and_then(|name| sasl::initiator(name, &credentials).ok());
        let cram: Box<dyn Initiator> = Box::new(client("tim", "tanstaaftanstaaf"));
        let chosen = sasl::strongest(offered, plain.into_iter().chain([cram]), floor)?;
        Some(chosen.mechanism().as_str().to_owned())
    };
    assert_eq!(choose(&offered("PLAIN CRAM-MD5"), Strength::Shown).as_deref(), Some("CRAM-MD5"));
    assert_eq!(choose(&offered("PLAIN"), Strength::Shown).as_deref(), Some("PLAIN"));
    assert_eq!(choose(&offered("PLAIN"), Strength::Digest), None);
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// RFC 2104.
fn hmac_md5(key: &[u8], text: &[u8]) -> [u8; 16] {
    let mut block = [0; 64];
    match key.len() {
        ..=64 => block[..key.len()].copy_from_slice(key),
        _ => block[..16].copy_from_slice(&md5(key)),
    }
    let inner = md5(&[&block.map(|octet| octet ^ 0x36)[..], text].concat());
    md5(&[&block.map(|octet| octet ^ 0x5c)[..], &inner].concat())
}

/// RFC 1321.
fn md5(text: &[u8]) -> [u8; 16] {
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

#[test]
fn the_digests_of_rfc_1321_and_rfc_2104_come_out() {
    assert_eq!(hex(&md5(b"")), "d41d8cd98f00b204e9800998ecf8427e");
    assert_eq!(hex(&md5(b"message digest")), "f96b697d7cb7938d525a2f31aaf161d0");
    assert_eq!(
        hex(&hmac_md5(b"Jefe", b"what do ya want for nothing?")),
        "750c783e6ab0b503eaa86e310a5db738"
    );
}
