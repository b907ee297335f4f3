//! AnomalyEvent.

use super::fields::{Id, Text, Time, set};
use super::get::Get;
use super::put::Put;
use super::{Bad, Got};
use crate::types::*;

pub fn encode_anomaly<'a, I: Id<'a>, T: Time, S: Text<'a>>(e: &Anomaly<I, T, S>, out: &mut Vec<u8>) {
    let details = e.details.as_ref().map_or(0, |details| details.as_text().len());
    let text = e.anomaly_id.size() + e.vehicle_id.as_text().len() + e.scene_id.as_text().len() + details;
    let items = 10 * e.frame_indices.len() + 8 * (e.velocity_history.len() + e.acceleration_history.len());
    out.reserve(18 * 10 + 4 * 8 + text + items);
    unsafe {
        let start = out.as_mut_ptr();
        let mut p = Put(start.add(out.len()));
        e.anomaly_id.put(&mut p);
        p.text(e.vehicle_id.as_text());
        p.text(e.scene_id.as_text());
        p.track(e.track_id);
        p.byte((e.anomaly_type as u8) << 1);
        p.long(e.detected_at.micros());
        p.position(&e.location);
        p.long(e.window.start_time.micros());
        p.long(e.window.end_time.micros());
        p.int(e.window.frame_count);
        if !e.frame_indices.is_empty() {
            p.varint((e.frame_indices.len() as u64) << 1);
            for frame in &e.frame_indices {
                p.int(*frame);
            }
        }
        p.byte(0);
        p.doubles(&e.velocity_history);
        p.doubles(&e.acceleration_history);
        p.double(e.confidence);
        match &e.details {
            None => p.byte(0),
            Some(details) => {
                p.byte(2);
                p.text(details.as_text());
            }
        }
        out.set_len(p.0 as usize - start as usize);
    }
}

pub fn decode_anomaly<'a, I: Id<'a>, T: Time, S: Text<'a>>(bytes: &'a [u8]) -> Got<Anomaly<I, T, S>> {
    let mut c = Get::new(bytes);
    // After the scene there are at least 42 bytes.
    let anomaly_id = I::get(&mut c, 44)?;
    let vehicle_id = S::of(c.text(43)?);
    let scene_id = S::of(c.text(42)?);
    unsafe {
        // At most four numbers of ten bytes.
        let track_id = match c.varint_unchecked()? {
            0 => None,
            2 => Some(c.int_unchecked()?),
            _ => return Err(Bad),
        };
        let anomaly_type = anomaly_type(c.varint_unchecked()?)?;
        let detected_at = T::of(c.long_unchecked()?)?;
        c.need(3 * 8 + 15)?;
        let location = c.position();
        let window = Window {
            start_time: T::of(c.long()?)?,
            end_time: T::of(c.long()?)?,
            frame_count: c.int()?,
        };
        let (mut frame_indices, mut velocity_history, mut acceleration_history) =
            (Vec::new(), Vec::new(), Vec::new());
        c.ints(&mut frame_indices)?;
        c.doubles(&mut velocity_history)?;
        c.doubles(&mut acceleration_history)?;
        c.need(8)?;
        let confidence = c.double();
        let details = match c.varint()? {
            0 => None,
            2 => Some(S::of(c.text(0)?)),
            _ => return Err(Bad),
        };
        Ok(Anomaly {
            anomaly_id,
            vehicle_id,
            scene_id,
            track_id,
            anomaly_type,
            detected_at,
            location,
            window,
            frame_indices,
            velocity_history,
            acceleration_history,
            confidence,
            details,
        })
    }
}

#[inline(always)]
fn anomaly_type(bits: u64) -> Got<AnomalyType> {
    if bits & 1 != 0 {
        return Err(Bad);
    }
    ANOMALY_TYPES.get((bits >> 1) as usize).copied().ok_or(Bad)
}

pub fn decode_anomaly_into(e: &mut AnomalyPlain, bytes: &[u8]) -> Got<()> {
    let mut c = Get::new(bytes);
    set(&mut e.anomaly_id, c.text(44)?);
    set(&mut e.vehicle_id, c.text(43)?);
    set(&mut e.scene_id, c.text(42)?);
    e.track_id = c.track()?;
    e.anomaly_type = anomaly_type(c.varint()?)?;
    e.detected_at = c.long()?;
    c.need(3 * 8)?;
    e.location = unsafe { c.position() };
    e.window = Window {
        start_time: c.long()?,
        end_time: c.long()?,
        frame_count: c.int()?,
    };
    e.frame_indices.clear();
    c.ints(&mut e.frame_indices)?;
    e.velocity_history.clear();
    c.doubles(&mut e.velocity_history)?;
    e.acceleration_history.clear();
    c.doubles(&mut e.acceleration_history)?;
    c.need(8)?;
    e.confidence = unsafe { c.double() };
    match c.varint()? {
        0 => e.details = None,
        2 => {
            let text = c.text(0)?;
            set(e.details.get_or_insert_default(), text);
        }
        _ => return Err(Bad),
    }
    Ok(())
}
