//! Values of the DSN parameters, with which a sender asks for delivery reports.
//!
//! ```abnf
//! RET    = "FULL" / "HDRS"                                                        ; RFC 3461 4.3
//! ENVID  = xtext                               ; at most 100, printable US-ASCII  ; RFC 3461 4.4
//! NOTIFY = "NEVER" / notify-el *( "," notify-el )                                 ; RFC 3461 4.1
//! notify-el = "SUCCESS" / "FAILURE" / "DELAY"
//! ORCPT  = atom ";" xtext                      ; at most 500                      ; RFC 3461 4.2
//!        / "utf-8;" 1*( QCHAR / UTF8-non-ascii / "\x{" HEXPOINT "}" )             ; RFC 6533 3
//! QCHAR  = %x21-2A / %x2C-3C / %x3E-5B / %x5D-7E
//! HEXPOINT = "20" / "2B" / "3D" / "5C" / 2*6HEXDIG                                 ; of no other character of US-ASCII
//! ```

use core::fmt;

use super::{Xtext, chars};

/// The longest ENVID (RFC 3461 5.4: "accept at least").
const ENVID_LIMIT: usize = 100;
/// The longest ORCPT (RFC 3461 4.2).
const ORCPT_LIMIT: usize = 500;

/// RET: what a report of a failed delivery returns (RFC 3461 4.3).
///
/// ```
/// assert_eq!(smtp_proto::Ret::Headers.name(), "HDRS");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 3461 4.3 has these two")]
pub enum Ret {
    /// The whole message.
    Full,
    /// Its header section.
    Headers,
}

impl Ret {
    /// The value on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Headers => "HDRS",
        }
    }

    pub(crate) fn parse(value: &str) -> Option<Self> {
        [Self::Full, Self::Headers]
            .into_iter()
            .find(|ret| chars::is_word(value.as_bytes(), ret.name()))
    }
}

/// NOTIFY: the outcomes of which the sender wants to hear (RFC 3461 4.1).
///
/// ```
/// use smtp_proto::Notify;
///
/// let notify = Notify::SUCCESS.with(Notify::DELAY);
/// assert_eq!(notify.to_string(), "SUCCESS,DELAY");
/// assert!(!notify.contains(Notify::FAILURE));
/// assert_eq!(Notify::NEVER.to_string(), "NEVER");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Notify(u8);

impl Notify {
    /// No report of any kind.
    pub const NEVER: Self = Self(0);
    /// When the message is delivered.
    pub const SUCCESS: Self = Self(1);
    /// When it cannot be delivered.
    pub const FAILURE: Self = Self(2);
    /// When it is late.
    pub const DELAY: Self = Self(4);

    const WORDS: [(&'static str, Self); 3] =
        [("SUCCESS", Self::SUCCESS), ("FAILURE", Self::FAILURE), ("DELAY", Self::DELAY)];

    /// Both; NEVER with another is the other.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every outcome of `other` is in it.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Reads a value of NOTIFY, the words in any case and each at most once.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        if chars::is_word(value.as_bytes(), "NEVER") {
            return Some(Self::NEVER);
        }
        value.as_bytes().split(|&octet| octet == b',').try_fold(Self::NEVER, |notify, word| {
            let (_, outcome) =
                Self::WORDS.into_iter().find(|(name, _)| chars::is_word(word, name))?;
            (!notify.contains(outcome)).then(|| notify.with(outcome))
        })
    }
}

/// The value on the wire.
impl fmt::Display for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NEVER {
            return f.write_str("NEVER");
        }
        let words = Self::WORDS.iter().filter(|(_, outcome)| self.contains(*outcome));
        words.enumerate().try_for_each(|(index, (word, _))| {
            write!(f, "{}{word}", if index == 0 { "" } else { "," })
        })
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Notify({self})")
    }
}

/// ENVID. RFC 3461 4.4: it decodes to printable US-ASCII, so that no line can be smuggled into a report.
pub(crate) fn envid(value: &str) -> Option<Xtext<'_>> {
    let text = Some(value).filter(|_| value.len() <= ENVID_LIMIT && !value.is_empty())?;
    Xtext::parse_where(text, |octet| chars::is_printable(octet) || octet == b'\t')
}

