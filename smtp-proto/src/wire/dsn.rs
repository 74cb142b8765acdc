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

use super::chars::{self, Class};
use super::word::{Front, Word};
use super::{Xtext, xtext};

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
    const WORDS: [(Word, Self); 2] = [
        (Word::new(Self::Full.name()), Self::Full),
        (Word::new(Self::Headers.name()), Self::Headers),
    ];

    /// The value on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Headers => "HDRS",
        }
    }

    /// The value at the front, and how many octets it has.
    #[inline]
    pub(crate) fn take(octets: &[u8]) -> Option<(Self, usize)> {
        Front::of(octets).one_of(&Self::WORDS)
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

    const WORDS: [(Word, Self); 4] = [
        (Word::new("SUCCESS"), Self::SUCCESS),
        (Word::new("FAILURE"), Self::FAILURE),
        (Word::new("DELAY"), Self::DELAY),
        (Word::new("NEVER"), Self::NEVER),
    ];

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
        Self::take(value.as_bytes())
            .filter(|(_, length)| *length == value.len())
            .map(|(notify, _)| notify)
    }

    /// The value at the front, and how many octets it has.
    #[inline]
    pub(crate) fn take(octets: &[u8]) -> Option<(Self, usize)> {
        let (mut notify, mut length) = Front::of(octets).one_of(&Self::WORDS)?;
        while notify != Self::NEVER
            && let Some([b',', rest @ ..]) = octets.get(length..)
        {
            let (outcome, more) = Front::of(rest).one_of(&Self::WORDS)?;
            if notify.contains(outcome) {
                return None;
            }
            notify = notify.with(outcome);
            length = length.wrapping_add(1).wrapping_add(more);
        }
        Some((notify, length))
    }
}

/// The value on the wire.
impl fmt::Display for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_in = |outcome: Self| match outcome {
            Self::NEVER => *self == Self::NEVER,
            outcome => self.contains(outcome),
        };
        let words = Self::WORDS.iter().filter(|(_, outcome)| is_in(*outcome));
        words.enumerate().try_for_each(|(index, (word, _))| {
            write!(f, "{}{}", if index == 0 { "" } else { "," }, word.text())
        })
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Notify({self})")
    }
}

/// How many octets at the front are an ENVID. RFC 3461 4.4: it decodes to printable US-ASCII, so that no line can be smuggled into a report.
#[inline]
pub(crate) fn envid(octets: &[u8]) -> Option<usize> {
    let printable = |octet| chars::is_printable(octet) || octet == b'\t';
    xtext::run(octets, printable).filter(|length| (1..=ENVID_LIMIT).contains(length))
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
        let (semicolon, length) = Self::places(value.as_bytes())?;
        let semicolon = u16::try_from(semicolon).ok()?;
        (length == value.len()).then_some(Self { text: value, semicolon })
    }

    /// Where the semicolon and the end are of the value at the front.
    #[inline]
    pub(crate) fn places(octets: &[u8]) -> Option<(usize, usize)> {
        // Nearly every address is of this type.
        let semicolon = match Front::of(octets).behind(&RFC822) {
            Some(_) => RFC822.len().saturating_sub(1),
            None => chars::run(octets, 0, Class::ADDRESS_TYPE),
        };
        let (address_type, [b';', address @ ..]) = octets.split_at_checked(semicolon)? else {
            return None;
        };
        let length = if address_type.eq_ignore_ascii_case(UTF_8) {
            utf8_address(address)?
        } else {
            // A control octet would end in files and headers: refused in every type.
            xtext::run(address, |octet| octet >= b' ' && octet != 0x7f)?
        };
        let end = semicolon.wrapping_add(1).wrapping_add(length);
        (semicolon > 0 && length > 0 && end <= ORCPT_LIMIT).then_some((semicolon, end))
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

    /// The decoded address. It holds no control characters: octets of xtext that are not UTF-8, or a control character in it, are replaced.
    #[must_use]
    pub fn address(&self) -> alloc::string::String {
        let encoded =
            self.text.get(usize::from(self.semicolon).saturating_add(1)..).unwrap_or_default();
        if self.address_type().as_bytes().eq_ignore_ascii_case(UTF_8) {
            return Utf8Address(encoded).flatten().collect();
        }
        let octets: alloc::vec::Vec<u8> =
            Xtext::parse(encoded).into_iter().flat_map(|text| text.decode()).collect();
        let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
        alloc::string::String::from_utf8_lossy(&octets).chars().map(printable).collect()
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

const RFC822: Word = Word::new("RFC822;");
/// The address type of RFC 6533, in any case.
const UTF_8: &[u8] = b"utf-8";

/// How many octets at the front are a `utf-8` address: those up to the end of the value, all of which have to be of it.
#[cold]
fn utf8_address(octets: &[u8]) -> Option<usize> {
    let length = chars::run(octets, 0, Class::VALUE);
    let address = core::str::from_utf8(octets.get(..length)?).ok()?;
    let sound = |unit: Option<char>| unit.is_some_and(|c| !c.is_control());
    Utf8Address(address).all(sound).then_some(length)
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
        Some(value.wrapping_shl(4) | u32::from(xtext::hex(digit)?))
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
    fn an_address_that_is_decoded_has_no_control_character() {
        let address = |value| OriginalRecipient::parse(value).map(|orcpt| orcpt.address());
        assert_eq!(address("rfc822;a+C2+9Bb"), Some("a\u{fffd}b".into()));
        assert_eq!(address("rfc822;a+FFb"), Some("a\u{fffd}b".into()));
        assert_eq!((address("rfc822;a+1Bb"), address("utf-8;a\\x{9B}b")), (None, None));
    }

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
        for value in ["QQ314159", "a+20b", "a+09b", &"a".repeat(100)] {
            assert_eq!(envid(value.as_bytes()), Some(value.len()), "{value}");
        }
        for value in ["", "a+0D+0Ab", "a+00", "a+7F", "a+E9", "a+2", "=", &"a".repeat(101)] {
            assert_eq!(envid(value.as_bytes()), None, "{value}");
        }
        assert_eq!(envid(b"a=b"), Some(1), "what stands behind it is the line's");
    }

    #[test]
    fn orcpt_decodes_both_encodings() {
        let table = [
            ("rfc822;Bob@Example.test", Some("Bob@Example.test")),
            ("rfc822;a+2Bb@x.test", Some("a+b@x.test")),
            ("RFC822;x", Some("x")),
            ("rfc822x;y", Some("y")),
            ("rfc82;y", Some("y")),
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
