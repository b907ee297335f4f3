//! How blocks are compressed. Avro 1.12 specification, "Required Codecs", "Optional Codecs".

#[cfg(any(feature = "deflate", feature = "bzip2", feature = "xz", feature = "zstandard"))]
use std::io::Read;
#[cfg(any(feature = "bzip2", feature = "xz", feature = "deflate"))]
use std::io::Write;

/// A codec. Each but `Null` is a feature of the crate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// As it is.
    #[default]
    Null,
    /// RFC 1951, without a header and a checksum.
    #[cfg(feature = "deflate")]
    Deflate,
    /// Snappy, and the CRC-32 of the data behind it, the highest byte first.
    #[cfg(feature = "snappy")]
    Snappy,
    /// bzip2.
    #[cfg(feature = "bzip2")]
    Bzip2,
    /// xz.
    #[cfg(feature = "xz")]
    Xz,
    /// Zstandard.
    #[cfg(feature = "zstandard")]
    Zstandard,
}

/// Why a block was not decompressed.
pub(super) enum Failure {
    /// There would be more bytes than allowed.
    TooLarge(u64),
    Reason(String),
}

#[cfg(any(
    feature = "deflate",
    feature = "snappy",
    feature = "bzip2",
    feature = "xz",
    feature = "zstandard"
))]
fn reason(error: impl std::fmt::Display) -> Failure {
    Failure::Reason(error.to_string())
}

impl Codec {
    /// Those that were built in.
    pub const ALL: &[Self] = &[
        Self::Null,
        #[cfg(feature = "deflate")]
        Self::Deflate,
        #[cfg(feature = "snappy")]
        Self::Snappy,
        #[cfg(feature = "bzip2")]
        Self::Bzip2,
        #[cfg(feature = "xz")]
        Self::Xz,
        #[cfg(feature = "zstandard")]
        Self::Zstandard,
    ];

    /// Its name in a header.
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            #[cfg(feature = "deflate")]
            Self::Deflate => "deflate",
            #[cfg(feature = "snappy")]
            Self::Snappy => "snappy",
            #[cfg(feature = "bzip2")]
            Self::Bzip2 => "bzip2",
            #[cfg(feature = "xz")]
            Self::Xz => "xz",
            #[cfg(feature = "zstandard")]
            Self::Zstandard => "zstandard",
        }
    }

    /// The codec of that name, if it was built in.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|codec| codec.name() == name)
    }

    /// At most `limit` bytes from a block.
    pub(super) fn decompress(self, data: Vec<u8>, limit: u64) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Null => Ok(data),
            #[cfg(feature = "deflate")]
            Self::Deflate => bounded(flate2::read::DeflateDecoder::new(data.as_slice()), limit),
            #[cfg(feature = "snappy")]
            Self::Snappy => unsnap(&data, limit),
            #[cfg(feature = "bzip2")]
            Self::Bzip2 => bounded(bzip2::read::MultiBzDecoder::new(data.as_slice()), limit),
            #[cfg(feature = "xz")]
            Self::Xz => {
                let memory_kib = u32::try_from(limit / 1024).unwrap_or(u32::MAX).max(16 * 1024);
                bounded(
                    lzma_rust2::XzReader::new_mem_limit(data.as_slice(), true, memory_kib),
                    limit,
                )
            }
            #[cfg(feature = "zstandard")]
            Self::Zstandard => {
                let mut decoder = zstd::stream::read::Decoder::new(data.as_slice()).map_err(reason)?;
                // A frame says how much memory its window takes; 2^27 is what the command line tool allows.
                decoder.window_log_max(27).map_err(reason)?;
                bounded(decoder, limit)
            }
        }
    }

    /// A block of these bytes.
    pub(super) fn compress(self, data: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Null => Ok(data.to_vec()),
            #[cfg(feature = "deflate")]
            Self::Deflate => {
                let mut out = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
                out.write_all(data)?;
                out.finish()
            }
            #[cfg(feature = "snappy")]
            Self::Snappy => {
                let mut out = snap::raw::Encoder::new().compress_vec(data)?;
                out.extend_from_slice(&crc32fast::hash(data).to_be_bytes());
                Ok(out)
            }
            #[cfg(feature = "bzip2")]
            Self::Bzip2 => {
                let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
                out.write_all(data)?;
                out.finish()
            }
            #[cfg(feature = "xz")]
            Self::Xz => {
                let mut out = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::default())?;
                out.write_all(data)?;
                out.finish()
            }
            #[cfg(feature = "zstandard")]
            Self::Zstandard => zstd::stream::encode_all(data, 0),
        }
    }
}

#[cfg(any(feature = "deflate", feature = "bzip2", feature = "xz", feature = "zstandard"))]
fn bounded(decoder: impl Read, limit: u64) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    decoder
        .take(limit.saturating_add(1))
        .read_to_end(&mut out)
        .map_err(reason)?;
    if out.len() as u64 > limit {
        return Err(Failure::TooLarge(out.len() as u64));
    }
    Ok(out)
}

#[cfg(feature = "snappy")]
fn unsnap(data: &[u8], limit: u64) -> Result<Vec<u8>, Failure> {
    let Some((data, crc)) = data.split_last_chunk::<4>() else {
        return Err(Failure::Reason(format!(
            "{} bytes are too few for the checksum",
            data.len()
        )));
    };
    // The length is what the data says: hold it against the limit, and against what Snappy can make of so few bytes.
    let length = snap::raw::decompress_len(data).map_err(reason)?;
    if length as u64 > limit {
        return Err(Failure::TooLarge(length as u64));
    }
    if length / 64 > data.len() {
        return Err(Failure::Reason(format!(
            "{} bytes cannot hold the {length} that they claim",
            data.len()
        )));
    }
    let out = snap::raw::Decoder::new().decompress_vec(data).map_err(reason)?;
    let (expected, found) = (u32::from_be_bytes(*crc), crc32fast::hash(&out));
    if expected != found {
        return Err(Failure::Reason(format!(
            "the checksum is {expected:08x}, but the data's is {found:08x}"
        )));
    }
    Ok(out)
}