/// ORCPT: the recipient as the sender first named it, which no relay changes (RFC 3461 4.2).
///
/// ```
/// use smtp_proto::OriginalRecipient;
///
/// let orcpt = OriginalRecipient::parse("rfc822;Bob+2Btag@example.test").unwrap();
/// assert_eq!(orcpt.address_type(), "rfc822");
/// assert_eq!(orcpt.address(), "Bob+tag@example.test");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OriginalRecipient<'a> {
    text: &'a str,
    semicolon: u16,
}

impl<'a> OriginalRecipient<'a> {
    /// Reads a value of ORCPT.
    #[must_use]
    pub fn parse(value: &'a str) -> Option<Self> {
        let semicolon = value.bytes().position(|octet| octet == b';')?;
        let address_type = value.get(..semicolon).filter(|_| value.len() <= ORCPT_LIMIT)?;
        let address = value.get(semicolon.saturating_add(1)..)?;
        // An equals sign is atext, but stands in no value (RFC 5321 4.1.2).
        let is_atom = |octet: u8| octet.is_ascii() && chars::is_atext(octet) && octet != b'=';
        let atom = !address_type.is_empty() && address_type.bytes().all(is_atom);
        let sound = match is_utf8(address_type) {
            true => Utf8Address(address).all(|unit| unit.is_some_and(|c| !c.is_control())),
            // A control octet would end in files and headers: refused in every type.
            false => Xtext::parse_where(address, |octet| octet >= b' ' && octet != 0x7f).is_some(),
        };
        let semicolon = u16::try_from(semicolon).ok()?;
        (atom && sound && !address.is_empty()).then_some(Self { text: value, semicolon })
    }

    /// The encoded form, which a relay passes on as it came.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.text
    }

    /// `rfc822`, `utf-8` or another registered type, in the case it came in.
    #[must_use]
    pub fn address_type(&self) -> &'a str {
        self.text.get(..usize::from(self.semicolon)).unwrap_or_default()
    }

    /// The decoded address. It holds no control characters; octets of xtext that are not UTF-8 are replaced.
    #[must_use]
    pub fn address(&self) -> alloc::string::String {
        let encoded =
            self.text.get(usize::from(self.semicolon).saturating_add(1)..).unwrap_or_default();
        if is_utf8(self.address_type()) {
            return Utf8Address(encoded).flatten().collect();
        }
        let octets: alloc::vec::Vec<u8> =
            Xtext::parse(encoded).into_iter().flat_map(|text| text.decode()).collect();
        alloc::string::String::from_utf8_lossy(&octets).into_owned()
    }

    /// The value that names `address`, of type `rfc822`, or `utf-8` in its 7-bit form where it is not US-ASCII (RFC 6533 3).
    #[must_use]
    pub fn encode(address: &str) -> alloc::string::String {
        use fmt::Write;
        if address.is_ascii() {
            return ["rfc822;", &Xtext::encode(address.as_bytes())].concat();
        }
        let mut text = alloc::string::String::from("utf-8;");
        for c in address.chars() {
            let written = if is_qchar(c) {
                text.write_char(c)
            } else {
                write!(text, "\\x{{{:02X}}}", u32::from(c))
            };
            debug_assert!(written.is_ok(), "a String takes any text");
        }
        text
    }
}

/// The encoded form, control characters escaped.
impl fmt::Display for OriginalRecipient<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::escaped::EscapedText(self.text).fmt(f)
    }
}

impl fmt::Debug for OriginalRecipient<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OriginalRecipient({self})")
    }
}

fn is_utf8(address_type: &str) -> bool {
    address_type.eq_ignore_ascii_case("utf-8")
}

const fn is_qchar(c: char) -> bool {
    matches!(c, '\x21'..='\x2a' | '\x2c'..='\x3c' | '\x3e'..='\x5b' | '\x5d'..='\x7e')
}

/// The characters of a `utf-8` address; `None` for what is malformed, and then the end.
struct Utf8Address<'a>(&'a str);

impl Iterator for Utf8Address<'_> {
    type Item = Option<char>;

    fn next(&mut self) -> Option<Option<char>> {
        let c = self.0.chars().next()?;
        if let Some(rest) = self.0.strip_prefix("\\x{") {
            let unit =
                rest.split_once('}').and_then(|(digits, rest)| hexpoint(digits).map(|c| (c, rest)));
            self.0 = unit.map_or("", |(_, rest)| rest);
            return Some(unit.map(|(c, _)| c));
        }
        self.0 = self.0.get(c.len_utf8()..).unwrap_or_default();
        Some((is_qchar(c) || !c.is_ascii()).then_some(c))
    }
}

