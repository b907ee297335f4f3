//! RawTelemetryEvent.

use super::fields::{Id, Text, Time, set};
use super::get::Get;
use super::put::Put;
use super::{Bad, Got};
use crate::types::*;

pub fn encode_raw<'a, I: Id<'a>, T: Time, S: Text<'a>>(e: &Raw<I, T, S>, out: &mut Vec<u8>) {
    let texts = [&e.vehicle_id, &e.scene_id, &e.metadata.replay_session_id];
    let text: usize = texts.iter().map(|text| text.as_text().len()).sum();
    // ten numbers of at most ten bytes, fifteen doubles
    out.reserve(10 * 10 + 15 * 8 + e.event_id.size() + text);
    unsafe {
        let start = out.as_mut_ptr();
        let mut p = Put(start.add(out.len()));
        e.event_id.put(&mut p);
        p.text(e.vehicle_id.as_text());
        p.text(e.scene_id.as_text());
        p.track(e.track_id);
        p.long(e.event_time.micros());
        p.long(e.processing_time.micros());
        p.int(e.frame_index);
        p.position(&e.telemetry.position);
        p.vector(&e.telemetry.velocity);
        p.vector(&e.telemetry.acceleration);
        p.double(e.telemetry.yaw);
        p.double(e.telemetry.yaw_rate);
        p.double(e.telemetry.label_probability);
        p.int(e.telemetry.track_length);
        p.text(e.metadata.replay_session_id.as_text());
        p.double(e.metadata.replay_rate);
        out.set_len(p.0 as usize - start as usize);
    }
}

pub fn decode_raw<'a, I: Id<'a>, T: Time, S: Text<'a>>(bytes: &'a [u8]) -> Got<Raw<I, T, S>> {
    let mut c = Get::new(bytes);
    // After the scene there are at least 126 bytes: five numbers and 15 doubles, and a length.
    let event_id = I::get(&mut c, 128)?;
    let vehicle_id = S::of(c.text(127)?);
    let scene_id = S::of(c.text(126)?);
    unsafe {
        // At most five numbers of ten bytes.
        let track_id = match c.varint_unchecked()? {
            0 => None,
            2 => Some(c.int_unchecked()?),
            _ => return Err(Bad),
        };
        let event_time = T::of(c.long_unchecked()?)?;
        let processing_time = T::of(c.long_unchecked()?)?;
        let frame_index = c.int_unchecked()?;
        c.need(14 * 8 + 10)?;
        let telemetry = Telemetry {
            position: c.position(),
            velocity: c.vector(),
            acceleration: c.vector(),
            yaw: c.double(),
            yaw_rate: c.double(),
            label_probability: c.double(),
            track_length: c.int_unchecked()?,
        };
        let replay_session_id = S::of(c.text(8)?);
        Ok(Raw {
            event_id,
            vehicle_id,
            scene_id,
            track_id,
            event_time,
            processing_time,
            frame_index,
            telemetry,
            metadata: Metadata {
                replay_session_id,
                replay_rate: c.double(),
            },
        })
    }
}

pub fn decode_raw_into(e: &mut RawPlain, bytes: &[u8]) -> Got<()> {
    let r: RawRef<'_> = decode_raw(bytes)?;
    set(&mut e.event_id, r.event_id);
    set(&mut e.vehicle_id, r.vehicle_id);
    set(&mut e.scene_id, r.scene_id);
    e.track_id = r.track_id;
    e.event_time = r.event_time;
    e.processing_time = r.processing_time;
    e.frame_index = r.frame_index;
    e.telemetry = r.telemetry;
    set(&mut e.metadata.replay_session_id, r.metadata.replay_session_id);
    e.metadata.replay_rate = r.metadata.replay_rate;
    Ok(())
}
