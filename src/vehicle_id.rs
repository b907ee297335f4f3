//! Vehicle IDs: what the text in `vehicle_id` says.
//!
//! The schema holds the ID as text, because it is the record key and other languages read it. This is the typed view of
//! its two forms; reading and printing are inverse, so that a vehicle has one text and stays on one partition.

use std::fmt;
use std::str::FromStr;

use fleetops_runtime::serde::de::{Error as _, Unexpected};
use fleetops_runtime::serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The ID of a vehicle: of a tracked one, or of the one that recorded the scene.
///
/// ```
/// use fleetops_registry::VehicleId;
///
/// let id: VehicleId = "scene_123_track_456".parse()?;
/// assert_eq!((id.scene_id(), id.track_id()), ("scene_123", Some(456)));
/// assert_eq!(VehicleId::ego("scene_123")?.to_string(), "scene_123_ego");
/// # Ok::<(), fleetops_registry::ParseVehicleIdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VehicleId {
    scene_id: String,
    track_id: Option<i64>,
}

/// Why a text is no vehicle ID.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseVehicleIdError {
    /// It has neither of the two endings.
    #[error("{text:?} is no vehicle ID: it ends neither in `_ego` nor in `_track_` and a number")]
    Form {
        /// The text.
        text: String,
    },
    /// What stands before the ending is no scene ID.
    #[error(
        "{text:?} is no vehicle ID: its scene {scene:?} must start with a letter or digit, and hold only letters, digits, `_`, `.` and `-`"
    )]
    Scene {
        /// The text.
        text: String,
        /// The part that should be the scene.
        scene: String,
    },
    /// The track is not a number from 1 as it is printed.
    #[error(
        "{text:?} is no vehicle ID: its track {track:?} must be a whole number from 1 to 9223372036854775807 without leading zeros"
    )]
    Track {
        /// The text.
        text: String,
        /// The part that should be the track.
        track: String,
    },
}

impl VehicleId {
    /// The vehicle that recorded the scene.
    ///
    /// # Errors
    /// Where the scene's ID has characters that it may not have.
    pub fn ego(scene_id: &str) -> Result<Self, ParseVehicleIdError> {
        format!("{scene_id}_ego").parse()
    }

    /// A tracked vehicle.
    ///
    /// # Errors
    /// Where the scene's ID has characters that it may not have, or the track is less than 1.
    pub fn track(scene_id: &str, track_id: i64) -> Result<Self, ParseVehicleIdError> {
        format!("{scene_id}_track_{track_id}").parse()
    }

    /// The scene.
    pub fn scene_id(&self) -> &str {
        &self.scene_id
    }

    /// The track; `None` for the recording vehicle.
    pub fn track_id(&self) -> Option<i64> {
        self.track_id
    }

    /// It is the vehicle that recorded the scene.
    pub fn is_ego(&self) -> bool {
        self.track_id.is_none()
    }
}

impl FromStr for VehicleId {
    type Err = ParseVehicleIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scene, track) = match text.strip_suffix("_ego") {
            Some(scene) => (scene, None),
            None => match text.rsplit_once("_track_") {
                Some((scene, track)) => (scene, Some(track)),
                None => {
                    return Err(ParseVehicleIdError::Form {
                        text: text.to_owned(),
                    });
                }
            },
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if !scene.starts_with(|c: char| c.is_ascii_alphanumeric()) || !scene.chars().all(allowed) {
            return Err(ParseVehicleIdError::Scene {
                text: text.to_owned(),
                scene: scene.to_owned(),
            });
        }
        let track_id = match track {
            None => None,
            Some(track) => {
                let number = track.parse::<i64>().ok();
                let number = number.filter(|n| *n >= 1 && n.to_string() == track);
                Some(number.ok_or_else(|| ParseVehicleIdError::Track {
                    text: text.to_owned(),
                    track: track.to_owned(),
                })?)
            }
        };
        Ok(Self {
            scene_id: scene.to_owned(),
            track_id,
        })
    }
}

impl fmt::Display for VehicleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.track_id {
            Some(track) => write!(f, "{}_track_{track}", self.scene_id),
            None => write!(f, "{}_ego", self.scene_id),
        }
    }
}

impl TryFrom<&str> for VehicleId {
    type Error = ParseVehicleIdError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl Serialize for VehicleId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for VehicleId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|e: ParseVehicleIdError| {
            D::Error::invalid_value(Unexpected::Str(&text), &e.to_string().as_str())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_printed_back() {
        for (text, scene, track) in [
            ("scene_123_track_456", "scene_123", Some(456)),
            ("scene_123_ego", "scene_123", None),
            ("a_track_1_ego", "a_track_1", None),
            ("a_ego_track_9223372036854775807", "a_ego", Some(i64::MAX)),
            ("s.1-x_track_1", "s.1-x", Some(1)),
        ] {
            let id: VehicleId = text.parse().unwrap();
            assert_eq!((id.scene_id(), id.track_id()), (scene, track), "{text}");
            assert_eq!(id.to_string(), text);
            let json = fleetops_runtime::serde_json::to_string(&id).unwrap();
            assert_eq!(
                fleetops_runtime::serde_json::from_str::<VehicleId>(&json).unwrap(),
                id
            );
        }
    }

    #[test]
    fn other_texts_are_refused_with_the_reason() {
        for (text, part) in [
            ("", "ends neither"),
            ("scene_1", "ends neither"),
            ("_ego", "scene \"\""),
            ("_x_ego", "scene \"_x\""),
            ("a b_ego", "scene \"a b\""),
            ("ä_track_1", "scene \"ä\""),
            ("s_track_", "track \"\""),
            ("s_track_007", "track \"007\""),
            ("s_track_0", "track \"0\""),
            ("s_track_-1", "track \"-1\""),
            ("s_track_+1", "track \"+1\""),
            ("s_track_9223372036854775808", "track \"9223372036854775808\""),
            ("s_track_1 ", "track \"1 \""),
        ] {
            let error = text.parse::<VehicleId>().unwrap_err().to_string();
            assert!(
                error.contains(part) && error.contains(&format!("{text:?}")),
                "{error}"
            );
        }
        assert!(VehicleId::track("s", 0).is_err());
        let error = fleetops_runtime::serde_json::from_str::<VehicleId>("\"x\"").unwrap_err();
        assert!(error.to_string().contains("ends neither"), "{error}");
    }
}
