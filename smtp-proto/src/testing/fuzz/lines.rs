//! Commands and what they are made of: read, written and read again.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::testing::naive::Production;
use crate::{
    Base64, Command, EnhancedCode, ForwardPath, Host, MailParamsBuf, Mailbox, Mechanisms, Notify,
    OriginalRecipient, Param, RcptParamsBuf, Reply, ReversePath, Syntax, Verb, Xtext,
};

/// The grammar of the RFCs, what is tolerated by default, and everything that can be.
fn syntaxes() -> [Syntax; 3] {
    let all = Syntax::ALL.iter().fold(Syntax::STRICT, |all, (_, tolerance)| all.with(*tolerance));
    [Syntax::STRICT, Syntax::default(), all]
}

/// A command line: what is read is written and read again as the same, and a tolerance changes no line that is well-formed without it.
///
/// ```
/// smtp_proto::testing::fuzz::command(b"MAIL FROM:<a@x.test> SIZE=10");
/// ```
///
/// # Panics
///
/// When this does not hold.
pub fn command(data: &[u8]) {
    let strict = Command::parse(data);
    for syntax in syntaxes() {
        let read = Command::parse_with(data, syntax);
        match read {
            Ok(command) => written_again(command, syntax),
            Err(error) => refused(data, error),
        }
        match strict {
            // White space at the end is text to the grammar, and none to the tolerance.
            Ok(Command::Noop(_) | Command::Query { .. }) | Err(_) => {}
            Ok(_) => assert_eq!(read, strict, "{syntax:?}"),
        }
    }
}

fn written(command: Command<'_>) -> Vec<u8> {
    let mut wire = Vec::new();
    command.encode(&mut wire);
    wire
}

fn written_again(command: Command<'_>, syntax: Syntax) {
    let wire = written(command);
    let line = wire.strip_suffix(b"\r\n").expect("a command ends in CRLF");
    assert!(!line.iter().any(|octet| b"\r\n\0".contains(octet)), "{}", line.escape_ascii());
    let again = Command::parse_with(line, syntax);
    assert_eq!(again, Ok(command), "{}", line.escape_ascii());
    assert_eq!(again.map(written), Ok(wire.clone()));
    match command {
        Command::Mail(mail) => assert_eq!(mail.to_owned().as_ref(), mail),
        Command::Rcpt(rcpt) => assert_eq!(rcpt.to_owned().as_ref(), rcpt),
        _ => {}
    }
}

fn refused(line: &[u8], error: crate::ParseError) {
    assert!(error.at <= line.len(), "{error} of {} octets", line.len());
    let verb = Verb::split_from(line).ok().map(|(verb, _)| verb);
    let mut wire = Vec::new();
    error.reply(verb).encode(&mut wire);
    assert!(Reply::parse(&wire).is_ok_and(|reply| !reply.class().is_positive()), "{error}");
}

/// An address: it is what its parts are, equal to itself quoted and in another case of its domain, and stands in a command as it came.
///
/// ```
/// smtp_proto::testing::fuzz::address(b"\"a b\"@[IPv6:::1]");
/// ```
///
/// # Panics
///
/// When this does not hold.
pub fn address(data: &[u8]) {
    if let Ok(mailbox) = Mailbox::parse(data) {
        assert_eq!(mailbox.as_str().as_bytes(), data);
        mailbox_is_its_parts(mailbox);
        for line in [&[b"MAIL FROM:<", data, b">"].concat(), &[b"RCPT TO:<", data, b">"].concat()] {
            match Command::parse(line) {
                Ok(Command::Mail(mail)) => assert_eq!(mail.from, ReversePath::Mailbox(mailbox)),
                Ok(Command::Rcpt(rcpt)) => assert_eq!(rcpt.to, ForwardPath::Mailbox(mailbox)),
                other => panic!("{mailbox} in a command is {other:?}"),
            }
        }
    }
    if let Ok(host) = Host::parse(data) {
        let mut wire = Vec::new();
        host.encode(&mut wire);
        assert_eq!(Host::parse(&wire), Ok(host));
        assert_eq!(host.to_owned().as_ref(), host);
    }
    for syntax in syntaxes() {
        if let Ok(mailbox) = Mailbox::parse_with(data, syntax) {
            assert!(data.starts_with(mailbox.as_str().as_bytes()), "{mailbox}");
        }
    }
}

fn mailbox_is_its_parts(mailbox: Mailbox<'_>) {
    let (local, text) = (mailbox.local_part(), mailbox.as_str());
    let domain = text.strip_prefix(local.as_str()).and_then(|rest| rest.strip_prefix('@'));
    let domain = domain.unwrap_or_else(|| panic!("{local} of {text}"));
    assert_eq!(Host::parse(domain.as_bytes()), Ok(mailbox.domain()));
    assert_eq!(mailbox.to_owned().as_ref(), mailbox);
    let quoted: Vec<u8> = local
        .unquoted()
        .flat_map(|octet| matches!(octet, b'"' | b'\\').then_some(b'\\').into_iter().chain([octet]))
        .collect();
    if quoted.len() <= 62 && text.len() < 250 {
        let upper = domain.to_ascii_uppercase();
        let other = [b"\"", &quoted[..], b"\"@", upper.as_bytes()].concat();
        assert_eq!(Mailbox::parse(&other), Ok(mailbox), "{}", other.escape_ascii());
    }
}

