//! Names of classifier files, the Python service's but for the extension.

use std::fmt;

use time::OffsetDateTime;

/// When a version was trained, UTC: `2025-11-25_225209`. Sorts by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

impl Version {
    /// The version of what was trained at `time`, which is UTC.
    #[must_use]
    pub fn at(time: OffsetDateTime) -> Self {
        Self {
            year: u16::try_from(time.year()).unwrap_or_default(),
            month: time.month().into(),
            day: time.day(),
            hour: time.hour(),
            minute: time.minute(),
            second: time.second(),
        }
    }

    /// `YYYY-MM-DD_HHMMSS`, or `YYYY-MM-DD` as the first Python classifiers had it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (date, clock) = text.split_once('_').unwrap_or((text, "000000"));
        let mut date = date.split('-');
        let mut date_part = |digits| number(date.next()?, digits);
        let (year, month, day) = (date_part(4)?, date_part(2)?, date_part(2)?);
        let clock_part = |at: usize| number(clock.get(at..at + 2)?, 2);
        let (hour, minute, second) = (clock_part(0)?, clock_part(2)?, clock_part(4)?);
        let sound = clock.len() == 6
            && date.next().is_none()
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        let byte = |number: u16| u8::try_from(number).ok();
        sound.then_some(Self {
            year,
            month: byte(month)?,
            day: byte(day)?,
            hour: byte(hour)?,
            minute: byte(minute)?,
            second: byte(second)?,
        })
    }
}

fn number(text: &str, digits: usize) -> Option<u16> {
    let sound = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    sound.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
        } = self;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}_{hour:02}{minute:02}{second:02}"
        )
    }
}

/// What a classifier file's name says, without its extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct VersionName {
    /// Of which collection.
    pub collection: u64,
    /// Which version; none for the copy of the best.
    pub version: Option<Version>,
}

impl VersionName {
    /// Reads `collection_{id}_classifier_{version}` or `collection_{id}_compatible_classifier`.
    #[must_use]
    pub fn parse(stem: &str) -> Option<Self> {
        let (collection, rest) = stem.strip_prefix("collection_")?.split_once('_')?;
        let is_number = collection.bytes().all(|byte| byte.is_ascii_digit());
        let collection = is_number.then(|| collection.parse().ok()).flatten()?;
        let version = match rest {
            "compatible_classifier" => None,
            _ => Some(Version::parse(rest.strip_prefix("classifier_")?)?),
        };
        Some(Self {
            collection,
            version,
        })
    }

    /// The file's name in a folder of classifiers.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{self}.safetensors")
    }
}

impl fmt::Display for VersionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let collection = self.collection;
        match self.version {
            Some(version) => write!(f, "collection_{collection}_classifier_{version}"),
            None => write!(f, "collection_{collection}_compatible_classifier"),
        }
    }
}
