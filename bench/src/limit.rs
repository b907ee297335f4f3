//! The limit: what one can write by hand for these two records and nothing else, with raw pointers and all that is known
//! about the schema. Space is reserved once and never looked at again; reading tests the bounds once for as many fields
//! as their least sizes allow. Errors say nothing. It is what generated code is measured against, and no example.
#![allow(clippy::missing_safety_doc)]

use std::marker::PhantomData;
use std::ptr;

use chrono::DateTime;
use uuid::Uuid;

use crate::types::*;

/// Not the record.
#[derive(Debug)]
pub struct Bad;

type Got<T> = Result<T, Bad>;

const HIGH: u64 = 0x8080_8080_8080_8080;

// ---------------------------------------------------------------------------------------------------------- writing

/// Where the next byte goes.
#[derive(Clone, Copy)]
pub struct Put(*mut u8);

impl Put {
    #[inline(always)]
    unsafe fn byte(&mut self, byte: u8) {
        unsafe {
            *self.0 = byte;
            self.0 = self.0.add(1);
        }
    }

    #[inline(always)]
    unsafe fn varint(&mut self, mut bits: u64) {
        unsafe {
            while bits >= 0x80 {
                self.byte(bits as u8 | 0x80);
                bits >>= 7;
            }
            self.byte(bits as u8);
        }
    }

    #[inline(always)]
    unsafe fn int(&mut self, value: i32) {
        unsafe { self.varint(u64::from(((value << 1) ^ (value >> 31)) as u32)) }
    }

    #[inline(always)]
    unsafe fn long(&mut self, value: i64) {
        unsafe { self.varint(((value << 1) ^ (value >> 63)) as u64) }
    }

    #[inline(always)]
    unsafe fn double(&mut self, value: f64) {
        unsafe {
            self.0.cast::<[u8; 8]>().write(value.to_le_bytes());
            self.0 = self.0.add(8);
        }
    }

    #[inline(always)]
    unsafe fn raw(&mut self, bytes: &[u8]) {
        unsafe {
            copy(bytes.as_ptr(), self.0, bytes.len());
            self.0 = self.0.add(bytes.len());
        }
    }

    #[inline(always)]
    unsafe fn text(&mut self, text: &str) {
        unsafe {
            self.varint((text.len() as u64) << 1);
            self.raw(text.as_bytes());
        }
    }

    #[inline(always)]
    unsafe fn position(&mut self, p: &Position) {
        unsafe {
            self.double(p.x);
            self.double(p.y);
            self.double(p.z);
        }
    }

    #[inline(always)]
    unsafe fn vector(&mut self, v: &Vector) {
        unsafe {
            self.double(v.x);
            self.double(v.y);
            self.double(v.z);
            self.double(v.magnitude);
        }
    }