/// Parameters of MAIL and RCPT: built anew from their parts they are the same, and what is asked by name is what stands there.
///
/// ```
/// smtp_proto::testing::fuzz::params(b" SIZE=10 RET=HDRS");
/// ```
///
/// # Panics
///
/// When this does not hold.
pub fn params(data: &[u8]) {
    if let Ok(Command::Mail(mail)) = Command::parse(&[b"MAIL FROM:<>", data].concat()) {
        let params = mail.params;
        let built = params
            .iter()
            .try_fold(MailParamsBuf::new(), |built, param| built.with(param.keyword, param.value));
        assert_eq!(built.as_ref().map(|built| built.as_ref()), Ok(params));
        assert_eq!(text_of(|text| params.encode(text)).trim_start().parse(), built);
        known(&params.iter().collect::<Vec<_>>(), |keyword| params.get(keyword));
        assert_eq!(params.size().is_some(), params.get("size").is_some());
        assert_eq!(params.body().is_some(), params.get("body").is_some());
        assert_eq!(params.ret().is_some(), params.get("ret").is_some());
        assert_eq!(params.envid().is_some(), params.get("envid").is_some());
        assert_eq!(params.smtputf8(), params.get("smtputf8").is_some());
    }
    if let Ok(Command::Rcpt(rcpt)) = Command::parse(&[b"RCPT TO:<a@x.test>", data].concat()) {
        let params = rcpt.params;
        let built = params
            .iter()
            .try_fold(RcptParamsBuf::new(), |built, param| built.with(param.keyword, param.value));
        assert_eq!(built.as_ref().map(|built| built.as_ref()), Ok(params));
        assert_eq!(text_of(|text| params.encode(text)).trim_start().parse(), built);
        known(&params.iter().collect::<Vec<_>>(), |keyword| params.get(keyword));
        assert_eq!(params.notify().is_some(), params.get("notify").is_some());
        assert_eq!(params.orcpt().is_some(), params.get("orcpt").is_some());
    }
}

fn text_of(encode: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut text = Vec::new();
    encode(&mut text);
    String::from_utf8(text).expect("parameters are text")
}

fn known<'p>(params: &[Param<'p>], get: impl Fn(&str) -> Option<Option<&'p str>>) {
    for Param { keyword, value } in params {
        assert_eq!(get(&keyword.to_ascii_lowercase()), Some(*value), "{keyword}");
    }
}

/// Encodings of octets as text: what is decoded is what was encoded, and text that has one meaning has one form.
///
/// ```
/// smtp_proto::testing::fuzz::encodings(b"a+2Bb");
/// ```
///
/// # Panics
///
/// When this does not hold.
pub fn encodings(data: &[u8]) {
    let xtext = Xtext::encode(data);
    assert_eq!(Xtext::parse(&xtext).map(|text| text.decode().collect()), Some(data.to_vec()));
    let base64 = Base64::encode(data);
    let read = Base64::parse(base64.as_bytes());
    assert_eq!(
        read.map(|text| (text.decode(), text.decoded_len())),
        Ok((data.to_vec(), data.len()))
    );
    if let Ok(text) = Base64::parse(data) {
        assert_eq!(Base64::encode(&text.decode()).as_bytes(), data, "two forms of the same octets");
    }
    if let Some(code) = EnhancedCode::parse(data) {
        assert_eq!(code.to_string().as_bytes(), data);
    }
    let Ok(text) = core::str::from_utf8(data) else { return };
    if let Some(read) = Xtext::parse(text) {
        let octets: Vec<u8> = read.decode().collect();
        let again = Xtext::encode(&octets);
        assert_eq!(Xtext::parse(&again).map(|text| text.decode().collect()), Some(octets));
    }
    if let Some(notify) = Notify::parse(text) {
        assert_eq!(Notify::parse(&notify.to_string()), Some(notify));
    }
    original_recipient(text);
    let mechanisms = Mechanisms::of(text.split(' '));
    assert_eq!(Mechanisms::of(mechanisms.to_string().split(' ')), mechanisms);
}

fn original_recipient(text: &str) {
    let written = OriginalRecipient::encode(text);
    if let Some(orcpt) = OriginalRecipient::parse(&written) {
        assert_eq!(orcpt.address(), text, "{written}");
    }
    if let Some(orcpt) = OriginalRecipient::parse(text) {
        let param = format!("ORCPT={}", orcpt.as_str());
        let read = param.parse::<RcptParamsBuf>().expect("a value that was read");
        let seen =
            read.as_ref().orcpt().map(|orcpt| (orcpt.address_type().to_owned(), orcpt.address()));
        assert_eq!(seen, Some((orcpt.address_type().to_owned(), orcpt.address())));
    }
}

/// Our parsers against the naive ones: what one of them refuses or takes, and as what, the other does too. The first two octets say
/// which production and which tolerances.
///
/// ```
/// smtp_proto::testing::fuzz::differential(b"\0\0EHLO x.test");
/// ```
///
/// # Panics
///
/// When they differ.
pub fn differential(data: &[u8]) {
    let Some((&[production, tolerances], octets)) = data.split_first_chunk::<2>() else { return };
    let production = Production::ALL[usize::from(production) % Production::ALL.len()];
    let tolerated = Syntax::ALL.iter().enumerate().filter(|(n, _)| tolerances >> n & 1 == 1);
    let syntax =
        tolerated.fold(Syntax::STRICT, |syntax, (_, (_, tolerance))| syntax.with(*tolerance));
    if let Err(difference) = production.compare(octets, syntax) {
        panic!("{difference}");
    }
}
