//! Well-formed values of each production, and the faults that are put into them.

use proptest::prelude::*;
use proptest::sample::select;
use smtp_proto::Syntax;
use smtp_proto::testing::naive::Production;

/// Well-formed by the grammar of the RFCs, so under every set of tolerances too.
pub(crate) fn well_formed(production: Production) -> BoxedStrategy<Vec<u8>> {
    let text = match production {
        Production::Command => command(),
        Production::ReversePath => path("<>"),
        Production::ForwardPath => path("<[Pp]ost[Mm]aster>"),
        Production::Mailbox => mailbox(),
        Production::Host => host(),
        Production::MailParams => params(mail_param()),
        Production::RcptParams => params(rcpt_param()),
        Production::Xtext => "([!-*,-<>-~]|\\+[0-9A-F]{2}){0,12}".boxed(),
        Production::Base64 => {
            "([A-Za-z0-9+/]{4}){0,3}([A-Za-z0-9+/][AQgw]==|[A-Z0-9+/]{2}[AEIMQUYcgkosw048]=)?"
                .boxed()
        }
        Production::Reply => reply("[ -~\t]{0,12}"),
        _ => ehlo(),
    };
    text.prop_map(String::into_bytes).boxed()
}

/// Any set of tolerances.
pub(crate) fn syntaxes() -> impl Strategy<Value = Syntax> {
    any::<u16>().prop_map(|bits| {
        let chosen = Syntax::ALL.iter().enumerate().filter(|(index, _)| bits >> index & 1 == 1);
        chosen.fold(Syntax::STRICT, |syntax, (_, (_, tolerance))| syntax.with(*tolerance))
    })
}

fn one_of(texts: &'static [&'static str]) -> BoxedStrategy<String> {
    select(texts).prop_map(Into::into).boxed()
}

fn joined<const N: usize>(parts: [BoxedStrategy<String>; N]) -> BoxedStrategy<String> {
    parts.prop_map(|parts| parts.concat()).boxed()
}

fn domain() -> BoxedStrategy<String> {
    prop_oneof![
        8 => "[a-z0-9]([a-z0-9-]{0,4}[A-Z0-9])?(\\.[a-z0-9ü]{1,3}){0,3}",
        1 => "[a-z]{62,63}\\.[a-z]{62,63}(\\.[a-z]{40,63}){0,2}",
    ]
    .boxed()
}

fn ascii_host() -> BoxedStrategy<String> {
    prop_oneof![
        4 => "[a-z0-9]([a-z0-9-]{0,4}[A-Z0-9])?(\\.[a-z0-9]{1,3}){0,3}",
        2 => "\\[(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9][0-9]|[0-9])(\\.(25[0-5]|[1-9][0-9]|[0-9])){3}\\]",
        1 => "\\[IPv6:[0-9a-fA-F]{1,4}(:[0-9a-f]{1,4}){7}\\]",
        1 => "\\[ipv6:([0-9a-f]{1,4}(:[0-9a-f]{1,4}){0,3})?::([0-9a-f]{1,3}(:[0-9a-f]{1,4}){0,2})?\\]",
        1 => "\\[IPV6:([0-9a-f]{1,2}(:[0-9a-f]{1,2}){0,2})?::([0-9a-f]:)?1\\.2\\.3\\.(4|255|0)\\]",
    ]
    .boxed()
}

fn host() -> BoxedStrategy<String> {
    prop_oneof![domain(), ascii_host()].boxed()
}

fn mailbox() -> BoxedStrategy<String> {
    let local = prop_oneof![
        4 => "[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,6}(\\.[a-zé]{1,3}){0,2}",
        2 => "\"([ !#-\\[\\]-~é]|\\\\[ -~]){0,8}\"",
        1 => "[a-z]{60,64}",
    ];
    joined([local.boxed(), one_of(&["@"]), host()])
        .prop_filter("over 254 octets", |text| text.len() <= 254)
        .boxed()
}

fn path(word: &'static str) -> BoxedStrategy<String> {
    let route = prop_oneof![
        4 => Just(String::new()),
        1 => "@[a-z]{1,3}(,@[a-z]{1,3}(\\.[a-z]{1,3})?){0,2}:",
    ];
    let path = joined([one_of(&["<"]), route.boxed(), mailbox(), one_of(&[">"])])
        .prop_filter("over 256 octets", |text| text.len() <= 256);
    prop_oneof![5 => path, 1 => word].boxed()
}

fn unknown_param() -> BoxedStrategy<String> {
    "X[a-zA-Z0-9-]{1,6}(=[!-<>-~é]{1,6})?".boxed()
}

fn mail_param() -> BoxedStrategy<String> {
    prop_oneof![
        "[Ss]IZE=[0-9]{1,20}",
        "BODY=(7BIT|8bitmime|BINARYMIME)",
        one_of(&["SMTPUTF8", "smtputf8"]),
        "RET=(FULL|hdrs)",
        one_of(&["REQUIRETLS", "AUTH=<>", "auth=a+2Bb@x.test", "AUTH=+22a+20b+22@x.test"]),
        "ENVID=([!-*,-<>-~]|\\+20|\\+3D){1,9}",
        unknown_param(),
    ]
    .boxed()
}

fn rcpt_param() -> BoxedStrategy<String> {
    prop_oneof![
        one_of(&[
            "NOTIFY=NEVER",
            "notify=success",
            "NOTIFY=FAILURE,DELAY",
            "NOTIFY=delay,SUCCESS,FAILURE"
        ]),
        "ORCPT=[a-z0-9-]{1,6};([!-*,-<>-~]|\\+2B|\\+C3\\+A9){1,9}",
        "ORCPT=(utf-8|UTF-8);([!-*,-<>-\\[\\]-~éß]|\\\\x\\{(5C|1F600|AB|2B)\\}){1,9}",
        unknown_param(),
    ]
    .boxed()
}

