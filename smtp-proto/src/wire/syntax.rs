//! Tolerances: deviations from the grammar that a server may read past, each by its name.

use core::fmt;

/// A set of tolerances. The default is what real clients need; [`Syntax::STRICT`] is the grammar of the RFCs.
///
/// ```
/// use smtp_proto::{Command, Syntax};
///
/// let line = b"MAIL FROM: <a@x.test>";
/// assert!(Command::parse(line).is_err());
/// assert!(Command::parse_with(line, Syntax::default().with(Syntax::SPACE_AFTER_COLON)).is_ok());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Syntax(u16);

macro_rules! tolerances {
    ($($bit:literal $name:ident $word:literal $meaning:literal)*) => {
        impl Syntax {
            $(#[doc = $meaning] pub const $name: Self = Self(1 << $bit);)*

            /// Every tolerance with its name, as programs spell it in their options.
            pub const ALL: &[(&'static str, Self)] = &[$(($word, Self::$name)),*];
        }
    };
}

tolerances! {
    0 TRAILING_SPACE "trailing-space" "White space in front of the CRLF (RFC 5321 4.1.1 asks for it). On by default. It is no part of what was read, so nothing of it is relayed."
    1 LITERAL_IN_HELO "literal-in-helo" "An address literal as the argument of HELO. On by default. It goes into Received as it is, and nowhere else: say your own name to the next server."
    2 UNDERSCORE "underscore-in-hello" "An underscore in the domain of EHLO, HELO and LHLO, never in a mailbox. On by default. It goes into Received as it is, and nowhere else: say your own name to the next server."
    3 SPACE_AFTER_COLON "space-after-colon" "`MAIL FROM: <a@x>` and `RCPT TO: <a@x>`. The path is that inside the brackets; it is relayed as any other."
    4 NO_BRACKETS "no-brackets" "A path without its angle brackets. It is relayed inside them."
    5 TRAILING_DOT "trailing-dot" "A dot behind the domain; it is dropped, and the path is relayed without it."
    6 TWO_SPACES "two-spaces" "More than one space where the grammar has one. The parameters are relayed with one."
    7 LONG_LOCAL_PART "long-local-part" "A local part over 64 octets; the path still ends at 256. It is relayed as it is, and a server that keeps to 64 may refuse it (501 or 553, RFC 5321 4.5.3.1.1): only the domain that it belongs to can say what it means."
}

impl Syntax {
    /// The grammar as the RFCs have it.
    pub const STRICT: Self = Self(0);

    /// The same set with `tolerance` too.
    #[must_use]
    pub const fn with(self, tolerance: Self) -> Self {
        Self(self.0 | tolerance.0)
    }

    /// The same set without `tolerance`.
    #[must_use]
    pub const fn without(self, tolerance: Self) -> Self {
        Self(self.0 & !tolerance.0)
    }

    /// Whether all of `tolerance` is in the set.
    #[must_use]
    pub const fn contains(self, tolerance: Self) -> bool {
        self.0 & tolerance.0 == tolerance.0
    }

    /// The tolerance of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(word, _)| *word == name).map(|&(_, tolerance)| tolerance)
    }
}

impl Default for Syntax {
    fn default() -> Self {
        Self::STRICT.with(Self::TRAILING_SPACE).with(Self::LITERAL_IN_HELO).with(Self::UNDERSCORE)
    }
}

impl fmt::Debug for Syntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(
                Self::ALL
                    .iter()
                    .filter(|&&(_, tolerance)| self.contains(tolerance))
                    .map(|(word, _)| word),
            )
            .finish()
    }
}