/// HEXPOINT: 2 to 6 upper-case digits without a leading zero over 2 digits, of a Unicode scalar value that is not US-ASCII, or one of the
/// characters that stand in no other way (RFC 6533 3). It has the control characters too, which are refused here.
fn hexpoint(digits: &str) -> Option<char> {
    let sound = (2..=6).contains(&digits.len()) && (digits.len() == 2 || !digits.starts_with('0'));
    let value = digits.bytes().try_fold(0u32, |value, digit| {
        Some(value.wrapping_shl(4) | u32::from(super::xtext::hex(digit)?))
    })?;
    let allowed = |c: &char| !c.is_ascii() || matches!(c, ' ' | '+' | '=' | '\\');
    char::from_u32(value).filter(allowed).filter(|_| sound)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn notify_is_never_alone_or_a_list_without_repetition() {
        let table = [
            ("NEVER", Some("NEVER")),
            ("success,FAILURE", Some("SUCCESS,FAILURE")),
            ("delay,failure,success", Some("SUCCESS,FAILURE,DELAY")),
            ("NEVER,SUCCESS", None),
            ("SUCCESS,NEVER", None),
            ("SUCCESS,SUCCESS", None),
            ("SUCCESS,", None),
            ("SOMETIMES", None),
            ("", None),
        ];
        for (value, expected) in table {
            assert_eq!(
                Notify::parse(value).map(|notify| notify.to_string()).as_deref(),
                expected,
                "{value}"
            );
        }
    }

    #[test]
    fn envid_holds_no_control_octets_and_at_most_100() {
        assert!(
            envid("QQ314159").is_some()
                && envid("a+20b").is_some()
                && envid(&"a".repeat(100)).is_some()
        );
        for value in ["", "a+0D+0Ab", "a+00", "a+7F", "a+E9", "a=b", &"a".repeat(101)] {
            assert!(envid(value).is_none(), "{value}");
        }
    }

    #[test]
    fn orcpt_decodes_both_encodings() {
        let table = [
            ("rfc822;Bob@Example.test", Some("Bob@Example.test")),
            ("rfc822;a+2Bb@x.test", Some("a+b@x.test")),
            ("utf-8;b\\x{FC}cher@x.test", Some("bücher@x.test")),
            ("UTF-8;bücher@x.test", Some("bücher@x.test")),
            ("utf-8;\\x{1F600}@x.test", Some("\u{1f600}@x.test")),
            ("utf-8;a\\x{2B}b@x.test", Some("a+b@x.test")),
            ("utf-8;\\x{20}\\x{3D}\\x{5C}@x.test", Some(" =\\@x.test")),
            ("utf-8;a+2Bb@x.test", None),
            ("utf-8;\\x{0FC}@x.test", None),
            ("utf-8;\\x{D800}@x.test", None),
            ("utf-8;\\x{0A}@x.test", None),
            ("utf-8;\\x{7F}@x.test", None),
            // RFC 6533 3: what stands for itself is not encoded.
            ("utf-8;\\x{41}@x.test", None),
            ("utf-8;bob\\x{40}x.test", None),
            ("utf-8;\\x{30}@x.test", None),
            ("utf-8;\\x{7E}@x.test", None),
            ("utf-8;\\x{fc}@x.test", None),
            ("utf-8;\\x{FC@x.test", None),
            ("rfc822;bücher@x.test", None),
            ("rfc822;x+0Ay", None),
            ("rfc822;", None),
            (";x", None),
            ("rfc822", None),
            ("rf c;x", None),
            ("rf=c;x", None),
        ];
        for (value, address) in table {
            assert_eq!(
                OriginalRecipient::parse(value).map(|orcpt| orcpt.address()).as_deref(),
                address,
                "{value}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_address_round_trips(address in "[^\\p{Cc}]{1,40}") {
            let value = OriginalRecipient::encode(&address);
            prop_assert!(value.is_ascii());
            prop_assert_eq!(OriginalRecipient::parse(&value).map(|orcpt| orcpt.address()), Some(address), "{}", value);
        }
    }
}
