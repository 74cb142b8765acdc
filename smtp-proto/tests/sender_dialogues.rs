//! The dialogues of the extensions with our client in its part, as their RFCs have them.

use std::sync::Arc;

use smtp_proto::client::{Config, Flavour, Tls};
use smtp_proto::testing::Script;

/// In pieces of several lengths.
#[track_caller]
fn plays_with(config: Config, script: &str) {
    let config = Arc::new(config);
    for octets in [usize::MAX, 1, 2, 7, 100] {
        Script::new(script).in_pieces_of(octets).assert_client(Arc::clone(&config));
    }
}

#[track_caller]
fn plays(script: &str) {
    plays_with(Config::default(), script);
}

fn tls_required() -> Config {
    let mut config = Config::default();
    config.tls = Tls::Required;
    config
}

/// RFC 3207 5.
#[test]
fn a_client_and_a_server_that_agree_on_tls() {
    let script = "
        S: 220 mail.imc.org SMTP service ready
        C: EHLO mail.example.com
        S: 250-mail.imc.org offers a warm hug of welcome
        S: 250-8BITMIME
        S: 250-STARTTLS
        S: 250 DSN
        C: STARTTLS
        S: 220 Go ahead
        C: <starts TLS negotiation>
        C: EHLO mail.example.com
        S: 250-mail.imc.org touches your hand gently for a moment
        S: 250-8BITMIME
        S: 250 DSN
        C: MAIL FROM:<a@mail.example.com>
        S: 250 OK
        C: QUIT
        S: 221 bye
    ";
    plays(script);
    plays_with(tls_required(), script);
}

#[test]
fn without_the_offer_nothing_is_said_where_tls_is_required() {
    plays_with(
        tls_required(),
        "
        S: 220 mail.imc.org SMTP service ready
        C: EHLO mail.example.com
        S: 250 mail.imc.org
        C: <fails: TLS is required, and cannot be had>
        C: <closes>
        ",
    );
}

#[test]
fn what_is_slipped_in_behind_the_go_ahead_is_not_read() {
    plays(
        "
        S: 220 mail.imc.org SMTP service ready
        C: EHLO mail.example.com
        S: 250-mail.imc.org
        S: 250 STARTTLS
        C: STARTTLS
        S: 454 4.7.0 TLS not available due to temporary reason
        C: QUIT
        S: 221 bye
        ",
    );
    // In one write: cut, the octets behind it are part of the handshake, which fails.
    Script::new(
        "
        S: 220 mail.imc.org SMTP service ready
        C: EHLO mail.example.com
        S: 250-mail.imc.org
        S: 250 STARTTLS
        C: STARTTLS
        S: 220 Go ahead
        S: 250 evil
        C: <fails: octets in the clear came behind the go-ahead for TLS>
        C: <closes>
        ",
    )
    .assert_client(Arc::new(Config::default()));
}

/// RFC 4954 4.1, after TLS.
#[test]
fn a_client_that_proves_who_it_is() {
    let hello = "
        S: 220 smtp.example.com ESMTP Server
        C: EHLO client.example.com
        S: 250-smtp.example.com Hello
        S: 250 STARTTLS
        C: STARTTLS
        S: 220 Ready to start TLS
        C: <starts TLS negotiation>
        C: EHLO client.example.com
        S: 250-smtp.example.com Hello client.example.com
        S: 250 AUTH GSSAPI DIGEST-MD5 PLAIN LOGIN
    ";
    let exchanges = [
        "
        C: AUTH PLAIN dGVzdAB0ZXN0ADEyMzQ=
        S: 235 2.7.0 Authentication successful
        ",
        "
        C: AUTH PLAIN
        S: 334\x20
        C: dGVzdAB0ZXN0ADEyMzQ=
        S: 235 2.7.0 Authentication successful
        ",
        "
        C: AUTH LOGIN
        S: 334 VXNlcm5hbWU6
        C: *
        S: 501 5.7.0 Authentication aborted
        ",
        "
        C: AUTH LOGIN
        S: 334 !
        C: *
        S: 501 5.7.0 Authentication aborted
        ",
    ];
    for exchange in exchanges {
        plays(&[hello, exchange, "C: QUIT\nS: 221 bye\n"].concat());
    }
}

#[test]
fn in_the_clear_a_password_is_not_said() {
    let hello =
        "S: 220 smtp.example.com\nC: EHLO c.test\nS: 250-smtp.example.com\nS: 250 AUTH PLAIN\n";
    let told = [hello, "C: AUTH PLAIN dGVzdAB0ZXN0ADEyMzQ=\n"].concat();
    let played = Script::new(&told).against_client(Arc::new(Config::default()));
    assert_eq!(played.to_string(), [hello, "C: <refused: this needs TLS>\n"].concat());
}

/// RFC 3030 4.1 and 4.2, with a content of other lengths.
#[test]
fn a_client_that_sends_chunks() {
    plays(
        "
        S: 220 cnri.reston.va.us SMTP service ready
        C: EHLO ymir.claremont.edu
        S: 250-cnri.reston.va.us says hello
        S: 250 CHUNKING
        C: MAIL FROM:<Sam@Random.com>
        S: 250 <Sam@Random.com> Sender ok
        C: RCPT TO:<Susan@Random.com>
        S: 250 <Susan@Random.com> Recipient ok
        C: BDAT 7 LAST
        C: .line
        S: 250 Message OK, 7 octets received
        C: QUIT
        S: 221 Goodbye
        ",
    );
    plays(
        "
        S: 220 cnri.reston.va.us SMTP service ready
        C: EHLO ymir.claremont.edu
        S: 250-cnri.reston.va.us says hello
        S: 250-PIPELINING
        S: 250-BINARYMIME
        S: 250 CHUNKING
        C: MAIL FROM:<ned@ymir.claremont.edu> BODY=BINARYMIME
        C: RCPT TO:<gvaudre@cnri.reston.va.us>
        C: RCPT TO:<jstewart@cnri.reston.va.us>
        S: 250 <ned@ymir.claremont.edu>... Sender and BINARYMIME ok
        S: 250 <gvaudre@cnri.reston.va.us>... Recipient ok
        S: 250 <jstewart@cnri.reston.va.us>... Recipient ok
        C: BDAT 12
        C: first
        C: .\\x00\\xff
        C: BDAT 4
        C: 2.
        C: BDAT 0 LAST
        S: 250 12 octets received
        S: 250 4 octets received
        S: 250 Message OK, 16 octets received
        C: QUIT
        S: 221 Goodbye
        ",
    );
}

/// RFC 2033 4.2.
#[test]
fn a_client_that_hands_mail_to_a_store() {
    let mut config = Config::default();
    config.flavour = Flavour::Lmtp;
    plays_with(
        config,
        "
        S: 220 foo.edu LMTP server ready
        C: LHLO foo.edu
        S: 250-foo.edu
        S: 250-PIPELINING
        S: 250 SIZE
        C: MAIL FROM:<chris@bar.com>
        C: RCPT TO:<pat@foo.edu>
        C: RCPT TO:<jones@foo.edu>
        C: RCPT TO:<green@foo.edu>
        C: DATA
        S: 250 OK
        S: 250 OK
        S: 550 No such user here
        S: 250 OK
        S: 354 Start mail input; end with <CRLF>.<CRLF>
        C: Blah blah blah...
        C: ...etc. etc. etc.
        C: .
        C: QUIT
        S: 250 OK
        S: 452 <green@foo.edu> is temporarily over quota
        S: 221 foo.edu closing connection
        ",
    );
}