    #[inline(always)]
    unsafe fn track(&mut self, track: Option<i32>) {
        unsafe {
            match track {
                None => self.byte(0),
                Some(track) => {
                    self.byte(2);
                    self.int(track);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn doubles(&mut self, values: &[f64]) {
        unsafe {
            if !values.is_empty() {
                self.varint((values.len() as u64) << 1);
                for value in values {
                    self.double(*value);
                }
            }
            self.byte(0);
        }
    }
}

/// Copies a few bytes without a call: two overlapping moves for each power of two.
#[inline(always)]
unsafe fn copy(from: *const u8, to: *mut u8, count: usize) {
    #[inline(always)]
    unsafe fn ends<T: Copy>(from: *const u8, to: *mut u8, count: usize) {
        unsafe {
            let size = size_of::<T>();
            let first = from.cast::<T>().read_unaligned();
            let last = from.add(count - size).cast::<T>().read_unaligned();
            to.cast::<T>().write_unaligned(first);
            to.add(count - size).cast::<T>().write_unaligned(last);
        }
    }
    unsafe {
        match count {
            33..=64 => {
                let second = from.add(16).cast::<[u8; 16]>().read();
                let third = from.add(count - 32).cast::<[u8; 16]>().read();
                ends::<[u8; 16]>(from, to, count);
                to.add(16).cast::<[u8; 16]>().write(second);
                to.add(count - 32).cast::<[u8; 16]>().write(third);
            }
            16..=32 => ends::<[u8; 16]>(from, to, count),
            8..=15 => ends::<u64>(from, to, count),
            4..=7 => ends::<u32>(from, to, count),
            0 => {}
            1..=3 => {
                for i in 0..count {
                    *to.add(i) = *from.add(i);
                }
            }
            _ => ptr::copy_nonoverlapping(from, to, count),
        }
    }
}

// ---------------------------------------------------------------------------------------------------------- reading

/// What is still to be read.
pub struct Get<'a> {
    at: *const u8,
    end: *const u8,
    input: PhantomData<&'a [u8]>,
}

impl<'a> Get<'a> {
    #[inline(always)]
    fn new(input: &'a [u8]) -> Self {
        let range = input.as_ptr_range();
        Self {
            at: range.start,
            end: range.end,
            input: PhantomData,
        }
    }

    #[inline(always)]
    fn left(&self) -> usize {
        self.end as usize - self.at as usize
    }

    #[inline(always)]
    fn need(&self, bytes: usize) -> Got<()> {
        if self.left() < bytes { Err(Bad) } else { Ok(()) }
    }

    /// There must be ten bytes.
    #[inline(always)]
    unsafe fn varint_unchecked(&mut self) -> Got<u64> {
        unsafe {
            let mut bits = 0;
            let mut shift = 0;
            loop {
                let byte = *self.at;
                self.at = self.at.add(1);
                bits |= u64::from(byte & 0x7f) << shift;
                if byte < 0x80 {
                    return Ok(bits);
                }
                shift += 7;
                if shift > 63 {
                    return Err(Bad);
                }
            }
        }
    }

    #[inline(always)]
    fn varint(&mut self) -> Got<u64> {
        if self.left() >= 10 {
            unsafe { self.varint_unchecked() }
        } else {
            self.varint_near_end()
        }
    }

    #[cold]
    fn varint_near_end(&mut self) -> Got<u64> {
        let mut bits = 0;
        for shift in (0..64).step_by(7) {
            self.need(1)?;
            let byte = unsafe { *self.at };
            self.at = unsafe { self.at.add(1) };
            bits |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(bits);
            }
        }
        Err(Bad)
    }

    #[inline(always)]
    unsafe fn int_unchecked(&mut self) -> Got<i32> {
        let bits = unsafe { self.varint_unchecked()? } as u32;
        Ok((bits >> 1) as i32 ^ -((bits & 1) as i32))
    }

    #[inline(always)]
    unsafe fn long_unchecked(&mut self) -> Got<i64> {
        let bits = unsafe { self.varint_unchecked()? };
        Ok((bits >> 1) as i64 ^ -((bits & 1) as i64))
    }

    #[inline(always)]
    fn int(&mut self) -> Got<i32> {
        let bits = self.varint()? as u32;
        Ok((bits >> 1) as i32 ^ -((bits & 1) as i32))
    }

    #[inline(always)]
    fn long(&mut self) -> Got<i64> {
        let bits = self.varint()?;
        Ok((bits >> 1) as i64 ^ -((bits & 1) as i64))
    }

    #[inline(always)]
    unsafe fn double(&mut self) -> f64 {
        unsafe {
            let value = f64::from_le_bytes(self.at.cast::<[u8; 8]>().read());
            self.at = self.at.add(8);
            value
        }
    }

    /// Text behind which there are at least `tail` bytes.
    #[inline(always)]
    fn text(&mut self, tail: usize) -> Got<&'a str> {
        let length = self.varint()?;
        let room = self.left().wrapping_sub(tail);
        if length & 1 != 0 || self.left() < tail || length >> 1 > room as u64 {
            return Err(Bad);
        }
        let bytes = unsafe { std::slice::from_raw_parts(self.at, (length >> 1) as usize) };
        self.at = unsafe { self.at.add(bytes.len()) };
        if ascii(bytes) {
            Ok(unsafe { str::from_utf8_unchecked(bytes) })
        } else {
            str::from_utf8(bytes).map_err(|_| Bad)
        }
    }

    #[inline(always)]
    unsafe fn position(&mut self) -> Position {
        unsafe {
            Position {
                x: self.double(),
                y: self.double(),
                z: self.double(),
            }
        }
    }

    #[inline(always)]
    unsafe fn vector(&mut self) -> Vector {
        unsafe {
            Vector {
                x: self.double(),
                y: self.double(),
                z: self.double(),
                magnitude: self.double(),
            }
        }
    }

    #[inline(always)]
    fn track(&mut self) -> Got<Option<i32>> {
        match self.varint()? {
            0 => Ok(None),
            2 => Ok(Some(self.int()?)),
            _ => Err(Bad),
        }
    }

    /// How many items a block has of at least `least` bytes each.
    #[inline(always)]
    fn count(&mut self, least: usize) -> Got<usize> {
        let count = self.long()?;
        if count < 0 {
            self.long()?;
        }
        let count = count.unsigned_abs();
        if count > (self.left() / least) as u64 {
            return Err(Bad);
        }
        Ok(count as usize)
    }

    #[inline(always)]
    fn ints(&mut self, out: &mut Vec<i32>) -> Got<()> {
        loop {
            let count = self.count(1)?;
            if count == 0 {
                return Ok(());
            }
            out.reserve_exact(count);
            let start = out.len();
            unsafe {
                let to = out.as_mut_ptr().add(start);
                if self.left() / 10 >= count {
                    for i in 0..count {
                        to.add(i).write(self.int_unchecked()?);
                    }
                } else {
                    for i in 0..count {
                        to.add(i).write(self.int()?);
                    }
                }
                out.set_len(start + count);
            }
        }
    }

    #[inline(always)]
    fn doubles(&mut self, out: &mut Vec<f64>) -> Got<()> {
        loop {
            let count = self.count(8)?;
            if count == 0 {
                return Ok(());
            }
            out.reserve_exact(count);
            let start = out.len();
            unsafe {
                let to = out.as_mut_ptr().add(start);
                for i in 0..count {
                    to.add(i).write(self.double());
                }
                out.set_len(start + count);
            }
        }
    }
}

/// Whether all bytes are ASCII, eight at a time.
#[inline(always)]
fn ascii(bytes: &[u8]) -> bool {
    let count = bytes.len();
    let word = |at: usize| unsafe { bytes.as_ptr().add(at).cast::<u64>().read_unaligned() };
    match count {
        8..=16 => (word(0) | word(count - 8)) & HIGH == 0,
        17..=32 => (word(0) | word(8) | word(count - 16) | word(count - 8)) & HIGH == 0,
        33..=64 => {
            let ends = word(0) | word(8) | word(count - 16) | word(count - 8);
            let middle = word(16) | word(24) | word(count - 32) | word(count - 24);
            (ends | middle) & HIGH == 0
        }
        _ => bytes.is_ascii(),
    }
}

// ------------------------------------------------------------------------------------------------- kinds of fields

/// Text: owned or borrowed.
pub trait Text<'a>: Sized {
    fn of(text: &'a str) -> Self;
    fn as_text(&self) -> &str;
}

impl<'a> Text<'a> for String {
    #[inline(always)]
    fn of(text: &'a str) -> Self {
        let mut bytes = Vec::with_capacity(text.len());
        unsafe {
            copy(text.as_ptr(), bytes.as_mut_ptr(), text.len());
            bytes.set_len(text.len());
            String::from_utf8_unchecked(bytes)
        }
    }

