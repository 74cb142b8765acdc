//! The date-time of header fields.
//!
//! ```abnf
//! date-time   = day-of-week "," SP day SP month SP year SP time-of-day SP zone   ; RFC 5322 3.3, without its obsolete forms
//! day         = 2DIGIT
//! year        = 4DIGIT
//! time-of-day = 2DIGIT ":" 2DIGIT ":" 2DIGIT
//! zone        = ( "+" / "-" ) 4DIGIT
//! ```

use core::fmt;

const DAY: u64 = 24 * 60 * 60;
/// From the first of March of the year 0, with which the leap day is the last of a year, to 1970.
const DAYS_TO_1970: u64 = 719_468;
/// The last second of the year 9999, counted from the same day: later ones would need a fifth digit, which few programs read.
const LAST: u64 = 3_652_365 * DAY - 1;

/// A moment, and the zone in which it is written.
///
/// ```
/// use smtp_proto::report::Date;
///
/// // What `SystemTime::now().duration_since(UNIX_EPOCH)` gives, in seconds.
/// assert_eq!(Date::utc(1_751_356_800).to_string(), "Tue, 01 Jul 2025 08:00:00 +0000");
/// assert_eq!(Date::local(1_751_356_800, -210).unwrap().to_string(), "Tue, 01 Jul 2025 04:30:00 -0330");
/// assert_eq!(Date::local(1_751_356_800, 24 * 60), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Date {
    unix: u64,
    /// East of Greenwich.
    minutes: i16,
}

impl Date {
    /// `unix` seconds after the start of 1970, leap seconds not counted, written as Universal Time.
    #[must_use]
    pub const fn utc(unix: u64) -> Self {
        Self { unix, minutes: 0 }
    }

    /// The same, written as the time of a zone that is `minutes` east of Greenwich, negative ones west; `None` for a day and more.
    ///
    /// Local time is what RFC 5321 4.4 asks for in `Received`, where it is known.
    #[must_use]
    pub const fn local(unix: u64, minutes: i16) -> Option<Self> {
        if minutes.unsigned_abs() < 24 * 60 { Some(Self { unix, minutes }) } else { None }
    }

    /// Seconds in the zone, from the first of March of the year 0.
    fn local_seconds(self) -> u64 {
        let seconds = self.unix.saturating_add(DAYS_TO_1970.saturating_mul(DAY));
        seconds.saturating_add_signed(i64::from(self.minutes).saturating_mul(60)).min(LAST)
    }
}

/// 31 octets.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        // The first of March of the year 0 was a Wednesday.
        const WEEKDAYS: [&str; 7] = ["Wed", "Thu", "Fri", "Sat", "Sun", "Mon", "Tue"];
        let seconds = self.local_seconds();
        let (days, second) = (seconds / DAY, seconds % DAY);
        let (year, month, day) = civil(days);
        let weekday = WEEKDAYS.get((days % 7) as usize).unwrap_or(&"");
        let month = MONTHS.get(month).unwrap_or(&"");
        write!(f, "{weekday}, {day:02} {month} {year:04} ")?;
        write!(f, "{:02}:{:02}:{:02} ", second / 3600, second / 60 % 60, second % 60)?;
        let (sign, minutes) =
            (if self.minutes < 0 { '-' } else { '+' }, self.minutes.unsigned_abs());
        write!(f, "{sign}{:02}{:02}", minutes / 60, minutes % 60)
    }
}

/// Year, month from 0 and day from 1 of the day that is `days` after the first of March of the year 0 (Gregorian calendar).
#[expect(
    clippy::arithmetic_side_effects,
    reason = "`days` is below 2^22, and every difference is of a number and a part of it"
)]
const fn civil(days: u64) -> (u64, usize, u64) {
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let march = (5 * day + 2) / 153;
    let day = day - (153 * march + 2) / 5 + 1;
    let next_year = if march < 10 { 0 } else { 1 };
    (era * 400 + year + next_year, ((march + 2) % 12) as usize, day)
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::{String, ToString};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let table = [
            (0, 0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (0, -1, "Wed, 31 Dec 1969 23:59:00 -0001"),
            (951_782_399, 0, "Mon, 28 Feb 2000 23:59:59 +0000"),
            (951_782_400, 0, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (951_868_800, 0, "Wed, 01 Mar 2000 00:00:00 +0000"),
            (1_709_164_800, 0, "Thu, 29 Feb 2024 00:00:00 +0000"),
            (1_735_689_599, 60, "Wed, 01 Jan 2025 00:59:59 +0100"),
            (2_147_483_648, 0, "Tue, 19 Jan 2038 03:14:08 +0000"),
            (4_107_542_400, 0, "Mon, 01 Mar 2100 00:00:00 +0000"),
            (4_107_542_399, 345, "Mon, 01 Mar 2100 05:44:59 +0545"),
            (253_402_300_799, 0, "Fri, 31 Dec 9999 23:59:59 +0000"),
        ];
        for (unix, minutes, expected) in table {
            assert_eq!(Date::local(unix, minutes).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn no_year_has_five_digits() {
        for (unix, minutes, expected) in [
            (253_402_300_800, 0, "Fri, 31 Dec 9999 23:59:59 +0000"),
            (253_402_300_799, 840, "Fri, 31 Dec 9999 23:59:59 +1400"),
            (u64::MAX, -720, "Fri, 31 Dec 9999 23:59:59 -1200"),
        ] {
            assert_eq!(Date::local(unix, minutes).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn an_offset_is_below_a_day() {
        assert_eq!(Date::local(0, i16::MIN), None);
        assert_eq!(Date::local(0, -1440), None);
        assert_eq!(
            Date::local(86_400, 1439).map(|date| date.to_string()).as_deref(),
            Some("Fri, 02 Jan 1970 23:59:00 +2359")
        );
    }

    /// Counts days one year and one month at a time.
    fn naive(unix: u64) -> String {
        let leap = |year: u64| {
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
        };
        let (mut year, mut days) = (1970, unix / DAY);
        while days >= 365 + u64::from(leap(year)) {
            days -= 365 + u64::from(leap(year));
            year += 1;
        }
        let february = 28 + u64::from(leap(year));
        let months = [
            ("Jan", 31),
            ("Feb", february),
            ("Mar", 31),
            ("Apr", 30),
            ("May", 31),
            ("Jun", 30),
            ("Jul", 31),
            ("Aug", 31),
            ("Sep", 30),
            ("Oct", 31),
            ("Nov", 30),
            ("Dec", 31),
        ];
        let month = months.iter().find(|(_, length)| {
            let found = days < *length;
            days -= if found { 0 } else { *length };
            found
        });
        format!("{:02} {} {year}", days + 1, month.unwrap().0)
    }

    proptest! {
        #[test]
        fn every_day_is_that_of_a_naive_calendar(unix in 0u64..253_402_300_800) {
            let shown = Date::utc(unix).to_string();
            prop_assert_eq!(shown.len(), 31);
            prop_assert_eq!(&shown[5..16], naive(unix));
            let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][(unix / DAY % 7) as usize];
            prop_assert!(shown.starts_with(weekday));
        }

        #[test]
        fn any_numbers_give_31_octets(unix: u64, minutes in -1439i16..=1439) {
            prop_assert_eq!(Date::local(unix, minutes).unwrap().to_string().len(), 31);
        }
    }
}