/// Parameters with one space in front of each, no keyword twice.
fn params(param: BoxedStrategy<String>) -> BoxedStrategy<String> {
    proptest::collection::vec(param, 0..4)
        .prop_map(|params| {
            let mut seen = Vec::new();
            let mut text = String::new();
            for param in params {
                let keyword = param.split('=').next().unwrap_or_default().to_ascii_uppercase();
                if !seen.contains(&keyword) {
                    text.push(' ');
                    text.push_str(&param);
                    seen.push(keyword);
                }
            }
            text
        })
        .boxed()
}

fn command() -> BoxedStrategy<String> {
    let text = || -> BoxedStrategy<String> { " [!-~]([ -~]{0,8}[!-~])?".boxed() };
    prop_oneof![
        2 => joined([one_of(&["EHLO ", "helo ", "LHLO "]), "[a-z0-9]{1,4}(\\.[a-z0-9]{1,3}){0,3}".boxed()]),
        1 => joined([one_of(&["EHLO ", "lhlo "]), ascii_host()]),
        4 => joined([one_of(&["MAIL FROM:", "mail from:"]), path("<>"), params(mail_param())]),
        4 => joined([one_of(&["RCPT TO:", "rCPT tO:"]), path("<POSTMASTER>"), params(rcpt_param())]),
        2 => one_of(&["DATA", "data", "RSET", "QUIT", "NOOP", "HELP"]),
        1 => joined([one_of(&["NOOP", "HELP", "VRFY", "expn"]), text()]),
        1 => joined([one_of(&["VRFY", "EXPN"]), " [!-~é]([ -~ü]{0,8}[!-~])?".boxed(), one_of(&[" SMTPUTF8", " smtputf8"])]),
        1 => one_of(&["STARTTLS", "starttls"]),
        1 => "BDAT (0|[0-9]{1,19}|18446744073709551615)( LAST| last)?",
        1 => joined([one_of(&["AUTH ", "auth "]), "[A-Za-z0-9_-]{1,20}( =| [A-Z0-9]{4}| [a-z]{3}0AA==)?".boxed()]),
    ]
    .boxed()
}

/// Lines of one code, each with its separator.
fn lines(code: &'static str, texts: Vec<String>) -> String {
    let last = texts.len().saturating_sub(1);
    let line = |(index, text): (usize, &String)| {
        format!("{code}{}{text}\r\n", if index == last { ' ' } else { '-' })
    };
    texts.iter().enumerate().map(line).collect()
}

fn reply(text: &'static str) -> BoxedStrategy<String> {
    let code = select(&["220", "250", "251", "354", "421", "452", "550", "599", "266"][..]);
    let enhanced = prop_oneof!["[245]\\.[0-9]\\.[0-9]{1,3}( [a-z]{0,3})?", Just(String::new())];
    let texts = (enhanced, proptest::collection::vec(text, 1..4)).prop_map(|(enhanced, texts)| {
        texts.iter().map(|text| [&*enhanced, text].concat()).collect::<Vec<String>>()
    });
    (code, texts).prop_map(|(code, texts)| lines(code, texts)).boxed()
}

fn ehlo() -> BoxedStrategy<String> {
    let line = prop_oneof![
        one_of(&[
            "PIPELINING",
            "8bitmime",
            "DSN",
            "SMTPUTF8",
            "ENHANCEDSTATUSCODES",
            "CHUNKING",
            "SIZE"
        ]),
        "SIZE [0-9]{1,21}",
        "AUTH( [A-Za-z0-9-]{1,9}){0,3}",
        "LIMITS( (MAILMAX|rcptmax|RCPTDOMAINMAX|NEW)(=[0-9]{1,7}|=[a-z=]{1,2})?){0,3}",
        "[A-Z0-9][A-Z0-9-]{0,6}( [!-~]{1,5}){0,2}[ \t]{0,2}",
    ];
    proptest::collection::vec(line, 1..6).prop_map(|texts| lines("250", texts)).boxed()
}

/// A fault: where, in 65,536ths of the whole, which, and the octet for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mutation(u16, u8, u8);

/// Any fault; the octets of the grammar's own separators come more often.
pub(crate) fn mutations() -> impl Strategy<Value = Mutation> {
    let octet = prop_oneof![
        1 => any::<u8>(),
        3 => select(&b" \t<>@.,:;=+-\"\\[]\r\n%_0\x00\x7f\xc3\xa9\xff"[..]),
    ];
    (any::<u16>(), 0u8..5, octet).prop_map(|(place, kind, octet)| Mutation(place, kind, octet))
}

/// `octets` with these faults.
pub(crate) fn mutated(mut octets: Vec<u8>, mutations: &[Mutation]) -> Vec<u8> {
    for &Mutation(place, kind, octet) in mutations {
        let at = usize::from(place) * octets.len() / 65_536;
        match kind {
            0 => octets.insert(at, octet),
            1 if at < octets.len() => octets[at] = octet,
            2 if at < octets.len() => drop(octets.remove(at)),
            3 => octets.truncate(at),
            // A piece comes twice.
            _ => {
                let piece: Vec<u8> = octets[at..].iter().take(4).copied().collect();
                octets.splice(at..at, piece);
            }
        }
    }
    octets
}
