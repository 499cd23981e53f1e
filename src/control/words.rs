//! How generated messages look as JSON: enumerations as words, times in RFC 3339.

use prost_types::Timestamp;
use serde::{Serialize, Serializer};

use super::v1;
use crate::inspect::Moment;

/// Writes an enumeration as its word: `STANDING_NO_ENDPOINTS` is `no_endpoints`.
macro_rules! words {
    ($($function:ident: $kind:ty, $prefix:literal;)*) => {$(
        pub(super) fn $function<S: Serializer>(value: &i32, to: S) -> Result<S::Ok, S::Error> {
            let name = <$kind>::try_from(*value).unwrap_or_default().as_str_name();
            let word = name.strip_prefix($prefix).unwrap_or(name);
            to.serialize_str(&word.to_lowercase())
        }
    )*};
}

words! {
    standing: v1::Standing, "STANDING_";
    outcome: v1::Outcome, "OUTCOME_";
    stage: v1::Stage, "STAGE_";
    link: v1::daemon::Link, "LINK_";
}

/// Writes a time.
pub(super) fn time<S: Serializer>(value: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    value.as_ref().map(moment).serialize(to)
}

/// A time as the rest of the crate has it; before 1970 counts as 1970.
pub(crate) fn moment(time: &Timestamp) -> Moment {
    let seconds = std::time::Duration::from_secs(time.seconds.try_into().unwrap_or(0));
    let nanos = std::time::Duration::from_nanos(time.nanos.try_into().unwrap_or(0));
    (std::time::UNIX_EPOCH + seconds + nanos).into()
}