    #[inline(always)]
    fn as_text(&self) -> &str {
        self
    }
}

impl<'a> Text<'a> for &'a str {
    #[inline(always)]
    fn of(text: &'a str) -> Self {
        text
    }

    #[inline(always)]
    fn as_text(&self) -> &str {
        self
    }
}

/// The identifier: text, or a UUID.
pub trait Id<'a>: Sized {
    fn size(&self) -> usize;
    unsafe fn put(&self, out: &mut Put);
    fn get(input: &mut Get<'a>, tail: usize) -> Got<Self>;
}

macro_rules! text_id {
    ($ty:ty) => {
        impl<'a> Id<'a> for $ty {
            #[inline(always)]
            fn size(&self) -> usize {
                self.len()
            }

            #[inline(always)]
            unsafe fn put(&self, out: &mut Put) {
                unsafe { out.text(self) }
            }

            #[inline(always)]
            fn get(input: &mut Get<'a>, tail: usize) -> Got<Self> {
                input.text(tail).map(Text::of)
            }
        }
    };
}
text_id!(String);
text_id!(&'a str);

impl<'a> Id<'a> for Uuid {
    #[inline(always)]
    fn size(&self) -> usize {
        36
    }

    #[inline(always)]
    unsafe fn put(&self, out: &mut Put) {
        unsafe {
            out.byte(72);
            self.hyphenated()
                .encode_lower(&mut *ptr::slice_from_raw_parts_mut(out.0, 36));
            out.0 = out.0.add(36);
        }
    }

    #[inline(always)]
    fn get(input: &mut Get<'a>, tail: usize) -> Got<Self> {
        Uuid::try_parse_ascii(input.text(tail)?.as_bytes()).map_err(|_| Bad)
    }
}

/// An instant: a number, or chrono's.
pub trait Time: Sized {
    fn micros(&self) -> i64;
    fn of(micros: i64) -> Got<Self>;
}

impl Time for i64 {
    #[inline(always)]
    fn micros(&self) -> i64 {
        *self
    }

    #[inline(always)]
    fn of(micros: i64) -> Got<Self> {
        Ok(micros)
    }
}

impl Time for Instant {
    #[inline(always)]
    fn micros(&self) -> i64 {
        self.0.timestamp_micros()
    }

    #[inline(always)]
    fn of(micros: i64) -> Got<Self> {
        DateTime::from_timestamp_micros(micros).map(Instant).ok_or(Bad)
    }
}

// -------------------------------------------------------------------------------------------------------- the records

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

#[inline(always)]
fn set(place: &mut String, text: &str) {
    place.clear();
    place.push_str(text);
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
